//! From the bytes of samples to 16 bits.
//!
//! Longer samples are rounded, floats saturate and what is not a number is
//! silence. The laws of ITU-T G.711 stand here as their short formulas: a file
//! is no call, and this room knows no codecs.

use super::Encoding;

/// Converts whole samples; returns how many.
///
/// As many as both slices hold; bytes of a part of a sample are left.
pub(super) fn convert(encoding: Encoding, bytes: &[u8], pcm: &mut [i16]) -> usize {
    match encoding {
        Encoding::Pcm8 => each(bytes, pcm, |[b]: [u8; 1]| (i16::from(b) - 128) << 8),
        Encoding::Pcm16 => each(bytes, pcm, i16::from_le_bytes),
        Encoding::Pcm24 => each(bytes, pcm, |[a, b, c]| {
            rounded(i32::from_le_bytes([0, a, b, c]))
        }),
        Encoding::Pcm32 => each(bytes, pcm, |b| rounded(i32::from_le_bytes(b))),
        Encoding::Float32 => each(bytes, pcm, |b| {
            // The cast saturates, and takes NaN to 0.
            (f32::from_le_bytes(b) * 32_768.0).round() as i16
        }),
        Encoding::ALaw => each(bytes, pcm, |[b]: [u8; 1]| alaw(b)),
        Encoding::MuLaw => each(bytes, pcm, |[b]: [u8; 1]| ulaw(b)),
    }
}

fn each<const N: usize>(bytes: &[u8], pcm: &mut [i16], sample: impl Fn([u8; N]) -> i16) -> usize {
    let (samples, _) = bytes.as_chunks::<N>();
    let len = samples.len().min(pcm.len());
    for (slot, &bytes) in pcm.iter_mut().zip(samples) {
        *slot = sample(bytes);
    }
    len
}

fn rounded(sample: i32) -> i16 {
    (sample.saturating_add(1 << 15) >> 16) as i16
}

// ITU-T G.711 §3.1: the middle of the interval, every second bit inverted.
fn alaw(octet: u8) -> i16 {
    let bits = octet ^ 0x55;
    let (segment, interval) = (bits >> 4 & 7, i16::from(bits & 15));
    let magnitude = match segment {
        0 => 16 * interval + 8,
        _ => (16 * interval + 264) << (segment - 1),
    };
    if bits & 0x80 != 0 {
        magnitude
    } else {
        -magnitude
    }
}

// ITU-T G.711 §3.2: the same with a bias, all bits inverted.
fn ulaw(octet: u8) -> i16 {
    let bits = !octet;
    let magnitude = ((8 * i16::from(bits & 15) + 132) << (bits >> 4 & 7)) - 132;
    if bits & 0x80 != 0 {
        -magnitude
    } else {
        magnitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(encoding: Encoding, bytes: &[u8]) -> i16 {
        let mut pcm = [0x5555; 1];
        assert_eq!(convert(encoding, bytes, &mut pcm), 1);
        pcm[0]
    }

    #[test]
    fn both_ends_and_the_middle_of_every_encoding() {
        assert_eq!(
            [0, 128, 255].map(|b| one(Encoding::Pcm8, &[b])),
            [-32_768, 0, 32_512]
        );
        assert_eq!(one(Encoding::Pcm16, &[0x00, 0x80]), i16::MIN);
        assert_eq!(one(Encoding::Pcm24, &[0, 0, 0x80]), i16::MIN);
        assert_eq!(one(Encoding::Pcm24, &[0xff, 0xff, 0x7f]), i16::MAX);
        assert_eq!(one(Encoding::Pcm24, &[0x80, 1, 0]), 2);
        assert_eq!(one(Encoding::Pcm24, &[0x7f, 1, 0]), 1);
        assert_eq!(one(Encoding::Pcm32, &i32::MAX.to_le_bytes()), i16::MAX);
        assert_eq!(one(Encoding::Pcm32, &i32::MIN.to_le_bytes()), i16::MIN);
        let float = |x: f32| one(Encoding::Float32, &x.to_le_bytes());
        assert_eq!(
            [1.0, -1.0, 0.5, 7.0, f32::NEG_INFINITY, f32::NAN].map(float),
            [i16::MAX, i16::MIN, 16_384, i16::MAX, i16::MIN, 0]
        );
    }

    #[test]
    fn the_laws_agree_with_an_independent_implementation() {
        for octet in 0..=255 {
            let expected = audio_codec_algorithms::decode_alaw(octet);
            assert_eq!(
                one(Encoding::ALaw, &[octet]),
                expected,
                "A-law {octet:#04x}"
            );
            let expected = audio_codec_algorithms::decode_ulaw(octet);
            assert_eq!(
                one(Encoding::MuLaw, &[octet]),
                expected,
                "µ-law {octet:#04x}"
            );
        }
    }

    #[test]
    fn a_part_of_a_sample_and_a_full_destination_are_left() {
        let mut pcm = [9; 2];
        assert_eq!(convert(Encoding::Pcm24, &[0, 1, 0, 0, 2], &mut pcm), 1);
        assert_eq!(pcm, [1, 9]);
        assert_eq!(convert(Encoding::Pcm16, &[1, 0, 2, 0, 3, 0], &mut pcm), 2);
        assert_eq!(pcm, [1, 2]);
    }
}
