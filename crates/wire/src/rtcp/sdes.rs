//! SDES: who the sources are.
//!
//! In: the raw packet 202. Out: chunks, one per source, with their items; and
//! a writer of what we send, one chunk with a CNAME. Texts are bytes: UTF-8 by
//! the standard, not by every sender.
//!
//! RFC 3550 §6.5. A chunk that ends with the packet, without its null octet,
//! is read all the same.

use super::writer::{Cursor, RtcpWriteError, WriteRtcp};
use super::{RTCP_HEADER_LEN, RawPacket, RtcpError, RtcpType};
use crate::Ssrc;

/// An SDES packet, borrowed and validated.
#[derive(Clone, Copy, Debug)]
pub struct Sdes<'a> {
    count: u8,
    body: &'a [u8],
}

/// What one source says about itself.
#[derive(Clone, Copy, Debug)]
pub struct SdesChunk<'a> {
    ssrc: &'a [u8; 4],
    items: &'a [u8],
}

/// One item of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SdesItem<'a> {
    /// What the text is.
    pub kind: SdesKind,
    /// At most 255 bytes, not terminated.
    pub text: &'a [u8],
}

/// The type of an SDES item (RFC 3550 §12.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SdesKind(pub u8);

impl SdesKind {
    /// The canonical name: the same for all sources of one participant.
    pub const CNAME: SdesKind = SdesKind(1);
    /// The name of a person.
    pub const NAME: SdesKind = SdesKind(2);
    /// The name of a program.
    pub const TOOL: SdesKind = SdesKind(6);
}

impl<'a> Sdes<'a> {
    pub(super) fn from_raw(raw: RawPacket<'a>) -> Result<Self, RtcpError> {
        let mut rest = raw.body();
        for _ in 0..raw.count() {
            let consumed = raw.body().len() - rest.len();
            let split = split_chunk(rest);
            (_, rest) = split.map_err(|needed| raw.short_body(consumed + needed))?;
        }
        Ok(Sdes {
            count: raw.count(),
            body: raw.body(),
        })
    }

    /// The chunks, at most 31.
    pub fn chunks(&self) -> impl Iterator<Item = SdesChunk<'a>> + use<'a> {
        let mut rest = self.body;
        (0..self.count).map_while(move |_| {
            let (chunk, next) = split_chunk(rest).ok()?;
            rest = next;
            Some(chunk)
        })
    }
}

impl<'a> SdesChunk<'a> {
    /// Who is described.
    pub fn ssrc(&self) -> Ssrc {
        Ssrc::new(u32::from_be_bytes(*self.ssrc))
    }

    /// The items in order.
    pub fn items(&self) -> impl Iterator<Item = SdesItem<'a>> + use<'a> {
        let mut rest = self.items;
        core::iter::from_fn(move || {
            let (item, next) = split_item(rest).ok()??;
            rest = next;
            Some(item)
        })
    }

    /// The canonical name, if there is one.
    pub fn cname(&self) -> Option<&'a [u8]> {
        self.items()
            .find(|item| item.kind == SdesKind::CNAME)
            .map(|item| item.text)
    }
}

/// Takes a chunk off the front, or says how many bytes it would need.
fn split_chunk(bytes: &[u8]) -> Result<(SdesChunk<'_>, &[u8]), usize> {
    let (ssrc, items) = bytes.split_first_chunk().ok_or(4_usize)?;
    let mut rest = items;
    while let Some((_, next)) = split_item(rest).map_err(|needed| {
        let consumed = bytes.len() - rest.len();
        consumed + needed
    })? {
        rest = next;
    }
    let (items, _) = items.split_at(items.len() - rest.len());
    // RFC 3550 §6.5: one null octet ends the items, more fill the word.
    let end = (4 + items.len() + 1).next_multiple_of(4).min(bytes.len());
    let (_, next) = bytes.split_at(end);
    Ok((SdesChunk { ssrc, items }, next))
}

/// Takes an item off the front; none at the null octet or at the end.
/// The error is how many bytes the item would need.
fn split_item(bytes: &[u8]) -> Result<Option<(SdesItem<'_>, &[u8])>, usize> {
    let (kind, length, rest) = match bytes {
        [] | [0, ..] => return Ok(None),
        [_] => return Err(2),
        [kind, length, rest @ ..] => (*kind, usize::from(*length), rest),
    };
    let (text, next) = rest.split_at_checked(length).ok_or(2 + length)?;
    let item = SdesItem {
        kind: SdesKind(kind),
        text,
    };
    Ok(Some((item, next)))
}

/// Writes an SDES packet of one source with its CNAME (RFC 3550 §6.5.1).
#[derive(Clone, Copy, Debug)]
pub struct SdesWriter<'a> {
    /// Who is described.
    pub ssrc: Ssrc,
    /// The canonical name, at most 255 bytes (RFC 7022).
    pub cname: &'a [u8],
}

impl WriteRtcp for SdesWriter<'_> {
    fn calculate_size(&self) -> usize {
        RTCP_HEADER_LEN + (4 + 2 + self.cname.len() + 1).next_multiple_of(4)
    }

    fn write_into(&self, out: &mut [u8]) -> Result<usize, RtcpWriteError> {
        let length = u8::try_from(self.cname.len())
            .map_err(|_| RtcpWriteError::TextTooLong(self.cname.len()))?;
        let size = self.calculate_size();
        let mut cursor = Cursor::begin(out, RtcpType::SDES, 1, size)?;
        cursor.put(self.ssrc.value().to_be_bytes());
        cursor.put([SdesKind::CNAME.0, length]);
        cursor.put_slice(self.cname);
        Ok(size)
    }
}
