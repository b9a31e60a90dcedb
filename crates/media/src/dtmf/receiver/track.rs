//! One press, and which packets are of it.
//!
//! In: sights, each one event of one packet. Out: whether it is of this press,
//! and how long the press has lasted. RFC 4733 §2.5.1.3, §2.5.1.4, §2.5.2.2.
//!
//! A press owns the packets with its timestamp. It owns another timestamp too
//! when the two cannot be two presses: a press that is over has sent its end
//! three times, and 40 ms lie between two presses of one key. So a packet goes
//! on with one before it if
//! - it begins 0xffff ticks later: the next segment; or
//! - the end of none can have been between, and it begins where the other
//!   left off; or
//! - timestamp and duration have advanced by the same number of ticks, or the
//!   timestamp by the duration with each packet that bears no marker: the
//!   sender moves the timestamp with every packet.

use core::time::Duration;

use talkpath_wire::{EventEnd, ExtSeq, RtpTime, Ssrc, TelephoneEvent, Time};

use super::super::{Digit, Press};
use super::EventPacket;

/// One event of one packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    now: Time,
    ssrc: Ssrc,
    digit: Digit,
    clock_rate: u32,
    volume: u8,
    mark: Mark,
}

/// Where a packet stands in an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mark {
    seq: ExtSeq,
    timestamp: RtpTime,
    duration: u16,
    end: EventEnd,
    marker: bool,
}

/// One press of a key.
#[derive(Clone, Debug)]
pub(super) struct Track {
    ssrc: Ssrc,
    digit: Digit,
    clock_rate: u32,
    volume: u8,
    began: Time,
    heard: Time,
    /// Arrival time per sequence number, of the last two in order.
    spacing: Duration,
    first: Mark,
    last: Mark,
    /// Ticks before the last timestamp: those of earlier segments.
    before: u64,
    end: EventEnd,
}

impl Sight {
    pub(super) fn of(now: Time, packet: EventPacket, digit: Digit, event: TelephoneEvent) -> Self {
        Sight {
            now,
            ssrc: packet.ssrc,
            digit,
            clock_rate: packet.clock_rate.max(1),
            volume: event.volume,
            mark: Mark {
                seq: packet.seq,
                timestamp: packet.timestamp,
                duration: event.duration,
                end: event.end,
                marker: packet.marker,
            },
        }
    }

    pub(super) fn is_end(&self) -> bool {
        self.mark.end == EventEnd::Ended
    }
}

impl Track {
    pub(super) fn begin(sight: &Sight) -> Self {
        let lasted = ticks(u64::from(sight.mark.duration), sight.clock_rate);
        Track {
            ssrc: sight.ssrc,
            digit: sight.digit,
            clock_rate: sight.clock_rate,
            volume: sight.volume,
            began: sight.now - lasted,
            heard: sight.now,
            spacing: Duration::ZERO,
            first: sight.mark,
            last: sight.mark,
            before: 0,
            end: sight.mark.end,
        }
    }

    /// Whether a packet is of this press.
    pub(super) fn owns(&self, sight: &Sight) -> bool {
        let (first, last, mark) = (&self.first, &self.last, &sight.mark);
        if (sight.ssrc, sight.digit) != (self.ssrc, self.digit) {
            return false;
        }
        let after_first = mark.timestamp.ticks_since(first.timestamp);
        if after_first >= 0 && last.timestamp.ticks_since(mark.timestamp) >= 0 {
            return !self.is_pressed_again(sight);
        }
        if mark.seq < first.seq {
            return mark.is_followed_by(first, self.clock_rate);
        }
        let is_inside = first.seq < mark.seq && mark.seq < last.seq;
        is_inside || last.is_followed_by(mark, self.clock_rate)
    }

    /// Whether the sender's clock stands still between presses: nobody goes on
    /// with what he has ended.
    fn is_pressed_again(&self, sight: &Sight) -> bool {
        self.end == EventEnd::Ended
            && sight.mark.end == EventEnd::Open
            && sight.mark.marker
            && sight.mark.seq > self.last.seq
            && sight.mark.duration < self.last.duration
    }

    /// Takes in a packet that is of this press.
    pub(super) fn update(&mut self, sight: &Sight) {
        let mark = sight.mark;
        let silence = sight.now - self.heard;
        self.heard = self.heard.max(sight.now);
        if mark.seq < self.first.seq {
            self.first = mark;
        }
        let advance = mark.timestamp.ticks_since(self.last.timestamp);
        // The end of a segment is repeated while the next goes on.
        if mark.seq < self.last.seq || advance < 0 {
            return;
        }
        let steps = mark.seq.distance_from(self.last.seq).clamp(1, 100);
        self.spacing = silence / steps as u32;
        self.volume = sight.volume;
        if !self.last.grows_into(&mark) {
            self.before += u64::from(advance.unsigned_abs());
        }
        let longest = match advance {
            0 => self.last.duration,
            _ => 0,
        };
        self.last = mark;
        match (self.end, mark.end) {
            (EventEnd::Open, EventEnd::Open) => {
                self.last.duration = longest.max(mark.duration);
            }
            // What the end says holds.
            (EventEnd::Open, EventEnd::Ended) => self.end = EventEnd::Ended,
            (EventEnd::Ended, _) => {}
        }
        self.last.end = self.end;
    }

    pub(super) fn is_ended(&self) -> bool {
        self.end == EventEnd::Ended
    }

    /// Whether a packet of the same source was sent before this press.
    pub(super) fn is_after(&self, sight: &Sight) -> bool {
        sight.ssrc == self.ssrc && sight.mark.seq < self.first.seq
    }

    /// When it is over if nothing more comes.
    pub(super) fn deadline(&self) -> Time {
        // RFC 4733 §2.5.2.2: three packet times at least.
        self.heard + (self.spacing * 3).clamp(SHORTEST_SILENCE, LONGEST_SILENCE)
    }

    pub(super) fn is_forgotten(&self, now: Time, memory: Duration) -> bool {
        now - self.heard > memory
    }

    pub(super) fn press(&self) -> Press {
        let lasted = self.before + u64::from(self.last.duration);
        Press {
            digit: self.digit,
            began: self.began,
            duration: ticks(lasted, self.clock_rate),
            volume: self.volume,
        }
    }
}

impl Mark {
    /// Whether `next` goes on with this press under another timestamp.
    fn is_followed_by(&self, next: &Mark, clock_rate: u32) -> bool {
        let Ok(steps @ 1..) = u32::try_from(next.seq.distance_from(self.seq)) else {
            return false;
        };
        let Ok(advance @ 1..) = u32::try_from(next.timestamp.ticks_since(self.timestamp)) else {
            return false;
        };
        let lasted = u32::from(self.duration);
        let gap = i64::from(advance) - i64::from(lasted);
        let is_adjacent = gap < i64::from(clock_rate) * SHORTEST_GAP_MS / 1000;
        match (self.end, next.end) {
            // The ends of one press, each with a timestamp of its own.
            (EventEnd::Ended, EventEnd::Ended) => steps < ENDS && is_adjacent,
            (EventEnd::Ended, EventEnd::Open) => false,
            (EventEnd::Open, _) => {
                let is_segment = advance == u32::from(u16::MAX);
                let is_flat = !next.marker
                    && next.duration == self.duration
                    && u64::from(advance) == u64::from(steps) * u64::from(lasted);
                // The duration of ends no longer grows.
                let slack = match next.end {
                    EventEnd::Open => 0,
                    EventEnd::Ended => 2 * advance / steps,
                };
                let grown = i64::from(next.duration) - i64::from(self.duration);
                let has_grown = (0..=i64::from(slack)).contains(&(i64::from(advance) - grown));
                is_segment || is_flat || has_grown || steps <= ENDS && is_adjacent
            }
        }
    }

    /// Whether the timestamp moved without meaning it: the duration has grown
    /// by as much.
    fn grows_into(&self, next: &Mark) -> bool {
        let advance = next.timestamp.ticks_since(self.timestamp);
        i32::from(next.duration) - i32::from(self.duration) == advance
    }
}

fn ticks(ticks: u64, clock_rate: u32) -> Duration {
    Duration::from_nanos(ticks.saturating_mul(1_000_000_000) / u64::from(clock_rate.max(1)))
}

/// Times that an end is sent (RFC 4733 §2.5.1.4).
const ENDS: u32 = 3;
/// Between two presses of one key, in milliseconds.
const SHORTEST_GAP_MS: i64 = 40;
/// A press of which nothing comes is over after this at the earliest: bursts of
/// loss are shorter.
const SHORTEST_SILENCE: Duration = Duration::from_millis(250);
const LONGEST_SILENCE: Duration = Duration::from_secs(1);
