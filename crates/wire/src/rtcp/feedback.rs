//! Payload-specific feedback: asking for a keyframe.
//!
//! In: the raw packet 206. Out: who wants what of whom; and writers of a PLI
//! (RFC 4585 §6.3.1) and of a FIR (RFC 5104 §4.3.1). Other formats keep their
//! control information unread (SLI, RPSI, application layer, REMB).

use super::writer::{Cursor, RtcpWriteError, WriteRtcp};
use super::{RTCP_HEADER_LEN, RawPacket, RtcpError, RtcpType};
use crate::Ssrc;

/// A payload-specific feedback packet, borrowed and validated.
///
/// ```
/// use talkpath_wire::Ssrc;
/// use talkpath_wire::rtcp::{Compound, CompoundMode, PliWriter, RtcpPacket, WriteRtcp};
/// let (sender, media) = (Ssrc::new(1), Ssrc::new(2));
/// let mut bytes = [0; 12];
/// PliWriter { sender, media }.write_into(&mut bytes)?;
/// let compound = Compound::parse(&bytes, CompoundMode::ReducedSize)?;
/// let Some(Ok(RtcpPacket::PayloadFeedback(feedback))) = compound.packets().next() else {
///     panic!("it is feedback");
/// };
/// assert!(feedback.asks_for_keyframe(media));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PayloadFeedback<'a> {
    format: u8,
    sender: Ssrc,
    media: Ssrc,
    control: &'a [u8],
}

/// One entry of a FIR (RFC 5104 §4.3.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FirEntry {
    /// The source that is to send a keyframe.
    pub target: Ssrc,
    /// Counts commands; the same number is the same command again.
    pub sequence: u8,
}

impl<'a> PayloadFeedback<'a> {
    /// Picture loss indication (RFC 4585 §6.3.1).
    pub const PLI: u8 = 1;
    /// Full intra request (RFC 5104 §4.3.1).
    pub const FIR: u8 = 4;

    pub(super) fn from_raw(raw: RawPacket<'a>) -> Result<Self, RtcpError> {
        let short = || raw.short_body(8);
        let (sender, rest) = raw.body().split_first_chunk().ok_or_else(short)?;
        let (media, control) = rest.split_first_chunk().ok_or_else(short)?;
        Ok(PayloadFeedback {
            format: raw.count(),
            sender: ssrc(sender),
            media: ssrc(media),
            control,
        })
    }

    /// Its kind, such as [`PayloadFeedback::PLI`].
    pub fn format(&self) -> u8 {
        self.format
    }

    /// Who sent it.
    pub fn sender(&self) -> Ssrc {
        self.sender
    }

    /// The source that it is about; 0 where its entries say that.
    pub fn media(&self) -> Ssrc {
        self.media
    }

    /// What follows, as it stands.
    pub fn control(&self) -> &'a [u8] {
        self.control
    }

    /// The entries of a FIR; none of anything else.
    pub fn fir(&self) -> impl Iterator<Item = FirEntry> + 'a {
        let entries = match self.format {
            Self::FIR => self.control,
            _ => &[],
        };
        entries.chunks_exact(FIR_ENTRY).filter_map(|entry| {
            let (target, rest) = entry.split_first_chunk()?;
            let sequence = *rest.first()?;
            let target = ssrc(target);
            Some(FirEntry { target, sequence })
        })
    }

    /// Whether it asks the source `media` for a keyframe.
    pub fn asks_for_keyframe(&self, media: Ssrc) -> bool {
        match self.format {
            Self::PLI => self.media == media,
            Self::FIR => self.fir().any(|entry| entry.target == media),
            _ => false,
        }
    }
}

/// Writes a picture loss indication (RFC 4585 §6.3.1).
#[derive(Clone, Copy, Debug)]
pub struct PliWriter {
    /// Who asks.
    pub sender: Ssrc,
    /// Who is to send a keyframe.
    pub media: Ssrc,
}

impl PliWriter {
    /// Bytes of the packet.
    pub const LEN: usize = RTCP_HEADER_LEN + 8;
}

impl WriteRtcp for PliWriter {
    fn calculate_size(&self) -> usize {
        Self::LEN
    }

    fn write_into(&self, out: &mut [u8]) -> Result<usize, RtcpWriteError> {
        let (kind, format) = (RtcpType::PAYLOAD_FEEDBACK, PayloadFeedback::PLI);
        let mut cursor = Cursor::begin(out, kind, format, Self::LEN)?;
        cursor.put(self.sender.value().to_be_bytes());
        cursor.put(self.media.value().to_be_bytes());
        Ok(Self::LEN)
    }
}

/// Writes a full intra request with one entry (RFC 5104 §4.3.1).
///
/// ```
/// use talkpath_wire::Ssrc;
/// use talkpath_wire::rtcp::{FirEntry, FirWriter, WriteRtcp};
/// let entry = FirEntry { target: Ssrc::new(2), sequence: 7 };
/// let mut bytes = [0; FirWriter::LEN];
/// FirWriter { sender: Ssrc::new(1), entry }.write_into(&mut bytes)?;
/// assert_eq!(bytes, [0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 7, 0, 0, 0]);
/// # Ok::<(), talkpath_wire::rtcp::RtcpWriteError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FirWriter {
    /// Who asks.
    pub sender: Ssrc,
    /// Of whom, and which command it is.
    pub entry: FirEntry,
}

impl FirWriter {
    /// Bytes of the packet.
    pub const LEN: usize = RTCP_HEADER_LEN + 8 + FIR_ENTRY;
}

impl WriteRtcp for FirWriter {
    fn calculate_size(&self) -> usize {
        Self::LEN
    }

    fn write_into(&self, out: &mut [u8]) -> Result<usize, RtcpWriteError> {
        let (kind, format) = (RtcpType::PAYLOAD_FEEDBACK, PayloadFeedback::FIR);
        let mut cursor = Cursor::begin(out, kind, format, Self::LEN)?;
        cursor.put(self.sender.value().to_be_bytes());
        // RFC 5104 §4.3.1.2: the media source is not used and is 0.
        cursor.put([0; 4]);
        cursor.put(self.entry.target.value().to_be_bytes());
        cursor.put([self.entry.sequence, 0, 0, 0]);
        Ok(Self::LEN)
    }
}

fn ssrc(bytes: &[u8; 4]) -> Ssrc {
    Ssrc::new(u32::from_be_bytes(*bytes))
}

/// SSRC, sequence number and 24 reserved bits.
const FIR_ENTRY: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Compound, CompoundMode, ReceiverReportWriter, RtcpPacket, write_compound};

    const US: Ssrc = Ssrc::new(0x0102_0304);
    const THEM: Ssrc = Ssrc::new(0xa0b0_c0d0);

    fn read(bytes: &[u8]) -> Result<PayloadFeedback<'_>, RtcpError> {
        let compound = Compound::parse(bytes, CompoundMode::ReducedSize)?;
        match compound.packets().last() {
            Some(Ok(RtcpPacket::PayloadFeedback(feedback))) => Ok(feedback),
            Some(Err(error)) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    // RFC 4585 §6.1, §6.3.1
    #[test]
    fn a_pli_is_twelve_bytes_behind_its_report() {
        let rr = ReceiverReportWriter {
            ssrc: US,
            blocks: &[],
        };
        let pli = PliWriter {
            sender: US,
            media: THEM,
        };
        let mut out = [0; 64];
        let size = write_compound(&[&rr, &pli], &mut out).unwrap();
        assert_eq!(
            out[8..size],
            [0x81, 206, 0, 2, 1, 2, 3, 4, 0xa0, 0xb0, 0xc0, 0xd0]
        );
        let feedback = read(&out[..size]).unwrap();
        assert_eq!((feedback.sender(), feedback.media()), (US, THEM));
        assert!(feedback.asks_for_keyframe(THEM) && !feedback.asks_for_keyframe(US));
    }

    // RFC 5104 §4.3.1.1
    #[test]
    fn a_fir_names_its_targets_in_its_entries() {
        let mut bytes = [0x84, 206, 0, 6, 1, 2, 3, 4, 0, 0, 0, 0].to_vec();
        bytes.extend([0, 0, 0, 9, 1, 0, 0, 0, 0xa0, 0xb0, 0xc0, 0xd0, 255, 0, 0, 0]);
        let feedback = read(&bytes).unwrap();
        let entries = feedback.fir().map(|entry| entry.sequence);
        assert!(entries.eq([1, 255]));
        assert!(feedback.asks_for_keyframe(THEM) && !feedback.asks_for_keyframe(US));
    }

    #[test]
    fn what_is_too_short_or_of_another_kind_asks_for_nothing() {
        let short = [0x81, 206, 0, 1, 1, 2, 3, 4];
        assert!(matches!(
            read(&short),
            Err(RtcpError::Body {
                expected: 8,
                actual: 4,
                ..
            })
        ));
        let sli = [0x82, 206, 0, 2, 1, 2, 3, 4, 0xa0, 0xb0, 0xc0, 0xd0];
        let feedback = read(&sli).unwrap();
        assert!(!feedback.asks_for_keyframe(THEM) && feedback.fir().next().is_none());
        // An entry that is cut off is none.
        let cut = [
            0x84, 206, 0, 3, 1, 2, 3, 4, 0, 0, 0, 0, 0xa0, 0xb0, 0xc0, 0xd0,
        ];
        assert!(!read(&cut).unwrap().asks_for_keyframe(THEM));
    }

    #[test]
    fn no_buffer_is_written_half() {
        let pli = PliWriter {
            sender: US,
            media: THEM,
        };
        assert!(matches!(
            pli.write_into(&mut [0; 11]),
            Err(RtcpWriteError::BufferTooSmall {
                expected: 12,
                actual: 11
            })
        ));
    }
}
