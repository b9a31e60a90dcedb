//! Sessions: one party's dialogue and its media, as applications hold them.
//!
//! A [`Session`] owns: dropping it closes it. A [`SessionRef`] looks on. Both
//! are used from any thread; nothing here waits for the network.

mod audio;
mod core;
mod digits;
mod feed;
mod file;
mod packets;
mod play;
mod pull;
mod record;
mod state;
mod step;
mod tap;
mod wanted;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use talkpath_media::dtmf::{Dtmf, Inband};
use talkpath_media::video;
use talkpath_media::{Diagnosis, Mute, SessionId, SessionStats, StreamIndex};
use talkpath_sdp::negotiate::{Kind, Stream};
use talkpath_sdp::{Answer, Offer};

use crate::change::Change;
use crate::constraints::Constraints;
use crate::description::{IntoAnswer, IntoOffer};
use crate::error::SessionError;
use crate::event::CloseReason;
use crate::files::RecordingId;
use crate::manager::Shared;
use crate::wait::Pending;
use crate::worker::Command;

pub use audio::{AudioEnd, Ended, Hear, HearError, HeardFrame, Say};
pub use digits::Digits;
pub use feed::Feed;
pub use packets::{Packet, PacketKind, Packets};
pub use play::{Over, Play, Playback};
pub use record::{Mkv, Opus, Pcap, Record, Recording, UnknownName, Wav};

pub use tap::{SpeechDetection, Tap, Tapped};

pub(crate) use core::Core;

/// One party's offer/answer dialogue and its media; dropping it closes it.
///
/// Closing says goodbye (RTCP BYE) if anything was ever sent, finishes files,
/// gives ports back and ends in a `Closed` event. Offers and answers go either
/// way at any time. An operation that fails has changed nothing.
///
/// ```
/// use talkpath::{Audio, Codec, MediaManager};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(22000..=22100).build()?;
/// # let (callee, answer);
/// let (caller, offer) = manager.create_offer(Audio::sendrecv([Codec::PCMU]))?;
/// # (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv([Codec::PCMU]))?;
/// caller.apply_answer(&answer)?;          // from the 200 OK
///
/// let offer = caller.hold()?;             // goes into the re-INVITE
/// let answer = callee.answer(&offer)?;    // comes with its 200 OK
/// caller.apply_answer(&answer)?;
/// caller.close().wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping a session closes it"]
pub struct Session {
    inner: SessionRef,
}

/// A session that somebody else owns.
#[derive(Clone)]
pub struct SessionRef {
    core: Arc<Core>,
}

impl Session {
    pub(crate) fn offering(
        shared: &Arc<Shared>,
        constraints: Constraints,
    ) -> Result<(Self, Offer), SessionError> {
        let (core, offer) = Core::offering(shared, constraints)?;
        Ok((Session::new(core), offer))
    }

    pub(crate) fn answering(
        shared: &Arc<Shared>,
        offer: &Offer,
        constraints: Constraints,
    ) -> Result<(Self, Answer), SessionError> {
        let (core, answer) = Core::answering(shared, offer, constraints)?;
        Ok((Session::new(core), answer))
    }

    fn new(core: Arc<Core>) -> Self {
        Session {
            inner: SessionRef::new(core),
        }
    }

    /// Offers a change: the offer goes to the peer, and what it says holds
    /// once the answer is applied.
    ///
    /// # Errors
    /// [`SessionError::Offer`] when an offer of ours is open already (SIP status
    /// 491) or the change makes no sense, [`SessionError::NoSuchStream`],
    /// [`SessionError::Ports`], [`SessionError::Closed`].
    #[must_use = "the offer goes to the peer"]
    pub fn offer(&self, change: Change) -> Result<Offer, SessionError> {
        self.core.offer(change)
    }

    /// Offers to hold the peer (RFC 3264 §8.4): once answered, we still send and
    /// he does not. The peer's session sees it as its stream's direction and as
    /// `hold` in [`SessionRef::streams`]. Holding twice offers the same again.
    ///
    /// # Errors
    /// As [`Session::offer`].
    #[must_use = "holding is an offer: it goes to the peer"]
    pub fn hold(&self) -> Result<Offer, SessionError> {
        self.offer(Change::Hold)
    }

    /// Offers to end a hold.
    ///
    /// # Errors
    /// As [`Session::offer`].
    #[must_use = "resuming is an offer: it goes to the peer"]
    pub fn resume(&self) -> Result<Offer, SessionError> {
        self.offer(Change::Resume)
    }

    /// Answers an offer of the peer's.
    ///
    /// # Errors
    /// [`SessionError::Answer`] with the SIP status to refuse it with: 488 for
    /// what cannot be had, 491 while an offer of ours is open;
    /// [`SessionError::Parse`], [`SessionError::Ports`], [`SessionError::Closed`].
    #[must_use = "the answer goes to the peer"]
    pub fn answer<'a>(&self, offer: impl IntoOffer<'a>) -> Result<Answer, SessionError> {
        self.core.answer(&*offer.into_offer()?)
    }

    /// Applies the answer to our offer. The same answer again changes nothing.
    ///
    /// # Errors
    /// [`SessionError::Completion`] when no offer is open, or it is no answer to
    /// what was offered; [`SessionError::Parse`], [`SessionError::Closed`].
    pub fn apply_answer<'a>(&self, answer: impl IntoAnswer<'a>) -> Result<(), SessionError> {
        self.core.apply_answer(&*answer.into_answer()?)
    }

    /// Applies another answer to our first offer, from the same peer: an
    /// announcement answered in a provisional response, and somebody else in the
    /// 200 OK. What the first one settled is replaced.
    ///
    /// # Errors
    /// [`SessionError::Completion`] when there is no such offer any more.
    pub fn revise_answer<'a>(&self, answer: impl IntoAnswer<'a>) -> Result<(), SessionError> {
        self.core.revise_answer(&*answer.into_answer()?)
    }

    /// Gives our open offer up: what was agreed before goes on.
    ///
    /// # Errors
    /// [`SessionError::NoOfferPending`] when none is open.
    pub fn rollback(&self) -> Result<(), SessionError> {
        self.core.rollback()
    }

    /// A second session on the same ports, from another early answer to our
    /// first offer: SIP forked it (RFC 3261 §13.2.2.4). Each has a life of its
    /// own; the ports go back with the last.
    ///
    /// # Errors
    /// [`SessionError`] when there is no such offer, or the answer is none.
    pub fn fork<'a>(&self, answer: impl IntoAnswer<'a>) -> Result<Session, SessionError> {
        self.core.fork(&*answer.into_answer()?).map(Session::new)
    }

    /// The application's end of the first audio stream; again once both halves
    /// of it are dropped.
    ///
    /// # Errors
    /// [`SessionError::AudioTaken`] while somebody has it.
    pub fn audio(&self) -> Result<AudioEnd, SessionError> {
        self.audio_of(self.first_audio()?)
    }

    /// The same, with what the application says waiting as `feed` says: stored
    /// for speech synthesis, with a cushion for a microphone.
    ///
    /// # Errors
    /// [`SessionError::AudioTaken`] while somebody has it.
    pub fn audio_with(&self, feed: Feed) -> Result<AudioEnd, SessionError> {
        audio::attach(&self.core, self.first_audio()?, feed)
    }

    /// The application's end of an audio stream.
    ///
    /// # Errors
    /// [`SessionError::NoSuchStream`], or [`SessionError::AudioTaken`] while
    /// somebody has it.
    pub fn audio_of(&self, stream: StreamIndex) -> Result<AudioEnd, SessionError> {
        audio::attach(&self.core, stream, Feed::live())
    }

    /// Records the first audio stream, or the packets of all, until stopped or
    /// the session closes: a [`Wav`], an [`Opus`], an
    /// [`Mkv`] or a [`Pcap`].
    ///
    /// Samples stand in the file where the manager's clock played them, in both
    /// channels; what is lost is silence. It is written as `NAME.part` and gets
    /// its name when it is finished; what a crash leaves,
    /// [`recover`](crate::recover) repairs. A disk that fails or fills up ends
    /// the recording, with an event, and never the call.
    ///
    /// # Errors
    /// [`SessionError::File`] when the file cannot be created: above all when
    /// there is one already.
    pub fn record(&self, what: impl Into<Record>) -> Result<Recording, SessionError> {
        let video = self.first_video().zip(self.video_codec());
        record::record(&self.core, || self.first_audio(), video, what.into())
    }

    /// Plays a file, samples or a tone into the first audio stream, before
    /// anything that the application says. What is played already goes on
    /// beneath it, softly: see [`Over`].
    ///
    /// # Errors
    /// [`SessionError::File`] when a file cannot be read.
    pub fn play(&self, what: impl Into<Play>) -> Result<Playback, SessionError> {
        play::play(&self.core, self.first_audio()?, what.into())
    }

    /// Listens to the first audio stream, in either direction or both. Any
    /// number of taps may listen at once.
    ///
    /// # Errors
    /// [`SessionError::Rate`] for rates other than 8, 16, 24 and 48 kHz.
    pub fn tap(&self, tap: Tap) -> Result<Tapped, SessionError> {
        tap::tap(&self.core, self.first_audio()?, tap)
    }

    /// Tells by [`SpeechStarted`](crate::Happening::SpeechStarted) and
    /// [`SpeechStopped`](crate::Happening::SpeechStopped) when the peer speaks,
    /// so that a voice agent can be interrupted; until the value is dropped.
    ///
    /// ```
    /// use std::time::Duration;
    /// use talkpath::audio::voice::Settings;
    /// # use talkpath::{Audio, Codec, MediaManager};
    /// # let manager = MediaManager::builder().interface("127.0.0.1").ports(24600..=24700).build()?;
    /// # let (session, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
    /// let patient = Settings { hangover: Duration::from_millis(700), ..Settings::default() };
    /// let detection = session.detect_speech(patient)?;
    /// # drop(detection);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SessionError::Closed`], [`SessionError::NoSuchStream`]
    pub fn detect_speech(
        &self,
        settings: talkpath_audio::voice::Settings,
    ) -> Result<SpeechDetection, SessionError> {
        tap::detect_speech(&self.core, self.first_audio()?, settings)
    }

    /// Dials digits into the first audio stream: `0`-`9`, `*`, `#`, `A`-`D`, `!`
    /// for a hook flash, `,` for a pause. What is said meanwhile is not sent.
    /// Nothing is dialled before the peer has answered, nor on hold: it waits.
    /// Where the peer takes no telephone-event, keys are sent as tones, and a
    /// flash not at all. Where what is sent is only passed on, for nothing here
    /// encodes it, keys are refused ([`DialEnd::Refused`](crate::DialEnd)).
    ///
    /// ```
    /// use std::time::Duration;
    /// use talkpath::{Audio, Codec, DialEnd, Dtmf, Happening, MediaManager, Notice};
    /// # let manager = MediaManager::builder().interface("127.0.0.1").ports(26600..=26700).build()?;
    /// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
    /// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
    /// # caller.apply_answer(&answer)?;
    /// let events = manager.events();
    /// let dialled = caller.dtmf("12#")?.wait()?;
    /// assert_eq!(dialled, DialEnd::Dialled);
    /// // What the other side's manager tells of it:
    /// let mut heard = String::new();
    /// while heard.len() < 3 {
    ///     if let Some(Notice::Event(event)) = events.recv()
    ///         && let Happening::Digit { digit, .. } = event.what
    ///     {
    ///         heard.push(digit.as_char());
    ///     }
    /// }
    /// assert_eq!(heard, "12#");
    /// // Keys of another length:
    /// drop(caller.dtmf(Dtmf::new("5")?.tone(Duration::from_millis(60)))?);
    /// # drop(callee);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SessionError::Dtmf`] when a character is no key,
    /// [`SessionError::NoSuchStream`], [`SessionError::Closed`].
    pub fn dtmf<D>(&self, dtmf: D) -> Result<Digits, SessionError>
    where
        D: TryInto<Dtmf>,
        SessionError: From<D::Error>,
    {
        self.dtmf_of(self.first_audio()?, dtmf)
    }

    /// Dials digits into an audio stream, as [`Session::dtmf`].
    ///
    /// # Errors
    /// As [`Session::dtmf`].
    pub fn dtmf_of<D>(&self, stream: StreamIndex, dtmf: D) -> Result<Digits, SessionError>
    where
        D: TryInto<Dtmf>,
        SessionError: From<D::Error>,
    {
        digits::dial(&self.core, stream, dtmf.try_into()?)
    }

    /// Listens for keys in the sound of the first audio stream, or no more. Only
    /// sound that somebody hears is listened to (the application, a recorder),
    /// and none once the peer has sent a telephone-event, as long as events are
    /// agreed. What of a key was sent to the peer as sound not 300 ms before is
    /// its echo. Bridges listen for themselves and tell nobody.
    ///
    /// # Errors
    /// [`SessionError::NoSuchStream`], [`SessionError::Closed`].
    pub fn detect_inband(&self, inband: Inband) -> Result<(), SessionError> {
        let stream = self.first_audio()?;
        let place = self.core.reserve()?;
        drop(self.core.open_state()?);
        place.send(Command::ListenForDigits {
            session: self.core.id,
            stream,
            inband,
        });
        Ok(())
    }

    /// Every packet of the session from now on, sent and received.
    ///
    /// ```
    /// use talkpath::{Audio, Codec, MediaManager, PacketKind};
    /// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25000..=25100).build()?;
    /// # let (caller, offer) = manager.create_offer(Audio::sendrecv([Codec::PCMU]))?;
    /// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv([Codec::PCMU]))?;
    /// # caller.apply_answer(&answer)?;
    /// let mut packets = caller.packets()?;
    /// caller.audio()?.say.send_all(&[1000; 160])?;
    /// let first = loop {
    ///     if let Some(packet) = packets.try_next() {
    ///         break packet;
    ///     }
    /// };
    /// assert!(matches!(first.kind, PacketKind::Rtp { payload_len: 160, .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SessionError::Closed`]
    pub fn packets(&self) -> Result<Packets, SessionError> {
        packets::watch(&self.core)
    }

    /// Sends silence in place of what is said, or ends that. The peer is not
    /// told; see [`Session::hold`] for that.
    ///
    /// ```
    /// # use talkpath::{Audio, Codec, MediaManager, Mute};
    /// # let manager = MediaManager::builder().interface("127.0.0.1").ports(26400..=26500).build()?;
    /// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
    /// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
    /// # caller.apply_answer(&answer)?;
    /// caller.mute(Mute::On)?;
    /// # drop(callee);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SessionError::Closed`]
    pub fn mute(&self, mute: Mute) -> Result<(), SessionError> {
        let place = self.core.reserve()?;
        drop(self.core.open_state()?);
        place.send(Command::Mute {
            session: self.core.id,
            mute,
        });
        Ok(())
    }

    /// Closes the session. The value comes when its last packet has left and
    /// its ports are back; it need not be waited for.
    pub fn close(self) -> Pending<()> {
        self.core.close(CloseReason::Application)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.core.close(CloseReason::Application));
    }
}

impl Deref for Session {
    type Target = SessionRef;

    fn deref(&self) -> &SessionRef {
        &self.inner
    }
}

impl SessionRef {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        SessionRef { core }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The first live m-line of audio.
    pub(crate) fn first_audio(&self) -> Result<StreamIndex, SessionError> {
        let found = self.first(&Kind::Audio);
        found.ok_or(SessionError::NoSuchStream { line: 0 })
    }

    /// The first live m-line of video.
    pub(crate) fn first_video(&self) -> Option<StreamIndex> {
        self.first(&Kind::Video)
    }

    /// The codec of its first video, the one that is to be expected.
    fn video_codec(&self) -> Option<video::VideoCodec> {
        let line = self.first_video()?;
        let streams = self.streams();
        let receive = &streams.get(usize::from(line.0))?.receive;
        receive
            .iter()
            .find_map(|codec| video::VideoCodec::of(&codec.format))
    }

    fn first(&self, kind: &Kind) -> Option<StreamIndex> {
        let streams = self.streams();
        let is_it = |stream: &Stream| stream.is_live() && stream.kind == *kind;
        let line = streams.iter().position(is_it)?;
        Some(StreamIndex(line as u8))
    }

    /// Its number, unique within the manager.
    pub fn id(&self) -> SessionId {
        self.core.id
    }

    /// Where its dialogue stands.
    pub fn state(&self) -> SessionState {
        let state = self.core.lock();
        if self.core.is_closed(&state) {
            SessionState::Closed
        } else if state.dialogue.has_pending_offer() {
            SessionState::Offering
        } else {
            SessionState::Active
        }
    }

    /// What is agreed about each m-line, in order.
    pub fn streams(&self) -> Vec<Stream> {
        self.core.lock().dialogue.streams().to_vec()
    }

    /// The recordings that go on, oldest first: new handles, for whoever has
    /// lost his.
    pub fn recordings(&self) -> Vec<Recording> {
        self.core.recordings.all()
    }

    /// The recording `id`, if it goes on.
    pub fn recording(&self, id: RecordingId) -> Option<Recording> {
        let mut all = self.core.recordings.all().into_iter();
        all.find(|recording| recording.id() == id)
    }

    /// What was counted, at most 20 ms ago.
    ///
    /// ```
    /// # use talkpath::{Audio, Codec, MediaManager};
    /// # let manager = MediaManager::builder().interface("127.0.0.1").ports(26200..=26300).build()?;
    /// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
    /// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
    /// # caller.apply_answer(&answer)?;
    /// let stats = callee.stats();
    /// if let Some(audio) = stats.audio() {
    ///     println!("{} came, {} were lost", audio.received.packets, audio.received.lost);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self) -> SessionStats {
        self.core.stats()
    }

    /// Why there may be no audio: a diagnosis for each m-line.
    ///
    /// ```
    /// # use talkpath::{Audio, Codec, MediaManager};
    /// # let manager = MediaManager::builder().interface("127.0.0.1").ports(23000..=23100).build()?;
    /// let (caller, _offer) = manager.create_offer(Audio::sendrecv([Codec::PCMU]))?;
    /// let why = caller.diagnose();
    /// assert!(why[0].to_string().starts_with("our offer has not been answered"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn diagnose(&self) -> Vec<Diagnosis> {
        self.core.diagnose()
    }
}

/// Where a session's dialogue stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionState {
    /// Our offer is open.
    Offering,
    /// Nothing is open.
    Active,
    /// It is closed; nothing can be done with it any more.
    Closed,
}

impl fmt::Debug for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRef")
            .field("id", &self.id())
            .field("state", &self.state())
            .finish()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .field("state", &self.state())
            .finish()
    }
}
