//! The set of events that a telephone-event format carries.
//!
//! In and out: the parameters of `a=fmtp`, such as `0-15,66,70`
//! (RFC 4733 §2.4.1). Only the numbers are known here, not what they mean.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt::{self, Write as _};

/// A set of event codes, 0..=255 (RFC 4733 §2.3.1).
///
/// ```
/// use talkpath_sdp::negotiate::Events;
/// let theirs = Events::parse(b"0-15,66").expect("a list of events");
/// assert_eq!(theirs.intersection(Events::DTMF_AND_FLASH), Events::DTMF);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Events([u64; 4]);

impl Events {
    /// No event.
    pub const NONE: Events = Events([0; 4]);
    /// 0–15: the sixteen keys, and what a silent `fmtp` means
    /// (RFC 4733 §2.4.1).
    pub const DTMF: Events = Events([0xffff, 0, 0, 0]);
    /// 0–16: the keys and the hook flash.
    pub const DTMF_AND_FLASH: Events = Events([0x1_ffff, 0, 0, 0]);

    /// Reads the parameters of `a=fmtp`: `0-15,66`, also `events=0-15`.
    ///
    /// Nothing at all is [`Events::DTMF`]. `None` when it is no such list.
    pub fn parse(parameters: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(parameters).ok()?.trim();
        let text = text.strip_prefix("events=").unwrap_or(text);
        if text.is_empty() {
            return Some(Events::DTMF);
        }
        let mut events = Events::NONE;
        for part in text.split(',').map(str::trim) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first: u8 = first.trim().parse().ok()?;
            let last: u8 = last.trim().parse().ok()?;
            if first > last {
                return None;
            }
            (first..=last).for_each(|event| events.insert(event));
        }
        Some(events)
    }

    /// Whether `event` is in the set.
    pub const fn contains(self, event: u8) -> bool {
        self.0[(event >> 6) as usize] & (1 << (event & 63)) != 0
    }

    /// Adds `event`.
    pub const fn insert(&mut self, event: u8) {
        self.0[(event >> 6) as usize] |= 1 << (event & 63);
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Events) -> Events {
        let (a, b) = (self.0, other.0);
        Events([a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3]])
    }

    /// Whether no event is in the set.
    pub const fn is_empty(self) -> bool {
        self.0[0] | self.0[1] | self.0[2] | self.0[3] == 0
    }

    /// The parameters of `a=fmtp`: ranges, ascending.
    pub fn to_parameters(self) -> Box<[u8]> {
        let mut text = String::new();
        let mut next = 0u16;
        while next < 256 {
            let first = next;
            while next < 256 && self.contains(next as u8) {
                next += 1;
            }
            if next > first {
                let comma = if text.is_empty() { "" } else { "," };
                let last = next - 1;
                // Writing to a String cannot fail.
                let _ = if first == last {
                    write!(text, "{comma}{first}")
                } else {
                    write!(text, "{comma}{first}-{last}")
                };
            }
            next += 1;
        }
        text.into_bytes().into()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_parameters()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4733 §2.4.1
    #[test]
    fn a_silent_fmtp_means_the_sixteen_keys() {
        assert_eq!(Events::parse(b""), Some(Events::DTMF));
    }

    // RFC 4733 §2.4.1, the example of the section
    #[test]
    fn ranges_and_single_events_are_read() {
        let events = Events::parse(b"0-15,66,70").unwrap();
        assert!(events.contains(0) && events.contains(15) && events.contains(66));
        assert!(!events.contains(16) && !events.contains(67));
        assert_eq!(&*events.to_parameters(), b"0-15,66,70");
    }

    #[test]
    fn the_whole_range_ends() {
        let all = Events::parse(b"0-255").unwrap();
        assert_eq!(&*all.to_parameters(), b"0-255");
    }

    /// No event written out would be nothing, which means sixteen.
    #[test]
    fn a_reversed_range_is_no_empty_list() {
        assert_eq!(Events::parse(b"22-9"), None);
        assert_eq!(Events::parse(b"0-15,9-3"), None);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in [&b"256"[..], b"a", b"1-", b",", b"0-15;x", b"\xff"] {
            assert_eq!(Events::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn intersection_keeps_what_both_have() {
        let both = Events::DTMF_AND_FLASH.intersection(Events::parse(b"10-20").unwrap());
        assert_eq!(&*both.to_parameters(), b"10-16");
    }

    #[test]
    fn printing_and_reading_are_inverse() {
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..2000 {
            let mut events = Events::NONE;
            for word in &mut events.0 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                *word = seed;
            }
            assert_eq!(Events::parse(&events.to_parameters()), Some(events));
        }
    }
}
