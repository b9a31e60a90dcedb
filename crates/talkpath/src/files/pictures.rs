//! A stream's pictures on their way from a worker into a Matroska file.
//!
//! In: whole frames of video. Out: the same on the files task, each with the
//! time since the recording began. Bounded and wait-free. What cannot be taken is
//! counted, and nothing follows it before a keyframe: no frame is recorded that
//! cannot be shown. While the recording is paused no frame gets this far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};
use talkpath_media::video::VideoCodec;
use talkpath_media::{Picture, Watching};
use talkpath_wire::{RtpTime, Ssrc, Time};

use super::Control;

/// Makes a track for the pictures of a recording that begins at `begun`.
pub(crate) fn picture_track(
    codec: VideoCodec,
    begun: Time,
    control: &Arc<Control>,
) -> (PictureWriter, PictureTrack) {
    let (bytes, consumer) = RingBuffer::new(TRACK);
    let lost = Arc::<AtomicU64>::default();
    let writer = PictureWriter {
        bytes,
        codec,
        begun,
        sight: Watching::Blind,
        lost: Arc::clone(&lost),
        control: Arc::clone(control),
    };
    let track = PictureTrack {
        bytes: consumer,
        codec,
        lost,
        clock: None,
        frame: Vec::new(),
    };
    (writer, track)
}

/// The worker's end of the track.
#[derive(Debug)]
pub(crate) struct PictureWriter {
    bytes: Producer<u8>,
    codec: VideoCodec,
    begun: Time,
    sight: Watching,
    lost: Arc<AtomicU64>,
    control: Arc<Control>,
}

impl PictureWriter {
    /// Adds a frame if there is room and it can be shown; tells what is of use
    /// next.
    pub(crate) fn write(&mut self, picture: &Picture<'_>) -> Watching {
        if self.bytes.is_abandoned() {
            return Watching::Over;
        }
        if self.control.is_paused() {
            self.sight = Watching::Blind;
            // Nobody has to hurry for what is not recorded.
            return Watching::Clear;
        }
        if self.sight == Watching::Blind && !picture.frame.keyframe {
            return Watching::Blind;
        }
        self.sight = match picture.codec == self.codec && self.push(picture) {
            true => Watching::Clear,
            false => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                Watching::Blind
            }
        };
        match picture.codec == self.codec {
            true => self.sight,
            // No keyframe would help.
            false => Watching::Clear,
        }
    }

    /// Adds a frame, whole or not at all.
    fn push(&mut self, picture: &Picture<'_>) -> bool {
        let frame = &picture.frame;
        let (sps, pps) = frame.parameter_sets.unwrap_or_default();
        let header = Header {
            at: picture.at.saturating_since(self.begun),
            ssrc: picture.ssrc,
            timestamp: frame.timestamp,
            size: frame.size.unwrap_or_default(),
            sets: (sps.len() as u16, pps.len() as u16),
            len: frame.data.len() as u32,
        };
        let header = header.to_bytes();
        let parts = [&header[..], sps, pps, frame.data];
        let len = parts.iter().map(|part| part.len()).sum();
        let Ok(chunk) = self.bytes.write_chunk_uninit(len) else {
            return false;
        };
        chunk.fill_from_iter(parts.into_iter().flatten().copied());
        true
    }
}

/// The files task's end of the track.
#[derive(Debug)]
pub(crate) struct PictureTrack {
    bytes: Consumer<u8>,
    codec: VideoCodec,
    lost: Arc<AtomicU64>,
    clock: Option<Clock>,
    /// Parameter sets and data of the frame that was taken.
    frame: Vec<u8>,
}

/// A frame that was taken out of a track.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TakenPicture<'a> {
    /// Since the recording began.
    pub(crate) at: Duration,
    /// Width and height, of a keyframe.
    pub(crate) size: Option<(u16, u16)>,
    pub(crate) parameter_sets: Option<(&'a [u8], &'a [u8])>,
    pub(crate) data: &'a [u8],
}

impl PictureTrack {
    pub(crate) fn codec(&self) -> VideoCodec {
        self.codec
    }

    /// Frames that did not fit, or were of another codec.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The oldest frame.
    pub(crate) fn next(&mut self) -> Option<TakenPicture<'_>> {
        let mut bytes = [0; Header::LEN];
        self.bytes.pop_entire_slice(&mut bytes).ok()?;
        let header = Header::from_bytes(&bytes);
        let (sps, pps) = (usize::from(header.sets.0), usize::from(header.sets.1));
        self.frame.resize(sps + pps + header.len as usize, 0);
        // Header and frame are added in one piece.
        self.bytes.pop_entire_slice(&mut self.frame).ok()?;
        let at = Clock::place(&mut self.clock, &header);
        let (sets, data) = self.frame.split_at(sps + pps);
        Some(TakenPicture {
            at,
            size: (header.size != (0, 0)).then_some(header.size),
            parameter_sets: (pps > 0).then(|| sets.split_at(sps)),
            data,
        })
    }
}

/// Where the pictures of one source stand: by its own clock, as long as that
/// agrees with when they come.
#[derive(Clone, Copy, Debug)]
struct Clock {
    ssrc: Ssrc,
    timestamp: RtpTime,
    at: Duration,
}

impl Clock {
    /// When the picture is to be shown; times never go back.
    fn place(known: &mut Option<Clock>, header: &Header) -> Duration {
        let by_clock = known
            .filter(|clock| clock.ssrc == header.ssrc)
            .map(|clock| {
                let ticks = header.timestamp.minus(clock.timestamp.value()).value() as i32;
                let later = Duration::from_nanos(u64::from(ticks.max(0) as u32) * 100_000 / 9);
                clock.at + later
            });
        let at = by_clock.filter(|at| at.abs_diff(header.at) <= DRIFT);
        let earliest = known.map_or(Duration::ZERO, |clock| clock.at);
        let at = at.unwrap_or(header.at).max(earliest);
        *known = Some(Clock {
            ssrc: header.ssrc,
            timestamp: header.timestamp,
            at,
        });
        at
    }
}

/// What stands before a frame in the track.
struct Header {
    /// Since the recording began.
    at: Duration,
    ssrc: Ssrc,
    timestamp: RtpTime,
    /// None: 0 × 0.
    size: (u16, u16),
    /// Bytes of both parameter sets.
    sets: (u16, u16),
    len: u32,
}

impl Header {
    const LEN: usize = 8 + 4 + 4 + 4 + 4 + 4;

    fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&(self.at.as_nanos() as u64).to_be_bytes());
        let words = [
            self.ssrc.value(),
            self.timestamp.value(),
            u32::from(self.size.0) << 16 | u32::from(self.size.1),
            u32::from(self.sets.0) << 16 | u32::from(self.sets.1),
            self.len,
        ];
        for (room, word) in bytes[8..].chunks_exact_mut(4).zip(words) {
            room.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[at..at + 4]);
            u32::from_be_bytes(word)
        };
        let halves = |word: u32| ((word >> 16) as u16, word as u16);
        Header {
            at: Duration::from_nanos(u64::from(word(0)) << 32 | u64::from(word(4))),
            ssrc: Ssrc::new(word(8)),
            timestamp: RtpTime::new(word(12)),
            size: halves(word(16)),
            sets: halves(word(20)),
            len: word(24),
        }
    }
}

/// Bytes between a worker and the file: two seconds at 8 Mbit/s, and twice the
/// largest frame.
const TRACK: usize = 2 << 20;
/// How far a source's clock and the arrival of its pictures may be apart.
const DRIFT: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use talkpath_media::video::VideoFrame;

    use super::*;
    use crate::driver::Os;
    use crate::files::RecordingId;

    fn track() -> (PictureWriter, PictureTrack, Arc<Control>) {
        let control = Control::new(RecordingId(1), Path::new("x"), Arc::new(Os::new()));
        let (writer, track) = picture_track(VideoCodec::H264, Time::from_millis(1000), &control);
        (writer, track, control)
    }

    fn picture(at: u64, ticks: u32, data: &[u8], key: bool) -> Picture<'_> {
        Picture {
            at: Time::from_millis(at),
            ssrc: Ssrc::new(7),
            codec: VideoCodec::H264,
            frame: VideoFrame {
                data,
                timestamp: RtpTime::new(ticks),
                keyframe: key,
                size: key.then_some((640, 480)),
                parameter_sets: key.then_some((&[1, 2, 3], &[4])),
            },
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        let (mut writer, mut track, _control) = track();
        assert_eq!(
            writer.write(&picture(1000, 0, &[9], false)),
            Watching::Blind
        );
        assert_eq!(
            writer.write(&picture(1020, 50, &[5; 900], true)),
            Watching::Clear
        );
        assert_eq!(
            writer.write(&picture(1090, 6050, &[6; 20], false)),
            Watching::Clear
        );
        let first = track.next().unwrap();
        assert_eq!(
            (first.at, first.size),
            (Duration::from_millis(20), Some((640, 480)))
        );
        assert_eq!(first.parameter_sets, Some((&[1, 2, 3][..], &[4][..])));
        assert_eq!(first.data, [5; 900]);
        // By the clock of the source, not by when it came.
        let second = track.next().unwrap();
        assert_eq!(second.at.as_millis(), 86);
        assert_eq!(
            (second.size, second.parameter_sets, second.data),
            (None, None, &[6; 20][..])
        );
        assert!(track.next().is_none());
    }

    #[test]
    fn a_clock_that_jumps_is_not_believed_and_time_never_goes_back() {
        let (mut writer, mut track, _control) = track();
        for (at, ticks) in [
            (1000, 0),
            (1100, 90_000 * 60),
            (1200, 90_000 * 60 + 9000),
            (1300, 0),
        ] {
            writer.write(&picture(at, ticks, &[1], true));
        }
        let mut times = Vec::new();
        while let Some(picture) = track.next() {
            times.push(picture.at.as_millis());
        }
        assert_eq!(times, [0, 100, 200, 200]);
    }

    #[test]
    fn behind_a_pause_or_a_loss_a_keyframe_comes_first() {
        let (mut writer, mut track, control) = track();
        writer.write(&picture(1000, 0, &[1], true));
        control.pause();
        assert_eq!(
            writer.write(&picture(1100, 9000, &[2], true)),
            Watching::Clear
        );
        control.resume();
        assert_eq!(
            writer.write(&picture(1200, 18000, &[3], false)),
            Watching::Blind
        );
        let big = vec![0; TRACK / 2];
        assert_eq!(
            writer.write(&picture(1300, 27000, &big, true)),
            Watching::Clear
        );
        assert_eq!(
            writer.write(&picture(1400, 36000, &big, true)),
            Watching::Blind
        );
        assert_eq!(
            writer.write(&picture(1500, 45000, &[4], false)),
            Watching::Blind
        );
        assert_eq!(
            writer.write(&picture(1600, 54000, &[5], true)),
            Watching::Clear
        );
        let mut taken = Vec::new();
        while let Some(picture) = track.next() {
            taken.push(picture.data.len());
        }
        assert_eq!((taken, track.lost()), (vec![1, TRACK / 2, 1], 1));
        drop(track);
        assert_eq!(
            writer.write(&picture(1700, 63000, &[6], true)),
            Watching::Over
        );
    }
}
