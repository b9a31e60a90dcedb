//! Who has which port: pure bookkeeping, nothing is bound here.
//!
//! In: what is wanted, `now`, and chance as a number. Out: ports that are
//! nobody else's. A pair is an even port and the odd one above it, as RTP and
//! RTCP have them (RFC 3550 §11). A port given back to rest is handed out
//! before its time only when nothing else is left, the longest-rested first.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use talkpath_wire::Time;

use super::port_set::PortSet;
use super::{LeaseKind, PortOrder};

/// The state of every port of a range: free, resting, or leased.
#[derive(Debug)]
pub(super) struct Ledger {
    range: RangeInclusive<u16>,
    order: PortOrder,
    free: PortSet,
    /// The even ports whose pair is free.
    pairs: PortSet,
    all_pairs: usize,
    /// The free ports whose pair is not.
    singles: PortSet,
    /// Ports and until when they rest, in the order in which they end it.
    resting: VecDeque<(u16, Time)>,
    leased: usize,
    /// Where sequential order goes on.
    next: u16,
}

/// Whether a port given back can be used at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rest {
    /// Nothing ever came to it.
    None,
    /// Late packets may still come to it.
    For(Duration),
}

impl Ledger {
    /// All of `range` is free.
    pub(super) fn new(range: RangeInclusive<u16>, order: PortOrder) -> Self {
        let mut ledger = Ledger {
            free: PortSet::new(&range),
            pairs: PortSet::new(&range),
            all_pairs: 0,
            singles: PortSet::new(&range),
            resting: VecDeque::new(),
            leased: 0,
            next: *range.start(),
            order,
            range: range.clone(),
        };
        range.for_each(|port| ledger.set_free(port));
        ledger.all_pairs = ledger.pairs.len();
        ledger
    }

    /// How many ports are leased.
    pub(super) fn leased(&self) -> usize {
        self.leased
    }

    /// Whether the range has an even port with its odd one.
    pub(super) fn has_pairs(&self) -> bool {
        self.all_pairs > 0
    }

    /// Hands out a port, or a pair by its even port. In random order `chance`
    /// decides which.
    pub(super) fn take(&mut self, kind: LeaseKind, now: Time, chance: u64) -> Option<u16> {
        self.end_rests(now);
        let port = self
            .rested(kind, chance)
            .or_else(|| self.longest_resting(kind))?;
        self.next = match kind {
            LeaseKind::Single => {
                self.set_leased(port);
                port.wrapping_add(1)
            }
            LeaseKind::Pair => {
                self.set_leased(port);
                self.set_leased(port | 1);
                port.wrapping_add(2)
            }
        };
        Some(port)
    }

    /// Takes a leased port back.
    pub(super) fn give_back(&mut self, port: u16, now: Time, rest: Rest) {
        debug_assert!(self.leased > 0, "port {port} was not leased");
        self.leased = self.leased.saturating_sub(1);
        match rest {
            Rest::None => self.set_free(port),
            Rest::For(rest) => self.resting.push_back((port, now + rest)),
        }
    }

    fn rested(&self, kind: LeaseKind, chance: u64) -> Option<u16> {
        // Singles are spread over all ports while pairs are plenty, and spare
        // the pairs when not. Sequential order means what it says.
        let pairs_are_few = self.pairs.len() * 2 < self.all_pairs;
        let from = match kind {
            LeaseKind::Pair => &self.pairs,
            LeaseKind::Single if pairs_are_few && self.singles.len() > 0 => &self.singles,
            LeaseKind::Single => &self.free,
        };
        match self.order {
            PortOrder::Sequential => from.next_from(self.next),
            PortOrder::Random => from.nth((chance % from.len().max(1) as u64) as usize),
        }
    }

    fn longest_resting(&self, kind: LeaseKind) -> Option<u16> {
        if kind == LeaseKind::Single {
            return self.resting.front().map(|&(port, _)| port);
        }
        let mut rested_longer = PortSet::new(&self.range);
        for &(port, _) in &self.resting {
            let other = port ^ 1;
            if self.free.contains(other) || rested_longer.contains(other) {
                return Some(port & !1);
            }
            rested_longer.insert(port);
        }
        None
    }

    fn end_rests(&mut self, now: Time) {
        while self.resting.front().is_some_and(|&(_, until)| until <= now) {
            if let Some((port, _)) = self.resting.pop_front() {
                self.set_free(port);
            }
        }
    }

    fn set_free(&mut self, port: u16) {
        self.free.insert(port);
        if self.free.contains(port ^ 1) {
            self.singles.remove(port ^ 1);
            self.pairs.insert(port & !1);
        } else {
            self.singles.insert(port);
        }
    }

    fn set_leased(&mut self, port: u16) {
        self.leased += 1;
        if !self.free.remove(port) {
            self.resting.retain(|&(resting, _)| resting != port);
        } else if self.pairs.remove(port & !1) {
            self.singles.insert(port ^ 1);
        } else {
            self.singles.remove(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const REST: Duration = Duration::from_secs(2);
    const NOW: Time = Time::from_millis(1000);

    fn ledger(range: RangeInclusive<u16>, order: PortOrder) -> Ledger {
        Ledger::new(range, order)
    }

    fn take_all(ledger: &mut Ledger, kind: LeaseKind) -> Vec<u16> {
        std::iter::from_fn(|| ledger.take(kind, NOW, 0)).collect()
    }

    #[test]
    fn sequential_order_counts_upwards_and_starts_over() {
        let mut ledger = ledger(10000..=10005, PortOrder::Sequential);
        assert_eq!(
            take_all(&mut ledger, LeaseKind::Single),
            [10000, 10001, 10002, 10003, 10004, 10005]
        );
        for port in [10001, 10003] {
            ledger.give_back(port, NOW, Rest::None);
        }
        assert_eq!(ledger.take(LeaseKind::Single, NOW, 7), Some(10001));
        let mut pairs = self::ledger(10000..=10005, PortOrder::Sequential);
        assert_eq!(take_all(&mut pairs, LeaseKind::Pair), [10000, 10002, 10004]);
    }

    #[test]
    fn a_port_given_back_is_not_the_next_one_in_sequential_order() {
        let mut ledger = ledger(10000..=10010, PortOrder::Sequential);
        assert_eq!(ledger.take(LeaseKind::Pair, NOW, 0), Some(10000));
        ledger.give_back(10000, NOW, Rest::None);
        ledger.give_back(10001, NOW, Rest::None);
        assert_eq!(ledger.take(LeaseKind::Single, NOW, 0), Some(10002));
    }

    #[test]
    fn odd_ends_of_a_range_serve_singles_only() {
        let mut ledger = ledger(10001..=10004, PortOrder::Random);
        assert!(ledger.has_pairs());
        assert_eq!(take_all(&mut ledger, LeaseKind::Pair), [10002]);
        let mut left = take_all(&mut ledger, LeaseKind::Single);
        left.sort_unstable();
        assert_eq!(left, [10001, 10004]);
        assert!(!self::ledger(10001..=10002, PortOrder::Random).has_pairs());
        assert!(!self::ledger(u16::MAX..=u16::MAX, PortOrder::Random).has_pairs());
    }

    #[test]
    fn the_freed_odd_port_of_a_pair_serves_a_single() {
        let mut ledger = ledger(10000..=10001, PortOrder::Random);
        assert_eq!(ledger.take(LeaseKind::Pair, NOW, 3), Some(10000));
        ledger.give_back(10001, NOW, Rest::None);
        assert_eq!(ledger.take(LeaseKind::Pair, NOW, 3), None);
        assert_eq!(ledger.take(LeaseKind::Single, NOW, 3), Some(10001));
    }

    #[test]
    fn singles_spare_the_pairs_when_these_are_few() {
        for chance in 0..8 {
            let mut ledger = ledger(10000..=10007, PortOrder::Random);
            for pair in [(); 3].map(|()| ledger.take(LeaseKind::Pair, NOW, 0)) {
                ledger.give_back(pair.unwrap() | 1, NOW, Rest::None);
            }
            for left in [2, 1, 0] {
                assert_eq!(ledger.singles.len(), left + 1);
                ledger.take(LeaseKind::Single, NOW, chance).unwrap();
            }
            assert_eq!(ledger.take(LeaseKind::Pair, NOW, chance), Some(10006));
        }
    }

    #[test]
    fn random_order_reaches_every_port() {
        let range = 10000..=10199u16;
        let mut first: Vec<_> = (0..200)
            .map(|chance| {
                ledger(range.clone(), PortOrder::Random).take(LeaseKind::Single, NOW, chance)
            })
            .collect();
        first.sort_unstable();
        assert_eq!(first, range.map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn a_port_rests_until_its_time_or_until_nothing_else_is_left() {
        let mut ledger = ledger(10000..=10002, PortOrder::Sequential);
        assert_eq!(take_all(&mut ledger, LeaseKind::Single).len(), 3);
        ledger.give_back(10001, NOW, Rest::For(REST));
        ledger.give_back(10000, NOW + Duration::from_millis(1), Rest::For(REST));
        ledger.give_back(10002, NOW + Duration::from_millis(2), Rest::None);
        let soon = NOW + Duration::from_millis(3);
        let taken = [(); 4].map(|()| ledger.take(LeaseKind::Single, soon, 0));
        assert_eq!(taken, [Some(10002), Some(10001), Some(10000), None]);
        ledger.give_back(10001, NOW, Rest::For(REST));
        ledger.give_back(10002, NOW, Rest::None);
        ledger.next = 10000;
        assert_eq!(ledger.take(LeaseKind::Single, NOW + REST, 0), Some(10001));
    }

    #[test]
    fn the_pair_that_rested_longest_is_the_one_whose_later_half_did() {
        let mut ledger = ledger(10000..=10005, PortOrder::Random);
        assert_eq!(take_all(&mut ledger, LeaseKind::Pair).len(), 3);
        for (ms, port) in [10000, 10002, 10003, 10001, 10004].into_iter().enumerate() {
            ledger.give_back(
                port,
                NOW + Duration::from_millis(ms as u64),
                Rest::For(REST),
            );
        }
        ledger.give_back(10005, NOW, Rest::None);
        let taken = [(); 4].map(|()| ledger.take(LeaseKind::Pair, NOW, 0));
        assert_eq!(taken, [Some(10002), Some(10000), Some(10004), None]);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take(LeaseKind, u64),
        GiveBack(usize, Rest),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let kind = prop_oneof![Just(LeaseKind::Pair), Just(LeaseKind::Single)];
        let rest = prop_oneof![Just(Rest::None), Just(Rest::For(REST))];
        prop_oneof![
            3 => (kind, any::<u64>()).prop_map(|(kind, chance)| Step::Take(kind, chance)),
            3 => (any::<usize>(), rest).prop_map(|(which, rest)| Step::GiveBack(which, rest)),
            1 => (0..1500u64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        #[test]
        fn no_port_is_handed_out_twice_and_all_come_back(
            start in 1..100u16,
            len in 0..20u16,
            sequential: bool,
            steps in prop::collection::vec(step(), 0..120),
        ) {
            let range = start..=start + len;
            let order = if sequential { PortOrder::Sequential } else { PortOrder::Random };
            let mut ledger = ledger(range.clone(), order);
            let (mut out, mut resting, mut now) = (Vec::new(), BTreeMap::new(), NOW);
            for step in steps {
                match step {
                    Step::Pass(ms) => now += Duration::from_millis(ms),
                    Step::GiveBack(_, _) if out.is_empty() => {}
                    Step::GiveBack(which, rest) => {
                        let port = out.swap_remove(which % out.len());
                        ledger.give_back(port, now, rest);
                        if rest != Rest::None {
                            resting.insert(port, now + REST);
                        }
                    }
                    Step::Take(kind, chance) => {
                        resting.retain(|_, until| *until > now);
                        let taken = ledger.take(kind, now, chance);
                        check(kind, taken, &range, &out, &resting)?;
                        let ports = taken.into_iter().flat_map(|port| ports(kind, port));
                        for port in ports {
                            resting.remove(&port);
                            out.push(port);
                        }
                    }
                }
                prop_assert_eq!(ledger.leased(), out.len());
            }
            for port in out {
                ledger.give_back(port, now, Rest::For(REST));
            }
            ledger.end_rests(now + REST);
            prop_assert_eq!(ledger.free.len(), range.len());
            prop_assert_eq!(ledger.pairs.len(), ledger.all_pairs);
            prop_assert_eq!(ledger.singles.len(), range.len() - 2 * ledger.all_pairs);
        }
    }

    fn ports(kind: LeaseKind, first: u16) -> RangeInclusive<u16> {
        first..=first + u16::from(kind == LeaseKind::Pair)
    }

    /// What was taken against all that could have been.
    fn check(
        kind: LeaseKind,
        taken: Option<u16>,
        range: &RangeInclusive<u16>,
        out: &[u16],
        resting: &BTreeMap<u16, Time>,
    ) -> Result<(), TestCaseError> {
        let step = if kind == LeaseKind::Pair { 2 } else { 1 };
        let could = |usable: &dyn Fn(u16) -> bool| {
            let mut firsts = range.clone().filter(|first| first % step == 0);
            firsts.any(|first| ports(kind, first).all(|port| range.contains(&port) && usable(port)))
        };
        let unleased = |port: u16| !out.contains(&port);
        let Some(first) = taken else {
            prop_assert!(!could(&unleased), "refused although one was left");
            return Ok(());
        };
        for port in ports(kind, first) {
            prop_assert!(
                range.contains(&port) && unleased(port),
                "{port} handed out twice"
            );
        }
        prop_assert_eq!(first % step, 0);
        if ports(kind, first).any(|port| resting.contains_key(&port)) {
            let rested = |port: u16| unleased(port) && !resting.contains_key(&port);
            prop_assert!(!could(&rested), "{first} was not left to rest");
        }
        Ok(())
    }
}
