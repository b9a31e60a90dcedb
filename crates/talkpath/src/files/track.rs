//! Tracks: samples between a worker and the files task, bounded and wait-free.
//!
//! A player's track carries samples to be said. A recorder's carries whole
//! ticks, each with its number, so that a full track or a stalled worker leaves
//! a gap of the right length instead of shifting what follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use super::Stop;

/// How much a track holds.
pub(crate) const TRACK: Duration = Duration::from_secs(1);

/// Makes a player's track for samples at `rate` Hz. Once it is asked to stop,
/// what waits in it is not read any more.
pub(crate) fn player_track(rate: u32, stop: Stop) -> (PlayerTrack, TrackReader) {
    let (samples, consumer) = RingBuffer::new(rate as usize * TRACK.as_secs() as usize);
    let ended = Arc::new(AtomicBool::new(false));
    let reader = TrackReader {
        samples: consumer,
        ended: Arc::clone(&ended),
        stop,
    };
    (PlayerTrack { samples, ended }, reader)
}

/// The files task's end of a player's track.
#[derive(Debug)]
pub(crate) struct PlayerTrack {
    samples: Producer<i16>,
    ended: Arc<AtomicBool>,
}

impl PlayerTrack {
    /// Samples that fit now.
    pub(crate) fn room(&self) -> usize {
        self.samples.slots()
    }

    /// Adds as many of `samples` as fit and returns how many.
    pub(crate) fn push(&mut self, samples: &[i16]) -> usize {
        let count = samples.len().min(self.samples.slots());
        self.samples
            .push_entire_slice(&samples[..count])
            .map_or(0, |()| count)
    }

    /// Says that no more will come.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether everything was read, or nobody reads any more.
    pub(crate) fn is_over(&self) -> bool {
        self.samples.is_abandoned() || self.samples.slots() == self.samples.buffer().capacity()
    }

    /// Samples that were added and not read.
    pub(crate) fn unread(&self) -> usize {
        self.samples.buffer().capacity() - self.samples.slots()
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.samples.is_abandoned()
    }
}

/// The worker's end of a player's track.
#[derive(Debug)]
pub(crate) struct TrackReader {
    samples: Consumer<i16>,
    ended: Arc<AtomicBool>,
    stop: Stop,
}

impl TrackReader {
    pub(crate) fn has_words(&self) -> bool {
        !self.samples.is_empty() && !self.stop.is_asked()
    }

    /// Whether nothing is left to be said.
    pub(crate) fn is_over(&self) -> bool {
        let ended = self.ended.load(Ordering::Acquire) || self.samples.is_abandoned();
        self.stop.is_asked() || (ended && self.samples.is_empty())
    }

    /// Fills `frame` from the front and returns how many samples that were;
    /// none once the track has been read to its end, or was stopped.
    pub(crate) fn read(&mut self, frame: &mut [i16]) -> Option<usize> {
        if self.stop.is_asked() {
            return None;
        }
        // The end is looked at first: samples pushed before it are seen then.
        let ended = self.ended.load(Ordering::Acquire);
        let count = frame.len().min(self.samples.slots());
        if count == 0 && (ended || self.samples.is_abandoned()) {
            return None;
        }
        self.samples
            .pop_entire_slice(&mut frame[..count])
            .map_or(Some(0), |()| Some(count))
    }
}

/// Whose sound a recording holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sides {
    /// What is heard, mono.
    Heard,
    /// What is said, mono.
    Said,
    /// What is heard on the left, what is said on the right.
    Both,
}

impl Sides {
    /// Channels of the recording.
    pub(crate) const fn channels(self) -> u16 {
        match self {
            Sides::Heard | Sides::Said => 1,
            Sides::Both => 2,
        }
    }
}

/// Makes a recorder's track for ticks of `frame` samples.
pub(crate) fn recorder_track(sides: Sides, frame: usize) -> (TrackWriter, RecorderTrack) {
    let samples = frame * usize::from(sides.channels());
    let ticks = TRACK.as_millis() as usize / 20;
    let (producer, consumer) = RingBuffer::new(ticks * (HEADER + samples));
    let tick = vec![0; HEADER + samples].into_boxed_slice();
    let writer = TrackWriter {
        samples: producer,
        tick: tick.clone(),
        sides,
    };
    (
        writer,
        RecorderTrack {
            samples: consumer,
            tick,
        },
    )
}

/// The worker's end of a recorder's track.
#[derive(Debug)]
pub(crate) struct TrackWriter {
    samples: Producer<i16>,
    /// The tick being written: number, then samples.
    tick: Box<[i16]>,
    sides: Sides,
}

impl TrackWriter {
    /// Adds a tick; a full track loses it, and the gap shows in the numbers.
    /// False once nobody reads any more.
    pub(crate) fn write(&mut self, number: u64, heard: &[i16], said: &[i16]) -> bool {
        let (header, frame) = self.tick.split_at_mut(HEADER);
        header[0] = number as i16;
        header[1] = (number >> 16) as i16;
        match self.sides {
            Sides::Heard => copy(frame, heard),
            Sides::Said => copy(frame, said),
            Sides::Both => {
                let pairs = heard.iter().zip(said);
                for (slot, (left, right)) in frame.chunks_exact_mut(2).zip(pairs) {
                    slot.copy_from_slice(&[*left, *right]);
                }
            }
        }
        let _ = self.samples.push_entire_slice(&self.tick);
        !self.samples.is_abandoned()
    }
}

/// The files task's end of a recorder's track.
#[derive(Debug)]
pub(crate) struct RecorderTrack {
    samples: Consumer<i16>,
    tick: Box<[i16]>,
}

impl RecorderTrack {
    /// The oldest tick: its number, modulo 2^32, and its samples.
    pub(crate) fn next(&mut self) -> Option<(u32, &[i16])> {
        self.samples.pop_entire_slice(&mut self.tick).ok()?;
        let (header, frame) = self.tick.split_at(HEADER);
        let number = u32::from(header[0] as u16) | u32::from(header[1] as u16) << 16;
        Some((number, frame))
    }

    /// Whether the worker has let go; what is in the track can still be read.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.samples.is_abandoned()
    }
}

fn copy(frame: &mut [i16], samples: &[i16]) {
    let count = frame.len().min(samples.len());
    frame[..count].copy_from_slice(&samples[..count]);
}

/// Samples that a tick's number takes.
const HEADER: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_recorder_track_shows_its_gap_in_the_numbers() {
        let (mut writer, mut reader) = recorder_track(Sides::Heard, 4);
        for number in 0..60 {
            assert!(writer.write(number, &[1; 4], &[0; 4]));
        }
        let kept = std::iter::from_fn(|| reader.next().map(|(number, _)| number)).count();
        assert_eq!(kept, 50);
        writer.write(60, &[1; 4], &[0; 4]);
        assert_eq!(reader.next().map(|(number, _)| number), Some(60));
    }

    #[test]
    fn both_sides_are_interleaved() {
        let (mut writer, mut reader) = recorder_track(Sides::Both, 2);
        writer.write(70_000, &[1, 2], &[-1, -2]);
        assert_eq!(reader.next(), Some((70_000, [1, -1, 2, -2].as_slice())));
        drop(writer);
        assert!(reader.is_abandoned());
    }

    #[test]
    fn a_stopped_track_is_not_read_to_its_end() {
        let stop = Stop::default();
        let (mut player, mut reader) = player_track(8000, stop.clone());
        player.push(&[5; 300]);
        assert_eq!(reader.read(&mut [0; 160]), Some(160));
        stop.ask();
        assert!(!reader.has_words());
        assert_eq!((reader.read(&mut [0; 160]), player.unread()), (None, 140));
    }

    #[test]
    fn a_player_track_ends_after_its_last_sample() {
        let (mut player, mut reader) = player_track(8000, Stop::default());
        assert_eq!(reader.read(&mut [0; 4]), Some(0));
        assert_eq!(player.push(&[5; 3]), 3);
        player.end();
        assert_eq!(reader.read(&mut [0; 4]), Some(3));
        assert_eq!(reader.read(&mut [0; 4]), None);
        assert!(player.is_over());
    }
}
