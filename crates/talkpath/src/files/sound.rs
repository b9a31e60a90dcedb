//! A sound that is played: mono samples at the session's rate, from wherever.
//!
//! In: a file or its bytes, samples in memory, or a tone; from which moment on,
//! and how often. Out: samples, a piece at a time, without a gap where it
//! begins again. More channels than one are mixed down. What it is, a file's
//! first bytes say, not its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use talkpath_audio::{Resampler, SampleRate, Tone, ToneGenerator};

use super::FileError;
#[cfg(feature = "symphonia")]
use super::compressed::Compressed;
use super::decode::Decode;
use crate::driver::{Driver, ReadFile};

/// Where sound comes from.
#[derive(Clone, Debug)]
pub(crate) enum What {
    File(PathBuf),
    /// A file's bytes.
    Bytes(Arc<[u8]>),
    /// Mono samples.
    Samples(Arc<[i16]>, SampleRate),
    Tone(Tone),
    Silence,
}

/// One sound of a playback.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) what: What,
    /// Where it begins.
    pub(crate) from: Duration,
    /// How much of it is played in all.
    pub(crate) limit: Option<Duration>,
    pub(crate) times: Times,
    /// A factor.
    pub(crate) gain: f32,
}

/// How often a sound is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Times {
    /// So many times more after this one.
    More(u32),
    ForEver,
}

/// A piece being played.
pub(super) struct Sound {
    driver: Arc<dyn Driver>,
    piece: Piece,
    source: Source,
    /// The rate of the source.
    rate: SampleRate,
    resampler: Resampler,
    /// Samples at the source's rate.
    mono: Vec<i16>,
    /// Of those to come, so many are not played.
    skip: u64,
    /// Samples that this pass gave.
    given: u64,
    /// What the resampler is late by: not played either.
    trim: usize,
    /// Samples at the session's rate that may still be played.
    left: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Reading,
    /// The source is read; the resampler's rest is still to come.
    Flushing,
    Over,
}

enum Source {
    File(Box<FileSource>),
    #[cfg(feature = "symphonia")]
    Compressed(Box<Compressed>),
    Samples(Arc<[i16]>, usize),
    Tone(Box<ToneGenerator>),
    Silence,
}

/// A file being read and understood.
struct FileSource {
    file: Box<dyn ReadFile>,
    decode: Decode,
    /// Bytes read and not yet understood.
    bytes: Vec<u8>,
}

impl Piece {
    pub(crate) fn new(what: What) -> Self {
        Piece {
            what,
            from: Duration::ZERO,
            limit: None,
            times: Times::More(0),
            gain: 1.0,
        }
    }

    /// The file, as far as it is one.
    pub(super) fn path(&self) -> &Path {
        match &self.what {
            What::File(path) => path,
            _ => Path::new(""),
        }
    }
}

impl Sound {
    /// Opens a sound and looks at its first bytes, if it has any.
    ///
    /// # Errors
    /// [`FileError`] when a file is not there, cannot be understood, or is of
    /// an odd rate.
    pub(super) fn open(
        driver: Arc<dyn Driver>,
        piece: Piece,
        to: SampleRate,
    ) -> Result<Self, FileError> {
        let (source, rate) = Source::open(&*driver, &piece, to)?;
        let resampler = Resampler::new(rate, to).map_err(|_| FileError::Rate {
            path: piece.path().into(),
            hz: rate.hz(),
        })?;
        let limit = piece.limit.map(|limit| to.samples_in(limit) as u64);
        Ok(Sound {
            skip: rate.samples_in(piece.from) as u64,
            trim: resampler.delay(),
            left: limit.unwrap_or(u64::MAX),
            driver,
            piece,
            source,
            rate,
            resampler,
            mono: Vec::new(),
            given: 0,
            state: State::Reading,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.piece.path()
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Appends the next samples, none or some hundreds.
    ///
    /// # Errors
    /// When the file cannot be read or understood any further.
    pub(super) fn read(&mut self, into: &mut Vec<i16>) -> std::io::Result<()> {
        let start = into.len();
        match self.state {
            State::Reading => {
                let more = self.source.read(&mut self.mono)?;
                self.skip_ahead();
                self.given += self.mono.len() as u64;
                self.convert(into);
                if !more {
                    self.begin_again()?;
                }
            }
            State::Flushing => {
                into.resize(start + PIECE, 0);
                let written = self.resampler.flush(&mut into[start..]);
                into.truncate(start + written);
                if written == 0 {
                    self.state = State::Over;
                }
            }
            State::Over => {}
        }
        self.finish(into, start);
        Ok(())
    }

    /// Drops what stands before the moment that playing begins at.
    fn skip_ahead(&mut self) {
        let skipped = self.skip.min(self.mono.len() as u64);
        self.skip -= skipped;
        self.mono.drain(..skipped as usize);
    }

    /// The source is read: once more from its beginning, or no more.
    fn begin_again(&mut self) -> std::io::Result<()> {
        // What has nothing to give is not asked for ever.
        let again = self.given > 0 && self.piece.times.again();
        if !again {
            self.state = State::Flushing;
            return Ok(());
        }
        let opened = Source::open(&*self.driver, &self.piece, self.rate);
        let (source, rate) = opened.map_err(|error| match error {
            FileError::Io { error, .. } => error,
            other => std::io::Error::other(other),
        })?;
        if rate != self.rate {
            return Err(std::io::Error::other(
                "the file changed while it was played",
            ));
        }
        self.source = source;
        self.skip = rate.samples_in(self.piece.from) as u64;
        self.given = 0;
        Ok(())
    }

    /// Moves the samples through the resampler.
    fn convert(&mut self, into: &mut Vec<i16>) {
        let mut used = 0;
        loop {
            let start = into.len();
            into.resize(start + PIECE, 0);
            let progress = self
                .resampler
                .process(&self.mono[used..], &mut into[start..]);
            into.truncate(start + progress.written);
            used += progress.read;
            if progress.read == 0 && progress.written == 0 {
                self.mono.drain(..used);
                return;
            }
        }
    }

    /// Takes the resampler's delay off the front and what is over the limit
    /// off the end, and sets the loudness.
    fn finish(&mut self, into: &mut Vec<i16>, start: usize) {
        let trimmed = self.trim.min(into.len() - start);
        self.trim -= trimmed;
        into.drain(start..start + trimmed);
        let kept = self.left.min((into.len() - start) as u64);
        into.truncate(start + kept as usize);
        self.left -= kept;
        if self.left == 0 {
            self.state = State::Over;
        }
        if self.piece.gain != 1.0 {
            for sample in &mut into[start..] {
                *sample = (f32::from(*sample) * self.piece.gain) as i16; // saturates
            }
        }
    }
}

impl Times {
    /// Whether it is played once more, which is counted.
    fn again(&mut self) -> bool {
        match self {
            Times::ForEver => true,
            Times::More(0) => false,
            Times::More(more) => {
                *more -= 1;
                true
            }
        }
    }
}

impl Source {
    fn open(
        driver: &dyn Driver,
        piece: &Piece,
        to: SampleRate,
    ) -> Result<(Self, SampleRate), FileError> {
        let file: Box<dyn ReadFile> = match &piece.what {
            What::File(path) => {
                let opened = driver.open(path);
                opened.map_err(|error| FileError::io(path, error))?
            }
            What::Bytes(bytes) => Box::new(Bytes(Arc::clone(bytes), 0)),
            What::Samples(samples, rate) => {
                return Ok((Source::Samples(Arc::clone(samples), 0), *rate));
            }
            What::Tone(tone) => {
                let tone = Box::new(ToneGenerator::new(*tone, to));
                return Ok((Source::Tone(tone), to));
            }
            What::Silence => return Ok((Source::Silence, to)),
        };
        let mut source = FileSource::new(file);
        let path = piece.path();
        source.more().map_err(|error| FileError::io(path, error))?;
        #[cfg(feature = "symphonia")]
        if Compressed::knows(&source.bytes) {
            let opened = Compressed::open(source.bytes, source.file);
            let (sound, hz) = opened.map_err(|error| FileError::io(path, error))?;
            return Ok((Source::Compressed(Box::new(sound)), rate_of(hz, path)?));
        }
        let rate = source.begin(path, to)?;
        Ok((Source::File(Box::new(source)), rate))
    }

    /// Appends the next samples; false once there are no more.
    fn read(&mut self, mono: &mut Vec<i16>) -> std::io::Result<bool> {
        match self {
            Source::File(file) => file.read(mono),
            #[cfg(feature = "symphonia")]
            Source::Compressed(sound) => sound.read(mono),
            Source::Samples(samples, at) => {
                let rest = &samples[*at..];
                let taken = rest.len().min(PIECE);
                mono.extend_from_slice(&rest[..taken]);
                *at += taken;
                Ok(*at < samples.len())
            }
            Source::Tone(tone) => {
                let start = mono.len();
                mono.resize(start + PIECE, 0);
                tone.fill(&mut mono[start..]);
                Ok(true)
            }
            Source::Silence => {
                mono.resize(mono.len() + PIECE, 0);
                Ok(true)
            }
        }
    }
}

impl FileSource {
    fn new(file: Box<dyn ReadFile>) -> Self {
        FileSource {
            file,
            decode: Decode::Unknown,
            bytes: Vec::new(),
        }
    }

    /// Reads as much of a file, whose first bytes are read, as it takes to know
    /// its rate.
    fn begin(&mut self, path: &Path, to: SampleRate) -> Result<SampleRate, FileError> {
        let mut read = self.bytes.len();
        loop {
            let begun = self.decode.begin(&mut self.bytes, read == 0, path, to)?;
            if let Some(hz) = begun {
                return rate_of(hz, path);
            }
            read = self.more().map_err(|error| FileError::io(path, error))?;
        }
    }

    /// Reads a piece of the file; how many bytes that were.
    fn more(&mut self) -> std::io::Result<usize> {
        let start = self.bytes.len();
        self.bytes.resize(start + PIECE, 0);
        let read = self.file.read(&mut self.bytes[start..]);
        self.bytes.truncate(start + *read.as_ref().unwrap_or(&0));
        read
    }

    fn read(&mut self, mono: &mut Vec<i16>) -> std::io::Result<bool> {
        let read = self.more()?;
        let more = self.decode.read(&mut self.bytes, mono)?;
        Ok(more && read > 0)
    }
}

/// A file's rate, if it is one.
fn rate_of(hz: u32, path: &Path) -> Result<SampleRate, FileError> {
    SampleRate::new(hz).map_err(|_| FileError::Rate {
        path: path.into(),
        hz,
    })
}

/// A file's bytes in memory, and how many of them are read.
struct Bytes(Arc<[u8]>, usize);

impl ReadFile for Bytes {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.0[self.1..];
        let read = rest.len().min(into.len());
        into[..read].copy_from_slice(&rest[..read]);
        self.1 += read;
        Ok(read)
    }
}

/// Bytes read, and samples made, at once.
const PIECE: usize = 4096;
