use super::*;
use crate::g711::{decode_ulaw, encode_ulaw};
use crate::resample::Resampler;
use proptest::prelude::*;

fn silence(millis: u64, rate: SampleRate) -> Vec<i16> {
    vec![0; rate.samples_in(Duration::from_millis(millis))]
}

fn tone(key: char, levels: (f32, f32), millis: u64, rate: SampleRate) -> Vec<i16> {
    let key = Key::from_char(key).unwrap();
    let levels = (Dbov::from_dbm0(levels.0), Dbov::from_dbm0(levels.1));
    let mut pcm = silence(millis, rate);
    KeyTone::with_levels(key, levels, Duration::from_millis(millis), rate).fill(&mut pcm);
    pcm
}

/// Keys of 50 ms with pauses of 50 ms.
fn dialled(keys: &str, levels: (f32, f32), rate: SampleRate) -> Vec<i16> {
    let mut pcm = silence(33, rate);
    for key in keys.chars() {
        pcm.extend(tone(key, levels, 50, rate));
        pcm.extend(silence(50, rate));
    }
    pcm
}

fn heard(pcm: &[i16], rate: SampleRate) -> String {
    let (mut began, mut ended) = (String::new(), String::new());
    let mut detector = Detector::new(rate);
    let mut tell = |what| match what {
        Detected::Began { key, .. } => began.push(key.as_char()),
        Detected::Ended { key, .. } => ended.push(key.as_char()),
    };
    for chunk in pcm.chunks(rate.frame_len()) {
        detector.push(chunk, &mut tell);
    }
    detector.finish(&mut tell);
    assert_eq!(began, ended);
    began
}

fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

const ALL: &str = "123A456B789C*0#D1159##";
const USUAL: (f32, f32) = (-9.0, -7.0);

#[test]
fn every_key_is_heard_once_at_every_rate() {
    for hz in [8_000, 16_000, 24_000, 44_100, 48_000] {
        let rate = SampleRate::new(hz).unwrap();
        assert_eq!(heard(&dialled(ALL, USUAL, rate), rate), ALL, "{rate}");
    }
}

// ITU-T Q.24: 40 ms must be heard; a pause of 40 ms parts two presses, one of
// 10 ms does not.
#[test]
fn forty_milliseconds_are_enough_wherever_they_begin() {
    let rate = SampleRate::HZ_8000;
    for shift in 0..102 {
        let mut pcm = vec![0; shift];
        for _ in 0..3 {
            pcm.extend(tone('7', USUAL, 40, rate));
            pcm.extend(silence(40, rate));
        }
        assert_eq!(heard(&pcm, rate), "777", "shift {shift}");
        let mut pcm = vec![0; shift];
        pcm.extend(tone('7', USUAL, 60, rate));
        pcm.extend(silence(10, rate));
        pcm.extend(tone('7', USUAL, 60, rate));
        pcm.extend(silence(60, rate));
        assert_eq!(heard(&pcm, rate), "7", "shift {shift}");
        let mut pcm = vec![0; shift];
        pcm.extend(tone('7', USUAL, 15, rate));
        pcm.extend(silence(60, rate));
        assert_eq!(heard(&pcm, rate), "", "shift {shift}");
    }
}

// ITU-T Q.24 Annex A: 4 dB one way, 8 dB the other.
#[test]
fn twist_is_borne_and_a_single_tone_is_no_key() {
    let rate = SampleRate::HZ_8000;
    for levels in [(-12.0, -8.0), (-8.0, -16.0), (-9.0, -9.0)] {
        assert_eq!(heard(&dialled(ALL, levels, rate), rate), ALL, "{levels:?}");
    }
    for levels in [(-25.0, -9.0), (-9.0, -25.0), (-60.0, -9.0), (-9.0, -60.0)] {
        assert_eq!(heard(&dialled(ALL, levels, rate), rate), "", "{levels:?}");
    }
}

#[test]
fn quiet_keys_are_heard_and_the_faintest_are_not() {
    let rate = SampleRate::HZ_8000;
    assert_eq!(heard(&dialled(ALL, (-29.0, -29.0), rate), rate), ALL);
    assert_eq!(heard(&dialled(ALL, (0.0, 0.0), rate), rate), ALL);
    assert_eq!(heard(&dialled(ALL, (-45.0, -45.0), rate), rate), "");
}

// ITU-T Q.24 Annex A: 1.5 % off is heard, 3.5 % off is not.
#[test]
fn frequencies_a_little_off_are_heard_and_others_are_not() {
    let dialled_off_by = |off: f64| {
        let rate = SampleRate::HZ_8000;
        let wrong = SampleRate::new((8_000.0 * (1.0 + off)).round() as u32).unwrap();
        // Made for one rate and played at another: all frequencies move.
        let pcm = dialled(ALL, USUAL, wrong);
        heard(&pcm, rate)
    };
    for off in [-0.015, -0.005, 0.005, 0.015] {
        assert_eq!(dialled_off_by(off), ALL, "{off}");
    }
    for off in [-0.045, 0.045] {
        assert_eq!(dialled_off_by(off), "", "{off}");
    }
}

#[test]
fn noise_of_15_db_less_hides_nothing_and_noise_alone_dials_nothing() {
    let rate = SampleRate::HZ_8000;
    let mut next = noise(5);
    // Uniform noise of amplitude A has A²/3 of power.
    let amplitude = 32_768.0 * Dbov::from_dbm0(-5.0 - 15.0).rms() * 3f32.sqrt();
    let mut pcm = dialled(&ALL.repeat(20), USUAL, rate);
    for sample in &mut pcm {
        *sample = sample.saturating_add((next() * amplitude) as i16);
    }
    assert_eq!(heard(&pcm, rate), ALL.repeat(20));
    for amplitude in [300.0, 3_000.0, 30_000.0] {
        let pcm: Vec<i16> = (0..8_000 * 60)
            .map(|_| (next() * amplitude) as i16)
            .collect();
        assert_eq!(heard(&pcm, rate), "");
    }
}

#[test]
fn keys_survive_resampling_and_companding() {
    let (from, to) = (SampleRate::HZ_48000, SampleRate::HZ_8000);
    let mut resampler = Resampler::new(from, to).unwrap();
    let mut pcm = Vec::new();
    for frame in dialled(ALL, USUAL, from).chunks_exact(from.frame_len()) {
        let mut narrow = [0; 160];
        resampler.process(frame, &mut narrow);
        pcm.extend(narrow.map(|sample| decode_ulaw(encode_ulaw(sample))));
    }
    assert_eq!(heard(&pcm, to), ALL);
}

/// Glottal pulses through three moving resonances: what vowels are made of.
fn babble(seed: u64, seconds: usize) -> Vec<i16> {
    let mut next = noise(seed);
    let mut pcm = Vec::new();
    let mut phase = 0.0f32;
    let mut resonators = [[0.0f32; 2]; 3];
    while pcm.len() < seconds * 8_000 {
        let pitch = 180.0 + 120.0 * next();
        let formants = [
            500.0 + 300.0 * next(),
            1_500.0 + 700.0 * next(),
            2_500.0 + 400.0 * next(),
        ];
        let glide = 1.0 + 0.0001 * next();
        let mut pitch = pitch;
        for _ in 0..1_200 {
            pitch *= glide;
            phase += pitch / 8_000.0;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            let mut sum = 0.0;
            for ((state, hz), r) in resonators
                .iter_mut()
                .zip(formants)
                .zip([0.97f32, 0.95, 0.93])
            {
                let w = std::f32::consts::TAU * hz / 8_000.0;
                let y = pulse + 2.0 * r * w.cos() * state[0] - r * r * state[1];
                *state = [y, state[0]];
                sum += y;
            }
            pcm.push((sum * 3_000.0) as i16);
        }
    }
    pcm
}

// Harsher than any voice: the pitch hardly moves, and resonances ring. Speech
// from a synthesiser dials nothing in an hour.
#[test]
fn voiced_sound_dials_next_to_nothing() {
    let pcm = babble(3, 300);
    assert!(crate::measure::active(&pcm, 1_000).len() > pcm.len() / 2);
    assert!(heard(&pcm, SampleRate::HZ_8000).len() <= 2);
}

#[test]
fn a_released_key_ends_within_its_edge() {
    let rate = SampleRate::HZ_8000;
    let key = Key::from_char('1').unwrap();
    let mut tone = KeyTone::new(key, Duration::from_secs(60), rate);
    let mut pcm = [0; 320];
    assert_eq!(tone.fill(&mut pcm), 320);
    tone.release();
    assert!(!tone.is_over());
    assert_eq!(tone.fill(&mut pcm), 16);
    assert!(tone.is_over());
    assert_eq!(tone.fill(&mut pcm), 0);
}

#[test]
fn edges_are_soft() {
    for key in Key::all() {
        let pcm = tone(key.as_char(), USUAL, 50, SampleRate::HZ_8000);
        let peak = pcm.iter().map(|s| s.unsigned_abs()).max().unwrap();
        for edge in [pcm[0], pcm[1], pcm[398], pcm[399]] {
            assert!(edge.unsigned_abs() < peak / 4, "{key:?}: {edge} of {peak}");
        }
    }
}

#[test]
fn the_level_and_the_duration_are_told() {
    let rate = SampleRate::HZ_8000;
    let mut detector = Detector::new(rate);
    let mut told = Vec::new();
    let mut pcm = tone('5', (-13.0, -13.0), 200, rate);
    pcm.extend(silence(100, rate));
    detector.push(&pcm, &mut |what| told.push(what));
    let [
        Detected::Began { level, .. },
        Detected::Ended { duration, .. },
    ] = told[..]
    else {
        panic!("{told:?}");
    };
    assert!(
        (level.0 - Dbov::from_dbm0(-10.0).0).abs() < 1.0,
        "{level:?}"
    );
    assert!(duration.abs_diff(Duration::from_millis(200)) < Duration::from_millis(14));
}

proptest! {
    #[test]
    fn what_is_heard_does_not_depend_on_how_samples_arrive(
        cuts in proptest::collection::vec(1usize..700, 1..20),
    ) {
        let rate = SampleRate::HZ_8000;
        let pcm = dialled("159#", USUAL, rate);
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        Detector::new(rate).push(&pcm, &mut |what| whole.push(what));
        let mut detector = Detector::new(rate);
        let mut rest = &pcm[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            detector.push(now, &mut |what| parts.push(what));
            rest = later;
        }
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn any_samples_are_taken_without_a_panic(
        pcm in proptest::collection::vec(any::<i16>(), 0..4_000),
        hz in 4_000u32..=192_000,
    ) {
        let mut detector = Detector::new(SampleRate::new(hz).unwrap());
        let (mut began, mut ended) = (0, 0);
        let mut tell = |what| match what {
            Detected::Began { .. } => began += 1,
            Detected::Ended { .. } => ended += 1,
        };
        detector.push(&pcm, &mut tell);
        detector.finish(&mut tell);
        prop_assert_eq!(began, ended);
    }
}
