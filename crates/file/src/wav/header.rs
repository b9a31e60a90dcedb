//! From the first byte of a WAV file to the first byte of its sound.
//!
//! In: bytes in pieces of any size. Out: a [`WavHeader`]. Chunks before the sound
//! are walked, unknown ones skipped without being held. Sizes that writers into
//! pipes leave behind (0, 0xffffffff, sox's 0x7ffff000) mean: until the end.

use std::time::Duration;

use super::error::{ChunkId, WavError};
use super::{Encoding, WavFormat};

/// What stands before the sound of a WAV file.
///
/// ```
/// use talkpath_file::wav::{DataLength, WavReader, WavWriter};
/// let mut writer = WavWriter::new(1, 8_000)?;
/// writer.written(16_000);
/// let mut reader = WavReader::new();
/// reader.read(&writer.header(), &mut [])?;
/// let header = reader.header().expect("it was all there");
/// assert_eq!(header.data_length, DataLength::Bytes(16_000));
/// assert_eq!(header.duration().map(|d| d.as_secs()), Some(1));
/// # Ok::<(), talkpath_file::wav::WavError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WavHeader {
    /// What the samples mean.
    pub format: WavFormat,
    /// Where the sound begins, in bytes from the start of the file.
    pub data_offset: u64,
    /// How long the sound is.
    pub data_length: DataLength,
    pub(super) sizes: Sizes,
}

/// How many bytes of sound there are.
///
/// ```
/// use talkpath_file::wav::{DataLength, WavReader, WavWriter};
/// let mut reader = WavReader::new();
/// reader.read(&WavWriter::new(1, 8_000)?.streaming_header(), &mut [])?;
/// assert_eq!(reader.header().map(|h| h.data_length), Some(DataLength::UntilEnd));
/// # Ok::<(), talkpath_file::wav::WavError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataLength {
    /// What the header says.
    Bytes(u64),
    /// The writer could not know: all that follows.
    UntilEnd,
}

/// What the size fields of the file say: for its repair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Bytes after the RIFF size field itself; that of `ds64` in an RF64.
    pub(super) riff: u64,
    /// Where the body of a `ds64` chunk begins.
    pub(super) ds64: Option<u64>,
    /// Where a chunk of 28 bytes reserves the place of a `ds64`.
    pub(super) reserve: Option<u64>,
    data64: u64,
}

impl WavHeader {
    /// Whole frames of sound, if the length is known.
    #[must_use]
    pub fn frames(&self) -> Option<u64> {
        match self.data_length {
            DataLength::Bytes(len) => Some(len / self.format.frame_len() as u64),
            DataLength::UntilEnd => None,
        }
    }

    /// How long the sound lasts, if the length is known.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let (frames, rate) = (self.frames()?, u64::from(self.format.sample_rate));
        let nanos = frames % rate * 1_000_000_000 / rate;
        Some(Duration::from_secs(frames / rate) + Duration::from_nanos(nanos))
    }
}

/// Collects what it needs of the bytes before the sound.
#[derive(Clone, Debug)]
pub(super) struct HeaderParser {
    stage: Stage,
    scratch: [u8; SCRATCH_LEN],
    filled: usize,
    /// Bytes taken so far.
    offset: u64,
    sizes: Sizes,
    format: Option<WavFormat>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Riff,
    ChunkHead,
    Ds64 { len: u32 },
    Format { len: u32 },
    Skip { left: u64 },
}

impl HeaderParser {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Riff,
            scratch: [0; SCRATCH_LEN],
            filled: 0,
            offset: 0,
            sizes: Sizes::default(),
            format: None,
        }
    }

    /// Bytes taken so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes bytes off the front of `bytes` until the sound begins.
    pub(super) fn push(&mut self, bytes: &mut &[u8]) -> Result<Option<WavHeader>, WavError> {
        loop {
            if let Stage::Skip { left } = self.stage {
                let len = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                *bytes = &bytes[len..];
                self.offset += len as u64;
                let left = left - len as u64;
                self.stage = if left == 0 {
                    Stage::ChunkHead
                } else {
                    Stage::Skip { left }
                };
                if left > 0 {
                    return Ok(None);
                }
                continue;
            }
            let wanted = match self.stage {
                Stage::Riff => 12,
                Stage::ChunkHead | Stage::Skip { .. } => 8,
                Stage::Ds64 { .. } => DS64_LEN as usize,
                Stage::Format { len } => (len as usize).min(EXTENSIBLE_LEN as usize),
            };
            if !self.gather(wanted, bytes) {
                return Ok(None);
            }
            if let Some(header) = self.advance()? {
                return Ok(Some(header));
            }
        }
    }

    /// Fills the scratch up to `wanted` bytes; whether it is full.
    fn gather(&mut self, wanted: usize, bytes: &mut &[u8]) -> bool {
        let len = (wanted - self.filled).min(bytes.len());
        self.scratch[self.filled..][..len].copy_from_slice(&bytes[..len]);
        *bytes = &bytes[len..];
        self.offset += len as u64;
        self.filled += len;
        self.filled == wanted
    }

    /// Reads the full scratch and moves on.
    fn advance(&mut self) -> Result<Option<WavHeader>, WavError> {
        self.filled = 0;
        match self.stage {
            Stage::Riff => self.riff()?,
            Stage::ChunkHead => return self.chunk_head(),
            Stage::Ds64 { len } => {
                self.sizes.riff = self.u64_at(0);
                self.sizes.data64 = self.u64_at(8);
                self.stage = rest_of(len, DS64_LEN);
            }
            Stage::Format { len } => {
                self.format = Some(self.format(len)?);
                self.stage = rest_of(len, len.min(EXTENSIBLE_LEN));
            }
            Stage::Skip { .. } => {}
        }
        Ok(None)
    }

    fn riff(&mut self) -> Result<(), WavError> {
        match &self.scratch[..4] {
            b"RIFF" | b"RF64" | b"BW64" => {}
            _ => {
                return Err(WavError::NotRiff {
                    found: self.id_at(0),
                });
            }
        }
        if &self.scratch[8..12] != b"WAVE" {
            return Err(WavError::NotWave {
                found: self.id_at(8),
            });
        }
        self.sizes.riff = u64::from(self.u32_at(4));
        self.stage = Stage::ChunkHead;
        Ok(())
    }

    fn chunk_head(&mut self) -> Result<Option<WavHeader>, WavError> {
        let (id, len, offset) = (self.id_at(0), self.u32_at(4), self.offset - 8);
        let at_least = |needed| {
            if len < needed {
                Err(WavError::ShortChunk {
                    id,
                    offset,
                    len,
                    needed,
                })
            } else {
                Ok(())
            }
        };
        match &id.0 {
            b"data" => {
                let format = self.format.ok_or(WavError::NoFormat { offset })?;
                let (data_offset, data_length) = (self.offset, self.data_length(len));
                let header = WavHeader {
                    format,
                    data_offset,
                    data_length,
                    sizes: self.sizes,
                };
                return Ok(Some(header));
            }
            b"fmt " => {
                at_least(FORMAT_LEN)?;
                self.stage = Stage::Format { len };
            }
            b"ds64" => {
                at_least(DS64_LEN)?;
                self.sizes.ds64 = Some(self.offset);
                self.stage = Stage::Ds64 { len };
            }
            _ => {
                if &id.0 == b"JUNK" && len == 28 && offset == 12 {
                    self.sizes.reserve = Some(offset);
                }
                self.stage = rest_of(len, 0);
            }
        }
        Ok(None)
    }

    fn data_length(&self, len: u32) -> DataLength {
        let len = match self.sizes.ds64 {
            // EBU Tech 3306: all ones refer to the chunk with 64 bits.
            Some(_) if len == u32::MAX => self.sizes.data64,
            _ => u64::from(len),
        };
        match len {
            // A writer that never came back: its RIFF ends where the sound
            // begins. In a true empty file nothing follows, or more chunks do.
            0 if self.sizes.riff.saturating_add(8) <= self.offset => DataLength::UntilEnd,
            u64::MAX | 0xffff_ffff | 0x7fff_0000..=0x8000_0000 => DataLength::UntilEnd,
            _ => DataLength::Bytes(len),
        }
    }

    fn format(&self, len: u32) -> Result<WavFormat, WavError> {
        let (mut tag, bits) = (self.u16_at(0), self.u16_at(14));
        if tag == TAG_EXTENSIBLE {
            if len < EXTENSIBLE_LEN {
                let (id, offset) = (ChunkId(*b"fmt "), self.offset - 8 - u64::from(len));
                return Err(WavError::ShortChunk {
                    id,
                    offset,
                    len,
                    needed: EXTENSIBLE_LEN,
                });
            }
            if self.scratch[26..40] != SUB_FORMAT_TAIL {
                return Err(WavError::SubFormat);
            }
            tag = self.u16_at(24);
        }
        let format = WavFormat {
            encoding: encoding_of(tag, bits)?,
            channels: self.u16_at(2),
            sample_rate: self.u32_at(4),
        }
        .check()?;
        let (found, expected) = (self.u16_at(12), format.frame_len() as u16);
        if found != expected {
            return Err(WavError::FrameLength { found, expected });
        }
        Ok(format)
    }

    fn id_at(&self, at: usize) -> ChunkId {
        ChunkId(self.array_at(at))
    }

    fn u16_at(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array_at(at))
    }

    fn u32_at(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array_at(at))
    }

    fn u64_at(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array_at(at))
    }

    fn array_at<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.scratch[at..at + N]);
        bytes
    }
}

fn encoding_of(tag: u16, bits: u16) -> Result<Encoding, WavError> {
    Ok(match (tag, bits) {
        (TAG_PCM, 8) => Encoding::Pcm8,
        (TAG_PCM, 16) => Encoding::Pcm16,
        (TAG_PCM, 24) => Encoding::Pcm24,
        (TAG_PCM, 32) => Encoding::Pcm32,
        (TAG_FLOAT, 32) => Encoding::Float32,
        (TAG_ALAW, 8) => Encoding::ALaw,
        (TAG_MULAW, 8) => Encoding::MuLaw,
        _ => return Err(WavError::Encoding { tag, bits }),
    })
}

/// The rest of a chunk of `len` bytes, and the byte that makes it even.
fn rest_of(len: u32, taken: u32) -> Stage {
    match u64::from(len) + u64::from(len % 2) - u64::from(taken) {
        0 => Stage::ChunkHead,
        left => Stage::Skip { left },
    }
}

const TAG_PCM: u16 = 1;
const TAG_FLOAT: u16 = 3;
const TAG_ALAW: u16 = 6;
const TAG_MULAW: u16 = 7;
const TAG_EXTENSIBLE: u16 = 0xfffe;
/// KSDATAFORMAT_SUBTYPE_*, after the tag: `…-0000-0010-8000-00aa00389b71`.
const SUB_FORMAT_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const FORMAT_LEN: u32 = 16;
const EXTENSIBLE_LEN: u32 = 40;
/// Its sizes and its count; the table behind them is skipped.
const DS64_LEN: u32 = 24;
const SCRATCH_LEN: usize = EXTENSIBLE_LEN as usize;
