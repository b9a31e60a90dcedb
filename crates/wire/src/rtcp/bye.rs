//! BYE: sources that leave.
//!
//! In: the raw packet 203. Out: the sources and the reason; and a writer of
//! the same. RFC 3550 §6.6.

use super::report::MAX_REPORT_BLOCKS;
use super::writer::{Cursor, RtcpWriteError, WriteRtcp};
use super::{RTCP_HEADER_LEN, RawPacket, RtcpError, RtcpType};
use crate::Ssrc;

/// A BYE packet, borrowed and validated.
#[derive(Clone, Copy, Debug)]
pub struct Bye<'a> {
    sources: &'a [[u8; 4]],
    reason: Option<&'a [u8]>,
}

impl<'a> Bye<'a> {
    pub(super) fn from_raw(raw: RawPacket<'a>) -> Result<Self, RtcpError> {
        let length = 4 * usize::from(raw.count());
        let split = raw.body().split_at_checked(length);
        let (sources, rest) = split.ok_or_else(|| raw.short_body(length))?;
        let reason = match rest.split_first() {
            None => None,
            Some((&count, text)) => {
                let text = text.get(..usize::from(count));
                Some(text.ok_or_else(|| raw.short_body(length + 1 + usize::from(count)))?)
            }
        };
        Ok(Bye {
            sources: sources.as_chunks().0,
            reason,
        })
    }

    /// Who leaves, at most 31.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = Ssrc> + use<'a> {
        self.sources
            .iter()
            .map(|word| Ssrc::new(u32::from_be_bytes(*word)))
    }

    /// Why, at most 255 bytes.
    pub fn reason(&self) -> Option<&'a [u8]> {
        self.reason
    }
}

/// Writes a BYE packet.
#[derive(Clone, Copy, Debug)]
pub struct ByeWriter<'a> {
    /// Who leaves, at most 31.
    pub sources: &'a [Ssrc],
    /// Why, at most 255 bytes; empty for no reason.
    pub reason: &'a [u8],
}

impl WriteRtcp for ByeWriter<'_> {
    fn calculate_size(&self) -> usize {
        let reason = match self.reason.len() {
            0 => 0,
            length => (1 + length).next_multiple_of(4),
        };
        RTCP_HEADER_LEN + 4 * self.sources.len() + reason
    }

    fn write_into(&self, out: &mut [u8]) -> Result<usize, RtcpWriteError> {
        let entries = self.sources.len();
        let limit = MAX_REPORT_BLOCKS;
        let count = u8::try_from(entries)
            .ok()
            .filter(|count| usize::from(*count) <= limit);
        let count = count.ok_or(RtcpWriteError::TooMany { entries, limit })?;
        let length = u8::try_from(self.reason.len())
            .map_err(|_| RtcpWriteError::TextTooLong(self.reason.len()))?;
        let size = self.calculate_size();
        let mut cursor = Cursor::begin(out, RtcpType::BYE, count, size)?;
        self.sources
            .iter()
            .for_each(|ssrc| cursor.put(ssrc.value().to_be_bytes()));
        if length > 0 {
            cursor.put([length]);
            cursor.put_slice(self.reason);
        }
        Ok(size)
    }
}
