//! The way out: frames made of what waits, and of what must be made up.
//!
//! In: the ring and the moment. Out: samples. A gap before a packet that is
//! there is filled, in this order, by what that packet carries of it, by the
//! codec's own concealment, or from both of its sides; where nothing is there
//! the last sound goes on and fades, and a packet that then comes late is still
//! played.

use std::time::Duration;

use talkpath_audio::{Concealment, Fill};
use talkpath_transport::{DropReason, Drops};
use talkpath_wire::{ExtSeq, Time};

use super::delay::{at_micros, in_samples};
use super::ring::{Holds, Slot};
use super::speech::{Made, Mix};
use super::{Phase, Playout};

/// Why samples are missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// The peer said nothing.
    Pause,
    /// Later packets are there, this one is not.
    Loss,
    /// Nothing is there, for whatever reason.
    Underrun,
}

impl Playout {
    /// Begins to play with the first moment that gives the slack that is
    /// needed; returns how many samples of the frame come before it.
    pub(super) fn begin_if_due(&mut self, now: Time, frame: usize) -> usize {
        if self.phase != Phase::Filling {
            return 0;
        }
        let Some(first) = self.ring.first() else {
            self.phase = Phase::Idle;
            return 0;
        };
        let grid = self.grid().max(1);
        let wanted = self.need().slack + at_micros(frame as i64 - grid, self.rate);
        let added = self.delays.added(now, at_micros(first.at, self.rate));
        // Rounded up to the grid on which the ends of packets and frames meet.
        let short = in_samples((wanted - added).max(0), self.rate);
        let lead = usize::try_from((short + grid - 1) / grid * grid).unwrap_or(usize::MAX);
        if lead >= frame {
            return 0;
        }
        self.line.head = first.at;
        self.phase = Phase::Playing { dry: 0 };
        lead
    }

    pub(super) fn play(&mut self, now: Time, frame: &mut [i16], mix: &mut Mix, drops: &mut Drops) {
        let mut rest = frame;
        loop {
            let taken = self.speech.take(rest, mix);
            rest = &mut rest[taken..];
            if rest.is_empty() {
                return;
            }
            let Some(next) = self.ring.first() else {
                return self.underrun(rest, mix);
            };
            let ahead = usize::try_from(next.at.saturating_sub(self.line.head)).unwrap_or(0);
            if ahead == 0 {
                self.decode_first(now, drops);
                continue;
            }
            let gap = self.gap_before(next.seq);
            let bridge = self.rate.samples_in(BRIDGE);
            if gap == Gap::Loss && ahead <= bridge && self.bridge(now, ahead, next, drops) {
                continue;
            }
            let beyond = if gap == Gap::Loss && ahead > bridge {
                ahead - bridge
            } else {
                ahead
            };
            let (missing, after) = rest.split_at_mut(beyond.min(rest.len()));
            self.fill(missing, gap, mix);
            self.line.head += missing.len() as i64;
            if let Phase::Playing { dry } = &mut self.phase {
                *dry = 0;
            }
            rest = after;
        }
    }

    /// What is heard while nothing is played.
    pub(super) fn rest(&mut self, samples: &mut [i16], mix: &mut Mix) {
        if !samples.is_empty() {
            self.fill(samples, Gap::Pause, mix);
        }
    }

    /// Decodes until so many samples are there, or a gap comes.
    pub(super) fn look_ahead(&mut self, now: Time, samples: usize, drops: &mut Drops) {
        while self.speech.len() < samples {
            match self.ring.first() {
                Some(next) if next.at <= self.line.head => {
                    if !self.decode_first(now, drops) {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// No number is missing in a gap: the peer paused. Otherwise it is loss.
    pub(super) fn gap_before(&self, seq: ExtSeq) -> Gap {
        match self.line.pauses_before(seq) {
            true => Gap::Pause,
            false => Gap::Loss,
        }
    }

    /// The ring is empty: the sound goes on without it for a while.
    fn underrun(&mut self, samples: &mut [i16], mix: &mut Mix) {
        if self.noise.is_on() {
            self.phase = Phase::Idle;
            return self.fill(samples, Gap::Pause, mix);
        }
        let gap = match self.line.is_soundless_next() {
            true => Gap::Pause,
            false => Gap::Underrun,
        };
        let before = mix.concealed;
        self.fill(samples, gap, mix);
        self.pace.made_up += (mix.concealed - before) as u64;
        self.line.head += samples.len() as i64;
        if let Phase::Playing { dry } = &mut self.phase {
            *dry += samples.len() as i64;
            // The filling has faded: whatever comes next sets its own time.
            if *dry >= self.rate.samples_in(DRY) as i64 {
                self.phase = Phase::Idle;
            }
        }
    }

    /// Takes the first packet of the ring, less what is already past. False if
    /// it must stay, for there is no room.
    pub(super) fn decode_first(&mut self, now: Time, drops: &mut Drops) -> bool {
        let Some(slot) = self.ring.first() else {
            return false;
        };
        let Holds::Sound(key) = slot.holds else {
            self.noise.begin(self.ring.payload(&slot));
            self.line.pass(slot.seq);
            self.ring.pop();
            return true;
        };
        let past = usize::try_from(self.line.head.saturating_sub(slot.at)).unwrap_or(0);
        if past >= slot.samples as usize {
            self.stats.late += 1;
            self.line.pass(slot.seq);
            self.ring.pop();
            drops.count(now, DropReason::Late);
            return true;
        }
        self.turn_to(slot.turn);
        let Some(room) = self.speech.room(slot.samples as usize) else {
            return false;
        };
        match self.decoders.decode(key, self.ring.payload(&slot), room) {
            Ok(samples) if samples > past => {
                room.copy_within(past..samples, 0);
                let samples = samples - past;
                self.concealer.good(&mut room[..samples]);
                self.speech.commit(Made::Received, samples);
                self.decoded(slot, samples);
            }
            // Not passed: the gap that it leaves is filled as a loss.
            _ => drops.count(now, DropReason::Undecodable),
        }
        self.ring.pop();
        true
    }

    /// Fills what is missing before a packet that is there. False if that is to
    /// be done piece by piece.
    fn bridge(&mut self, now: Time, gap: usize, next: Slot, drops: &mut Drops) -> bool {
        let Holds::Sound(key) = next.holds else {
            return false;
        };
        let Some(room) = self.speech.room(gap + next.samples as usize) else {
            return false;
        };
        let (hole, after) = room.split_at_mut(gap);
        let payload = self.ring.payload(&next);
        // RFC 7587 §3: a packet may hold the one before it a second time.
        let carried = gap.min(next.samples as usize);
        let (first, last) = hole.split_at_mut(gap - carried);
        let made = match self.decoders.conceal_all(key, first) {
            Concealment::Left => None,
            Concealment::Done => match self.decoders.recover(key, payload, last) {
                Concealment::Done => Some(Made::Received),
                Concealment::Left => match self.decoders.conceal(key, last) {
                    Concealment::Done => Some(Made::Concealed),
                    Concealment::Left => None,
                },
            },
        };
        if let Some(made) = made {
            self.concealer.good(hole);
            self.speech.commit(Made::Concealed, gap - carried);
            self.speech.commit(made, carried);
            self.line.head += gap as i64;
            if made == Made::Received {
                self.stats.recovered += carried as u64;
            }
            return true;
        }
        match self.decoders.decode(key, payload, after) {
            Ok(samples @ 1..) => {
                let after = &mut after[..samples];
                self.concealer.conceal_between(hole, after);
                self.concealer.good(after);
                self.speech.commit(Made::Concealed, gap);
                self.speech.commit(Made::Received, samples);
                self.line.head += gap as i64;
                self.decoded(next, samples);
            }
            _ => drops.count(now, DropReason::Undecodable),
        }
        self.ring.pop();
        true
    }

    /// So many samples of a packet were decoded.
    fn decoded(&mut self, slot: Slot, samples: usize) {
        // What was made up was a pause, as the packet after it shows.
        if self.gap_before(slot.seq) == Gap::Pause && slot.at >= self.line.head {
            self.pace.pauses = true;
            let paused = std::mem::take(&mut self.pace.made_up);
            let paused = paused.min(self.stats.concealed);
            self.stats.concealed -= paused;
            self.stats.silent += paused;
        }
        self.pace.made_up = 0;
        self.pace.rested = 0;
        if self.line.passed.is_some() {
            let missing = self.line.missing_before(slot.seq);
            self.delays.note_missing(missing.unwrap_or(0));
        }
        self.line.pass(slot.seq);
        self.line.head += samples as i64;
        self.stats.packets += 1;
        self.noise.end();
        if let Phase::Playing { dry } = &mut self.phase {
            *dry = 0;
        }
    }

    /// The decoders forget a source that was left.
    fn turn_to(&mut self, turn: u8) {
        if self.pace.turn != turn {
            self.pace.turn = turn;
            self.decoders.reset();
        }
    }

    /// Fills what is missing from what came before it.
    fn fill(&mut self, samples: &mut [i16], gap: Gap, mix: &mut Mix) {
        if self.noise.is_on() && gap != Gap::Loss {
            self.concealer.conceal(samples);
            self.noise.add(samples);
            return mix.add(Made::Silent, samples.len());
        }
        let fill = match self.fill_by_codec(samples) {
            Concealment::Done => {
                self.concealer.good(samples);
                Fill::Concealed
            }
            Concealment::Left => self.concealer.conceal(samples),
        };
        let made = match (gap, fill) {
            (Gap::Loss, _) | (Gap::Underrun, Fill::Concealed) => Made::Concealed,
            (Gap::Pause, _) | (Gap::Underrun, Fill::Silence) => Made::Silent,
        };
        mix.add(made, samples.len());
    }

    /// A codec that makes up its own noise does so for a while: in a pause its
    /// peer refreshes it every 400 ms. One that never paused has stopped.
    fn fill_by_codec(&mut self, samples: &mut [i16]) -> Concealment {
        let rested = self.pace.rested + samples.len();
        let longest = if self.pace.pauses { REST } else { GONE };
        if self.stats.packets == 0 || rested > self.rate.samples_in(longest) {
            return Concealment::Left;
        }
        self.pace.rested = rested;
        self.decoders.conceal(self.decoders.current(), samples)
    }
}

/// The longest gap that is filled in one piece.
const BRIDGE: Duration = Duration::from_millis(60);
/// Without any packet for this long the time line is given up.
const DRY: Duration = Duration::from_millis(60);
/// How long a codec fills for a source of which no pause is known.
const GONE: Duration = Duration::from_millis(120);
/// How long a codec fills a pause.
const REST: Duration = Duration::from_secs(1);
