//! APP: packets for applications that know their name.
//!
//! In: the raw packet 204. Out: name, subtype and data; and a writer of the
//! same. RFC 3550 §6.7.

use super::header::COUNT;
use super::writer::{Cursor, RtcpWriteError, WriteRtcp};
use super::{RTCP_HEADER_LEN, RawPacket, RtcpError, RtcpType};
use crate::Ssrc;

/// An APP packet, borrowed and validated.
#[derive(Clone, Copy, Debug)]
pub struct App<'a> {
    subtype: u8,
    ssrc: &'a [u8; 4],
    name: &'a [u8; 4],
    data: &'a [u8],
}

impl<'a> App<'a> {
    pub(super) fn from_raw(raw: RawPacket<'a>) -> Result<Self, RtcpError> {
        let short = || raw.short_body(8);
        let (ssrc, rest) = raw.body().split_first_chunk().ok_or_else(short)?;
        let (name, data) = rest.split_first_chunk().ok_or_else(short)?;
        Ok(App {
            subtype: raw.count(),
            ssrc,
            name,
            data,
        })
    }

    /// A number of the application, 0..=31.
    pub fn subtype(&self) -> u8 {
        self.subtype
    }

    /// Who sent it.
    pub fn ssrc(&self) -> Ssrc {
        Ssrc::new(u32::from_be_bytes(*self.ssrc))
    }

    /// Four ASCII characters that name the application.
    pub fn name(&self) -> [u8; 4] {
        *self.name
    }

    /// Data of the application, as it stands.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}

/// Writes an APP packet.
#[derive(Clone, Copy, Debug)]
pub struct AppWriter<'a> {
    /// A number of the application, 0..=31.
    pub subtype: u8,
    /// Who sends it.
    pub ssrc: Ssrc,
    /// Four ASCII characters that name the application.
    pub name: [u8; 4],
    /// Data of the application: whole 32-bit words.
    pub data: &'a [u8],
}

impl WriteRtcp for AppWriter<'_> {
    fn calculate_size(&self) -> usize {
        RTCP_HEADER_LEN + 8 + self.data.len()
    }

    fn write_into(&self, out: &mut [u8]) -> Result<usize, RtcpWriteError> {
        if self.subtype > COUNT {
            let entries = usize::from(self.subtype);
            return Err(RtcpWriteError::TooMany {
                entries,
                limit: usize::from(COUNT),
            });
        }
        if !self.data.len().is_multiple_of(4) {
            return Err(RtcpWriteError::Unaligned(self.data.len()));
        }
        let size = self.calculate_size();
        let mut cursor = Cursor::begin(out, RtcpType::APP, self.subtype, size)?;
        cursor.put(self.ssrc.value().to_be_bytes());
        cursor.put(self.name);
        cursor.put_slice(self.data);
        Ok(size)
    }
}
