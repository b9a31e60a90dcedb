//! One remote SSRC: everything that is kept about who speaks.
//!
//! In: its RTP packets and sender reports, in order of arrival. Out: where
//! each packet belongs, and the numbers of statistics and report blocks.
//!
//! RFC 3550 §6.4.1, A.1, A.3, A.8. It drops nothing: a packet that is late,
//! seen before or not believed yet is placed and said to be so.

use core::time::Duration;

use talkpath_wire::rtcp::{ReportBlock, SenderInfo};
use talkpath_wire::{ExtSeq, NtpTime, RtpTime, Ssrc, Time};

use super::sequence::{Belongs, Placed, Timestamps};
use super::{Arrival, Continuity, Jitter, Order, Placement, Sequence, Timing, Validity};
use crate::quality::{Fate, LossPattern};

/// What was counted of a source since it was first heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SourceCounts {
    /// RTP packets, in probation too, duplicates included.
    pub packets: u64,
    /// Bytes of RTP payload.
    pub payload_bytes: u64,
    /// Packets lost; negative when duplicates outnumber losses.
    pub lost: i64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after a newer one.
    pub late: u64,
    /// Streams that the sender began anew.
    pub restarts: u64,
    /// Jumps of the timestamps within a stream.
    pub jumps: u64,
}

impl SourceCounts {
    /// Adds what another source counted.
    pub fn add(&mut self, other: &SourceCounts) {
        self.packets += other.packets;
        self.payload_bytes += other.payload_bytes;
        self.lost += other.lost;
        self.duplicates += other.duplicates;
        self.late += other.late;
        self.restarts += other.restarts;
        self.jumps += other.jumps;
    }
}

/// One remote SSRC.
#[derive(Clone, Debug)]
pub struct Source {
    ssrc: Ssrc,
    sequence: Sequence,
    jitter: Jitter,
    pattern: LossPattern,
    spacing: Spacing,
    /// The newest packet of the current stream.
    newest: Moment,
    last_heard: Time,
    counts: SourceCounts,
    last_sr: Option<LastReport>,
    /// Packets when the last report block was written.
    reported: u64,
    left: Option<Time>,
}

/// A timestamp and when it arrived.
#[derive(Clone, Copy, Debug)]
struct Moment {
    timestamp: RtpTime,
    at: Time,
}

/// How far the timestamps of neighbours are apart.
#[derive(Clone, Copy, Debug, Default)]
struct Spacing {
    last: u32,
    /// Seen twice in a row, with the clock's rate.
    usual: Option<(u32, u32)>,
}

impl Spacing {
    fn step(&mut self, ticks: i32, clock_rate: u32) {
        let ticks = u32::try_from(ticks).unwrap_or(0);
        // RFC 3551 §4.2: packets hold up to 200 ms.
        if ticks == self.last && (1..=clock_rate / 5).contains(&ticks) {
            self.usual = Some((ticks, clock_rate));
        }
        self.last = ticks;
    }
}

#[derive(Clone, Copy, Debug)]
struct LastReport {
    info: SenderInfo,
    at: Time,
}

impl Source {
    /// The source of `ssrc`, with its first packet, which arrived `now`.
    pub fn begin(ssrc: Ssrc, arrival: &Arrival, now: Time) -> (Self, Placement) {
        let (sequence, placed) = Sequence::begin(arrival.seq);
        let mut source = Source {
            ssrc,
            sequence,
            jitter: Jitter::new(arrival.clock_rate),
            pattern: LossPattern::default(),
            spacing: Spacing::default(),
            newest: Moment {
                timestamp: arrival.timestamp,
                at: now,
            },
            last_heard: now,
            counts: SourceCounts::default(),
            last_sr: None,
            reported: 0,
            left: None,
        };
        source.pattern.note(placed.ext_seq, Fate::Played);
        source.count(arrival, placed.order, Continuity::Continuous);
        source.measure(arrival, placed, Continuity::Continuous, now);
        let Placed {
            ext_seq,
            validity,
            order,
            ..
        } = placed;
        let continuity = Continuity::Continuous;
        (
            source,
            Placement {
                ext_seq,
                validity,
                order,
                continuity,
            },
        )
    }

    /// Takes in the next packet, which arrived `now`.
    pub fn receive(&mut self, arrival: &Arrival, now: Time) -> Placement {
        let step = self.step_of(arrival, now);
        let placed = self.sequence.place(arrival.seq, step.timestamps());
        let newest = matches!(placed.order, Order::Newest { .. });
        let continuity = match placed.belongs {
            Belongs::New => Continuity::NewStream,
            Belongs::Current if newest && step.off_clock => Continuity::TimestampJump,
            Belongs::Current | Belongs::Candidate => Continuity::Continuous,
        };
        match placed.belongs {
            Belongs::New => self.pattern.restart(placed.ext_seq, Fate::Played),
            Belongs::Current => self.pattern.note(placed.ext_seq, Fate::Played),
            Belongs::Candidate => {}
        }
        self.last_heard = now;
        self.left = None;
        self.count(arrival, placed.order, continuity);
        self.measure(arrival, placed, continuity, now);
        let Placed {
            ext_seq,
            validity,
            order,
            ..
        } = placed;
        Placement {
            ext_seq,
            validity,
            order,
            continuity,
        }
    }

    /// How far the timestamp moved, against the newest and against the clock.
    fn step_of(&self, arrival: &Arrival, now: Time) -> Step {
        if arrival.timing == Timing::Stands {
            return Step {
                far: false,
                off_clock: false,
            };
        }
        let limit = arrival.clock_rate.saturating_mul(JUMP_SECONDS);
        let moved = arrival.timestamp.ticks_since(self.newest.timestamp);
        let elapsed = RtpTime::ticks_of(now - self.newest.at, arrival.clock_rate);
        let deviation = arrival
            .timestamp
            .minus(elapsed)
            .ticks_since(self.newest.timestamp);
        Step {
            far: moved.unsigned_abs() > limit,
            off_clock: deviation.unsigned_abs() > limit,
        }
    }

    fn count(&mut self, arrival: &Arrival, order: Order, continuity: Continuity) {
        self.counts.packets += 1;
        self.counts.payload_bytes += arrival.payload_len as u64;
        match order {
            Order::Newest { .. } => {}
            Order::Late => self.counts.late += 1,
            Order::Duplicate => self.counts.duplicates += 1,
        }
        match continuity {
            Continuity::Continuous => {}
            Continuity::TimestampJump => self.counts.jumps += 1,
            Continuity::NewStream => self.counts.restarts += 1,
        }
    }

    fn measure(&mut self, arrival: &Arrival, placed: Placed, continuity: Continuity, now: Time) {
        if arrival.timing == Timing::Stands || placed.belongs == Belongs::Candidate {
            return;
        }
        if continuity != Continuity::Continuous {
            self.jitter.interrupt();
        }
        if placed.order != Order::Duplicate {
            self.jitter
                .update(now, arrival.timestamp, arrival.clock_rate);
        }
        if placed.order == (Order::Newest { skipped: 0 }) {
            let ticks = arrival.timestamp.ticks_since(self.newest.timestamp);
            self.spacing.step(ticks, arrival.clock_rate);
        }
        if matches!(placed.order, Order::Newest { .. }) {
            self.newest = Moment {
                timestamp: arrival.timestamp,
                at: now,
            };
        }
    }

    /// Takes in a sender report that arrived `now` (RFC 3550 §6.4.1).
    pub fn sender_report(&mut self, info: SenderInfo, now: Time) {
        self.last_sr = Some(LastReport { info, at: now });
    }

    /// Notes its BYE; a later packet takes it back.
    pub fn leave(&mut self, now: Time) {
        self.left = Some(now);
    }

    /// Its identifier.
    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Its sequence numbers.
    pub fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// Its interarrival jitter.
    pub fn jitter(&self) -> &Jitter {
        &self.jitter
    }

    /// A packet that was received came too late to be played.
    pub fn discard(&mut self, seq: ExtSeq) {
        self.pattern.note(seq, Fate::Discarded);
    }

    /// Its losses, and how they cluster.
    pub fn losses(&self) -> &LossPattern {
        &self.pattern
    }

    /// How much its packets hold, once two in a row held the same.
    pub fn packet_time(&self) -> Option<Duration> {
        let (ticks, clock_rate) = self.spacing.usual?;
        let nanos = u64::from(ticks) * 1_000_000_000 / u64::from(clock_rate.max(1));
        Some(Duration::from_nanos(nanos))
    }

    /// What was counted.
    pub fn counts(&self) -> SourceCounts {
        SourceCounts {
            lost: self.sequence.lost(),
            ..self.counts
        }
    }

    /// When its last RTP packet came.
    pub fn last_heard(&self) -> Time {
        self.last_heard
    }

    /// How long no RTP packet has come.
    pub fn idle(&self, now: Time) -> Duration {
        now - self.last_heard
    }

    /// When it said goodbye, if nothing came since.
    pub fn left(&self) -> Option<Time> {
        self.left
    }

    /// The pair of NTP time and timestamp of its last sender report, for
    /// synchronization (RFC 3550 §6.4.1).
    pub fn clock_mapping(&self) -> Option<(NtpTime, RtpTime)> {
        self.last_sr.map(|last| (last.info.ntp, last.info.rtp))
    }

    /// Whether a report block about it is due: it is believed, and was heard
    /// since the last one (RFC 3550 §6.4).
    pub fn is_reportable(&self) -> bool {
        self.sequence.validity() == Validity::Valid && self.counts.packets > self.reported
    }

    /// The report block about it; the next interval of loss begins here.
    pub fn report_block(&mut self, now: Time) -> ReportBlock {
        let loss = self.sequence.report();
        self.reported = self.counts.packets;
        // RFC 3550 §6.4.1: LSR and DLSR are zero before the first SR.
        let last_sr = self.last_sr.map_or(0, |last| last.info.ntp.compact());
        let delay = self.last_sr.map_or(0, |last| compact_delay(now - last.at));
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: loss.fraction_lost,
            cumulative_lost: loss.cumulative_lost,
            highest_seq: loss.highest_seq,
            jitter: self.jitter.ticks(),
            last_sr,
            delay_since_last_sr: delay,
        }
    }
}

/// What a timestamp did.
#[derive(Clone, Copy)]
struct Step {
    /// More than 2 s from the newest one.
    far: bool,
    /// More than 2 s from where the clock would have it.
    off_clock: bool,
}

impl Step {
    /// After an outage it is far but on the clock; a packet that comes very
    /// late is off the clock but not far; a new stream is both.
    fn timestamps(self) -> Timestamps {
        if self.far && self.off_clock {
            Timestamps::Jump
        } else {
            Timestamps::Fit
        }
    }
}

/// In units of 1/65536 s; 18 hours and more are the largest value.
fn compact_delay(delay: Duration) -> u32 {
    let units = (delay.as_nanos() << 16) / 1_000_000_000;
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// A jump of the timestamps, in seconds.
const JUMP_SECONDS: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use talkpath_wire::Seq;

    /// Sends packets of 160 ticks into a source, in a world begun at `start`.
    struct Line {
        source: Option<Source>,
        start: Time,
    }

    impl Line {
        fn new(start: Time) -> Self {
            Line {
                source: None,
                start,
            }
        }

        fn packet(&mut self, millis: u64, seq: u16, timestamp: u32) -> Placement {
            self.arrive(millis, seq, timestamp, Timing::Advances)
        }

        fn arrive(&mut self, millis: u64, seq: u16, timestamp: u32, timing: Timing) -> Placement {
            let now = self.start + Duration::from_millis(millis);
            let arrival = Arrival {
                seq: Seq::new(seq),
                timestamp: RtpTime::new(timestamp),
                payload_len: 160,
                clock_rate: 8000,
                timing,
            };
            match &mut self.source {
                Some(source) => source.receive(&arrival, now),
                None => {
                    let (source, placement) = Source::begin(Ssrc::new(1), &arrival, now);
                    self.source = Some(source);
                    placement
                }
            }
        }

        /// `count` packets every 20 ms from `first` on, in order.
        fn steady(&mut self, first: u32, count: u32) {
            for n in first..first + count {
                let placement = self.packet(20 * u64::from(n), n as u16, 160 * n);
                assert_eq!(placement.continuity, Continuity::Continuous);
            }
        }

        fn source(&mut self) -> &mut Source {
            self.source.as_mut().unwrap()
        }
    }

    #[test]
    fn a_steady_stream_looks_the_same_whenever_the_world_began() {
        for start in [0, 1u64 << 31, 1 << 32, 400 * 86_400_000] {
            let mut line = Line::new(Time::from_millis(start));
            line.steady(65_000, 1000);
            let counts = line.source().counts();
            assert_eq!(
                (counts.packets, counts.lost, counts.jumps, counts.restarts),
                (1000, 0, 0, 0)
            );
            assert_eq!(line.source().jitter().ticks(), 0);
        }
    }

    #[test]
    fn an_outage_of_three_seconds_is_loss_and_not_a_new_stream() {
        let mut line = Line::new(Time::ZERO);
        line.steady(0, 50);
        line.steady(200, 50);
        let counts = line.source().counts();
        assert_eq!((counts.lost, counts.restarts, counts.jumps), (150, 0, 0));
    }

    #[test]
    fn a_sender_that_begins_anew_is_found_with_its_second_packet() {
        let mut line = Line::new(Time::ZERO);
        line.steady(0, 50);
        let first = line.packet(1000, 200, 3_000_000_000);
        assert_eq!(first.validity, Validity::Probation);
        let second = line.packet(1020, 201, 3_000_000_160);
        assert_eq!(
            (second.validity, second.continuity),
            (Validity::Valid, Continuity::NewStream)
        );
        assert_eq!(second.ext_seq.distance_from(first.ext_seq), 1);
        let counts = line.source().counts();
        assert_eq!((counts.packets, counts.lost, counts.restarts), (52, 0, 1));
        assert_eq!(line.source().jitter().ticks(), 0);
    }

    #[test]
    fn a_jump_of_the_timestamps_alone_is_told_and_is_not_jitter() {
        let mut line = Line::new(Time::ZERO);
        line.steady(0, 50);
        let jumped = line.packet(1000, 50, 1_000_000);
        assert_eq!(jumped.continuity, Continuity::TimestampJump);
        let next = line.packet(1020, 51, 1_000_160);
        assert_eq!(next.continuity, Continuity::Continuous);
        assert_eq!(
            (line.source().jitter().ticks(), line.source().counts().jumps),
            (0, 1)
        );
    }

    #[test]
    fn silence_of_a_minute_with_timestamps_that_go_on_is_continuous() {
        let mut line = Line::new(Time::ZERO);
        line.steady(0, 50);
        let resumed = line.packet(61_000, 50, 61_000 * 8);
        assert_eq!(resumed.continuity, Continuity::Continuous);
    }

    // Beyond 2^31 ticks the difference of timestamps changes its sign.
    #[test]
    fn silence_of_four_days_with_timestamps_that_go_on_is_continuous() {
        let mut line = Line::new(Time::ZERO);
        line.steady(0, 50);
        let millis = 4 * 86_400_000u64;
        let resumed = line.packet(millis, 50, (millis * 8) as u32);
        assert_eq!(resumed.continuity, Continuity::Continuous);
        assert_eq!(line.source().jitter().ticks(), 0);
    }

    #[test]
    fn old_packets_that_come_three_seconds_late_begin_no_new_stream() {
        let mut line = Line::new(Time::ZERO);
        line.steady(0, 200);
        for seq in 110u32..120 {
            let again = line.packet(7000, seq as u16, 160 * seq);
            assert_eq!(
                (again.order, again.continuity),
                (Order::Duplicate, Continuity::Continuous)
            );
        }
        assert_eq!(line.source().counts().restarts, 0);
    }

    // RFC 4733 §2.1: an event keeps the timestamp of its beginning.
    #[test]
    fn an_event_of_five_seconds_is_neither_jitter_nor_a_jump() {
        let mut line = Line::new(Time::ZERO);
        line.steady(0, 50);
        for n in 0..250u32 {
            let at = 1000 + 20 * u64::from(n);
            let placement = line.arrive(at, 50 + n as u16, 8000, Timing::Stands);
            assert_eq!(placement.continuity, Continuity::Continuous);
        }
        let after = line.packet(6000, 300, 48_000);
        assert_eq!(after.continuity, Continuity::Continuous);
        assert_eq!(line.source().jitter().ticks(), 0);
    }

    // RFC 3550 §6.4.1: LSR and DLSR.
    #[test]
    fn the_report_block_carries_the_last_sender_report_and_its_age() {
        let mut line = Line::new(Time::from_millis(1 << 32));
        line.steady(0, 10);
        let now = line.start + Duration::from_millis(500);
        let before = line.source().report_block(now);
        assert_eq!((before.last_sr, before.delay_since_last_sr), (0, 0));
        let ntp = NtpTime::from_bits(0x1234_5678_9abc_def0);
        let info = SenderInfo {
            ntp,
            rtp: RtpTime::new(7),
            packets: 10,
            octets: 1600,
        };
        line.source().sender_report(info, now);
        let block = line
            .source()
            .report_block(now + Duration::from_millis(1500));
        assert_eq!(
            (block.last_sr, block.delay_since_last_sr),
            (0x5678_9abc, 0x1_8000)
        );
        assert_eq!(line.source().clock_mapping(), Some((ntp, RtpTime::new(7))));
        let days = line
            .source()
            .report_block(now + Duration::from_secs(400 * 86_400));
        assert_eq!(days.delay_since_last_sr, u32::MAX);
    }

    // RFC 3550 §6.4: no block about a source that was silent since the last.
    #[test]
    fn a_source_is_reported_once_believed_and_while_heard() {
        let mut line = Line::new(Time::ZERO);
        line.packet(0, 1, 160);
        assert!(!line.source().is_reportable());
        line.packet(20, 2, 320);
        assert!(line.source().is_reportable());
        line.source().report_block(Time::from_millis(30));
        assert!(!line.source().is_reportable());
        line.packet(40, 3, 480);
        assert!(line.source().is_reportable());
    }

    #[test]
    fn a_packet_after_goodbye_takes_it_back() {
        let mut line = Line::new(Time::ZERO);
        line.steady(0, 2);
        line.source().leave(Time::from_millis(50));
        assert_eq!(line.source().left(), Some(Time::from_millis(50)));
        line.packet(60, 3, 480);
        assert_eq!(line.source().left(), None);
    }

    #[test]
    fn a_clock_of_zero_hertz_harms_nothing() {
        let arrival = Arrival {
            seq: Seq::new(1),
            timestamp: RtpTime::new(1),
            payload_len: 0,
            clock_rate: 0,
            timing: Timing::Advances,
        };
        let (mut source, _) = Source::begin(Ssrc::new(1), &arrival, Time::MAX);
        source.receive(&arrival, Time::ZERO);
        assert_eq!(source.jitter().duration(), Duration::ZERO);
    }
}
