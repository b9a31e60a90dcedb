//! Keys: what is dialled and what is heard dialled, however it travelled.
//!
//! In: characters and event codes. Out: one of seventeen digits, and a press of
//! one with its times. RFC 4733 §3.2. Other events (fax, modems, trunks) are
//! no digits: they are not offered, and what comes of them is ignored.

use core::fmt;
use core::time::Duration;

use talkpath_wire::{EventCode, Time};

/// A key of a telephone, `0`-`9`, `*`, `#`, `A`-`D`, or a hook flash, `!`.
///
/// ```
/// use talkpath_media::dtmf::Digit;
/// assert_eq!(Digit::from_char('#').map(Digit::as_char), Some('#'));
/// assert_eq!(Digit::from_char('x'), None);
/// assert_eq!(Digit::FLASH.to_string(), "!");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digit {
    code: EventCode,
    key: char,
}

impl Digit {
    /// A hook flash. It has no tone: without telephone-event it cannot be sent.
    pub const FLASH: Self = Digit {
        code: EventCode::FLASH,
        key: '!',
    };

    /// The key of a character, letters in either case.
    pub const fn from_char(key: char) -> Option<Self> {
        match EventCode::from_char(key) {
            Some(code) => Self::from_code(code),
            None => None,
        }
    }

    /// The key of an event; none above 16.
    pub const fn from_code(code: EventCode) -> Option<Self> {
        match code.as_char() {
            Some(key) => Some(Digit { code, key }),
            None => None,
        }
    }

    /// Its character; letters are capitals.
    pub const fn as_char(self) -> char {
        self.key
    }

    /// Its event.
    pub const fn code(self) -> EventCode {
        self.code
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.key, f)
    }
}

impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.key, f)
    }
}

/// A key that is or was held down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Press {
    /// Which key.
    pub digit: Digit,
    /// When it was pressed, by our clock: when the first packet of it came,
    /// less the time that the packet said it had lasted.
    pub began: Time,
    /// How long it has lasted, as far as is known.
    pub duration: Duration,
    /// How much quieter than 0 dBm0 it is, 0 to 63 dB.
    pub volume: u8,
}

/// How a press travelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carriage {
    /// In packets of its own (RFC 4733).
    Event,
    /// As tones in the sound.
    Sound,
}

/// Whether the sound is listened to for keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Inband {
    /// It is not.
    #[default]
    Ignored,
    /// It is, as long as the peer sends no events.
    Detected,
}

/// Who wants the sound to be listened to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// The application.
    Application,
    /// The room, for those of its members that take events.
    Room,
}

/// What happens to a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pressing {
    /// It was pressed. Exactly one [`Pressing::Ended`] follows.
    Began(Press),
    /// It was let go.
    Ended(Press),
}
