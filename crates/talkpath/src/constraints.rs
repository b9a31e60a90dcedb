//! What the application wants of a session: codecs, direction, sample rate.
//!
//! Constraints are wishes in the application's own words. Negotiation turns
//! them and the other party's description into what is agreed.

use std::net::IpAddr;
use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_media::playout::Target as Playout;
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::{Events, Preference, RtcpMux, TelephoneEvent, VoipReports};
use talkpath_transport::SourcePolicy;

use crate::codec::Codec;
use crate::video::Video;

/// One audio stream as the application wants it.
///
/// ```
/// use talkpath::{Audio, Codec, RtcpMux, SampleRate};
/// let wanted = Audio::sendrecv([Codec::PCMU, Codec::PCMA])
///     .rate(SampleRate::HZ_16000)
///     .rtcp_mux(RtcpMux::Only);
/// # let _ = wanted;
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audio {
    pub(crate) codecs: Vec<Codec>,
    pub(crate) direction: Direction,
    pub(crate) rate: SampleRate,
    pub(crate) ptime: Option<Duration>,
    pub(crate) rtcp_mux: RtcpMux,
    pub(crate) digits: TelephoneEvent,
    pub(crate) voip_reports: VoipReports,
    pub(crate) playout: Playout,
}

impl Audio {
    /// Audio both ways in one of `codecs`, the preferred one first.
    pub fn sendrecv(codecs: impl IntoIterator<Item = Codec>) -> Self {
        Self::new(codecs, Direction::SendRecv)
    }

    /// Audio that is only sent.
    pub fn sendonly(codecs: impl IntoIterator<Item = Codec>) -> Self {
        Self::new(codecs, Direction::SendOnly)
    }

    /// Audio that is only received.
    pub fn recvonly(codecs: impl IntoIterator<Item = Codec>) -> Self {
        Self::new(codecs, Direction::RecvOnly)
    }

    /// Audio that is agreed on and flows neither way.
    pub fn inactive(codecs: impl IntoIterator<Item = Codec>) -> Self {
        Self::new(codecs, Direction::Inactive)
    }

    fn new(codecs: impl IntoIterator<Item = Codec>, direction: Direction) -> Self {
        Audio {
            codecs: codecs.into_iter().collect(),
            direction,
            rate: SampleRate::HZ_8000,
            ptime: None,
            rtcp_mux: RtcpMux::Offer,
            digits: TelephoneEvent::Events(DIGITS),
            voip_reports: VoipReports::Unasked,
            playout: Playout::default(),
        }
    }

    /// Speaks and hears at `rate`, of 8, 16, 24 or 48 kHz; 8 kHz if not said.
    /// It stays when the codec changes underneath.
    #[must_use]
    pub fn rate(mut self, rate: SampleRate) -> Self {
        self.rate = rate;
        self
    }

    /// Asks for packets of this length, 10 to 60 ms; 20 ms if nobody says.
    /// The other party's wish for what it receives comes first.
    #[must_use]
    pub fn ptime(mut self, ptime: Duration) -> Self {
        self.ptime = Some(ptime);
        self
    }

    /// Whether RTCP shares the port of RTP: proposed if not said.
    #[must_use]
    pub fn rtcp_mux(mut self, rtcp_mux: RtcpMux) -> Self {
        self.rtcp_mux = rtcp_mux;
        self
    }

    /// Whether digits travel as events beside the sound (RFC 4733): the sixteen
    /// of DTMF and flash if not said, at the clock rate of every codec.
    #[must_use]
    pub fn telephone_event(mut self, digits: TelephoneEvent) -> Self {
        self.digits = digits;
        self
    }

    /// Whether to ask the other party how good our speech sounds there (RTCP
    /// XR, RFC 3611 §4.7): not if not said. One that asks is always told.
    #[must_use]
    pub fn voip_reports(mut self, voip_reports: VoipReports) -> Self {
        self.voip_reports = voip_reports;
        self
    }

    /// How long what comes waits before it is heard: as long as the jitter
    /// demands, up to 400 ms, if not said. At least 20 ms can be the most, and
    /// 500 ms; what it comes to is in [`PlayoutStats`](crate::PlayoutStats).
    ///
    /// ```
    /// use std::time::Duration;
    /// use talkpath::{Audio, Codec, Playout};
    /// let (min, max) = (Duration::from_millis(40), Duration::from_millis(200));
    /// let steady = Audio::sendrecv(Codec::USUAL).playout(Playout::Adaptive { min, max });
    /// # let _ = steady;
    /// ```
    #[must_use]
    pub fn playout(mut self, playout: Playout) -> Self {
        self.playout = playout;
        self
    }
}

/// Everything the application wants of a session.
///
/// Made from one [`Audio`] where that is all there is to say.
///
/// ```
/// use talkpath::{Audio, Codec, Constraints, Preference};
/// let wanted = Constraints::from(Audio::sendrecv(Codec::USUAL))
///     .preference(Preference::Offerer)
///     .signalling_source("192.0.2.7".parse()?);
/// # let _ = wanted;
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Constraints {
    pub(crate) audio: Vec<Audio>,
    pub(crate) video: Vec<Video>,
    pub(crate) preference: Preference,
    pub(crate) source_policy: SourcePolicy,
    pub(crate) signalling_source: Option<IpAddr>,
    pub(crate) interface: Option<String>,
    pub(crate) media_timeout: Duration,
    pub(crate) silence: Silence,
}

/// What is sent when the application has nothing to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Silence {
    /// Nothing; the first packet afterwards carries the marker bit, and a
    /// keepalive goes out every 15 s (RFC 6263).
    #[default]
    Nothing,
    /// Packets of silence, for peers that take a pause for a failure.
    Packets,
    /// Nothing, and nothing either while what is said is no speech, but quiet:
    /// a voice detector tells, with a hangover of about 400 ms, so that no word
    /// is cut. To a peer that takes comfort noise (RFC 3389) the noise is
    /// described, when the pause begins, when it changes and every second; an
    /// offer proposes that. Opus leaves silence out by itself (`usedtx`). It
    /// saves about half of the bandwidth of a conversation. What a peer leaves
    /// out is filled in whatever stands here.
    Suppress,
}

impl From<Audio> for Constraints {
    fn from(audio: Audio) -> Self {
        Constraints {
            audio: vec![audio],
            video: Vec::new(),
            preference: Preference::Local,
            source_policy: SourcePolicy::Signalled,
            signalling_source: None,
            interface: None,
            media_timeout: DEFAULT_MEDIA_TIMEOUT,
            silence: Silence::default(),
        }
    }
}

impl From<&Constraints> for Constraints {
    fn from(constraints: &Constraints) -> Self {
        constraints.clone()
    }
}

impl Constraints {
    /// One more audio stream, an m-line of its own.
    #[must_use]
    pub fn and(mut self, audio: Audio) -> Self {
        self.audio.push(audio);
        self
    }

    /// A video stream, an m-line of its own behind those of audio.
    #[must_use]
    pub fn and_video(mut self, video: Video) -> Self {
        self.video.push(video);
        self
    }

    /// Whose order of codecs decides; ours if not said.
    #[must_use]
    pub fn preference(mut self, preference: Preference) -> Self {
        self.preference = preference;
        self
    }

    /// Whose packets are taken; [`SourcePolicy::Signalled`] if not said.
    #[must_use]
    pub fn source_policy(mut self, policy: SourcePolicy) -> Self {
        self.source_policy = policy;
        self
    }

    /// The address that the signalling came from: packets from it are taken
    /// too, for a peer whose SDP names a private address.
    #[must_use]
    pub fn signalling_source(mut self, address: IpAddr) -> Self {
        self.signalling_source = Some(address);
        self
    }

    /// The interface to use, by name; the first one if not said.
    #[must_use]
    pub fn interface(mut self, name: impl Into<String>) -> Self {
        self.interface = Some(name.into());
        self
    }

    /// After how long without a packet a stream that should receive says
    /// [`MediaTimeout`](crate::Happening::MediaTimeout); 30 s if not said.
    /// Hold never times out.
    #[must_use]
    pub fn media_timeout(mut self, timeout: Duration) -> Self {
        self.media_timeout = timeout;
        self
    }

    /// What is sent when there is nothing to say; nothing if not said.
    #[must_use]
    pub fn silence(mut self, silence: Silence) -> Self {
        self.silence = silence;
        self
    }
}

const DEFAULT_MEDIA_TIMEOUT: Duration = Duration::from_secs(30);
/// 0-9, *, #, A-D and flash.
const DIGITS: Events = Events::DTMF_AND_FLASH;
