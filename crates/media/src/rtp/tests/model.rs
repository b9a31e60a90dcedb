//! A source against a plain model: a list of what was sent and what arrived.

use core::time::Duration;
use std::collections::BTreeSet;

use proptest::prelude::*;
use talkpath_wire::{RtpTime, Seq, Ssrc, Time};

use crate::rtp::{
    Arrival, Chance, Continuity, Order, Placement, Reception, Source, SourceTable, Timing, Validity,
};

fn arrival(seq: u64, offset: Offset) -> Arrival {
    Arrival {
        seq: Seq::new(offset.seq.wrapping_add(seq as u16)),
        timestamp: RtpTime::new(offset.timestamp).plus((seq as u32).wrapping_mul(160)),
        payload_len: 160,
        clock_rate: 8000,
        timing: Timing::Advances,
    }
}

/// Where the numbers of a stream begin.
#[derive(Clone, Copy, Debug)]
struct Offset {
    seq: u16,
    timestamp: u32,
}

/// A network that loses, repeats and delays by numbers in a thousand.
#[derive(Clone, Copy, Debug)]
struct Network {
    lose: u64,
    repeat: u64,
    delay: u64,
}

impl Network {
    /// Numbers 0..`packets` in order of arrival.
    fn carry(self, packets: u64, seed: u64) -> Vec<u64> {
        let mut chance = Chance::from_seed(seed);
        let mut arrivals = Vec::new();
        for number in 0..packets {
            if chance.next_u64() % 1000 < self.lose {
                continue;
            }
            let late = match chance.next_u64() % 1000 < self.delay {
                true => 1 + chance.next_u64() % 20,
                false => 0,
            };
            arrivals.push((number + late, number));
            if chance.next_u64() % 1000 < self.repeat {
                arrivals.push((number + late + chance.next_u64() % 20, number));
            }
        }
        arrivals.sort_by_key(|(at, _)| *at);
        arrivals.into_iter().map(|(_, number)| number).collect()
    }
}

fn receive(arrivals: &[u64], offset: Offset, start: Time) -> (Source, Vec<Placement>) {
    let at = |n: usize| start + Duration::from_millis(20 * n as u64);
    let (mut source, first) = Source::begin(Ssrc::new(1), &arrival(arrivals[0], offset), at(0));
    let mut placements = vec![first];
    for (n, number) in arrivals.iter().enumerate().skip(1) {
        placements.push(source.receive(&arrival(*number, offset), at(n)));
    }
    (source, placements)
}

// RFC 3550 A.3: expected − received, and what the packets themselves tell.
#[test]
fn counts_agree_with_a_list_of_what_arrived() {
    let networks = [
        Network {
            lose: 0,
            repeat: 0,
            delay: 0,
        },
        Network {
            lose: 50,
            repeat: 0,
            delay: 0,
        },
        Network {
            lose: 300,
            repeat: 0,
            delay: 0,
        },
        Network {
            lose: 0,
            repeat: 50,
            delay: 0,
        },
        Network {
            lose: 0,
            repeat: 0,
            delay: 200,
        },
        Network {
            lose: 100,
            repeat: 50,
            delay: 100,
        },
    ];
    let offsets = [
        Offset {
            seq: 0,
            timestamp: 0,
        },
        Offset {
            seq: 65_530,
            timestamp: u32::MAX - 1000,
        },
        Offset {
            seq: 32_767,
            timestamp: 0x7fff_fff0,
        },
    ];
    for network in networks {
        for offset in offsets {
            for start in [0u64, 1 << 31, 1 << 32, 400 * 86_400_000] {
                let arrivals = network.carry(3000, 11);
                let (source, placements) = receive(&arrivals, offset, Time::from_millis(start));
                assert_counts(&arrivals, &source, &placements);
            }
        }
    }
}

fn assert_counts(arrivals: &[u64], source: &Source, placements: &[Placement]) {
    let different: BTreeSet<u64> = arrivals.iter().copied().collect();
    let (first, last) = (different.first().unwrap(), different.last().unwrap());
    let expected = last - first + 1;
    let counts = source.counts();
    assert_eq!(counts.packets, arrivals.len() as u64);
    assert_eq!(counts.duplicates, (arrivals.len() - different.len()) as u64);
    assert_eq!(source.sequence().expected(), expected);
    assert_eq!(counts.lost, expected as i64 - arrivals.len() as i64);
    assert_eq!((counts.restarts, counts.jumps), (0, 0));

    // Every packet is placed where its number says, whatever came before.
    let base = placements[0].ext_seq;
    let mut newest = arrivals[0];
    let mut seen = BTreeSet::from([newest]);
    for (number, placement) in arrivals.iter().zip(placements).skip(1) {
        let steps = *number as i64 - arrivals[0] as i64;
        assert_eq!(placement.ext_seq.distance_from(base), steps);
        let order = if *number > newest {
            Order::Newest {
                skipped: (number - newest - 1) as u16,
            }
        } else if seen.contains(number) {
            Order::Duplicate
        } else {
            Order::Late
        };
        assert_eq!(placement.order, order);
        newest = newest.max(*number);
        seen.insert(*number);
    }
}

#[test]
fn three_restarts_are_three_streams_without_loss() {
    let mut table = SourceTable::new(Ssrc::new(9));
    let from = ([192, 0, 2, 1], 4000).into();
    let mut now = Time::ZERO;
    let mut highest = None;
    let (mut streams, mut held) = (0, 0);
    for (seq, timestamp) in [(100, 7), (40_000, 9_000_000), (100, 7), (65_535, u32::MAX)] {
        for n in 0..100u64 {
            now += Duration::from_millis(20);
            let arrival = arrival(n, Offset { seq, timestamp });
            let reception = table.receive(Ssrc::new(1), from, &arrival, now);
            let (Reception::Known(placement) | Reception::First(placement)) = reception else {
                panic!("{reception:?}");
            };
            assert!(
                Some(placement.ext_seq) > highest,
                "a new stream stands above the old"
            );
            highest = Some(placement.ext_seq);
            streams += usize::from(placement.continuity == Continuity::NewStream);
            held += usize::from(placement.validity == Validity::Probation);
        }
    }
    let counts = table.counts();
    assert_eq!((streams, held, counts.restarts), (3, 4, 3));
    assert_eq!((counts.packets, counts.lost), (400, 0));
}

/// One step of an arbitrary sender.
#[derive(Clone, Debug)]
enum Step {
    Next,
    Jump(u16),
    Back(u16),
    Stamp(u32),
    Clock(u32),
    Pause(u64),
    Event,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Next),
        1 => any::<u16>().prop_map(Step::Jump),
        1 => (0u16..200).prop_map(Step::Back),
        1 => any::<u32>().prop_map(Step::Stamp),
        1 => any::<u32>().prop_map(Step::Clock),
        1 => any::<u64>().prop_map(Step::Pause),
        1 => Just(Step::Event),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_packets_panics_or_loses_more_than_was_expected(
        seq: u16,
        timestamp: u32,
        start: u64,
        steps in proptest::collection::vec(any_step(), 0..300),
    ) {
        let mut now = Time::from_nanos(start);
        let mut next = Arrival {
            seq: Seq::new(seq),
            timestamp: RtpTime::new(timestamp),
            payload_len: 160,
            clock_rate: 8000,
            timing: Timing::Advances,
        };
        let (mut source, _) = Source::begin(Ssrc::new(1), &next, now);
        for (n, step) in steps.iter().enumerate() {
            next.timing = Timing::Advances;
            match step {
                Step::Next => {
                    next.seq = next.seq.next();
                    next.timestamp = next.timestamp.plus(160);
                    now += Duration::from_millis(20);
                }
                Step::Jump(by) => next.seq = next.seq.wrapping_add(*by),
                Step::Back(by) => next.seq = next.seq.wrapping_add(by.wrapping_neg()),
                Step::Stamp(by) => next.timestamp = next.timestamp.plus(*by),
                Step::Clock(rate) => next.clock_rate = *rate,
                Step::Pause(nanos) => now += Duration::from_nanos(*nanos),
                Step::Event => next.timing = Timing::Stands,
            }
            let placement = source.receive(&next, now);
            prop_assert_eq!(placement.ext_seq.seq(), next.seq);
            let sequence = source.sequence();
            prop_assert!(sequence.lost() <= sequence.expected() as i64);
            prop_assert!(sequence.received() <= source.counts().packets);
            if n % 16 == 0 && source.is_reportable() {
                let block = source.report_block(now);
                prop_assert!((-0x80_0000..=0x7f_ffff).contains(&block.cumulative_lost));
            }
        }
        prop_assert_eq!(source.counts().packets, steps.len() as u64 + 1);
    }
}
