//! 16-bit PCM as a WAV file that is whole at every moment.
//!
//! In: samples. Out: their bytes, to be appended, and the header of 80 bytes, to
//! be written over the first 80 bytes whenever the file shall be valid up to
//! there: one small write, so that a crash finds the old header or the new one. A
//! `JUNK` chunk reserves the room that the header needs past 4 GiB, where it
//! becomes an RF64 (EBU Tech 3306 §3). Left out: all other encodings.

use super::error::WavError;
use super::marks::{self, Mark};
use super::{Encoding, WavFormat};

/// Length of the header that [`WavWriter`] writes, in bytes.
pub const HEADER_LEN: usize = 80;

/// Writes a WAV file of 16-bit PCM.
///
/// ```
/// use talkpath_file::wav::{HEADER_LEN, WavWriter};
/// let mut writer = WavWriter::new(2, 48_000)?;
/// let mut file = writer.header().to_vec();
///
/// writer.encode(&[100, -100, 200, -200], &mut file)?;  // two frames
/// writer.written(8);                                    // they are on the disk
/// file[..HEADER_LEN].copy_from_slice(&writer.header()); // and now in the header
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WavWriter {
    format: WavFormat,
    data_len: u64,
    /// Bytes of chunks behind the sound.
    behind: u64,
}

/// Samples that do not make whole frames: the caller's fault.
///
/// ```
/// use talkpath_file::wav::WavWriter;
/// let error = WavWriter::new(2, 8_000)?.encode(&[1, 2, 3], &mut Vec::new()).unwrap_err();
/// assert_eq!(error.to_string(), "3 samples are no whole frames of 2 channels");
/// # Ok::<(), talkpath_file::wav::WavError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{samples} samples are no whole frames of {channels} channels")]
pub struct PartialFrame {
    /// Samples of all channels that were given.
    pub samples: usize,
    /// Channels of the file.
    pub channels: u16,
}

impl WavWriter {
    /// Begins an empty file.
    ///
    /// # Errors
    /// [`WavError::Channels`] unless 1 to 32, [`WavError::SampleRate`] unless 1 to
    /// 768,000 Hz.
    pub fn new(channels: u16, sample_rate: u32) -> Result<Self, WavError> {
        let format = WavFormat {
            encoding: Encoding::Pcm16,
            channels,
            sample_rate,
        }
        .check()?;
        Ok(Self {
            format,
            data_len: 0,
            behind: 0,
        })
    }

    /// The header for all sound that is [`written`](WavWriter::written).
    ///
    /// It belongs at offset 0, first before all samples and then as often as the
    /// file shall be valid up to there.
    #[must_use]
    pub fn header(&self) -> [u8; HEADER_LEN] {
        let mut header = Layout::new(self.format);
        let around = HEADER_LEN as u64 - 8 + self.behind;
        let riff_len = self.data_len.saturating_add(around);
        match u32::try_from(riff_len) {
            Ok(riff_len) => {
                header.riff(riff_len);
                header.put(76, &(self.data_len as u32).to_le_bytes());
            }
            Err(_) => {
                let frames = self.data_len / self.format.frame_len() as u64;
                header.rf64(riff_len, self.data_len, frames);
            }
        }
        header.bytes
    }

    /// The header for a pipe, where nothing can be written a second time.
    ///
    /// Its sizes say "unknown", which readers take as "until the end".
    #[must_use]
    pub fn streaming_header(&self) -> [u8; HEADER_LEN] {
        let mut header = Layout::new(self.format);
        header.riff(u32::MAX);
        header.put(76, &u32::MAX.to_le_bytes());
        header.bytes
    }

    /// Appends the bytes of interleaved samples to `out`.
    ///
    /// # Errors
    /// [`PartialFrame`] when the samples are no multiple of the channels; `out`
    /// is then untouched.
    pub fn encode(&self, samples: &[i16], out: &mut Vec<u8>) -> Result<(), PartialFrame> {
        let channels = self.format.channels;
        if !samples.len().is_multiple_of(usize::from(channels)) {
            return Err(PartialFrame {
                samples: samples.len(),
                channels,
            });
        }
        out.reserve(samples.len() * 2);
        out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        Ok(())
    }

    /// Counts bytes of sound that have reached the file.
    pub fn written(&mut self, bytes: u64) {
        self.data_len = self.data_len.saturating_add(bytes);
    }

    /// Ends the sound with marks: what is to be appended behind it. Write the
    /// [`header`](WavWriter::header) first, which counts them from now on: a
    /// crash between the two leaves a file whose sound is told right.
    #[must_use = "the marks are behind the sound, in the file"]
    pub fn mark(&mut self, marks: &[Mark]) -> Vec<u8> {
        let chunks = marks::chunks(marks);
        self.behind = chunks.len() as u64;
        chunks
    }

    /// Whole frames of sound that have reached the file.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.data_len / self.format.frame_len() as u64
    }

    /// What the samples mean.
    #[must_use]
    pub fn format(&self) -> WavFormat {
        self.format
    }
}

/// RIFF (12) · JUNK or ds64 (8 + 28) · fmt (8 + 16) · data (8).
struct Layout {
    bytes: [u8; HEADER_LEN],
}

impl Layout {
    fn new(format: WavFormat) -> Self {
        let mut layout = Self {
            bytes: [0; HEADER_LEN],
        };
        let frame_len = format.frame_len() as u16; // at most 32 channels of 2 bytes
        layout.put(8, b"WAVE");
        layout.put(48, b"fmt \x10\0\0\0\x01\0");
        layout.put(58, &format.channels.to_le_bytes());
        layout.put(60, &format.sample_rate.to_le_bytes());
        layout.put(
            64,
            &(format.sample_rate * u32::from(frame_len)).to_le_bytes(),
        );
        layout.put(68, &frame_len.to_le_bytes());
        layout.put(70, &16u16.to_le_bytes());
        layout.put(72, b"data");
        layout
    }

    fn riff(&mut self, riff_len: u32) {
        self.put(0, b"RIFF");
        self.put(4, &riff_len.to_le_bytes());
        self.put(12, b"JUNK\x1c\0\0\0");
    }

    fn rf64(&mut self, riff_len: u64, data_len: u64, frames: u64) {
        self.put(0, b"RF64\xff\xff\xff\xff");
        self.put(12, &ds64(riff_len, data_len, frames));
        self.put(76, &u32::MAX.to_le_bytes());
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// A whole `ds64` chunk: sizes, frames, and a table without entries.
pub(super) fn ds64(riff_len: u64, data_len: u64, frames: u64) -> [u8; 36] {
    let mut chunk = [0; 36];
    chunk[..8].copy_from_slice(b"ds64\x1c\0\0\0");
    for (slot, value) in chunk[8..32]
        .chunks_exact_mut(8)
        .zip([riff_len, data_len, frames])
    {
        slot.copy_from_slice(&value.to_le_bytes());
    }
    chunk
}
