//! RTP payload type numbers.

use core::fmt;

/// An RTP payload type, 0..=127, without the marker bit.
///
/// RFC 3551 §6 assigns the static ones; 96..=127 are dynamic. 64..=95 would be
/// mistaken for RTCP where both share a port (RFC 5761 §4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadType(u8);

/// A number above 127, which no payload type can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("payload type {0} is above 127")]
pub struct PayloadTypeError(pub u8);

impl PayloadType {
    /// PCMU/8000 (RFC 3551 §6).
    pub const PCMU: PayloadType = PayloadType(0);
    /// PCMA/8000 (RFC 3551 §6).
    pub const PCMA: PayloadType = PayloadType(8);
    /// G722/8000 (RFC 3551 §6).
    pub const G722: PayloadType = PayloadType(9);
    /// CN/8000 (RFC 3389).
    pub const CN: PayloadType = PayloadType(13);
    /// The first dynamic payload type.
    pub const FIRST_DYNAMIC: PayloadType = PayloadType(96);

    /// The payload type `value`.
    ///
    /// # Errors
    /// [`PayloadTypeError`] when `value` is above 127.
    pub const fn new(value: u8) -> Result<Self, PayloadTypeError> {
        if value > 127 {
            Err(PayloadTypeError(value))
        } else {
            Ok(PayloadType(value))
        }
    }

    /// From the second byte of an RTP header, marker bit ignored.
    pub const fn from_header_byte(byte: u8) -> Self {
        PayloadType(byte & 0x7f)
    }

    /// The number, 0..=127.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// Whether the number is free to be bound by SDP: 96..=127.
    pub const fn is_dynamic(self) -> bool {
        self.0 >= 96
    }

    /// Whether RTP with this number reads as RTCP on a shared port: 64..=95
    /// (RFC 5761 §4).
    pub const fn collides_with_rtcp(self) -> bool {
        matches!(self.0, 64..=95)
    }
}

impl fmt::Debug for PayloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pt {}", self.0)
    }
}

impl fmt::Display for PayloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
