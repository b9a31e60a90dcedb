//! The application's end of a stream: what it says and what it hears.
//!
//! Two owned halves for two threads or tasks. Between them and the worker are
//! bounded rings of 200 ms: saying more than fits takes what fits, hearing too
//! late loses the oldest.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_media::{FrameKind, StreamIndex};
use talkpath_wire::Time;

use super::Core;
use crate::driver::Driver;
use crate::error::SessionError;
use crate::rings::{HearReader, SayWriter, hear_ring, say_ring};
use crate::worker::{Command, End};

/// The application's end of an audio stream.
///
/// ```
/// # use talkpath::{Audio, Codec, MediaManager};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(24000..=24100).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv([Codec::Pcmu]))?;
/// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv([Codec::Pcmu]))?;
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
pub struct Say {
    ring: SayWriter,
    driver: Arc<dyn Driver>,
}

/// What the application hears: frames of 20 ms at the session's rate.
pub struct Hear {
    ring: HearReader,
    driver: Arc<dyn Driver>,
    rate: SampleRate,
}

/// A frame that was heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeardFrame {
    /// Whether it was received, made up for a loss, or silence.
    pub kind: FrameKind,
    /// Frames before it that were lost because nobody read them in time.
    pub lost_before: u64,
}

/// The stream has ended: nothing will be said or heard any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the stream has ended")]
pub struct Ended;

/// Gives the application its end of a stream.
pub(super) fn attach(core: &Core, stream: StreamIndex) -> Result<AudioEnd, SessionError> {
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
    if state.taken.contains(&stream) {
        return Err(SessionError::AudioTaken { line: stream.0 });
    }
    let place = core.reserve()?;
    let (say, say_reader) = say_ring(rate.frame_len() * FRAMES);
    let (hear_writer, hear) = hear_ring(rate.frame_len(), FRAMES);
    let end = End::Application {
        say: say_reader,
        hear: hear_writer,
    };
    place.send(Command::Attach {
        session: core.id,
        stream,
        end,
    });
    state.taken.push(stream);
    let driver = || Arc::clone(&core.shared.driver);
    Ok(AudioEnd {
        say: Say {
            ring: say,
            driver: driver(),
        },
        hear: Hear {
            ring: hear,
            driver: driver(),
            rate,
        },
    })
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

    /// Samples that wait to be said.
    pub fn queued(&self) -> usize {
        self.ring.len()
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
    /// [`Ended`]
    pub fn recv(&mut self, frame: &mut [i16]) -> Result<HeardFrame, Ended> {
        loop {
            let read = self.ring.pop_until(frame, &*self.driver, Time::MAX);
            if let Some(read) = read.map_err(|_| Ended)? {
                return Ok(HeardFrame {
                    kind: read.kind,
                    lost_before: read.lost_before,
                });
            }
        }
    }

    /// Waits for the next frame for at most `timeout`; none when it has passed.
    ///
    /// # Errors
    /// [`Ended`]
    pub fn recv_timeout(
        &mut self,
        frame: &mut [i16],
        timeout: Duration,
    ) -> Result<Option<HeardFrame>, Ended> {
        let deadline = self.driver.now() + timeout;
        let read = self
            .ring
            .pop_until(frame, &*self.driver, deadline)
            .map_err(|_| Ended)?;
        Ok(read.map(|read| HeardFrame {
            kind: read.kind,
            lost_before: read.lost_before,
        }))
    }

    /// Waits for the next frame, on any runtime.
    ///
    /// # Errors
    /// [`Ended`]
    pub async fn recv_async(&mut self, frame: &mut [i16]) -> Result<HeardFrame, Ended> {
        let read = self.ring.next(frame).await.map_err(|_| Ended)?;
        Ok(HeardFrame {
            kind: read.kind,
            lost_before: read.lost_before,
        })
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

/// Frames of 20 ms that a ring holds: 200 ms.
const FRAMES: usize = 10;
