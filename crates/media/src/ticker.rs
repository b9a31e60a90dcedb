//! Every 20 ms a frame is heard and a frame is said.
//!
//! In: `now`. Out: the turns that are due, at most a few late ones; the rest of
//! a stall never happened and is counted as missed.

use core::time::Duration;

use talkpath_wire::Time;

/// When the next tick is.
pub(crate) struct Ticker {
    next: Time,
}

/// One tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    /// When it was due.
    pub(crate) at: Time,
    /// Ticks just before it that never happened.
    pub(crate) missed: u32,
}

/// The number of each tick of a stream, whoever ticks for it.
///
/// A room does not tick when the stream did, and between the two there may be a
/// pause: a number says where a tick is in time, to less than two ticks.
#[derive(Default)]
pub(crate) struct TickCount {
    known: Option<Known>,
}

struct Known {
    /// When the tick 0 was.
    first: Time,
    /// When the last one was.
    at: Time,
    number: u64,
}

impl Ticker {
    /// A clock whose first tick is due a frame after `now`.
    pub(crate) fn new(now: Time) -> Self {
        Ticker { next: now + TICK }
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
        self.next = at + TICK;
        Some(Turn { at, missed })
    }
}

impl TickCount {
    /// The number of this tick; none when its time is that of the one before.
    pub(crate) fn number(&mut self, turn: Turn) -> Option<u64> {
        let at = turn.at;
        let Some(Known { first, number, .. }) = self.known else {
            let (first, number) = (at, 0);
            self.known = Some(Known { first, at, number });
            return Some(number);
        };
        let tick = TICK.as_nanos() as u64;
        let passed = (at - first).as_nanos() as u64;
        let next = number + u64::from(turn.missed) + 1;
        let here = match passed.abs_diff(next * tick) <= tick {
            true => next,
            false => (passed + tick / 2) / tick,
        };
        let is_new = here > number;
        let number = here.max(number);
        self.known = Some(Known { first, at, number });
        is_new.then_some(number)
    }

    /// The clock of a stream that ticks for itself from `now` on: where it just
    /// ticked, in the same phase.
    pub(crate) fn ticker(&self, now: Time) -> Ticker {
        let mut ticker = Ticker::new(now);
        if let Some(known) = &self.known
            && known.at + TICK > now
        {
            ticker.next = known.at + TICK;
        }
        ticker
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
        let turn = |at, missed| Turn {
            at: Time::from_millis(at),
            missed,
        };
        assert_eq!(turns, [turn(80, 3), turn(100, 0), turn(120, 0)]);
        assert_eq!(ticker.next(), Time::from_millis(140));
    }

    #[test]
    fn ticks_of_another_phase_and_behind_a_pause_have_their_numbers() {
        let mut count = TickCount::default();
        let mut number = |at, missed| {
            let at = Time::from_millis(at);
            count.number(Turn { at, missed })
        };
        assert_eq!([number(5, 0), number(25, 0)], [Some(0), Some(1)]);
        // A room that ticks early or late goes on where the stream was.
        assert_eq!([number(26, 0), number(46, 0)], [Some(2), Some(3)]);
        assert_eq!([number(85, 0), number(105, 0)], [Some(4), Some(5)]);
        // What was missed, and a minute without ticks.
        assert_eq!(number(165, 2), Some(8));
        assert_eq!(number(60_005, 0), Some(3000));
    }

    #[test]
    fn who_just_ticked_ticks_on_in_the_same_phase() {
        let mut count = TickCount::default();
        let at = Time::from_millis;
        assert_eq!(count.ticker(at(3)).next(), at(23));
        count.number(Turn {
            at: at(100),
            missed: 0,
        });
        assert_eq!(count.ticker(at(113)).next(), at(120));
        assert_eq!(count.ticker(at(125)).next(), at(145));
    }

    proptest::proptest! {
        #[test]
        fn however_often_the_ticker_changes_numbers_are_true_to_time(
            steps in proptest::collection::vec((1u64..60, 0u32..3), 1..300),
        ) {
            let (mut count, mut at, mut last) = (TickCount::default(), Time::ZERO, None);
            for (step, missed) in steps {
                at += Duration::from_millis(step) + TICK * missed;
                let Some(number) = count.number(Turn { at, missed }) else {
                    continue;
                };
                proptest::prop_assert!(last < Some(number));
                last = Some(number);
                let first = count.known.as_ref().unwrap().first;
                let off = (at - first).as_millis().abs_diff(u128::from(number) * 20);
                proptest::prop_assert!(off <= 20, "{off} ms");
            }
        }
    }
}
