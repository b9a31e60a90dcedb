//! A queue between two clocks: its depth is kept within a band by time-scaling.
//!
//! In: how much waits, and the way to it. Out: frames, and now and then one
//! pitch period less or more than what waited, so that the queue of a fast
//! clock does not grow and that of a slow one does not run dry. What counts is
//! the lowest depth within half a second: a burst that drains by itself is
//! left alone. Nothing is allocated after [`Elastic::new`].

use std::ops::RangeInclusive;
use std::time::Duration;

use talkpath_audio::{SampleRate, TimeScaler, Urgency};

/// Keeps the depth of a queue within a band.
#[derive(Debug)]
pub(crate) struct Elastic {
    /// Samples that may wait when a frame has been taken.
    band: RangeInclusive<usize>,
    scaler: TimeScaler,
    /// What was scaled and not given yet: `held[given..len]`.
    held: Box<[i16]>,
    given: usize,
    len: usize,
    /// Samples of the window that the lowest depth is looked for in.
    window: usize,
    watched: usize,
    lowest: usize,
    /// Whether the last look found it outside of the band: the next is soon.
    is_adjusting: bool,
    due: Due,
    /// Samples taken out and put in so far.
    pub(crate) shortened: u64,
    pub(crate) lengthened: u64,
    piece: usize,
}

/// Samples to be taken out or put in, and how often that was tried in vain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Due {
    Nothing,
    Shorten { samples: usize, tried: u32 },
    Lengthen { samples: usize, tried: u32 },
}

impl Elastic {
    /// For a queue that may hold between `least` and `most` when a frame has
    /// been taken.
    pub(crate) fn new(rate: SampleRate, least: Duration, most: Duration) -> Self {
        let samples = |time| rate.samples_in(time);
        let least = samples(least);
        Elastic {
            band: least..=samples(most).max(least + rate.frame_len()),
            scaler: TimeScaler::new(rate),
            held: vec![0; 2 * samples(PIECE)].into(),
            given: 0,
            len: 0,
            window: samples(WINDOW),
            watched: 0,
            lowest: usize::MAX,
            is_adjusting: false,
            due: Due::Nothing,
            shortened: 0,
            lengthened: 0,
            piece: samples(PIECE),
        }
    }

    /// Samples that were scaled and not given yet.
    pub(crate) fn held(&self) -> usize {
        self.len - self.given
    }

    /// The least that should wait behind a frame.
    pub(crate) fn least(&self) -> usize {
        *self.band.start()
    }

    /// Forgets what it holds, and how deep the queue was.
    pub(crate) fn reset(&mut self) {
        (self.given, self.len) = (0, 0);
        self.forget();
    }

    /// Looks at the depth afresh.
    pub(crate) fn forget(&mut self) {
        (self.watched, self.lowest) = (0, usize::MAX);
        self.due = Due::Nothing;
    }

    /// Fills `frame` from the front, of what it holds and of a queue in which
    /// `waiting` samples are, and tells how many samples that were. `pop` takes
    /// from the queue.
    pub(crate) fn take(
        &mut self,
        waiting: usize,
        mut pop: impl FnMut(&mut [i16]) -> usize,
        frame: &mut [i16],
    ) -> usize {
        let piece = waiting.min(self.piece);
        if self.held() == 0 && piece >= self.least_piece() {
            self.given = 0;
            self.len = pop(&mut self.held[..piece]);
            self.scale();
        }
        let held = self.held().min(frame.len());
        frame[..held].copy_from_slice(&self.held[self.given..self.given + held]);
        self.given += held;
        let taken = held + pop(&mut frame[held..]);
        self.watch(waiting, taken, frame.len());
        taken
    }

    /// Looks at the depth: `taken` of what waited were taken, `wanted` were
    /// wanted.
    fn watch(&mut self, waiting: usize, taken: usize, wanted: usize) {
        if taken < wanted {
            // It ran dry: what was said is over, or late.
            return self.forget();
        }
        if self.due != Due::Nothing {
            return;
        }
        self.lowest = self.lowest.min(waiting.saturating_sub(taken));
        self.watched += taken;
        let window = match self.is_adjusting {
            true => self.window / 4,
            false => self.window,
        };
        if self.watched < window {
            return;
        }
        let lowest = self.lowest;
        self.forget();
        let (least, most) = (*self.band.start(), *self.band.end());
        self.is_adjusting = !self.band.contains(&lowest);
        if lowest > most {
            let samples = lowest - most;
            self.due = Due::Shorten { samples, tried: 0 };
        } else if lowest < least {
            let samples = least - lowest;
            self.due = Due::Lengthen { samples, tried: 0 };
        }
    }

    /// What must wait for a period to be found in it: to shorten, two of any
    /// voice; to lengthen, when little is left, two of most.
    fn least_piece(&self) -> usize {
        match self.due {
            Due::Nothing => usize::MAX,
            Due::Shorten { .. } => self.piece,
            Due::Lengthen { .. } => self.piece / 2,
        }
    }

    /// Takes a pitch period out of what is held, or puts one in.
    fn scale(&mut self) {
        match &mut self.due {
            Due::Nothing => {}
            Due::Shorten { samples, tried } => {
                let removed = self
                    .scaler
                    .shorten(&mut self.held[..self.len], urgency(tried));
                self.len -= removed;
                self.shortened += removed as u64;
                *samples = samples.saturating_sub(removed);
                if *samples == 0 {
                    self.due = Due::Nothing;
                }
            }
            Due::Lengthen { samples, tried } => {
                let inserted = self
                    .scaler
                    .lengthen(&mut self.held, self.len, urgency(tried));
                self.len += inserted;
                self.lengthened += inserted as u64;
                *samples = samples.saturating_sub(inserted);
                if *samples == 0 {
                    self.due = Due::Nothing;
                }
            }
        }
    }
}

/// How much may be heard of it at this try.
fn urgency(tried: &mut u32) -> Urgency {
    *tried += 1;
    match *tried > PATIENCE {
        true => Urgency::Urgent,
        false => Urgency::Gentle,
    }
}

/// How long the lowest depth is looked for.
const WINDOW: Duration = Duration::from_millis(500);
/// What is scaled at once: two periods of the deepest voice, and some.
const PIECE: Duration = Duration::from_millis(40);
/// Tries that wait for a place where nothing is heard.
const PATIENCE: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use talkpath_audio::{Dbov, Tone, ToneGenerator};

    /// A writer at `hz` and a reader at 8 kHz, for so many seconds; the depths
    /// when a frame was taken, and the frames that ran dry.
    fn between_clocks(hz: f64, seconds: usize, elastic: &mut Elastic) -> (Vec<usize>, usize) {
        let mut tone = ToneGenerator::new(Tone::sine(200.0, Dbov(-20.0)), SampleRate::HZ_8000);
        let (mut queue, mut owed) = (VecDeque::from(vec![0; 400]), 0.0);
        let (mut depths, mut dry) = (Vec::new(), 0);
        for _ in 0..seconds * 50 {
            owed += hz / 50.0;
            let mut words = vec![0; owed as usize];
            owed -= owed.floor();
            tone.fill(&mut words);
            queue.extend(words);
            let mut frame = [0; 160];
            let waiting = queue.len();
            let pop = |into: &mut [i16]| {
                let count = into.len().min(queue.len());
                queue
                    .drain(..count)
                    .zip(into)
                    .for_each(|(from, to)| *to = from);
                count
            };
            dry += usize::from(elastic.take(waiting, pop, &mut frame) < frame.len());
            depths.push(queue.len() + elastic.held());
        }
        (depths, dry)
    }

    fn elastic() -> Elastic {
        let ms = Duration::from_millis;
        Elastic::new(SampleRate::HZ_8000, ms(20), ms(60))
    }

    #[test]
    fn the_queue_of_a_fast_clock_stays_short() {
        for ppm in [2_000.0, 50_000.0] {
            let mut elastic = elastic();
            let hz = 8_000.0 * (1.0 + ppm / 1e6);
            let (depths, dry) = between_clocks(hz, 120, &mut elastic);
            let surplus = (hz - 8_000.0) * 120.0;
            let most = *depths.iter().max().unwrap();
            // The budget, the window's growth, a piece in hand.
            assert!(most < 480 + 160 + 600, "{ppm} ppm: {most}");
            assert_eq!(dry, 0, "{ppm} ppm");
            let removed = elastic.shortened as f64;
            assert!(
                (removed - surplus).abs() < 700.0,
                "{ppm} ppm: {removed} of {surplus}"
            );
        }
    }

    #[test]
    fn the_queue_of_a_slow_clock_never_runs_dry() {
        for ppm in [2_000.0, 10_000.0] {
            let mut elastic = elastic();
            let hz = 8_000.0 * (1.0 - ppm / 1e6);
            let (_, dry) = between_clocks(hz, 120, &mut elastic);
            assert_eq!(dry, 0, "{ppm} ppm");
            assert!(elastic.lengthened > 0 && elastic.shortened == 0);
        }
    }

    #[test]
    fn clocks_that_agree_change_nothing() {
        let mut elastic = elastic();
        between_clocks(8_000.0, 60, &mut elastic);
        assert_eq!((elastic.shortened, elastic.lengthened), (0, 0));
    }
}
