//! The sequence numbers of one source: validity, extension, loss.
//!
//! In: sequence numbers in order of arrival. Out: the extended number of each,
//! whether the source is believed yet, and the counts of a report.
//!
//! RFC 3550 A.1 (validation, restart) and A.3 (loss). Three things are our
//! own. Probation judges and drops nothing: every packet is placed. What was
//! seen in probation is counted when it ends, so a clean stream loses 0 and
//! not −1. Probation also ends after eight packets of which no two are
//! neighbours: a source that loses every second packet is still a source.

use talkpath_wire::{ExtSeq, Seq};

/// Whether a source, or a jump of its numbers, is believed yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Validity {
    /// Not yet: playout may hold the packet for at most one ptime.
    Probation,
    /// Believed: counted and reported.
    Valid,
}

/// Where a packet stands among those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Newer than all before it.
    Newest {
        /// Numbers skipped: lost, or still on their way.
        skipped: u16,
    },
    /// Older than the newest, and not seen before.
    Late,
    /// Seen before.
    Duplicate,
}

/// Whether a timestamp fits the numbers before it, as its source saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Timestamps {
    Fit,
    Jump,
}

/// Which stream of its source a packet belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Belongs {
    /// The one being received.
    Current,
    /// Maybe a new one: the next packet tells.
    Candidate,
    /// A new one, begun by the candidate before this packet.
    New,
}

/// A packet's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Placed {
    pub(super) ext_seq: ExtSeq,
    pub(super) validity: Validity,
    pub(super) order: Order,
    pub(super) belongs: Belongs,
}

/// The sequence numbers of one source (RFC 3550 A.1, A.3).
///
/// The first number is extended by one cycle, so that packets older than the
/// first have a place; reports count cycles from zero, as on the wire.
#[derive(Clone, Debug)]
pub struct Sequence {
    probation: Option<Probation>,
    highest: ExtSeq,
    base: ExtSeq,
    /// Bit n: whether `highest` − n was received.
    window: u128,
    received: u64,
    candidate: Option<ExtSeq>,
    prior: Counts,
    /// Of the streams before the last restart.
    before: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Probation {
    /// Packets in unbroken order at the end.
    run: u8,
    /// Different packets seen.
    seen: u8,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    expected: u64,
    received: u64,
}

/// The loss part of a report block (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LossReport {
    pub(super) fraction_lost: u8,
    pub(super) cumulative_lost: i32,
    pub(super) highest_seq: u32,
}

impl Sequence {
    /// The numbers of a source whose first packet is `seq`.
    pub(super) fn begin(seq: Seq) -> (Self, Placed) {
        let first = ExtSeq::new(CYCLE | u64::from(seq.value()));
        let sequence = Sequence {
            probation: Some(Probation { run: 1, seen: 1 }),
            highest: first,
            base: first,
            window: 1,
            received: 1,
            candidate: None,
            prior: Counts::default(),
            before: Counts::default(),
        };
        let placed = sequence.placed(first, Order::Newest { skipped: 0 }, Belongs::Current);
        (sequence, placed)
    }

    /// Places the next packet to arrive.
    pub(super) fn place(&mut self, seq: Seq, timestamps: Timestamps) -> Placed {
        let step = i32::from(seq.distance_from(self.highest.seq()));
        // RFC 3550 A.1: a jump beyond these bounds is another stream, or a
        // stray. So is a smaller one if the timestamps jump with it.
        let within = (1 - MAX_MISORDER..MAX_DROPOUT).contains(&step);
        let torn = timestamps == Timestamps::Jump && step.abs() > RESTART_GAP;
        if within && !torn {
            self.place_near(seq, step)
        } else if self.probation.is_some() {
            self.begin_again(seq)
        } else {
            self.place_far(seq)
        }
    }

    fn place_near(&mut self, seq: Seq, step: i32) -> Placed {
        let ext_seq = self.highest.nearest(seq);
        let order = match u32::try_from(step) {
            Ok(ahead @ 1..) => {
                self.window = self.window.checked_shl(ahead).unwrap_or(0) | 1;
                self.highest = ext_seq;
                Order::Newest {
                    skipped: (ahead - 1) as u16,
                }
            }
            _ => {
                let bit = 1 << step.unsigned_abs();
                let seen = self.window & bit != 0;
                self.window |= bit;
                if seen { Order::Duplicate } else { Order::Late }
            }
        };
        // A packet from before the first one: the stream began earlier.
        self.base = self.base.min(ext_seq);
        self.received += 1;
        self.judge(order);
        self.placed(ext_seq, order, Belongs::Current)
    }

    /// RFC 3550 A.1: probation ends with MIN_SEQUENTIAL packets in order.
    fn judge(&mut self, order: Order) {
        let Some(probation) = &mut self.probation else {
            return;
        };
        match order {
            Order::Newest { skipped: 0 } => probation.run += 1,
            Order::Newest { .. } | Order::Late => probation.run = 1,
            Order::Duplicate => return,
        }
        probation.seen += 1;
        if probation.run >= MIN_SEQUENTIAL || probation.seen >= MAX_PROBATION {
            self.probation = None;
        }
    }

    /// In probation, a jump begins it anew: what came before is not counted.
    fn begin_again(&mut self, seq: Seq) -> Placed {
        let first = self.next_cycle(seq);
        self.probation = Some(Probation { run: 1, seen: 1 });
        self.restart_at(first, 1);
        self.placed(first, Order::Newest { skipped: 0 }, Belongs::New)
    }

    /// RFC 3550 A.1: two packets in order after a jump are a restart, one
    /// alone is not.
    fn place_far(&mut self, seq: Seq) -> Placed {
        if let Some(first) = self.candidate
            && first.seq().next() == seq
        {
            let finished = self.counts();
            self.before.expected += finished.expected;
            self.before.received += finished.received;
            self.restart_at(first, 2);
            self.highest = first.plus(1);
            self.window = 0b11;
            return self.placed(self.highest, Order::Newest { skipped: 0 }, Belongs::New);
        }
        let candidate = self.next_cycle(seq);
        self.candidate = Some(candidate);
        Placed {
            ext_seq: candidate,
            validity: Validity::Probation,
            order: Order::Newest { skipped: 0 },
            belongs: Belongs::Candidate,
        }
    }

    /// RFC 3550 A.1, `init_seq`.
    fn restart_at(&mut self, first: ExtSeq, received: u64) {
        self.highest = first;
        self.base = first;
        self.window = 1;
        self.received = received;
        self.candidate = None;
        self.prior = Counts::default();
    }

    /// `seq` in the cycle after the current one: newer than everything.
    fn next_cycle(&self, seq: Seq) -> ExtSeq {
        let cycle = self.highest.value() / CYCLE + 1;
        ExtSeq::new(cycle * CYCLE + u64::from(seq.value()))
    }

    fn placed(&self, ext_seq: ExtSeq, order: Order, belongs: Belongs) -> Placed {
        Placed {
            ext_seq,
            validity: self.validity(),
            order,
            belongs,
        }
    }

    /// Whether the source is believed yet.
    pub fn validity(&self) -> Validity {
        match self.probation {
            Some(_) => Validity::Probation,
            None => Validity::Valid,
        }
    }

    /// The newest number received.
    pub fn highest(&self) -> ExtSeq {
        self.highest
    }

    /// Packets that should have come, of all streams of this source.
    pub fn expected(&self) -> u64 {
        self.before.expected + self.counts().expected
    }

    /// Packets that came, duplicates included, of all streams of this source.
    /// Zero in probation.
    pub fn received(&self) -> u64 {
        self.before.received + self.counts().received
    }

    /// Packets lost, of all streams of this source; negative when duplicates
    /// outnumber losses (RFC 3550 A.3).
    pub fn lost(&self) -> i64 {
        self.expected() as i64 - self.received() as i64
    }

    /// RFC 3550 A.3, of the current stream.
    fn counts(&self) -> Counts {
        if self.probation.is_some() {
            return Counts::default();
        }
        let steps = self.highest.distance_from(self.base);
        Counts {
            expected: steps.unsigned_abs() + 1,
            received: self.received,
        }
    }

    /// The loss part of a report block, and a new interval from here on
    /// (RFC 3550 A.3).
    pub(super) fn report(&mut self) -> LossReport {
        let now = self.counts();
        let expected = now.expected.saturating_sub(self.prior.expected);
        let received = now.received.saturating_sub(self.prior.received);
        self.prior = now;
        let lost = expected.saturating_sub(received);
        let fraction = (lost << 8).checked_div(expected).unwrap_or(0).min(255);
        let cumulative = now.expected as i64 - now.received as i64;
        let cycles_from_zero = self.highest.value() - self.base.value() / CYCLE * CYCLE;
        LossReport {
            fraction_lost: fraction as u8,
            cumulative_lost: cumulative.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_seq: ExtSeq::new(cycles_from_zero).report_bits(),
        }
    }
}

/// Packets in order that end probation (RFC 3550 A.1).
const MIN_SEQUENTIAL: u8 = 2;
/// Different packets that end probation when no two are neighbours.
const MAX_PROBATION: u8 = 8;
/// Steps ahead that are still loss (RFC 3550 A.1).
const MAX_DROPOUT: i32 = 3000;
/// Steps back that are no longer reordering (RFC 3550 A.1).
const MAX_MISORDER: i32 = 100;
/// Steps that, together with a jump of the timestamps, are a new stream.
const RESTART_GAP: i32 = 64;
/// Numbers in a cycle.
const CYCLE: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(first: u16, more: impl IntoIterator<Item = u16>) -> (Sequence, Vec<Placed>) {
        let (mut sequence, placed) = Sequence::begin(Seq::new(first));
        let mut all = vec![placed];
        all.extend(
            more.into_iter()
                .map(|s| sequence.place(Seq::new(s), Timestamps::Fit)),
        );
        (sequence, all)
    }

    // RFC 3550 A.1: MIN_SEQUENTIAL is 2; the first is counted with the second.
    #[test]
    fn the_first_packet_is_placed_at_once_and_counted_with_the_second() {
        let (one, placed) = sequence(10, []);
        assert_eq!(
            (placed[0].validity, one.received()),
            (Validity::Probation, 0)
        );
        let (two, placed) = sequence(10, [11]);
        assert_eq!((placed[1].validity, two.received()), (Validity::Valid, 2));
        assert_eq!((two.expected(), two.lost()), (2, 0));
    }

    #[test]
    fn a_gap_in_probation_is_loss_once_the_source_is_believed() {
        let (sequence, placed) = sequence(10, [12, 13]);
        let validity: Vec<_> = placed.iter().map(|p| p.validity).collect();
        assert_eq!(
            validity,
            [Validity::Probation, Validity::Probation, Validity::Valid]
        );
        assert_eq!(
            (sequence.expected(), sequence.received(), sequence.lost()),
            (4, 3, 1)
        );
    }

    #[test]
    fn a_jump_in_probation_begins_it_anew() {
        let (sequence, placed) = sequence(10, [40_000, 40_001]);
        assert_eq!(placed[1].belongs, Belongs::New);
        assert_eq!((sequence.expected(), sequence.received()), (2, 2));
    }

    #[test]
    fn a_source_that_loses_every_second_packet_is_believed_after_eight() {
        let (sequence, placed) = sequence(0, (1..8).map(|n| 2 * n));
        assert_eq!(placed[6].validity, Validity::Probation);
        assert_eq!(placed[7].validity, Validity::Valid);
        assert_eq!((sequence.received(), sequence.lost()), (8, 7));
    }

    #[test]
    fn a_duplicate_in_probation_proves_nothing() {
        let (sequence, placed) = sequence(5, [5; 20]);
        assert!(placed.iter().all(|p| p.validity == Validity::Probation));
        assert_eq!(sequence.received(), 0);
    }

    #[test]
    fn a_packet_from_before_the_first_moves_the_beginning() {
        let (sequence, placed) = sequence(0, [1, 65_535]);
        assert_eq!(placed[2].order, Order::Late);
        assert!(placed[2].ext_seq < placed[0].ext_seq);
        assert_eq!(sequence.lost(), 0);
    }

    #[test]
    fn numbers_extend_across_the_wrap_in_both_directions() {
        let (sequence, placed) = sequence(65_533, [65_534, 1, 65_535, 2]);
        let from_first: Vec<_> = placed
            .iter()
            .map(|p| p.ext_seq.distance_from(placed[0].ext_seq))
            .collect();
        assert_eq!(from_first, [0, 1, 4, 2, 5]);
        assert_eq!((sequence.lost(), placed[3].order), (1, Order::Late));
    }

    #[test]
    fn reports_count_cycles_from_zero() {
        let (mut sequence, _) = sequence(65_534, [65_535, 0]);
        assert_eq!(sequence.report().highest_seq, 0x1_0000);
    }

    #[test]
    fn two_hundred_thousand_packets_wrap_thrice_without_loss() {
        let (mut sequence, _) = sequence(0, (1..200_000u32).map(|n| n as u16));
        assert_eq!((sequence.received(), sequence.lost()), (200_000, 0));
        assert_eq!(sequence.report().highest_seq, 199_999);
    }

    // RFC 3550 A.1: MAX_DROPOUT and MAX_MISORDER, both edges.
    #[test]
    fn the_bounds_of_dropout_and_misorder_are_exact() {
        for (seq, belongs) in [
            (1001 + 2999, Belongs::Current),
            (1001 + 3000, Belongs::Candidate),
            (1001 - 99, Belongs::Current),
            (1001 - 100, Belongs::Candidate),
        ] {
            let (_, placed) = sequence(1000, [1001, seq]);
            assert_eq!(placed[2].belongs, belongs, "{seq}");
        }
    }

    // RFC 3550 A.1: bad_seq.
    #[test]
    fn two_in_order_after_a_jump_are_a_restart_and_both_are_counted() {
        let (mut sequence, placed) = sequence(1000, [1001, 1003, 30_000, 30_001, 30_002]);
        assert_eq!(
            (placed[3].validity, placed[3].belongs),
            (Validity::Probation, Belongs::Candidate)
        );
        assert_eq!(
            (placed[4].validity, placed[4].belongs),
            (Validity::Valid, Belongs::New)
        );
        assert!(placed[2].ext_seq < placed[3].ext_seq && placed[3].ext_seq < placed[4].ext_seq);
        // In all: 4 + 3 expected, 3 + 3 received. Reported: of the new stream.
        assert_eq!(
            (sequence.expected(), sequence.received(), sequence.lost()),
            (7, 6, 1)
        );
        let report = sequence.report();
        assert_eq!((report.cumulative_lost, report.highest_seq), (0, 30_002));
    }

    #[test]
    fn a_stray_number_changes_nothing() {
        let (sequence, placed) = sequence(1000, [1001, 30_000, 1002, 50_000, 1003]);
        assert_eq!(placed[5].belongs, Belongs::Current);
        assert_eq!((sequence.received(), sequence.lost()), (4, 0));
    }

    #[test]
    fn a_gap_of_65_is_a_restart_only_if_the_timestamps_jump_with_it() {
        for (timestamps, gap, belongs) in [
            (Timestamps::Fit, 65, Belongs::Current),
            (Timestamps::Jump, 64, Belongs::Current),
            (Timestamps::Jump, 65, Belongs::Candidate),
        ] {
            let (mut sequence, _) = sequence(1000, [1001]);
            assert_eq!(
                sequence.place(Seq::new(1001 + gap), timestamps).belongs,
                belongs
            );
        }
    }

    #[test]
    fn duplicates_are_seen_within_the_last_hundred() {
        let (sequence, placed) = sequence(0, (1..200).chain([199, 198, 101]));
        assert!(placed[200..].iter().all(|p| p.order == Order::Duplicate));
        assert_eq!(sequence.lost(), -3);
    }

    // RFC 3550 A.3: fraction is of the interval, in 1/256.
    #[test]
    fn the_fraction_lost_is_of_the_interval_and_the_count_of_all() {
        let (mut sequence, _) = sequence(0, [1, 3]);
        let first = sequence.report();
        assert_eq!((first.fraction_lost, first.cumulative_lost), (64, 1));
        let second = sequence.report();
        assert_eq!((second.fraction_lost, second.cumulative_lost), (0, 1));
        sequence.place(Seq::new(3), Timestamps::Fit);
        sequence.place(Seq::new(3), Timestamps::Fit);
        let third = sequence.report();
        assert_eq!((third.fraction_lost, third.cumulative_lost), (0, -1));
        sequence.place(Seq::new(3 + 2999), Timestamps::Fit);
        assert_eq!(sequence.report().fraction_lost, 255);
    }
}
