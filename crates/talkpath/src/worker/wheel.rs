//! A timer wheel: one deadline per key, exact, cheap to move.
//!
//! A hashed wheel of one-millisecond slots. Moving a deadline leaves the old
//! entry behind, to be skipped when its slot comes round; deadlines beyond the
//! wheel wait in their slot for a later round. Memory is reused.

use talkpath_wire::Time;

/// Deadlines by key; keys are small and dense.
#[derive(Debug)]
pub(crate) struct Wheel {
    slots: Vec<Vec<Entry>>,
    /// The valid deadline of each key.
    deadlines: Vec<Option<Time>>,
    /// The slot number (not wrapped) up to which everything was handed out.
    cursor: u64,
    /// How many keys have a deadline.
    armed: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: usize,
    at: Time,
}

impl Wheel {
    /// An empty wheel; nothing before `now` is ever due.
    pub(crate) fn new(now: Time) -> Self {
        Wheel {
            slots: (0..SLOTS).map(|_| Vec::with_capacity(ROOM)).collect(),
            deadlines: Vec::new(),
            cursor: slot_number(now),
            armed: 0,
        }
    }

    /// Gives `key` the deadline `at`, or none.
    pub(crate) fn set(&mut self, key: usize, at: Option<Time>) {
        if self.deadlines.len() <= key {
            self.deadlines.resize(key + 1, None);
        }
        let before = std::mem::replace(&mut self.deadlines[key], at);
        if before == at {
            return;
        }
        self.armed = self.armed + usize::from(at.is_some()) - usize::from(before.is_some());
        if let Some(at) = at {
            let number = slot_number(at).max(self.cursor);
            self.slots[wrapped(number)].push(Entry { key, at });
        }
    }

    /// Brings the deadline of `key` forward to `at`, if it is later or none.
    pub(crate) fn bring_forward(&mut self, key: usize, at: Option<Time>) {
        let known = self.deadlines.get(key).copied().flatten();
        if let Some(at) = at.filter(|at| known.is_none_or(|known| *at < known)) {
            self.set(key, Some(at));
        }
    }

    /// The earliest deadline, or a moment before it at which to look again.
    pub(crate) fn next(&self) -> Option<Time> {
        if self.armed == 0 {
            return None;
        }
        for number in self.cursor..self.cursor + SLOTS {
            let slot = &self.slots[wrapped(number)];
            let valid = slot.iter().filter(|entry| self.is_valid(entry));
            let due = valid.filter(|entry| slot_number(entry.at) <= number);
            if let Some(at) = due.map(|entry| entry.at).min() {
                return Some(at);
            }
        }
        Some(slot_start(self.cursor + SLOTS))
    }

    /// Moves the keys that are due at `now` into `due`, earliest first, and
    /// takes their deadlines away.
    pub(crate) fn expire(&mut self, now: Time, due: &mut Vec<(Time, usize)>) {
        due.clear();
        let last = slot_number(now);
        // A round of the wheel passes every slot.
        let from = self.cursor.max(last.saturating_sub(SLOTS - 1));
        for number in from..=last {
            let deadlines = &mut self.deadlines;
            let armed = &mut self.armed;
            self.slots[wrapped(number)].retain(|entry| {
                let valid = deadlines.get(entry.key).copied().flatten() == Some(entry.at);
                if valid && entry.at <= now {
                    deadlines[entry.key] = None;
                    *armed -= 1;
                    due.push((entry.at, entry.key));
                    return false;
                }
                valid
            });
        }
        self.cursor = self.cursor.max(last);
        due.sort_unstable();
    }

    fn is_valid(&self, entry: &Entry) -> bool {
        self.deadlines.get(entry.key).copied().flatten() == Some(entry.at)
    }
}

fn slot_number(at: Time) -> u64 {
    at.as_nanos() / SLOT_NANOS
}

fn slot_start(number: u64) -> Time {
    Time::from_nanos(number.saturating_mul(SLOT_NANOS))
}

fn wrapped(number: u64) -> usize {
    (number % SLOTS) as usize
}

/// One millisecond.
const SLOT_NANOS: u64 = 1_000_000;
/// A quarter of a second: a dozen ticks of 20 ms.
const SLOTS: u64 = 256;
/// Entries that a slot holds without growing, so that a worker of few calls
/// allocates nothing when a deadline falls into a slot for the first time.
const ROOM: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(due: &[(Time, usize)]) -> Vec<usize> {
        due.iter().map(|(_, key)| *key).collect()
    }

    #[test]
    fn deadlines_come_in_order_and_once() {
        let mut wheel = Wheel::new(Time::ZERO);
        let mut due = Vec::new();
        wheel.set(1, Some(Time::from_millis(20)));
        wheel.set(2, Some(Time::from_nanos(19_500_000)));
        wheel.set(3, Some(Time::from_millis(5000)));
        assert_eq!(wheel.next(), Some(Time::from_nanos(19_500_000)));
        wheel.expire(Time::from_millis(20), &mut due);
        assert_eq!(keys(&due), [2, 1]);
        wheel.expire(Time::from_millis(30), &mut due);
        assert!(due.is_empty());
    }

    #[test]
    fn a_deadline_beyond_the_wheel_waits_for_its_round() {
        let mut wheel = Wheel::new(Time::ZERO);
        let mut due = Vec::new();
        wheel.set(0, Some(Time::from_millis(5000)));
        let mut now = Time::ZERO;
        while let Some(next) = wheel.next() {
            assert!(
                next > now || next == Time::from_millis(5000),
                "{next:?} after {now:?}"
            );
            now = next;
            wheel.expire(now, &mut due);
            if !due.is_empty() {
                break;
            }
        }
        assert_eq!((now, keys(&due)), (Time::from_millis(5000), vec![0]));
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn a_moved_deadline_is_due_only_at_its_new_moment() {
        let mut wheel = Wheel::new(Time::ZERO);
        let mut due = Vec::new();
        wheel.set(0, Some(Time::from_millis(10)));
        wheel.set(0, Some(Time::from_millis(30)));
        wheel.expire(Time::from_millis(20), &mut due);
        assert!(due.is_empty());
        wheel.set(0, None);
        assert_eq!(wheel.next(), None);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_sorted_list(
            start in 0u64..1 << 40,
            steps in prop::collection::vec((0usize..8, 0u64..600_000_000, 0u64..300_000_000), 1..60),
        ) {
            let mut now = Time::from_nanos(start);
            let mut wheel = Wheel::new(now);
            let mut model = [None; 8];
            let mut due = Vec::new();
            for (key, ahead, step) in steps {
                let at = now + std::time::Duration::from_nanos(ahead);
                wheel.set(key, Some(at));
                model[key] = Some(at);
                if let Some(next) = wheel.next() {
                    prop_assert!(next <= model.iter().flatten().copied().min().unwrap_or(Time::MAX));
                }
                now += std::time::Duration::from_nanos(step);
                wheel.expire(now, &mut due);
                let mut expected: Vec<_> = (0..8)
                    .filter_map(|key| model[key].filter(|at| *at <= now).map(|at| (at, key)))
                    .collect();
                expected.sort_unstable();
                expected.iter().for_each(|(_, key)| model[*key] = None);
                prop_assert_eq!(&due, &expected);
            }
        }
    }
}
