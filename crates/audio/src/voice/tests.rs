use super::*;
use std::f64::consts::PI;

const RATES: [SampleRate; 4] = [
    SampleRate::HZ_8000,
    SampleRate::HZ_16000,
    SampleRate::HZ_24000,
    SampleRate::HZ_48000,
];

/// What a new detector finds in `pcm`: each change and the end of its frame.
fn changes(rate: SampleRate, pcm: &[i16]) -> Vec<(Voice, Duration)> {
    let mut detector = Detector::new(rate, Settings::default()).unwrap();
    let frames = pcm.chunks(rate.frame_len()).enumerate();
    let changes = frames.filter_map(|(at, frame)| {
        let end = Duration::from_millis(20) * (at as u32 + 1);
        Some((detector.push(frame)?, end))
    });
    changes.collect()
}

fn white(samples: usize, shift: u32) -> Vec<i16> {
    let mut chance = 0x2545_f491u32;
    let mut next = || {
        chance ^= chance << 13;
        chance ^= chance >> 17;
        chance ^= chance << 5;
        chance as i16 >> shift
    };
    (0..samples).map(|_| next()).collect()
}

fn silence(rate: SampleRate, milliseconds: u64) -> Vec<i16> {
    vec![0; rate.samples_in(Duration::from_millis(milliseconds))]
}

#[test]
fn speech_starts_and_stops_once_at_every_rate() {
    for rate in RATES {
        let pcm = [
            silence(rate, 1_000),
            speech(rate, 2_000),
            silence(rate, 1_000),
        ]
        .concat();
        let found = changes(rate, &pcm);
        let [(Voice::Started, start), (Voice::Stopped, stop)] = found[..] else {
            panic!("{rate}: {found:?}");
        };
        let (onset, hangover) = (start.as_millis() - 1_000, stop.as_millis() - 3_000);
        assert!((40..=120).contains(&onset), "{rate}: {onset} ms");
        assert!((380..=640).contains(&hangover), "{rate}: {hangover} ms");
    }
}

#[test]
fn a_pause_shorter_than_the_hangover_is_still_speech() {
    let rate = SampleRate::HZ_16000;
    let word = speech(rate, 600);
    let pcm = [
        &word[..],
        &silence(rate, 240),
        &word,
        &silence(rate, 240),
        &word,
    ]
    .concat();
    let found = changes(rate, &pcm);
    assert!(matches!(found[..], [(Voice::Started, _)]), "{found:?}");
}

#[test]
fn noise_and_clicks_are_not_speech() {
    for rate in [
        SampleRate::HZ_8000,
        SampleRate::HZ_16000,
        SampleRate::HZ_48000,
    ] {
        let long = 4 * rate.hz() as usize;
        for shift in [3, 6, 9] {
            let found = changes(rate, &white(long, shift));
            assert!(found.is_empty(), "noise at {rate}, {shift}: {found:?}");
        }
        let mut clicks = vec![0; long];
        clicks
            .iter_mut()
            .step_by(rate.hz() as usize / 2)
            .for_each(|sample| *sample = 30_000);
        let found = changes(rate, &clicks);
        assert!(found.is_empty(), "clicks at {rate}: {found:?}");
    }
}

#[test]
fn speech_is_heard_above_noise() {
    let rate = SampleRate::HZ_16000;
    let said = [
        silence(rate, 1_000),
        speech(rate, 2_000),
        silence(rate, 1_000),
    ]
    .concat();
    let noise = white(said.len(), 7); // 33 dB under overload
    let pcm: Vec<i16> = said
        .iter()
        .zip(noise)
        .map(|(&a, b)| a.saturating_add(b))
        .collect();
    let found = changes(rate, &pcm);
    let kinds: Vec<Voice> = found.iter().map(|&(voice, _)| voice).collect();
    assert_eq!(kinds, [Voice::Started, Voice::Stopped], "{found:?}");
}

#[test]
fn the_length_of_the_pieces_does_not_matter() {
    let rate = SampleRate::HZ_8000;
    let pcm = [silence(rate, 300), speech(rate, 500), silence(rate, 600)].concat();
    let scores = |len: usize| {
        let mut detector = Detector::new(rate, Settings::default()).unwrap();
        let mut events = Vec::new();
        for piece in pcm.chunks(len) {
            events.extend(detector.push(piece));
        }
        (events, detector.score().to_bits(), detector.is_speech())
    };
    assert_eq!(scores(160), scores(77));
    assert_eq!(scores(160), scores(480));
}

#[test]
fn settings_are_obeyed_and_reset_forgets() {
    let rate = SampleRate::HZ_16000;
    let settings = Settings {
        onset: Duration::from_millis(300),
        hangover: Duration::from_millis(80),
        ..Settings::default()
    };
    let mut detector = Detector::new(rate, settings).unwrap();
    assert_eq!(detector.push(&speech(rate, 240)), None);
    assert_eq!(detector.push(&speech(rate, 500)), Some(Voice::Started));
    assert!(detector.is_speech() && detector.score() > 0.5);
    assert_eq!(detector.push(&silence(rate, 300)), Some(Voice::Stopped));
    detector.push(&speech(rate, 500));
    detector.reset();
    assert!(!detector.is_speech());
    let mut fresh = Detector::new(rate, settings).unwrap();
    let again = speech(rate, 400);
    assert_eq!(detector.push(&again), fresh.push(&again));
    assert_eq!(detector.score().to_bits(), fresh.score().to_bits());
}

/// A voice that is none: pulses of a wandering pitch through the formants of three
/// vowels, five syllables a second.
fn speech(rate: SampleRate, milliseconds: u64) -> Vec<i16> {
    let mut voice = Synthesis::default();
    let rate_hz = f64::from(rate.hz());
    let samples = rate.samples_in(Duration::from_millis(milliseconds));
    (0..samples)
        .map(|at| voice.sample(at as f64 / rate_hz, rate_hz))
        .collect()
}

#[derive(Default)]
struct Synthesis {
    phase: f64,
    resonators: [[f64; 2]; 3],
}

impl Synthesis {
    fn sample(&mut self, time: f64, rate: f64) -> i16 {
        let within = (time * SYLLABLES).fract();
        self.phase += (130.0 - 15.0 * within + 10.0 * (time * 2.1).sin()) / rate;
        let pulse = if self.phase >= 1.0 { 1.0 } else { 0.0 };
        self.phase -= pulse;
        let vowel = VOWELS[(time * SYLLABLES) as usize % 3];
        let mut sum = 0.0;
        for (at, (state, hz)) in self.resonators.iter_mut().zip(vowel).enumerate() {
            let at = at as f64;
            let radius = (-PI * (60.0 + 30.0 * at) / rate).exp();
            let turn = 2.0 * radius * (2.0 * PI * hz / rate).cos();
            let new = pulse / (1.0 + at) + turn * state[0] - radius * radius * state[1];
            *state = [new, state[0]];
            sum += new;
        }
        (sum * (PI * within).sin() * 5_000.0) as i16
    }
}

const SYLLABLES: f64 = 5.0;

/// The formants of a, i and o, in hertz.
const VOWELS: [[f64; 3]; 3] = [
    [730.0, 1_090.0, 2_440.0],
    [270.0, 2_290.0, 3_010.0],
    [570.0, 840.0, 2_410.0],
];
