//! Payloads that wait to be played, by sequence number.
//!
//! In: payloads in any order. Out: the one with the lowest number. Bounded
//! twice: 64 numbers in a row, and an arena of bytes that takes 600 ms of
//! the codec. Memory is taken once; for G.711 that is about 7 KiB.

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
    /// Whose payload it is.
    pub(super) codec: Key,
    start: u32,
    len: u32,
}

impl Slot {
    /// Position after its last sample.
    pub(super) fn end(&self) -> i64 {
        self.at.saturating_add(i64::from(self.samples))
    }

    fn overlaps(&self, start: usize, end: usize) -> bool {
        (self.start as usize) < end && start < (self.start + self.len) as usize
    }
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
            count: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Bytes of the longest payload that fits.
    pub(super) fn longest(&self) -> usize {
        self.arena.len()
    }

    /// Copies `payload` in; it must not be longer than [`longest`](Self::longest).
    pub(super) fn insert(
        &mut self,
        seq: ExtSeq,
        at: i64,
        samples: u32,
        codec: Key,
        payload: &[u8],
    ) -> Result<(), NoPlace> {
        match self.slots[place(seq)] {
            Some(slot) if slot.seq == seq => return Err(NoPlace::Duplicate),
            Some(_) => return Err(NoPlace::Full),
            None => {}
        }
        let start = if self.write + payload.len() > self.arena.len() {
            0
        } else {
            self.write
        };
        let end = start + payload.len();
        if self
            .slots
            .iter()
            .flatten()
            .any(|slot| slot.overlaps(start, end))
        {
            return Err(NoPlace::Full);
        }
        self.arena[start..end].copy_from_slice(payload);
        self.write = end;
        let (start, len) = (start as u32, payload.len() as u32);
        self.slots[place(seq)] = Some(Slot {
            seq,
            at,
            samples,
            codec,
            start,
            len,
        });
        self.count += 1;
        Ok(())
    }

    /// The payload with the lowest number.
    pub(super) fn first(&self) -> Option<Slot> {
        if self.is_empty() {
            return None;
        }
        self.slots
            .iter()
            .flatten()
            .min_by_key(|slot| slot.seq)
            .copied()
    }

    /// Takes the payload with the lowest number.
    pub(super) fn pop(&mut self) -> Option<(Slot, &[u8])> {
        let first = self.first()?;
        self.slots[place(first.seq)] = None;
        self.count -= 1;
        let start = first.start as usize;
        Some((first, &self.arena[start..start + first.len as usize]))
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(None);
        self.count = 0;
        self.write = 0;
    }
}

fn place(seq: ExtSeq) -> usize {
    (seq.value() % PLACES) as usize
}

/// Numbers in a row that find a place.
pub(super) const PLACES: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn payloads_come_out_by_number_and_unmixed() {
        let mut ring = Ring::new(1000);
        for n in [5u64, 3, 9, 4] {
            assert_eq!(
                ring.insert(ExtSeq::new(n), n as i64, 1, Key::default(), &[n as u8; 100]),
                Ok(())
            );
        }
        for n in [3u64, 4, 5, 9] {
            let (slot, payload) = ring.pop().unwrap();
            assert_eq!((slot.seq, payload), (ExtSeq::new(n), &[n as u8; 100][..]));
        }
        assert!(ring.pop().is_none());
    }

    #[test]
    fn a_number_is_taken_once_and_the_65th_must_wait() {
        let mut ring = Ring::new(6400);
        for n in 0..64u64 {
            assert_eq!(
                ring.insert(ExtSeq::new(n), 0, 1, Key::default(), &[0; 100]),
                Ok(())
            );
        }
        assert_eq!(
            ring.insert(ExtSeq::new(7), 0, 1, Key::default(), &[0]),
            Err(NoPlace::Duplicate)
        );
        assert_eq!(
            ring.insert(ExtSeq::new(64), 0, 1, Key::default(), &[0]),
            Err(NoPlace::Full)
        );
    }

    proptest! {
        #[test]
        fn no_payload_is_ever_overwritten(
            steps in proptest::collection::vec((any::<bool>(), 0u64..100, 1usize..200), 0..300)
        ) {
            let mut ring = Ring::new(500);
            let mut model = std::collections::BTreeMap::new();
            for (n, (push, seq, len)) in steps.into_iter().enumerate() {
                if push {
                    let payload = vec![n as u8; len];
                    if ring.insert(ExtSeq::new(seq), 0, 1, Key::default(), &payload).is_ok() {
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
