//! A WAV file on its way to a worker's track.
//!
//! In: bytes of the file. Out: mono samples at the session's rate, as long as
//! the track has room. More channels than one are mixed down.

use std::path::{Path, PathBuf};
use std::time::Duration;

use talkpath_audio::{Resampler, SampleRate};
use talkpath_file::wav::{WavHeader, WavReader};

use super::track::{PlayerTrack, TrackReader, player_track};
use super::{Ending, FileDone, FileError, FileFault, Stop};
use crate::driver::{Driver, ReadFile};

/// One file being played.
pub(crate) struct Player {
    path: PathBuf,
    file: Box<dyn ReadFile>,
    wav: WavReader,
    channels: usize,
    resampler: Resampler,
    rate: SampleRate,
    track: PlayerTrack,
    stop: Stop,
    /// Bytes read from the file and not yet understood.
    bytes: Vec<u8>,
    /// Mono samples at the file's rate, then at the session's.
    mono: Vec<i16>,
    ready: Vec<i16>,
    pushed: u64,
    source: Source,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    Reading,
    /// The file is read; the resampler's rest is still to come.
    AtEnd,
    Drained,
}

impl Player {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`FileError`] when it is not there, not a WAV, or of an odd rate.
    pub(crate) fn open(
        driver: &dyn Driver,
        path: &Path,
        rate: SampleRate,
        stop: Stop,
    ) -> Result<(Self, TrackReader), FileError> {
        let file = driver
            .open(path)
            .map_err(|error| FileError::io(path, error))?;
        let mut opening = Opening {
            file,
            wav: WavReader::new(),
            bytes: Vec::new(),
        };
        let header = opening.header(path)?;
        let hz = header.format.sample_rate;
        let odd = |_| FileError::Rate {
            path: path.into(),
            hz,
        };
        let from = SampleRate::new(hz).map_err(|_| odd(()))?;
        let resampler = Resampler::new(from, rate).map_err(|_| odd(()))?;
        let (track, reader) = player_track(rate.hz(), stop.clone());
        let mut player = Player {
            path: path.into(),
            file: opening.file,
            wav: opening.wav,
            channels: usize::from(header.format.channels),
            resampler,
            rate,
            track,
            stop,
            bytes: opening.bytes,
            mono: Vec::new(),
            ready: Vec::new(),
            pushed: 0,
            source: Source::Reading,
        };
        player.fill().map_err(|error| FileError::io(path, error))?;
        Ok((player, reader))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refills the track; what it came to, once the file has been said.
    pub(super) fn step(&mut self, ending: Ending) -> Option<FileDone> {
        let failed = self.fill().err();
        let over = self.source == Source::Drained && self.ready.is_empty();
        if over || failed.is_some() || self.stop.is_asked() {
            self.track.end();
        }
        let stopped = ending == Ending::Now || self.stop.is_asked() || failed.is_some();
        if stopped || self.track.is_abandoned() || (over && self.track.is_over()) {
            let said = self.pushed.saturating_sub(self.track.unread() as u64);
            return Some(FileDone {
                path: self.path.clone(),
                length: Duration::from_secs_f64(said as f64 / f64::from(self.rate.hz())),
                gaps: Duration::ZERO,
                lost_datagrams: 0,
                error: failed.map(FileFault::from),
            });
        }
        None
    }

    /// Reads and converts until the track is full or the file is over.
    fn fill(&mut self) -> std::io::Result<()> {
        loop {
            let pushed = self.track.push(&self.ready);
            self.pushed += pushed as u64;
            self.ready.drain(..pushed);
            if !self.ready.is_empty() || self.track.room() == 0 {
                return Ok(());
            }
            match self.source {
                Source::Reading => self.read_more()?,
                Source::AtEnd => {
                    self.ready.resize(self.rate.frame_len(), 0);
                    let written = self.resampler.flush(&mut self.ready);
                    self.ready.truncate(written);
                    if written == 0 {
                        self.source = Source::Drained;
                    }
                }
                Source::Drained => return Ok(()),
            }
        }
    }

    /// Reads a piece of the file and makes samples of it.
    fn read_more(&mut self) -> std::io::Result<()> {
        let mut piece = [0; PIECE];
        let read = self.file.read(&mut piece)?;
        if read == 0 || self.wav.is_complete() {
            self.source = Source::AtEnd;
            return Ok(());
        }
        self.bytes.extend_from_slice(&piece[..read]);
        let mut pcm = [0; PIECE];
        while !self.bytes.is_empty() {
            let progress = match self.wav.read(&self.bytes, &mut pcm) {
                Ok(progress) => progress,
                Err(error) => return Err(std::io::Error::other(error)),
            };
            self.bytes.drain(..progress.consumed);
            let frames = pcm[..progress.samples].chunks_exact(self.channels);
            self.mono.extend(frames.map(mix_down));
            if progress.consumed == 0 {
                break;
            }
        }
        self.convert();
        Ok(())
    }

    /// Moves the mono samples through the resampler.
    fn convert(&mut self) {
        let mut frame = [0; PIECE];
        loop {
            let progress = self.resampler.process(&self.mono, &mut frame);
            self.mono.drain(..progress.read);
            self.ready.extend_from_slice(&frame[..progress.written]);
            if progress.read == 0 && progress.written == 0 {
                return;
            }
        }
    }
}

/// A file whose header is being read.
struct Opening {
    file: Box<dyn ReadFile>,
    wav: WavReader,
    bytes: Vec<u8>,
}

impl Opening {
    fn header(&mut self, path: &Path) -> Result<WavHeader, FileError> {
        let wav = |error| FileError::Wav {
            path: path.into(),
            error,
        };
        let mut piece = [0; PIECE];
        loop {
            let read = self
                .file
                .read(&mut piece)
                .map_err(|error| FileError::io(path, error))?;
            if read == 0 {
                self.wav.finish().map_err(wav)?;
            }
            self.bytes.extend_from_slice(&piece[..read]);
            let progress = self.wav.read(&self.bytes, &mut []).map_err(wav)?;
            self.bytes.drain(..progress.consumed);
            if let Some(header) = self.wav.header() {
                return Ok(*header);
            }
        }
    }
}

/// One frame of several channels as one sample.
fn mix_down(frame: &[i16]) -> i16 {
    let sum: i64 = frame.iter().copied().map(i64::from).sum();
    (sum / frame.len().max(1) as i64) as i16
}

/// Bytes read at once.
const PIECE: usize = 4096;
