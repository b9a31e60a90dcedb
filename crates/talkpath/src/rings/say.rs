//! What the application says: samples in order, taken as they were put in.
//!
//! The writer fills a ring and stops when it is full. The reader copies first
//! and then claims what it copied; [`SayWriter::clear`] claims all the rest at
//! once, so that each sample is either said or counted as dropped, and its
//! place is free at once. A copy that loses that race is thrown away: samples
//! are atomics, which makes it defined without `unsafe`. A live ring is also
//! kept short by [`Elastic`], unless the writer waits for room: then nothing
//! comes late by what waits in it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use talkpath_wire::Time;

use super::{Closed, Elastic};
use crate::driver::{Driver, Gate};
use crate::wait::Completer;

/// The application's side.
#[derive(Debug)]
pub(crate) struct SayWriter {
    shared: Arc<Shared>,
}

/// The worker's side.
#[derive(Debug)]
pub(crate) struct SayReader {
    shared: Arc<Shared>,
    elastic: Option<Elastic>,
    clears: u64,
    /// Ticks that the first words have waited for others.
    held_back: u32,
}

/// What became of a mark: see [`Say::mark`](crate::Say::mark).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marked {
    /// All that was put in before it has been said.
    Said,
    /// It was cleared away with what stood before it.
    Cleared,
}

/// Why no mark was set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MarkError {
    /// The stream has ended.
    #[error("the stream has ended")]
    Ended,
    /// So many marks wait already.
    #[error("{waiting} marks wait already")]
    TooMany {
        /// How many.
        waiting: usize,
    },
}

/// Positions count samples from the beginning: `next <= written <= next +
/// capacity`.
#[derive(Debug)]
struct Shared {
    samples: Box<[AtomicI16]>,
    /// The next sample to be put in; only the writer moves it.
    written: AtomicU64,
    /// The next sample to be said. Who moves it owns the samples passed.
    next: AtomicU64,
    /// Samples that the reader holds, taken and not said yet.
    held: AtomicUsize,
    clears: AtomicU64,
    /// Whether the writer waits for room.
    is_pressed_back: AtomicBool,
    /// Moves when there is more room, or the reader is gone.
    room: Gate,
    writer_is_gone: AtomicBool,
    reader_is_gone: AtomicBool,
    /// How many marks wait: mostly none, and then nobody looks for them.
    waiting: AtomicUsize,
    marks: Mutex<VecDeque<Mark>>,
    shortened: AtomicU64,
    lengthened: AtomicU64,
}

#[derive(Debug)]
struct Mark {
    /// The sample after it.
    at: u64,
    done: Completer<Marked>,
}

/// A ring for `capacity` samples, kept short by `elastic` if it is live.
pub(crate) fn say_ring(capacity: usize, elastic: Option<Elastic>) -> (SayWriter, SayReader) {
    let shared = Arc::new(Shared {
        samples: (0..capacity.max(1)).map(|_| AtomicI16::new(0)).collect(),
        written: AtomicU64::new(0),
        next: AtomicU64::new(0),
        held: AtomicUsize::new(0),
        clears: AtomicU64::new(0),
        is_pressed_back: AtomicBool::new(false),
        room: Gate::new(),
        writer_is_gone: AtomicBool::new(false),
        reader_is_gone: AtomicBool::new(false),
        waiting: AtomicUsize::new(0),
        marks: Mutex::default(),
        shortened: AtomicU64::new(0),
        lengthened: AtomicU64::new(0),
    });
    let writer = SayWriter {
        shared: Arc::clone(&shared),
    };
    let reader = SayReader {
        shared,
        elastic,
        clears: 0,
        held_back: 0,
    };
    (writer, reader)
}

impl SayWriter {
    /// Puts in as many of `samples` as there is room for and tells how many;
    /// 0 at once when there is none.
    ///
    /// # Errors
    /// [`Closed`] when nobody will read them.
    pub(crate) fn push(&mut self, samples: &[i16]) -> Result<usize, Closed> {
        self.shared.is_pressed_back.store(false, Ordering::Relaxed);
        self.put(samples)
    }

    /// Blocks until all of `samples` are in, or `deadline` passes; tells how
    /// many are.
    ///
    /// # Errors
    /// [`Closed`] when nobody will read the rest.
    pub(crate) fn push_until(
        &mut self,
        samples: &[i16],
        driver: &dyn Driver,
        deadline: Time,
    ) -> Result<usize, Closed> {
        let mut done = 0;
        loop {
            let seen = self.shared.room.count();
            done += self.put(&samples[done..])?;
            if done == samples.len() || driver.now() >= deadline {
                return Ok(done);
            }
            self.shared.is_pressed_back.store(true, Ordering::Relaxed);
            let deadline = (deadline != Time::MAX).then_some(deadline);
            driver.wait(&self.shared.room, seen, deadline);
        }
    }

    /// Waits, on any runtime, until all of `samples` are in.
    ///
    /// # Errors
    /// [`Closed`] when nobody will read the rest.
    pub(crate) async fn push_all(&mut self, samples: &[i16]) -> Result<(), Closed> {
        let mut done = 0;
        loop {
            let seen = self.shared.room.count();
            done += self.put(&samples[done..])?;
            if done == samples.len() {
                return Ok(());
            }
            self.shared.is_pressed_back.store(true, Ordering::Relaxed);
            self.shared.room.moved(seen).await;
        }
    }

    fn put(&mut self, samples: &[i16]) -> Result<usize, Closed> {
        let shared = &*self.shared;
        if shared.reader_is_gone.load(Ordering::Acquire) {
            return Err(Closed);
        }
        let written = shared.written.load(Ordering::Relaxed);
        // Pairs with the reader's claim: what it copied is not overwritten.
        let waiting = (written - shared.next.load(Ordering::Acquire)) as usize;
        let count = samples.len().min(shared.samples.len() - waiting);
        let (first, rest) = shared.slots(written, count);
        let slots = first.iter().chain(rest);
        for (slot, sample) in slots.zip(samples) {
            slot.store(*sample, Ordering::Relaxed);
        }
        let written = written + count as u64;
        shared.written.store(written, Ordering::Release);
        Ok(count)
    }

    /// Throws away what was put in and not said; how many samples that were.
    /// The marks among them are reported.
    pub(crate) fn clear(&mut self) -> usize {
        let shared = &*self.shared;
        let mut marks = shared.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let written = shared.written.load(Ordering::Relaxed);
        shared.clears.fetch_add(1, Ordering::Relaxed);
        let next = shared.next.swap(written, Ordering::AcqRel);
        let held = shared.held.swap(0, Ordering::AcqRel) as u64;
        let said = next - held;
        while marks.back().is_some_and(|mark| mark.at > said) {
            shared.waiting.fetch_sub(1, Ordering::Relaxed);
            marks
                .pop_back()
                .into_iter()
                .for_each(|mark| mark.done.complete(Marked::Cleared));
        }
        (written - said) as usize
    }

    /// Sets a mark behind what was put in last; `done` is told when all before
    /// it has been said.
    ///
    /// # Errors
    /// [`MarkError`]
    pub(crate) fn mark(&mut self, done: Completer<Marked>) -> Result<(), MarkError> {
        let shared = &*self.shared;
        let mut marks = shared.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.reader_is_gone.load(Ordering::Acquire) {
            return Err(MarkError::Ended);
        }
        if marks.len() >= MARKS {
            let waiting = marks.len();
            return Err(MarkError::TooMany { waiting });
        }
        let at = shared.written.load(Ordering::Relaxed);
        marks.push_back(Mark { at, done });
        shared.waiting.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Samples that were put in and not yet taken.
    pub(crate) fn len(&self) -> usize {
        self.shared.len()
    }

    /// Samples that there is room for.
    pub(crate) fn room(&self) -> usize {
        self.shared.samples.len() - self.shared.len()
    }

    /// Samples by which what was said is shorter, and longer, than what was
    /// put in.
    pub(crate) fn scaled(&self) -> (u64, u64) {
        let (shortened, lengthened) = (&self.shared.shortened, &self.shared.lengthened);
        (
            shortened.load(Ordering::Relaxed),
            lengthened.load(Ordering::Relaxed),
        )
    }
}

impl SayReader {
    /// Fills `into` from the front and tells how many samples that was.
    pub(crate) fn pop(&mut self, into: &mut [i16]) -> usize {
        let shared = &*self.shared;
        let popped = match &mut self.elastic {
            None => shared.take(into),
            Some(elastic) => {
                let clears = shared.clears.load(Ordering::Acquire);
                if clears != self.clears {
                    self.clears = clears;
                    elastic.reset();
                }
                if shared.is_pressed_back.load(Ordering::Relaxed) {
                    elastic.forget();
                }
                let popped = elastic.take(shared.len(), |into| shared.take(into), into);
                shared.held.store(elastic.held(), Ordering::Release);
                shared.shortened.store(elastic.shortened, Ordering::Relaxed);
                shared
                    .lengthened
                    .store(elastic.lengthened, Ordering::Relaxed);
                popped
            }
        };
        if popped > 0 {
            self.held_back = 0;
            shared.room.advance();
        }
        popped
    }

    /// Tells the marks that were reached.
    pub(crate) fn report(&mut self) {
        let shared = &*self.shared;
        if shared.waiting.load(Ordering::Acquire) == 0 {
            return;
        }
        // Who holds the lock is done before the next tick.
        let Ok(mut marks) = shared.marks.try_lock() else {
            return;
        };
        let said = shared.next.load(Ordering::Acquire) - shared.held.load(Ordering::Acquire) as u64;
        while marks.front().is_some_and(|mark| mark.at <= said) {
            shared.waiting.fetch_sub(1, Ordering::Relaxed);
            let reached = marks.pop_front();
            reached
                .into_iter()
                .for_each(|mark| mark.done.complete(Marked::Said));
        }
    }

    /// Samples that wait.
    pub(crate) fn len(&self) -> usize {
        self.shared.len() + self.elastic.as_ref().map_or(0, Elastic::held)
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is enough to begin to speak: with a cushion, the first
    /// words wait for it, but not for long.
    pub(crate) fn has_words(&mut self) -> bool {
        let len = self.len();
        let least = self.elastic.as_ref().map_or(0, Elastic::least);
        if len == 0 || len > least || self.held_back >= HOLD_BACK {
            return len > 0;
        }
        self.held_back += 1;
        false
    }

    /// Whether nothing more will come once it is empty.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.writer_is_gone.load(Ordering::Acquire)
    }
}

impl Shared {
    fn len(&self) -> usize {
        // In this order, `next` is never the later of the two.
        let next = self.next.load(Ordering::Acquire);
        let written = self.written.load(Ordering::Acquire);
        (written.saturating_sub(next) as usize).min(self.samples.len())
    }

    /// Copies the oldest samples into the front of `into` and claims them.
    fn take(&self, into: &mut [i16]) -> usize {
        let mut next = self.next.load(Ordering::Acquire);
        loop {
            let waiting = self.written.load(Ordering::Acquire).saturating_sub(next);
            let count = into.len().min(waiting as usize).min(self.samples.len());
            let (first, rest) = self.slots(next, count);
            for (sample, slot) in into.iter_mut().zip(first.iter().chain(rest)) {
                *sample = slot.load(Ordering::Relaxed);
            }
            let claim = self.next.compare_exchange(
                next,
                next + count as u64,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            match claim {
                Ok(_) => return count,
                // Cleared meanwhile: the copy is worth nothing.
                Err(now) => next = now,
            }
        }
    }

    /// The slots of `count` samples from the position `at` on, in two runs.
    fn slots(&self, at: u64, count: usize) -> (&[AtomicI16], &[AtomicI16]) {
        let start = (at % self.samples.len() as u64) as usize;
        let first = count.min(self.samples.len() - start);
        (
            &self.samples[start..start + first],
            &self.samples[..count - first],
        )
    }
}

impl Drop for SayWriter {
    fn drop(&mut self) {
        self.shared.writer_is_gone.store(true, Ordering::Release);
    }
}

impl Drop for SayReader {
    fn drop(&mut self) {
        let shared = &*self.shared;
        let mut marks = shared.marks.lock().unwrap_or_else(PoisonError::into_inner);
        shared.reader_is_gone.store(true, Ordering::Release);
        // Nobody will reach them.
        let unreached = std::mem::take(&mut *marks);
        drop(marks);
        drop(unreached);
        shared.room.advance();
    }
}

/// Marks that wait at most.
const MARKS: usize = 256;
/// Ticks that the first words wait for the cushion behind them.
const HOLD_BACK: u32 = 5;

#[cfg(test)]
mod tests;
