//! What is heard instead of a packet that did not come.
//!
//! In: every frame that was decoded, and every frame that is missing. Out: the
//! last pitch periods again and again, in the manner of ITU-T G.711 Appendix I,
//! fading the longer it lasts, joined without a step at both ends. Where the
//! packet after the gap has come already, the gap is filled from both sides.

use std::time::Duration;

use crate::rate::SampleRate;

mod extrapolation;
mod join;

use extrapolation::{Extrapolation, Gap};
use join::{Between, Join};

/// Fills the gaps of one stream of mono PCM.
///
/// Frames may have any length and change it. Nothing is delayed: what goes into
/// [`Concealer::good`] comes out at once. It allocates only in
/// [`Concealer::new`].
///
/// ```
/// use talkpath_audio::{Concealer, Fill, SampleRate};
/// let mut concealer = Concealer::new(SampleRate::HZ_8000);
/// concealer.good(&mut [500; 160]);
///
/// let mut missing = [0; 160];
/// assert_eq!(concealer.conceal(&mut missing), Fill::Concealed);
/// assert_eq!(missing[0], 500);
/// ```
#[derive(Clone, Debug)]
pub struct Concealer {
    /// What was heard last, oldest first; silence before the start.
    history: Vec<i16>,
    state: State,
    forward: Extrapolation,
    /// Samples of the forward extrapolation.
    made: Vec<f32>,
    join: Join,
    lengths: Lengths,
}

/// Durations in samples.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    /// The shortest cross-fade at the end of a gap.
    overlap: usize,
    /// What the cross-fade grows by for each 10 ms that were lost.
    overlap_per_10_ms: usize,
    longest_overlap: usize,
    ten_ms: usize,
    /// Until a gap is silent.
    fade: usize,
}

/// What a missing frame was filled with.
///
/// ```
/// use talkpath_audio::{Concealer, Fill, SampleRate};
/// let mut concealer = Concealer::new(SampleRate::HZ_8000);
/// assert_eq!(concealer.conceal(&mut [0; 160]), Fill::Silence);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// At least in part with what was made of earlier sound.
    Concealed,
    /// With silence: the gap is too long, or nothing came before it.
    Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was ever heard.
    Quiet,
    /// The last frame was good.
    Good,
    /// So many samples of the gap are filled.
    Gap { filled: usize },
    /// Good again, while the gap's filling still fades out.
    Recovering { filled: usize, blended: usize },
}

impl Concealer {
    /// Starts a stream in which nothing has been heard yet.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        let lengths = Lengths::new(rate);
        Self {
            history: vec![0; rate.samples_in(HISTORY)],
            state: State::Quiet,
            forward: Extrapolation::new(rate, HISTORY),
            made: vec![0.0; rate.frame_len().max(lengths.longest_overlap)],
            join: Join::new(rate, HISTORY),
            lengths,
        }
    }

    /// Takes a frame that was decoded, and smooths it where it ends a gap.
    pub fn good(&mut self, frame: &mut [i16]) {
        if frame.is_empty() {
            return;
        }
        match self.state {
            State::Quiet | State::Good => self.state = State::Good,
            State::Gap { filled } => self.recover(frame, filled, 0),
            State::Recovering { filled, blended } => self.recover(frame, filled, blended),
        }
        self.remember(frame);
    }

    /// Fills a frame that is missing.
    pub fn conceal(&mut self, frame: &mut [i16]) -> Fill {
        let Some(filled) = self.enter_gap(Gap::Open) else {
            frame.fill(0);
            return Fill::Silence;
        };
        let mut done = 0;
        for chunk in frame.chunks_mut(self.made.len()) {
            let made = &mut self.made[..chunk.len()];
            self.forward.next(made);
            for (n, (sample, made)) in chunk.iter_mut().zip(made).enumerate() {
                let gain = self.lengths.gain(filled.saturating_add(done + n));
                *sample = (*made * gain).round() as i16;
            }
            done += chunk.len();
        }
        self.state = State::Gap {
            filled: filled.saturating_add(frame.len()),
        };
        self.remember(frame);
        if filled < self.lengths.fade {
            Fill::Concealed
        } else {
            Fill::Silence
        }
    }

    /// Fills all that is still missing before `after`, which has come already.
    ///
    /// `after` is the decoded PCM that follows right behind `gap`, best 20 ms
    /// or more of it; it is to be given to [`Concealer::good`] next, which then
    /// leaves it as it is. The gap may have begun with [`Concealer::conceal`].
    pub fn conceal_between(&mut self, gap: &mut [i16], after: &[i16]) -> Fill {
        if gap.is_empty() || after.is_empty() {
            return self.conceal(gap);
        }
        let alone = gap.len().saturating_sub(self.join.longest());
        let (alone, gap) = gap.split_at_mut(alone);
        if !alone.is_empty() {
            self.conceal(alone);
        }
        let Some(filled) = self.enter_gap(Gap::Closed) else {
            gap.fill(0);
            return Fill::Silence;
        };
        let between = Between {
            past: &self.history,
            after,
            gain: self.lengths.gain(filled),
        };
        self.join.fill(gap, &mut self.forward, &between);
        self.state = State::Good;
        self.remember(gap);
        Fill::Concealed
    }

    /// Forgets everything, as for a new source.
    pub fn reset(&mut self) {
        self.history.fill(0);
        self.state = State::Quiet;
    }

    /// How much of the gap is filled already; `None` if there was never sound.
    fn enter_gap(&mut self, gap: Gap) -> Option<usize> {
        match self.state {
            State::Quiet => None,
            State::Gap { filled } => Some(filled),
            State::Good => {
                self.forward.start(self.history.iter().copied(), gap);
                Some(0)
            }
            // Lost again before it was whole: as faded as it was.
            State::Recovering { filled, .. } => {
                self.forward.start(self.history.iter().copied(), gap);
                Some(filled)
            }
        }
    }

    /// Cross-fades from the filling into the frame.
    fn recover(&mut self, frame: &mut [i16], filled: usize, blended: usize) {
        let overlap = self
            .lengths
            .overlap(filled - blended, self.forward.period());
        let left = overlap.saturating_sub(blended).min(frame.len());
        let made = &mut self.made[..left];
        self.forward.next(made);
        for (n, (sample, made)) in frame.iter_mut().zip(made).enumerate() {
            let good = (blended + n + 1) as f32 / (overlap + 1) as f32;
            let old = *made * self.lengths.gain(filled.saturating_add(n));
            *sample = (f32::from(*sample) * good + old * (1.0 - good)).round() as i16;
        }
        self.state = if blended + left >= overlap {
            State::Good
        } else {
            State::Recovering {
                filled: filled.saturating_add(left),
                blended: blended + left,
            }
        };
    }

    fn remember(&mut self, frame: &[i16]) {
        let len = self.history.len();
        let new = &frame[frame.len().saturating_sub(len)..];
        self.history.copy_within(new.len().., 0);
        self.history[len - new.len()..].copy_from_slice(new);
    }
}

impl Lengths {
    fn new(rate: SampleRate) -> Self {
        let ms = |ms| rate.samples_in(Duration::from_millis(ms));
        Self {
            overlap: rate.samples_in(Duration::from_micros(2_500)),
            overlap_per_10_ms: ms(2),
            longest_overlap: ms(10),
            ten_ms: ms(10),
            fade: ms(60),
        }
    }

    /// The gain of sample `n` of a gap.
    fn gain(&self, n: usize) -> f32 {
        (1.0 - n as f32 / self.fade as f32).max(0.0)
    }

    /// G.711 Appendix I §I.2.7: the longer the gap, the longer the cross-fade.
    fn overlap(&self, lost: usize, period: usize) -> usize {
        let tens = (lost / self.ten_ms).saturating_sub(1).min(8);
        let overlap = self.overlap.max(period / 4) + tens * self.overlap_per_10_ms;
        overlap.min(self.longest_overlap)
    }
}

const HISTORY: Duration = Duration::from_millis(48);

#[cfg(test)]
mod tests;
