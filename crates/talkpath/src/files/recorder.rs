//! A worker's track on its way into a WAV file.
//!
//! In: ticks with their numbers. Out: a file that is valid up to its last
//! header patch: written beside its name as `NAME.part`, its sizes patched every
//! second, renamed when finished. Ticks that are missing are silence.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_file::wav::WavWriter;

use super::track::{RecorderTrack, Sides, TrackWriter, recorder_track};
use super::{Ending, FileDone, FileError, FileFault, Stop};
use crate::driver::{Driver, WriteFile};

/// One recording.
pub(crate) struct Recorder {
    driver: Arc<dyn Driver>,
    path: PathBuf,
    file: Box<dyn WriteFile>,
    wav: WavWriter,
    track: RecorderTrack,
    stop: Stop,
    frame: usize,
    /// The number of the next tick; none before the first.
    next: Option<u32>,
    gaps: u64,
    bytes: Vec<u8>,
    unpatched: u64,
}

impl Recorder {
    /// Creates the file and writes its header.
    ///
    /// # Errors
    /// [`FileError::Io`] when it cannot be created there.
    pub(crate) fn create(
        driver: Arc<dyn Driver>,
        path: &Path,
        sides: Sides,
        rate: SampleRate,
        stop: Stop,
    ) -> Result<(Self, TrackWriter), FileError> {
        let io = |error| FileError::io(path, error);
        let wav = WavWriter::new(sides.channels(), rate.hz()).map_err(|error| FileError::Wav {
            path: path.into(),
            error,
        })?;
        let mut file = driver.create(&part(path)).map_err(io)?;
        file.append(&wav.header()).map_err(io)?;
        let (writer, track) = recorder_track(sides, rate.frame_len());
        let frame = rate.frame_len() * usize::from(sides.channels());
        let recorder = Recorder {
            driver,
            path: path.into(),
            file,
            wav,
            track,
            stop,
            frame,
            next: None,
            gaps: 0,
            bytes: Vec::new(),
            unpatched: 0,
        };
        Ok((recorder, writer))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what has come; what it came to, once the recording is over.
    pub(super) fn step(&mut self, ending: Ending) -> Option<FileDone> {
        // Looked at first, so that nothing comes between the last read and it.
        let over = ending == Ending::Now || self.stop.is_asked() || self.track.is_abandoned();
        self.collect();
        let mut written = self.write();
        if over && written.is_ok() {
            written = self.finish();
        }
        let error = written.err();
        (over || error.is_some()).then(|| self.done(error))
    }

    /// Turns ticks into bytes, a gap in their numbers into silence.
    fn collect(&mut self) {
        while let Some((number, samples)) = self.track.next() {
            // Ticks that begin anew leave no gap.
            let ahead = self.next.map_or(0, |next| number.wrapping_sub(next) as i32);
            let missing = u64::try_from(ahead).unwrap_or(0).min(LONGEST_GAP);
            self.gaps += missing;
            self.bytes
                .resize(self.bytes.len() + missing as usize * self.frame * 2, 0);
            self.bytes
                .extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
            self.next = Some(number.wrapping_add(1));
        }
    }

    fn write(&mut self) -> std::io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        self.file.append(&self.bytes)?;
        self.wav.written(self.bytes.len() as u64);
        self.unpatched += self.bytes.len() as u64;
        self.bytes.clear();
        let second =
            u64::from(self.wav.format().sample_rate) * self.wav.format().frame_len() as u64;
        if self.unpatched >= second {
            self.unpatched = 0;
            self.file.patch(0, &self.wav.header())?;
        }
        Ok(())
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.file.patch(0, &self.wav.header())?;
        self.file.sync()?;
        self.driver.rename(&part(&self.path), &self.path)
    }

    fn done(&self, error: Option<std::io::Error>) -> FileDone {
        let rate = f64::from(self.wav.format().sample_rate);
        FileDone {
            path: self.path.clone(),
            length: Duration::from_secs_f64(self.wav.frames() as f64 / rate),
            gaps: Duration::from_millis(20) * u32::try_from(self.gaps).unwrap_or(u32::MAX),
            lost_datagrams: 0,
            error: error.map(FileFault::from),
        }
    }
}

/// Where a file stands until it is finished.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(".part");
    name.into()
}

/// Ticks that a gap is filled for at most: a minute.
const LONGEST_GAP: u64 = 3_000;
