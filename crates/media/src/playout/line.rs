//! The time line of a stream: from numbers and timestamps to samples.
//!
//! In: the header of each packet. Out: the position of its first sample, or
//! that it came before, or that it does not fit. Another source joins where
//! the one before ends: numbers on the line go on, whatever the source's are.
//! Where timestamps stand still, numbers say the place.
//!
//! RFC 3550 §5.1 (timestamps) and the caution of Appendix A.1.

use talkpath_audio::Codec;
use talkpath_transport::DropReason;
use talkpath_wire::{ExtSeq, RtpTime};

use super::Arrival;
use super::ring::PLACES;
use super::source::Fit;

/// Where the stream is on its time line, in samples.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) source: Option<Newest>,
    /// The position that is played next.
    pub(super) cursor: i64,
    /// The highest number that was played or passed over.
    pub(super) passed: Option<ExtSeq>,
    /// Samples of the packet seen last.
    pub(super) packet: i64,
    /// Packets in a row that came too late.
    pub(super) late: u32,
    /// From the source's numbers to those of the line, modulo 2^64.
    shift: u64,
    /// The first number of the source that is heard.
    begins: ExtSeq,
}

/// The newest packet of the source.
#[derive(Clone, Copy)]
pub(super) struct Newest {
    seq: ExtSeq,
    timestamp: RtpTime,
    at: i64,
    pub(super) end: i64,
    /// Steps in a row in which the timestamp stood still.
    stuck: u32,
    /// Which of the 64 numbers up to `seq` have come; bit 0 is `seq` itself.
    seen: u64,
}

/// Whether anything of the stream still waits or sounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Activity {
    Active,
    /// Nothing: numbers and timestamps may leap ahead.
    Idle,
}

impl Line {
    pub(super) fn new() -> Self {
        Line {
            source: None,
            cursor: 0,
            passed: None,
            packet: 0,
            late: 0,
            shift: 0,
            begins: ExtSeq::new(0),
        }
    }

    /// Forgets the source; what was learned of its packets stays a guess.
    pub(super) fn forget(&mut self) {
        *self = Line {
            packet: self.packet,
            ..Line::new()
        };
    }

    /// The number on the line of a source's number.
    pub(super) fn number(&self, seq: ExtSeq) -> ExtSeq {
        ExtSeq::new(seq.value().wrapping_add(self.shift))
    }

    /// Whether a packet can lie on the time line.
    pub(super) fn fit(&self, arrival: &Arrival<'_>, activity: Activity, codec: &dyn Codec) -> Fit {
        let Some(newest) = self.source else {
            return Fit::Fits;
        };
        let steps = self.number(arrival.seq).distance_from(newest.seq);
        let ticks = i64::from(arrival.timestamp.ticks_since(newest.timestamp));
        let far = i64::from(codec.clock_rate()).saturating_mul(JUMP_SECONDS);
        let leaps = activity == Activity::Idle && steps > 0 && ticks > 0;
        if leaps || steps.unsigned_abs() < PLACES && ticks.abs() <= far {
            Fit::Fits
        } else {
            Fit::Jumps
        }
    }

    /// Lets another source go on where the newest packet ends, from `arrival`.
    pub(super) fn join(&mut self, arrival: &Arrival<'_>) {
        let Some(newest) = &mut self.source else {
            return;
        };
        self.begins = newest.seq.plus(1);
        self.shift = self.begins.value().wrapping_sub(arrival.seq.value());
        self.late = 0;
        newest.timestamp = arrival.timestamp;
        newest.at = newest.end;
        newest.stuck = 0;
    }

    /// A marked packet whose timestamp leaps ahead of its number.
    pub(super) fn follows_a_pause(&self, arrival: &Arrival<'_>, codec: &dyn Codec) -> bool {
        self.source.is_some_and(|newest| {
            let ticks = i64::from(arrival.timestamp.ticks_since(newest.timestamp));
            arrival.marker
                && arrival.seq.distance_from(newest.seq) == 1
                && scale(ticks, codec) > newest.end - newest.at
        })
    }

    /// Where a packet lies on the time line, and that it has come. Its number
    /// is that [of the line](Self::number).
    pub(super) fn locate(
        &mut self,
        arrival: &Arrival<'_>,
        samples: usize,
        codec: &dyn Codec,
    ) -> Result<i64, DropReason> {
        let Some(newest) = &mut self.source else {
            let at = 0;
            let (seq, timestamp) = (arrival.seq, arrival.timestamp);
            let end = samples as i64;
            self.source = Some(Newest {
                seq,
                timestamp,
                at,
                end,
                stuck: 0,
                seen: 1,
            });
            return Ok(at);
        };
        if arrival.seq < self.begins {
            return Err(DropReason::Late);
        }
        let steps = arrival.seq.distance_from(newest.seq);
        let at = newest.place(arrival, steps, samples as i64, codec);
        if steps > 0 {
            let seen = u32::try_from(steps)
                .ok()
                .and_then(|steps| newest.seen.checked_shl(steps));
            newest.seen = seen.unwrap_or(0) | 1;
            newest.seq = arrival.seq;
            newest.timestamp = arrival.timestamp;
            newest.at = at;
            newest.end = at.saturating_add(samples as i64);
            return Ok(at);
        }
        let bit = u32::try_from(-steps)
            .ok()
            .and_then(|back| 1u64.checked_shl(back))
            .unwrap_or(0);
        if newest.seen & bit != 0 {
            return Err(DropReason::Duplicate);
        }
        newest.seen |= bit;
        Ok(at)
    }

    pub(super) fn pass(&mut self, seq: ExtSeq) {
        self.passed = Some(self.passed.map_or(seq, |passed| passed.max(seq)));
    }
}

impl Newest {
    /// Where a packet lies so many steps from this one: where its timestamp
    /// says, unless timestamps stand still; then where its number says, up to
    /// the first packet whose timestamp moves.
    fn place(&mut self, arrival: &Arrival<'_>, steps: i64, samples: i64, codec: &dyn Codec) -> i64 {
        let ticks = i64::from(arrival.timestamp.ticks_since(self.timestamp));
        let was_stuck = self.stuck >= STUCK_RUN;
        if steps > 0 {
            self.stuck = match ticks {
                0 => self.stuck.saturating_add(1),
                _ => 0,
            };
        }
        if !was_stuck && self.stuck < STUCK_RUN {
            return self.at.saturating_add(scale(ticks, codec));
        }
        let (from, packets) = match steps > 0 {
            true => (self.end, steps - 1),
            false => (self.at, steps),
        };
        from.saturating_add(packets.saturating_mul(samples))
    }
}

/// Ticks of the RTP clock in samples, which for G.722 are twice as many.
fn scale(ticks: i64, codec: &dyn Codec) -> i64 {
    ticks * i64::from(codec.sample_rate().hz()) / i64::from(codec.clock_rate().max(1))
}

/// Steps without a tick that show that timestamps stand still.
const STUCK_RUN: u32 = 3;
/// A timestamp further away is another stream's.
const JUMP_SECONDS: i64 = 2;
