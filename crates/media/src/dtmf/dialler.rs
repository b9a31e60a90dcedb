//! Dialling in time: which key is down in which 20 ms.
//!
//! In: what to dial, and a tick every 20 ms. Out: for each tick, whether media
//! flows or a key is down, and which dialling is done. What a key becomes on
//! its way out, events or sound, is not decided here. RFC 4733 §2.5.1.4: an end
//! is sent three times, so a key that was let go keeps media away for two ticks
//! more.

use std::collections::VecDeque;

use core::time::Duration;

use super::dial::Step;
use super::{Digit, Dtmf};

/// Which dialling, among those of its session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DialId(pub u64);

/// How a dialling ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DialEnd {
    /// Every key was sent.
    Dialled,
    /// It was stopped, or its stream ended before every key was sent.
    Stopped,
    /// Nothing of it was sent: too many were waiting, or nothing that the
    /// stream sends can hold keys.
    Refused,
}

/// What 20 ms of a stream are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// Media flows.
    Media,
    /// A key is down.
    Down(Down),
    /// A key was let go just now; its end is repeated.
    Up(Digit),
}

/// A key that is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Down {
    /// Which key.
    pub digit: Digit,
    /// How long it has been down when these 20 ms are over.
    pub lasted: Duration,
    /// How long it will be down in all.
    pub length: Duration,
    /// How much quieter than 0 dBm0, 0 to 63 dB.
    pub volume: u8,
    /// Whether it goes down now.
    pub edge: Edge,
}

/// Where in a press 20 ms stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// The first of several.
    Pressed,
    /// Neither the first nor the last.
    Held,
    /// The last.
    Released,
}

/// More dialling waits than a stream takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{limit} diallings wait already; wait for one of them, or stop it")]
pub struct DialQueueFull {
    /// How many may wait.
    pub limit: usize,
}

/// Dials, one key after another.
///
/// ```
/// use talkpath_media::dtmf::{DialEnd, DialId, Dialler, Dtmf, Slot};
/// let mut dialler = Dialler::new();
/// dialler.dial(DialId(1), Dtmf::new("5")?)?;
/// let turns: Vec<Slot> = (0..10).map(|_| dialler.tick(0)).collect();
/// assert_eq!(turns.iter().filter(|turn| matches!(turn, Slot::Down(_))).count(), 5);
/// dialler.tick(0);
/// assert_eq!(dialler.poll_end(), Some((DialId(1), DialEnd::Dialled)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Dialler {
    waiting: VecDeque<(DialId, Dtmf)>,
    current: Option<Current>,
    place: Place,
    ended: VecDeque<(DialId, DialEnd)>,
}

#[derive(Clone, Debug)]
struct Current {
    id: DialId,
    dtmf: Dtmf,
    next: usize,
    end: DialEnd,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// Ready for the next step.
    #[default]
    Ready,
    Down {
        digit: Digit,
        lasted: Duration,
        length: Duration,
    },
    Up {
        digit: Digit,
        turns: u8,
    },
    Resting(Duration),
}

impl Dialler {
    /// Diallings that may wait behind the one that goes on.
    pub const MAX_WAITING: usize = 16;

    /// A dialler with nothing to dial.
    pub fn new() -> Self {
        Self::default()
    }

    /// Dials `dtmf` when all before it is dialled.
    ///
    /// # Errors
    /// [`DialQueueFull`] when as many wait as may.
    pub fn dial(&mut self, id: DialId, dtmf: Dtmf) -> Result<(), DialQueueFull> {
        if self.waiting.len() >= Self::MAX_WAITING {
            let limit = Self::MAX_WAITING;
            return Err(DialQueueFull { limit });
        }
        self.waiting.push_back((id, dtmf));
        Ok(())
    }

    /// Stops one: a key that is down is let go with the next tick.
    pub fn stop(&mut self, id: DialId) {
        let waiting = self.waiting.iter().position(|(known, _)| *known == id);
        if let Some(at) = waiting {
            self.waiting.remove(at);
            self.ended.push_back((id, DialEnd::Stopped));
        }
        let Some(current) = self.current.as_mut().filter(|current| current.id == id) else {
            return;
        };
        current.next = usize::MAX;
        current.end = DialEnd::Stopped;
        match &mut self.place {
            Place::Down { lasted, length, .. } => *length = (*length).min(*lasted + TICK),
            Place::Resting(left) => *left = (*left).min(current.dtmf.gap_len()),
            Place::Ready | Place::Up { .. } => {}
        }
    }

    /// Stops them all.
    pub fn stop_all(&mut self) {
        while let Some((id, _)) = self.waiting.pop_front() {
            self.ended.push_back((id, DialEnd::Stopped));
        }
        if let Some(id) = self.current.as_ref().map(|current| current.id) {
            self.stop(id);
        }
    }

    /// Ends them all at once: nothing more can be sent.
    pub fn abandon(&mut self) {
        self.settle();
        if let Some(current) = self.current.take() {
            self.ended.push_back((current.id, DialEnd::Stopped));
        }
        self.stop_all();
        self.place = Place::Ready;
    }

    /// Whether nothing is left to dial.
    pub fn is_idle(&self) -> bool {
        self.current.is_none() && self.waiting.is_empty()
    }

    /// The next dialling that ended, oldest first.
    pub fn poll_end(&mut self) -> Option<(DialId, DialEnd)> {
        self.ended.pop_front()
    }

    /// What the next 20 ms are for. `missed` ticks before it never happened;
    /// a key that was down stayed down in them.
    pub fn tick(&mut self, missed: u32) -> Slot {
        let mut passed = TICK * missed.saturating_add(1);
        loop {
            match self.place {
                Place::Ready => match self.advance() {
                    true => passed = TICK,
                    false => return Slot::Media,
                },
                Place::Down { .. } => return self.hold(passed),
                Place::Up { digit, turns: 1.. } => {
                    self.let_go();
                    return Slot::Up(digit);
                }
                Place::Up { .. } => self.place = Place::Resting(self.rest()),
                Place::Resting(Duration::ZERO) => self.place = Place::Ready,
                Place::Resting(left) => {
                    self.place = Place::Resting(left.saturating_sub(passed));
                    return Slot::Media;
                }
            }
        }
    }

    /// The same while nothing may be sent: a key that is down is let go in its
    /// time, for its beginning was heard; none goes down, and pauses stand.
    pub fn tick_held(&mut self, missed: u32) -> Slot {
        match self.place {
            Place::Down { .. } | Place::Up { turns: 1.., .. } => self.tick(missed),
            Place::Ready | Place::Up { .. } | Place::Resting(_) => {
                self.settle();
                Slot::Media
            }
        }
    }

    /// Ends the one that goes on if all its keys were sent.
    fn settle(&mut self) {
        let is_down = matches!(self.place, Place::Down { .. });
        let is_over = |current: &mut Current| current.dtmf.step(current.next).is_none();
        if !is_down && let Some(current) = self.current.take_if(is_over) {
            self.ended.push_back((current.id, current.end));
        }
    }

    /// Takes the next step; false when there is none.
    fn advance(&mut self) -> bool {
        if self.current.is_none() {
            let next = self.waiting.pop_front();
            self.current = next.map(|(id, dtmf)| Current {
                id,
                dtmf,
                next: 0,
                end: DialEnd::Dialled,
            });
        }
        let Some(current) = &mut self.current else {
            return false;
        };
        let step = current.dtmf.step(current.next);
        current.next = current.next.saturating_add(1);
        match step {
            Some(Step::Press(digit)) => {
                let length = current.dtmf.tone_len();
                let lasted = Duration::ZERO;
                self.place = Place::Down {
                    digit,
                    lasted,
                    length,
                };
            }
            Some(Step::Pause) => self.place = Place::Resting(current.dtmf.pause_len()),
            None => {
                self.ended.push_back((current.id, current.end));
                self.current = None;
            }
        }
        true
    }

    fn hold(&mut self, passed: Duration) -> Slot {
        let Place::Down {
            digit,
            lasted: before,
            length,
        } = self.place
        else {
            return Slot::Media;
        };
        let lasted = (before + passed).min(length);
        let edge = match (lasted >= length, before.is_zero()) {
            (true, _) => Edge::Released,
            (false, true) => Edge::Pressed,
            (false, false) => Edge::Held,
        };
        self.place = match edge {
            Edge::Released => Place::Up {
                digit,
                turns: REPEATS,
            },
            Edge::Pressed | Edge::Held => Place::Down {
                digit,
                lasted,
                length,
            },
        };
        let volume = self
            .current
            .as_ref()
            .map_or(0, |current| current.dtmf.level());
        Slot::Down(Down {
            digit,
            lasted,
            length,
            volume,
            edge,
        })
    }

    fn let_go(&mut self) {
        if let Place::Up { turns, .. } = &mut self.place {
            *turns -= 1;
        }
    }

    /// What is left of the gap when the ends were repeated.
    fn rest(&self) -> Duration {
        let gap = self.current.as_ref().map(|current| current.dtmf.gap_len());
        gap.unwrap_or_default()
            .saturating_sub(TICK * u32::from(REPEATS))
    }
}

/// What a tick stands for.
const TICK: Duration = Duration::from_millis(20);
/// RFC 4733 §2.5.1.4: an end is sent three times.
const REPEATS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn dialler(texts: &[&str]) -> Dialler {
        let mut dialler = Dialler::new();
        for (n, text) in texts.iter().enumerate() {
            let id = DialId(n as u64);
            dialler.dial(id, Dtmf::new(text).unwrap()).unwrap();
        }
        dialler
    }

    /// A character per tick: the key while it is down, `^` while its end is
    /// repeated, `.` while media flows.
    fn script(dialler: &mut Dialler, ticks: usize) -> String {
        let turns = (0..ticks).map(|_| match dialler.tick(0) {
            Slot::Media => '.',
            Slot::Down(down) => down.digit.as_char(),
            Slot::Up(_) => '^',
        });
        turns.collect()
    }

    #[test]
    fn keys_and_gaps_have_their_times() {
        let mut dialler = dialler(&["12", "3"]);
        assert_eq!(
            script(&mut dialler, 33),
            "11111^^...22222^^...33333^^......"
        );
        assert_eq!(dialler.poll_end(), Some((DialId(0), DialEnd::Dialled)));
        assert_eq!(dialler.poll_end(), Some((DialId(1), DialEnd::Dialled)));
        assert_eq!(dialler.poll_end(), None);
        assert!(dialler.is_idle());
    }

    #[test]
    fn a_pause_is_two_seconds_of_media() {
        let mut dialler = dialler(&["1,2"]);
        let script = script(&mut dialler, 130);
        assert_eq!(script.find('2'), Some(5 + 2 + 3 + 100));
    }

    #[test]
    fn edges_and_odd_lengths_are_told() {
        let mut dialler = Dialler::new();
        let dtmf = Dtmf::new("1").unwrap().tone(Duration::from_millis(50));
        dialler.dial(DialId(0), dtmf).unwrap();
        let turns: Vec<(u128, Edge)> = (0..3)
            .map(|_| match dialler.tick(0) {
                Slot::Down(down) => (down.lasted.as_millis(), down.edge),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [(20, Edge::Pressed), (40, Edge::Held), (50, Edge::Released)];
        assert_eq!(turns, expected);
    }

    #[test]
    fn a_stopped_key_is_let_go_at_once_and_what_waits_goes_on() {
        let mut dialler = dialler(&["123", "9"]);
        assert_eq!(script(&mut dialler, 2), "11");
        dialler.stop(DialId(0));
        assert_eq!(script(&mut dialler, 12), "1^^...99999^");
        assert_eq!(dialler.poll_end(), Some((DialId(0), DialEnd::Stopped)));
        dialler.stop_all();
        assert_eq!(script(&mut dialler, 10), "^.........");
        assert_eq!(dialler.poll_end(), Some((DialId(1), DialEnd::Stopped)));
    }

    #[test]
    fn a_waiting_one_is_stopped_before_it_begins() {
        let mut dialler = dialler(&["1", "2"]);
        dialler.stop(DialId(1));
        assert_eq!(dialler.poll_end(), Some((DialId(1), DialEnd::Stopped)));
        assert!(!script(&mut dialler, 50).contains('2'));
    }

    #[test]
    fn missed_ticks_count_for_the_key_that_was_down() {
        let mut dialler = dialler(&["1"]);
        dialler.tick(0);
        let Slot::Down(down) = dialler.tick(2) else {
            panic!("it is down");
        };
        assert_eq!(down.lasted, Duration::from_millis(80));
    }

    #[test]
    fn sixteen_wait_and_the_next_is_refused_by_number() {
        let mut dialler = dialler(&["1"; 16]);
        let refused = dialler.dial(DialId(99), Dtmf::new("1").unwrap());
        assert_eq!(refused, Err(DialQueueFull { limit: 16 }));
    }
}
