//! The identification header: what an Opus stream needs to be decoded.
//!
//! In: the first packet of a stream. Out: its fields; and back. RFC 7845 §5.1.
//! Reads mapping families 0, 1 and all others with a table; writes family 0.

use super::error::OggError;

/// What stands in the identification header (RFC 7845 §5.1).
///
/// ```
/// use talkpath_file::ogg::OpusHead;
/// let head = OpusHead { input_rate: 16_000, ..OpusHead::new(2, 312) };
/// assert_eq!(head.to_bytes().len(), 19);
/// assert_eq!(&head.to_bytes()[..8], b"OpusHead");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpusHead {
    /// Channels of the decoded sound.
    pub channels: u8,
    /// Samples at 48 kHz to drop at the beginning: the encoder's look-ahead.
    pub pre_skip: u16,
    /// Frames per second before encoding, for information; 0 where unknown.
    pub input_rate: u32,
    /// Gain to apply when decoding, in 1/256 dB.
    pub output_gain: i16,
    /// Which stream of a packet is which channel.
    pub mapping: OpusMapping,
}

/// How channels are spread over the streams in a packet (RFC 7845 §5.1.1).
///
/// ```
/// use talkpath_file::ogg::{OpusHead, OpusMapping};
/// assert_eq!(OpusHead::new(1, 312).mapping, OpusMapping::Single);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpusMapping {
    /// Family 0: one stream, mono or stereo. All that calls ever are.
    Single,
    /// Others: several streams, for a decoder that knows them.
    Multiple {
        /// Channel mapping family.
        family: u8,
        /// Streams in each packet.
        streams: u8,
        /// Those of them with two channels.
        coupled: u8,
    },
}

impl OpusHead {
    /// One stream of 48 kHz without gain.
    #[must_use]
    pub const fn new(channels: u8, pre_skip: u16) -> Self {
        Self {
            channels,
            pre_skip,
            input_rate: 48_000,
            output_gain: 0,
            mapping: OpusMapping::Single,
        }
    }

    /// Its bytes, always of family 0; also the CodecPrivate of Matroska.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 19] {
        let mut bytes = [0; 19];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = 1;
        bytes[9] = self.channels;
        bytes[10..12].copy_from_slice(&self.pre_skip.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.input_rate.to_le_bytes());
        bytes[16..18].copy_from_slice(&self.output_gain.to_le_bytes());
        bytes
    }

    /// Reads the packet of the page at `offset`.
    pub(super) fn parse(packet: &[u8], offset: u64) -> Result<Self, OggError> {
        let short = |needed| OggError::ShortHead {
            offset,
            len: packet.len(),
            needed,
        };
        let fixed: &[u8; 19] = packet.first_chunk().ok_or_else(|| short(19))?;
        let (version, channels, family) = (fixed[8], fixed[9], fixed[18]);
        if version > 15 {
            return Err(OggError::Version { version });
        }
        // RFC 7845 §5.1.1: family 0 has up to 2 channels, family 1 up to 8.
        let most = match family {
            0 => 2,
            1 => 8,
            _ => u8::MAX,
        };
        if channels == 0 || channels > most {
            return Err(OggError::Channels { channels, family });
        }
        let mapping = if family == 0 {
            OpusMapping::Single
        } else {
            let needed = 21 + usize::from(channels);
            if packet.len() < needed {
                return Err(short(needed));
            }
            table(family, packet[19], packet[20], &packet[21..needed])?
        };
        Ok(Self {
            channels,
            pre_skip: u16::from_le_bytes([fixed[10], fixed[11]]),
            input_rate: u32::from_le_bytes([fixed[12], fixed[13], fixed[14], fixed[15]]),
            output_gain: i16::from_le_bytes([fixed[16], fixed[17]]),
            mapping,
        })
    }

    /// Whether a first packet says that it is Opus.
    pub(super) fn is_magic(packet: &[u8]) -> bool {
        packet.starts_with(MAGIC)
    }
}

fn table(family: u8, streams: u8, coupled: u8, table: &[u8]) -> Result<OpusMapping, OggError> {
    let decoded = u16::from(streams) + u16::from(coupled);
    let beyond = |&index: &u8| index != 255 && u16::from(index) >= decoded;
    if streams == 0 || coupled > streams || decoded > 255 || table.iter().any(beyond) {
        return Err(OggError::Mapping { streams, coupled });
    }
    Ok(OpusMapping::Multiple {
        family,
        streams,
        coupled,
    })
}

const MAGIC: &[u8; 8] = b"OpusHead";
