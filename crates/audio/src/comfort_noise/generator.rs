//! Makes noise of a described level and spectrum.
//!
//! In: a [`Description`]. Out: PCM. White noise goes through a normalised lattice
//! filter (Gray and Markel, 1975), each stage of which is a rotation: whatever
//! the coefficients are and however they change, its output has the power of its
//! input. So a peer cannot make it ring or overflow.

use crate::comfort_noise::{Description, MAX_ORDER};
use crate::rate::SampleRate;

/// Fills gaps with comfort noise.
///
/// The same seed and the same calls give the same samples. A first description
/// is heard at once, a later one is moved to within some 60 ms. Before the first
/// it gives silence.
///
/// ```
/// use talkpath_audio::comfort_noise::{Description, Generator};
/// use talkpath_audio::{Dbov, LevelMeter, SampleRate};
/// let mut noise = Generator::new(SampleRate::HZ_8000, 1);
/// noise.update(&Description::new(Dbov(-50.0), &[-0.5]));
/// let (mut frame, mut meter) = ([0; 160], LevelMeter::new());
/// for _ in 0..50 {
///     noise.fill(&mut frame);
///     meter.push(&frame);
/// }
/// assert!((meter.take().rms.0 - -50.0).abs() < 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct Generator {
    chance: u32,
    /// Samples in a stretch in which the filter does not change: 5 ms.
    stretch: usize,
    /// Samples that are left of it.
    left: usize,
    now: Noise,
    wanted: Option<Noise>,
    /// The delayed backward output of each stage.
    backward: [f32; MAX_ORDER],
    /// Sine and cosine of each stage's rotation.
    stages: [(f32, f32); MAX_ORDER],
}

#[derive(Clone, Copy, Debug)]
struct Noise {
    /// Root mean square, in units of the sample.
    rms: f32,
    reflections: [f32; MAX_ORDER],
}

impl Generator {
    /// A generator without a description: it gives silence.
    #[must_use]
    pub fn new(rate: SampleRate, seed: u64) -> Self {
        let seed = (seed ^ seed >> 32) as u32;
        Self {
            chance: seed.wrapping_mul(0x9e37_79b9) | 1, // 0 would stay 0
            stretch: (rate.hz() / 200) as usize,
            left: 0,
            now: Noise {
                rms: 0.0,
                reflections: [0.0; MAX_ORDER],
            },
            wanted: None,
            backward: [0.0; MAX_ORDER],
            stages: [(0.0, 1.0); MAX_ORDER],
        }
    }

    /// Goes over to another noise.
    pub fn update(&mut self, description: &Description) {
        let mut reflections = [0.0; MAX_ORDER];
        for (slot, value) in reflections.iter_mut().zip(description.reflections()) {
            *slot = value;
        }
        let rms = description.level().rms() * FULL_SCALE;
        let wanted = Noise { rms, reflections };
        if self.wanted.replace(wanted).is_none() {
            self.now = wanted;
        }
        self.left = 0;
    }

    /// Fills `pcm` with the noise that follows what was there before.
    pub fn fill(&mut self, pcm: &mut [i16]) {
        let Some(wanted) = self.wanted else {
            pcm.fill(0);
            return;
        };
        let mut rest = pcm;
        while !rest.is_empty() {
            if self.left == 0 {
                self.approach(&wanted);
                self.left = self.stretch;
            }
            let (stretch, after) = rest.split_at_mut(self.left.min(rest.len()));
            self.left -= stretch.len();
            for sample in stretch {
                let white = self.white();
                *sample = (self.filter(white) * self.now.rms) as i16; // saturates
            }
            rest = after;
        }
    }

    /// Forgets the noise: silence until the next description.
    pub fn reset(&mut self) {
        self.wanted = None;
        self.backward = [0.0; MAX_ORDER];
    }

    /// Takes one step of 5 ms towards the noise that is wanted.
    fn approach(&mut self, wanted: &Noise) {
        self.now.rms += (wanted.rms - self.now.rms) * APPROACH;
        let stages = self.stages.iter_mut().zip(&mut self.now.reflections);
        for ((stage, now), wanted) in stages.zip(&wanted.reflections) {
            *now += (wanted - *now) * APPROACH;
            *stage = (*now, (1.0 - *now * *now).sqrt());
        }
    }

    /// Noise of unit power: the sum of four bytes is nearly Gaussian.
    fn white(&mut self) -> f32 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        let sum: u16 = self.chance.to_ne_bytes().into_iter().map(u16::from).sum();
        (f32::from(sum) - 510.0) * (1.0 / BYTES_RMS)
    }

    fn filter(&mut self, white: f32) -> f32 {
        let mut forward = white;
        let mut above: Option<&mut f32> = None;
        for (delayed, &(sine, cosine)) in self.backward.iter_mut().zip(&self.stages).rev() {
            let backward = sine * forward + cosine * *delayed;
            forward = cosine * forward - sine * *delayed;
            // What the stage below gives is what this one sees a sample later.
            if let Some(above) = above {
                *above = backward;
            }
            above = Some(delayed);
        }
        if let Some(lowest) = above {
            *lowest = forward;
        }
        forward
    }
}

const FULL_SCALE: f32 = 32_768.0;

/// Share of the way to the wanted noise that each 5 ms covers.
const APPROACH: f32 = 0.3;

/// Spread of the sum of four even bytes: √(4 · (256² - 1) / 12).
const BYTES_RMS: f32 = 147.801;
