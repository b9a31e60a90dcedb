//! Every 20 ms a frame is heard and a frame is said.
//!
//! In: `now`. Out: the turns that are due, at most a few late ones; the rest of
//! a stall never happened and is counted as missed.

use core::time::Duration;

use talkpath_wire::Time;

/// When the next tick is, and how many there were.
pub(crate) struct Ticker {
    next: Time,
    number: u64,
}

/// One tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    /// When it was due.
    pub(crate) at: Time,
    /// Ticks since the first, those that were missed included.
    pub(crate) number: u64,
    /// Ticks just before it that never happened.
    pub(crate) missed: u32,
}

impl Ticker {
    /// A clock whose first tick is due a frame after `now`.
    pub(crate) fn new(now: Time) -> Self {
        Ticker {
            next: now + TICK,
            number: 0,
        }
    }

    /// When the next tick is due.
    pub(crate) fn next(&self) -> Time {
        self.next
    }

    /// The next tick, if it is due.
    pub(crate) fn turn(&mut self, now: Time) -> Option<Turn> {
        if now < self.next {
            return None;
        }
        let behind = (now - self.next).as_nanos() / TICK.as_nanos();
        let behind = u32::try_from(behind).unwrap_or(u32::MAX);
        let missed = behind.saturating_sub(CATCH_UP);
        let at = self.next + TICK * missed;
        self.number += u64::from(missed) + 1;
        self.next = at + TICK;
        Some(Turn {
            at,
            number: self.number,
            missed,
        })
    }
}

/// How often a frame is heard and said.
pub(crate) const TICK: Duration = Duration::from_millis(20);
/// Late ticks that are made up for; the rest never happened.
const CATCH_UP: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_late_ticks_are_made_up_for_and_the_rest_is_missed() {
        let mut ticker = Ticker::new(Time::ZERO);
        assert_eq!(ticker.turn(Time::from_millis(19)), None);
        let turns: Vec<_> = std::iter::from_fn(|| ticker.turn(Time::from_millis(130))).collect();
        let seen: Vec<_> = turns
            .iter()
            .map(|turn| (turn.number, turn.missed))
            .collect();
        assert_eq!(seen, [(4, 3), (5, 0), (6, 0)]);
        assert_eq!(ticker.next(), Time::from_millis(140));
    }
}
