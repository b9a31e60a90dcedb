//! What to dial: keys and pauses, and how long each is.
//!
//! In: text as people write it. Out: a checked list of steps. Bounded: nobody
//! dials for ever.

use core::str::FromStr;
use core::time::Duration;

use super::{Digit, Press};

/// Keys to send, with pauses: `0`-`9`, `*`, `#`, `A`-`D`, `!` for a hook flash,
/// and `,` for a pause.
///
/// A key is held for 100 ms and 100 ms lie between two; a pause is 2 s. All
/// three can be set; they are rounded up to whole 20 ms as they are sent.
///
/// ```
/// use std::time::Duration;
/// use talkpath_media::dtmf::{Dtmf, DtmfError};
/// let extension = Dtmf::new("0,,42#")?.tone(Duration::from_millis(60));
/// assert_eq!(extension.digits().count(), 4);
/// let error = Dtmf::new("12x").unwrap_err();
/// assert_eq!(error, DtmfError::NotAKey { found: 'x', place: 3 });
/// # Ok::<(), DtmfError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dtmf {
    steps: Box<[Step]>,
    tone: Duration,
    gap: Duration,
    pause: Duration,
    volume: u8,
}

/// One step of dialling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Press(Digit),
    Pause,
}

/// Why a text cannot be dialled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DtmfError {
    /// A character that is no key.
    #[error(
        "'{}' at place {place} is no key: dial 0-9, *, #, A-D, ! for a flash, and , for a pause",
        .found.escape_debug()
    )]
    NotAKey {
        /// The character.
        found: char,
        /// Its place in the text, the first being 1.
        place: usize,
    },
    /// Nothing to dial.
    #[error("there is nothing to dial: the text is empty")]
    Empty,
    /// More than is dialled at once.
    #[error("at most {limit} keys and pauses are dialled at once")]
    TooLong {
        /// How many they may be.
        limit: usize,
    },
}

impl Dtmf {
    /// Keys and pauses at once, at most.
    pub const MAX_STEPS: usize = 256;

    /// Reads what to dial.
    ///
    /// # Errors
    /// [`DtmfError`] names what cannot be dialled, and where it stands.
    pub fn new(text: &str) -> Result<Self, DtmfError> {
        let mut steps = Vec::new();
        for (n, found) in text.chars().enumerate() {
            if n >= Self::MAX_STEPS {
                let limit = Self::MAX_STEPS;
                return Err(DtmfError::TooLong { limit });
            }
            let not_a_key = DtmfError::NotAKey {
                found,
                place: n + 1,
            };
            steps.push(match found {
                ',' => Step::Pause,
                key => Step::Press(Digit::from_char(key).ok_or(not_a_key)?),
            });
        }
        if steps.is_empty() {
            return Err(DtmfError::Empty);
        }
        Ok(Dtmf {
            steps: steps.into(),
            tone: TONE,
            gap: GAP,
            pause: PAUSE,
            volume: VOLUME,
        })
    }

    /// How long a key is held: 40 ms to an hour, else the nearest of them.
    #[must_use]
    pub fn tone(mut self, tone: Duration) -> Self {
        self.tone = tone.clamp(SHORTEST, LONGEST);
        self
    }

    /// How long no key is held between two: 40 ms to an hour, else the nearest
    /// of them.
    #[must_use]
    pub fn gap(mut self, gap: Duration) -> Self {
        self.gap = gap.clamp(SHORTEST, LONGEST);
        self
    }

    /// How long a `,` is: 40 ms to an hour, else the nearest of them.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause.clamp(SHORTEST, LONGEST);
        self
    }

    /// How much quieter than 0 dBm0 events say they are, 0 to 63 dB; 10 if it
    /// is not set. Keys that are sent as sound have a level of their own.
    #[must_use]
    pub fn volume(mut self, volume: u8) -> Self {
        self.volume = volume.min(63);
        self
    }

    /// The keys, without the pauses.
    pub fn digits(&self) -> impl Iterator<Item = Digit> + '_ {
        self.steps.iter().filter_map(|step| match step {
            Step::Press(digit) => Some(*digit),
            Step::Pause => None,
        })
    }

    pub(super) fn step(&self, at: usize) -> Option<Step> {
        self.steps.get(at).copied()
    }

    pub(super) fn tone_len(&self) -> Duration {
        self.tone
    }

    pub(super) fn gap_len(&self) -> Duration {
        self.gap
    }

    pub(super) fn pause_len(&self) -> Duration {
        self.pause
    }

    pub(super) fn level(&self) -> u8 {
        self.volume
    }
}

impl From<Press> for Dtmf {
    /// The same key again, held as long and as loud.
    fn from(press: Press) -> Self {
        Dtmf {
            steps: [Step::Press(press.digit)].into(),
            tone: press.duration.clamp(SHORTEST, LONGEST),
            gap: GAP,
            pause: PAUSE,
            volume: press.volume.min(63),
        }
    }
}

impl FromStr for Dtmf {
    type Err = DtmfError;

    fn from_str(text: &str) -> Result<Self, DtmfError> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Dtmf {
    type Error = DtmfError;

    fn try_from(text: &str) -> Result<Self, DtmfError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Dtmf {
    type Error = DtmfError;

    fn try_from(text: String) -> Result<Self, DtmfError> {
        Self::new(&text)
    }
}

const TONE: Duration = Duration::from_millis(100);
const GAP: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_secs(2);
const VOLUME: u8 = 10;
/// ITU-T Q.24: what everybody hears.
const SHORTEST: Duration = Duration::from_millis(40);
const LONGEST: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_named_with_its_place() {
        for (text, found, place) in [("12x", 'x', 3), (" 1", ' ', 1), ("1é", 'é', 2)] {
            let error = Dtmf::new(text).unwrap_err();
            assert_eq!(error, DtmfError::NotAKey { found, place });
        }
        assert_eq!(Dtmf::new(""), Err(DtmfError::Empty));
        assert!(Dtmf::new(&"1".repeat(256)).is_ok());
        let too_long = Dtmf::new(&"1".repeat(257)).unwrap_err();
        assert_eq!(too_long, DtmfError::TooLong { limit: 256 });
        let words = Dtmf::new("\n").unwrap_err().to_string();
        assert!(words.starts_with("'\\n' at place 1 is no key"), "{words}");
    }

    #[test]
    fn times_are_held_to_what_everybody_hears() {
        let short = Dtmf::new("1").unwrap().tone(Duration::ZERO);
        assert_eq!(short.tone_len(), Duration::from_millis(40));
        let long = Dtmf::new("1").unwrap().gap(Duration::MAX);
        assert_eq!(long.gap_len(), Duration::from_secs(3600));
    }
}
