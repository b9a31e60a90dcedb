//! Tones: up to four sines together, on and off in a cadence.
//!
//! In: frequencies, levels, on and off times (ITU-T E.180). Out: samples at any
//! rate, continuous in phase however they are asked for. Left out: DTMF digits
//! and the notion of what a tone means to a caller.

use std::time::Duration;

use crate::level::Dbov;
use crate::rate::SampleRate;

/// What a tone sounds like: its sines and its cadence.
///
/// ```
/// use std::time::Duration;
/// use talkpath_audio::{Cadence, Dbov, Tone};
/// let ringback = Tone::sine(425.0, Dbov(-16.0))
///     .cadence(Cadence::new(Duration::from_secs(1), Duration::from_secs(4)));
/// let dial = Tone::sine(350.0, Dbov(-16.0)).and(440.0, Dbov(-16.0));
/// # let _ = (ringback, dial);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    sines: [Option<Sine>; MAX_SINES],
    cadence: Option<Cadence>,
}

/// Times of sound and silence that repeat for ever.
///
/// ```
/// use std::time::Duration;
/// use talkpath_audio::Cadence;
/// // The British double ring: 0.4 s, 0.2 s off, 0.4 s, 2 s off.
/// let ms = Duration::from_millis;
/// let ring = Cadence::new(ms(400), ms(200)).then(ms(400), ms(2_000));
/// # let _ = ring;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// On and off times; those that are not used are zero and skipped.
    pairs: [(Duration, Duration); MAX_PAIRS],
}

/// Turns a [`Tone`] into samples.
///
/// It keeps phase and place in the cadence from one call to the next, and
/// allocates nothing.
///
/// ```
/// use talkpath_audio::{Dbov, SampleRate, Tone, ToneGenerator};
/// let mut tone = ToneGenerator::new(Tone::sine(1_000.0, Dbov::FULL_SINE), SampleRate::HZ_8000);
/// let mut pcm = [0; 4];
/// tone.fill(&mut pcm);
/// assert_eq!(pcm, [0, 23_170, 32_767, 23_170]);
/// ```
#[derive(Clone, Debug)]
pub struct ToneGenerator {
    oscillators: [Oscillator; MAX_SINES],
    /// On, off, on, off… in samples.
    phases: [u64; 2 * MAX_PAIRS],
    /// Index into `phases`, and samples left of it; `None` is always on.
    place: Option<(usize, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Sine {
    hz: f32,
    level: Dbov,
}

#[derive(Clone, Copy, Debug, Default)]
struct Oscillator {
    /// In units of 2^-32 turns: wraps by itself.
    phase: u32,
    step: u32,
    amplitude: f32,
}

impl Tone {
    /// A single sine, always on.
    ///
    /// The level is the power of the sine; above [`Dbov::FULL_SINE`] it clips.
    #[must_use]
    pub fn sine(hz: f32, level: Dbov) -> Self {
        Self {
            sines: [Some(Sine { hz, level }), None, None, None],
            cadence: None,
        }
    }

    /// Adds another sine; a fifth one is left out.
    #[must_use]
    pub fn and(mut self, hz: f32, level: Dbov) -> Self {
        if let Some(free) = self.sines.iter_mut().find(|sine| sine.is_none()) {
            *free = Some(Sine { hz, level });
        }
        self
    }

    /// Sets the cadence; without one the tone is always on.
    #[must_use]
    pub fn cadence(mut self, cadence: Cadence) -> Self {
        self.cadence = Some(cadence);
        self
    }

    /// The ringing tone of most of Europe: 425 Hz, 1 s on and 4 s off.
    ///
    /// ITU-T E.180 Supplement 2 lists the tones of all countries.
    #[must_use]
    pub fn ringback() -> Self {
        Self::sine(425.0, NETWORK_LEVEL)
            .cadence(Cadence::new(Duration::from_secs(1), Duration::from_secs(4)))
    }

    /// The busy tone of most of Europe: 425 Hz, 0.5 s on and 0.5 s off.
    #[must_use]
    pub fn busy() -> Self {
        let half = Duration::from_millis(500);
        Self::sine(425.0, NETWORK_LEVEL).cadence(Cadence::new(half, half))
    }
}

impl Cadence {
    /// Sound for `on`, then silence for `off`.
    #[must_use]
    pub fn new(on: Duration, off: Duration) -> Self {
        let mut pairs = [(Duration::ZERO, Duration::ZERO); MAX_PAIRS];
        pairs[0] = (on, off);
        Self { pairs }
    }

    /// Adds a pair before the repetition; a fifth one is left out.
    #[must_use]
    pub fn then(mut self, on: Duration, off: Duration) -> Self {
        let unused = (Duration::ZERO, Duration::ZERO);
        if let Some(pair) = self.pairs.iter_mut().find(|pair| **pair == unused) {
            *pair = (on, off);
        }
        self
    }
}

impl ToneGenerator {
    /// Starts a tone at the beginning of its cadence.
    ///
    /// A sine at or above half of the rate, or not a number, is left out.
    #[must_use]
    pub fn new(tone: Tone, rate: SampleRate) -> Self {
        let oscillators = tone
            .sines
            .map(|sine| sine.map(|s| Oscillator::new(s, rate)).unwrap_or_default());
        let mut phases = [0; 2 * MAX_PAIRS];
        if let Some(cadence) = tone.cadence {
            for (slot, (on, off)) in phases.chunks_exact_mut(2).zip(cadence.pairs) {
                slot.copy_from_slice(&[on, off].map(|time| rate.samples_in(time) as u64));
            }
        }
        // A cadence without any time in it would never end its search.
        let place = phases
            .iter()
            .any(|&samples| samples > 0)
            .then_some((0, phases[0]));
        Self {
            oscillators,
            phases,
            place,
        }
    }

    /// Writes the next samples of the tone, or of the silence in its cadence.
    pub fn fill(&mut self, pcm: &mut [i16]) {
        let mut rest = pcm;
        while !rest.is_empty() {
            let (on, run) = self.next_run(rest.len());
            let (now, later) = rest.split_at_mut(run);
            if on {
                now.fill_with(|| self.sample());
            } else {
                now.fill(0);
            }
            rest = later;
        }
    }

    /// Whether the next `1..=wanted` samples sound, and how many they are.
    fn next_run(&mut self, wanted: usize) -> (bool, usize) {
        let Some((index, left)) = &mut self.place else {
            return (true, wanted);
        };
        while *left == 0 {
            *index = (*index + 1) % self.phases.len();
            *left = self.phases[*index];
        }
        let run = wanted.min(usize::try_from(*left).unwrap_or(wanted));
        *left -= run as u64;
        (*index % 2 == 0, run)
    }

    fn sample(&mut self) -> i16 {
        let sum: f32 = self.oscillators.iter_mut().map(Oscillator::next).sum();
        sum.round() as i16 // the cast saturates
    }
}

impl Oscillator {
    fn new(sine: Sine, rate: SampleRate) -> Self {
        let turns = f64::from(sine.hz) / f64::from(rate.hz());
        if !(turns > 0.0 && turns < 0.5) {
            return Self::default();
        }
        let amplitude = 32_767.0 * std::f32::consts::SQRT_2 * sine.level.rms();
        Self {
            phase: 0,
            step: (turns * TURN).round() as u32,
            amplitude,
        }
    }

    fn next(&mut self) -> f32 {
        if self.amplitude == 0.0 {
            return 0.0;
        }
        let angle = f64::from(self.phase) * (std::f64::consts::TAU / TURN);
        self.phase = self.phase.wrapping_add(self.step);
        (angle as f32).sin() * self.amplitude
    }
}

const MAX_SINES: usize = 4;
const MAX_PAIRS: usize = 4;
/// ITU-T E.180 §8 recommends -10 dBm0 for tones of the network.
const NETWORK_LEVEL: Dbov = Dbov(-16.15);
const TURN: f64 = 4_294_967_296.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure;
    use proptest::prelude::*;

    fn render(tone: Tone, rate: SampleRate, samples: usize) -> Vec<i16> {
        let mut pcm = vec![0; samples];
        ToneGenerator::new(tone, rate).fill(&mut pcm);
        pcm
    }

    #[test]
    fn frequency_and_level_are_what_was_asked_for_at_every_rate() {
        for hz in [8_000, 16_000, 24_000, 48_000] {
            let rate = SampleRate::new(hz).unwrap();
            let pcm = render(Tone::sine(440.0, Dbov(-20.0)), rate, hz as usize);
            let heard = measure::tone(&pcm, rate).unwrap();
            assert!((heard.hz - 440.0).abs() < 0.01, "{heard:?}");
            assert!((heard.level.0 - -20.0).abs() < 0.01, "{heard:?}");
            assert!(heard.snr_db > 70.0, "{heard:?}");
        }
    }

    #[test]
    fn ringback_sounds_one_second_in_five() {
        let pcm = render(Tone::ringback(), SampleRate::HZ_8000, 80_000);
        for (second, chunk) in pcm.chunks_exact(8_000).enumerate() {
            let sounds = chunk.iter().any(|&sample| sample != 0);
            assert_eq!(sounds, second % 5 == 0, "second {second}");
        }
    }

    #[test]
    fn a_cadence_of_two_pairs_repeats_after_both() {
        let ms = Duration::from_millis;
        let cadence = Cadence::new(ms(400), ms(200)).then(ms(400), ms(2_000));
        let tone = Tone::sine(400.0, Dbov(-16.0))
            .and(450.0, Dbov(-16.0))
            .cadence(cadence);
        let pcm = render(tone, SampleRate::HZ_8000, 48_000);
        let sounding: Vec<bool> = pcm
            .chunks_exact(1_600)
            .map(|c| c.iter().any(|&s| s != 0))
            .collect();
        let expected: Vec<bool> = (0..30).map(|n| [0, 1, 3, 4].contains(&(n % 15))).collect();
        assert_eq!(sounding, expected);
    }

    #[test]
    fn impossible_tones_are_silence_and_impossible_cadences_are_always_on() {
        for hz in [4_000.0, -1.0, 0.0, f32::NAN, f32::INFINITY] {
            let pcm = render(Tone::sine(hz, Dbov(-6.0)), SampleRate::HZ_8000, 800);
            assert!(pcm.iter().all(|&sample| sample == 0), "{hz}");
        }
        let never = Cadence::new(Duration::ZERO, Duration::ZERO);
        let pcm = render(
            Tone::sine(440.0, Dbov(-6.0)).cadence(never),
            SampleRate::HZ_8000,
            800,
        );
        assert!(pcm.iter().any(|&sample| sample != 0));
        let forever = Cadence::new(Duration::MAX, Duration::MAX);
        let pcm = render(
            Tone::sine(440.0, Dbov(-6.0)).cadence(forever),
            SampleRate::HZ_8000,
            800,
        );
        assert!(pcm.iter().any(|&sample| sample != 0));
    }

    #[test]
    fn too_loud_clips_instead_of_wrapping() {
        let tone = Tone::sine(500.0, Dbov::FULL_SINE).and(500.0, Dbov::FULL_SINE);
        let pcm = render(tone, SampleRate::HZ_8000, 16);
        assert_eq!((pcm[4], pcm[12]), (i16::MAX, i16::MIN));
    }

    proptest! {
        #[test]
        fn samples_do_not_depend_on_how_they_are_asked_for(
            cuts in proptest::collection::vec(1usize..700, 1..20),
        ) {
            let whole = render(Tone::busy(), SampleRate::HZ_8000, cuts.iter().sum());
            let mut generator = ToneGenerator::new(Tone::busy(), SampleRate::HZ_8000);
            let mut parts = Vec::new();
            for cut in cuts {
                let start = parts.len();
                parts.resize(start + cut, 0);
                generator.fill(&mut parts[start..]);
            }
            prop_assert_eq!(whole, parts);
        }
    }
}
