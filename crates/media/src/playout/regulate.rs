//! The delay held to what it should be, by pitch periods.
//!
//! In: the delay before each pull. Out: a signal that is a little shorter or
//! longer. What is far too much goes by several periods per frame; what no
//! network explains is cut. A period is taken out only where the slack that is
//! needed stays: the delay serves the pulling in steps of what packets and
//! frames have in common, so that a shorter delay may or may not cost slack.

use std::time::Duration;

use talkpath_audio::{SampleRate, Urgency};
use talkpath_transport::{DropReason, Drops};
use talkpath_wire::Time;

use super::delay::{Need, at_micros, in_samples};
use super::play::Gap;
use super::{Phase, Playout};

/// What is remembered from pull to pull.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Samples of a frame.
    pub(super) frame: usize,
    /// Samples of it that precede the first that is played.
    pub(super) lead: usize,
    /// Samples made up since a packet was decoded last.
    pub(super) made_up: u64,
    /// Samples since then that the codec filled.
    pub(super) rested: usize,
    /// Whether the peer ever paused between two packets.
    pub(super) pauses: bool,
    /// Which source the decoders are at.
    pub(super) turn: u8,
    /// Pulls until scaling is tried again.
    wait: u32,
    /// Trials in a row that changed nothing.
    refused: u32,
}

impl Pace {
    pub(super) fn new(rate: SampleRate) -> Self {
        Pace {
            frame: rate.frame_len(),
            lead: 0,
            made_up: 0,
            rested: 0,
            pauses: false,
            turn: 0,
            wait: 0,
            refused: 0,
        }
    }

    pub(super) fn begin_pull(&mut self, frame: usize) {
        if frame > 0 {
            self.frame = frame;
        }
        self.wait = self.wait.saturating_sub(1);
    }

    /// Notes a trial; waits longer after one that changed nothing.
    fn tried(&mut self, changed: usize, wait: u32) {
        if changed > 0 {
            self.refused = 0;
            self.wait = wait;
        } else {
            self.refused += 1;
            self.wait = REFUSED_WAIT;
        }
    }
}

/// Delay and slack, in microseconds.
#[derive(Clone, Copy)]
struct Standing {
    delay: i64,
    slack: i64,
    /// How much of the slack drift has taken.
    sag: i64,
    /// What packets and frames have in common, in samples.
    grid: i64,
    /// By how many samples the ends of packets miss the grid of the frames.
    off: i64,
}

impl Standing {
    /// Whether the signal is to be lengthened.
    fn lacks(&self, need: Need) -> bool {
        self.slack < need.low || self.slack - self.sag < need.least
    }
}

impl Playout {
    pub(super) fn regulate(&mut self, now: Time, drops: &mut Drops) {
        if self.ring.is_empty() && self.speech.is_empty() {
            return;
        }
        let need = self.need();
        let mut standing = self.standing(now);
        while standing.delay > need.high.saturating_add(CUT) && self.ring.len() > 1 {
            self.skip_first(now, DropReason::LatencyBudget, drops);
            standing = self.standing(now);
        }
        if standing.delay > need.high {
            self.hasten(now, need, drops);
        } else if standing.lacks(need) {
            self.linger(now, standing, need, drops);
        } else {
            self.pace.refused = 0;
        }
    }

    /// What packets and frames have in common, in samples.
    pub(super) fn grid(&self) -> i64 {
        greatest_common(self.line.packet.unsigned_abs(), self.pace.frame as u64) as i64
    }

    fn standing(&self, now: Time) -> Standing {
        let cursor = self.cursor();
        let newest = self.line.source.map_or(cursor, |newest| newest.at);
        let grid = self.grid().max(1);
        let lead = self.pace.lead as i64;
        let off = newest
            .saturating_sub(cursor)
            .saturating_add(lead)
            .rem_euclid(grid);
        let delay = self.delays.added(now, at_micros(cursor - lead, self.rate));
        let served = at_micros(self.pace.frame as i64 - grid + off, self.rate);
        Standing {
            delay,
            slack: delay.saturating_sub(served),
            sag: self.delays.sag(),
            grid,
            off,
        }
    }

    /// Takes out what the delay is too long by: all of a pause, of speech a
    /// period or several.
    fn hasten(&mut self, now: Time, need: Need, drops: &mut Drops) {
        let mut over = self.standing(now).delay - need.high;
        if self.skip_pause(over) || self.pace.wait > 0 && over < FAR {
            return;
        }
        let mut left = match over < FAR {
            true => 1,
            false => in_samples((over / DRAIN).max(LEAST), self.rate),
        };
        for _ in 0..MOST_PERIODS {
            self.look_ahead(now, self.speech.piece(), drops);
            let urgent = over >= FAR || self.pace.refused >= PATIENCE;
            let urgency = if urgent {
                Urgency::Urgent
            } else {
                Urgency::Gentle
            };
            let removed = self.shorten(now, need, over, urgency);
            self.pace
                .tried(removed, if over < FAR { SLOW_WAIT } else { 0 });
            left -= removed as i64;
            over = self.standing(now).delay - need.high;
            if removed == 0 || left <= 0 || over <= 0 {
                return;
            }
        }
    }

    fn shorten(&mut self, now: Time, need: Need, over: i64, urgency: Urgency) -> usize {
        let standing = self.standing(now);
        // All that came and still waits, less the frame that is due.
        let spare = self.depth() - self.pace.frame as i64;
        let rate = self.rate;
        let least = (need.low + RESERVE).max(i64::midpoint(need.low, need.slack));
        let removed = self.speech.shorten(urgency, |removed| {
            let removed = removed as i64;
            let step = removed + (standing.off - removed).rem_euclid(standing.grid) - standing.off;
            let slack = standing.slack - at_micros(step, rate);
            removed <= spare && (over >= FAR || slack >= least)
        });
        self.stats.accelerate(self.rate, removed);
        removed
    }

    /// Leaves out what of a pause the delay is too long by.
    fn skip_pause(&mut self, over: i64) -> bool {
        let next = self.ring.first().filter(|_| self.speech.is_empty());
        let Some(next) = next.filter(|next| self.gap_before(next.seq) == Gap::Pause) else {
            return false;
        };
        let pause = next.at.saturating_sub(self.line.head);
        let skipped = pause.min(in_samples(over, self.rate));
        if skipped <= 0 {
            return false;
        }
        self.line.head += skipped;
        self.stats.accelerate(self.rate, skipped as usize);
        true
    }

    /// Puts a period in, where the slack is too small.
    fn linger(&mut self, now: Time, standing: Standing, need: Need, drops: &mut Drops) {
        let due = standing.slack - standing.sag < need.least;
        let urgent = due || self.pace.refused >= PATIENCE;
        let waits = self.pace.wait > 0 && !urgent;
        if waits || self.phase != (Phase::Playing { dry: 0 }) {
            return;
        }
        self.look_ahead(now, self.speech.piece() / 2, drops);
        let urgency = if urgent {
            Urgency::Urgent
        } else {
            Urgency::Gentle
        };
        let added = self.speech.lengthen(urgency);
        self.stats.expand(self.rate, added);
        self.pace.tried(added, SLOW_WAIT);
    }
}

fn greatest_common(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Delay above what is meant that is cut at once, in microseconds.
const CUT: i64 = Duration::from_millis(500).as_micros() as i64;
/// Delay above what is meant that is worth being heard to go.
const FAR: i64 = 40_000;
/// Of such a delay one part in so many goes with each frame, at least so much.
const DRAIN: i64 = 32;
const LEAST: i64 = 6_000;
/// Periods that go from one frame at most.
const MOST_PERIODS: u32 = 3;
/// Slack that a shorter signal keeps above the lowest.
const RESERVE: i64 = 2_000;
/// Pulls between two periods when there is no hurry.
const SLOW_WAIT: u32 = 2;
/// Pulls until another trial after one that changed nothing.
const REFUSED_WAIT: u32 = 5;
/// Trials after which it may be heard.
const PATIENCE: u32 = 10;
