//! The application's end of a stream: what it says and what it hears.
//!
//! Two owned halves for two threads or tasks. Between them and the worker are
//! bounded rings: saying more than fits takes what fits, hearing too late loses
//! the oldest. How much of what is said may wait, and what becomes of it then,
//! a [`Feed`] says.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_media::{FrameKind, StreamIndex};
use talkpath_wire::Time;

use super::Core;
use super::feed::Feed;
use super::pull::Pull;
use crate::driver::Driver;
use crate::error::SessionError;
use crate::rings::{Frame, HearReader, MarkError, Marked, SayWriter, hear_ring, say_ring};
use crate::wait::{Pending, pending};
use crate::worker::{Command, End};

/// The application's end of an audio stream.
///
/// ```
/// # use talkpath::{Audio, Codec, MediaManager};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(24000..=24100).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv([Codec::PCMU]))?;
/// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv([Codec::PCMU]))?;
/// # caller.apply_answer(&answer)?;
/// let (mut say, mut hear) = callee.audio()?.split();
/// say.send_all(&[0; 160])?;
/// let mut frame = vec![0; hear.frame_len()];
/// let heard = hear.recv(&mut frame)?;   // waits for the next 20 ms
/// # let _ = heard;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AudioEnd {
    /// What the application says.
    pub say: Say,
    /// What it hears.
    pub hear: Hear,
}

/// What the application says: mono samples at the session's rate.
///
/// What is said before the peer has answered waits for the answer; what is said
/// while nothing may be sent (hold) is taken and forgotten.
pub struct Say {
    ring: SayWriter,
    driver: Arc<dyn Driver>,
    rate: SampleRate,
    /// While either half lives, nobody else can take the stream's audio.
    _hold: Arc<()>,
}

/// What the application hears: frames of 20 ms at the session's rate.
///
/// Frames come from the beginning, one every 20 ms: before the answer, on hold,
/// and after the peer's goodbye they are silence. They end with the session.
pub struct Hear {
    ring: HearReader,
    driver: Arc<dyn Driver>,
    rate: SampleRate,
    pull: Option<Pull>,
    _hold: Arc<()>,
}

/// A frame that was heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeardFrame {
    /// Whether it was received, made up for a loss, or silence.
    pub kind: FrameKind,
    /// Frames before it that were lost because nobody read them in time.
    pub lost_before: u64,
}

/// Why no frame was heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HearError {
    /// The stream has ended: nothing will be heard any more.
    #[error("the stream has ended")]
    Ended,
    /// The buffer does not hold a frame; none was taken.
    #[error("a frame has {needed} samples, the buffer {given}")]
    TooShort {
        /// Samples of a frame: [`Hear::frame_len`].
        needed: usize,
        /// Samples of the buffer.
        given: usize,
    },
}

/// The stream has ended: nothing will be said any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the stream has ended")]
pub struct Ended;

/// Gives the application its end of a stream.
pub(super) fn attach(
    core: &Core,
    stream: StreamIndex,
    feed: Feed,
) -> Result<AudioEnd, SessionError> {
    let mut state = core.open_state()?;
    let line = usize::from(stream.0);
    let is_live = state
        .dialogue
        .streams()
        .get(line)
        .is_some_and(|stream| stream.is_live());
    let rate = state
        .wanted
        .at(line)
        .map(|audio| audio.rate)
        .filter(|_| is_live);
    let rate = rate.ok_or(SessionError::NoSuchStream { line: stream.0 })?;
    state.check_heard(line)?;
    let is_held =
        |(taken, hold): &(StreamIndex, Weak<()>)| *taken == stream && hold.strong_count() > 0;
    if state.taken.iter().any(is_held) {
        return Err(SessionError::AudioTaken { line: stream.0 });
    }
    let place = core.reserve()?;
    let (say, say_reader) = say_ring(feed.capacity(rate), feed.elastic(rate));
    let (hear_writer, hear) = hear_ring(rate.frame_len(), FRAMES);
    let end = End::Application {
        say: say_reader,
        hear: hear_writer,
    };
    place.send(Command::Attach {
        session: core.id,
        stream,
        end,
        farewell: None,
    });
    let hold = Arc::new(());
    state.taken.retain(|(taken, _)| *taken != stream);
    state.taken.push((stream, Arc::downgrade(&hold)));
    let driver = || Arc::clone(&core.shared.driver);
    Ok(AudioEnd {
        say: Say {
            ring: say,
            driver: driver(),
            rate,
            _hold: Arc::clone(&hold),
        },
        hear: Hear {
            ring: hear,
            driver: driver(),
            rate,
            pull: None,
            _hold: hold,
        },
    })
}

impl HeardFrame {
    pub(super) fn of(frame: Frame) -> Self {
        HeardFrame {
            kind: frame.kind,
            lost_before: frame.lost_before,
        }
    }
}

impl AudioEnd {
    /// Both halves, for two threads.
    pub fn split(self) -> (Say, Hear) {
        (self.say, self.hear)
    }
}

impl Say {
    /// Says as many of `samples` as there is room for, and returns how many.
    ///
    /// # Errors
    /// [`Ended`]
    pub fn send(&mut self, samples: &[i16]) -> Result<usize, Ended> {
        self.ring.push(samples).map_err(|_| Ended)
    }

    /// Says all of `samples`, waiting for room.
    ///
    /// # Errors
    /// [`Ended`], when the stream ended before all was said.
    pub fn send_all(&mut self, samples: &[i16]) -> Result<(), Ended> {
        let said = self.ring.push_until(samples, &*self.driver, Time::MAX);
        said.map(drop).map_err(|_| Ended)
    }

    /// Says all of `samples`, on any runtime.
    ///
    /// # Errors
    /// [`Ended`], when the stream ended before all was said.
    pub async fn send_all_async(&mut self, samples: &[i16]) -> Result<(), Ended> {
        self.ring.push_all(samples).await.map_err(|_| Ended)
    }

    /// Throws away what waits to be said, and returns how long that was: the
    /// peer interrupts. Marks in it are told that they were cleared. What has
    /// been said is said: up to two frames are on their way into a packet.
    pub fn clear(&mut self) -> Duration {
        self.rate.duration_of(self.ring.clear() as u64)
    }

    /// Sets a mark behind what was sent last: the value comes when all of it
    /// has been said, or was cleared.
    ///
    /// ```
    /// use std::time::Duration;
    /// use talkpath::{Feed, Marked};
    /// # use talkpath::{Audio, Codec, MediaManager};
    /// # let manager = MediaManager::builder().interface("127.0.0.1").ports(24200..=24300).build()?;
    /// # let (session, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
    /// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
    /// # session.apply_answer(&answer)?;
    /// let (mut say, _hear) = session.audio_with(Feed::stored(Duration::from_secs(30)))?.split();
    /// say.send_all(&[0; 80_000])?;               // 10 s at 8 kHz, at once
    /// let mark = say.mark()?;
    /// let unsaid = say.clear();                  // the peer begins to speak
    /// assert!(unsaid > Duration::from_secs(9));
    /// assert_eq!(mark.wait()?, Marked::Cleared);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`MarkError`] when the stream has ended, or 256 marks wait.
    pub fn mark(&mut self) -> Result<Pending<Marked>, MarkError> {
        let (done, waited) = pending(Arc::clone(&self.driver));
        self.ring.mark(done)?;
        Ok(waited)
    }

    /// The rate of the samples.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Samples that wait to be said.
    pub fn queued(&self) -> usize {
        self.ring.len()
    }

    /// Samples that there is room for now.
    pub fn room(&self) -> usize {
        self.ring.room()
    }

    /// How much was taken out of a live feed so far to keep it in its budget.
    pub fn shortened(&self) -> Duration {
        self.rate.duration_of(self.ring.scaled().0)
    }

    /// How much was put into a live feed so far to keep its cushion.
    pub fn lengthened(&self) -> Duration {
        self.rate.duration_of(self.ring.scaled().1)
    }
}

impl Hear {
    /// Samples of a frame of 20 ms.
    pub fn frame_len(&self) -> usize {
        self.ring.frame_len()
    }

    /// The rate of the samples.
    pub fn rate(&self) -> SampleRate {
        self.rate
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
        let read = self.ring.next(frame).await;
        read.map(HeardFrame::of).map_err(|_| HearError::Ended)
    }

    /// Fills `samples`, however many, without waiting: for a sound card, whose
    /// clock asks when it likes and is not ours. Between 20 and 60 ms are kept
    /// in hand by time-scaling; what has not come yet is silence. Returns how
    /// many samples are sound.
    ///
    /// The first call allocates, no other does.
    ///
    /// # Errors
    /// [`Ended`], when nothing more will come and all has been read.
    pub fn pull(&mut self, samples: &mut [i16]) -> Result<usize, Ended> {
        let rate = self.rate;
        let pull = self.pull.get_or_insert_with(|| Pull::new(rate));
        pull.read(&mut self.ring, samples)
    }

    fn read_until(
        &mut self,
        frame: &mut [i16],
        deadline: Time,
    ) -> Result<Option<HeardFrame>, HearError> {
        self.check(frame)?;
        let read = self.ring.pop_until(frame, &*self.driver, deadline);
        let read = read.map_err(|_| HearError::Ended)?;
        Ok(read.map(HeardFrame::of))
    }

    fn check(&self, frame: &[i16]) -> Result<(), HearError> {
        let (needed, given) = (self.frame_len(), frame.len());
        match given < needed {
            true => Err(HearError::TooShort { needed, given }),
            false => Ok(()),
        }
    }

    /// Frames that wait to be read.
    pub fn queued(&self) -> usize {
        self.ring.len()
    }

    /// Frames that were lost so far because nobody read them in time.
    pub fn lost(&self) -> u64 {
        self.ring.lost()
    }
}

impl fmt::Debug for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Say")
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Hear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hear")
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

/// Frames of 20 ms that are kept to be heard: 200 ms.
const FRAMES: usize = 10;
