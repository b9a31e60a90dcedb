//! Whether somebody speaks.
//!
//! In: PCM at any rate, in pieces of any length. Out: when speech started and when
//! it stopped. A small neural network (the crate earshot) scores each 16 ms of
//! the last 48. What scores high and has had a pitch a moment ago is speech; it
//! must last a while before speech counts as started, and be gone for a while (the
//! hangover) before it counts as stopped. Left out: who speaks, and what; music
//! and the tones of the network may pass for speech.

use std::fmt;
use std::time::Duration;

use crate::pitch::PitchSearch;
use crate::rate::SampleRate;
use crate::resample::{ResampleError, Resampler};

/// Says when speech starts and stops.
///
/// It is deterministic, holds some 12 KB, and allocates only in
/// [`Detector::new`]. From the first sample of speech to
/// [`Voice::Started`] it takes [`Settings::onset`] and about 30 ms, and 10 ms more
/// at other rates than 16 kHz, which are resampled.
///
/// ```
/// use talkpath_audio::SampleRate;
/// use talkpath_audio::voice::{Detector, Settings};
/// let mut detector = Detector::new(SampleRate::HZ_8000, Settings::default())?;
/// assert_eq!(detector.push(&[0; 160]), None);
/// assert!(!detector.is_speech());
/// # Ok::<(), talkpath_audio::ResampleError>(())
/// ```
pub struct Detector {
    network: Box<earshot::Detector>,
    resampler: Resampler,
    /// The last 48 ms at 16 kHz, oldest first; the last block is filled up to
    /// `filled`.
    heard: [i16; HEARD],
    filled: usize,
    pitch: PitchSearch,
    /// How long nothing had a pitch.
    unvoiced: Duration,
    settings: Settings,
    score: f32,
    is_speech: bool,
    /// How long the score has said other than `is_speech`.
    against: Duration,
}

/// A change that a [`Detector`] found.
///
/// ```
/// use talkpath_audio::voice::Voice;
/// assert_ne!(Voice::Started, Voice::Stopped);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Somebody began to speak.
    Started,
    /// Nobody has spoken for the hangover.
    Stopped,
}

/// How a [`Detector`] turns scores into speech and silence.
///
/// ```
/// use std::time::Duration;
/// use talkpath_audio::voice::Settings;
/// let patient = Settings { hangover: Duration::from_secs(1), ..Settings::default() };
/// assert_eq!(patient.onset, Duration::from_millis(64));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// A score from this on, 0 to 1, is speech; 0.5 unless set.
    pub threshold: f32,
    /// While there is speech, it is so until the score falls under this; 0.35.
    pub release: f32,
    /// Speech counts as started when it has lasted so long; 64 ms. Shorter, it is
    /// a click.
    pub onset: Duration,
    /// Speech counts as stopped when there was none for so long; 400 ms. Shorter,
    /// it is a breath.
    pub hangover: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            release: 0.35,
            onset: Duration::from_millis(64),
            hangover: Duration::from_millis(400),
        }
    }
}

impl Detector {
    /// A detector that has heard silence so far.
    ///
    /// # Errors
    /// [`ResampleError`] when `rate` cannot be brought to 16 kHz.
    pub fn new(rate: SampleRate, settings: Settings) -> Result<Self, ResampleError> {
        Ok(Self {
            network: Box::default(),
            resampler: Resampler::new(rate, SampleRate::HZ_16000)?,
            heard: [0; HEARD],
            filled: OLD,
            pitch: PitchSearch::new(SampleRate::HZ_16000, BLOCK_TIME * 3),
            unvoiced: Duration::MAX,
            settings,
            score: 0.0,
            is_speech: false,
            against: Duration::ZERO,
        })
    }

    /// Hears the next samples of one channel and says what they changed.
    ///
    /// Should speech both start and stop within `pcm`, only what holds at its end
    /// counts; pieces shorter than the hangover miss nothing.
    pub fn push(&mut self, pcm: &[i16]) -> Option<Voice> {
        let before = self.is_speech;
        let mut rest = pcm;
        loop {
            let progress = self.resampler.process(rest, &mut self.heard[self.filled..]);
            rest = &rest[progress.read..];
            self.filled += progress.written;
            if self.filled < HEARD {
                break;
            }
            self.score = self.network.predict_i16(&self.heard[OLD..]);
            self.look_for_pitch();
            self.judge();
            self.heard.copy_within(BLOCK.., 0);
            self.filled = OLD;
        }
        match (before, self.is_speech) {
            (false, true) => Some(Voice::Started),
            (true, false) => Some(Voice::Stopped),
            _ => None,
        }
    }

    /// Whether somebody speaks now, or did within the hangover.
    #[must_use]
    pub fn is_speech(&self) -> bool {
        self.is_speech
    }

    /// How much the last 16 ms were like speech, 0 to 1.
    #[must_use]
    pub fn score(&self) -> f32 {
        self.score
    }

    /// Forgets what was heard, as for another source.
    pub fn reset(&mut self) {
        self.network.reset();
        self.resampler.reset();
        self.heard = [0; HEARD];
        self.filled = OLD;
        self.unvoiced = Duration::MAX;
        self.score = 0.0;
        self.is_speech = false;
        self.against = Duration::ZERO;
    }

    /// Steady noise can score like speech for as long as it lasts, but it has no
    /// pitch, and no syllable goes without for long.
    fn look_for_pitch(&mut self) {
        self.pitch.load(&self.heard);
        let longest = self.pitch.lags().end - 1;
        let found = self.pitch.best(HEARD - WINDOW, WINDOW, longest);
        if found.is_some_and(|pitch| pitch.correlation >= VOICED) {
            self.unvoiced = Duration::ZERO;
        } else {
            self.unvoiced = self.unvoiced.saturating_add(BLOCK_TIME);
        }
    }

    fn judge(&mut self) {
        let is_voiced = self.unvoiced <= LONGEST_UNVOICED;
        let (is_against, patience) = if self.is_speech {
            let is_silent = self.score < self.settings.release || !is_voiced;
            (is_silent, self.settings.hangover)
        } else {
            let is_speech = self.score >= self.settings.threshold && is_voiced;
            (is_speech, self.settings.onset)
        };
        if !is_against {
            self.against = Duration::ZERO;
            return;
        }
        self.against += BLOCK_TIME;
        if self.against >= patience {
            self.is_speech = !self.is_speech;
            self.against = Duration::ZERO;
        }
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector")
            .field("settings", &self.settings)
            .field("score", &self.score)
            .field("is_speech", &self.is_speech)
            .finish_non_exhaustive()
    }
}

/// Samples of 16 kHz that are scored at once.
const BLOCK: usize = 256;
const BLOCK_TIME: Duration = Duration::from_millis(16);

/// Samples that are kept, and those of them that are older than the last block.
const HEARD: usize = 3 * BLOCK;
const OLD: usize = 2 * BLOCK;

/// Samples in which a pitch is looked for: 32 ms, two periods of a low voice.
const WINDOW: usize = 2 * BLOCK;

/// From this correlation on there is a pitch. White noise, also that of half the
/// band, stays under 0.4 in minutes; two thirds of speech are above.
const VOICED: f32 = 0.45;

/// The longest that speech goes without one, in its hissing sounds.
const LONGEST_UNVOICED: Duration = Duration::from_millis(240);

#[cfg(test)]
mod tests;
