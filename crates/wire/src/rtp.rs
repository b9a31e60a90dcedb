//! RTP packets: a borrowed view, edits in place, and a header writer.
//!
//! In: a datagram that demultiplexing called RTP. Out: [`RtpPacket`], whose
//! lengths were checked once in `parse` and whose getters read lazily;
//! [`RtpPacketMut`], which rewrites header fields in the receive buffer; and
//! [`RtpHeader`], which writes the front of a new packet.
//!
//! RFC 3550 §5.1, §5.3.1 and the header checks of Appendix A.1. Leaves out
//! what needs state (A.1's sequence checks live with the source) and telling
//! RTP from RTCP (RFC 5761), which comes first.

use core::fmt;

use crate::{HeaderExtension, PayloadType, RtpTime, Seq, Ssrc};

/// The fixed part of the header, in bytes (RFC 3550 §5.1).
pub const RTP_HEADER_LEN: usize = 12;

/// Why a datagram is not an RTP packet. Always the sender's fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtpError {
    /// A length inside the packet, or the fixed header, overruns its end.
    #[error("RTP needs {expected} bytes, the packet has {actual}")]
    Truncated {
        /// Bytes the headers ask for.
        expected: usize,
        /// Bytes that arrived.
        actual: usize,
    },
    /// The version is not 2.
    #[error("RTP version is {0}, not 2")]
    Version(u8),
    /// The padding count is zero or longer than what follows the header.
    #[error("RTP padding of {padding} bytes does not fit into {available}")]
    Padding {
        /// The last byte of the packet.
        padding: u8,
        /// Bytes after the header, padding included.
        available: usize,
    },
}

/// An RTP packet, borrowed and validated.
///
/// ```
/// use talkpath_wire::{PayloadType, RtpPacket, Seq, Ssrc};
/// let bytes = [0x80, 0x80, 0, 7, 0, 0, 0, 160, 0, 0, 0, 42, 0xff, 0xfe];
/// let packet = RtpPacket::parse(&bytes)?;
/// assert!(packet.marker());
/// assert_eq!(packet.payload_type(), PayloadType::PCMU);
/// assert_eq!((packet.seq(), packet.ssrc()), (Seq::new(7), Ssrc::new(42)));
/// assert_eq!(packet.payload(), [0xff, 0xfe]);
/// # Ok::<(), talkpath_wire::RtpError>(())
/// ```
#[derive(Clone, Copy)]
pub struct RtpPacket<'a> {
    fixed: &'a [u8; RTP_HEADER_LEN],
    body: Body<'a>,
}

/// What follows the fixed header.
#[derive(Clone, Copy)]
struct Body<'a> {
    /// CSRCs and extension.
    options: &'a [u8],
    payload: &'a [u8],
    padding: u8,
}

impl<'a> RtpPacket<'a> {
    /// Checks every length once and borrows the packet.
    ///
    /// A packet of padding only is accepted, although A.1 wants at least one
    /// byte of payload: bandwidth probes are sent so.
    ///
    /// # Errors
    /// [`RtpError`] when the version is not 2 or a length does not fit.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtpError> {
        let Some((fixed, rest)) = bytes.split_first_chunk() else {
            return Err(RtpError::Truncated {
                expected: RTP_HEADER_LEN,
                actual: bytes.len(),
            });
        };
        let body = match fixed[0] {
            VERSION_2 => Body {
                options: &[],
                payload: rest,
                padding: 0,
            },
            first => Body::split(first, rest)?,
        };
        Ok(RtpPacket { fixed, body })
    }

    /// The marker bit; for audio, the first packet of a talkspurt
    /// (RFC 3551 §4.1).
    #[inline]
    pub fn marker(&self) -> bool {
        self.fixed[1] & MARKER != 0
    }

    /// The payload type.
    #[inline]
    pub fn payload_type(&self) -> PayloadType {
        PayloadType::from_header_byte(self.fixed[1])
    }

    /// The sequence number.
    #[inline]
    pub fn seq(&self) -> Seq {
        Seq::new(u16::from_be_bytes([self.fixed[2], self.fixed[3]]))
    }

    /// The timestamp, in ticks of the payload's RTP clock.
    #[inline]
    pub fn timestamp(&self) -> RtpTime {
        let [_, _, _, _, a, b, c, d, ..] = *self.fixed;
        RtpTime::new(u32::from_be_bytes([a, b, c, d]))
    }

    /// The synchronization source.
    #[inline]
    pub fn ssrc(&self) -> Ssrc {
        let [.., a, b, c, d] = *self.fixed;
        Ssrc::new(u32::from_be_bytes([a, b, c, d]))
    }

    /// The contributing sources, at most 15.
    pub fn csrcs(&self) -> impl ExactSizeIterator<Item = Ssrc> + use<'a> {
        let list = self.body.options.get(..self.csrc_len()).unwrap_or_default();
        let (words, _) = list.as_chunks::<4>();
        words
            .iter()
            .map(|word| Ssrc::new(u32::from_be_bytes(*word)))
    }

    /// The header extension, if there is one (RFC 3550 §5.3.1).
    pub fn extension(&self) -> Option<HeaderExtension<'a>> {
        if self.fixed[0] & EXTENSION == 0 {
            return None;
        }
        let options = self.body.options.get(self.csrc_len()..)?;
        let (head, body) = options.split_first_chunk::<4>()?;
        let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
        Some(HeaderExtension {
            profile: u16::from_be_bytes([head[0], head[1]]),
            data: body.get(..4 * words)?,
        })
    }

    /// The payload, without header and padding.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.body.payload
    }

    /// Padding bytes at the end of the packet, the count itself included.
    #[inline]
    pub fn padding(&self) -> u8 {
        self.body.padding
    }

    /// Bytes before the payload: fixed header, CSRCs and extension.
    #[inline]
    pub fn header_len(&self) -> usize {
        RTP_HEADER_LEN + self.body.options.len()
    }

    fn csrc_len(&self) -> usize {
        4 * usize::from(self.fixed[0] & CSRC_COUNT)
    }
}

impl<'a> Body<'a> {
    /// Splits `rest` as the `first` byte of the header announces it.
    #[inline]
    fn split(first: u8, rest: &'a [u8]) -> Result<Self, RtpError> {
        // RFC 3550 A.1: the version field must be 2.
        if first & VERSION_MASK != VERSION_2 {
            return Err(RtpError::Version(first >> 6));
        }
        let mut length = 4 * usize::from(first & CSRC_COUNT);
        if first & EXTENSION != 0 {
            // RFC 3550 §5.3.1: the length counts 32-bit words after its own.
            length += 4 + match rest.get(length..).and_then(<[u8]>::first_chunk) {
                Some(&[_, _, high, low]) => 4 * usize::from(u16::from_be_bytes([high, low])),
                None => 0,
            };
        }
        let Some((options, padded)) = rest.split_at_checked(length) else {
            return Err(RtpError::Truncated {
                expected: RTP_HEADER_LEN + length,
                actual: RTP_HEADER_LEN + rest.len(),
            });
        };
        if first & PADDING == 0 {
            return Ok(Body {
                options,
                payload: padded,
                padding: 0,
            });
        }
        let (payload, padding) = unpad(padded)?;
        Ok(Body {
            options,
            payload,
            padding,
        })
    }
}

/// RFC 3550 §5.1: the last octet counts the padding, itself included.
fn unpad(padded: &[u8]) -> Result<(&[u8], u8), RtpError> {
    let available = padded.len();
    let padding = padded.last().copied().unwrap_or(0);
    let end = available.checked_sub(usize::from(padding));
    match end.and_then(|end| padded.get(..end)) {
        Some(payload) if padding > 0 => Ok((payload, padding)),
        _ => Err(RtpError::Padding { padding, available }),
    }
}

impl fmt::Debug for RtpPacket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marker = if self.marker() { " marker" } else { "" };
        write!(
            f,
            "RTP {:?} {:?} {:?} {:?}{marker}, {} bytes",
            self.ssrc(),
            self.payload_type(),
            self.seq(),
            self.timestamp(),
            self.payload().len()
        )
    }
}

/// An RTP packet whose header fields are rewritten where they lie.
///
/// ```
/// use talkpath_wire::{RtpPacketMut, Seq};
/// let mut bytes = [0x80, 0, 0, 7, 0, 0, 0, 160, 0, 0, 0, 42, 0xff];
/// let mut packet = RtpPacketMut::parse(&mut bytes)?;
/// packet.set_seq(Seq::new(8));
/// assert_eq!(bytes[3], 8);
/// # Ok::<(), talkpath_wire::RtpError>(())
/// ```
pub struct RtpPacketMut<'a> {
    fixed: &'a mut [u8; RTP_HEADER_LEN],
    options: &'a mut [u8],
    payload: &'a mut [u8],
    padding: u8,
}

impl<'a> RtpPacketMut<'a> {
    /// Checks every length once and borrows the packet for editing.
    ///
    /// # Errors
    /// As [`RtpPacket::parse`].
    #[inline]
    pub fn parse(bytes: &'a mut [u8]) -> Result<Self, RtpError> {
        let Body {
            options,
            payload,
            padding,
        } = RtpPacket::parse(bytes)?.body;
        let (skip, length, actual) = (options.len(), payload.len(), bytes.len());
        let Some((fixed, rest)) = bytes.split_first_chunk_mut() else {
            return Err(RtpError::Truncated {
                expected: RTP_HEADER_LEN,
                actual,
            });
        };
        let (options, rest) = rest.split_at_mut(skip);
        let (payload, _) = rest.split_at_mut(length);
        Ok(RtpPacketMut {
            fixed,
            options,
            payload,
            padding,
        })
    }

    /// The packet as it stands now.
    #[inline]
    pub fn view(&self) -> RtpPacket<'_> {
        let Self {
            fixed,
            options,
            payload,
            padding,
        } = self;
        RtpPacket {
            fixed,
            body: Body {
                options,
                payload,
                padding: *padding,
            },
        }
    }

    /// Sets the marker bit.
    #[inline]
    pub fn set_marker(&mut self, marker: bool) {
        self.fixed[1] = (self.fixed[1] & !MARKER) | (u8::from(marker) << 7);
    }

    /// Sets the payload type, leaving the marker bit.
    #[inline]
    pub fn set_payload_type(&mut self, payload_type: PayloadType) {
        self.fixed[1] = (self.fixed[1] & MARKER) | payload_type.value();
    }

    /// Sets the sequence number.
    #[inline]
    pub fn set_seq(&mut self, seq: Seq) {
        let [_, _, high, low, ..] = &mut *self.fixed;
        [*high, *low] = seq.value().to_be_bytes();
    }

    /// Sets the timestamp.
    #[inline]
    pub fn set_timestamp(&mut self, timestamp: RtpTime) {
        let [_, _, _, _, a, b, c, d, ..] = &mut *self.fixed;
        [*a, *b, *c, *d] = timestamp.value().to_be_bytes();
    }

    /// Sets the synchronization source.
    #[inline]
    pub fn set_ssrc(&mut self, ssrc: Ssrc) {
        let [.., a, b, c, d] = &mut *self.fixed;
        [*a, *b, *c, *d] = ssrc.value().to_be_bytes();
    }

    /// The payload, for transformation in place.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        self.payload
    }
}

/// A header to be written in front of a payload.
///
/// ```
/// use talkpath_wire::{PayloadType, RtpHeader, RtpTime, Seq, Ssrc};
/// let header = RtpHeader::new(
///     PayloadType::PCMU, Seq::new(1), RtpTime::new(160), Ssrc::new(42),
/// );
/// let mut packet = [0xff; 12 + 160];
/// assert_eq!(header.write_into(&mut packet)?, 12);
/// # Ok::<(), talkpath_wire::RtpWriteError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtpHeader<'a> {
    /// The marker bit.
    pub marker: bool,
    /// The payload type.
    pub payload_type: PayloadType,
    /// The sequence number.
    pub seq: Seq,
    /// The timestamp, in ticks of the payload's RTP clock.
    pub timestamp: RtpTime,
    /// The synchronization source.
    pub ssrc: Ssrc,
    /// Contributing sources, at most 15.
    pub csrcs: &'a [Ssrc],
    /// The header extension; zeros fill its last 32-bit word.
    pub extension: Option<HeaderExtension<'a>>,
}

/// Why a header was not written. Always the caller's fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtpWriteError {
    /// The buffer is too short.
    #[error("RTP header needs {expected} bytes, the buffer has {actual}")]
    BufferTooSmall {
        /// Bytes of the header.
        expected: usize,
        /// Bytes of the buffer.
        actual: usize,
    },
    /// More than 15 contributing sources.
    #[error("{0} contributing sources, at most 15 fit")]
    TooManyCsrcs(usize),
    /// The extension is longer than 65535 words.
    #[error("header extension of {0} bytes, at most 262140 fit")]
    ExtensionTooLong(usize),
}

impl<'a> RtpHeader<'a> {
    /// A header without marker, contributing sources and extension.
    pub const fn new(payload_type: PayloadType, seq: Seq, timestamp: RtpTime, ssrc: Ssrc) -> Self {
        RtpHeader {
            marker: false,
            payload_type,
            seq,
            timestamp,
            ssrc,
            csrcs: &[],
            extension: None,
        }
    }

    /// The same header with `marker`.
    #[must_use]
    pub const fn with_marker(mut self, marker: bool) -> Self {
        self.marker = marker;
        self
    }

    /// The same header with `extension`.
    #[must_use]
    pub const fn with_extension(mut self, extension: HeaderExtension<'a>) -> Self {
        self.extension = Some(extension);
        self
    }

    /// Bytes that [`write_into`](Self::write_into) will write.
    #[inline]
    pub fn calculate_size(&self) -> usize {
        let extension = self
            .extension
            .map_or(0, |e| 4 + e.data.len().next_multiple_of(4));
        RTP_HEADER_LEN + 4 * self.csrcs.len() + extension
    }

    /// The fixed 12 bytes, as they stand in front of CSRCs and extension.
    #[inline]
    pub fn fixed(&self) -> [u8; RTP_HEADER_LEN] {
        let [s0, s1] = self.seq.value().to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.value().to_be_bytes();
        let [x0, x1, x2, x3] = self.ssrc.value().to_be_bytes();
        let extension = if self.extension.is_some() {
            EXTENSION
        } else {
            0
        };
        let csrcs = self.csrcs.len() as u8 & CSRC_COUNT;
        let second = (u8::from(self.marker) << 7) | self.payload_type.value();
        [
            VERSION_2 | extension | csrcs,
            second,
            s0,
            s1,
            t0,
            t1,
            t2,
            t3,
            x0,
            x1,
            x2,
            x3,
        ]
    }

    /// Writes the header to the front of `out` and returns its length: where
    /// the payload begins.
    ///
    /// # Errors
    /// [`RtpWriteError`]; nothing is written then.
    #[inline]
    pub fn write_into(&self, out: &mut [u8]) -> Result<usize, RtpWriteError> {
        let expected = self.calculate_size();
        let actual = out.len();
        let Some((fixed, rest)) = out.split_first_chunk_mut() else {
            return Err(RtpWriteError::BufferTooSmall { expected, actual });
        };
        if expected > RTP_HEADER_LEN {
            if expected > actual {
                return Err(RtpWriteError::BufferTooSmall { expected, actual });
            }
            self.write_options(rest)?;
        }
        *fixed = self.fixed();
        Ok(expected)
    }

    /// Writes what follows the fixed header into `out`, known to be long enough.
    fn write_options(&self, out: &mut [u8]) -> Result<(), RtpWriteError> {
        if self.csrcs.len() > usize::from(CSRC_COUNT) {
            return Err(RtpWriteError::TooManyCsrcs(self.csrcs.len()));
        }
        let HeaderExtension { profile, data } = self.extension.unwrap_or_default();
        let length = u16::try_from(data.len().div_ceil(4))
            .map_err(|_| RtpWriteError::ExtensionTooLong(data.len()))?;
        let (words, _) = out.as_chunks_mut::<4>();
        let mut words = words.iter_mut();
        for (csrc, to) in self.csrcs.iter().zip(words.by_ref()) {
            *to = csrc.value().to_be_bytes();
        }
        if self.extension.is_some() {
            let ([p0, p1], [l0, l1]) = (profile.to_be_bytes(), length.to_be_bytes());
            let (full, tail) = data.as_chunks::<4>();
            let mut last = [0; 4];
            last.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
            let last = (!tail.is_empty()).then_some(last);
            let body = full.iter().copied().chain(last);
            let block = [[p0, p1, l0, l1]].into_iter().chain(body);
            block.zip(words).for_each(|(from, to)| *to = from);
        }
        Ok(())
    }
}

const VERSION_MASK: u8 = 0xc0;
const VERSION_2: u8 = 0x80;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;
const CSRC_COUNT: u8 = 0x0f;
const MARKER: u8 = 0x80;

#[cfg(test)]
mod tests;
