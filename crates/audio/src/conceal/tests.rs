use super::*;
use crate::level::Dbov;
use crate::tone::{Tone, ToneGenerator};
use proptest::prelude::*;

const RATE: SampleRate = SampleRate::HZ_8000;

fn largest_step(pcm: &[i16]) -> i32 {
    let steps = pcm
        .windows(2)
        .map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs());
    steps.max().unwrap_or(0)
}

/// A tone of which the frames in `lost` are concealed.
fn tone_with_gaps(hz: f32, frames: usize, lost: &[usize]) -> (Vec<i16>, Vec<Fill>) {
    let mut tone = ToneGenerator::new(Tone::sine(hz, Dbov(-10.0)), RATE);
    let mut concealer = Concealer::new(RATE);
    let (mut heard, mut fills) = (Vec::new(), Vec::new());
    for n in 0..frames {
        let mut frame = [0; 160];
        tone.fill(&mut frame);
        if lost.contains(&n) {
            frame = [i16::MAX; 160]; // what was there before must not shine through
            fills.push(concealer.conceal(&mut frame));
        } else {
            concealer.good(&mut frame);
        }
        heard.extend(frame);
    }
    (heard, fills)
}

#[test]
fn without_loss_nothing_is_touched() {
    let (heard, _) = tone_with_gaps(437.0, 10, &[]);
    let mut sent = vec![0; 1_600];
    ToneGenerator::new(Tone::sine(437.0, Dbov(-10.0)), RATE).fill(&mut sent);
    assert_eq!(heard, sent);
}

#[test]
fn neither_end_of_a_gap_clicks() {
    // 437 Hz does not fit into 20 ms: repeating it bare would jump by up to
    // twice the amplitude, 29,000.
    let (clean, _) = tone_with_gaps(437.0, 20, &[]);
    for lost in [&[5][..], &[5, 6], &[5, 6, 7], &[5, 6, 7, 8, 9], &[5, 7, 9]] {
        let (heard, _) = tone_with_gaps(437.0, 20, lost);
        // The blends are 20 samples long, so they may add a twentieth of
        // twice the amplitude per sample, and a little of the fade.
        let allowed = largest_step(&clean) + 29_000 / 20 + 200;
        assert!(
            largest_step(&heard) <= allowed,
            "{lost:?}: {}",
            largest_step(&heard)
        );
    }
}

#[test]
fn a_long_gap_fades_to_silence_and_says_so() {
    let lost: Vec<usize> = (4..12).collect();
    let (heard, fills) = tone_with_gaps(400.0, 14, &lost);
    let silent = fills.iter().position(|&fill| fill == Fill::Silence);
    let silent = silent.expect("160 ms are too long");
    assert!(fills[silent..].iter().all(|&fill| fill == Fill::Silence));
    let peak = |n: usize| {
        heard[(4 + n) * 160..][..160]
            .iter()
            .map(|s| s.unsigned_abs())
            .max()
    };
    for n in 1..silent {
        assert!(peak(n) < peak(n - 1) && peak(n) > Some(0), "{n}");
    }
    assert_eq!(peak(silent), Some(0));
}

#[test]
fn after_the_cross_fade_the_good_frame_is_untouched() {
    let (clean, _) = tone_with_gaps(437.0, 8, &[]);
    let (heard, _) = tone_with_gaps(437.0, 8, &[4]);
    let recovered = 5 * 160;
    assert_ne!(heard[recovered..][..20], clean[recovered..][..20]);
    assert_eq!(heard[recovered + 80..], clean[recovered + 80..]);
}

#[test]
fn before_the_first_frame_there_is_silence_and_the_first_is_untouched() {
    let mut concealer = Concealer::new(RATE);
    let mut frame = [77; 160];
    assert_eq!(concealer.conceal(&mut frame), Fill::Silence);
    assert_eq!(frame, [0; 160]);
    let mut first = [5_000; 160];
    concealer.good(&mut first);
    assert_eq!(first, [5_000; 160]);
    concealer.reset();
    assert_eq!(concealer.conceal(&mut frame), Fill::Silence);
}

#[test]
fn frames_shorter_than_the_blend_are_blended_together() {
    let mut concealer = Concealer::new(RATE);
    concealer.good(&mut [1_000; 160]);
    concealer.conceal(&mut [0; 480]);
    let mut heard = Vec::new();
    for _ in 0..12 {
        let mut frame = [2_100; 8];
        concealer.good(&mut frame);
        heard.extend(frame);
    }
    assert!(heard.is_sorted() && heard[0] < 1_000, "{heard:?}");
    assert_eq!(heard[80..], [2_100; 16]);
}

#[test]
fn with_the_next_packet_at_hand_a_gap_joins_it_and_leaves_it_alone() {
    for hz in [110.0, 237.0, 437.0, 1_300.0] {
        let mut clean = vec![0; 1_600];
        ToneGenerator::new(Tone::sine(hz, Dbov(-10.0)), RATE).fill(&mut clean);
        for gap in [1, 40, 160, 320, 480] {
            let (mut heard, end) = (clean.clone(), 640 + gap);
            let mut concealer = Concealer::new(RATE);
            concealer.good(&mut heard[..640]);
            let (before, after) = heard.split_at_mut(end);
            let fill = concealer.conceal_between(&mut before[640..], &after[..160]);
            concealer.good(&mut after[..160]);
            assert_eq!(fill, Fill::Concealed);
            assert_eq!(after, &clean[end..]);
            let allowed = largest_step(&clean) * 5 / 4 + 200;
            assert!(
                largest_step(&heard) <= allowed,
                "{hz} Hz, {gap}: {} > {allowed}",
                largest_step(&heard)
            );
        }
    }
}

/// A voice of which the pitch glides, in samples of `rate`.
fn gliding_voice(rate: SampleRate, len: usize, glide: f32) -> Vec<i16> {
    let (mut phase, mut pcm) = (0.0_f32, Vec::with_capacity(len));
    for n in 0..len {
        let seconds = n as f32 / rate.hz() as f32;
        phase += (150.0 + glide * seconds) / rate.hz() as f32;
        // Harmonics that fall by 6 dB an octave, of different phases.
        let harmonics = (1..=12).map(|h| h as f32);
        let wave = harmonics.map(|h| (std::f32::consts::TAU * phase * h + h * h).sin() / h);
        pcm.push((5_000.0 * wave.sum::<f32>()) as i16);
    }
    pcm
}

/// Power of what was sent over that of what is wrong with what was heard, in dB.
fn snr(sent: &[i16], heard: &[i16]) -> f64 {
    let power = |pcm: &mut dyn Iterator<Item = f64>| pcm.map(|x| x * x).sum::<f64>();
    let signal = power(&mut sent.iter().map(|&x| f64::from(x)));
    let pairs = sent.iter().zip(heard);
    let wrong = power(&mut pairs.map(|(&a, &b)| f64::from(a) - f64::from(b)));
    10.0 * (signal / wrong.max(1.0)).log10()
}

#[test]
fn a_voice_that_glides_is_met_in_phase() {
    for rate in [8_000, 16_000, 24_000, 48_000].map(|hz| SampleRate::new(hz).unwrap()) {
        for glide in [-150.0, 0.0, 150.0] {
            let frame = rate.frame_len();
            let sent = gliding_voice(rate, 10 * frame, glide);
            let gap = 6 * frame..7 * frame;
            let mut concealer = Concealer::new(rate);
            concealer.good(&mut sent[..gap.start].to_vec());
            let mut heard = vec![0; frame];
            concealer.conceal_between(&mut heard, &sent[gap.end..][..frame]);
            let snr = snr(&sent[gap], &heard);
            assert!(snr > 10.0, "{rate}, {glide} Hz/s: {snr} dB");
        }
    }
}

#[test]
fn a_gap_of_which_the_end_comes_late_is_still_joined() {
    let sent = gliding_voice(RATE, 1_600, 100.0);
    let mut heard = sent.clone();
    let mut concealer = Concealer::new(RATE);
    concealer.good(&mut heard[..640]);
    concealer.conceal(&mut heard[640..800]);
    concealer.conceal_between(&mut heard[800..960], &sent[960..1_120]);
    concealer.good(&mut heard[960..]);
    assert_eq!(heard[960..], sent[960..]);
    assert!(largest_step(&heard) <= largest_step(&sent) * 5 / 4);
    assert!(snr(&sent[640..960], &heard[640..960]) > 3.0);
}

#[test]
fn a_loud_side_does_not_spill_over_the_whole_gap() {
    let (loud, quiet) = (gliding_voice(RATE, 640, 0.0), vec![0; 160]);
    let power = |pcm: &[i16]| pcm.iter().map(|&x| i64::from(x).pow(2)).sum::<i64>();
    let before_silence = {
        let (mut concealer, mut gap) = (Concealer::new(RATE), vec![0; 160]);
        concealer.good(&mut loud.clone());
        concealer.conceal_between(&mut gap, &quiet);
        gap
    };
    let after_silence = {
        let (mut concealer, mut gap) = (Concealer::new(RATE), vec![0; 160]);
        concealer.good(&mut vec![0; 640]);
        concealer.conceal_between(&mut gap, &loud[..160]);
        gap
    };
    assert!(power(&before_silence[..80]) > 10 * power(&before_silence[80..]));
    assert!(power(&after_silence[80..]) > 10 * power(&after_silence[..80]));
}

#[test]
fn noise_that_lasts_does_not_turn_into_a_buzz() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % 6_001) as i16 - 3_000
    };
    let mut heard: Vec<i16> = (0..800).map(|_| noise()).collect();
    let mut concealer = Concealer::new(RATE);
    concealer.good(&mut heard[..640]);
    concealer.conceal(&mut heard[640..800]);
    let likeness = |lag: usize| {
        let (now, before) = (&heard[640 + lag..800], &heard[640..800 - lag]);
        let sum = |a: &[i16], b: &[i16]| -> f64 {
            let products = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
            products.sum()
        };
        sum(now, before) / (sum(now, now) * sum(before, before)).sqrt()
    };
    let buzz = (20..100).map(likeness).fold(0.0, f64::max);
    assert!(buzz < 0.6, "{buzz}");
}

proptest! {
    #[test]
    fn any_sequence_of_frames_stays_near_its_own_peak_and_ends_silent(
        steps in proptest::collection::vec((0..3, 0usize..400, -9_000i16..9_000), 0..40),
        hz in 4_000u32..50_000,
    ) {
        let mut concealer = Concealer::new(SampleRate::new(hz).unwrap());
        for (step, len, value) in steps {
            let mut frame = vec![value; len];
            match step {
                0 => concealer.good(&mut frame),
                1 => { concealer.conceal(&mut frame); }
                _ => { concealer.conceal_between(&mut frame, &vec![value / 2; len / 2]); }
            }
            // The step at a joint may triple what was there.
            prop_assert!(frame.iter().all(|sample| sample.unsigned_abs() <= 27_000));
        }
        let mut gap = vec![1; 200 * hz as usize / 1_000];
        concealer.conceal(&mut gap);
        let mut after = [1; 10];
        prop_assert_eq!(concealer.conceal(&mut after), Fill::Silence);
        prop_assert_eq!(after, [0; 10]);
    }

    #[test]
    fn no_samples_make_it_panic(
        steps in proptest::collection::vec(
            (0..4, proptest::collection::vec(any::<i16>(), 0..700), 0usize..700), 0..20),
        hz in 4_000u32..50_000,
    ) {
        let mut concealer = Concealer::new(SampleRate::new(hz).unwrap());
        for (step, mut frame, len) in steps {
            match step {
                0 | 1 => concealer.good(&mut frame),
                2 => { concealer.conceal(&mut vec![0; len]); }
                _ => { concealer.conceal_between(&mut vec![0; len], &frame); }
            }
        }
    }
}
