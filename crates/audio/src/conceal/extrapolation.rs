//! How a signal would have gone on.
//!
//! In: what was heard last. Out: as many samples as are wanted that continue it:
//! its last pitch periods in a loop, in the manner of ITU-T G.711 Appendix I
//! §I.2. Unlike there nothing is delayed: what was played is not touched, so a
//! step at the joint is spread over the next samples. Left out: gain.

use std::time::Duration;

use crate::pitch::PitchSearch;
use crate::rate::SampleRate;

/// Continues a signal; built once, started for each gap.
#[derive(Clone, Debug)]
pub(super) struct Extrapolation {
    search: PitchSearch,
    window: usize,
    /// Samples over which a step at the joint dies away.
    joint: usize,
    /// One period.
    lag: usize,
    /// The whole loop: one period or more.
    span: usize,
    /// The next sample, counted from the start of the loop.
    at: usize,
    /// Samples that were made so far.
    made: usize,
    step: f32,
}

impl Extrapolation {
    pub(super) fn new(rate: SampleRate, longest: Duration) -> Self {
        Self {
            search: PitchSearch::new(rate, longest),
            window: rate.samples_in(WINDOW),
            joint: rate.samples_in(JOINT),
            lag: 0,
            span: 0,
            at: 0,
            made: 0,
            step: 0.0,
        }
    }

    /// Looks for the pitch at the end of `past`, to go on from there.
    pub(super) fn start(&mut self, past: &[i16]) {
        self.search.load(past);
        let signal = self.search.signal();
        let len = signal.len();
        let window = self.window.min(len / 2);
        let pitch = self.search.best(len - window, window, usize::MAX);
        self.lag = pitch.map_or_else(|| len.min(self.window), |pitch| pitch.lag);
        self.span = self.lag;
        (self.at, self.made) = (0, 0);
        self.step = match (signal.last(), signal.get(len.wrapping_sub(self.span + 1))) {
            (Some(last), Some(before)) => last - before,
            _ => 0.0,
        };
    }

    /// One pitch period, in samples.
    pub(super) fn period(&self) -> usize {
        self.lag
    }

    /// Makes the next samples.
    pub(super) fn next(&mut self, samples: &mut [f32]) {
        for sample in samples {
            *sample = self.looped();
            if self.made < self.joint {
                *sample += self.step * (1.0 - (self.made + 1) as f32 / (self.joint + 1) as f32);
            }
            self.made += 1;
            self.at += 1;
            if self.at >= self.span {
                self.at = 0;
            }
        }
    }

    /// A sample of the loop, whose end is blended into what precedes its start.
    fn looped(&self) -> f32 {
        let signal = self.search.signal();
        if self.span == 0 {
            return 0.0;
        }
        let place = signal.len() - self.span + self.at;
        let overlap = (self.lag / 4).min(signal.len() - self.span);
        let Some(into) = (self.at + overlap).checked_sub(self.span) else {
            return signal[place];
        };
        let weight = (into + 1) as f32 / (overlap + 1) as f32;
        signal[place] * (1.0 - weight) + signal[place - self.span] * weight
    }
}

const WINDOW: Duration = Duration::from_millis(20);
const JOINT: Duration = Duration::from_micros(2_500);
