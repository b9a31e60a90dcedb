//! The common RTCP header and the packet behind it.
//!
//! In: the bytes from one packet of a compound on. Out: that packet as
//! [`RawPacket`] with padding taken off, and what follows it. Whatever a
//! packet type says about its body is checked by its own view.
//!
//! RFC 3550 §6.4.1 (the header), Appendix A.2 (its validity checks).

use core::fmt;

/// The header of every RTCP packet, in bytes (RFC 3550 §6.4.1).
pub const RTCP_HEADER_LEN: usize = 4;

/// The packet type in an RTCP header.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RtcpType(pub u8);

impl RtcpType {
    /// SR (RFC 3550 §6.4.1).
    pub const SENDER_REPORT: RtcpType = RtcpType(200);
    /// RR (RFC 3550 §6.4.2).
    pub const RECEIVER_REPORT: RtcpType = RtcpType(201);
    /// SDES (RFC 3550 §6.5).
    pub const SDES: RtcpType = RtcpType(202);
    /// BYE (RFC 3550 §6.6).
    pub const BYE: RtcpType = RtcpType(203);
    /// APP (RFC 3550 §6.7).
    pub const APP: RtcpType = RtcpType(204);
    /// Transport layer feedback (RFC 4585 §6.2).
    pub const TRANSPORT_FEEDBACK: RtcpType = RtcpType(205);
    /// Payload-specific feedback (RFC 4585 §6.3).
    pub const PAYLOAD_FEEDBACK: RtcpType = RtcpType(206);
    /// Extended reports (RFC 3611).
    pub const EXTENDED_REPORT: RtcpType = RtcpType(207);
}

impl fmt::Debug for RtcpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for RtcpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            RtcpType::SENDER_REPORT => f.write_str("SR"),
            RtcpType::RECEIVER_REPORT => f.write_str("RR"),
            RtcpType::SDES => f.write_str("SDES"),
            RtcpType::BYE => f.write_str("BYE"),
            RtcpType::APP => f.write_str("APP"),
            RtcpType::EXTENDED_REPORT => f.write_str("XR"),
            RtcpType(other) => write!(f, "RTCP {other}"),
        }
    }
}

/// Why RTCP could not be read. Always the sender's fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtcpError {
    /// The packet ends before its header does, or before its length says.
    #[error("RTCP packet of {expected} bytes, {actual} arrived")]
    Truncated {
        /// Bytes that the header or its length asks for.
        expected: usize,
        /// Bytes that arrived.
        actual: usize,
    },
    /// The version is not 2.
    #[error("RTCP version is {0}, not 2")]
    Version(u8),
    /// The padding count is zero or longer than the body.
    #[error("RTCP padding of {padding} bytes does not fit into {available}")]
    Padding {
        /// The last byte of the packet.
        padding: u8,
        /// Bytes of the body, padding included.
        available: usize,
    },
    /// A compound must begin with a report (RFC 3550 §6.1).
    #[error("compound begins with {0}, not with SR or RR")]
    FirstNotReport(RtcpType),
    /// The body is too short for what its header counts.
    #[error("{kind} body of {expected} bytes, {actual} are there")]
    Body {
        /// The type of the packet.
        kind: RtcpType,
        /// Bytes that the counts ask for.
        expected: usize,
        /// Bytes of the body.
        actual: usize,
    },
}

/// The bytes of one packet of a chain: its length was checked, nothing else.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    first: u8,
    pub(super) kind: RtcpType,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes the frame at the front of `bytes`; the rest comes back too.
    pub(super) fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RtcpError> {
        let actual = bytes.len();
        let Some((&[first, kind, l0, l1], rest)) = bytes.split_first_chunk() else {
            return Err(RtcpError::Truncated {
                expected: RTCP_HEADER_LEN,
                actual,
            });
        };
        // RFC 3550 A.2: each packet of the compound has version 2.
        if first >> 6 != 2 {
            return Err(RtcpError::Version(first >> 6));
        }
        // RFC 3550 §6.4.1: the length counts 32-bit words minus one.
        let length = 4 * usize::from(u16::from_be_bytes([l0, l1]));
        let Some((body, next)) = rest.split_at_checked(length) else {
            let expected = RTCP_HEADER_LEN + length;
            return Err(RtcpError::Truncated { expected, actual });
        };
        let kind = RtcpType(kind);
        Ok((Frame { first, kind, body }, next))
    }

    /// Takes the padding off.
    pub(super) fn unpad(self) -> Result<RawPacket<'a>, RtcpError> {
        let body = match self.first & PADDING {
            0 => self.body,
            _ => strip_padding(self.body)?,
        };
        Ok(RawPacket {
            kind: self.kind,
            count: self.first & COUNT,
            body,
        })
    }
}

/// One RTCP packet with a checked header and an unread body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawPacket<'a> {
    kind: RtcpType,
    count: u8,
    body: &'a [u8],
}

impl<'a> RawPacket<'a> {
    /// The packet type.
    pub fn kind(&self) -> RtcpType {
        self.kind
    }

    /// The five bits after the padding bit: a count, subtype or format.
    pub fn count(&self) -> u8 {
        self.count
    }

    /// What follows the header, without padding.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The error of a body that should have had `expected` bytes.
    pub(super) fn short_body(&self, expected: usize) -> RtcpError {
        RtcpError::Body {
            kind: self.kind,
            expected,
            actual: self.body.len(),
        }
    }
}

impl fmt::Debug for RawPacket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} count {}, {} bytes",
            self.kind,
            self.count,
            self.body.len()
        )
    }
}

/// RFC 3550 §6.4.1: the last octet counts the padding, itself included.
fn strip_padding(body: &[u8]) -> Result<&[u8], RtcpError> {
    let available = body.len();
    let padding = body.last().copied().unwrap_or(0);
    let end = available.checked_sub(usize::from(padding));
    match end.and_then(|end| body.get(..end)) {
        Some(body) if padding > 0 => Ok(body),
        _ => Err(RtcpError::Padding { padding, available }),
    }
}

const PADDING: u8 = 0x20;
pub(super) const COUNT: u8 = 0x1f;
