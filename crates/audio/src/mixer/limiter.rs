//! Brings a sum of many samples back to 16 bits.
//!
//! In: sums. Out: samples. What fits stays as it is, to the bit. What does not
//! is turned down until it does, at once but over 2 ms, and up again slowly, so
//! that neither clicks; only within those 2 ms can a peak still be clipped.

use crate::rate::SampleRate;

/// The gain of one listener's sum.
#[derive(Clone, Debug)]
pub(super) struct Limiter {
    gain: f32,
    /// Samples that turning down takes.
    attack: usize,
    /// By how much the gain rises in a sample.
    release: f32,
}

impl Limiter {
    pub(super) fn new(rate: SampleRate) -> Self {
        Self {
            gain: 1.0,
            attack: (rate.hz() / 500) as usize,
            release: 1.0 / (rate.hz() as f32 * RELEASE_SECONDS),
        }
    }

    /// Writes one sample to `out` for each of `sums`.
    pub(super) fn limit(&mut self, sums: &[i32], out: &mut [i16]) {
        let peak = sums.iter().map(|sum| sum.abs()).max().unwrap_or(0);
        // 32,768 is one too many on one side only, where it is cut.
        let fits = MOST / peak.max(1) as f32;
        let risen = (self.gain + self.release * out.len() as f32).min(1.0);
        let wanted = risen.min(fits);
        if (self.gain, wanted) == (1.0, 1.0) {
            for (slot, &sum) in out.iter_mut().zip(sums) {
                *slot = sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
            }
            return;
        }
        let time = if wanted < self.gain {
            self.attack.min(out.len())
        } else {
            out.len()
        };
        let step = (wanted - self.gain) / time.max(1) as f32;
        for (at, (slot, &sum)) in out.iter_mut().zip(sums).enumerate() {
            let gain = if at < time {
                self.gain + step * (at + 1) as f32
            } else {
                wanted
            };
            *slot = (sum as f32 * gain) as i16; // saturates
        }
        self.gain = wanted;
    }
}

const MOST: f32 = 32_768.0;

/// The time from silence to the full gain.
const RELEASE_SECONDS: f32 = 1.0;
