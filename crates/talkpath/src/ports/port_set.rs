//! A set of UDP ports: one bit each, chosen from by rank or by order.
//!
//! Small enough to be scanned whole (1,024 words for all ports there are), so
//! that a uniformly random choice needs no list that is kept beside it.

use std::ops::RangeInclusive;

/// Ports out of a range that is fixed at birth.
#[derive(Debug)]
pub(super) struct PortSet {
    /// The port of the lowest bit of the first word.
    base: u16,
    words: Box<[u64]>,
    len: usize,
}

impl PortSet {
    /// The empty set, with room for `range`.
    pub(super) fn new(range: &RangeInclusive<u16>) -> Self {
        let base = range.start() & !63;
        let words = usize::from(range.end().saturating_sub(base)) / 64 + 1;
        PortSet {
            base,
            words: vec![0; words].into(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn contains(&self, port: u16) -> bool {
        self.place(port)
            .is_some_and(|(word, bit)| self.words[word] & bit != 0)
    }

    /// Puts `port` in, if there is room for it.
    pub(super) fn insert(&mut self, port: u16) {
        let Some((word, bit)) = self.place(port) else {
            return;
        };
        self.len += usize::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    /// Takes `port` out; tells whether it was in.
    pub(super) fn remove(&mut self, port: u16) -> bool {
        let Some((word, bit)) = self.place(port) else {
            return false;
        };
        let was_in = self.words[word] & bit != 0;
        self.len -= usize::from(was_in);
        self.words[word] &= !bit;
        was_in
    }

    /// The port that has `rank` lower ones in the set.
    pub(super) fn nth(&self, mut rank: usize) -> Option<u16> {
        for (index, &word) in self.words.iter().enumerate() {
            let here = word.count_ones() as usize;
            if rank < here {
                let rest = (0..rank).fold(word, |word, _| word & (word - 1));
                return Some(self.port(index, rest));
            }
            rank -= here;
        }
        None
    }

    /// The lowest port from `port` on, or else the lowest of all.
    pub(super) fn next_from(&self, port: u16) -> Option<u16> {
        let start = usize::from(port.saturating_sub(self.base)) / 64;
        let not_before = |index, word| {
            let lowest = if index == start {
                port.saturating_sub(self.base) % 64
            } else {
                0
            };
            word & (u64::MAX << lowest)
        };
        let mut from_start = self.words.iter().enumerate().skip(start);
        from_start
            .find_map(|(index, &word)| self.lowest(index, not_before(index, word)))
            .or_else(|| self.nth(0))
    }

    fn lowest(&self, index: usize, word: u64) -> Option<u16> {
        (word != 0).then(|| self.port(index, word))
    }

    /// The port of the lowest bit of `word`, which stands at `index`.
    fn port(&self, index: usize, word: u64) -> u16 {
        self.base + (index * 64) as u16 + word.trailing_zeros() as u16
    }

    fn place(&self, port: u16) -> Option<(usize, u64)> {
        let offset = port.checked_sub(self.base)?;
        let word = usize::from(offset) / 64;
        (word < self.words.len()).then_some((word, 1 << (offset % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_sorted_set(
            start: u16,
            len in 0..300u16,
            ports in prop::collection::vec((0..300u16, any::<bool>()), 0..200),
            from: u16,
        ) {
            let range = start..=start.saturating_add(len);
            let (mut set, mut model) = (PortSet::new(&range), BTreeSet::new());
            for (offset, keep) in ports {
                let port = start.saturating_add(offset.min(len));
                if keep {
                    set.insert(port);
                    model.insert(port);
                } else {
                    prop_assert_eq!(set.remove(port), model.remove(&port));
                }
            }
            prop_assert_eq!(set.len(), model.len());
            for (rank, port) in model.iter().enumerate() {
                prop_assert_eq!(set.nth(rank), Some(*port));
                prop_assert!(set.contains(*port));
            }
            prop_assert_eq!(set.nth(model.len()), None);
            let next = model.range(from..).chain(&model).next().copied();
            prop_assert_eq!(set.next_from(from), next);
        }
    }

    #[test]
    fn the_whole_range_of_ports_fits() {
        let mut set = PortSet::new(&(1..=u16::MAX));
        set.insert(u16::MAX);
        set.insert(1);
        assert_eq!(set.next_from(2), Some(u16::MAX));
        assert_eq!(set.nth(0), Some(1));
    }
}
