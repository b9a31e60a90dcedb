//! How a signal would have gone on.
//!
//! In: what was heard last. Out: as many samples as are wanted that continue it:
//! its last pitch period in a loop, in the manner of ITU-T G.711 Appendix I §I.2.
//! Unlike there nothing is delayed: what was played already is not touched, so
//! that a step at the joint is spread over the samples after it. A signal read
//! backwards is continued backwards. Left out: gain.

use std::time::Duration;

use crate::pitch::PitchSearch;
use crate::rate::SampleRate;

/// Continues a signal; built once, started for each gap.
#[derive(Clone, Debug)]
pub(super) struct Extrapolation {
    search: PitchSearch,
    /// The most samples at the end that are compared with earlier ones.
    window: usize,
    /// Samples over which a step at the joint dies away.
    joint: usize,
    /// The loop of what has no pitch.
    noise: usize,
    period: usize,
    /// Where in the period the next sample is.
    at: usize,
    /// How far the first samples are from where the signal left off.
    step: Step,
}

/// Whether it is known where a gap ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Its end has come: the continuation soon gives way to it.
    Closed,
    /// It may last.
    Open,
}

/// An offset that dies away.
#[derive(Clone, Copy, Debug)]
struct Step {
    height: f32,
    /// Samples that still feel it.
    left: usize,
}

impl Extrapolation {
    /// Allocates for signals of at most `longest`.
    pub(super) fn new(rate: SampleRate, longest: Duration) -> Self {
        Self {
            search: PitchSearch::new(rate, longest),
            window: rate.samples_in(WINDOW),
            joint: rate.samples_in(JOINT),
            noise: rate.samples_in(NOISE_LOOP),
            period: 0,
            at: 0,
            step: Step {
                height: 0.0,
                left: 0,
            },
        }
    }

    /// Looks for the pitch at the end of a signal, to go on from there.
    pub(super) fn start(&mut self, past: impl Iterator<Item = i16>, gap: Gap) {
        self.search.load_from(past);
        let signal = self.search.signal();
        // Of a short signal most is for the lags: a period must fit into it.
        let window = self.window.min(signal.len() * 2 / 5);
        let pitch = self.search.best(signal.len() - window, window, usize::MAX);
        self.period = match pitch {
            Some(pitch) if gap == Gap::Closed || pitch.correlation > NOISE => pitch.lag,
            // Noise that lasts would buzz in a short loop.
            Some(_) => self.noise.min(signal.len()),
            // Silence goes on as silence.
            None => window,
        };
        let before = signal.len().checked_sub(self.period + 1);
        let height = match (signal.last(), before) {
            (Some(last), Some(before)) => last - signal[before],
            _ => 0.0,
        };
        self.step = Step {
            height,
            left: self.joint,
        };
        self.at = 0;
    }

    /// One pitch period, in samples; 0 if there was no signal at all.
    pub(super) fn period(&self) -> usize {
        self.period
    }

    /// Makes the next samples.
    pub(super) fn next(&mut self, samples: &mut [f32]) {
        for sample in samples {
            *sample = self.looped();
            if self.step.left > 0 {
                *sample += self.step.height * self.step.left as f32 / (self.joint + 1) as f32;
                self.step.left -= 1;
            }
            self.at = if self.at + 1 < self.period {
                self.at + 1
            } else {
                0
            };
        }
    }

    /// A sample of the loop, whose end is blended into what precedes its start.
    fn looped(&self) -> f32 {
        let (signal, period) = (self.search.signal(), self.period);
        if period == 0 {
            return 0.0;
        }
        let place = signal.len() - period + self.at;
        let overlap = (period / 4).min(signal.len() - period);
        let Some(into) = (self.at + overlap).checked_sub(period) else {
            return signal[place];
        };
        let weight = (into + 1) as f32 / (overlap + 1) as f32;
        signal[place] * (1.0 - weight) + signal[place - period] * weight
    }
}

/// More than one period of most voices, and recent enough.
const WINDOW: Duration = Duration::from_micros(12_500);
const JOINT: Duration = Duration::from_millis(1);
/// Below this correlation there is no pitch.
const NOISE: f32 = 0.3;
const NOISE_LOOP: Duration = Duration::from_millis(20);
