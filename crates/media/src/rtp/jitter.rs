//! Interarrival jitter of one source.
//!
//! In: arrival times and timestamps. Out: the smoothed jitter, in ticks of the
//! RTP clock, as reports carry it. RFC 3550 §6.4.1 and A.8; clocks that change
//! within a source, RFC 7160.
//!
//! All arithmetic is modulo 2^32 ticks: nothing overflows after days. A step
//! of more than two seconds is a pause or a jump, not jitter, and is left out.

use core::time::Duration;

use talkpath_wire::{RtpTime, Time};

/// Interarrival jitter (RFC 3550 A.8).
#[derive(Clone, Debug)]
pub struct Jitter {
    clock_rate: u32,
    /// Arrival minus timestamp of the packet before, modulo 2^32 ticks.
    transit: Option<u32>,
    /// The estimate times 16.
    scaled: u32,
}

impl Jitter {
    /// No jitter yet, on a clock of `clock_rate` Hz.
    pub fn new(clock_rate: u32) -> Self {
        Jitter {
            clock_rate: clock_rate.max(1),
            transit: None,
            scaled: 0,
        }
    }

    /// Takes in a packet that arrived `now`.
    pub fn update(&mut self, now: Time, timestamp: RtpTime, clock_rate: u32) {
        self.follow_clock(clock_rate.max(1));
        let arrival = RtpTime::ticks_of(now.since_start(), self.clock_rate);
        let transit = arrival.wrapping_sub(timestamp.value());
        if let Some(before) = self.transit {
            let step = (transit.wrapping_sub(before) as i32).unsigned_abs();
            if step <= self.clock_rate.saturating_mul(2) {
                // RFC 3550 A.8, the integer form: J += |D| - ((J + 8) >> 4).
                let decay = self.scaled.saturating_add(8) >> 4;
                self.scaled = self.scaled.saturating_add(step).saturating_sub(decay);
            }
        }
        self.transit = Some(transit);
    }

    /// Forgets where the last packet stood: the next one begins a new stream.
    pub fn interrupt(&mut self) {
        self.transit = None;
    }

    /// The estimate in ticks of the RTP clock, as reports carry it.
    pub fn ticks(&self) -> u32 {
        self.scaled >> 4
    }

    /// The estimate as a duration.
    pub fn duration(&self) -> Duration {
        let nanos = u64::from(self.ticks()) * 1_000_000_000 / u64::from(self.clock_rate);
        Duration::from_nanos(nanos)
    }

    /// The clock that [`ticks`](Self::ticks) counts, in Hz.
    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    fn follow_clock(&mut self, clock_rate: u32) {
        if clock_rate != self.clock_rate {
            let scaled =
                u64::from(self.scaled) * u64::from(clock_rate) / u64::from(self.clock_rate);
            self.scaled = u32::try_from(scaled).unwrap_or(u32::MAX);
            self.clock_rate = clock_rate;
            self.transit = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets every 20 ms, each late by what `late` says of its number.
    fn jitter_from(start: Time, packets: u64, late: impl Fn(u64) -> u64) -> Jitter {
        let mut jitter = Jitter::new(8000);
        for n in 0..packets {
            let now = start + Duration::from_millis(20 * n + late(n));
            let timestamp = RtpTime::new(0xffff_f000).plus(160 * n as u32);
            jitter.update(now, timestamp, 8000);
        }
        jitter
    }

    // RFC 3550 A.8.
    #[test]
    fn a_steady_stream_has_none() {
        assert_eq!(jitter_from(Time::ZERO, 1000, |_| 0).ticks(), 0);
    }

    // RFC 3550 A.8: with |D| = 5 ms for ever, J converges to 5 ms.
    #[test]
    fn alternate_delays_of_5_ms_converge_to_5_ms() {
        let jitter = jitter_from(Time::ZERO, 1000, |n| 5 * (n % 2));
        assert!(
            (39..=40).contains(&jitter.ticks()),
            "{} ticks",
            jitter.ticks()
        );
        assert!(jitter.duration() <= Duration::from_millis(5));
    }

    #[test]
    fn the_estimate_does_not_depend_on_when_the_world_began() {
        let wanted = jitter_from(Time::ZERO, 500, |n| n * 7 % 13).ticks();
        assert!(wanted > 0);
        for start in [1u64 << 31, 1 << 32, 400 * 86_400_000] {
            let jitter = jitter_from(Time::from_millis(start), 500, |n| n * 7 % 13);
            assert_eq!(jitter.ticks(), wanted, "from {start} ms");
        }
    }

    // A 32-bit or badly scaled 64-bit clock fails here: 90 kHz wraps in 13 h.
    #[test]
    fn three_months_at_90_khz_stay_calm() {
        let mut jitter = Jitter::new(90_000);
        for n in 0..100_000u64 {
            let now = Time::ZERO + Duration::from_secs(90 * n);
            let timestamp = RtpTime::new((90 * n * 90_000) as u32);
            jitter.update(now, timestamp, 90_000);
        }
        assert_eq!(jitter.ticks(), 0);
    }

    #[test]
    fn a_pause_without_timestamps_is_not_jitter() {
        let mut jitter = jitter_from(Time::ZERO, 100, |_| 0);
        jitter.update(
            Time::from_millis(60_000),
            RtpTime::new(0xffff_f000).plus(16_000),
            8000,
        );
        assert_eq!(jitter.ticks(), 0);
    }

    // RFC 7160: another clock, the same estimate in time.
    #[test]
    fn a_change_of_clock_keeps_the_estimate_in_time() {
        let mut jitter = jitter_from(Time::ZERO, 1000, |n| 5 * (n % 2));
        let before = jitter.duration();
        jitter.update(Time::from_millis(20_000), RtpTime::new(77), 48_000);
        assert_eq!(jitter.clock_rate(), 48_000);
        assert!(before.abs_diff(jitter.duration()) < Duration::from_millis(1));
    }
}
