//! PCMU and PCMA, the two laws of ITU-T G.711.
//!
//! In: 16-bit linear samples, or octets. Out: the other of the two. Encoding
//! follows ITU-T G.191 (14 bits into µ-law, 12 or 13 into A-law, negative values
//! by one's complement), decoding gives the centre of each interval, both by
//! tables made at compile time: 16 KiB and 4 KiB to encode, 512 bytes each to
//! decode. RTP: RFC 3551 §4.5.14. Left out: packet loss concealment of Appendix
//! I and comfort noise of Appendix II.

use crate::codec::{Codec, DecodeError, Decoder, EncodeError, Encoder, Parameters};
use crate::rate::SampleRate;

/// PCMU: µ-law, payload type 0.
///
/// ```
/// use talkpath_audio::{Codec, Parameters, g711};
/// let mut octets = [0; 3];
/// g711::PCMU.encoder(Parameters::NONE).encode(&[0, 1_000, -32_768], &mut octets)?;
/// assert_eq!(octets, [0xff, 0xce, 0x00]);
/// # Ok::<(), talkpath_audio::EncodeError>(())
/// ```
pub static PCMU: G711 = G711 { law: Law::Mu };

/// PCMA: A-law, payload type 8.
///
/// ```
/// use talkpath_audio::{Codec, Parameters, g711};
/// let mut pcm = [0; 2];
/// assert_eq!(g711::PCMA.decoder(Parameters::NONE).decode(&[0xd5, 0x2a], &mut pcm), Ok(2));
/// assert_eq!(pcm, [8, -32_256]);
/// ```
pub static PCMA: G711 = G711 { law: Law::A };

/// One of the two laws as a [`Codec`]: [`PCMU`] or [`PCMA`].
///
/// It has no state, so it is its own encoder and decoder.
///
/// ```
/// use talkpath_audio::{Codec, Parameters, g711};
/// assert_eq!(g711::PCMA.name(), "PCMA");
/// assert_eq!(g711::PCMA.samples(&[0; 160]), Ok(160));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct G711 {
    law: Law,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Law {
    Mu,
    A,
}

/// Encodes one linear sample in µ-law.
#[must_use]
#[inline]
pub fn encode_ulaw(sample: i16) -> u8 {
    ULAW_ENCODE[usize::from(sample as u16 >> 2)]
}

/// Decodes one octet of µ-law.
#[must_use]
#[inline]
pub fn decode_ulaw(octet: u8) -> i16 {
    ULAW_DECODE[usize::from(octet)]
}

/// Encodes one linear sample in A-law.
#[must_use]
#[inline]
pub fn encode_alaw(sample: i16) -> u8 {
    ALAW_ENCODE[usize::from(sample as u16 >> 4)]
}

/// Decodes one octet of A-law.
#[must_use]
#[inline]
pub fn decode_alaw(octet: u8) -> i16 {
    ALAW_DECODE[usize::from(octet)]
}

impl Codec for G711 {
    fn name(&self) -> &str {
        match self.law {
            Law::Mu => "PCMU",
            Law::A => "PCMA",
        }
    }

    fn clock_rate(&self) -> u32 {
        8_000
    }

    fn sample_rate(&self) -> SampleRate {
        SampleRate::HZ_8000
    }

    fn channels(&self) -> u8 {
        1
    }

    // RFC 3551 §6, table 4.
    fn static_payload_type(&self) -> Option<u8> {
        Some(match self.law {
            Law::Mu => 0,
            Law::A => 8,
        })
    }

    fn samples(&self, payload: &[u8]) -> Result<usize, DecodeError> {
        Ok(payload.len())
    }

    fn max_payload_len(&self, samples: usize) -> usize {
        samples
    }

    fn encoder(&self, _: Parameters<'_>) -> Box<dyn Encoder> {
        Box::new(*self)
    }

    fn decoder(&self, _: Parameters<'_>) -> Box<dyn Decoder> {
        Box::new(*self)
    }
}

impl Encoder for G711 {
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        let room = out.len();
        let Some(out) = out.get_mut(..pcm.len()) else {
            return Err(EncodeError::NoRoom {
                needed: pcm.len(),
                room,
            });
        };
        let pairs = out.iter_mut().zip(pcm);
        match self.law {
            Law::Mu => pairs.for_each(|(octet, &sample)| *octet = encode_ulaw(sample)),
            Law::A => pairs.for_each(|(octet, &sample)| *octet = encode_alaw(sample)),
        }
        Ok(pcm.len())
    }
}

impl Decoder for G711 {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, DecodeError> {
        let room = pcm.len();
        let Some(pcm) = pcm.get_mut(..payload.len()) else {
            return Err(DecodeError::NoRoom {
                needed: payload.len(),
                room,
            });
        };
        let table = match self.law {
            Law::Mu => &ULAW_DECODE,
            Law::A => &ALAW_DECODE,
        };
        for (sample, &octet) in pcm.iter_mut().zip(payload) {
            *sample = table[usize::from(octet)];
        }
        Ok(payload.len())
    }
}

/// µ-law octets by the upper 14 bits of the sample.
static ULAW_ENCODE: [u8; 1 << 14] = {
    let mut table = [0; 1 << 14];
    let mut index = 0;
    while index < table.len() {
        table[index] = ulaw_of(((index as u16) << 2) as i16);
        index += 1;
    }
    table
};

/// A-law octets by the upper 12 bits of the sample.
static ALAW_ENCODE: [u8; 1 << 12] = {
    let mut table = [0; 1 << 12];
    let mut index = 0;
    while index < table.len() {
        table[index] = alaw_of(((index as u16) << 4) as i16);
        index += 1;
    }
    table
};

static ULAW_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = linear_of_ulaw(octet as u8);
        octet += 1;
    }
    table
};

static ALAW_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = linear_of_alaw(octet as u8);
        octet += 1;
    }
    table
};

/// Added before the logarithm is taken, so that all segments double (14 bits).
const ULAW_BIAS: u16 = 33;

// ITU-T G.711 §3.2, table 2: sign, three bits of segment, four of interval, and
// all bits inverted on the line.
const fn ulaw_of(sample: i16) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample }) as u16 >> 2;
    let biased = if magnitude + ULAW_BIAS > 0x1fff {
        0x1fff
    } else {
        magnitude + ULAW_BIAS
    };
    let segment = 10 - biased.leading_zeros() as u16; // biased is 33 to 8191: 6 to 13 bits
    let interval = (biased >> (segment + 1)) & 0x0f;
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(sign | (segment << 4 | interval) as u8)
}

const fn linear_of_ulaw(octet: u8) -> i16 {
    let bits = !octet;
    let segment = (bits >> 4) & 7;
    let interval = (bits & 0x0f) as i16;
    // 33 + 2·interval is the centre of the interval in the first segment.
    let magnitude = ((2 * interval + 33) << segment) - ULAW_BIAS as i16;
    if bits & 0x80 != 0 {
        -(magnitude << 2)
    } else {
        magnitude << 2
    }
}

// ITU-T G.711 §3.1, table 1: the first two segments are linear alike; every
// second bit is inverted on the line, and the sign bit is set for positive.
const fn alaw_of(sample: i16) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample }) as u16 >> 4;
    let code = if magnitude < 32 {
        magnitude
    } else {
        let segment = 12 - magnitude.leading_zeros() as u16; // 32 to 2047: 6 to 11 bits
        (segment << 4) | ((magnitude >> (segment - 1)) & 0x0f)
    };
    let sign = if sample < 0 { 0 } else { 0x80 };
    (sign | code as u8) ^ 0x55
}

const fn linear_of_alaw(octet: u8) -> i16 {
    let bits = octet ^ 0x55;
    let segment = (bits >> 4) & 7;
    let interval = (bits & 0x0f) as i16;
    let magnitude = if segment == 0 {
        2 * interval + 1
    } else {
        (2 * interval + 33) << (segment - 1)
    };
    if bits & 0x80 != 0 {
        magnitude << 3
    } else {
        -(magnitude << 3)
    }
}

#[cfg(test)]
mod tests;
