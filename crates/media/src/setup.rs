//! What a stream is made of, and what was agreed about it.
//!
//! A [`StreamSetup`] is fixed for the life of the stream; an [`Agreement`] comes
//! anew with each step of negotiation, and is a reading of its result in terms
//! of packets.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use talkpath_audio::{Codec, SampleRate, codec, comfort_noise};
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{self, Destination, Hold, Rtcp};
pub use talkpath_sdp::negotiate::{KeyframeRequests, VoipReports};
use talkpath_transport::{AddressRules, Remote, RtcpRemote, SourcePolicy};
use talkpath_wire::{Format, PayloadType};

use crate::egress::Pause;
use crate::playout::Target;
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
    /// How long what comes waits before it is heard.
    pub playout: Target,
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
    /// Whether the peer wants to know how good its speech sounds here.
    pub voip_reports: VoipReports,
    /// How either side may ask the other for a keyframe of video.
    pub keyframes: KeyframeRequests,
    /// Everything that means something to the peer, with its numbers, best
    /// first: speech, events, noise.
    pub accepts: Box<[Numbered]>,
}

/// A payload type and what it stands for.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// The number in the packets.
    pub number: PayloadType,
    /// What they hold.
    pub format: Arc<Format>,
    /// What encodes and decodes them; `None` for what passes through unread,
    /// and for what holds no speech.
    pub codec: Option<&'static dyn Codec>,
}

/// Finds what encodes and decodes a format.
pub type FindCodec<'a> = &'a dyn Fn(&Format) -> Option<&'static dyn Codec>;

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
    /// Reads what negotiation says of a stream. `find` knows the codecs;
    /// `signalling_source` is where the signalling came from, if that counts as
    /// the peer's address.
    pub fn of(
        stream: &negotiate::Stream,
        answer: Answer,
        find: FindCodec<'_>,
        signalling_source: Option<IpAddr>,
    ) -> Self {
        let number = |codec: &negotiate::Codec| Numbered {
            number: codec.number,
            format: Arc::new(codec.format.clone()),
            codec: find(&codec.format),
        };
        let accepts: Box<[_]> = stream.send.iter().map(number).collect();
        Agreement {
            answer,
            direction: stream.direction,
            receive: stream.receive.iter().map(number).collect(),
            send: accepts.iter().find(|sent| sent.codec.is_some()).cloned(),
            packet: packet_time(stream.packet.send(DEFAULT_PACKET)),
            remote: stream
                .remote
                .as_ref()
                .and_then(|remote| read_remote(remote, stream.rtcp, signalling_source)),
            hold: stream.hold,
            voip_reports: stream.voip_reports,
            keyframes: stream.keyframes,
            accepts,
        }
    }

    /// Whether media may be sent: the peer neither refuses it nor takes its
    /// address away.
    pub(crate) fn sends(&self) -> bool {
        self.direction.sends() && self.hold != Hold::Address
    }

    /// The telephone-event to send beside a codec of `clock_rate`; one of
    /// another rate when there is none, because a digit at an odd rate is
    /// better than none (RFC 4733 §2.1 wants one clock for both).
    pub fn events(&self, clock_rate: u32) -> Option<&Numbered> {
        let is_event = |sent: &&Numbered| sent.format.is_telephone_event();
        let mut events = self.accepts.iter().filter(is_event);
        let same = events
            .clone()
            .find(|event| event.format.clock_rate == clock_rate);
        same.or_else(|| events.next())
    }

    /// Whether the peer sends telephone-events.
    pub(crate) fn hears_events(&self) -> bool {
        has_events(&self.receive)
    }

    /// Whether the peer takes telephone-events.
    pub(crate) fn takes_events(&self) -> bool {
        has_events(&self.accepts)
    }

    /// The comfort noise that may be sent beside a codec of `clock_rate`, which
    /// is its own (RFC 3389 §5).
    pub fn noise(&self, clock_rate: u32) -> Option<&Numbered> {
        let fits = |sent: &&Numbered| sent.is_noise() && sent.format.clock_rate == clock_rate;
        self.accepts.iter().find(fits)
    }
}

impl Numbered {
    /// A format, with its codec if that is built in.
    pub fn built_in(number: PayloadType, format: Format) -> Self {
        Numbered {
            number,
            codec: codec::find(&format.encoding, format.clock_rate, format.channels),
            format: Arc::new(format),
        }
    }

    /// Whether it describes the noise in pauses (RFC 3389).
    pub(crate) fn is_noise(&self) -> bool {
        self.format.is(comfort_noise::NAME)
    }

    /// Its codec in the shape that saves resampling to one channel at `rate`.
    pub(crate) fn codec_at(&self, rate: SampleRate) -> Option<&'static dyn Codec> {
        let codec = self.codec?;
        Some(codec.shaped(rate, 1).unwrap_or(codec))
    }
}

impl PartialEq for Numbered {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
            && self.format == other.format
            && self.codec.is_some() == other.codec.is_some()
    }
}

impl Eq for Numbered {}

fn has_events(formats: &[Numbered]) -> bool {
    let mut formats = formats.iter();
    formats.any(|format| format.format.is_telephone_event())
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
