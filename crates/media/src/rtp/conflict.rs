//! Our own SSRC in somebody else's packets: collision or loop.
//!
//! In: where a packet with our SSRC came from. Out: whether we give our SSRC
//! up, once per address, or only drop what loops. RFC 3550 §8.2. Two remote
//! sources with one SSRC are left to the source-address policy, which decides
//! from where a stream is heard at all.

use core::net::SocketAddr;
use core::time::Duration;

use talkpath_wire::Time;

/// What a packet with our own SSRC means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conflict {
    /// Another uses our SSRC: say BYE and take a new one (RFC 3550 §8.2).
    Collision,
    /// What we send comes back: drop it.
    Loop,
}

/// Addresses from which our own SSRC came.
#[derive(Clone, Debug, Default)]
pub struct Conflicts {
    seen: Vec<(SocketAddr, Time)>,
    looped: u64,
}

impl Conflicts {
    /// Judges a packet with our SSRC that came `from` there `now`.
    pub fn judge(&mut self, from: SocketAddr, now: Time) -> Conflict {
        // RFC 3550 §8.2: an address that conflicted before is a loop, also
        // under the new SSRC: otherwise we would change for ever.
        self.seen.retain(|(_, at)| now - *at < FORGET_AFTER);
        if let Some((_, at)) = self.seen.iter_mut().find(|(address, _)| *address == from) {
            *at = now;
            self.looped += 1;
            return Conflict::Loop;
        }
        if self.seen.len() >= MAX_CONFLICTS {
            // So many addresses at once are an attack: our SSRC stays.
            self.looped += 1;
            return Conflict::Loop;
        }
        self.seen.push((from, now));
        Conflict::Collision
    }

    /// Packets dropped because they were our own.
    pub fn looped(&self) -> u64 {
        self.looped
    }
}

/// RFC 3550 §8.2: ten report intervals.
const FORGET_AFTER: Duration = Duration::from_secs(50);
/// Changes of SSRC that others can cause within that time.
const MAX_CONFLICTS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    // RFC 3550 §8.2.
    #[test]
    fn the_first_packet_is_a_collision_and_the_rest_a_loop() {
        let mut conflicts = Conflicts::default();
        assert_eq!(conflicts.judge(at(1), Time::ZERO), Conflict::Collision);
        for n in 1..100 {
            assert_eq!(conflicts.judge(at(1), Time::from_millis(n)), Conflict::Loop);
        }
        assert_eq!(
            conflicts.judge(at(2), Time::from_millis(100)),
            Conflict::Collision
        );
        assert_eq!(conflicts.looped(), 99);
    }

    #[test]
    fn an_address_is_forgotten_after_ten_intervals_of_silence() {
        let mut conflicts = Conflicts::default();
        conflicts.judge(at(1), Time::ZERO);
        assert_eq!(
            conflicts.judge(at(1), Time::from_millis(49_000)),
            Conflict::Loop
        );
        assert_eq!(
            conflicts.judge(at(1), Time::from_millis(98_000)),
            Conflict::Loop
        );
        assert_eq!(
            conflicts.judge(at(1), Time::from_millis(148_000)),
            Conflict::Collision
        );
    }

    #[test]
    fn a_thousand_addresses_change_our_ssrc_four_times_only() {
        let mut conflicts = Conflicts::default();
        let verdicts = (0..1000).map(|port| conflicts.judge(at(port), Time::ZERO));
        assert_eq!(verdicts.filter(|v| *v == Conflict::Collision).count(), 4);
    }
}
