//! RTP timestamps: media time in ticks of the payload's clock.
//!
//! RFC 3550 §5.1. Arithmetic modulo 2^32 lives here only.

use core::fmt;
use core::time::Duration;

/// An RTP timestamp, in ticks of the format's RTP clock, modulo 2^32.
///
/// ```
/// use talkpath_wire::RtpTime;
/// let t = RtpTime::new(u32::MAX);
/// assert_eq!(t.plus(160).ticks_since(t), 160);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RtpTime(u32);

impl RtpTime {
    /// From the header field.
    pub const fn new(value: u32) -> Self {
        RtpTime(value)
    }

    /// The header field.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// This timestamp `ticks` later.
    pub const fn plus(self, ticks: u32) -> Self {
        RtpTime(self.0.wrapping_add(ticks))
    }

    /// This timestamp `ticks` earlier.
    pub const fn minus(self, ticks: u32) -> Self {
        RtpTime(self.0.wrapping_sub(ticks))
    }

    /// Ticks from `earlier` to this one, the shorter way around:
    /// negative when this one is older.
    pub const fn ticks_since(self, earlier: RtpTime) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }

    /// Ticks of a clock of `rate` Hz in `duration`, rounded down, modulo 2^32.
    pub const fn ticks_of(duration: Duration, rate: u32) -> u32 {
        let whole = duration.as_secs().wrapping_mul(rate as u64);
        let rest = duration.subsec_nanos() as u64 * rate as u64 / 1_000_000_000;
        whole.wrapping_add(rest) as u32
    }
}

impl fmt::Debug for RtpTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rtp {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_400_days_do_not_overflow() {
        let days = Duration::from_secs(400 * 86_400);
        let expected = (400u64 * 86_400 * 90_000) as u32;
        assert_eq!(RtpTime::ticks_of(days, 90_000), expected);
    }

    #[test]
    fn older_is_negative_across_the_wrap() {
        assert_eq!(
            RtpTime::new(u32::MAX - 159).ticks_since(RtpTime::new(0)),
            -160
        );
    }
}
