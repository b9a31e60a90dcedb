//! The number of samples per second of a PCM signal.
//!
//! In: hertz, from a codec, an application or a file. Out: a rate that the rest
//! of this room can size its buffers by. It is the rate of the samples, which is
//! not always the clock of RTP timestamps (RFC 3551 §4.5.2: G.722).

use std::fmt;
use std::time::Duration;

/// Samples per second and channel of a PCM signal.
///
/// Between 4,000 and 192,000 Hz; outside of that no call has ever been.
///
/// ```
/// use talkpath_audio::SampleRate;
/// assert_eq!(SampleRate::HZ_16000.frame_len(), 320);
/// assert_eq!(SampleRate::new(44_100)?.hz(), 44_100);
/// # Ok::<(), talkpath_audio::UnsupportedRate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

/// A sample rate outside of 4,000 to 192,000 Hz.
///
/// ```
/// use talkpath_audio::{SampleRate, UnsupportedRate};
/// assert_eq!(SampleRate::new(1), Err(UnsupportedRate { hz: 1 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sample rate of {hz} Hz is outside of 4000 to 192000 Hz")]
pub struct UnsupportedRate {
    /// The rate that was asked for.
    pub hz: u32,
}

impl SampleRate {
    /// Narrow-band: G.711.
    pub const HZ_8000: Self = Self(8_000);
    /// Wide-band: G.722.
    pub const HZ_16000: Self = Self(16_000);
    /// Super-wide-band as speech synthesis likes it.
    pub const HZ_24000: Self = Self(24_000);
    /// Compact disc: L16 with payload types 10 and 11.
    pub const HZ_44100: Self = Self(44_100);
    /// Full-band: Opus.
    pub const HZ_48000: Self = Self(48_000);

    /// Takes a rate in hertz.
    ///
    /// # Errors
    /// [`UnsupportedRate`] outside of 4,000 to 192,000 Hz.
    pub const fn new(hz: u32) -> Result<Self, UnsupportedRate> {
        if hz < 4_000 || hz > 192_000 {
            Err(UnsupportedRate { hz })
        } else {
            Ok(Self(hz))
        }
    }

    /// The rate in hertz.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// Samples per channel in a frame of 20 ms, rounded down.
    #[must_use]
    pub const fn frame_len(self) -> usize {
        (self.0 / 50) as usize
    }

    /// Samples per channel in a duration, rounded down; at most `usize::MAX`.
    #[must_use]
    pub fn samples_in(self, duration: Duration) -> usize {
        let samples = duration.as_nanos().saturating_mul(u128::from(self.0)) / 1_000_000_000;
        usize::try_from(samples).unwrap_or(usize::MAX)
    }

    /// How long `samples` samples of one channel last, rounded down to 1 ns.
    #[must_use]
    pub fn duration_of(self, samples: u64) -> Duration {
        let rate = u64::from(self.0);
        let nanos = (samples % rate) * 1_000_000_000 / rate;
        Duration::from_secs(samples / rate) + Duration::from_nanos(nanos)
    }
}

impl TryFrom<u32> for SampleRate {
    type Error = UnsupportedRate;

    fn try_from(hz: u32) -> Result<Self, UnsupportedRate> {
        Self::new(hz)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_outside_the_range_are_refused_by_number() {
        assert_eq!(SampleRate::new(3_999), Err(UnsupportedRate { hz: 3_999 }));
        assert_eq!(
            SampleRate::try_from(192_001),
            Err(UnsupportedRate { hz: 192_001 })
        );
        assert_eq!(
            SampleRate::new(0)
                .unwrap_err()
                .to_string()
                .split(' ')
                .nth(4),
            Some("0")
        );
    }

    proptest! {
        #[test]
        fn duration_and_samples_are_inverse(hz in 4_000u32..=192_000, samples in 0u64..1 << 40) {
            let rate = SampleRate::new(hz).unwrap();
            // One nanosecond was rounded away on the way there.
            let back = rate.samples_in(rate.duration_of(samples) + Duration::from_nanos(1));
            prop_assert_eq!(back as u64, samples);
        }
    }

    #[test]
    fn the_longest_duration_does_not_overflow() {
        assert!(SampleRate::HZ_48000.samples_in(Duration::MAX) > 1 << 40);
        assert!(SampleRate::HZ_8000.duration_of(u64::MAX) > Duration::from_secs(1 << 50));
    }
}
