//! What the application hears: the newest frames, the oldest lost when slow.
//!
//! The writer overwrites the oldest slot without asking, so that it never
//! waits and the reader never holds it up. Each slot has a version, odd while
//! it is being written; a reader that finds another version after copying than
//! before has been overtaken and goes on with a newer frame (a seqlock). The
//! samples are packed into atomics, four to a word, which makes the race
//! defined without `unsafe`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use talkpath_wire::Time;

use super::{Closed, FrameKind};
use crate::driver::{Driver, Gate};

/// The worker's side.
#[derive(Debug)]
pub(crate) struct HearWriter {
    shared: Arc<Shared>,
}

/// The application's side.
#[derive(Debug)]
pub(crate) struct HearReader {
    shared: Arc<Shared>,
    /// The number of the next frame to read.
    next: u64,
    lost: u64,
}

/// A frame that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    /// How true it is.
    pub(crate) kind: FrameKind,
    /// How many frames before it were lost because reading was slow.
    pub(crate) lost_before: u64,
}

#[derive(Debug)]
struct Shared {
    frame_len: usize,
    slots: Box<[Slot]>,
    /// Frames written so far: the number of the next one.
    written: AtomicU64,
    /// The number of the next frame to read, for whoever counts those waiting.
    read: AtomicU64,
    /// Moves when a frame was written, or the writer is gone.
    arrival: Gate,
    writer_is_gone: AtomicBool,
    reader_is_gone: AtomicBool,
}

#[derive(Debug)]
struct Slot {
    /// Twice the number of the frame in it and 2, or 1 while that is written.
    version: AtomicU64,
    kind: AtomicU64,
    samples: Box<[AtomicU64]>,
}

/// A ring for `frames` frames of `frame_len` samples each.
pub(crate) fn hear_ring(frame_len: usize, frames: usize) -> (HearWriter, HearReader) {
    let shared = Arc::new(Shared {
        frame_len,
        slots: (0..frames.max(1)).map(|_| Slot::new(frame_len)).collect(),
        written: AtomicU64::new(0),
        read: AtomicU64::new(0),
        arrival: Gate::new(),
        writer_is_gone: AtomicBool::new(false),
        reader_is_gone: AtomicBool::new(false),
    });
    let reader = HearReader {
        shared: Arc::clone(&shared),
        next: 0,
        lost: 0,
    };
    (HearWriter { shared }, reader)
}

impl HearWriter {
    /// Puts in a frame; what it lacks of the ring's frame length is silence,
    /// what it has more is cut off.
    pub(crate) fn push(&mut self, kind: FrameKind, frame: &[i16]) {
        let shared = &*self.shared;
        let number = shared.written.load(Ordering::Relaxed);
        let frame = &frame[..frame.len().min(shared.frame_len)];
        shared.slot(number).write(number, kind, frame);
        shared.written.store(number + 1, Ordering::Release);
        shared.arrival.advance();
    }

    /// Frames that wait to be read.
    pub(crate) fn len(&self) -> usize {
        let shared = &*self.shared;
        let written = shared.written.load(Ordering::Relaxed);
        let waiting = written.saturating_sub(shared.read.load(Ordering::Relaxed));
        waiting.min(shared.slots.len() as u64) as usize
    }

    /// Whether nobody will read any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.reader_is_gone.load(Ordering::Acquire)
    }
}

impl HearReader {
    /// Samples of a frame.
    pub(crate) fn frame_len(&self) -> usize {
        self.shared.frame_len
    }

    /// Frames that wait.
    pub(crate) fn len(&self) -> usize {
        let waiting = self.shared.written.load(Ordering::Acquire) - self.next;
        waiting.min(self.shared.slots.len() as u64) as usize
    }

    /// Frames lost so far because reading was slow.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Reads the oldest frame that is left into the front of `into`; none when
    /// none waits.
    ///
    /// # Errors
    /// [`Closed`] when none will come.
    pub(crate) fn pop(&mut self, into: &mut [i16]) -> Result<Option<Frame>, Closed> {
        // Looked at first: a frame written before the end is still read.
        let writer_is_gone = self.shared.writer_is_gone.load(Ordering::Acquire);
        match self.read(into) {
            None if writer_is_gone => Err(Closed),
            frame => Ok(frame),
        }
    }

    /// Blocks until a frame is read or `deadline` passes.
    ///
    /// # Errors
    /// [`Closed`] when none will come.
    pub(crate) fn pop_until(
        &mut self,
        into: &mut [i16],
        driver: &dyn Driver,
        deadline: Time,
    ) -> Result<Option<Frame>, Closed> {
        loop {
            let seen = self.shared.arrival.count();
            let frame = self.pop(into)?;
            if frame.is_some() || driver.now() >= deadline {
                return Ok(frame);
            }
            let deadline = (deadline != Time::MAX).then_some(deadline);
            driver.wait(&self.shared.arrival, seen, deadline);
        }
    }

    /// Waits, on any runtime, until a frame is read.
    ///
    /// # Errors
    /// [`Closed`] when none will come.
    pub(crate) async fn next(&mut self, into: &mut [i16]) -> Result<Frame, Closed> {
        loop {
            let seen = self.shared.arrival.count();
            if let Some(frame) = self.pop(into)? {
                return Ok(frame);
            }
            self.shared.arrival.moved(seen).await;
        }
    }

    fn read(&mut self, into: &mut [i16]) -> Option<Frame> {
        let from = self.next;
        loop {
            let written = self.shared.written.load(Ordering::Acquire);
            let oldest = written.saturating_sub(self.shared.slots.len() as u64);
            self.next = self.next.max(oldest);
            if self.next == written {
                return None;
            }
            let number = self.next;
            self.next += 1;
            let frame_len = self.shared.frame_len.min(into.len());
            let read = self
                .shared
                .slot(number)
                .read(number, &mut into[..frame_len]);
            if let Some(kind) = read {
                self.shared.read.store(self.next, Ordering::Relaxed);
                let lost_before = number - from;
                self.lost += lost_before;
                return Some(Frame { kind, lost_before });
            }
        }
    }
}

impl Shared {
    fn slot(&self, number: u64) -> &Slot {
        &self.slots[(number % self.slots.len() as u64) as usize]
    }
}

impl Slot {
    fn new(frame_len: usize) -> Self {
        let samples = (0..frame_len.div_ceil(PACKED))
            .map(|_| AtomicU64::new(0))
            .collect();
        Slot {
            version: AtomicU64::new(0),
            kind: AtomicU64::new(0),
            samples,
        }
    }

    fn write(&self, number: u64, kind: FrameKind, frame: &[i16]) {
        self.version.store(2 * number + 1, Ordering::Relaxed);
        // Whoever reads a word stored below also sees the odd version.
        fence(Ordering::Release);
        self.kind.store(code(kind), Ordering::Relaxed);
        let mut packed = frame.chunks(PACKED);
        for word in &self.samples {
            word.store(pack(packed.next().unwrap_or_default()), Ordering::Relaxed);
        }
        self.version.store(2 * number + 2, Ordering::Release);
    }

    /// Copies the frame `number`, if it is still there when done.
    fn read(&self, number: u64, into: &mut [i16]) -> Option<FrameKind> {
        let version = 2 * number + 2;
        if self.version.load(Ordering::Acquire) != version {
            return None;
        }
        let code = self.kind.load(Ordering::Relaxed);
        for (samples, word) in into.chunks_mut(PACKED).zip(&self.samples) {
            unpack(word.load(Ordering::Relaxed), samples);
        }
        // Pairs with the fence in `write`.
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) == version).then(|| kind(code))
    }
}

impl Drop for HearWriter {
    fn drop(&mut self) {
        self.shared.writer_is_gone.store(true, Ordering::Release);
        self.shared.arrival.advance();
    }
}

impl Drop for HearReader {
    fn drop(&mut self) {
        self.shared.reader_is_gone.store(true, Ordering::Release);
    }
}

fn pack(samples: &[i16]) -> u64 {
    samples
        .iter()
        .rev()
        .fold(0, |word, sample| (word << 16) | u64::from(*sample as u16))
}

fn unpack(word: u64, samples: &mut [i16]) {
    for (index, sample) in samples.iter_mut().enumerate() {
        *sample = (word >> (16 * index)) as i16;
    }
}

fn code(kind: FrameKind) -> u64 {
    match kind {
        FrameKind::Silence => 0,
        FrameKind::Heard => 1,
        FrameKind::Concealed => 2,
    }
}

fn kind(code: u64) -> FrameKind {
    match code {
        1 => FrameKind::Heard,
        2 => FrameKind::Concealed,
        _ => FrameKind::Silence,
    }
}

/// Samples in a word.
const PACKED: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Os, block_on::block_on};

    fn frame(kind: FrameKind, lost_before: u64) -> Result<Option<Frame>, Closed> {
        Ok(Some(Frame { kind, lost_before }))
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        let (mut writer, mut reader) = hear_ring(6, 3);
        let frames = [
            (FrameKind::Heard, [1, -2, i16::MIN, i16::MAX, 5, -6]),
            (FrameKind::Concealed, [7; 6]),
            (FrameKind::Silence, [0; 6]),
        ];
        let mut into = [9; 6];
        assert_eq!(reader.pop(&mut into), Ok(None));
        for (kind, samples) in frames {
            writer.push(kind, &samples);
        }
        assert_eq!(reader.len(), 3);
        for (kind, samples) in frames {
            assert_eq!(reader.pop(&mut into), frame(kind, 0));
            assert_eq!(into, samples);
        }
        assert_eq!((reader.len(), reader.lost()), (0, 0));
    }

    #[test]
    fn a_slow_reader_loses_the_oldest_and_is_told() {
        let (mut writer, mut reader) = hear_ring(4, 3);
        let mut into = [0; 4];
        for round in 0..2 {
            for number in 0..5 {
                writer.push(FrameKind::Heard, &[10 * round + number; 4]);
            }
            assert_eq!(reader.len(), 3);
            for (number, lost_before) in [(2, 2), (3, 0), (4, 0)] {
                assert_eq!(reader.pop(&mut into), frame(FrameKind::Heard, lost_before));
                assert_eq!(into, [10 * round + number; 4]);
            }
            assert_eq!(reader.pop(&mut into), Ok(None));
        }
        assert_eq!(reader.lost(), 4);
    }

    #[test]
    fn a_frame_of_another_length_is_padded_or_cut() {
        let (mut writer, mut reader) = hear_ring(5, 2);
        writer.push(FrameKind::Heard, &[1; 9]);
        writer.push(FrameKind::Heard, &[2; 2]);
        let (mut large, mut small) = ([7; 6], [7; 3]);
        assert_eq!(reader.pop(&mut large), frame(FrameKind::Heard, 0));
        assert_eq!(large, [1, 1, 1, 1, 1, 7]);
        assert_eq!(reader.pop(&mut small), frame(FrameKind::Heard, 0));
        assert_eq!(small, [2, 2, 0]);
    }

    #[test]
    fn what_was_written_before_the_end_is_still_read() {
        let (mut writer, mut reader) = hear_ring(1, 2);
        writer.push(FrameKind::Heard, &[1]);
        assert!(!writer.is_closed());
        drop(writer);
        let mut into = [0];
        assert_eq!(
            reader.pop_until(&mut into, &Os::new(), Time::MAX),
            frame(FrameKind::Heard, 0)
        );
        assert_eq!(reader.pop(&mut into), Err(Closed));
        assert_eq!(block_on(reader.next(&mut into)), Err(Closed));
        let (writer, reader) = hear_ring(1, 2);
        drop(reader);
        assert!(writer.is_closed());
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let (_writer, mut reader) = hear_ring(1, 1);
        assert_eq!(reader.pop_until(&mut [0], &Os::new(), Time::ZERO), Ok(None));
    }

    /// A small ring under a fast writer: every frame read is whole, in order,
    /// and with those lost all are accounted for.
    #[test]
    fn an_overtaken_reader_never_gets_a_torn_frame() {
        const FRAMES: u64 = 60_000;
        let (mut writer, mut reader) = hear_ring(160, 2);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for number in 0..FRAMES {
                    writer.push(FrameKind::Heard, &[number as i16; 160]);
                }
            });
            let (mut into, mut next) = ([0; 160], 0);
            let mut awaits = false;
            loop {
                let read = if awaits {
                    block_on(reader.next(&mut into)).map(Some)
                } else {
                    reader.pop_until(&mut into, &Os::new(), Time::MAX)
                };
                let Ok(read) = read else { break };
                let read = read.expect("no deadline");
                next += read.lost_before;
                assert_eq!(into, [next as i16; 160]);
                next += 1;
                awaits = !awaits;
            }
            assert_eq!(next, FRAMES, "the newest frame is always read");
        });
    }
}
