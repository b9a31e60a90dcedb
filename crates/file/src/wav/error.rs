//! What can be wrong with a WAV file, in words for the one who brought it.

use std::fmt;

/// The four bytes that name a chunk.
///
/// ```
/// use talkpath_file::wav::ChunkId;
/// assert_eq!(ChunkId(*b"fmt ").to_string(), "\"fmt \"");
/// assert_eq!(ChunkId([0xff, b'a', 0, b'b']).to_string(), "\"\\xffa\\x00b\"");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChunkId(pub [u8; 4]);

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a WAV file cannot be read, repaired or written.
///
/// Offsets count bytes from the start of the file.
///
/// ```
/// use talkpath_file::wav::WavReader;
/// let error = WavReader::new().read(b"ID3\x04 and so on", &mut []).unwrap_err();
/// assert_eq!(error.to_string(), "not a WAV file: it starts with \"ID3\\x04\"");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WavError {
    /// The file is something else.
    #[error("not a WAV file: it starts with {found}")]
    NotRiff {
        /// Its first four bytes.
        found: ChunkId,
    },
    /// It is of the family, but has no sound in it (an AVI, for example).
    #[error("not a WAV file: a RIFF file of kind {found}")]
    NotWave {
        /// The kind that stands at offset 8.
        found: ChunkId,
    },
    /// The file ends before its sound begins.
    #[error("the file ends after {len} bytes, inside of its header")]
    HeaderTruncated {
        /// Bytes that there were.
        len: u64,
    },
    /// The sound begins before its format is told.
    #[error("the sound at byte {offset} has no format before it")]
    NoFormat {
        /// Where the data chunk begins.
        offset: u64,
    },
    /// A chunk is too short for what it must hold.
    #[error("chunk {id} at byte {offset} has {len} bytes, it needs {needed}")]
    ShortChunk {
        /// Which one.
        id: ChunkId,
        /// Where it begins.
        offset: u64,
        /// Bytes that it says it has.
        len: u32,
        /// Bytes that it needs at least.
        needed: u32,
    },
    /// A compression that we do not read.
    #[error("format {tag:#06x} with {bits} bits per sample is not supported")]
    Encoding {
        /// Microsoft's format tag, of the sub-format where it is extensible.
        tag: u16,
        /// Bits per sample.
        bits: u16,
    },
    /// An extensible format that is none of the plain ones.
    #[error("the extensible format has an unknown sub-format")]
    SubFormat,
    /// No channel, or more than 32.
    #[error("{channels} channels are not between 1 and 32")]
    Channels {
        /// Channels.
        channels: u16,
    },
    /// No frames per second, or too many.
    #[error("a sample rate of {hz} Hz is not between 1 and 768000")]
    SampleRate {
        /// The rate.
        hz: u32,
    },
    /// A frame is not as long as its samples together.
    #[error("a frame is said to have {found} bytes, its samples have {expected}")]
    FrameLength {
        /// What the header says.
        found: u16,
        /// Channels times the length of a sample.
        expected: u16,
    },
    /// The file ends before its sound does. All sound that there is was given.
    #[error("the header promises {expected} bytes of sound, the file has {found}")]
    DataTruncated {
        /// Bytes that the header promises.
        expected: u64,
        /// Bytes that there were.
        found: u64,
    },
    /// The sound is longer than this header can say.
    #[error("{len} bytes of sound are more than the 4 GiB that this header can say")]
    TooLong {
        /// Bytes of sound.
        len: u64,
    },
}
