//! When to send RTCP.
//!
//! In: the population, sizes of RTCP datagrams, chance, `now`. Out: a deadline,
//! and at the deadline whether to send or to wait on.
//!
//! RFC 3550 §6.2, §6.3 and A.7: 5 % of the bandwidth, a quarter of it for
//! senders, a minimum interval, randomisation, forward and reverse
//! reconsideration. Leaves out the back-off of BYE (§6.3.7), which applies
//! from 50 members on: our sessions have two.

use core::time::Duration;

use talkpath_wire::Time;

use super::{Chance, Population};

/// The least time between two reports, before randomisation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RtcpMinimum {
    /// Five seconds, half of it before the first report (RFC 3550 §6.2).
    #[default]
    Standard,
    /// 360 s divided by the session bandwidth in kbit/s, no more than five
    /// seconds: RFC 3550 §6.2 allows it to who sends, and in unicast to all.
    Reduced,
}

/// What to do at the deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RtcpTimer {
    /// Send a report now; the next deadline is set.
    Send,
    /// The group has grown: wait for the new deadline.
    Wait,
}

/// The transmission schedule of RTCP (RFC 3550 §6.3, A.7).
///
/// ```
/// use talkpath_media::rtp::{Chance, Population, RtcpMinimum, RtcpSchedule, RtcpTimer};
/// use talkpath_wire::Time;
/// let mut chance = Chance::from_seed(1);
/// let minimum = RtcpMinimum::Standard;
/// let mut schedule = RtcpSchedule::new(80_000, minimum, Time::ZERO, &mut chance);
/// let pair = Population { members: 2, senders: 2, we_sent: true };
/// let mut now = schedule.deadline();
/// while schedule.at_deadline(now, pair, &mut chance) == RtcpTimer::Wait {
///     now = schedule.deadline();
/// }
/// schedule.note_size(72);
/// assert!(schedule.deadline() > now);
/// ```
#[derive(Clone, Debug)]
pub struct RtcpSchedule {
    /// Bytes of RTP and RTCP per second.
    session_bandwidth: f64,
    minimum: RtcpMinimum,
    /// Bytes of the average RTCP datagram, UDP and IP headers included.
    average_size: f64,
    sent_one: bool,
    /// `tp`: when the last report was sent.
    last: Time,
    /// When the one before it was sent, or the session began.
    before_last: Time,
    /// `tn`: when the next one is due.
    next: Time,
    /// `pmembers`: members when `next` was computed.
    members: usize,
}

impl RtcpSchedule {
    /// The schedule of a session of `bandwidth` bits per second that begins
    /// `now` with two members.
    pub fn new(bandwidth: u32, minimum: RtcpMinimum, now: Time, chance: &mut Chance) -> Self {
        let mut schedule = RtcpSchedule {
            session_bandwidth: f64::from(bandwidth.max(MIN_BANDWIDTH)) / 8.0,
            minimum,
            average_size: FIRST_SIZE,
            sent_one: false,
            last: now,
            before_last: now,
            next: now,
            members: 2,
        };
        let population = Population {
            members: 2,
            senders: 0,
            we_sent: false,
        };
        schedule.next = now + schedule.randomised(population, chance);
        schedule
    }

    /// When [`at_deadline`](Self::at_deadline) is to be asked.
    pub fn deadline(&self) -> Time {
        self.next
    }

    /// Decides at the deadline, after reconsideration (RFC 3550 §6.3.6).
    pub fn at_deadline(
        &mut self,
        now: Time,
        population: Population,
        chance: &mut Chance,
    ) -> RtcpTimer {
        // RFC 3550 A.7, OnExpire: tn = tp + T, and only if that has passed.
        let reconsidered = self.last + self.randomised(population, chance);
        self.members = population.members.max(1);
        if reconsidered > now {
            self.next = reconsidered;
            return RtcpTimer::Wait;
        }
        self.before_last = self.last;
        self.last = now;
        self.sent_one = true;
        // RFC 3550 A.7: drawn afresh, not to be biased by the first draw.
        self.next = now + self.randomised(population, chance);
        RtcpTimer::Send
    }

    /// Takes the size of an RTCP datagram, sent or received, into the average
    /// (RFC 3550 §6.3.3).
    pub fn note_size(&mut self, bytes: usize) {
        let size = bytes as f64 + UDP_IP_HEADERS;
        self.average_size += (size - self.average_size) / 16.0;
    }

    /// Somebody left: brings the next report forward (RFC 3550 §6.3.4).
    pub fn member_left(&mut self, now: Time, members: usize) {
        let members = members.max(1);
        if members < self.members {
            let share = members as f64 / self.members as f64;
            self.next = now + (self.next - now).mul_f64(share);
            self.last = now - (now - self.last).mul_f64(share);
        }
        self.members = members;
    }

    /// Since when RTP counts as sent for the next report: SR, not RR
    /// (RFC 3550 §6.4, the last two intervals).
    pub fn sending_since(&self) -> Time {
        self.before_last
    }

    /// RFC 3550 §6.3.1: Td, the interval before randomisation.
    fn deterministic(&self, population: Population) -> Duration {
        let bandwidth = self.session_bandwidth * RTCP_SHARE;
        let Population {
            members,
            senders,
            we_sent,
        } = population;
        let (sharing, bandwidth) = if senders * 4 > members {
            (members, bandwidth)
        } else if we_sent {
            (senders, bandwidth * SENDER_SHARE)
        } else {
            (
                members.saturating_sub(senders),
                bandwidth * (1.0 - SENDER_SHARE),
            )
        };
        let shared = self.average_size * sharing.max(1) as f64 / bandwidth;
        Duration::try_from_secs_f64(shared)
            .unwrap_or(LONGEST)
            .max(self.least())
            .min(LONGEST)
    }

    fn least(&self) -> Duration {
        let least = match self.minimum {
            RtcpMinimum::Standard => STANDARD_MINIMUM,
            RtcpMinimum::Reduced => {
                let kilobits = self.session_bandwidth * 8.0 / 1000.0;
                let reduced = Duration::try_from_secs_f64(360.0 / kilobits);
                reduced.unwrap_or(STANDARD_MINIMUM).min(STANDARD_MINIMUM)
            }
        };
        // RFC 3550 §6.2: half the minimum before the first report.
        if self.sent_one { least } else { least / 2 }
    }

    /// RFC 3550 §6.3.1: T, uniform in 0.5..1.5 of Td, over e − 3/2.
    fn randomised(&self, population: Population, chance: &mut Chance) -> Duration {
        let spread = 0.5 + chance.unit();
        self.deterministic(population)
            .mul_f64(spread / COMPENSATION)
    }
}

/// RTCP's share of the session bandwidth (RFC 3550 §6.2).
const RTCP_SHARE: f64 = 0.05;
/// The senders' share of that, while they are few (RFC 3550 §6.2).
const SENDER_SHARE: f64 = 0.25;
/// e − 3/2: reconsideration makes intervals converge below Td without it
/// (RFC 3550 §6.3.1).
const COMPENSATION: f64 = core::f64::consts::E - 1.5;
const STANDARD_MINIMUM: Duration = Duration::from_secs(5);
/// However little bandwidth there is.
const LONGEST: Duration = Duration::from_secs(120);
/// Below this the interval would be without meaning, in bits per second.
const MIN_BANDWIDTH: u32 = 1000;
/// RFC 3550 §6.3.2: the first average is the size of the first report.
const FIRST_SIZE: f64 = 100.0 + UDP_IP_HEADERS;
/// RFC 3550 §6.2: lower-layer headers count; IPv4 and UDP.
const UDP_IP_HEADERS: f64 = 28.0;

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: Population = Population {
        members: 2,
        senders: 2,
        we_sent: true,
    };

    fn gaps(minimum: RtcpMinimum, start: Time, population: Population) -> Vec<f64> {
        let mut chance = Chance::from_seed(3);
        let mut schedule = RtcpSchedule::new(80_000, minimum, start, &mut chance);
        let mut sent = vec![start];
        while sent.len() < 2000 {
            let now = schedule.deadline();
            if schedule.at_deadline(now, population, &mut chance) == RtcpTimer::Send {
                sent.push(now);
            }
        }
        sent.windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64())
            .collect()
    }

    // RFC 3550 §6.3.1, A.7: 5 s on average, spread, and never the same twice.
    #[test]
    fn reports_of_a_pair_come_every_five_seconds_on_average() {
        for start in [0u64, 1 << 31, 1 << 32, 400 * 86_400_000] {
            let gaps = gaps(RtcpMinimum::Standard, Time::from_millis(start), PAIR);
            let mean = gaps[1..].iter().sum::<f64>() / 1999.0;
            assert!((4.7..5.3).contains(&mean), "mean {mean} s from {start}");
            let longest = 1.5 * 5.0 / COMPENSATION;
            assert!(
                gaps[1..]
                    .iter()
                    .all(|gap| (2.05..=longest + 0.01).contains(gap))
            );
            let distinct: std::collections::BTreeSet<_> =
                gaps.iter().map(|g| g.to_bits()).collect();
            assert!(distinct.len() > 1900);
        }
    }

    // RFC 3550 §6.2: half the minimum before the first report.
    #[test]
    fn the_first_report_comes_in_about_half_the_time() {
        let first: Vec<f64> = (0..500)
            .map(|seed| {
                let mut chance = Chance::from_seed(seed);
                let minimum = RtcpMinimum::Standard;
                let schedule = RtcpSchedule::new(80_000, minimum, Time::ZERO, &mut chance);
                schedule.deadline().since_start().as_secs_f64()
            })
            .collect();
        assert!(first.iter().all(|at| (1.02..3.08).contains(at)));
        let mean = first.iter().sum::<f64>() / 500.0;
        assert!((mean - 2.05).abs() < 0.1, "{mean}");
    }

    // RFC 3550 §6.2: 360 / kbit/s: 4.5 s at 80 kbit/s.
    #[test]
    fn the_reduced_minimum_follows_the_bandwidth() {
        let gaps = gaps(RtcpMinimum::Reduced, Time::ZERO, PAIR);
        let mean = gaps[1..].iter().sum::<f64>() / 1999.0;
        assert!((4.2..4.8).contains(&mean), "{mean}");
    }

    // RFC 3550 §6.2: a thousand members share 500 bytes per second.
    #[test]
    fn a_large_group_is_held_to_five_per_cent_of_the_bandwidth() {
        let crowd = Population {
            members: 1000,
            senders: 1,
            we_sent: false,
        };
        let schedule = RtcpSchedule::new(
            80_000,
            RtcpMinimum::Standard,
            Time::ZERO,
            &mut Chance::from_seed(1),
        );
        // 999 receivers × 128 bytes over 75 % of 500 bytes/s, capped.
        assert_eq!(schedule.deterministic(crowd), LONGEST);
        let some = Population {
            members: 30,
            senders: 1,
            we_sent: false,
        };
        let seconds = schedule.deterministic(some).as_secs_f64();
        assert!((seconds - 29.0 * 128.0 / 375.0).abs() < 0.01, "{seconds}");
        let us = Population {
            members: 30,
            senders: 1,
            we_sent: true,
        };
        assert_eq!(schedule.deterministic(us), STANDARD_MINIMUM / 2);
    }

    // RFC 3550 §6.3.6: a group that grew meanwhile is noticed at the deadline.
    #[test]
    fn a_group_that_has_grown_makes_us_wait_on() {
        let mut chance = Chance::from_seed(5);
        let minimum = RtcpMinimum::Standard;
        let mut schedule = RtcpSchedule::new(80_000, minimum, Time::ZERO, &mut chance);
        let now = schedule.deadline();
        let crowd = Population {
            members: 100,
            senders: 0,
            we_sent: false,
        };
        assert_eq!(
            schedule.at_deadline(now, crowd, &mut chance),
            RtcpTimer::Wait
        );
        assert!(schedule.deadline() > now);
    }

    // RFC 3550 §6.3.4, the formula.
    #[test]
    fn a_member_that_leaves_brings_the_next_report_forward() {
        let mut chance = Chance::from_seed(5);
        let minimum = RtcpMinimum::Standard;
        let mut schedule = RtcpSchedule::new(80_000, minimum, Time::ZERO, &mut chance);
        let before = schedule.deadline();
        let now = Time::from_millis(500);
        schedule.member_left(now, 1);
        let halved = now + (before - now) / 2;
        assert!(
            (schedule.deadline() - halved)
                .max(halved - schedule.deadline())
                .as_micros()
                < 1
        );
        assert_eq!(schedule.last, Time::from_millis(250));
        schedule.member_left(now, 5);
        assert_eq!(schedule.members, 5);
    }

    #[test]
    fn no_bandwidth_and_huge_datagrams_keep_the_interval_bounded() {
        let mut chance = Chance::from_seed(9);
        let mut schedule = RtcpSchedule::new(0, RtcpMinimum::Reduced, Time::ZERO, &mut chance);
        (0..1000).for_each(|_| schedule.note_size(65_535));
        assert_eq!(schedule.deterministic(PAIR), LONGEST);
    }
}
