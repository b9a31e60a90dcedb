//! G.722: wide-band speech in 64 kbit/s, two sub-bands of ADPCM.
//!
//! In: 16 kHz linear samples, or octets of two samples each. Out: the other of
//! the two, in the fixed point of ITU-T G.722 (09/2012): a quadrature mirror
//! filter (`qmf`) and an ADPCM per sub-band (`adpcm`).
//! RTP: payload type 9, whose clock is 8000 and so counts octets (RFC 3551
//! §4.5.2). The delay of both filters together is 22 samples. Left out: the modes
//! of 56 and 48 kbit/s, which RTP does not carry, and the concealment of
//! Appendices III and IV.

mod adpcm;
mod qmf;

use crate::codec::{Codec, DecodeError, Decoder, EncodeError, Encoder, Parameters};
use crate::rate::SampleRate;

use adpcm::{HigherBand, LowerBand};
use qmf::{Analysis, Synthesis};

/// G.722 in 64 kbit/s, payload type 9.
///
/// ```
/// use talkpath_audio::{Codec, Parameters, g722};
/// let mut octets = [0; 160];
/// let len = g722::G722.encoder(Parameters::NONE).encode(&[0; 320], &mut octets)?;
/// assert_eq!((len, g722::G722.samples(&octets)), (160, Ok(320)));
/// # Ok::<(), talkpath_audio::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct G722;

impl Codec for G722 {
    fn name(&self) -> &str {
        "G722"
    }

    // RFC 3551 §4.5.2: an error of RFC 1890 that is kept for ever.
    fn clock_rate(&self) -> u32 {
        8_000
    }

    fn sample_rate(&self) -> SampleRate {
        SampleRate::HZ_16000
    }

    fn channels(&self) -> u8 {
        1
    }

    fn static_payload_type(&self) -> Option<u8> {
        Some(9)
    }

    fn samples(&self, payload: &[u8]) -> Result<usize, DecodeError> {
        Ok(payload.len() * SAMPLES_PER_OCTET)
    }

    fn max_payload_len(&self, samples: usize) -> usize {
        samples.div_ceil(SAMPLES_PER_OCTET)
    }

    fn encoder(&self, _: Parameters<'_>) -> Box<dyn Encoder> {
        Box::new(SubBandEncoder::default())
    }

    fn decoder(&self, _: Parameters<'_>) -> Box<dyn Decoder> {
        Box::new(SubBandDecoder::default())
    }
}

/// The state of one encoder.
#[derive(Clone, Debug, Default)]
struct SubBandEncoder {
    filter: Analysis,
    lower: LowerBand,
    higher: HigherBand,
}

impl Encoder for SubBandEncoder {
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        if !pcm.len().is_multiple_of(SAMPLES_PER_OCTET) {
            return Err(EncodeError::FrameLength { samples: pcm.len() });
        }
        let (needed, room) = (pcm.len() / SAMPLES_PER_OCTET, out.len());
        let Some(out) = out.get_mut(..needed) else {
            return Err(EncodeError::NoRoom { needed, room });
        };
        let Self {
            filter,
            lower,
            higher,
        } = self;
        let mut octets = out.iter_mut();
        filter.split(pcm, |low, high| {
            if let Some(octet) = octets.next() {
                // G.722 §1.4.4: the higher band's two bits come first.
                *octet = higher.encode(high) << 6 | lower.encode(low);
            }
        });
        Ok(needed)
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// The state of one decoder.
#[derive(Clone, Debug, Default)]
struct SubBandDecoder {
    filter: Synthesis,
    lower: LowerBand,
    higher: HigherBand,
}

impl Decoder for SubBandDecoder {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, DecodeError> {
        let (needed, room) = (payload.len() * SAMPLES_PER_OCTET, pcm.len());
        let Some(pcm) = pcm.get_mut(..needed) else {
            return Err(DecodeError::NoRoom { needed, room });
        };
        let Self {
            filter,
            lower,
            higher,
        } = self;
        let bands = payload.iter().map(|&octet| {
            let low = lower.decode(octet & 0x3f);
            let high = higher.decode(octet >> 6);
            (low, high)
        });
        filter.join(bands, pcm);
        Ok(needed)
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

const SAMPLES_PER_OCTET: usize = 2;

#[cfg(test)]
mod tests;
