//! What streams sound like, as WAV files.
//!
//! In: 20 ms of samples at a time, stream after stream. Out: `stream-1.wav` and
//! so on, each at the rate that its stream began with.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use talkpath::SampleRate;
use talkpath::audio::Resampler;
use talkpath_file::wav::WavWriter;

use super::{Sounds, create, not_written};
use crate::failure::Failure;

/// The files of a capture, one open at a time.
pub(super) struct Tracks<'a> {
    folder: &'a Path,
    open: Option<Track>,
    written: Sounds,
    failed: Option<(PathBuf, io::Error)>,
}

/// One file being written.
struct Track {
    stream: usize,
    path: PathBuf,
    wav: WavWriter,
    file: BufWriter<File>,
    rate: SampleRate,
    /// From another rate, when the stream changed its codec.
    resampler: Option<(SampleRate, Resampler)>,
    bytes: Vec<u8>,
}

impl<'a> Tracks<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Tracks {
            folder,
            open: None,
            written: Vec::new(),
            failed: None,
        }
    }

    /// Writes what `stream` sounds like; the first failure ends it all.
    pub(super) fn hear(&mut self, stream: usize, pcm: &[i16], rate: SampleRate) {
        if self.failed.is_some() {
            return;
        }
        if self
            .open
            .as_ref()
            .is_none_or(|track| track.stream != stream)
        {
            self.close();
            let path = self.folder.join(format!("stream-{}.wav", stream + 1));
            match Track::create(stream, path.clone(), rate) {
                Ok(track) => self.open = Some(track),
                Err(error) => self.failed = Some((path, error)),
            }
        }
        if let Some(track) = &mut self.open
            && let Err(error) = track.write(pcm, rate)
        {
            self.failed = Some((track.path.clone(), error));
        }
    }

    fn close(&mut self) {
        let Some(mut track) = self.open.take() else {
            return;
        };
        match track.finish() {
            Ok(()) => {
                self.written.resize(track.stream + 1, None);
                self.written[track.stream] = Some(track.path);
            }
            Err(error) => self.failed = Some((track.path, error)),
        }
    }

    /// The files, by stream.
    pub(super) fn finish(mut self) -> Result<Sounds, Failure> {
        if self.failed.is_none() {
            self.close();
        }
        match self.failed {
            Some((path, error)) => Err(not_written(&path, &error)),
            None => Ok(self.written),
        }
    }
}

impl Track {
    fn create(stream: usize, path: PathBuf, rate: SampleRate) -> io::Result<Self> {
        let wav = WavWriter::new(1, rate.hz()).map_err(io::Error::other)?;
        let mut file = BufWriter::new(create(&path)?);
        file.write_all(&wav.header())?;
        Ok(Track {
            stream,
            path,
            wav,
            file,
            rate,
            resampler: None,
            bytes: Vec::new(),
        })
    }

    fn write(&mut self, pcm: &[i16], rate: SampleRate) -> io::Result<()> {
        if rate == self.rate {
            return self.append(pcm);
        }
        if self
            .resampler
            .as_ref()
            .is_none_or(|(from, _)| *from != rate)
        {
            let resampler = Resampler::new(rate, self.rate).map_err(io::Error::other)?;
            self.resampler = Some((rate, resampler));
        }
        let mut converted = vec![0; self.rate.frame_len()];
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.process(pcm, &mut converted);
        }
        self.append(&converted)
    }

    fn append(&mut self, pcm: &[i16]) -> io::Result<()> {
        self.bytes.clear();
        let encoded = self.wav.encode(pcm, &mut self.bytes);
        encoded.map_err(io::Error::other)?;
        self.file.write_all(&self.bytes)?;
        self.wav.written(self.bytes.len() as u64);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&self.wav.header())?;
        self.file.flush()
    }
}
