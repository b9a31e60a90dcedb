//! The way in: which packets find a place, and where.
//!
//! In: packets as they come. Out: a slot in the ring, or the reason why not.
//! Source and number are judged before anything else of a packet is believed;
//! only then may it change the codec.

use talkpath_transport::{DropReason, Drops};
use talkpath_wire::{ExtSeq, Time};

use super::decoders::same;
use super::delay::at_micros;
use super::line::Activity;
use super::noise::Noise;
use super::ring::{Holds, NoPlace, Slot};
use super::source::Continuity;
use super::{Arrival, LONGEST_PACKET, Phase, Playout};

impl Playout {
    pub(super) fn push_sound(
        &mut self,
        now: Time,
        arrival: &Arrival<'_>,
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        let samples = length_of(arrival)?;
        self.expect_continuity(now, arrival, drops)?;
        let arrival = &Arrival {
            seq: self.line.number(arrival.seq),
            ..*arrival
        };
        if !same(arrival.codec, self.codec()) {
            self.follow_codec(now, arrival, drops)?;
        }
        if arrival.payload.len() > self.ring.longest() {
            return Err(DropReason::TooLong);
        }
        let pause = self.line.follows_a_pause(arrival);
        let at = self.line.locate(arrival, samples)?;
        self.line.packet = samples as i64;
        self.observe(now, at);
        self.admit(now, at, samples, arrival.seq)?;
        let holds = Holds::Sound(self.decoders.current());
        let slot = Slot::new(arrival.seq, at, samples as u32, holds, self.line.turn);
        self.insert(now, slot, arrival.payload, drops)?;
        match self.phase {
            Phase::Idle => self.phase = Phase::Filling,
            // The peer paused and all it had said was played: the delay of
            // the new talkspurt is chosen afresh (RFC 3551 §4.1).
            Phase::Playing { .. } if pause && self.ring.len() == 1 && self.speech.is_empty() => {
                self.phase = Phase::Filling;
            }
            Phase::Filling | Phase::Playing { .. } => {}
        }
        Ok(())
    }

    pub(super) fn push_description(
        &mut self,
        now: Time,
        arrival: &Arrival<'_>,
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        if !Noise::is_described_by(arrival.payload) {
            return Err(DropReason::Undecodable);
        }
        self.expect_continuity(now, arrival, drops)?;
        let arrival = &Arrival {
            seq: self.line.number(arrival.seq),
            codec: self.codec(),
            ..*arrival
        };
        if arrival.payload.len() > self.ring.longest() {
            return Err(DropReason::TooLong);
        }
        let at = self.line.locate(arrival, 0)?;
        if self.line.passed.is_some_and(|passed| arrival.seq <= passed) {
            return Err(DropReason::Late);
        }
        let slot = Slot::new(arrival.seq, at, 0, Holds::Noise, self.line.turn);
        self.insert(now, slot, arrival.payload, drops)?;
        if self.phase == Phase::Idle {
            self.phase = Phase::Filling;
        }
        Ok(())
    }

    /// Goes on with another source, or one that restarted, behind what waits.
    fn expect_continuity(
        &mut self,
        now: Time,
        arrival: &Arrival<'_>,
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        let activity = match self.phase {
            Phase::Idle => Activity::Idle,
            Phase::Filling | Phase::Playing { .. } => Activity::Active,
        };
        let fit = self.line.fit(arrival, activity);
        match self.sources.judge(now, arrival, fit) {
            Continuity::Same => return Ok(()),
            Continuity::Doubtful => return Err(DropReason::Probation),
            Continuity::Straggler => return Err(DropReason::Late),
            Continuity::New => self.stats.resyncs += 1,
        }
        // What comes next is not late yet, although nothing waits.
        let in_time = self.phase == Phase::Playing { dry: 0 };
        if in_time || !self.ring.is_empty() {
            self.line.join(arrival);
            self.delays.rebase();
        } else {
            self.clear(now, drops);
        }
        Ok(())
    }

    fn observe(&mut self, now: Time, at: i64) {
        let (at, packet) = (
            at_micros(at, self.rate),
            at_micros(self.line.packet, self.rate),
        );
        self.delays.observe(now, at, packet);
    }

    /// Whether its moment is still to come.
    fn admit(&mut self, now: Time, at: i64, samples: usize, seq: ExtSeq) -> Result<(), DropReason> {
        if self.line.passed.is_some_and(|passed| seq <= passed) {
            self.stats.late += 1;
            return Err(DropReason::Late);
        }
        let Phase::Playing { dry } = self.phase else {
            return Ok(());
        };
        let behind = self.line.head.saturating_sub(at);
        if behind <= 0 {
            self.line.late = 0;
            return Ok(());
        }
        self.stats.late += 1;
        let behind = behind - self.play_late(now, behind, dry);
        if behind == 0 {
            self.line.late = 0;
            return Ok(());
        }
        self.line.late += 1;
        if self.line.late >= LATE_RUN {
            self.line.late = 0;
            self.stats.resyncs += 1;
            self.speech.clear();
            self.phase = Phase::Filling;
            return Ok(());
        }
        if behind >= samples as i64 {
            Err(DropReason::Late)
        } else {
            Ok(())
        }
    }

    /// Goes back to a packet for which only made-up sound was heard: the delay
    /// grows by what was made up, and nothing is lost. Returns by how much.
    fn play_late(&mut self, now: Time, behind: i64, dry: i64) -> i64 {
        let back = behind.min(dry);
        let added = self
            .delays
            .added(now, at_micros(self.cursor() - back, self.rate));
        // Where later packets wait it was overtaken: then it is not worth more
        // delay than there should be.
        if back == 0 || !self.ring.is_empty() && added > self.need().high {
            return 0;
        }
        self.line.head -= back;
        self.phase = Phase::Playing { dry: dry - back };
        self.stats.expand(self.rate, back as usize);
        self.pace.made_up = 0;
        back
    }

    /// Into the ring; when that is full the oldest goes.
    fn insert(
        &mut self,
        now: Time,
        slot: Slot,
        payload: &[u8],
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        loop {
            match self.ring.insert(slot, payload) {
                Ok(()) => return Ok(()),
                Err(NoPlace::Duplicate) => return Err(DropReason::Duplicate),
                Err(NoPlace::Full) => {
                    let oldest = self.ring.first();
                    if oldest.is_none_or(|oldest| oldest.seq > slot.seq) {
                        return Err(DropReason::BufferFull);
                    }
                    self.skip_first(now, DropReason::BufferFull, drops);
                }
            }
        }
    }

    /// Drops the oldest packet; the next one is cross-faded to.
    pub(super) fn skip_first(&mut self, now: Time, reason: DropReason, drops: &mut Drops) {
        let Some((slot, _)) = self.ring.pop() else {
            return;
        };
        self.line.pass(slot.seq);
        drops.count(now, reason);
        if let Phase::Playing { .. } = self.phase {
            self.line.head = self.ring.first().map_or(slot.end(), |next| next.at);
            self.concealer.conceal(&mut []);
        }
    }
}

/// Samples of a payload, if it can be of its codec.
fn length_of(arrival: &Arrival<'_>) -> Result<usize, DropReason> {
    let longest = arrival.codec.sample_rate().samples_in(LONGEST_PACKET);
    match arrival.codec.samples(arrival.payload) {
        Ok(0) | Err(_) => Err(DropReason::Undecodable),
        Ok(samples) if samples > longest => Err(DropReason::TooLong),
        Ok(samples) => Ok(samples),
    }
}

/// Late packets in a row that show that the path became longer.
const LATE_RUN: u32 = 3;
