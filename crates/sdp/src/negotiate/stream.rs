//! One m-line of a session as both parties have agreed on it.
//!
//! A plain value that media code acts on: where to send, in which formats,
//! what may arrive under which number. Seen from our side throughout. While an
//! offer of ours is open it holds the agreement in force together with what
//! the offer obliges us to receive (RFC 3264 §5.1, §8.3).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use talkpath_wire::{Format, PayloadType};

use super::keyframes::KeyframeRequests;
use super::lease::Lease;
use super::wants::Kind;
use crate::Direction;

/// One m-line, seen from our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// What the m-line carries.
    pub kind: Kind,
    /// The identification tag (`a=mid`, RFC 5888), if the line has one.
    pub mid: Option<Box<str>>,
    /// Whether media can flow.
    pub state: StreamState,
    /// What we may do: `sendonly` means that only we send.
    pub direction: Direction,
    /// How the peer holds the stream, if it does.
    pub hold: Hold,
    /// What we send, most preferred first, with the peer's numbers; the peer
    /// may change between its formats at any packet, and so may we.
    pub send: Vec<Codec>,
    /// What we receive, with our numbers.
    pub receive: Vec<Codec>,
    /// Audio per packet.
    pub packet: Packetization,
    /// Our ports; none for a dead line.
    pub local: Option<Lease>,
    /// Where the peer receives, once it has said so.
    pub remote: Option<Remote>,
    /// Whether RTCP shares the port of RTP.
    pub rtcp: Rtcp,
    /// Whether the peer asked for VoIP metrics (`a=rtcp-xr`, RFC 3611 §5.1).
    pub voip_reports: VoipReports,
    /// How either party may ask the other for a keyframe.
    pub keyframes: KeyframeRequests,
    /// What a dead slot repeats in every later description.
    pub(crate) text: SlotText,
}

impl Stream {
    /// Where RTP may be sent now: `None` while anything forbids it.
    pub fn send_to(&self) -> Option<SocketAddr> {
        let remote = self.remote.as_ref()?;
        match (self.state, remote.destination) {
            (StreamState::Active, Destination::At(address)) if self.direction.sends() => {
                Some(address)
            }
            _ => None,
        }
    }

    /// Where RTCP may be sent now; a direction does not stop RTCP
    /// (RFC 3264 §5.1), a held address does (§8.4).
    pub fn send_rtcp_to(&self) -> Option<SocketAddr> {
        let remote = self.remote.as_ref()?;
        match (self.state, &remote.destination) {
            (StreamState::Active, Destination::At(_)) => remote.rtcp,
            _ => None,
        }
    }

    /// Whether media may arrive.
    pub fn receives(&self) -> bool {
        self.is_live() && self.direction.receives()
    }

    /// Whether the line is offered or active.
    pub fn is_live(&self) -> bool {
        matches!(self.state, StreamState::Offered | StreamState::Active)
    }

    /// The telephone-event format to send beside a codec of `clock_rate`; one
    /// of another rate when none has this (RFC 4733 §2.1 wants it to), because
    /// a digit at an odd rate is better than none.
    pub fn telephone_event(&self, clock_rate: u32) -> Option<&Codec> {
        let events = || {
            self.send
                .iter()
                .filter(|codec| codec.format.is_telephone_event())
        };
        events()
            .find(|codec| codec.format.clock_rate == clock_rate)
            .or_else(|| events().next())
    }
}

/// The parts of an m-line that stay when its media end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotText {
    /// `RTP/AVP`
    pub(crate) protocol: Box<str>,
    /// The formats as last written.
    pub(crate) formats: Box<[u8]>,
}

/// A format with the number that stands for it in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// The payload type.
    pub number: PayloadType,
    /// What it means.
    pub format: Format,
}

/// Whether media can flow on an m-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// In an offer of ours, not answered yet: ready to receive.
    Offered,
    /// Agreed.
    Active,
    /// Refused before it was ever active; the slot stays.
    Rejected(Party),
    /// Ended after it was active; the slot stays.
    Removed(Party),
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// We.
    Local,
    /// The peer.
    Remote,
}

/// How the peer holds a stream (RFC 3264 §8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Not at all.
    No,
    /// By `a=sendonly` or `a=inactive`.
    Direction,
    /// By `c=0.0.0.0`, `::` or a name under `.invalid` (RFC 6157).
    Address,
}

/// Whether RTCP shares the port of RTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rtcp {
    /// Agreed on (RFC 5761); or offered as the only way (RFC 8858).
    Muxed,
    /// Not agreed on (yet): RTCP has a port of its own.
    Separate,
}

/// Whether a party asks the other for VoIP metrics (RFC 3611 §4.7, §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VoipReports {
    /// It does not: none are sent to it.
    #[default]
    Unasked,
    /// By `a=rtcp-xr:voip-metrics`.
    Asked,
}

/// How much audio goes into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Packetization {
    /// What the peer would like to receive (`a=ptime`).
    pub ptime: Option<Duration>,
    /// The most that the peer can receive (`a=maxptime`).
    pub maxptime: Option<Duration>,
}

impl Packetization {
    /// How much to send per packet, `default` being our own choice.
    pub fn send(&self, default: Duration) -> Duration {
        let wanted = self.ptime.unwrap_or(default);
        self.maxptime.map_or(wanted, |most| wanted.min(most))
    }
}

/// Where the peer receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// For RTP.
    pub destination: Destination,
    /// For RTCP: where RTP goes, the next port, or what `a=rtcp` says.
    pub rtcp: Option<SocketAddr>,
    /// The last real address, which a hold does not overwrite.
    pub last: Option<SocketAddr>,
}

/// Where RTP goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// There.
    At(SocketAddr),
    /// Nowhere: the peer holds by its address.
    Held,
}

impl Destination {
    /// The address, if there is one.
    pub const fn address(self) -> Option<SocketAddr> {
        match self {
            Destination::At(address) => Some(address),
            Destination::Held => None,
        }
    }
}

/// `ip` and `port`, a mapped IPv4 address as IPv4.
pub(crate) fn socket(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip.to_canonical(), port)
}
