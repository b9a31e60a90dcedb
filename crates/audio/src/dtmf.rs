//! Keys as tones: making them, and hearing them in sound.
//!
//! In: keys, or samples. Out: samples of two sines (ITU-T Q.23), or keys that
//! were pressed and let go. [`KeyTone`] makes one press, with soft edges;
//! [`Detector`] hears presses of 40 ms or more (ITU-T Q.24). Left out: events
//! that travel as packets of their own.

mod detector;

pub use detector::{Detected, Detector};

use std::fmt;
use std::time::Duration;

use crate::level::Dbov;
use crate::rate::SampleRate;

/// A key of a telephone: `0`-`9`, `*`, `#`, `A`-`D`.
///
/// ```
/// use talkpath_audio::dtmf::Key;
/// let key = Key::from_char('5').expect("it is a key");
/// assert_eq!(key.frequencies(), (770.0, 1_336.0));
/// assert_eq!(Key::from_char('x'), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Place in [`LOW`] and in [`HIGH`].
    row: u8,
    column: u8,
}

impl Key {
    /// The key of a character, letters in either case.
    #[must_use]
    pub fn from_char(key: char) -> Option<Self> {
        let key = key.to_ascii_uppercase();
        let place = KEYS.iter().flatten().position(|&known| known == key)?;
        Some(Key::at(place / 4, place % 4))
    }

    /// All sixteen, row by row.
    pub fn all() -> impl Iterator<Item = Key> {
        (0..16).map(|place| Key::at(place / 4, place % 4))
    }

    fn at(row: usize, column: usize) -> Self {
        Key {
            row: row as u8,
            column: column as u8,
        }
    }

    /// Its character; letters are capitals.
    #[must_use]
    pub fn as_char(self) -> char {
        KEYS[usize::from(self.row)][usize::from(self.column)]
    }

    /// Its two frequencies in hertz, the lower first (ITU-T Q.23).
    #[must_use]
    pub fn frequencies(self) -> (f32, f32) {
        (LOW[usize::from(self.row)], HIGH[usize::from(self.column)])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_char(), f)
    }
}

/// The sound of one press of a key.
///
/// It begins and ends softly, over 2 ms within its duration, so that it does not
/// click. It allocates nothing.
///
/// ```
/// use std::time::Duration;
/// use talkpath_audio::SampleRate;
/// use talkpath_audio::dtmf::{Key, KeyTone};
/// let key = Key::from_char('5').expect("it is a key");
/// let mut tone = KeyTone::new(key, Duration::from_millis(50), SampleRate::HZ_8000);
/// let mut pcm = [0; 500];
/// assert_eq!(tone.fill(&mut pcm), 400);
/// ```
#[derive(Clone, Debug)]
pub struct KeyTone {
    low: Sine,
    high: Sine,
    rate: SampleRate,
    /// Samples made, and samples in all.
    made: usize,
    len: usize,
    ramp: usize,
}

impl KeyTone {
    /// A press of `key` at the usual level: −9 dBm0 the lower tone, −7 dBm0 the
    /// higher.
    #[must_use]
    pub fn new(key: Key, duration: Duration, rate: SampleRate) -> Self {
        let levels = (Dbov::from_dbm0(-9.0), Dbov::from_dbm0(-7.0));
        Self::with_levels(key, levels, duration, rate)
    }

    /// A press with the levels of the lower and the higher tone.
    #[must_use]
    pub fn with_levels(
        key: Key,
        (low, high): (Dbov, Dbov),
        duration: Duration,
        rate: SampleRate,
    ) -> Self {
        let (low_hz, high_hz) = key.frequencies();
        let len = rate.samples_in(duration);
        KeyTone {
            low: Sine::new(low_hz, low, rate),
            high: Sine::new(high_hz, high, rate),
            rate,
            made: 0,
            len,
            ramp: rate.samples_in(RAMP).min(len / 2).max(1),
        }
    }

    /// Ends the press now: what is left is its soft edge.
    pub fn release(&mut self) {
        self.len = self.len.min(self.made + self.ramp);
    }

    /// Makes the press no longer than `duration`; its end stays soft as far as
    /// it is not made yet.
    pub fn cap(&mut self, duration: Duration) {
        let len = self.rate.samples_in(duration).max(self.made);
        self.len = self.len.min(len);
    }

    /// Writes what is left of the press, as far as `pcm` reaches, and returns
    /// how many samples that were; the rest of `pcm` becomes silence.
    pub fn fill(&mut self, pcm: &mut [i16]) -> usize {
        let count = pcm.len().min(self.len - self.made);
        let (sounds, silent) = pcm.split_at_mut(count);
        for sample in sounds {
            let edge = self.made.min(self.len - 1 - self.made).min(self.ramp);
            let gain = (edge as f32 + 0.5) / (self.ramp as f32 + 0.5);
            let sum = self.low.next(self.rate) + self.high.next(self.rate);
            *sample = (sum * gain.min(1.0)).round() as i16; // the cast saturates
            self.made += 1;
        }
        silent.fill(0);
        count
    }

    /// Whether nothing is left of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.made >= self.len
    }
}

#[derive(Clone, Copy, Debug)]
struct Sine {
    /// In turns: 0 to 1.
    phase: f64,
    hz: f64,
    amplitude: f32,
}

impl Sine {
    fn new(hz: f32, level: Dbov, rate: SampleRate) -> Self {
        // A rate too low for the tone leaves it out.
        let fits = f64::from(hz) * 2.0 < f64::from(rate.hz());
        Sine {
            phase: 0.0,
            hz: f64::from(hz),
            amplitude: match fits {
                true => 32_767.0 * std::f32::consts::SQRT_2 * level.rms(),
                false => 0.0,
            },
        }
    }

    fn next(&mut self, rate: SampleRate) -> f32 {
        let angle = self.phase * std::f64::consts::TAU;
        self.phase = (self.phase + self.hz / f64::from(rate.hz())).fract();
        angle.sin() as f32 * self.amplitude
    }
}

/// ITU-T Q.23 §4: the lower and the higher group, in hertz.
const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] = [
    ['1', '2', '3', 'A'],
    ['4', '5', '6', 'B'],
    ['7', '8', '9', 'C'],
    ['*', '0', '#', 'D'],
];
/// How long an edge is.
const RAMP: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests;
