//! How loud PCM is, in decibels relative to overload.
//!
//! In: samples. Out: power and peak of all samples since the last reading, in
//! dBov as RFC 3389 §3 and RFC 6464 §3 define it: 0 dBov is a square wave at full
//! scale, so a sine at full scale is -3.01 dBov. Left out: any weighting by
//! frequency or over time, and the decision whether it is speech.

/// A level in decibels relative to the overload point of the system.
///
/// 0 is the power of a square wave at full scale, and no signal is above it. A
/// sine at full scale, which others call 0 dBFS, is [`Dbov::FULL_SINE`].
///
/// ```
/// use talkpath_audio::Dbov;
/// assert!((Dbov::from_dbm0(-10.0).0 - -16.15).abs() < 0.01);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Dbov(pub f32);

impl Dbov {
    /// The loudest sine: -3.01 dBov.
    pub const FULL_SINE: Self = Self(-3.010_3);

    /// The level of a digital signal that a G.711 network calls `dbm0` dBm0.
    ///
    /// A sine at full scale is +3.14 dBm0 in A-law and +3.17 in µ-law (ITU-T
    /// G.711 §4); this takes A-law's.
    #[must_use]
    pub fn from_dbm0(dbm0: f32) -> Self {
        Self(dbm0 - ALAW_OVERLOAD_DBM0 + Self::FULL_SINE.0)
    }

    /// What a G.711 network calls this level, in dBm0.
    ///
    /// ```
    /// use talkpath_audio::Dbov;
    /// assert!((Dbov::from_dbm0(-10.0).dbm0() - -10.0).abs() < 0.001);
    /// ```
    #[must_use]
    pub fn dbm0(self) -> f32 {
        self.0 + ALAW_OVERLOAD_DBM0 - Self::FULL_SINE.0
    }

    /// The level of a sine that others call `dbfs` dBFS, full scale being 0.
    #[must_use]
    pub fn from_sine_dbfs(dbfs: f32) -> Self {
        Self(dbfs + Self::FULL_SINE.0)
    }

    /// The root of the mean square as a fraction of full scale, 0 to 1.
    #[must_use]
    pub fn rms(self) -> f32 {
        10f32.powf(self.0 / 20.0)
    }

    /// As the octet of RFC 6464 and RFC 3389: 0 is overload, 127 silence.
    ///
    /// ```
    /// use talkpath_audio::Dbov;
    /// assert_eq!(Dbov(-30.4).minus_dbov(), 30);
    /// assert_eq!(Dbov(f32::NEG_INFINITY).minus_dbov(), 127);
    /// ```
    #[must_use]
    pub fn minus_dbov(self) -> u8 {
        // The cast saturates, and takes NaN to 0.
        ((-self.0).round() as u8).min(127)
    }
}

/// Collects the loudness of a stream of samples.
///
/// It allocates nothing and costs one multiplication per sample. Samples of
/// several channels may be interleaved; they are taken together.
///
/// ```
/// use talkpath_audio::LevelMeter;
/// let mut meter = LevelMeter::new();
/// meter.push(&[16_384, -16_384]);
/// let loudness = meter.take();
/// assert_eq!((loudness.rms.minus_dbov(), loudness.peak), (6, 16_384));
/// assert_eq!(meter.take().rms.minus_dbov(), 127);
/// ```
#[derive(Clone, Debug, Default)]
pub struct LevelMeter {
    squares: u64,
    samples: u64,
    peak: u16,
}

/// What a [`LevelMeter`] measured.
///
/// ```
/// use talkpath_audio::LevelMeter;
/// let mut meter = LevelMeter::new();
/// meter.push(&[i16::MIN; 160]);
/// assert_eq!(meter.loudness().rms.0, 0.0);
/// assert_eq!(meter.loudness().peak_dbfs(), 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loudness {
    /// Power of all samples; minus infinity for silence or no samples.
    pub rms: Dbov,
    /// The largest magnitude, 0 to 32,768.
    pub peak: u16,
    /// Number of samples measured.
    pub samples: u64,
}

impl LevelMeter {
    /// Starts with nothing measured.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Measures more samples.
    pub fn push(&mut self, pcm: &[i16]) {
        for &sample in pcm {
            let magnitude = sample.unsigned_abs();
            // At most 2^30 each: enough for 2^34 samples, four days at 48 kHz.
            self.squares = self.squares.saturating_add(u64::from(magnitude).pow(2));
            self.peak = self.peak.max(magnitude);
        }
        self.samples += pcm.len() as u64;
    }

    /// What was measured since the start or the last [`LevelMeter::take`].
    #[must_use]
    pub fn loudness(&self) -> Loudness {
        let mean = self.squares as f64 / self.samples.max(1) as f64;
        let full_scale = f64::from(1u32 << 30);
        let rms = Dbov((10.0 * (mean / full_scale).log10()) as f32);
        Loudness {
            rms,
            peak: self.peak,
            samples: self.samples,
        }
    }

    /// Returns the loudness and begins anew.
    pub fn take(&mut self) -> Loudness {
        let loudness = self.loudness();
        *self = Self::new();
        loudness
    }
}

impl Loudness {
    /// The peak relative to full scale, in dB; minus infinity for silence.
    #[must_use]
    pub fn peak_dbfs(&self) -> f32 {
        20.0 * (f32::from(self.peak) / 32_768.0).log10()
    }
}

#[allow(clippy::approx_constant, reason = "decibels of ITU-T G.711 §4, not pi")]
const ALAW_OVERLOAD_DBM0: f32 = 3.14;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // RFC 6464 §3: 0 to 127, the loudest being 0.
    #[test]
    fn the_octet_saturates_at_both_ends() {
        assert_eq!(Dbov(3.0).minus_dbov(), 0);
        assert_eq!(Dbov(-126.4).minus_dbov(), 126);
        assert_eq!(Dbov(-500.0).minus_dbov(), 127);
        assert_eq!(Dbov(f32::NAN).minus_dbov(), 0);
    }

    #[test]
    fn a_full_scale_sine_is_three_decibels_under_overload() {
        let mut meter = LevelMeter::new();
        for n in 0..8_000 {
            let phase = f64::from(n) * std::f64::consts::TAU * 441.0 / 8_000.0;
            meter.push(&[(phase.sin() * 32_767.0).round() as i16]);
        }
        assert!((meter.loudness().rms.0 - Dbov::FULL_SINE.0).abs() < 0.01);
        assert_eq!(Dbov::from_sine_dbfs(0.0), Dbov::FULL_SINE);
        assert_eq!(meter.loudness().samples, 8_000);
    }

    #[test]
    fn silence_and_nothing_are_minus_infinity() {
        let mut meter = LevelMeter::new();
        assert_eq!(meter.loudness().rms, Dbov(f32::NEG_INFINITY));
        meter.push(&[0; 160]);
        let loudness = meter.take();
        assert_eq!(loudness.rms.minus_dbov(), 127);
        assert_eq!(loudness.peak_dbfs(), f32::NEG_INFINITY);
    }

    proptest! {
        #[test]
        fn the_reading_does_not_depend_on_how_samples_arrive(
            pcm in proptest::collection::vec(any::<i16>(), 0..400),
            cut in 0usize..400,
        ) {
            let (first, second) = pcm.split_at(cut.min(pcm.len()));
            let (mut whole, mut parts) = (LevelMeter::new(), LevelMeter::new());
            whole.push(&pcm);
            parts.push(first);
            parts.push(second);
            prop_assert_eq!(whole.take(), parts.take());
        }

        #[test]
        fn no_signal_is_above_overload(pcm in proptest::collection::vec(any::<i16>(), 1..400)) {
            let mut meter = LevelMeter::new();
            meter.push(&pcm);
            let loudness = meter.loudness();
            prop_assert!(loudness.rms.0 <= 0.0);
            prop_assert!(loudness.peak_dbfs() >= loudness.rms.0 - 1e-3);
        }
    }
}
