//! What a stream is made of, and what was agreed about it.
//!
//! A [`StreamSetup`] is fixed for the life of the stream; an [`Agreement`] comes
//! anew with each step of negotiation, and is a reading of its result in terms
//! of packets.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use talkpath_audio::SampleRate;
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{self, Destination, Hold, Rtcp};
use talkpath_transport::{AddressRules, Remote, RtcpRemote, SourcePolicy};
use talkpath_wire::{Format, PayloadType};

use crate::egress::Pause;
use crate::{SocketKey, StreamIndex};

/// What is fixed for the life of a stream.
#[derive(Clone, Debug)]
pub struct StreamSetup {
    /// Its m-line.
    pub stream: StreamIndex,
    /// Whose packets are taken.
    pub policy: SourcePolicy,
    /// Which addresses may be sent to.
    pub rules: AddressRules,
    /// The rate at which the other end speaks and hears.
    pub rate: SampleRate,
    /// After how long without a packet to say so.
    pub media_timeout: Duration,
    /// What is sent when nothing is said.
    pub pause: Pause,
}

/// The sockets of a stream; a re-offer may move it to others.
#[derive(Clone, Debug)]
pub struct StreamSockets {
    /// The socket of RTP.
    pub rtp: SocketKey,
    /// The socket of RTCP, while it has one of its own.
    pub rtcp: Option<SocketKey>,
    /// Our addresses, bound and advertised, of both sockets.
    pub own: Box<[SocketAddr]>,
}

/// What was agreed about a stream, as packets see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreement {
    /// Whether an answer to an offer of ours is awaited.
    pub answer: Answer,
    /// Who may send, seen from us.
    pub direction: Direction,
    /// What to send, with the peer's number.
    pub send: Option<Numbered>,
    /// What may arrive, with our numbers.
    pub receive: Box<[Numbered]>,
    /// Audio per packet to send.
    pub packet: Duration,
    /// Where the peer is.
    pub remote: Option<Remote>,
    /// How the peer holds us, if it does.
    pub hold: Hold,
    /// Every payload type that means something to the peer.
    pub peer_numbers: Box<[PayloadType]>,
}

/// A payload type and what it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Numbered {
    /// The number in the packets.
    pub number: PayloadType,
    /// What they hold.
    pub format: Arc<Format>,
}

/// Whether an answer of the peer is awaited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Our offer is open.
    Awaited,
    /// The peer has spoken, and nothing is open.
    Settled,
    /// Our offer was given up: what the peer said before holds.
    Withdrawn,
}

impl Agreement {
    /// Reads what negotiation says of a stream. `signalling_source` is where
    /// the signalling came from, if that counts as the peer's address.
    pub fn of(
        stream: &negotiate::Stream,
        answer: Answer,
        signalling_source: Option<IpAddr>,
    ) -> Self {
        let sendable = |codec: &&negotiate::Codec| codec_of(&codec.format).is_some();
        Agreement {
            answer,
            direction: stream.direction,
            send: stream.send.iter().find(sendable).map(Numbered::of),
            receive: stream.receive.iter().map(Numbered::of).collect(),
            packet: packet_time(stream.packet.send(DEFAULT_PACKET)),
            remote: stream
                .remote
                .as_ref()
                .and_then(|remote| read_remote(remote, stream.rtcp, signalling_source)),
            hold: stream.hold,
            peer_numbers: stream.send.iter().map(|codec| codec.number).collect(),
        }
    }
}

impl Numbered {
    fn of(codec: &negotiate::Codec) -> Self {
        Numbered {
            number: codec.number,
            format: Arc::new(codec.format.clone()),
        }
    }
}

/// The codec that encodes and decodes `format`, if there is one.
pub(crate) fn codec_of(format: &Format) -> Option<&'static dyn talkpath_audio::Codec> {
    talkpath_audio::codec::find(&format.encoding, format.clock_rate, format.channels)
}

fn read_remote(
    remote: &negotiate::Remote,
    rtcp: Rtcp,
    signalling_source: Option<IpAddr>,
) -> Option<Remote> {
    let (rtp, rtcp_if_unsaid) = match remote.destination {
        // Where RTCP cannot go, it goes nowhere: port 0.
        Destination::At(rtp) => (rtp, SocketAddr::new(rtp.ip(), 0)),
        // RFC 3264 §8.4: a hold by address stops RTP and RTCP; the transport
        // keeps the last address for resuming.
        Destination::Held => {
            let last = remote.last?;
            let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), last.port());
            let beside = SocketAddr::new(last.ip(), last.port().wrapping_add(1));
            (nowhere, beside)
        }
    };
    let rtcp = match rtcp {
        Rtcp::Muxed => RtcpRemote::Mux,
        Rtcp::Separate => RtcpRemote::At(remote.rtcp.unwrap_or(rtcp_if_unsaid)),
    };
    Some(Remote {
        rtp,
        rtcp,
        signalling_source,
    })
}

/// Packets of 10 to 60 ms, in whole milliseconds.
fn packet_time(wanted: Duration) -> Duration {
    Duration::from_millis(wanted.clamp(MIN_PACKET, MAX_PACKET).as_millis() as u64)
}

const DEFAULT_PACKET: Duration = Duration::from_millis(20);
const MIN_PACKET: Duration = Duration::from_millis(10);
const MAX_PACKET: Duration = Duration::from_millis(60);
