//! What all RTCP writers share: the trait, its errors, the header.
//!
//! In: values. Out: bytes in a caller-owned buffer, whole packets of whole
//! 32-bit words. No allocation. RFC 3550 §6.1, §6.4.1. Never writes padding.

use super::{RTCP_HEADER_LEN, RtcpType};

/// A packet that can be written.
pub trait WriteRtcp {
    /// Bytes that [`write_into`](Self::write_into) will write: a multiple of 4.
    fn calculate_size(&self) -> usize;

    /// Writes the packet to the front of `out` and returns its size.
    ///
    /// # Errors
    /// [`RtcpWriteError`]; nothing is written then.
    fn write_into(&self, out: &mut [u8]) -> Result<usize, RtcpWriteError>;
}

/// Why a packet was not written. Always the caller's fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtcpWriteError {
    /// The buffer is too short.
    #[error("RTCP packet of {expected} bytes, the buffer has {actual}")]
    BufferTooSmall {
        /// Bytes of the packet.
        expected: usize,
        /// Bytes of the buffer.
        actual: usize,
    },
    /// More blocks, chunks or sources than five bits count.
    #[error("{entries} entries, at most {limit} fit")]
    TooMany {
        /// Entries given.
        entries: usize,
        /// Entries that fit.
        limit: usize,
    },
    /// A text longer than 255 bytes.
    #[error("text of {0} bytes, at most 255 fit")]
    TextTooLong(usize),
    /// Application data that is not whole 32-bit words.
    #[error("application data of {0} bytes is not whole 32-bit words")]
    Unaligned(usize),
    /// More than the length field counts.
    #[error("RTCP packet of {0} bytes, at most 262144 fit")]
    PacketTooLong(usize),
}

/// Writes packets one after the other and returns their size together.
///
/// ```
/// use talkpath_wire::Ssrc;
/// use talkpath_wire::rtcp::{ReceiverReportWriter, SdesWriter, write_compound};
/// let ssrc = Ssrc::new(42);
/// let mut out = [0; 64];
/// let rr = ReceiverReportWriter { ssrc, blocks: &[] };
/// let sdes = SdesWriter { ssrc, cname: b"host" };
/// assert_eq!(write_compound(&[&rr, &sdes], &mut out)?, 8 + 16);
/// # Ok::<(), talkpath_wire::rtcp::RtcpWriteError>(())
/// ```
///
/// # Errors
/// [`RtcpWriteError`] of the first packet that fails; `out` then holds the
/// packets before it.
pub fn write_compound(packets: &[&dyn WriteRtcp], out: &mut [u8]) -> Result<usize, RtcpWriteError> {
    let mut size = 0;
    for packet in packets {
        size += packet.write_into(out.get_mut(size..).unwrap_or_default())?;
    }
    Ok(size)
}

/// The body of a packet being written, known to have room for all of it.
pub(super) struct Cursor<'a> {
    rest: &'a mut [u8],
}

impl<'a> Cursor<'a> {
    /// Writes the header of a packet of `size` bytes, zeroes its body.
    pub(super) fn begin(
        out: &'a mut [u8],
        kind: RtcpType,
        count: u8,
        size: usize,
    ) -> Result<Self, RtcpWriteError> {
        let words = u16::try_from(size.saturating_sub(RTCP_HEADER_LEN) / 4);
        let [l0, l1] = words
            .map_err(|_| RtcpWriteError::PacketTooLong(size))?
            .to_be_bytes();
        let actual = out.len();
        let packet = out.get_mut(..size).and_then(<[u8]>::split_first_chunk_mut);
        let Some((header, rest)) = packet else {
            return Err(RtcpWriteError::BufferTooSmall {
                expected: size,
                actual,
            });
        };
        *header = [0x80 | count, kind.0, l0, l1];
        rest.fill(0);
        Ok(Cursor { rest })
    }

    /// Appends `bytes`.
    pub(super) fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.put_slice(&bytes);
    }

    /// Appends `bytes`.
    pub(super) fn put_slice(&mut self, bytes: &[u8]) {
        let rest = core::mem::take(&mut self.rest);
        if let Some((to, rest)) = rest.split_at_mut_checked(bytes.len()) {
            to.copy_from_slice(bytes);
            self.rest = rest;
        }
    }
}
