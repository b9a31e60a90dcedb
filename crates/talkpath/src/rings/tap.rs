//! What taps take of a stream: either direction, or both side by side.
//!
//! In: ticks. Out: frames in a [`hear`](super::hear) ring, of which a slow
//! reader loses the oldest. Ticks that never happened are frames of silence, so
//! that what is read stays true to time.

use talkpath_media::{FrameKind, Tick};

use super::HearWriter;

/// Which direction of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Heard,
    Said,
    /// Heard on the left, said on the right, interleaved.
    Both,
}

/// The worker's side of a tap.
#[derive(Debug)]
pub(crate) struct TapWriter {
    ring: HearWriter,
    side: Side,
    /// Frames that the ring holds.
    frames: u64,
    /// The number of the last tick.
    last: Option<u64>,
    /// A frame of both.
    pair: Box<[i16]>,
}

impl Side {
    /// Samples that stand side by side.
    pub(crate) const fn channels(self) -> usize {
        match self {
            Side::Heard | Side::Said => 1,
            Side::Both => 2,
        }
    }
}

impl TapWriter {
    /// Writes into `ring`, which holds `frames` of `frame_len` samples of each
    /// side.
    pub(crate) fn new(ring: HearWriter, side: Side, frame_len: usize, frames: usize) -> Self {
        let pair = match side {
            Side::Both => 2 * frame_len,
            Side::Heard | Side::Said => 0,
        };
        TapWriter {
            ring,
            side,
            frames: frames as u64,
            last: None,
            pair: vec![0; pair].into(),
        }
    }

    /// Adds a tick; false once nobody reads any more.
    pub(crate) fn write(&mut self, tick: &Tick<'_>) -> bool {
        let missed = self
            .last
            .map_or(0, |last| tick.number.saturating_sub(last).saturating_sub(1));
        for _ in 0..missed.min(self.frames) {
            self.ring.push(FrameKind::Silence, &[]);
        }
        self.last = Some(tick.number);
        match self.side {
            Side::Heard => self.ring.push(tick.kind, tick.heard),
            Side::Said => self.ring.push(kind_of(tick.said), tick.said),
            Side::Both => {
                let pairs = tick.heard.iter().zip(tick.said);
                for (slot, (left, right)) in self.pair.chunks_exact_mut(2).zip(pairs) {
                    slot.copy_from_slice(&[*left, *right]);
                }
                self.ring.push(tick.kind, &self.pair);
            }
        }
        !self.ring.is_closed()
    }
}

/// What is said is made by nobody but who says it.
fn kind_of(said: &[i16]) -> FrameKind {
    match said.iter().any(|sample| *sample != 0) {
        true => FrameKind::Heard,
        false => FrameKind::Silence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rings::hear_ring;

    fn tick(number: u64, level: i16) -> (u64, [i16; 2], [i16; 2]) {
        (number, [level, level + 1], [-level, -level - 1])
    }

    fn write(tap: &mut TapWriter, (number, heard, said): (u64, [i16; 2], [i16; 2])) -> bool {
        tap.write(&Tick {
            number,
            heard: &heard,
            kind: FrameKind::Concealed,
            said: &said,
        })
    }

    #[test]
    fn both_sides_stand_side_by_side() {
        let (ring, mut reader) = hear_ring(4, 3);
        let mut tap = TapWriter::new(ring, Side::Both, 2, 3);
        assert!(write(&mut tap, tick(1, 5)));
        let mut frame = [0; 4];
        let read = reader.pop(&mut frame).unwrap().unwrap();
        assert_eq!((read.kind, frame), (FrameKind::Concealed, [5, -5, 6, -6]));
        drop(reader);
        assert!(!write(&mut tap, tick(2, 5)));
    }

    #[test]
    fn ticks_that_never_happened_are_silence() {
        let (ring, mut reader) = hear_ring(2, 4);
        let mut tap = TapWriter::new(ring, Side::Said, 2, 4);
        write(&mut tap, tick(1, 5));
        write(&mut tap, tick(4, 7));
        let mut frame = [0; 2];
        let mut kinds = Vec::new();
        while let Some(read) = reader.pop(&mut frame).unwrap() {
            kinds.push((read.kind, frame[0]));
        }
        let silence = (FrameKind::Silence, 0);
        let said = |level| (FrameKind::Heard, level);
        assert_eq!(kinds, [said(-5), silence, silence, said(-7)]);
        write(&mut tap, tick(1_000_000, 7));
        assert_eq!(reader.len(), 4);
    }
}
