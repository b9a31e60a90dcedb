//! What the application says: samples in order, none lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rtrb::{Consumer, Producer, RingBuffer};
use talkpath_wire::Time;

use super::Closed;
use crate::driver::{Driver, Gate};

/// The application's side.
#[derive(Debug)]
pub(crate) struct SayWriter {
    samples: Producer<i16>,
    shared: Arc<Shared>,
}

/// The worker's side.
#[derive(Debug)]
pub(crate) struct SayReader {
    samples: Consumer<i16>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Moves when there is more room, or the reader is gone.
    room: Gate,
    reader_is_gone: AtomicBool,
}

/// A ring for `capacity` samples.
pub(crate) fn say_ring(capacity: usize) -> (SayWriter, SayReader) {
    let (producer, consumer) = RingBuffer::new(capacity);
    let shared = Arc::new(Shared::default());
    let writer = SayWriter {
        samples: producer,
        shared: Arc::clone(&shared),
    };
    (
        writer,
        SayReader {
            samples: consumer,
            shared,
        },
    )
}

impl SayWriter {
    /// Puts in as many of `samples` as there is room for and tells how many;
    /// 0 at once when there is none.
    ///
    /// # Errors
    /// [`Closed`] when nobody will read them.
    pub(crate) fn push(&mut self, samples: &[i16]) -> Result<usize, Closed> {
        if self.shared.reader_is_gone.load(Ordering::Acquire) {
            return Err(Closed);
        }
        Ok(self.samples.push_partial_slice(samples).0.len())
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
            done += self.push(&samples[done..])?;
            if done == samples.len() || driver.now() >= deadline {
                return Ok(done);
            }
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
            done += self.push(&samples[done..])?;
            if done == samples.len() {
                return Ok(());
            }
            self.shared.room.moved(seen).await;
        }
    }

    /// Samples that were put in and not yet taken.
    pub(crate) fn len(&self) -> usize {
        self.samples.buffer().capacity() - self.samples.slots()
    }
}

impl SayReader {
    /// Fills `into` from the front and tells how many samples that were.
    pub(crate) fn pop(&mut self, into: &mut [i16]) -> usize {
        let popped = self.samples.pop_partial_slice(into).0.len();
        if popped > 0 {
            self.shared.room.advance();
        }
        popped
    }

    /// Samples that wait.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.samples.slots()
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Whether nothing more will come once it is empty.
    pub(crate) fn is_closed(&self) -> bool {
        self.samples.is_abandoned()
    }
}

impl Drop for SayReader {
    fn drop(&mut self) {
        self.shared.reader_is_gone.store(true, Ordering::Release);
        self.shared.room.advance();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Os, block_on::block_on};

    #[test]
    fn a_full_ring_takes_what_fits_and_says_how_much() {
        let (mut writer, mut reader) = say_ring(5);
        assert!(reader.is_empty());
        assert_eq!(writer.push(&[1, 2, 3]), Ok(3));
        assert_eq!(writer.push(&[4, 5, 6]), Ok(2));
        assert_eq!(writer.push(&[6]), Ok(0));
        assert_eq!((writer.len(), reader.len()), (5, 5));
        let mut frame = [0; 3];
        assert_eq!((reader.pop(&mut frame), frame), (3, [1, 2, 3]));
        assert_eq!(writer.push(&[6]), Ok(1));
        assert_eq!((reader.pop(&mut frame), frame), (3, [4, 5, 6]));
        assert_eq!(reader.pop(&mut frame), 0);
    }

    #[test]
    fn each_side_notices_that_the_other_is_gone() {
        let (mut writer, reader) = say_ring(4);
        drop(reader);
        assert_eq!(writer.push(&[1]), Err(Closed));
        assert_eq!(block_on(writer.push_all(&[1])), Err(Closed));
        let (mut writer, mut reader) = say_ring(4);
        writer.push(&[1]).unwrap();
        drop(writer);
        assert!(reader.is_closed());
        assert_eq!(reader.pop(&mut [0; 4]), 1);
    }

    #[test]
    fn a_writer_that_waits_for_room_is_let_go_by_the_end() {
        let (mut writer, reader) = say_ring(1);
        let os = Os::new();
        assert_eq!(writer.push_until(&[1, 2], &os, Time::ZERO), Ok(1));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| writer.push_until(&[2], &os, Time::MAX));
            drop(reader);
            assert_eq!(waits.join().unwrap(), Err(Closed));
        });
    }

    #[test]
    fn samples_cross_threads_in_order_blocked_or_awaited() {
        let samples: Vec<i16> = (0..4000).collect();
        for awaits in [false, true] {
            let (mut writer, mut reader) = say_ring(48);
            let mut heard = Vec::new();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for words in samples.chunks(77) {
                        if awaits {
                            block_on(writer.push_all(words)).unwrap();
                        } else {
                            writer.push_until(words, &Os::new(), Time::MAX).unwrap();
                        }
                    }
                });
                while heard.len() < samples.len() {
                    let mut frame = [0; 20];
                    let popped = reader.pop(&mut frame);
                    heard.extend_from_slice(&frame[..popped]);
                    if popped == 0 {
                        std::thread::yield_now();
                    }
                }
            });
            assert_eq!(heard, samples);
        }
    }
}
