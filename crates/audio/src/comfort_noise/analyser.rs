//! Describes the noise that a room makes.
//!
//! In: frames in which nobody speaks. Out: a [`Description`]. The correlation of
//! the samples with those before them is kept, older frames fading away, and
//! turned into reflection coefficients by the Levinson-Durbin recursion when they
//! are asked for.

use crate::comfort_noise::{Description, MAX_ORDER};
use crate::level::Dbov;
use crate::rate::SampleRate;

/// Measures background noise.
///
/// ```
/// use talkpath_audio::comfort_noise::{Analyser, Description, Generator};
/// use talkpath_audio::{Dbov, SampleRate};
/// let room = Description::new(Dbov(-48.0), &[-0.8, 0.3]);
/// let mut noise = Generator::new(SampleRate::HZ_16000, 7);
/// noise.update(&room);
///
/// let mut analyser = Analyser::new(SampleRate::HZ_16000);
/// let mut frame = [0; 320];
/// for _ in 0..25 {
///     noise.fill(&mut frame);
///     analyser.push(&frame);
/// }
/// assert!(analyser.describe(2).resembles(&room));
/// ```
#[derive(Clone, Debug)]
pub struct Analyser {
    /// How much of a sample's weight is left after one more sample.
    fade: f64,
    /// Sums of products of two samples that are so many samples apart.
    correlation: [f64; LAGS],
    /// Sum of the weights.
    samples: f64,
    /// The last samples, newest first.
    last: [i16; MAX_ORDER],
}

impl Analyser {
    /// An analyser that has heard nothing.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        Self {
            fade: (-1.0 / (f64::from(rate.hz()) * MEMORY_SECONDS)).exp(),
            correlation: [0.0; LAGS],
            samples: 0.0,
            last: [0; MAX_ORDER],
        }
    }

    /// Hears some background noise; what was heard before weighs less.
    pub fn push(&mut self, pcm: &[i16]) {
        let kept = self.fade.powi(i32::try_from(pcm.len()).unwrap_or(i32::MAX));
        self.samples = self.samples * kept + pcm.len() as f64;
        let mut sums = [0i64; LAGS];
        for &sample in pcm {
            sums[0] += i64::from(sample) * i64::from(sample);
            for (sum, &before) in sums[1..].iter_mut().zip(&self.last) {
                *sum += i64::from(i32::from(sample) * i32::from(before));
            }
            self.last.copy_within(..MAX_ORDER - 1, 1);
            self.last[0] = sample;
        }
        for (correlation, sum) in self.correlation.iter_mut().zip(sums) {
            *correlation = *correlation * kept + sum as f64;
        }
    }

    /// Describes the noise with at most `order` reflection coefficients.
    ///
    /// 0 gives the level alone; more than [`MAX_ORDER`] counts as that. Before
    /// anything was heard it is silence.
    #[must_use]
    pub fn describe(&self, order: usize) -> Description {
        let power = self.correlation[0] / self.samples.max(1.0);
        let level = Dbov((10.0 * (power / FULL_SCALE_POWER).log10()) as f32);
        let mut reflections = [0.0; MAX_ORDER];
        let order = self.reflections(order.min(MAX_ORDER), &mut reflections);
        Description::new(level, &reflections[..order])
    }

    /// Forgets what was heard.
    pub fn reset(&mut self) {
        self.correlation = [0.0; LAGS];
        self.samples = 0.0;
        self.last = [0; MAX_ORDER];
    }

    /// The Levinson-Durbin recursion; returns how many coefficients it has.
    fn reflections(&self, order: usize, out: &mut [f32; MAX_ORDER]) -> usize {
        let mut filter = [0.0; LAGS];
        let mut error = self.correlation[0] * WHITE_NOISE;
        for stage in 1..=order {
            let known = (1..stage).map(|at| filter[at] * self.correlation[stage - at]);
            let reflection = -(self.correlation[stage] + known.sum::<f64>()) / error;
            // Silence has none, and sums of a signal that changes need not be
            // the correlation of any.
            if reflection.is_nan() || reflection.abs() >= 1.0 {
                return stage - 1;
            }
            let shorter = filter;
            for at in 1..stage {
                filter[at] += reflection * shorter[stage - at];
            }
            filter[stage] = reflection;
            error *= 1.0 - reflection * reflection;
            out[stage - 1] = reflection as f32;
        }
        order
    }
}

const LAGS: usize = MAX_ORDER + 1;

/// After so long a sample weighs 1/e of a new one.
const MEMORY_SECONDS: f64 = 0.2;

/// Noise 40 dB under the signal, which keeps the recursion well behaved.
const WHITE_NOISE: f64 = 1.000_1;

const FULL_SCALE_POWER: f64 = 1_073_741_824.0;
