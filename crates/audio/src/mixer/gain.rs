//! How loud a party is to the others.
//!
//! In: a gain in decibels, and samples. Out: samples, louder or quieter. A new
//! gain is reached along a straight line within one frame. Left out: automatic
//! gain.

/// A gain between silence and +18 dB.
///
/// ```
/// use talkpath_audio::mixer::Gain;
/// assert_eq!(Gain::from_db(0.0), Gain::UNITY);
/// assert_eq!(Gain::from_db(f32::NEG_INFINITY), Gain::MUTE);
/// assert_eq!(Gain::from_db(99.0), Gain::from_db(18.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gain(
    /// In units of 1/4096, at most 32,536: its product with a sample has 31 bits.
    i32,
);

impl Gain {
    /// Nothing is heard.
    pub const MUTE: Self = Self(0);
    /// Samples stay as they are.
    pub const UNITY: Self = Self(1 << FRACTION);

    /// The gain of `db` decibels, at most 18; under -72 it is silence.
    #[must_use]
    pub fn from_db(db: f32) -> Self {
        let factor = 10f32.powf(db.min(18.0) / 20.0);
        // The cast takes NaN to 0.
        Self((factor * Self::UNITY.0 as f32).round() as i32)
    }
}

impl Default for Gain {
    fn default() -> Self {
        Self::UNITY
    }
}

/// A gain on its way to another.
#[derive(Clone, Debug, Default)]
pub(super) struct Fader {
    /// `None` until something was heard: before that there is nothing to fade.
    now: Option<Gain>,
    wanted: Gain,
}

impl Fader {
    pub(super) fn fade_to(&mut self, gain: Gain) {
        self.wanted = gain;
    }

    /// Writes `pcm` with the gain to `out`, of the same length; returns whether
    /// there is anything to hear.
    pub(super) fn apply(&mut self, pcm: &[i16], out: &mut [i16]) -> bool {
        let (from, to) = (self.now.unwrap_or(self.wanted).0, self.wanted.0);
        self.now = Some(self.wanted);
        if (from, to) == (0, 0) {
            return false;
        }
        if (from, to) == (Gain::UNITY.0, Gain::UNITY.0) {
            out.copy_from_slice(pcm);
        } else if from == to {
            for (slot, &sample) in out.iter_mut().zip(pcm) {
                *slot = scaled(sample, to);
            }
        } else {
            let len = pcm.len().max(1) as i64;
            for (at, (slot, &sample)) in (1..).zip(out.iter_mut().zip(pcm)) {
                let step = i64::from(to - from) * at / len; // between 0 and `to - from`
                *slot = scaled(sample, from + step as i32);
            }
        }
        true
    }
}

fn scaled(sample: i16, gain: i32) -> i16 {
    let product = i32::from(sample) * gain + (1 << (FRACTION - 1));
    (product >> FRACTION).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

const FRACTION: u32 = 12;
