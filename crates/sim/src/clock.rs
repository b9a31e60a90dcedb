//! A host's own clock, which runs faster or slower than the world's.
//!
//! In: the world's time, and a drift in parts per million. Out: the clock's
//! time, and for a deadline on the clock the first moment of the world at which
//! the clock has reached it, exactly. All clocks agree when the world begins.

use talkpath_wire::Time;

/// A clock that drifts at a constant rate from the moment the world began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Clock {
    start: Time,
    ppm: i32,
}

impl Clock {
    /// A clock that gains `ppm` microseconds per second, at most half a second.
    pub(crate) fn new(start: Time, ppm: i32) -> Self {
        Clock {
            start,
            ppm: ppm.clamp(-MAX_PPM, MAX_PPM),
        }
    }

    /// What the clock shows when it is `world`.
    pub(crate) fn local(self, world: Time) -> Time {
        let elapsed = i128::from(world.as_nanos()) - i128::from(self.start.as_nanos());
        self.after_start((elapsed * self.rate()).div_euclid(MILLION))
    }

    /// The first moment at which the clock shows `local` or later.
    pub(crate) fn world(self, local: Time) -> Time {
        if local == Time::MAX {
            return Time::MAX;
        }
        let elapsed = i128::from(local.as_nanos()) - i128::from(self.start.as_nanos());
        let (rate, scaled) = (self.rate(), elapsed * MILLION);
        self.after_start(scaled.div_euclid(rate) + i128::from(scaled.rem_euclid(rate) != 0))
    }

    fn rate(self) -> i128 {
        MILLION + i128::from(self.ppm)
    }

    fn after_start(self, elapsed: i128) -> Time {
        let nanos = i128::from(self.start.as_nanos()) + elapsed;
        let nanos = nanos.clamp(0, i128::from(u64::MAX));
        Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

const MILLION: i128 = 1_000_000;
const MAX_PPM: i32 = 500_000;

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn two_hundred_ppm_are_720_ms_in_an_hour() {
        let start = Time::from_millis(1 << 32);
        let hour = start + Duration::from_secs(3600);
        let gained = Clock::new(start, 200).local(hour) - hour;
        assert_eq!(gained, Duration::from_millis(720));
        assert_eq!(
            hour - Clock::new(start, -200).local(hour),
            Duration::from_millis(720)
        );
    }

    #[test]
    fn a_deadline_is_met_at_the_first_moment_and_not_before() {
        let start = Time::from_millis(5);
        for ppm in [-200, -1, 0, 1, 77, 200, 500_000, i32::MIN] {
            let clock = Clock::new(start, ppm);
            for nanos in [0u64, 1, 999, 20_000_000, 3_600_000_000_007] {
                let deadline = start + Duration::from_nanos(nanos);
                let moment = clock.world(deadline);
                assert!(clock.local(moment) >= deadline, "{ppm} {nanos}");
                let before = moment - Duration::from_nanos(1);
                assert!(clock.local(before) < deadline, "{ppm} {nanos}");
            }
        }
    }

    #[test]
    fn never_stays_never() {
        let clock = Clock::new(Time::ZERO, 200);
        assert_eq!(clock.world(Time::MAX), Time::MAX);
        assert_eq!(clock.local(Time::MAX), Time::MAX);
    }
}
