//! A sound file's bytes into mono samples.
//!
//! In: bytes in order, in pieces of any length. Out: samples at the file's
//! rate. Which kind of file it is, its first bytes say: WAV, in all the forms
//! that [`talkpath_file::wav`] reads, or Ogg Opus (RFC 7845).

use std::path::Path;

use talkpath_audio::{SampleRate, downmix};
use talkpath_file::wav::WavReader;

use super::FileError;
use super::opus_file::OpusFile;

/// What makes samples of a file's bytes.
pub(super) enum Decode {
    /// Its first bytes have not been seen.
    Unknown,
    Wav(Box<WavReader>),
    Opus(Box<OpusFile>),
}

impl Decode {
    /// Takes bytes off the front until the rate is known; none while more are
    /// needed.
    ///
    /// # Errors
    /// [`FileError`] when this is no file that can be played, or `ended`.
    pub(super) fn begin(
        &mut self,
        bytes: &mut Vec<u8>,
        ended: bool,
        path: &Path,
        to: SampleRate,
    ) -> Result<Option<u32>, FileError> {
        if matches!(self, Decode::Unknown) && (bytes.len() >= MAGIC || ended) {
            *self = Decode::of(bytes, to);
        }
        match self {
            Decode::Unknown => Ok(None),
            Decode::Opus(opus) => opus.begin(bytes, ended).map_err(|error| FileError::Opus {
                path: path.into(),
                error,
            }),
            Decode::Wav(wav) => begin_wav(wav, bytes, ended).map_err(|error| FileError::Wav {
                path: path.into(),
                error,
            }),
        }
    }

    /// What files that begin with `bytes` are; WAV says best what is wrong.
    fn of(bytes: &[u8], to: SampleRate) -> Self {
        let ogg = bytes.starts_with(b"OggS");
        match OpusFile::new(to).filter(|_| ogg) {
            Some(opus) => Decode::Opus(Box::new(opus)),
            None => Decode::Wav(Box::default()),
        }
    }

    /// Takes what it can off the front of `bytes` and appends what that
    /// sounds; false once the sound has ended, whatever bytes still come.
    ///
    /// # Errors
    /// When the bytes make no sense.
    pub(super) fn read(
        &mut self,
        bytes: &mut Vec<u8>,
        mono: &mut Vec<i16>,
    ) -> std::io::Result<bool> {
        match self {
            Decode::Unknown => Ok(false),
            Decode::Wav(wav) => read_wav(wav, bytes, mono),
            Decode::Opus(opus) => {
                opus.read(bytes, mono).map_err(std::io::Error::other)?;
                Ok(true)
            }
        }
    }
}

fn begin_wav(
    wav: &mut WavReader,
    bytes: &mut Vec<u8>,
    ended: bool,
) -> Result<Option<u32>, talkpath_file::wav::WavError> {
    if ended {
        wav.finish()?;
    }
    let progress = wav.read(bytes, &mut [])?;
    bytes.drain(..progress.consumed);
    Ok(wav.header().map(|header| header.format.sample_rate))
}

fn read_wav(
    wav: &mut WavReader,
    bytes: &mut Vec<u8>,
    mono: &mut Vec<i16>,
) -> std::io::Result<bool> {
    let channels = wav.header().map_or(1, |header| header.format.channels);
    let (mut pcm, mut used) = ([0; PIECE], 0);
    loop {
        let progress = wav
            .read(&bytes[used..], &mut pcm)
            .map_err(std::io::Error::other)?;
        used += progress.consumed;
        mix_down(&pcm[..progress.samples], channels, mono);
        if progress.consumed == 0 && progress.samples == 0 {
            bytes.drain(..used);
            return Ok(!wav.is_complete());
        }
    }
}

/// Appends several channels as one.
fn mix_down(pcm: &[i16], channels: u16, mono: &mut Vec<i16>) {
    let start = mono.len();
    mono.resize(start + pcm.len() / usize::from(channels.max(1)), 0);
    // Readers give whole frames only.
    let _ = downmix(pcm, channels, &mut mono[start..]);
}

/// Bytes that say what kind of file it is.
const MAGIC: usize = 4;
/// Samples decoded at once.
const PIECE: usize = 4096;
