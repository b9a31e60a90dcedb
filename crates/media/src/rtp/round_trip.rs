//! Round-trip time from the reports of the peer.
//!
//! In: the NTP times of the sender reports we sent, and report blocks about
//! us. Out: the round-trip time. RFC 3550 §6.4.1. A block that names a report
//! we did not send lately proves nothing and is ignored, so is a negative time.

use core::time::Duration;

use talkpath_wire::NtpTime;
use talkpath_wire::rtcp::ReportBlock;

/// Round-trip time by LSR and DLSR (RFC 3550 §6.4.1).
#[derive(Clone, Debug, Default)]
pub struct RoundTrip {
    /// The middle 32 bits of the reports sent last, 0 for none.
    sent: [u32; REMEMBERED],
    next: usize,
    last: Option<Duration>,
    least: Option<Duration>,
}

impl RoundTrip {
    /// Notes a sender report that was sent at `ntp`.
    pub fn sent(&mut self, ntp: NtpTime) {
        if let Some(slot) = self.sent.get_mut(self.next % REMEMBERED) {
            *slot = ntp.compact();
        }
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// Takes in a block about us that arrived at `ntp`.
    pub fn measure(&mut self, block: &ReportBlock, ntp: NtpTime) -> Option<Duration> {
        if block.last_sr == 0 || !self.sent.contains(&block.last_sr) {
            return None;
        }
        // RFC 3550 §6.4.1: A − LSR − DLSR, modulo 2^32, in 1/65536 s.
        let elapsed = ntp.compact().wrapping_sub(block.last_sr);
        let units = elapsed.wrapping_sub(block.delay_since_last_sr) as i32;
        // Each of the three numbers is rounded down.
        let units = if (-ROUNDING..0).contains(&units) {
            0
        } else {
            units
        };
        let nanos = (u64::try_from(units).ok()? * 1_000_000_000) >> 16;
        let measured = Duration::from_nanos(nanos);
        self.last = Some(measured);
        self.least = Some(self.least.map_or(measured, |least| least.min(measured)));
        self.last
    }

    /// The time measured last.
    pub fn last(&self) -> Option<Duration> {
        self.last
    }

    /// The least time measured.
    pub fn least(&self) -> Option<Duration> {
        self.least
    }
}

/// Sender reports that the peer may still answer.
const REMEMBERED: usize = 8;
/// In 1/65536 s: how much below zero rounding can take a short round trip.
const ROUNDING: i32 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use talkpath_wire::Ssrc;

    fn block(last_sr: u32, delay: u32) -> ReportBlock {
        ReportBlock {
            ssrc: Ssrc::new(1),
            fraction_lost: 0,
            cumulative_lost: 0,
            highest_seq: 0,
            jitter: 0,
            last_sr,
            delay_since_last_sr: delay,
        }
    }

    // RFC 3550 §6.4.1, figure 2: its numbers, 6.125 s.
    #[test]
    fn the_example_of_the_standard_gives_6_125_seconds() {
        let mut round_trip = RoundTrip::default();
        round_trip.sent(NtpTime::from_bits(0xb44d_b705_2000_0000));
        let arrived = NtpTime::from_bits(0x0000_b710_8000_0000);
        let measured = round_trip.measure(&block(0xb705_2000, 0x0005_4000), arrived);
        assert_eq!(measured, Some(Duration::from_millis(6125)));
    }

    #[test]
    fn a_report_that_we_did_not_send_measures_nothing() {
        let mut round_trip = RoundTrip::default();
        let sent = NtpTime::from_unix(Duration::from_secs(1000));
        round_trip.sent(sent);
        let now = sent.plus(Duration::from_millis(100));
        assert_eq!(round_trip.measure(&block(0, 0), now), None);
        assert_eq!(round_trip.measure(&block(sent.compact() + 1, 0), now), None);
        assert_eq!(round_trip.last(), None);
    }

    #[test]
    fn a_delay_longer_than_the_time_passed_is_ignored_unless_it_is_rounding() {
        let mut round_trip = RoundTrip::default();
        let sent = NtpTime::from_unix(Duration::from_secs(1000));
        round_trip.sent(sent);
        assert_eq!(round_trip.measure(&block(sent.compact(), 3), sent), None);
        assert_eq!(
            round_trip.measure(&block(sent.compact(), 2), sent),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn the_ninth_report_back_is_forgotten_and_the_least_is_kept() {
        let mut round_trip = RoundTrip::default();
        let at = |n: u64| NtpTime::from_unix(Duration::from_secs(1000 + 5 * n));
        (0..9).for_each(|n| round_trip.sent(at(n)));
        assert_eq!(round_trip.measure(&block(at(0).compact(), 0), at(9)), None);
        assert!(
            round_trip
                .measure(&block(at(1).compact(), 0), at(9))
                .is_some()
        );
        assert!(
            round_trip
                .measure(&block(at(8).compact(), 0), at(9))
                .is_some()
        );
        assert!(
            round_trip
                .measure(&block(at(7).compact(), 0), at(9))
                .is_some()
        );
        assert_eq!(round_trip.last(), Some(Duration::from_secs(10)));
        assert_eq!(round_trip.least(), Some(Duration::from_secs(5)));
    }

    // The middle 32 bits wrap every 18 hours.
    #[test]
    fn the_wrap_of_the_middle_bits_is_crossed() {
        let mut round_trip = RoundTrip::default();
        let sent = NtpTime::from_bits(0xe000_ffff_f000_0000);
        round_trip.sent(sent);
        let now = sent.plus(Duration::from_millis(250));
        let measured = round_trip.measure(&block(sent.compact(), 0), now);
        assert_eq!(measured, Some(Duration::from_millis(250)));
    }
}
