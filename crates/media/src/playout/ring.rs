//! Payloads that wait to be played, by sequence number.
//!
//! In: payloads in any order. Out: the one with the lowest number. Bounded
//! twice: 128 numbers in a row, and an arena of bytes that takes one second of
//! the codec. Memory is taken once; for G.711 that is about 16 KiB.

use talkpath_wire::ExtSeq;

use super::decoders::Key;

/// A payload in the ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Slot {
    pub(super) seq: ExtSeq,
    /// Position of its first sample on the stream's time line.
    pub(super) at: i64,
    /// Samples that it decodes to.
    pub(super) samples: u32,
    pub(super) holds: Holds,
    /// Which source it is of: they are counted.
    pub(super) turn: u8,
    start: u32,
    len: u32,
}

impl Slot {
    pub(super) fn new(seq: ExtSeq, at: i64, samples: u32, holds: Holds, turn: u8) -> Self {
        Slot {
            seq,
            at,
            samples,
            holds,
            turn,
            start: 0,
            len: 0,
        }
    }

    /// Position after its last sample.
    pub(super) fn end(&self) -> i64 {
        self.at.saturating_add(i64::from(self.samples))
    }

    fn overlaps(&self, start: usize, end: usize) -> bool {
        (self.start as usize) < end && start < (self.start + self.len) as usize
    }
}

/// What a payload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holds {
    /// Sound, for this decoder.
    Sound(Key),
    /// A description of comfort noise (RFC 3389).
    Noise,
}

/// Why a payload found no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoPlace {
    /// Its number is there already.
    Duplicate,
    /// The oldest must go first.
    Full,
}

pub(super) struct Ring {
    slots: Box<[Option<Slot>; PLACES as usize]>,
    arena: Box<[u8]>,
    /// Where the next payload is written.
    write: usize,
    lowest: Option<ExtSeq>,
    count: usize,
}

impl Ring {
    /// An empty ring for `bytes` of payload.
    pub(super) fn new(bytes: usize) -> Self {
        let arena = vec![0; bytes].into();
        Ring {
            slots: Box::new([None; PLACES as usize]),
            arena,
            write: 0,
            lowest: None,
            count: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Makes room for `bytes` of payload, if there is less.
    pub(super) fn enlarge(&mut self, bytes: usize) {
        if bytes > self.arena.len() {
            let mut arena = vec![0; bytes];
            arena[..self.arena.len()].copy_from_slice(&self.arena);
            self.arena = arena.into();
        }
    }

    /// Bytes of the longest payload that fits.
    pub(super) fn longest(&self) -> usize {
        self.arena.len()
    }

    /// Copies `payload` in; it must not be longer than [`longest`](Self::longest).
    /// Where it lies in memory the slot need not say.
    pub(super) fn insert(&mut self, slot: Slot, payload: &[u8]) -> Result<(), NoPlace> {
        match self.slots[place(slot.seq)] {
            Some(there) if there.seq == slot.seq => return Err(NoPlace::Duplicate),
            Some(_) => return Err(NoPlace::Full),
            None => {}
        }
        let start = if self.write + payload.len() > self.arena.len() {
            0
        } else {
            self.write
        };
        let end = start + payload.len();
        let mut slots = self.slots.iter().flatten();
        if slots.any(|there| there.overlaps(start, end)) {
            return Err(NoPlace::Full);
        }
        self.arena[start..end].copy_from_slice(payload);
        self.write = end;
        let (start, len) = (start as u32, payload.len() as u32);
        if self.lowest.is_none_or(|lowest| slot.seq < lowest) {
            self.lowest = Some(slot.seq);
        }
        self.slots[place(slot.seq)] = Some(Slot { start, len, ..slot });
        self.count += 1;
        Ok(())
    }

    /// The payload with the lowest number.
    pub(super) fn first(&self) -> Option<Slot> {
        self.slots[place(self.lowest?)]
    }

    /// The bytes of a payload that waits.
    pub(super) fn payload(&self, slot: &Slot) -> &[u8] {
        let start = slot.start as usize;
        &self.arena[start..start + slot.len as usize]
    }

    /// Takes the payload with the lowest number.
    pub(super) fn pop(&mut self) -> Option<(Slot, &[u8])> {
        let first = self.first()?;
        self.slots[place(first.seq)] = None;
        self.count -= 1;
        self.lowest = self.lowest_from(first.seq);
        Some((first, self.payload(&first)))
    }

    /// The lowest number that waits, from `seq` on, where most often the next
    /// one is.
    fn lowest_from(&self, seq: ExtSeq) -> Option<ExtSeq> {
        if self.is_empty() {
            return None;
        }
        let next = seq.plus(1);
        if self.slots[place(next)].is_some_and(|slot| slot.seq == next) {
            return Some(next);
        }
        self.slots.iter().flatten().map(|slot| slot.seq).min()
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(None);
        self.lowest = None;
        self.count = 0;
        self.write = 0;
    }
}

fn place(seq: ExtSeq) -> usize {
    (seq.value() % PLACES) as usize
}

/// Numbers in a row that find a place.
pub(super) const PLACES: u64 = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slot(seq: u64) -> Slot {
        let holds = Holds::Sound(Key::default());
        Slot::new(ExtSeq::new(seq), seq as i64, 1, holds, 0)
    }

    #[test]
    fn payloads_come_out_by_number_and_unmixed() {
        let mut ring = Ring::new(1000);
        for n in [5u64, 3, 9, 4] {
            assert_eq!(ring.insert(slot(n), &[n as u8; 100]), Ok(()));
        }
        for n in [3u64, 4, 5, 9] {
            let (slot, payload) = ring.pop().unwrap();
            assert_eq!((slot.seq, payload), (ExtSeq::new(n), &[n as u8; 100][..]));
        }
        assert!(ring.pop().is_none());
    }

    #[test]
    fn a_number_is_taken_once_and_the_129th_must_wait() {
        let mut ring = Ring::new(12_800);
        for n in 0..PLACES {
            assert_eq!(ring.insert(slot(n), &[0; 100]), Ok(()));
        }
        assert_eq!(ring.insert(slot(7), &[0]), Err(NoPlace::Duplicate));
        assert_eq!(ring.insert(slot(PLACES), &[0]), Err(NoPlace::Full));
    }

    proptest! {
        #[test]
        fn no_payload_is_ever_overwritten(
            steps in proptest::collection::vec((any::<bool>(), 0u64..200, 1usize..200), 0..300)
        ) {
            let mut ring = Ring::new(500);
            let mut model = std::collections::BTreeMap::new();
            for (n, (push, seq, len)) in steps.into_iter().enumerate() {
                if push {
                    let payload = vec![n as u8; len];
                    if ring.insert(slot(seq), &payload).is_ok() {
                        prop_assert!(model.insert(seq, payload).is_none());
                    }
                } else {
                    let popped = ring.pop().map(|(slot, bytes)| (slot.seq.value(), bytes.to_vec()));
                    prop_assert_eq!(popped, model.pop_first());
                }
                prop_assert_eq!(ring.len(), model.len());
            }
        }
    }
}
