//! Named telephone events: the four bytes that carry a digit.
//!
//! In: the payload of a telephone-event packet. Out: the events in it, each
//! with its duration; and the bytes of one. RFC 4733 §2.3, §2.5.1.5. Of several
//! events in one packet each begins where the one before it ends. Which packets
//! are of one event, and when it is over, is the business of the receiver.

use core::fmt;

/// What an event is: its number in the registry of RFC 4733 §7.
///
/// ```
/// use talkpath_wire::EventCode;
/// assert_eq!(EventCode::from_char('#'), Some(EventCode::new(11)));
/// assert_eq!(EventCode::new(12).as_char(), Some('A'));
/// assert_eq!(EventCode::FLASH.as_char(), Some('!'));
/// assert_eq!(EventCode::new(32).as_char(), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventCode(u8);

impl EventCode {
    /// A hook flash (RFC 4733 §3.2).
    pub const FLASH: Self = EventCode(16);

    /// From the field.
    pub const fn new(value: u8) -> Self {
        EventCode(value)
    }

    /// The field.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// The event of a key: `0`-`9`, `*`, `#`, `A`-`D` in either case, and `!`
    /// for a hook flash.
    pub const fn from_char(key: char) -> Option<Self> {
        let value = match key {
            '0'..='9' => key as u8 - b'0',
            '*' => 10,
            '#' => 11,
            'A'..='D' => key as u8 - b'A' + 12,
            'a'..='d' => key as u8 - b'a' + 12,
            '!' => 16,
            _ => return None,
        };
        Some(EventCode(value))
    }

    /// The key of an event 0 to 16; none of others.
    pub const fn as_char(self) -> Option<char> {
        let key = match self.0 {
            0..=9 => b'0' + self.0,
            10 => b'*',
            11 => b'#',
            12..=15 => b'A' + self.0 - 12,
            16 => b'!',
            _ => return None,
        };
        Some(key as char)
    }
}

impl fmt::Debug for EventCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_char() {
            Some(key) => write!(f, "event {} ({key})", self.0),
            None => write!(f, "event {}", self.0),
        }
    }
}

/// Whether an event goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventEnd {
    /// It goes on: the E bit is 0.
    Open,
    /// It is over: the E bit is 1.
    Ended,
}

/// One event as a packet tells it (RFC 4733 §2.3).
///
/// ```
/// use talkpath_wire::{EventCode, EventEnd, TelephoneEvent};
/// let event = TelephoneEvent {
///     code: EventCode::new(5),
///     end: EventEnd::Ended,
///     volume: 10,
///     duration: 800,
/// };
/// assert_eq!(event.to_bytes(), [5, 0x8a, 3, 0x20]);
/// assert_eq!(TelephoneEvent::from_bytes(&[5, 0x8a, 3, 0x20]), event);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TelephoneEvent {
    /// What it is.
    pub code: EventCode,
    /// Whether it goes on.
    pub end: EventEnd,
    /// How much quieter than 0 dBm0 a tone is, 0..=63 dB; nothing else has one.
    /// Writing clamps.
    pub volume: u8,
    /// How long it has lasted, in ticks of the RTP clock since the timestamp.
    /// At 0xffff, a segment is full and the next goes on with the event.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Bytes of an event on the wire.
    pub const LEN: usize = 4;

    /// Reads the four bytes of an event.
    pub const fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        // RFC 4733 §2.3.3: whatever the R bit holds is ignored.
        TelephoneEvent {
            code: EventCode(bytes[0]),
            end: match bytes[1] & END {
                0 => EventEnd::Open,
                _ => EventEnd::Ended,
            },
            volume: bytes[1] & MAX_VOLUME,
            duration: u16::from_be_bytes([bytes[2], bytes[3]]),
        }
    }

    /// The four bytes of this event; the R bit is 0.
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        let volume = match self.volume {
            volume @ 0..=MAX_VOLUME => volume,
            _ => MAX_VOLUME,
        };
        let end = match self.end {
            EventEnd::Open => 0,
            EventEnd::Ended => END,
        };
        let [high, low] = self.duration.to_be_bytes();
        [self.code.0, end | volume, high, low]
    }
}

/// The events of one packet, borrowed and validated.
///
/// ```
/// use talkpath_wire::TelephoneEvents;
/// // A `1` of 400 ticks, and a `2` that follows it.
/// let events = TelephoneEvents::parse(&[1, 0x8a, 1, 0x90, 2, 0x0a, 0, 160])?;
/// let begins: Vec<u32> = events.iter().map(|(begins, _)| begins).collect();
/// assert_eq!(begins, [0, 400]);
/// # Ok::<(), talkpath_wire::TelephoneEventError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TelephoneEvents<'a> {
    events: &'a [[u8; TelephoneEvent::LEN]],
}

/// Why a payload holds no telephone event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TelephoneEventError {
    /// Not even one event.
    #[error("a telephone event has 4 bytes, the payload has {len}")]
    Truncated {
        /// Bytes of the payload.
        len: usize,
    },
}

impl<'a> TelephoneEvents<'a> {
    /// Reads a payload. What is left after the last whole event is ignored:
    /// some senders pad.
    ///
    /// # Errors
    /// [`TelephoneEventError::Truncated`] below four bytes.
    pub const fn parse(payload: &'a [u8]) -> Result<Self, TelephoneEventError> {
        let (events, _) = payload.as_chunks();
        if events.is_empty() {
            return Err(TelephoneEventError::Truncated { len: payload.len() });
        }
        Ok(TelephoneEvents { events })
    }

    /// How many events there are: one or more.
    #[allow(clippy::len_without_is_empty, reason = "it never is")]
    pub const fn len(&self) -> usize {
        self.events.len()
    }

    /// The events, each with the ticks from the packet's timestamp to where it
    /// begins (RFC 4733 §2.5.1.5).
    pub fn iter(&self) -> impl Iterator<Item = (u32, TelephoneEvent)> + 'a {
        let events = self.events.iter().map(TelephoneEvent::from_bytes);
        events.scan(0u32, |begins, event| {
            let at = *begins;
            *begins = at.wrapping_add(u32::from(event.duration));
            Some((at, event))
        })
    }
}

const END: u8 = 0x80;
const MAX_VOLUME: u8 = 63;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Xorshift;
    use std::vec::Vec;

    // RFC 4733 §2.3.3.
    #[test]
    fn the_reserved_bit_changes_nothing() {
        for second in 0..=u8::MAX {
            let plain = TelephoneEvent::from_bytes(&[1, second & !0x40, 0, 9]);
            let reserved = TelephoneEvent::from_bytes(&[1, second | 0x40, 0, 9]);
            assert_eq!(plain, reserved);
            assert_eq!(reserved.to_bytes()[1], second & !0x40);
        }
    }

    #[test]
    fn every_key_is_its_own_event() {
        let keys = "0123456789*#ABCD!";
        for (code, key) in keys.chars().enumerate() {
            let event = EventCode::from_char(key).unwrap();
            assert_eq!(usize::from(event.value()), code);
            assert_eq!(event.as_char(), Some(key));
        }
        assert_eq!(EventCode::from_char('d'), EventCode::from_char('D'));
        for not_a_key in ['E', ' ', ',', '٣', '\0', 'é'] {
            assert_eq!(EventCode::from_char(not_a_key), None, "{not_a_key:?}");
        }
    }

    #[test]
    fn a_volume_beyond_63_is_written_as_63() {
        let event = TelephoneEvent {
            code: EventCode::new(0),
            end: EventEnd::Open,
            volume: 200,
            duration: 0,
        };
        assert_eq!(event.to_bytes(), [0, 63, 0, 0]);
    }

    #[test]
    fn less_than_one_event_is_refused_and_a_rest_is_ignored() {
        for len in 0..4 {
            let error = TelephoneEvents::parse(&[0; 4][..len]).unwrap_err();
            assert_eq!(error, TelephoneEventError::Truncated { len });
        }
        let events = TelephoneEvents::parse(&[5, 0, 0, 160, 9, 9, 9]).unwrap();
        assert_eq!(events.len(), 1);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic_and_written_as_they_were() {
        let mut random = Xorshift::new(0x4733);
        let seed = [1, 0x8a, 1, 0x90, 2, 0x0a, 0xff, 0xff, 3, 0x4a, 0, 160];
        for _ in 0..20_000 {
            let bytes = random.mutate(&seed);
            let Ok(events) = TelephoneEvents::parse(&bytes) else {
                assert!(bytes.len() < TelephoneEvent::LEN);
                continue;
            };
            let read: Vec<_> = events.iter().collect();
            assert_eq!(read.len(), bytes.len() / TelephoneEvent::LEN);
            for (chunk, (_, event)) in bytes.chunks_exact(4).zip(&read) {
                let mut expected = [chunk[0], chunk[1], chunk[2], chunk[3]];
                expected[1] &= !0x40;
                assert_eq!(event.to_bytes(), expected);
            }
        }
    }
}
