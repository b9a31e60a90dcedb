use super::*;
use proptest::prelude::*;

/// Marsaglia's xorshift, of 32 bits.
struct Chance(u32);

impl Chance {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

/// FNV-1a, so that an expected output of any length is one number.
fn digest(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn encoded(pcm: &[i16]) -> Vec<u8> {
    let mut octets = vec![0; pcm.len() / 2];
    let mut encoder = G722.encoder(Parameters::NONE);
    assert_eq!(encoder.encode(pcm, &mut octets), Ok(octets.len()));
    octets
}

fn decoded(octets: &[u8]) -> Vec<i16> {
    let mut pcm = vec![0; octets.len() * 2];
    let mut decoder = G722.decoder(Parameters::NONE);
    assert_eq!(decoder.decode(octets, &mut pcm), Ok(pcm.len()));
    pcm
}

/// White noise that loses a bit every quarter of a second, from full scale.
fn noise() -> Vec<i16> {
    let mut chance = Chance(7);
    let loud = |at: usize| 1 + at / 4_000;
    (0..48_000)
        .map(|at| chance.next() as i16 >> loud(at))
        .collect()
}

/// A triangle whose pitch rises from 50 Hz over the whole band.
fn sweep() -> Vec<i16> {
    let mut phase = 0u32;
    let mut step = 13_421_773;
    let mut triangle = || {
        phase = phase.wrapping_add(step);
        step += 25_000;
        let height = (phase >> 16) as i32 - 32_768;
        (height.abs() - 16_384) as i16
    };
    (0..48_000).map(|_| triangle()).collect()
}

fn random_octets() -> Vec<u8> {
    let mut chance = Chance(99);
    (0..48_000).map(|_| chance.next() as u8).collect()
}

// The digests are those of the crate ezk-g722 0.1.2 for the same input, its scale
// factors set to the reset values of G.722 §6 first, which it starts without.
#[test]
fn decoding_agrees_bit_for_bit_with_another_implementation() {
    let heard = decoded(&random_octets());
    assert_eq!(
        digest(heard.into_iter().flat_map(i16::to_le_bytes)),
        DECODED
    );
}

#[test]
fn encoding_agrees_bit_for_bit_with_another_implementation() {
    assert_eq!(digest(encoded(&noise())), NOISE);
    assert_eq!(digest(encoded(&sweep())), SWEEP);
}

/// Signal over difference in decibels, after the filters' delay of 22 samples.
fn snr(said: &[i16], heard: &[i16]) -> f64 {
    let (mut signal, mut error) = (0.0, 0.0);
    for (&a, &b) in said.iter().zip(&heard[DELAY..]).skip(1_600) {
        signal += f64::from(a).powi(2);
        error += (f64::from(a) - f64::from(b)).powi(2);
    }
    10.0 * (signal / error).log10()
}

const DELAY: usize = 22;

#[test]
fn tones_of_both_bands_come_back_clean() {
    for (hz, least) in [
        (300.0, 38.0),
        (1_000.0, 38.0),
        (3_000.0, 35.0),
        (6_000.0, 20.0),
    ] {
        let tone = |at: u32| (f64::from(at) * hz * std::f64::consts::TAU / 16_000.0).sin();
        let said: Vec<i16> = (0..16_000).map(|at| (tone(at) * 8_000.0) as i16).collect();
        let measured = snr(&said, &decoded(&encoded(&said)));
        assert!(measured > least, "{hz} Hz: {measured:.1} dB");
    }
}

#[test]
fn a_square_wave_at_full_scale_neither_wraps_nor_panics() {
    let said: Vec<i16> = (0..16_000)
        .map(|at| if at / 40 % 2 == 0 { i16::MAX } else { i16::MIN })
        .collect();
    let heard = decoded(&encoded(&said));
    // In the middle of each half wave the sign must be the one that was said.
    for at in (1_620..15_000).step_by(40) {
        assert_eq!(said[at] < 0, heard[at + DELAY] < 0, "sample {at}");
    }
}

#[test]
fn silence_stays_silent() {
    let heard = decoded(&encoded(&[0; 16_000]));
    assert!(heard.iter().all(|sample| sample.abs() <= 4));
}

#[test]
fn an_odd_number_of_samples_is_no_frame() {
    let mut encoder = G722.encoder(Parameters::NONE);
    let error = EncodeError::FrameLength { samples: 161 };
    assert_eq!(encoder.encode(&[0; 161], &mut [0; 100]), Err(error));
    assert_eq!(encoder.encode(&[], &mut []), Ok(0));
}

#[test]
fn too_little_room_is_an_error_that_leaves_the_state() {
    let said = noise();
    let octets = encoded(&said);
    let mut encoder = G722.encoder(Parameters::NONE);
    let (needed, room) = (160, 159);
    let error = Err(EncodeError::NoRoom { needed, room });
    assert_eq!(encoder.encode(&said[..320], &mut [0; 159]), error);
    let mut again = [0; 160];
    assert_eq!(encoder.encode(&said[..320], &mut again), Ok(160));
    assert_eq!(again, octets[..160]);

    let mut decoder = G722.decoder(Parameters::NONE);
    let (needed, room) = (320, 319);
    let error = Err(DecodeError::NoRoom { needed, room });
    assert_eq!(decoder.decode(&octets[..160], &mut [0; 319]), error);
    let mut heard = [0; 320];
    assert_eq!(decoder.decode(&octets[..160], &mut heard), Ok(320));
    assert_eq!(heard, decoded(&octets)[..320]);
}

#[test]
fn reset_is_as_good_as_new() {
    let (said, octets) = (sweep(), random_octets());
    let (mut encoder, mut out) = (G722.encoder(Parameters::NONE), [0; 160]);
    let (mut decoder, mut pcm) = (G722.decoder(Parameters::NONE), [0; 320]);
    for _ in 0..2 {
        encoder.encode(&said[..320], &mut out).unwrap();
        assert_eq!(out, encoded(&said[..320])[..]);
        decoder.decode(&octets[..160], &mut pcm).unwrap();
        assert_eq!(pcm, decoded(&octets[..160])[..]);
        encoder.reset();
        decoder.reset();
    }
}

// Octets that hold still or turn between two drive the predictors into every
// limit that there is; the build that runs tests checks each addition.
#[test]
fn no_octets_panic() {
    let mut chance = Chance(3);
    let mut decoder = G722.decoder(Parameters::NONE);
    let mut pcm = [0; 200];
    for _ in 0..20_000 {
        let (one, other) = (chance.next() as u8, chance.next() as u8);
        let held = chance.next() as usize % 50 + 1;
        let len = chance.next() as usize % 101;
        let mut octets = [one; 100];
        octets
            .iter_mut()
            .skip(held)
            .step_by(held)
            .for_each(|octet| *octet = other);
        assert_eq!(decoder.decode(&octets[..len], &mut pcm), Ok(2 * len));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn frames_of_any_length_make_the_same_stream(
        cuts in proptest::collection::vec(0usize..300, 1..8),
    ) {
        let said = noise();
        let (mut encoder, mut decoder) =
            (G722.encoder(Parameters::NONE), G722.decoder(Parameters::NONE));
        let (mut octets, mut heard, mut at) = (vec![], vec![], 0);
        for pairs in cuts {
            let (mut out, mut pcm) = (vec![0; pairs], vec![0; 2 * pairs]);
            encoder.encode(&said[at..at + 2 * pairs], &mut out).unwrap();
            decoder.decode(&out, &mut pcm).unwrap();
            octets.extend(out);
            heard.extend(pcm);
            at += 2 * pairs;
        }
        prop_assert_eq!(&octets, &encoded(&said[..at]));
        prop_assert_eq!(heard, decoded(&octets));
    }
}

const DECODED: u64 = 0x5078_7c14_44f5_6e2b;
const NOISE: u64 = 0x29ca_4a33_85a6_e76d;
const SWEEP: u64 = 0xae69_3d6c_12f3_a8f8;
