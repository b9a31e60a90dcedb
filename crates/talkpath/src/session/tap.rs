//! Taps: an application listens to a call without being part of it.
//!
//! In: a [`Tap`], which says what of a stream and at which rate. Out: frames of
//! 20 ms in a [`Tapped`], and speech that starts and stops as events. Any
//! number of taps may listen; each has a ring of its own, of which a slow
//! reader loses the oldest.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use talkpath_audio::voice::{Detector, Settings};
use talkpath_audio::{Resampler, SampleRate};
use talkpath_media::StreamIndex;
use talkpath_wire::Time;

use super::Core;
use super::audio::{HearError, HeardFrame};
use crate::driver::Driver;
use crate::error::SessionError;
use crate::rings::{HearReader, Side, TapWriter, hear_ring};
use crate::worker::{Command, End, SpeechWatch};

/// What of a stream is listened to.
///
/// ```
/// use talkpath::{SampleRate, Tap};
/// # use talkpath::{Audio, Codec, MediaManager};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(24400..=24500).build()?;
/// # let (session, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
/// # session.apply_answer(&answer)?;
/// // What both say, for a recogniser that wants 16 kHz.
/// let mut tapped = session.tap(Tap::both().rate(SampleRate::HZ_16000))?;
/// let mut frame = vec![0; tapped.frame_len()];
/// let told = tapped.recv(&mut frame)?;
/// let (heard, said) = (frame[0], frame[1]);     // left and right
/// # let _ = (told, heard, said);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "it is begun by Session::tap"]
pub struct Tap {
    side: Side,
    rate: Option<SampleRate>,
    buffer: Duration,
}

/// What a tap takes of a stream: frames of 20 ms, one every 20 ms, until the
/// session closes. Dropping it ends the listening.
pub struct Tapped {
    ring: HearReader,
    driver: Arc<dyn Driver>,
    rate: SampleRate,
    /// A frame as the worker has it.
    frame: Box<[i16]>,
    channels: Vec<Channel>,
}

/// One channel on its way to the tap's rate.
struct Channel {
    resampler: Resampler,
    before: Box<[i16]>,
    after: Box<[i16]>,
}

/// Speech in what is heard is told as events for as long as this lives.
#[derive(Debug)]
#[must_use = "dropping it ends the detection"]
pub struct SpeechDetection {
    _wanted: Arc<()>,
}

impl Tap {
    /// What is heard from the peer, mono.
    pub fn heard() -> Self {
        Tap::of(Side::Heard)
    }

    /// What is said to the peer, mono: by the application, players, anybody.
    pub fn said() -> Self {
        Tap::of(Side::Said)
    }

    /// What is heard on the left and what is said on the right, interleaved.
    pub fn both() -> Self {
        Tap::of(Side::Both)
    }

    /// At `rate`, of 8, 16, 24 or 48 kHz; the session's if not said.
    pub fn rate(mut self, rate: SampleRate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// How much is kept for a slow reader: 1 s if not said, at most a minute.
    pub fn buffer(mut self, buffer: Duration) -> Self {
        self.buffer = buffer.min(LONGEST);
        self
    }

    fn of(side: Side) -> Self {
        Tap {
            side,
            rate: None,
            buffer: BUFFER,
        }
    }

    fn frames(&self) -> usize {
        (self.buffer.as_millis() / 20).max(1) as usize
    }
}

impl Tapped {
    /// Samples of a frame of 20 ms, of all channels.
    pub fn frame_len(&self) -> usize {
        self.rate.frame_len() * self.channels.len()
    }

    /// The rate of the samples.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Channels, interleaved: 2 if both directions are tapped.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Waits for the next frame and writes it to the front of `frame`.
    ///
    /// # Errors
    /// [`HearError`]
    pub fn recv(&mut self, frame: &mut [i16]) -> Result<HeardFrame, HearError> {
        loop {
            if let Some(read) = self.read_until(frame, Time::MAX)? {
                return Ok(read);
            }
        }
    }

    /// The next frame, if there is one.
    ///
    /// # Errors
    /// [`HearError`]
    pub fn try_recv(&mut self, frame: &mut [i16]) -> Result<Option<HeardFrame>, HearError> {
        self.read_until(frame, Time::ZERO)
    }

    /// Waits for the next frame for at most `timeout`; none when it has passed.
    ///
    /// # Errors
    /// [`HearError`]
    pub fn recv_timeout(
        &mut self,
        frame: &mut [i16],
        timeout: Duration,
    ) -> Result<Option<HeardFrame>, HearError> {
        self.read_until(frame, self.driver.now() + timeout)
    }

    /// Waits for the next frame, on any runtime.
    ///
    /// # Errors
    /// [`HearError`]
    pub async fn recv_async(&mut self, frame: &mut [i16]) -> Result<HeardFrame, HearError> {
        self.check(frame)?;
        let read = self.ring.next(&mut self.frame).await;
        let read = read.map_err(|_| HearError::Ended)?;
        self.convert(frame);
        Ok(HeardFrame::of(read))
    }

    /// Frames that wait to be read.
    pub fn queued(&self) -> usize {
        self.ring.len()
    }

    /// Frames that were lost so far because nobody read them in time.
    pub fn lost(&self) -> u64 {
        self.ring.lost()
    }

    fn read_until(
        &mut self,
        frame: &mut [i16],
        deadline: Time,
    ) -> Result<Option<HeardFrame>, HearError> {
        self.check(frame)?;
        let read = self
            .ring
            .pop_until(&mut self.frame, &*self.driver, deadline);
        let read = read.map_err(|_| HearError::Ended)?;
        if read.is_some() {
            self.convert(frame);
        }
        Ok(read.map(HeardFrame::of))
    }

    fn check(&self, frame: &[i16]) -> Result<(), HearError> {
        let (needed, given) = (self.frame_len(), frame.len());
        match given < needed {
            true => Err(HearError::TooShort { needed, given }),
            false => Ok(()),
        }
    }

    /// Brings the frame that was read to the tap's rate.
    fn convert(&mut self, into: &mut [i16]) {
        let width = self.channels.len();
        for (index, channel) in self.channels.iter_mut().enumerate() {
            let lane = self.frame.iter().skip(index).step_by(width);
            for (to, from) in channel.before.iter_mut().zip(lane) {
                *to = *from;
            }
            let progress = channel
                .resampler
                .process(&channel.before, &mut channel.after);
            channel.after[progress.written..].fill(0);
            let lane = into.iter_mut().skip(index).step_by(width);
            for (to, from) in lane.zip(&channel.after) {
                *to = *from;
            }
        }
    }
}

/// Begins to listen to a stream.
pub(super) fn tap(core: &Core, stream: StreamIndex, tap: Tap) -> Result<Tapped, SessionError> {
    let from = rate_of(core, stream)?;
    let rate = tap.rate.unwrap_or(from);
    let unsupported = SessionError::Rate { hz: rate.hz() };
    if !matches!(rate.hz(), 8000 | 16_000 | 24_000 | 48_000) {
        return Err(unsupported);
    }
    let channel = |_| {
        Some(Channel {
            resampler: Resampler::new(from, rate).ok()?,
            before: vec![0; from.frame_len()].into(),
            after: vec![0; rate.frame_len()].into(),
        })
    };
    let channels: Option<Vec<_>> = (0..tap.side.channels()).map(channel).collect();
    let channels = channels.ok_or(unsupported)?;
    let (frame_len, frames) = (from.frame_len(), tap.frames());
    let (writer, ring) = hear_ring(frame_len * channels.len(), frames);
    let writer = TapWriter::new(writer, tap.side, frame_len, frames);
    attach(core, stream, End::Tap(writer))?;
    Ok(Tapped {
        frame: vec![0; frame_len * channels.len()].into(),
        ring,
        driver: Arc::clone(&core.shared.driver),
        rate,
        channels,
    })
}

/// Begins to look for speech in what is heard.
pub(super) fn detect_speech(
    core: &Core,
    stream: StreamIndex,
    settings: Settings,
) -> Result<SpeechDetection, SessionError> {
    let rate = rate_of(core, stream)?;
    let detector =
        Detector::new(rate, settings).map_err(|_| SessionError::Rate { hz: rate.hz() })?;
    let wanted = Arc::new(());
    let watch = SpeechWatch::new(detector, stream, &wanted);
    attach(core, stream, End::Speech(Box::new(watch)))?;
    Ok(SpeechDetection { _wanted: wanted })
}

/// The rate that a stream's application speaks and hears at.
fn rate_of(core: &Core, stream: StreamIndex) -> Result<SampleRate, SessionError> {
    let state = core.open_state()?;
    let audio = state.wanted.at(usize::from(stream.0));
    let rate = audio.map(|audio| audio.rate);
    let rate = rate.ok_or(SessionError::NoSuchStream { line: stream.0 })?;
    state.check_heard(usize::from(stream.0))?;
    Ok(rate)
}

fn attach(core: &Core, stream: StreamIndex, end: End) -> Result<(), SessionError> {
    let place = core.reserve()?;
    drop(core.open_state()?);
    place.send(Command::Attach {
        session: core.id,
        stream,
        end,
        farewell: None,
    });
    Ok(())
}

impl fmt::Debug for Tapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tapped")
            .field("rate", &self.rate)
            .field("channels", &self.channels.len())
            .finish_non_exhaustive()
    }
}

/// Kept for a slow reader.
const BUFFER: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
