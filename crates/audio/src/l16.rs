//! L16: linear samples of 16 bits, most significant byte first.
//!
//! In: linear samples, interleaved where there are two channels, or octets. Out:
//! the other of the two (RFC 3551 §4.5.11). Nothing is lost, and nothing is made
//! smaller: 20 ms at 44.1 or 48 kHz is more than one Ethernet frame holds, so
//! packets of those are shorter, 10 ms for one channel and 5 ms for two. Left out: more than two channels, whose
//! order is that of RFC 3551 §4.1, and pre-emphasis.

use crate::codec::{Codec, DecodeError, Decoder, EncodeError, Encoder, Parameters};
use crate::rate::SampleRate;

/// One channel of 8 kHz.
pub static MONO_8000: L16 = L16::new(SampleRate::HZ_8000, Channels::One, Channels::One);
/// One channel of 16 kHz.
pub static MONO_16000: L16 = L16::new(SampleRate::HZ_16000, Channels::One, Channels::One);
/// One channel of 24 kHz.
pub static MONO_24000: L16 = L16::new(SampleRate::HZ_24000, Channels::One, Channels::One);
/// One channel of 44.1 kHz, payload type 11.
pub static MONO_44100: L16 = L16::new(SampleRate::HZ_44100, Channels::One, Channels::One);
/// One channel of 48 kHz.
pub static MONO_48000: L16 = L16::new(SampleRate::HZ_48000, Channels::One, Channels::One);
/// Two channels of 44.1 kHz, payload type 10.
pub static STEREO_44100: L16 = L16::new(SampleRate::HZ_44100, Channels::Two, Channels::Two);
/// Two channels of 48 kHz.
pub static STEREO_48000: L16 = L16::new(SampleRate::HZ_48000, Channels::Two, Channels::Two);

/// Two channels in the packets, one in the PCM.
static DOWNMIXED_44100: L16 = L16::new(SampleRate::HZ_44100, Channels::Two, Channels::One);
static DOWNMIXED_48000: L16 = L16::new(SampleRate::HZ_48000, Channels::Two, Channels::One);

/// Linear PCM in network byte order as a [`Codec`], at one of its rates.
///
/// It has no state, so it is its own encoder and decoder. Where the packets
/// hold two channels and the PCM [`shaped`](Codec::shaped) from it one, what is
/// heard is the mean of both, and what is said is in both.
///
/// ```
/// use talkpath_audio::{Codec, Parameters, l16};
/// let mut octets = [0; 4];
/// l16::MONO_16000.encoder(Parameters::NONE).encode(&[0x1234, -2], &mut octets)?;
/// assert_eq!(octets, [0x12, 0x34, 0xff, 0xfe]);
/// # Ok::<(), talkpath_audio::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L16 {
    rate: SampleRate,
    /// Channels in the packets.
    wire: Channels,
    /// Channels of the PCM, not more than in the packets.
    pcm: Channels,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channels {
    One = 1,
    Two = 2,
}

impl L16 {
    const fn new(rate: SampleRate, wire: Channels, pcm: Channels) -> Self {
        Self { rate, wire, pcm }
    }

    /// Bytes of all channels of one sample.
    const fn width(self) -> usize {
        2 * self.wire as usize
    }
}

impl Codec for L16 {
    fn name(&self) -> &str {
        "L16"
    }

    fn clock_rate(&self) -> u32 {
        self.rate.hz()
    }

    fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    fn channels(&self) -> u8 {
        self.pcm as u8
    }

    fn rtpmap_channels(&self) -> u8 {
        self.wire as u8
    }

    fn shaped(&'static self, _: SampleRate, channels: u8) -> Option<&'static dyn Codec> {
        let to = match channels {
            1 => Channels::One,
            _ => Channels::Two,
        };
        let all = [
            &STEREO_44100,
            &STEREO_48000,
            &DOWNMIXED_44100,
            &DOWNMIXED_48000,
        ];
        let nearest = Self { pcm: to, ..*self };
        let found = all.into_iter().find(|&&codec| codec == nearest)?;
        Some(found)
    }

    // RFC 3551 §6, table 4.
    fn static_payload_type(&self) -> Option<u8> {
        match (self.rate, self.wire) {
            (SampleRate::HZ_44100, Channels::Two) => Some(10),
            (SampleRate::HZ_44100, Channels::One) => Some(11),
            _ => None,
        }
    }

    fn samples(&self, payload: &[u8]) -> Result<usize, DecodeError> {
        let len = payload.len();
        if !len.is_multiple_of(self.width()) {
            let at = len - len % self.width();
            return Err(DecodeError::Malformed { len, at });
        }
        Ok(len / self.width())
    }

    /// Whole 10 ms where those fit into an Ethernet frame, else whole 5 ms.
    fn packet_len(&self, samples: usize) -> usize {
        let most = MAX_PAYLOAD / self.width();
        let longest = |per_second: usize| {
            let piece = self.rate.hz() as usize / per_second;
            most / piece * piece
        };
        match samples <= most {
            true => samples,
            false => longest(100).max(longest(200).min(self.rate.hz() as usize / 200)),
        }
    }

    fn max_payload_len(&self, samples: usize) -> usize {
        samples * self.width()
    }

    fn encoder(&self, _: Parameters<'_>) -> Box<dyn Encoder> {
        Box::new(*self)
    }

    fn decoder(&self, _: Parameters<'_>) -> Box<dyn Decoder> {
        Box::new(*self)
    }
}

impl Encoder for L16 {
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        let samples = pcm.len() / self.pcm as usize;
        if !pcm.len().is_multiple_of(self.pcm as usize) {
            return Err(EncodeError::FrameLength { samples });
        }
        let (needed, room) = (self.max_payload_len(samples), out.len());
        let Some(out) = out.get_mut(..needed) else {
            return Err(EncodeError::NoRoom { needed, room });
        };
        match (self.wire, self.pcm) {
            (Channels::Two, Channels::One) => {
                for (octets, sample) in out.as_chunks_mut::<4>().0.iter_mut().zip(pcm) {
                    let [high, low] = sample.to_be_bytes();
                    *octets = [high, low, high, low];
                }
            }
            _ => {
                for (octets, sample) in out.as_chunks_mut::<2>().0.iter_mut().zip(pcm) {
                    *octets = sample.to_be_bytes();
                }
            }
        }
        Ok(needed)
    }
}

impl Decoder for L16 {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, DecodeError> {
        let samples = self.samples(payload)?;
        let (needed, room) = (samples * self.pcm as usize, pcm.len());
        let Some(pcm) = pcm.get_mut(..needed) else {
            return Err(DecodeError::NoRoom { needed, room });
        };
        let (pairs, _) = payload.as_chunks::<2>();
        let heard = pairs.iter().map(|&pair| i16::from_be_bytes(pair));
        if self.pcm == self.wire {
            pcm.iter_mut()
                .zip(heard)
                .for_each(|(slot, sample)| *slot = sample);
        } else {
            for (slot, &[a, b, c, d]) in pcm.iter_mut().zip(payload.as_chunks::<4>().0) {
                let (left, right) = (i16::from_be_bytes([a, b]), i16::from_be_bytes([c, d]));
                // The mean of two numbers of 16 bits has 16 bits.
                *slot = ((i32::from(left) + i32::from(right)) / 2) as i16;
            }
        }
        Ok(samples)
    }
}

/// Bytes of a payload that an Ethernet frame holds, whatever is tunnelled
/// around it: 1,500 less IPv6, UDP, RTP and 40 bytes more.
const MAX_PAYLOAD: usize = 1_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use proptest::prelude::*;

    fn decoded(codec: &dyn Codec, octets: &[u8]) -> Vec<i16> {
        let channels = usize::from(codec.channels());
        let mut pcm = vec![0; codec.samples(octets).unwrap() * channels];
        let mut decoder = codec.decoder(Parameters::NONE);
        assert_eq!(decoder.decode(octets, &mut pcm), Ok(pcm.len() / channels));
        pcm
    }

    // RFC 3551 §6, table 4.
    #[test]
    fn packets_fit_into_an_ethernet_frame() {
        let of = |codec: &L16, millis: usize| {
            let len = codec.packet_len(codec.rate.hz() as usize * millis / 1_000);
            assert!(codec.max_payload_len(len) <= MAX_PAYLOAD, "{codec:?}");
            len
        };
        assert_eq!([20, 40, 60].map(|ms| of(&MONO_8000, ms)), [160, 320, 480]);
        assert_eq!([20, 40, 60].map(|ms| of(&MONO_16000, ms)), [320, 640, 640]);
        assert_eq!([10, 20, 60].map(|ms| of(&MONO_24000, ms)), [240, 480, 480]);
        assert_eq!([10, 20].map(|ms| of(&MONO_44100, ms)), [441, 441]);
        assert_eq!([10, 20, 60].map(|ms| of(&MONO_48000, ms)), [480; 3]);
        assert_eq!([10, 20].map(|ms| of(&STEREO_44100, ms)), [220; 2]);
        assert_eq!([10, 20].map(|ms| of(&DOWNMIXED_48000, ms)), [240; 2]);
    }

    #[test]
    fn the_static_payload_types_are_those_of_44100_hertz() {
        let static_type = |clock, channels| {
            let codec = codec::find("l16", clock, channels).unwrap();
            codec.static_payload_type()
        };
        assert_eq!(static_type(44_100, 2), Some(10));
        assert_eq!(static_type(44_100, 1), Some(11));
        assert_eq!(static_type(16_000, 1), None);
        assert_eq!(static_type(48_000, 2), None);
    }

    #[test]
    fn what_two_channels_hold_is_heard_in_one_as_their_mean() {
        let rate = SampleRate::HZ_16000;
        let mono = STEREO_48000.shaped(rate, 1).unwrap();
        assert_eq!((mono.channels(), mono.rtpmap_channels()), (1, 2));
        assert_eq!(mono.sample_rate(), SampleRate::HZ_48000);
        let octets = [0x80, 0x00, 0x80, 0x00, 0x00, 0x10, 0x00, 0x20];
        assert_eq!(decoded(mono, &octets), [i16::MIN, 0x18]);
        assert_eq!(
            decoded(&STEREO_48000, &octets),
            [i16::MIN, i16::MIN, 16, 32]
        );

        let mut out = [0; 8];
        let len = mono
            .encoder(Parameters::NONE)
            .encode(&[0x1234, -2], &mut out);
        assert_eq!(len, Ok(8));
        assert_eq!(out, [0x12, 0x34, 0x12, 0x34, 0xff, 0xfe, 0xff, 0xfe]);
        let back = mono.shaped(rate, 2).unwrap();
        assert_eq!((back.channels(), back.name()), (2, "L16"));
    }

    #[test]
    fn one_channel_has_no_other_shape() {
        assert!(MONO_16000.shaped(SampleRate::HZ_48000, 2).is_none());
        assert!(MONO_16000.shaped(SampleRate::HZ_16000, 1).is_none());
    }

    #[test]
    fn a_payload_that_ends_within_a_sample_is_malformed_there() {
        let error = |len, at| Err(DecodeError::Malformed { len, at });
        assert_eq!(MONO_8000.samples(&[0; 321]), error(321, 320));
        assert_eq!(STEREO_44100.samples(&[0; 6]), error(6, 4));
        assert_eq!(STEREO_44100.samples(&[]), Ok(0));
        let mut decoder = MONO_8000.decoder(Parameters::NONE);
        assert_eq!(decoder.decode(&[0; 3], &mut [0; 9]), error(3, 2));
    }

    #[test]
    fn too_little_room_and_half_frames_are_errors() {
        let (needed, room) = (4, 3);
        let mut encoder = STEREO_48000.encoder(Parameters::NONE);
        let error = Err(EncodeError::NoRoom { needed, room });
        assert_eq!(encoder.encode(&[1, 2], &mut [0; 3]), error);
        let error = Err(EncodeError::FrameLength { samples: 1 });
        assert_eq!(encoder.encode(&[1, 2, 3], &mut [0; 30]), error);
        let mut decoder = STEREO_48000.decoder(Parameters::NONE);
        let error = Err(DecodeError::NoRoom { needed, room });
        assert_eq!(decoder.decode(&[0; 8], &mut [0; 3]), error);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_on_the_way(pcm in proptest::collection::vec(any::<i16>(), 0..200)) {
            let pcm = &pcm[..pcm.len() / 2 * 2];
            for codec in [&MONO_24000, &STEREO_44100] {
                let mut octets = vec![0; 2 * pcm.len()];
                let len = codec.encoder(Parameters::NONE).encode(pcm, &mut octets);
                prop_assert_eq!(len, Ok(octets.len()));
                prop_assert_eq!(decoded(codec, &octets), pcm);
            }
        }
    }
}
