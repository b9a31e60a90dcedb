//! Video as the application wants it: agreed on, relayed, recorded, not decoded.
//!
//! In: codecs and a direction, next to the [`Audio`](crate::Audio) of the
//! [`Constraints`](crate::Constraints). Out: the formats that an m-line of video
//! names. Left out: encoding and decoding, which nothing here does.

use std::fmt;
use std::str::FromStr;

use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::RtcpMux;
use talkpath_wire::Format;

/// A video codec whose packets are understood as far as frames go.
///
/// ```
/// use talkpath::VideoCodec;
/// assert_eq!("h264".parse(), Ok(VideoCodec::H264));
/// assert_eq!(VideoCodec::Vp8.to_string(), "VP8");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum VideoCodec {
    /// VP8 (RFC 7741).
    Vp8,
    /// H.264 (RFC 6184): constrained baseline, main and high profile in
    /// packetization mode 1, constrained baseline in mode 0, up to level 3.1 as
    /// said of what we receive; levels may differ.
    H264,
}

impl VideoCodec {
    /// Both.
    pub const ALL: [VideoCodec; 2] = [VideoCodec::Vp8, VideoCodec::H264];

    /// The formats that stand for it in SDP, the preferred one first.
    pub fn formats(self) -> Vec<Format> {
        let h264 = |parameters: &str| Format::new("H264", CLOCK).with_fmtp(parameters.as_bytes());
        match self {
            VideoCodec::Vp8 => vec![Format::new("VP8", CLOCK)],
            VideoCodec::H264 => H264_PARAMETERS.map(h264).into(),
        }
    }
}

impl fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            VideoCodec::Vp8 => "VP8",
            VideoCodec::H264 => "H264",
        })
    }
}

impl FromStr for VideoCodec {
    type Err = UnknownVideoCodec;

    /// The codec of that encoding name, case aside.
    fn from_str(name: &str) -> Result<Self, UnknownVideoCodec> {
        let found = VideoCodec::ALL.into_iter().find(|codec| {
            let known = codec.to_string();
            known.eq_ignore_ascii_case(name)
        });
        found.ok_or_else(|| UnknownVideoCodec { name: name.into() })
    }
}

/// A name that no video codec here has: the caller's fault.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no video codec is called {name}; VP8 and H264 are")]
pub struct UnknownVideoCodec {
    /// The name.
    pub name: String,
}

/// One video stream as the application wants it. Its packets pass between
/// bridged sessions and into recordings; nothing decodes them.
///
/// ```
/// use talkpath::{Audio, Codec, Constraints, Video, VideoCodec};
/// let wanted = Constraints::from(Audio::sendrecv(Codec::USUAL))
///     .and_video(Video::sendrecv([VideoCodec::Vp8, VideoCodec::H264]));
/// # let _ = wanted;
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Video {
    pub(crate) codecs: Vec<VideoCodec>,
    pub(crate) direction: Direction,
    pub(crate) rtcp_mux: RtcpMux,
}

impl Video {
    /// Video both ways in one of `codecs`, the preferred one first.
    pub fn sendrecv(codecs: impl IntoIterator<Item = VideoCodec>) -> Self {
        Self::new(codecs, Direction::SendRecv)
    }

    /// Video that is only sent.
    pub fn sendonly(codecs: impl IntoIterator<Item = VideoCodec>) -> Self {
        Self::new(codecs, Direction::SendOnly)
    }

    /// Video that is only received: to be recorded.
    pub fn recvonly(codecs: impl IntoIterator<Item = VideoCodec>) -> Self {
        Self::new(codecs, Direction::RecvOnly)
    }

    /// Video that is agreed on and flows neither way.
    pub fn inactive(codecs: impl IntoIterator<Item = VideoCodec>) -> Self {
        Self::new(codecs, Direction::Inactive)
    }

    fn new(codecs: impl IntoIterator<Item = VideoCodec>, direction: Direction) -> Self {
        Video {
            codecs: codecs.into_iter().collect(),
            direction,
            rtcp_mux: RtcpMux::Offer,
        }
    }

    /// Whether RTCP shares the port of RTP: proposed if not said.
    #[must_use]
    pub fn rtcp_mux(mut self, rtcp_mux: RtcpMux) -> Self {
        self.rtcp_mux = rtcp_mux;
        self
    }
}

/// RFC 7741 §6.1, RFC 6184 §8.1.
const CLOCK: u32 = 90_000;
const H264_PARAMETERS: [&str; 4] = [
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f",
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f",
    "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
];
