//! The time line of a stream: from numbers and timestamps to samples.
//!
//! In: the header of each packet. Out: the position of its first sample, or
//! that it came before, or that it does not fit. Another source joins where
//! the one before ends: numbers on the line go on, whatever the source's are.
//! Where timestamps stand still or change their clock (RFC 7160), numbers say
//! the place.
//!
//! RFC 3550 §5.1 (timestamps) and the caution of Appendix A.1.

use talkpath_audio::{Codec, SampleRate};
use talkpath_transport::DropReason;
use talkpath_wire::{ExtSeq, RtpTime};

use super::Arrival;
use super::ring::PLACES;
use super::soundless::Soundless;
use super::source::Fit;

/// Where the stream is on its time line, in samples.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) source: Option<Newest>,
    /// The position that is decoded next.
    pub(super) head: i64,
    /// The highest number that was decoded or passed over.
    pub(super) passed: Option<ExtSeq>,
    /// Samples of the packet seen last.
    pub(super) packet: i64,
    /// Packets in a row that came too late.
    pub(super) late: u32,
    /// From the source's numbers to those of the line, modulo 2^64.
    shift: u64,
    /// The first number of the source that is heard.
    begins: ExtSeq,
    /// Which source in a row it is.
    pub(super) turn: u8,
    /// What came and holds no sound.
    soundless: Soundless,
}

/// The newest packet of the source.
#[derive(Clone, Copy)]
pub(super) struct Newest {
    pub(super) seq: ExtSeq,
    timestamp: RtpTime,
    /// Hertz of the timestamp's clock.
    clock: u32,
    pub(super) at: i64,
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
            head: 0,
            passed: None,
            packet: 0,
            late: 0,
            shift: 0,
            begins: ExtSeq::new(0),
            turn: 0,
            soundless: Soundless::default(),
        }
    }

    /// Forgets the source; what was learned of its packets stays a guess.
    pub(super) fn forget(&mut self) {
        *self = Line {
            packet: self.packet,
            turn: self.turn.wrapping_add(1),
            ..Line::new()
        };
    }

    /// Counts samples of another rate from now on.
    pub(super) fn rescale(&mut self, from: SampleRate, to: SampleRate) {
        let scale = |at: i64| {
            let scaled = i128::from(at) * i128::from(to.hz()) / i128::from(from.hz().max(1));
            i64::try_from(scaled).unwrap_or(at)
        };
        self.head = scale(self.head);
        self.packet = scale(self.packet);
        if let Some(newest) = &mut self.source {
            (newest.at, newest.end) = (scale(newest.at), scale(newest.end));
        }
    }

    /// The number on the line of a source's number.
    pub(super) fn number(&self, seq: ExtSeq) -> ExtSeq {
        ExtSeq::new(seq.value().wrapping_add(self.shift))
    }

    /// Whether a packet can lie on the time line.
    pub(super) fn fit(&self, arrival: &Arrival<'_>, activity: Activity) -> Fit {
        let Some(newest) = self.source else {
            return Fit::Fits;
        };
        let steps = self.number(arrival.seq).distance_from(newest.seq);
        let clock = arrival.codec.clock_rate();
        // Ticks of two clocks cannot be compared (RFC 7160 §4).
        let ticks = match clock == newest.clock {
            true => i64::from(arrival.timestamp.ticks_since(newest.timestamp)),
            false => 0,
        };
        let far = i64::from(clock).saturating_mul(JUMP_SECONDS);
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
        self.turn = self.turn.wrapping_add(1);
        newest.timestamp = arrival.timestamp;
        newest.clock = arrival.codec.clock_rate();
        newest.at = newest.end;
        newest.stuck = 0;
    }

    /// A marked packet whose timestamp leaps ahead of its number.
    pub(super) fn follows_a_pause(&self, arrival: &Arrival<'_>) -> bool {
        self.source.is_some_and(|newest| {
            let ticks = i64::from(arrival.timestamp.ticks_since(newest.timestamp));
            arrival.marker
                && arrival.codec.clock_rate() == newest.clock
                && self.lost_between(newest.seq, arrival.seq) == Some(0)
                && scale(ticks, arrival.codec) > newest.end - newest.at
        })
    }

    /// Where a packet lies on the time line, and that it has come. Its number
    /// is that [of the line](Self::number).
    pub(super) fn locate(
        &mut self,
        arrival: &Arrival<'_>,
        samples: usize,
    ) -> Result<i64, DropReason> {
        let clock = arrival.codec.clock_rate();
        let Some(newest) = &mut self.source else {
            let at = 0;
            let (seq, timestamp) = (arrival.seq, arrival.timestamp);
            let end = samples as i64;
            self.source = Some(Newest {
                seq,
                timestamp,
                clock,
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
        let at = newest.place(arrival, steps, samples as i64);
        if steps > 0 {
            let seen = u32::try_from(steps)
                .ok()
                .and_then(|steps| newest.seen.checked_shl(steps));
            newest.seen = seen.unwrap_or(0) | 1;
            newest.seq = arrival.seq;
            newest.timestamp = arrival.timestamp;
            newest.clock = clock;
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

    /// A packet of the source came that holds no sound.
    pub(super) fn note_soundless(&mut self, seq: ExtSeq) {
        self.soundless.note(self.number(seq));
        // As long as none is missing, none need be remembered.
        while let Some(next) = self.passed.map(|passed| passed.plus(1))
            && self.soundless.has(next)
        {
            self.passed = Some(next);
        }
    }

    /// Whether what comes after the sound that was played holds none.
    pub(super) fn is_soundless_next(&self) -> bool {
        let has = |seq| self.soundless.has(seq);
        self.passed
            .is_some_and(|passed| has(passed) || has(passed.plus(1)))
    }

    /// How many packets are missing before the one of this number.
    pub(super) fn missing_before(&self, seq: ExtSeq) -> Option<u64> {
        self.lost_between(self.passed?, seq)
    }

    /// Whether the sound pauses before the packet of this number: none is
    /// missing, or most of those between the two hold no sound.
    pub(super) fn pauses_before(&self, seq: ExtSeq) -> bool {
        let Some(passed) = self.passed else {
            return false;
        };
        let soundless = self.soundless.between(passed, seq);
        let missing = self.lost_between(passed, seq);
        missing.is_some_and(|missing| missing == 0 || missing < soundless)
    }

    /// How many between two numbers have not come; none if they are not in
    /// order.
    fn lost_between(&self, after: ExtSeq, before: ExtSeq) -> Option<u64> {
        let between = before.distance_from(after).checked_sub(1)?;
        let came = self.soundless.between(after, before);
        Some(u64::try_from(between).ok()?.saturating_sub(came))
    }
}

impl Newest {
    /// Where a packet lies so many steps from this one: where its timestamp
    /// says, unless timestamps stand still; then where its number says, up to
    /// the first packet whose timestamp moves.
    fn place(&mut self, arrival: &Arrival<'_>, steps: i64, samples: i64) -> i64 {
        let ticks = i64::from(arrival.timestamp.ticks_since(self.timestamp));
        let was_stuck = self.stuck >= STUCK_RUN;
        if steps > 0 {
            self.stuck = match ticks {
                0 => self.stuck.saturating_add(1),
                _ => 0,
            };
        }
        let same_clock = arrival.codec.clock_rate() == self.clock;
        if same_clock && !was_stuck && self.stuck < STUCK_RUN {
            return self.at.saturating_add(scale(ticks, arrival.codec));
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
    ticks.saturating_mul(i64::from(codec.sample_rate().hz())) / i64::from(codec.clock_rate().max(1))
}

/// Steps without a tick that show that timestamps stand still.
const STUCK_RUN: u32 = 3;
/// A timestamp further away is another stream's.
const JUMP_SECONDS: i64 = 2;
