use super::*;
use crate::level::LevelMeter;
use crate::rate::SampleRate;
use proptest::prelude::*;

fn made(noise: &Description, rate: SampleRate, samples: usize) -> Vec<i16> {
    let mut generator = Generator::new(rate, 11);
    generator.update(noise);
    let mut pcm = vec![0; samples];
    generator.fill(&mut pcm);
    pcm
}

fn level(pcm: &[i16]) -> f32 {
    let mut meter = LevelMeter::new();
    meter.push(pcm);
    meter.take().rms.0
}

// RFC 3389 §3.2: k = 258 (N - 127) / 32768.
#[test]
fn indices_are_coefficients_as_the_standard_quantizes_them() {
    let noise = Description::parse(&[10, 0, 127, 254]).unwrap();
    let values: Vec<f32> = noise.reflections().collect();
    assert_eq!(values, [-32_766.0 / 32_768.0, 0.0, 32_766.0 / 32_768.0]);
    let same = Description::new(Dbov(-10.0), &[-3.0, 0.003, 0.999]);
    assert_eq!(same, noise);
}

// RFC 3389 §3.1 and §3: the upper bit is 0, spectral bytes may be left out, and a
// receiver may lower the order.
#[test]
fn what_is_not_understood_is_left_out() {
    assert_eq!(Description::parse(&[0xff]).unwrap().level(), Dbov(-127.0));
    assert_eq!(Description::parse(&[60]).unwrap().reflections().len(), 0);
    let many = Description::parse(&[60; 40]).unwrap();
    assert_eq!(many.reflections().len(), MAX_ORDER);
    let cut = Description::parse(&[60, 100, 255, 100]).unwrap();
    assert_eq!(cut, Description::parse(&[60, 100]).unwrap());
}

#[test]
fn noise_has_the_level_that_was_said_at_every_rate() {
    for hz in [8_000, 16_000, 24_000, 44_100, 48_000] {
        let rate = SampleRate::new(hz).unwrap();
        for reflections in [&[][..], &[-0.9], &[0.7, 0.5], &[-0.9, 0.6, -0.3, 0.2]] {
            let noise = Description::new(Dbov(-40.0), reflections);
            let measured = level(&made(&noise, rate, 5 * rate.hz() as usize));
            assert!(
                (measured + 40.0).abs() < 0.5,
                "{hz} {reflections:?}: {measured}"
            );
        }
    }
}

// The sign: 1/(1 + a z⁻¹) with a = -0.9 is a low-pass filter.
#[test]
fn a_negative_first_coefficient_makes_neighbours_alike() {
    let pcm = made(
        &Description::new(Dbov(-30.0), &[-0.9]),
        SampleRate::HZ_8000,
        80_000,
    );
    let correlation = |lag: usize| {
        let pairs = pcm.iter().zip(&pcm[lag..]);
        pairs
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum::<f64>()
    };
    let alike = correlation(1) / correlation(0);
    assert!((alike - 0.9).abs() < 0.02, "{alike}");
}

#[test]
fn the_analyser_finds_what_the_generator_made() {
    for reflections in [&[-0.9, 0.4, -0.2, 0.1][..], &[0.5, -0.5], &[0.0, 0.0, 0.6]] {
        let noise = Description::new(Dbov(-35.0), reflections);
        let mut analyser = Analyser::new(SampleRate::HZ_8000);
        for frame in made(&noise, SampleRate::HZ_8000, 16_000).chunks(160) {
            analyser.push(frame);
        }
        let found = analyser.describe(reflections.len());
        assert!(found.resembles(&noise), "{found:?} {noise:?}");
        let order = analyser.describe(MAX_ORDER + 5);
        assert_eq!(order.reflections().len(), MAX_ORDER);
        let beyond = order.reflections().skip(reflections.len());
        assert!(
            beyond.into_iter().all(|value| value.abs() < 0.12),
            "{order:?}"
        );
    }
}

#[test]
fn the_analyser_follows_a_room_that_changes() {
    let mut analyser = Analyser::new(SampleRate::HZ_8000);
    for (db, samples) in [(-30.0, 8_000), (-60.0, 16_000)] {
        let noise = Description::new(Dbov(db), &[]);
        for frame in made(&noise, SampleRate::HZ_8000, samples).chunks(160) {
            analyser.push(frame);
        }
        assert_eq!(analyser.describe(0).level().0.round(), db);
    }
}

#[test]
fn silence_and_constants_are_described_without_a_spectrum_that_is_none() {
    let mut analyser = Analyser::new(SampleRate::HZ_8000);
    let silence = Description::new(Dbov(-127.0), &[]);
    assert_eq!(analyser.describe(10), silence);
    analyser.push(&[0; 1_600]);
    assert_eq!(analyser.describe(10), silence);
    analyser.push(&[1_000; 16_000]);
    assert_eq!(analyser.describe(10).level().0.round(), -30.0);
    analyser.reset();
    assert_eq!(analyser.describe(10), silence);
}

#[test]
fn the_same_seed_makes_the_same_noise_however_it_is_cut() {
    let noise = Description::new(Dbov(-50.0), &[-0.5]);
    let whole = made(&noise, SampleRate::HZ_8000, 1_000);
    let (mut parts, mut at) = (vec![0; 1_000], 0);
    let mut generator = Generator::new(SampleRate::HZ_8000, 11);
    generator.update(&noise);
    for len in [1, 7, 160, 0, 399, 433] {
        generator.fill(&mut parts[at..at + len]);
        at += len;
    }
    assert_eq!(parts, whole);
    let mut other = Generator::new(SampleRate::HZ_8000, 12);
    other.update(&noise);
    other.fill(&mut parts);
    assert_ne!(parts, whole);
}

#[test]
fn there_is_silence_before_a_description_and_after_a_reset() {
    let mut generator = Generator::new(SampleRate::HZ_8000, 0);
    let mut pcm = [1; 160];
    generator.fill(&mut pcm);
    assert_eq!(pcm, [0; 160]);
    generator.update(&Description::new(Dbov(-20.0), &[]));
    generator.fill(&mut pcm);
    assert!(level(&pcm) > -25.0);
    generator.reset();
    generator.fill(&mut pcm);
    assert_eq!(pcm, [0; 160]);
}

#[test]
fn a_new_level_is_reached_smoothly_and_within_100_milliseconds() {
    let mut generator = Generator::new(SampleRate::HZ_8000, 5);
    generator.update(&Description::new(Dbov(-70.0), &[]));
    generator.fill(&mut [0; 1_600]);
    generator.update(&Description::new(Dbov(-30.0), &[]));
    let mut pcm = [0; 2_400];
    generator.fill(&mut pcm);
    let (start, end) = (level(&pcm[..40]), level(&pcm[800..]));
    assert!(start < -35.0, "{start}");
    assert!((end + 30.0).abs() < 1.0, "{end}");
}

#[test]
fn no_payload_panics_or_is_louder_than_it_says() {
    let mut chance = 0x2545_f491u32;
    let mut next = || {
        chance ^= chance << 13;
        chance ^= chance >> 17;
        chance ^= chance << 5;
        chance
    };
    let mut generator = Generator::new(SampleRate::HZ_8000, 1);
    let (mut pcm, mut payload) = ([0; 40], [0; 14]);
    for _ in 0..20_000 {
        payload.fill_with(|| next() as u8);
        payload[0] = payload[0] & 0x3f | 20;
        let noise = Description::parse(&payload[..1 + next() as usize % 14]).unwrap();
        generator.update(&noise);
        generator.fill(&mut pcm);
        // The loudest level there is to come from is -20 dBov; noise peaks at
        // less than five times its power's root.
        assert!(pcm.iter().all(|sample| sample.unsigned_abs() < 5 * 3_277));
    }
}

proptest! {
    #[test]
    fn writing_and_parsing_are_inverse(
        level in 0u8..=127,
        indices in proptest::collection::vec(0u8..=254, 0..=MAX_ORDER),
    ) {
        let mut payload = vec![level];
        payload.extend(&indices);
        let noise = Description::parse(&payload).unwrap();
        let mut out = [0; Description::MAX_LEN];
        let len = noise.write(&mut out).unwrap();
        prop_assert_eq!(&out[..len], &payload);
        let values: Vec<f32> = noise.reflections().collect();
        prop_assert_eq!(Description::new(noise.level(), &values), noise);
    }
}
