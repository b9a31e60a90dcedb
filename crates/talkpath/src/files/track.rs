//! A player's track: samples to be said, from the files task to a worker.
//!
//! Bounded and wait-free. In: samples, as far as there is room. Out: the same,
//! tick by tick, until it is stopped or read to its end.

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

#[cfg(test)]
mod tests {
    use super::*;

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
