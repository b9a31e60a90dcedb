//! What tone is in a recording, and how clean it is.
//!
//! In: samples that should hold one steady sine, as tests and peers send it.
//! Out: its frequency, its level, and the ratio of its power to everything else
//! (noise, harmonics, gaps, offset). A scan of the spectrum finds it, then sines
//! are fitted by least squares to blocks of 100 ms, so that a jump in phase, as
//! a jitter buffer makes it, costs one block and not the whole. For tests and
//! tools: it allocates, and takes milliseconds for a second of sound.

use std::f64::consts::TAU;

use crate::level::Dbov;
use crate::rate::SampleRate;

/// What [`tone`] found.
///
/// ```
/// use talkpath_audio::{Dbov, SampleRate, Tone, ToneGenerator, measure};
/// let mut pcm = vec![0; 8_000];
/// ToneGenerator::new(Tone::sine(440.0, Dbov(-16.0)), SampleRate::HZ_8000).fill(&mut pcm);
/// let heard = measure::tone(&pcm, SampleRate::HZ_8000).expect("there is a tone");
/// assert!((heard.hz - 440.0).abs() < 0.01 && heard.snr_db > 60.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToneReport {
    /// Frequency of the strongest sine, in hertz.
    pub hz: f64,
    /// Power of that sine.
    pub level: Dbov,
    /// Its power over that of all the rest, in dB; infinite if there is no rest.
    pub snr_db: f64,
}

/// Measures the strongest sine in mono samples.
///
/// `None` for silence and for less than 100 ms. Cut silence away with
/// [`active`] first: it counts as something that is not the tone.
#[must_use]
pub fn tone(pcm: &[i16], rate: SampleRate) -> Option<ToneReport> {
    let block_len = rate.hz() as usize / 10;
    if pcm.len() < block_len || pcm.iter().all(|&sample| sample == 0) {
        return None;
    }
    let signal: Vec<f64> = pcm.iter().map(|&sample| f64::from(sample)).collect();
    let start = strongest_line(loudest_part(&signal, block_len * 4));
    let omega = refine(&signal, block_len, start);
    let power = |sum: f64| sum / signal.len() as f64;
    let tone = power(fitted_energy(&signal, block_len, omega));
    let all = power(signal.iter().map(|x| x * x).sum());
    let rest = (all - tone).max(0.0);
    Some(ToneReport {
        hz: omega / TAU * f64::from(rate.hz()),
        level: Dbov((10.0 * (tone / f64::from(1u32 << 30)).log10()) as f32),
        snr_db: 10.0 * (tone / rest).log10(),
    })
}

/// The part between the first and the last sample louder than `threshold`.
///
/// ```
/// assert_eq!(talkpath_audio::measure::active(&[0, 1, 90, 0, -95, 2], 10), [90, 0, -95]);
/// ```
#[must_use]
pub fn active(pcm: &[i16], threshold: u16) -> &[i16] {
    let loud = |sample: &i16| sample.unsigned_abs() > threshold;
    let Some(first) = pcm.iter().position(loud) else {
        return &[];
    };
    let last = pcm.iter().rposition(loud).unwrap_or(first);
    &pcm[first..=last]
}

/// The `len` samples with the most energy, so that a gap does not mislead.
fn loudest_part(signal: &[f64], len: usize) -> &[f64] {
    let energy = |part: &&[f64]| part.iter().map(|x| x * x).sum::<f64>();
    signal
        .chunks(len)
        .filter(|part| part.len() * 2 >= len.min(signal.len()))
        .max_by(|a, b| energy(a).total_cmp(&energy(b)))
        .unwrap_or(signal)
}

/// Radians per sample of the strongest spectral line, to within one bin.
fn strongest_line(part: &[f64]) -> f64 {
    let len = part.len().min(SCAN_LEN);
    let windowed: Vec<f64> = part[..len]
        .iter()
        .enumerate()
        .map(|(n, x)| x * (0.5 - 0.5 * (TAU * (n as f64 + 0.5) / len as f64).cos()))
        .collect();
    // Half bins: the window's main lobe is four of them wide. Neither the
    // offset at 0 nor the end of the band is a tone.
    let bin = TAU / (2 * len) as f64;
    (3..len - 2)
        .map(|k| k as f64 * bin)
        .max_by(|&a, &b| goertzel(&windowed, a).total_cmp(&goertzel(&windowed, b)))
        .unwrap_or(bin)
}

/// Power at one frequency (Goertzel's recurrence).
fn goertzel(signal: &[f64], omega: f64) -> f64 {
    let coefficient = 2.0 * omega.cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for &x in signal {
        let s0 = x + coefficient * s1 - s2;
        s2 = s1;
        s1 = s0;
    }
    s1 * s1 + s2 * s2 - coefficient * s1 * s2
}

/// Moves to the top of the fitted energy, by golden section.
fn refine(signal: &[f64], block_len: usize, start: f64) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_895;
    let signal = &signal[..signal.len().min(block_len * 20)];
    let reach = TAU / (2 * SCAN_LEN.min(4 * block_len)) as f64;
    let (mut low, mut high) = (start - reach, start + reach);
    for _ in 0..28 {
        let left = high - RATIO * (high - low);
        let right = low + RATIO * (high - low);
        if fitted_energy(signal, block_len, left) < fitted_energy(signal, block_len, right) {
            low = left;
        } else {
            high = right;
        }
    }
    (low + high) / 2.0
}

/// Energy of the sines of this frequency that fit each block best.
fn fitted_energy(signal: &[f64], block_len: usize, omega: f64) -> f64 {
    signal
        .chunks(block_len)
        .map(|block| fit(block, omega))
        .sum()
}

/// Energy of `a·cos + b·sin` with the least squared distance to one block.
fn fit(block: &[f64], omega: f64) -> f64 {
    let (turn_sin, turn_cos) = omega.sin_cos();
    let (mut cos, mut sin) = (1.0, 0.0);
    let (mut cc, mut ss, mut cs, mut xc, mut xs) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &x in block {
        cc += cos * cos;
        ss += sin * sin;
        cs += cos * sin;
        xc += x * cos;
        xs += x * sin;
        (cos, sin) = (
            cos * turn_cos - sin * turn_sin,
            sin * turn_cos + cos * turn_sin,
        );
    }
    let determinant = cc * ss - cs * cs;
    if determinant <= 1e-9 {
        return 0.0;
    }
    let a = (xc * ss - xs * cs) / determinant;
    let b = (xs * cc - xc * cs) / determinant;
    // The projection's energy is its product with the signal.
    a * xc + b * xs
}

/// Samples that are scanned for the strongest line.
const SCAN_LEN: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, amplitude: f64, rate: SampleRate, samples: usize) -> Vec<f64> {
        let omega = TAU * hz / f64::from(rate.hz());
        (0..samples)
            .map(|n| amplitude * (omega * n as f64 + 0.3).sin())
            .collect()
    }

    fn rounded(signal: &[f64]) -> Vec<i16> {
        signal.iter().map(|x| x.round() as i16).collect()
    }

    #[test]
    fn frequencies_across_the_band_are_found_at_every_rate() {
        for hz in [8_000u32, 16_000, 48_000] {
            let rate = SampleRate::new(hz).unwrap();
            for wanted in [53.7, 440.0, 1_004.0, 3_399.9] {
                let pcm = rounded(&sine(wanted, 8_000.0, rate, hz as usize / 2));
                let found = tone(&pcm, rate).unwrap();
                assert!(
                    (found.hz - wanted).abs() < 0.02,
                    "{wanted} at {hz}: {found:?}"
                );
                assert!(found.snr_db > 60.0, "{wanted} at {hz}: {found:?}");
            }
        }
    }

    #[test]
    fn the_ratio_is_that_of_tone_and_noise() {
        let mut state = 7u32;
        let mut noise = || {
            // A linear congruence; its upper bits are uniform enough.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state) / f64::from(u32::MAX) - 0.5
        };
        let clean = sine(700.0, 10_000.0, SampleRate::HZ_8000, 16_000);
        // Uniform noise of width w has the power w²/12, the sine a²/2.
        let width = (12.0 * 10_000.0f64.powi(2) / 2.0 / 1_000.0).sqrt();
        let noisy: Vec<f64> = clean.iter().map(|x| x + width * noise()).collect();
        let found = tone(&rounded(&noisy), SampleRate::HZ_8000).unwrap();
        assert!((found.snr_db - 30.0).abs() < 0.5, "{found:?}");
        assert!((found.hz - 700.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn a_gap_and_an_offset_lower_the_ratio_and_keep_the_frequency() {
        let mut pcm = rounded(&sine(1_000.0, 10_000.0, SampleRate::HZ_8000, 8_000));
        pcm[2_000..2_160].fill(0);
        let gap = tone(&pcm, SampleRate::HZ_8000).unwrap();
        assert!((gap.hz - 1_000.0).abs() < 0.2, "{gap:?}");
        assert!(gap.snr_db < 25.0, "{gap:?}");

        let offset: Vec<f64> = sine(1_000.0, 10_000.0, SampleRate::HZ_8000, 8_000)
            .iter()
            .map(|x| x + 1_000.0)
            .collect();
        let found = tone(&rounded(&offset), SampleRate::HZ_8000).unwrap();
        assert!((found.snr_db - 17.0).abs() < 0.2, "{found:?}");
    }

    #[test]
    fn a_jump_in_phase_costs_little() {
        let mut pcm = rounded(&sine(440.0, 10_000.0, SampleRate::HZ_8000, 16_000));
        pcm.drain(7_000..7_009);
        let found = tone(&pcm, SampleRate::HZ_8000).unwrap();
        assert!(
            (found.hz - 440.0).abs() < 0.5 && found.snr_db > 10.0,
            "{found:?}"
        );
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(tone(&[], SampleRate::HZ_8000), None);
        assert_eq!(tone(&[0; 8_000], SampleRate::HZ_8000), None);
        assert_eq!(tone(&[5; 700], SampleRate::HZ_8000), None);
        assert_eq!(active(&[0, -3], 5), [0; 0]);
    }

    #[test]
    fn odd_signals_do_not_break_it() {
        for pcm in [
            vec![i16::MIN; 4_000],
            vec![1; 801],
            [i16::MAX, i16::MIN].repeat(2_000),
        ] {
            let found = tone(&pcm, SampleRate::HZ_8000).unwrap();
            assert!(found.hz.is_finite() && !found.snr_db.is_nan(), "{found:?}");
        }
    }
}
