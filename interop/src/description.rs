//! The little SDP that the peers of a test need.
//!
//! GStreamer and ffmpeg take addresses, not SDP, so the test speaks for them:
//! it writes their descriptions and reads two lines of ours. By hand on
//! purpose: our own SDP code is what is being tested.

use crate::sound::Codec;
use crate::verdict::{Failure, Verdict};

/// The direction attribute of a description (RFC 8866 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `a=sendrecv`
    SendRecv,
    /// `a=sendonly`
    SendOnly,
    /// `a=recvonly`
    RecvOnly,
}

/// Where RTCP goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rtcp {
    /// On the port after RTP's.
    NextPort,
    /// On RTP's port (`a=rtcp-mux`, RFC 5761).
    Muxed,
}

/// The description of a peer at 127.0.0.1 with one codec, as it would send it.
pub fn of_peer(port: u16, codec: Codec, direction: Direction, rtcp: Rtcp) -> String {
    let (rtpmap, payload_type) = (codec.rtpmap(), codec.payload_type());
    let direction = match direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
    };
    let mux = if rtcp == Rtcp::Muxed {
        "a=rtcp-mux\r\n"
    } else {
        ""
    };
    format!(
        "v=0\r\n\
         o=peer 7 1 IN IP4 127.0.0.1\r\n\
         s=-\r\n\
         c=IN IP4 127.0.0.1\r\n\
         t=0 0\r\n\
         m=audio {port} RTP/AVP {payload_type}\r\n\
         a=rtpmap:{payload_type} {rtpmap}\r\n\
         a=ptime:20\r\n\
         a={direction}\r\n\
         {mux}"
    )
}

/// The port of the first audio m-line.
///
/// # Errors
/// When there is none, or it is 0: refused.
pub fn audio_port(sdp: &str) -> Verdict<u16> {
    port_of(sdp, "audio")
}

/// The port of the first video m-line.
///
/// # Errors
/// As [`audio_port`].
pub fn video_port(sdp: &str) -> Verdict<u16> {
    port_of(sdp, "video")
}

fn port_of(sdp: &str, kind: &str) -> Verdict<u16> {
    let start = format!("m={kind} ");
    let line = sdp.lines().find_map(|line| line.strip_prefix(&start));
    let port = line.and_then(|line| line.split(' ').next()?.parse().ok());
    match port {
        Some(port) if port != 0 => Ok(port),
        _ => Err(Failure::new(format!("no {kind} to be had in:\n{sdp}"))),
    }
}

/// Whether a description has come in full: its m-line, and the end of a line
/// after it.
pub fn is_whole(sdp: &str) -> bool {
    sdp.contains("\nm=") && sdp.ends_with('\n')
}
