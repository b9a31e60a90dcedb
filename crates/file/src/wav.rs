//! WAV: RIFF and RF64 files of sound.
//!
//! In: the bytes of a file, in pieces of any size. Out: interleaved 16-bit
//! samples; and back. Reads PCM of 8, 16, 24 and 32 bits, 32-bit floats, A-law
//! and µ-law, plain or extensible (Microsoft's *Multimedia Programming Interface
//! and Data Specifications 1.0*, EBU Tech 3306 for RF64); writes 16-bit PCM, with
//! marks behind it. Left out: RIFX, ADPCM; other chunks are skipped.

mod error;
mod header;
mod marks;
mod reader;
mod repair;
mod sample;
mod writer;

#[cfg(test)]
mod tests;

pub use crate::Patch;
pub use error::{ChunkId, WavError};
pub use header::{DataLength, WavHeader};
pub use marks::Mark;
pub use reader::{WavProgress, WavReader};
pub use repair::{Repair, repair};
pub use writer::{HEADER_LEN, PartialFrame, WavWriter};

/// How the samples of a WAV file are written down.
///
/// ```
/// use talkpath_file::wav::Encoding;
/// assert_eq!(Encoding::Pcm24.sample_len(), 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Unsigned, 128 is zero.
    Pcm8,
    /// Signed, little-endian, as the following two.
    Pcm16,
    /// Signed, in three bytes.
    Pcm24,
    /// Signed, in four bytes.
    Pcm32,
    /// IEEE 754, full scale from -1 to 1.
    Float32,
    /// ITU-T G.711 A-law.
    ALaw,
    /// ITU-T G.711 µ-law.
    MuLaw,
}

impl Encoding {
    /// Bytes of one sample of one channel.
    #[must_use]
    pub const fn sample_len(self) -> usize {
        match self {
            Self::Pcm8 | Self::ALaw | Self::MuLaw => 1,
            Self::Pcm16 => 2,
            Self::Pcm24 => 3,
            Self::Pcm32 | Self::Float32 => 4,
        }
    }
}

/// What the samples of a WAV file mean.
///
/// ```
/// use talkpath_file::wav::{Encoding, WavFormat};
/// let format = WavFormat { encoding: Encoding::Pcm16, channels: 2, sample_rate: 8_000 };
/// assert_eq!(format.frame_len(), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WavFormat {
    /// How a sample is written down.
    pub encoding: Encoding,
    /// Channels, interleaved: 1 to 32.
    pub channels: u16,
    /// Frames per second: 1 to 768,000.
    pub sample_rate: u32,
}

impl WavFormat {
    /// Bytes of one frame: one sample of each channel.
    #[must_use]
    pub const fn frame_len(&self) -> usize {
        self.encoding.sample_len() * self.channels as usize
    }

    fn check(self) -> Result<Self, WavError> {
        if self.channels == 0 || self.channels > MAX_CHANNELS {
            return Err(WavError::Channels {
                channels: self.channels,
            });
        }
        if self.sample_rate == 0 || self.sample_rate > MAX_RATE {
            return Err(WavError::SampleRate {
                hz: self.sample_rate,
            });
        }
        Ok(self)
    }
}

const MAX_CHANNELS: u16 = 32;
const MAX_RATE: u32 = 768_000;
