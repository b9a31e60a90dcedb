//! Where in a recording each tick belongs.
//!
//! In: ticks' numbers and modes, in order. Out: how much silence comes before a
//! tick, whether it is part of the recording, and what the moment is called.
//! Numbers that are missing are a gap, as long as they are; between two paused
//! ticks they are part of the pause.

use std::time::Duration;

use super::ticks::Mode;

/// What becomes of the time in which a recording is paused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pausing {
    /// It is silence, from a mark `paused` to a mark `resumed`: what follows
    /// stands where it was played.
    #[default]
    Silence,
    /// It is left out, with a mark `cut` in its place.
    Cut,
}

/// A pause of a recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pause {
    /// How much of the recording is before it.
    pub at: Duration,
    /// How long it lasted, in life.
    pub length: Duration,
}

/// Where the next tick belongs.
#[derive(Debug)]
pub(super) struct Place {
    /// Its number; none before the first.
    next: Option<u32>,
    mode: Mode,
    pausing: Pausing,
    pauses: Vec<Pause>,
    gaps: u64,
}

/// What is to be done for a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Due {
    /// Silent ticks before it.
    pub(super) silence: u64,
    /// The name of the moment before it, behind the silence.
    pub(super) mark: Option<&'static str>,
    /// Whether it is part of the recording.
    pub(super) takes_part: bool,
}

impl Place {
    pub(super) fn new(pausing: Pausing) -> Self {
        Place {
            next: None,
            mode: Mode::Recorded,
            pausing,
            pauses: Vec::new(),
            gaps: 0,
        }
    }

    /// What to do for the tick `number`, `at` being the length so far.
    pub(super) fn next(&mut self, number: u32, mode: Mode, at: Duration) -> Due {
        // Ticks that begin anew leave no gap.
        let ahead = self.next.map_or(0, |next| number.wrapping_sub(next) as i32);
        let missing = u64::try_from(ahead).unwrap_or(0).min(LONGEST_GAP);
        self.next = Some(number.wrapping_add(1));
        let was = std::mem::replace(&mut self.mode, mode);
        let cut = self.pausing == Pausing::Cut;
        let (mut silence, mut mark) = (missing, None);
        match (was, mode) {
            (Mode::Paused, Mode::Paused) => {
                self.lengthen(missing + 1);
                silence = if cut { 0 } else { missing };
            }
            (Mode::Recorded, Mode::Paused) => {
                self.gaps += missing;
                let at = at + ticks(missing);
                self.pauses.push(Pause { at, length: TICK });
                mark = Some(if cut { "cut" } else { "paused" });
            }
            (Mode::Paused, Mode::Recorded) => {
                self.gaps += missing;
                mark = (!cut).then_some("resumed");
            }
            (Mode::Recorded, Mode::Recorded) => self.gaps += missing,
        }
        let takes_part = mode == Mode::Recorded || !cut;
        Due {
            silence,
            mark,
            takes_part,
        }
    }

    /// Time that is silence because its ticks were lost.
    pub(super) fn gaps(&self) -> Duration {
        ticks(self.gaps)
    }

    pub(super) fn take_pauses(&mut self) -> Vec<Pause> {
        std::mem::take(&mut self.pauses)
    }

    fn lengthen(&mut self, by: u64) {
        if let Some(pause) = self.pauses.last_mut() {
            pause.length += ticks(by);
        }
    }
}

fn ticks(count: u64) -> Duration {
    TICK * u32::try_from(count).unwrap_or(u32::MAX)
}

/// What one tick holds.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// Ticks that a gap is filled for at most: an hour. A machine that slept longer
/// than that is not to fill a disk with silence.
const LONGEST_GAP: u64 = 180_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn due(silence: u64, mark: Option<&'static str>, takes_part: bool) -> Due {
        Due {
            silence,
            mark,
            takes_part,
        }
    }

    #[test]
    fn a_gap_is_as_long_as_what_is_missing() {
        let mut place = Place::new(Pausing::Silence);
        assert_eq!(place.next(7, Mode::Recorded, SECOND), due(0, None, true));
        assert_eq!(place.next(10, Mode::Recorded, SECOND), due(2, None, true));
        // Over the end of 32 bits, and begun anew.
        let mut place = Place::new(Pausing::Silence);
        place.next(u32::MAX, Mode::Recorded, SECOND);
        assert_eq!(place.next(1, Mode::Recorded, SECOND).silence, 1);
        assert_eq!(place.next(0, Mode::Recorded, SECOND).silence, 0);
        assert_eq!(place.gaps(), TICK);
    }

    #[test]
    fn a_pause_is_silence_between_marks() {
        let mut place = Place::new(Pausing::Silence);
        place.next(1, Mode::Recorded, Duration::ZERO);
        assert_eq!(
            place.next(2, Mode::Paused, TICK),
            due(0, Some("paused"), true)
        );
        assert_eq!(place.next(5, Mode::Paused, TICK * 2), due(2, None, true));
        assert_eq!(
            place.next(6, Mode::Recorded, TICK * 5),
            due(0, Some("resumed"), true)
        );
        let pause = Pause {
            at: TICK,
            length: TICK * 4,
        };
        assert_eq!(
            (place.take_pauses(), place.gaps()),
            (vec![pause], Duration::ZERO)
        );
    }

    #[test]
    fn a_cut_leaves_the_pause_out() {
        let mut place = Place::new(Pausing::Cut);
        place.next(1, Mode::Recorded, Duration::ZERO);
        assert_eq!(
            place.next(2, Mode::Paused, TICK),
            due(0, Some("cut"), false)
        );
        assert_eq!(place.next(5, Mode::Paused, TICK), due(0, None, false));
        assert_eq!(place.next(7, Mode::Recorded, TICK), due(1, None, true));
        assert_eq!(place.take_pauses()[0].length, TICK * 4);
        assert_eq!(place.gaps(), TICK);
    }

    proptest::proptest! {
        #[test]
        fn every_tick_of_time_is_in_the_recording_or_in_a_pause(
            first: u32,
            steps in proptest::collection::vec((1u32..40, proptest::bool::ANY), 1..60),
        ) {
            for pausing in [Pausing::Silence, Pausing::Cut] {
                let (mut place, mut number, mut placed) = (Place::new(pausing), first, 0);
                place.next(number, Mode::Recorded, Duration::ZERO);
                for (step, paused) in &steps {
                    number = number.wrapping_add(*step);
                    let mode = if *paused { Mode::Paused } else { Mode::Recorded };
                    let due = place.next(number, mode, ticks(placed + 1));
                    placed += due.silence + u64::from(due.takes_part);
                }
                let lasted = u64::from(number.wrapping_sub(first));
                let paused: Duration = place.take_pauses().iter().map(|p| p.length).sum();
                match pausing {
                    Pausing::Silence => assert_eq!(placed, lasted),
                    Pausing::Cut => assert_eq!(ticks(placed) + paused, ticks(lasted)),
                }
            }
        }
    }
}
