//! A worker's ticks on their way into a file of sound.
//!
//! In: ticks with their numbers. Out: a file in which each stands where the
//! manager's clock played it: ticks that are missing are silence, those of a
//! pause are silence or left out. The file is valid up to its last patch, half a
//! second ago at most, and gets its name when it is finished.

use std::sync::Arc;
use std::time::Duration;

use talkpath_audio::LevelMeter;

use super::container::Container;
use super::place::{Due, Place};
use super::reshape::Reshape;
use super::target::Target;
use super::ticks::{Mode, TickTrack};
use super::{Control, Ending, FileDone, FileFault, Pausing};

/// One recording.
pub(crate) struct Recorder {
    target: Target,
    container: Box<dyn Container>,
    reshape: Reshape,
    track: TickTrack,
    control: Arc<Control>,
    place: Place,
    levels: Vec<LevelMeter>,
    /// Samples of a tick of all channels.
    tick: usize,
    /// A tick's, and those of one of its channels.
    samples: Vec<i16>,
    side: Vec<i16>,
    shaped: Vec<i16>,
    bytes: Vec<u8>,
    /// How much of the sound has reached the file, and at the last patch.
    kept: Duration,
    patched: Duration,
}

/// What a recorder writes, where to and how.
pub(crate) struct Means {
    pub(super) target: Target,
    pub(super) container: Box<dyn Container>,
    pub(super) reshape: Reshape,
    pub(super) channels: u16,
    /// Samples of a tick of one channel.
    pub(super) frame: usize,
    pub(super) pausing: Pausing,
}

impl Recorder {
    pub(super) fn new(means: Means, track: TickTrack, control: Arc<Control>) -> Self {
        let channels = usize::from(means.channels);
        Recorder {
            target: means.target,
            container: means.container,
            reshape: means.reshape,
            track,
            control,
            place: Place::new(means.pausing),
            levels: vec![LevelMeter::new(); channels],
            tick: means.frame * channels,
            samples: Vec::new(),
            side: Vec::new(),
            shaped: Vec::new(),
            bytes: Vec::new(),
            kept: Duration::ZERO,
            patched: Duration::ZERO,
        }
    }

    pub(super) fn path(&self) -> &std::path::Path {
        self.target.path()
    }

    /// Writes what has come; what it came to, once the recording is over.
    pub(super) fn step(&mut self, ending: Ending) -> Option<FileDone> {
        // Looked at first, so that nothing comes between the last read and it.
        let over =
            ending == Ending::Now || self.control.stop.is_asked() || self.track.is_abandoned();
        let mut written = self.collect();
        if over && written.is_ok() {
            written = self.finish();
        }
        if written.is_err() {
            self.save();
        }
        let error = written.err();
        (over || error.is_some()).then(|| self.done(error))
    }

    /// Takes the ticks that have come.
    fn collect(&mut self) -> std::io::Result<()> {
        while let Some(tick) = self.track.next() {
            let at = self.container.length();
            let due = self.place.next(tick.number, tick.mode, at);
            let mode = tick.mode;
            self.samples.clear();
            self.samples.extend_from_slice(tick.samples);
            if mode == Mode::Recorded {
                self.measure();
            }
            self.put(&due)?;
        }
        self.write()
    }

    /// How loud each channel is.
    fn measure(&mut self) {
        let width = self.levels.len();
        for (index, level) in self.levels.iter_mut().enumerate() {
            self.side.clear();
            self.side
                .extend(self.samples.iter().skip(index).step_by(width));
            level.push(&self.side);
        }
    }

    /// Puts the silence before a tick, a mark and the tick in their places.
    fn put(&mut self, due: &Due) -> std::io::Result<()> {
        let sound = std::mem::take(&mut self.samples);
        let silence = vec![0; if due.silence > 0 { self.tick } else { 0 }];
        for _ in 0..due.silence {
            self.push(&silence)?;
        }
        if let Some(name) = due.mark {
            self.container.mark(name);
        }
        if due.takes_part {
            self.push(&sound)?;
        }
        self.samples = sound;
        Ok(())
    }

    fn push(&mut self, samples: &[i16]) -> std::io::Result<()> {
        self.shaped.clear();
        self.reshape.push(samples, &mut self.shaped);
        self.container.push(&self.shaped, &mut self.bytes)?;
        match self.bytes.len() >= ENOUGH {
            true => self.write(),
            false => Ok(()),
        }
    }

    fn write(&mut self) -> std::io::Result<()> {
        if !self.bytes.is_empty() {
            self.target.append(&self.bytes)?;
            self.container.written(self.bytes.len() as u64);
            self.bytes.clear();
        }
        let length = self.container.length();
        self.kept = length;
        if length >= self.patched + PATCH_EVERY {
            self.patched = length;
            for patch in self.container.patches() {
                self.target.patch(&patch)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.shaped.clear();
        self.reshape.finish(&mut self.shaped);
        self.container.push(&self.shaped, &mut self.bytes)?;
        self.write()?;
        for patch in self.container.finish(&mut self.bytes)? {
            self.target.patch(&patch)?;
        }
        self.target.append(&self.bytes)?;
        self.target.finish()
    }

    /// Keeps what was written before something failed: what can be done for it
    /// is done, and a second failure changes nothing.
    fn save(&mut self) {
        self.bytes.clear();
        let _ = self.target.tidy();
        for patch in self.container.patches() {
            let _ = self.target.patch(&patch);
        }
        let _ = self.target.finish();
    }

    fn done(&mut self, error: Option<std::io::Error>) -> FileDone {
        let (pictures, lost_pictures) = self.container.pictures();
        FileDone {
            length: self.kept,
            pictures,
            lost_pictures,
            gaps: self.place.gaps(),
            levels: self.levels.iter().map(LevelMeter::loudness).collect(),
            pauses: self.place.take_pauses(),
            error: error.map(FileFault::from),
            ..FileDone::of(self.path())
        }
    }
}

/// How much of the sound a file may hold that its header does not know of.
const PATCH_EVERY: Duration = Duration::from_millis(500);
/// Bytes that are written at once, however long a gap is.
const ENOUGH: usize = 256 * 1024;
