//! Moments: [`Time`] of the world and [`NtpTime`] of RTCP.
//!
//! `Time` counts nanoseconds since the world began, whichever world that is:
//! a process, or a simulation that starts at 2^32 ms. It can be written down,
//! which std's `Instant` cannot. Arithmetic saturates: no moment overflows.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

/// A moment, in nanoseconds since the world began.
///
/// ```
/// use core::time::Duration;
/// use talkpath_wire::Time;
/// let later = Time::ZERO + Duration::from_millis(20);
/// assert_eq!(later - Time::ZERO, Duration::from_millis(20));
/// assert_eq!(Time::ZERO - later, Duration::ZERO);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// When the world began.
    pub const ZERO: Time = Time(0);
    /// Later than everything: a deadline that never comes.
    pub const MAX: Time = Time(u64::MAX);

    /// The moment `nanos` nanoseconds after the world began.
    pub const fn from_nanos(nanos: u64) -> Self {
        Time(nanos)
    }

    /// The moment `millis` milliseconds after the world began.
    pub const fn from_millis(millis: u64) -> Self {
        Time(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the world began.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time since the world began.
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Time since `earlier`; zero when `earlier` is in fact later.
    pub const fn saturating_since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, rhs: Duration) -> Time {
        Time(self.0.saturating_add(nanos(rhs)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, rhs: Duration) -> Time {
        Time(self.0.saturating_sub(nanos(rhs)))
    }
}

impl Sub for Time {
    type Output = Duration;
    fn sub(self, rhs: Time) -> Duration {
        self.saturating_since(rhs)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:09}s",
            self.0 / 1_000_000_000,
            self.0 % 1_000_000_000
        )
    }
}

/// A moment as RTCP writes it: seconds since 1900 in 32.32 fixed point.
///
/// RFC 3550 §4. It wraps in 2036 with the field itself; only differences of
/// the middle 32 bits are ever computed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct NtpTime(u64);

impl NtpTime {
    /// From the 64-bit field: seconds in the upper half.
    pub const fn from_bits(bits: u64) -> Self {
        NtpTime(bits)
    }

    /// From the time since 1 January 1970 UTC.
    pub const fn from_unix(since_1970: Duration) -> Self {
        let seconds = since_1970.as_secs().wrapping_add(UNIX_EPOCH_IN_NTP);
        let fraction = ((since_1970.subsec_nanos() as u64) << 32) / 1_000_000_000;
        NtpTime((seconds << 32) | fraction)
    }

    /// The time since 1 January 1970 UTC, up to the wrap of 2036.
    pub const fn since_1970(self) -> Duration {
        let seconds = (self.0 >> 32).wrapping_sub(UNIX_EPOCH_IN_NTP) & 0xffff_ffff;
        let nanos = ((self.0 & 0xffff_ffff) * 1_000_000_000) >> 32;
        Duration::new(seconds, nanos as u32)
    }

    /// The 64-bit field.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The middle 32 bits, in units of 1/65536 s, as `LSR` carries them.
    /// RFC 3550 §6.4.1.
    pub const fn compact(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// This moment, `later` afterwards.
    pub const fn plus(self, later: Duration) -> Self {
        let seconds = later.as_secs() << 32;
        let fraction = ((later.subsec_nanos() as u64) << 32) / 1_000_000_000;
        NtpTime(self.0.wrapping_add(seconds).wrapping_add(fraction))
    }
}

/// Seconds from 1900 to 1970.
const UNIX_EPOCH_IN_NTP: u64 = 2_208_988_800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Time::MAX + Duration::from_secs(1), Time::MAX);
        assert_eq!(Time::ZERO - Duration::from_secs(1), Time::ZERO);
        assert_eq!(Time::from_millis(u64::MAX), Time::MAX);
    }

    #[test]
    fn ntp_of_the_unix_epoch_is_2208988800_seconds() {
        let t = NtpTime::from_unix(Duration::from_millis(500));
        assert_eq!(t.bits() >> 32, 2_208_988_800);
        assert_eq!(t.bits() as u32, 0x8000_0000);
        assert_eq!(t.compact(), ((2_208_988_800u64 << 16) as u32) | 0x8000);
        assert_eq!(t.plus(Duration::from_millis(500)).bits() as u32, 0);
        assert_eq!(t.since_1970(), Duration::from_millis(500));
    }
}
