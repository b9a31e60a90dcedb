//! Hearing keys in sound.
//!
//! In: mono samples at any rate. Out: presses that begin and end. Blocks of
//! 12.75 ms go through eight filters (Goertzel) at the frequencies of the keys
//! and four at twice those of the higher group. A block sounds like a key when its two strongest,
//! one of each group, are loud enough, hold nearly all of the power, stand out
//! of their groups, are about equally loud (twist) and have no harmonics, as
//! voices do. Two such blocks in a row are a press; three others end it.
//! ITU-T Q.24.

use std::time::Duration;

use super::{HIGH, Key, LOW};
use crate::level::Dbov;
use crate::rate::SampleRate;

/// What a [`Detector`] heard.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Detected {
    /// A key was pressed. Exactly one [`Detected::Ended`] follows.
    Began {
        /// Which key.
        key: Key,
        /// Power of both its tones.
        level: Dbov,
    },
    /// It was let go.
    Ended {
        /// Which key.
        key: Key,
        /// How long it sounded, within 13 ms.
        duration: Duration,
    },
}

/// Hears keys in mono sound.
///
/// It allocates nothing.
///
/// ```
/// use std::time::Duration;
/// use talkpath_audio::SampleRate;
/// use talkpath_audio::dtmf::{Detected, Detector, Key, KeyTone};
/// let rate = SampleRate::HZ_8000;
/// let key = Key::from_char('#').expect("it is a key");
/// let mut pcm = [0; 1_600];
/// KeyTone::new(key, Duration::from_millis(80), rate).fill(&mut pcm);
/// let mut detector = Detector::new(rate);
/// let mut heard = Vec::new();
/// detector.push(&pcm, &mut |what| heard.push(what));
/// assert!(matches!(heard[0], Detected::Began { key: found, .. } if found == key));
/// assert!(matches!(heard[1], Detected::Ended { key: found, .. } if found == key));
/// ```
#[derive(Clone, Debug)]
pub struct Detector {
    rate: SampleRate,
    block: Block,
    /// The block before.
    before: Option<Sound>,
    press: Option<Press>,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    key: Key,
    /// Blocks since it began, and how many of the last did not sound.
    blocks: u32,
    missing: u32,
}

/// A block that sounds like a key.
#[derive(Clone, Copy, Debug)]
struct Sound {
    key: Key,
    /// Power of the lower and the higher tone, as fractions of overload.
    low: f32,
    high: f32,
}

impl Sound {
    /// Whether two blocks can be of one press: voices waver.
    fn is_like(&self, other: &Sound) -> bool {
        let is_near = |a: f32, b: f32| a < b * STEADY && b < a * STEADY;
        self.key == other.key && is_near(self.low, other.low) && is_near(self.high, other.high)
    }
}

/// Filters on the samples of one block.
#[derive(Clone, Debug)]
struct Block {
    len: usize,
    filled: usize,
    energy: f32,
    filters: [Filter; FILTERS],
}

#[derive(Clone, Copy, Debug)]
struct Filter {
    coefficient: f32,
    s1: f32,
    s2: f32,
}

impl Detector {
    /// A detector for sound at `rate`.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        Detector {
            rate,
            block: Block::new(rate),
            before: None,
            press: None,
        }
    }

    /// Takes more samples, any number; `tell` hears what began and ended.
    pub fn push(&mut self, pcm: &[i16], tell: &mut dyn FnMut(Detected)) {
        let mut rest = pcm;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.block.missing()));
            self.block.push(now);
            if self.block.missing() == 0 {
                let sound = self.block.take();
                self.judge(sound, tell);
            }
            rest = later;
        }
    }

    /// Whether a key is held.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.press.is_some()
    }

    /// Ends the press that goes on, if one does.
    pub fn finish(&mut self, tell: &mut dyn FnMut(Detected)) {
        if let Some(press) = self.press.take() {
            let blocks = u64::from(press.blocks - press.missing);
            tell(Detected::Ended {
                key: press.key,
                duration: self.rate.duration_of(blocks * self.block.len as u64),
            });
        }
        self.before = None;
    }

    fn judge(&mut self, sound: Option<Sound>, tell: &mut dyn FnMut(Detected)) {
        let is = |key| sound.is_some_and(|sound| sound.key == key);
        if let Some(press) = &mut self.press {
            press.blocks = press.blocks.saturating_add(1);
            press.missing = if is(press.key) { 0 } else { press.missing + 1 };
            if press.missing >= BLOCKS_TO_END {
                self.finish(tell);
            }
        }
        if let (None, Some(last), Some(sound)) = (self.press, self.before, sound)
            && last.is_like(&sound)
        {
            self.press = Some(Press {
                key: sound.key,
                blocks: 2,
                missing: 0,
            });
            tell(Detected::Began {
                key: sound.key,
                level: Dbov(10.0 * (sound.low + sound.high).log10()),
            });
        }
        self.before = sound;
    }
}

impl Block {
    fn new(rate: SampleRate) -> Self {
        let tones = LOW.iter().chain(&HIGH).copied();
        let harmonics = HIGH.iter().map(|hz| hz * 2.0);
        let mut filters = [Filter::new(0.0, rate); FILTERS];
        for (filter, hz) in filters.iter_mut().zip(tones.chain(harmonics)) {
            *filter = Filter::new(hz, rate);
        }
        Block {
            len: rate.samples_in(BLOCK),
            filled: 0,
            energy: 0.0,
            filters,
        }
    }

    fn missing(&self) -> usize {
        self.len - self.filled
    }

    fn push(&mut self, pcm: &[i16]) {
        for filter in &mut self.filters {
            filter.push(pcm);
        }
        let squares = pcm.iter().map(|&sample| scaled(sample).powi(2));
        self.energy += squares.sum::<f32>();
        self.filled += pcm.len();
    }

    /// What the block sounds like; the next one begins.
    fn take(&mut self) -> Option<Sound> {
        let len = self.len as f32;
        // The power that a sine has which the filter says is all there is.
        let mut powers = self
            .filters
            .map(|filter| filter.power() * 2.0 / (len * len));
        let (low, rest) = powers.split_at_mut(4);
        let (high, harmonics) = rest.split_at_mut(4);
        let sound = judge(low, high, harmonics, self.energy / len);
        self.filled = 0;
        self.energy = 0.0;
        self.filters.iter_mut().for_each(Filter::reset);
        sound
    }
}

/// Whether these powers are those of a key.
fn judge(low: &[f32], high: &[f32], harmonics: &[f32], all: f32) -> Option<Sound> {
    let ((row, row_power), row_next) = strongest(low)?;
    let ((column, column_power), column_next) = strongest(high)?;
    let power = row_power + column_power;
    let is_loud = row_power >= QUIETEST && column_power >= QUIETEST;
    let is_alone = power >= all * SHARE;
    let stands_out = row_power >= row_next * CONTRAST && column_power >= column_next * CONTRAST;
    let is_twisted = column_power > row_power * TWIST || row_power > column_power * REVERSE_TWIST;
    let is_voice = *harmonics.get(column)? > power * HARMONICS;
    let is_key = is_loud && is_alone && stands_out && !is_twisted && !is_voice;
    is_key.then_some(Sound {
        key: Key::at(row, column),
        low: row_power,
        high: column_power,
    })
}

/// The strongest of a group with its place, and the second.
fn strongest(powers: &[f32]) -> Option<((usize, f32), f32)> {
    let (place, &most) = powers
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))?;
    let others = powers.iter().enumerate().filter(|&(n, _)| n != place);
    let next = others.map(|(_, &power)| power).fold(0.0, f32::max);
    Some(((place, most), next))
}

impl Filter {
    fn new(hz: f32, rate: SampleRate) -> Self {
        let turns = hz / rate.hz() as f32;
        // Above half of the rate there is nothing, and 0 Hz hears no key.
        let turns = if turns < 0.5 { turns } else { 0.0 };
        Filter {
            coefficient: 2.0 * (std::f32::consts::TAU * turns).cos(),
            s1: 0.0,
            s2: 0.0,
        }
    }

    fn push(&mut self, pcm: &[i16]) {
        let (mut s1, mut s2) = (self.s1, self.s2);
        for &sample in pcm {
            let s0 = scaled(sample) + self.coefficient * s1 - s2;
            (s2, s1) = (s1, s0);
        }
        (self.s1, self.s2) = (s1, s2);
    }

    fn power(&self) -> f32 {
        self.s1 * self.s1 + self.s2 * self.s2 - self.coefficient * self.s1 * self.s2
    }

    fn reset(&mut self) {
        (self.s1, self.s2) = (0.0, 0.0);
    }
}

fn scaled(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

/// Eight tones, and the harmonics of the higher four: those of the lower fall
/// among the higher tones.
const FILTERS: usize = 12;
/// Long enough to tell neighbours apart, short enough that a press of 40 ms has
/// two whole ones.
const BLOCK: Duration = Duration::from_micros(12_750);
/// Blocks without the key that end a press: an interruption of 10 ms does not
/// (ITU-T Q.24 §4).
const BLOCKS_TO_END: u32 = 3;
/// Power of a tone: −36 dBm0 and less is nobody's key.
const QUIETEST: f32 = 6e-5;
/// Part of the power that both tones hold.
const SHARE: f32 = 0.75;
/// Power over any other tone of the group: 6 dB.
const CONTRAST: f32 = 4.0;
/// The higher tone over the lower: 6 dB, and back: 10 dB.
const TWIST: f32 = 4.0;
const REVERSE_TWIST: f32 = 10.0;
/// Power at twice the higher frequency over that of both tones: −13 dB.
const HARMONICS: f32 = 0.05;
/// How much the two first blocks of a press may differ: 2 dB.
const STEADY: f32 = 1.6;
