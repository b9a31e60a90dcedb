//! What is heard, for a sound card that asks at its own pace.
//!
//! In: frames of 20 ms at the worker's pace. Out: samples, as many as are asked
//! for whenever they are, with 20 to 60 ms in hand between the two clocks.

use std::collections::VecDeque;
use std::time::Duration;

use talkpath_audio::SampleRate;

use super::audio::Ended;
use crate::rings::{Elastic, HearReader};

/// What a sound card takes out of a ring at its own pace.
pub(super) struct Pull {
    elastic: Elastic,
    /// Frames read and not yet given, oldest first.
    queue: VecDeque<i16>,
    frame: Box<[i16]>,
    /// Whether the cushion is there: before, all is silence.
    is_running: bool,
}

impl Pull {
    pub(super) fn new(rate: SampleRate) -> Self {
        let (least, most) = (Duration::from_millis(20), Duration::from_millis(60));
        Pull {
            elastic: Elastic::new(rate, least, most),
            queue: VecDeque::with_capacity(FRAMES * rate.frame_len()),
            frame: vec![0; rate.frame_len()].into(),
            is_running: false,
        }
    }

    /// Fills `samples`; how many of them are sound.
    ///
    /// # Errors
    /// [`Ended`], when nothing more will come and all has been given.
    pub(super) fn read(
        &mut self,
        ring: &mut HearReader,
        samples: &mut [i16],
    ) -> Result<usize, Ended> {
        let mut ended = false;
        while self.queue.len() + self.frame.len() <= self.queue.capacity() {
            match ring.pop(&mut self.frame) {
                Ok(Some(_)) => self.queue.extend(&*self.frame),
                Ok(None) => break,
                Err(_) => {
                    ended = true;
                    break;
                }
            }
        }
        let waiting = self.queue.len();
        self.is_running |= waiting >= self.elastic.least() + samples.len() || ended;
        if ended && waiting + self.elastic.held() == 0 {
            return Err(Ended);
        }
        let given = match self.is_running {
            true => self
                .elastic
                .take(waiting, |into| drain(&mut self.queue, into), samples),
            false => 0,
        };
        samples[given..].fill(0);
        self.is_running = given == samples.len();
        Ok(given)
    }
}

/// Moves the oldest samples of `queue` into `into`; how many that were.
fn drain(queue: &mut VecDeque<i16>, into: &mut [i16]) -> usize {
    let count = into.len().min(queue.len());
    for (to, from) in into.iter_mut().zip(queue.drain(..count)) {
        *to = from;
    }
    count
}

/// Frames kept at most, beside those in the ring.
const FRAMES: usize = 12;
