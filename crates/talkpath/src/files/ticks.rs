//! Ticks: what a stream heard and said, on its way to a recorder.
//!
//! In: 20 ms of both directions with their number, from a worker. Out: the same
//! on the files task. Bounded and wait-free: a full track or a stalled worker
//! leaves a gap of the right length in the numbers instead of shifting what
//! follows. While its recording is paused a tick holds silence: what is not to
//! be recorded never gets this far.

use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};

use super::Control;
use super::track::TRACK;

/// Whose sound a recording holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sides {
    /// What is heard, one channel.
    Heard,
    /// What is said, one channel.
    Said,
    /// Both together in one channel; where the sum is too loud, it is clipped.
    Mixed,
    /// What is heard on the left, what is said on the right.
    Stereo,
}

impl Sides {
    /// Channels of the recording.
    #[must_use]
    pub const fn channels(self) -> u16 {
        match self {
            Sides::Heard | Sides::Said | Sides::Mixed => 1,
            Sides::Stereo => 2,
        }
    }
}

/// Makes a track for ticks of `frame` samples of each side.
pub(crate) fn tick_track(
    sides: Sides,
    frame: usize,
    control: &Arc<Control>,
) -> (TrackWriter, TickTrack) {
    let samples = frame * usize::from(sides.channels());
    let ticks = TRACK.as_millis() as usize / 20;
    let (producer, consumer) = RingBuffer::new(ticks * (HEADER + samples));
    let tick = vec![0; HEADER + samples].into_boxed_slice();
    let writer = TrackWriter {
        samples: producer,
        tick: tick.clone(),
        sides,
        control: Arc::clone(control),
    };
    let track = TickTrack {
        samples: consumer,
        tick,
    };
    (writer, track)
}

/// The worker's end of the track.
#[derive(Debug)]
pub(crate) struct TrackWriter {
    samples: Producer<i16>,
    /// The tick being written: number, mode, samples.
    tick: Box<[i16]>,
    sides: Sides,
    control: Arc<Control>,
}

impl TrackWriter {
    /// Adds a tick; a full track loses it, and the gap shows in the numbers.
    /// False once nobody reads any more.
    pub(crate) fn write(&mut self, number: u64, heard: &[i16], said: &[i16]) -> bool {
        let (header, frame) = self.tick.split_at_mut(HEADER);
        let paused = self.control.is_paused();
        header.copy_from_slice(&[number as i16, (number >> 16) as i16, i16::from(paused)]);
        let pairs = heard.iter().zip(said);
        match self.sides {
            _ if paused => frame.fill(0),
            Sides::Heard => copy(frame, heard),
            Sides::Said => copy(frame, said),
            Sides::Mixed => {
                for (slot, (heard, said)) in frame.iter_mut().zip(pairs) {
                    *slot = heard.saturating_add(*said);
                }
            }
            Sides::Stereo => {
                for (slot, (left, right)) in frame.chunks_exact_mut(2).zip(pairs) {
                    slot.copy_from_slice(&[*left, *right]);
                }
            }
        }
        let _ = self.samples.push_entire_slice(&self.tick);
        !self.samples.is_abandoned()
    }
}

/// The files task's end of the track.
#[derive(Debug)]
pub(crate) struct TickTrack {
    samples: Consumer<i16>,
    tick: Box<[i16]>,
}

/// 20 ms of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TakenTick<'a> {
    /// Modulo 2^32.
    pub(crate) number: u32,
    pub(crate) mode: Mode,
    /// Interleaved, as many channels as the sides are.
    pub(crate) samples: &'a [i16],
}

/// Whether a tick was to be recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Recorded,
    Paused,
}

impl TickTrack {
    /// The oldest tick.
    pub(crate) fn next(&mut self) -> Option<TakenTick<'_>> {
        self.samples.pop_entire_slice(&mut self.tick).ok()?;
        let (header, samples) = self.tick.split_at(HEADER);
        Some(TakenTick {
            number: u32::from(header[0] as u16) | u32::from(header[1] as u16) << 16,
            mode: match header[2] {
                0 => Mode::Recorded,
                _ => Mode::Paused,
            },
            samples,
        })
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

/// Samples that a tick's number and mode take.
const HEADER: usize = 3;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::driver::Os;
    use crate::files::RecordingId;

    fn track(sides: Sides, frame: usize) -> (TrackWriter, TickTrack, Arc<Control>) {
        let control = Control::new(RecordingId(1), Path::new("x"), Arc::new(Os::new()));
        let (writer, track) = tick_track(sides, frame, &control);
        (writer, track, control)
    }

    #[test]
    fn a_full_track_shows_its_gap_in_the_numbers() {
        let (mut writer, mut reader, _control) = track(Sides::Heard, 4);
        for number in 0..60 {
            assert!(writer.write(number, &[1; 4], &[0; 4]));
        }
        let kept = std::iter::from_fn(|| reader.next().map(|tick| tick.number)).count();
        assert_eq!(kept, 50);
        writer.write(60, &[1; 4], &[0; 4]);
        assert_eq!(reader.next().map(|tick| tick.number), Some(60));
    }

    #[test]
    fn each_choice_of_sides_has_its_own_samples() {
        for (sides, expected) in [
            (Sides::Heard, &[1, i16::MAX][..]),
            (Sides::Said, &[-3, 9]),
            (Sides::Mixed, &[-2, i16::MAX]),
            (Sides::Stereo, &[1, -3, i16::MAX, 9]),
        ] {
            let (mut writer, mut reader, _control) = track(sides, 2);
            writer.write(70_000, &[1, i16::MAX], &[-3, 9]);
            let tick = reader.next().unwrap();
            assert_eq!((tick.number, tick.samples), (70_000, expected));
            drop(writer);
            assert!(reader.is_abandoned());
        }
    }

    #[test]
    fn a_paused_recording_gets_silence() {
        let (mut writer, mut reader, control) = track(Sides::Mixed, 2);
        control.pause();
        writer.write(1, &[7; 2], &[7; 2]);
        control.resume();
        writer.write(2, &[7; 2], &[7; 2]);
        let first = reader.next().unwrap();
        assert_eq!((first.mode, first.samples), (Mode::Paused, &[0, 0][..]));
        let second = reader.next().unwrap();
        assert_eq!(
            (second.mode, second.samples),
            (Mode::Recorded, &[14; 2][..])
        );
    }
}
