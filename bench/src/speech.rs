//! Something like speech without a program that speaks: a gliding voice.
//!
//! In: a rate. Out: seconds of syllables, voiced with a pitch that moves between
//! 95 and 165 Hz and six harmonics, hissed at their ends, with a pause behind
//! each. Enough for what searches for pitch or loudness to work as hard as it
//! does in a call; no measure of quality.

use std::f64::consts::TAU;

use talkpath_audio::SampleRate;
use talkpath_sim::Rng;

/// `frames` frames of 20 ms, the same each time.
pub fn frames(rate: SampleRate, frames: usize) -> Vec<i16> {
    let (mut noise, mut phase) = (Rng::new(1), 0.0);
    let hz = f64::from(rate.hz());
    let sample = |n: usize| {
        let seconds = n as f64 / hz;
        phase += TAU * (130.0 + 35.0 * (TAU * 0.7 * seconds).sin()) / hz;
        let harmonics = (1..=6).map(|k| (phase * f64::from(k)).sin() / f64::from(k));
        let voiced: f64 = harmonics.sum();
        let hiss = noise.unit() - 0.5;
        // A syllable of 250 ms: 160 voiced, 40 of hiss, 50 of near silence.
        let value = match seconds % SYLLABLE / SYLLABLE {
            ..0.64 => 5_000.0 * voiced + 200.0 * hiss,
            ..0.8 => 3_000.0 * hiss,
            _ => 20.0 * hiss,
        };
        value as i16
    };
    (0..frames * rate.frame_len()).map(sample).collect()
}

/// Seconds of a syllable.
const SYLLABLE: f64 = 0.25;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_loud_now_and_quiet_then() {
        let speech = frames(SampleRate::HZ_8000, 50);
        assert_eq!(speech.len(), 8_000);
        let peak = |part: &[i16]| part.iter().map(|s| s.unsigned_abs()).max();
        assert!(peak(&speech[..1_000]) > Some(4_000));
        assert!(peak(&speech[1_700..1_990]) < Some(20));
    }
}
