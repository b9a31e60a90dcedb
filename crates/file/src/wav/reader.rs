//! A WAV file, fed in pieces, as 16-bit samples.
//!
//! In: all bytes of a file in order, in pieces of any size. Out: its header, then
//! its samples in whole frames. Nothing is held but the frame that a piece cut in
//! two: reading is as fast as the conversion, and a file of any size takes the
//! same few hundred bytes.

use super::error::WavError;
use super::header::{DataLength, HeaderParser, WavHeader};
use super::sample::convert;
use super::{MAX_CHANNELS, WavFormat};

/// Reads a WAV file from bytes as they come.
///
/// ```
/// use talkpath_file::wav::{WavReader, WavWriter};
/// let mut writer = WavWriter::new(1, 8_000)?;
/// let mut file = writer.header().to_vec();
/// writer.encode(&[1, -2, 3], &mut file).expect("mono has no partial frames");
/// writer.written(6);
/// file[..80].copy_from_slice(&writer.header());
///
/// let (mut reader, mut pcm) = (WavReader::new(), [0; 100]);
/// let progress = reader.read(&file, &mut pcm)?;
/// assert_eq!(pcm[..progress.samples], [1, -2, 3]);
/// reader.finish()?;
/// # Ok::<(), talkpath_file::wav::WavError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WavReader {
    stage: Stage,
}

/// How far a call of [`WavReader::read`] came.
///
/// ```
/// use talkpath_file::wav::{WavProgress, WavReader};
/// let progress = WavReader::new().read(b"RIFF", &mut [0; 8])?;
/// assert_eq!(progress, WavProgress { consumed: 4, samples: 0 });
/// # Ok::<(), talkpath_file::wav::WavError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WavProgress {
    /// Bytes taken; the others are to be given again.
    pub consumed: usize,
    /// Samples written, of all channels together.
    pub samples: usize,
}

#[derive(Clone, Debug)]
enum Stage {
    Header(HeaderParser),
    Data(Data),
    Failed(WavError),
}

#[derive(Clone, Debug)]
struct Data {
    header: WavHeader,
    /// Bytes of sound taken, those of a cut frame included.
    taken: u64,
    /// The beginning of a frame that a piece cut in two.
    cut: [u8; MAX_FRAME_LEN],
    cut_len: usize,
}

impl WavReader {
    /// Waits for the first byte of a file.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stage: Stage::Header(HeaderParser::new()),
        }
    }

    /// Takes bytes and gives samples, interleaved where there are channels.
    ///
    /// It gives whole frames only, and returns when `bytes` is used up or `pcm`
    /// has no room for another frame. To look at the header first, give an empty
    /// `pcm`. What follows the sound is taken and ignored.
    ///
    /// # Errors
    /// [`WavError`] when the header cannot be read, now and ever after.
    pub fn read(&mut self, bytes: &[u8], pcm: &mut [i16]) -> Result<WavProgress, WavError> {
        let mut rest = bytes;
        if let Stage::Header(parser) = &mut self.stage {
            match parser.push(&mut rest) {
                Ok(None) => {}
                Ok(Some(header)) => self.stage = Stage::Data(Data::new(header)),
                Err(error) => self.stage = Stage::Failed(error),
            }
        }
        let samples = match &mut self.stage {
            Stage::Header(_) => 0,
            Stage::Data(data) => data.read(&mut rest, pcm),
            Stage::Failed(error) => return Err(*error),
        };
        Ok(WavProgress {
            consumed: bytes.len() - rest.len(),
            samples,
        })
    }

    /// What stands before the sound, once it has been read.
    #[must_use]
    pub fn header(&self) -> Option<&WavHeader> {
        match &self.stage {
            Stage::Data(data) => Some(&data.header),
            Stage::Header(_) | Stage::Failed(_) => None,
        }
    }

    /// Whether all the sound that the header promises has been given.
    ///
    /// Never true where the sound goes on until the end of the file.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(&self.stage, Stage::Data(data) if data.left() == 0)
    }

    /// Tells that the file ended, and learns whether it should have.
    ///
    /// # Errors
    /// [`WavError::HeaderTruncated`], [`WavError::DataTruncated`], or the error
    /// that [`WavReader::read`] gave.
    pub fn finish(&self) -> Result<(), WavError> {
        match &self.stage {
            Stage::Header(parser) => Err(WavError::HeaderTruncated {
                len: parser.offset(),
            }),
            Stage::Failed(error) => Err(*error),
            Stage::Data(data) => match data.header.data_length {
                DataLength::Bytes(expected) if data.taken < expected => {
                    Err(WavError::DataTruncated {
                        expected,
                        found: data.taken,
                    })
                }
                _ => Ok(()),
            },
        }
    }
}

impl Default for WavReader {
    fn default() -> Self {
        Self::new()
    }
}

impl Data {
    fn new(header: WavHeader) -> Self {
        Self {
            header,
            taken: 0,
            cut: [0; MAX_FRAME_LEN],
            cut_len: 0,
        }
    }

    fn left(&self) -> u64 {
        match self.header.data_length {
            DataLength::Bytes(len) => len - self.taken,
            DataLength::UntilEnd => u64::MAX,
        }
    }

    fn read(&mut self, rest: &mut &[u8], pcm: &mut [i16]) -> usize {
        let WavFormat {
            encoding, channels, ..
        } = self.header.format;
        let (channels, frame_len) = (usize::from(channels), self.header.format.frame_len());
        let mut samples = self.complete_cut(rest, pcm, frame_len);
        if self.cut_len == 0 {
            let sound = self.sound_in(rest);
            let frames = (sound.len() / frame_len).min((pcm.len() - samples) / channels);
            convert(encoding, &sound[..frames * frame_len], &mut pcm[samples..]);
            self.take(rest, frames * frame_len);
            samples += frames * channels;
            let tail = self.sound_in(rest);
            if tail.len() < frame_len {
                self.cut[..tail.len()].copy_from_slice(tail);
                self.cut_len = tail.len();
                self.take(rest, self.cut_len);
            }
        }
        if self.left() == 0 {
            *rest = &[];
        }
        samples
    }

    /// Finishes the frame that the last piece cut, if there is room for it.
    fn complete_cut(&mut self, rest: &mut &[u8], pcm: &mut [i16], frame_len: usize) -> usize {
        let WavFormat {
            encoding, channels, ..
        } = self.header.format;
        if self.cut_len == 0 || pcm.len() < usize::from(channels) {
            return 0;
        }
        let sound = self.sound_in(rest);
        let len = (frame_len - self.cut_len).min(sound.len());
        self.cut[self.cut_len..][..len].copy_from_slice(&sound[..len]);
        self.cut_len += len;
        self.take(rest, len);
        if self.cut_len < frame_len {
            return 0;
        }
        self.cut_len = 0;
        convert(encoding, &self.cut[..frame_len], pcm)
    }

    /// That part of the bytes that is sound.
    fn sound_in<'a>(&self, rest: &&'a [u8]) -> &'a [u8] {
        let len = usize::try_from(self.left())
            .unwrap_or(usize::MAX)
            .min(rest.len());
        &rest[..len]
    }

    fn take(&mut self, rest: &mut &[u8], len: usize) {
        *rest = &rest[len..];
        self.taken += len as u64;
    }
}

const MAX_FRAME_LEN: usize = MAX_CHANNELS as usize * 4;
