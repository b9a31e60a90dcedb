//! What one party wants of a session: the input that is not text.
//!
//! A list of wanted media, complete and declarative: the same `Wants` with
//! another direction is a hold, with another list of formats a codec change,
//! with one entry more or less a stream added or removed. Both an offer and an
//! answer are made from it. RFC 3264 §5 and §6 say what each field becomes.
//! Addresses and ports are not here: they are leased after the plan is made.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use talkpath_wire::Format;

use super::events::Events;
use super::keyframes::KeyframeRequests;
use super::stream::VoipReports;
use crate::{Direction, MediaKind};

/// What a party wants: all of its media, and whose order of codecs decides.
///
/// ```
/// use talkpath_sdp::Direction;
/// use talkpath_sdp::negotiate::{MediaWants, Wants};
/// use talkpath_wire::Format;
///
/// let talk = Wants::new([MediaWants::audio([Format::new("PCMA", 8000)])]);
/// let hold = talk.clone().with_direction(Direction::SendOnly);
/// assert_eq!(hold.media[0].direction, Direction::SendOnly);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wants {
    /// The wanted streams. A live m-line that no entry claims is removed by an
    /// offer and refused by an answer; an entry that the peer refused is
    /// offered again by the next offer, unless it is left out.
    pub media: Vec<MediaWants>,
    /// Whose order decides in an answer of ours.
    pub preference: Preference,
}

impl Wants {
    /// Wants of `media`, the offerer's order of codecs deciding.
    pub fn new(media: impl Into<Vec<MediaWants>>) -> Self {
        Wants {
            media: media.into(),
            preference: Preference::Offerer,
        }
    }

    /// The same with `preference`.
    #[must_use]
    pub fn with_preference(mut self, preference: Preference) -> Self {
        self.preference = preference;
        self
    }

    /// The same with every stream in `direction`.
    #[must_use]
    pub fn with_direction(mut self, direction: Direction) -> Self {
        for media in &mut self.media {
            media.direction = direction;
        }
        self
    }
}

/// One wanted stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaWants {
    /// Audio, video or what else stands after `m=`.
    pub kind: Kind,
    /// Which m-line this entry is about.
    pub slot: Slot,
    /// What can be received, most preferred first; telephone-event apart.
    pub formats: Vec<Format>,
    /// Whether digits travel as RFC 4733 events.
    pub telephone_event: TelephoneEvent,
    /// What we want to do with the stream.
    pub direction: Direction,
    /// Audio per packet that we would like to receive (`a=ptime`).
    pub ptime: Option<Duration>,
    /// The most audio per packet that we can receive (`a=maxptime`).
    pub maxptime: Option<Duration>,
    /// Whether RTCP shares the port of RTP.
    pub rtcp: RtcpMux,
    /// Whether the peer is asked how good our speech sounds there.
    pub voip_reports: VoipReports,
    /// How keyframes may be asked for.
    pub keyframes: KeyframeRequests,
}

impl MediaWants {
    /// Audio in both directions, with digits, proposing multiplexed RTCP.
    ///
    /// ```
    /// use talkpath_sdp::negotiate::MediaWants;
    /// use talkpath_wire::Format;
    /// let wants = MediaWants::audio([Format::new("PCMU", 8000)]);
    /// assert_eq!(wants.formats.len(), 1);
    /// ```
    pub fn audio(formats: impl Into<Vec<Format>>) -> Self {
        MediaWants {
            kind: Kind::Audio,
            slot: Slot::Any,
            formats: formats.into(),
            telephone_event: TelephoneEvent::Events(Events::DTMF),
            direction: Direction::SendRecv,
            ptime: None,
            maxptime: None,
            rtcp: RtcpMux::Offer,
            voip_reports: VoipReports::Unasked,
            keyframes: KeyframeRequests::None,
        }
    }

    /// Video in both directions, proposing multiplexed RTCP and requests for
    /// keyframes.
    pub fn video(formats: impl Into<Vec<Format>>) -> Self {
        MediaWants {
            kind: Kind::Video,
            telephone_event: TelephoneEvent::Off,
            keyframes: KeyframeRequests::Both,
            ..MediaWants::audio(formats)
        }
    }

    /// The same in `direction`.
    #[must_use]
    pub fn with_direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }

    /// The same with RTCP as `rtcp` says.
    #[must_use]
    pub fn with_rtcp(mut self, rtcp: RtcpMux) -> Self {
        self.rtcp = rtcp;
        self
    }

    /// The same with digits as `telephone_event` says.
    #[must_use]
    pub fn with_telephone_event(mut self, telephone_event: TelephoneEvent) -> Self {
        self.telephone_event = telephone_event;
        self
    }

    /// The same, bound to the m-line `index` (from 0).
    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.slot = Slot::At(index);
        self
    }
}

/// What an m-line carries, owned; compare [`MediaKind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `m=audio`
    Audio,
    /// `m=video`
    Video,
    /// Any other token, as written.
    Other(Box<str>),
}

impl Kind {
    /// The token after `m=`.
    pub fn as_str(&self) -> &str {
        match self {
            Kind::Audio => "audio",
            Kind::Video => "video",
            Kind::Other(token) => token,
        }
    }
}

impl From<MediaKind<'_>> for Kind {
    fn from(kind: MediaKind<'_>) -> Self {
        match kind {
            MediaKind::Audio => Kind::Audio,
            MediaKind::Video => Kind::Video,
            other => Kind::Other(other.as_str().into()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which m-line an entry of [`Wants`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The next live one of its kind that no other entry claims; in an offer,
    /// when there is none, a dead one of its kind, else a new one at the end.
    Any,
    /// The one with this index, from 0. In an offer, a dead one is recycled
    /// (RFC 3264 §8.1). In an answer it waits until that line is offered.
    At(usize),
}

/// Whose order of codecs decides in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// The offer's order, as RFC 3264 §6.1 recommends.
    Offerer,
    /// The order of [`MediaWants::formats`].
    Local,
}

/// Whether RTCP shares the port of RTP (RFC 5761, RFC 8858).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpMux {
    /// Proposed and accepted; a second port is held until the peer accepts.
    Offer,
    /// Required: one port, `a=rtcp-mux-only`; a peer that cannot is refused.
    Only,
    /// Neither proposed nor accepted.
    Off,
}

/// Whether a stream carries RFC 4733 events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TelephoneEvent {
    /// At the clock rate of each offered codec, these events.
    Events(Events),
    /// Not at all.
    Off,
}
