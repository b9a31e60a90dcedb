//! Sender and receiver reports.
//!
//! In: the raw packets 200 and 201. Out: views with their blocks, and writers
//! of the same. Profile-specific extensions are kept apart, unread.
//!
//! RFC 3550 §6.4.1 (SR), §6.4.2 (RR).

use super::writer::{Cursor, RtcpWriteError, WriteRtcp};
use super::{RTCP_HEADER_LEN, RawPacket, ReportBlock, RtcpError, RtcpType};
use crate::{NtpTime, RtpTime, Ssrc};

/// Blocks that fit into one report: the count has five bits.
pub const MAX_REPORT_BLOCKS: usize = 31;

/// What a sender says about its own sending (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderInfo {
    /// When this report was sent.
    pub ntp: NtpTime,
    /// The same moment on the RTP clock of the stream.
    pub rtp: RtpTime,
    /// RTP packets sent since the beginning, modulo 2^32.
    pub packets: u32,
    /// Payload bytes sent since the beginning, without headers and padding,
    /// modulo 2^32.
    pub octets: u32,
}

/// A sender report, borrowed and validated.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    ssrc: &'a [u8; 4],
    info: &'a [u8; SENDER_INFO_LEN],
    blocks: Blocks<'a>,
}

impl<'a> SenderReport<'a> {
    pub(super) fn from_raw(raw: RawPacket<'a>) -> Result<Self, RtcpError> {
        let short = || raw.short_body(4 + SENDER_INFO_LEN);
        let (ssrc, rest) = raw.body().split_first_chunk().ok_or_else(short)?;
        let (info, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let blocks = Blocks::split(rest, raw, 4 + SENDER_INFO_LEN)?;
        Ok(SenderReport { ssrc, info, blocks })
    }

    /// Who reports.
    pub fn ssrc(&self) -> Ssrc {
        Ssrc::new(u32::from_be_bytes(*self.ssrc))
    }

    /// What it sent.
    pub fn info(&self) -> SenderInfo {
        let [
            n0,
            n1,
            n2,
            n3,
            n4,
            n5,
            n6,
            n7,
            r0,
            r1,
            r2,
            r3,
            p0,
            p1,
            p2,
            p3,
            o0,
            o1,
            o2,
            o3,
        ] = *self.info;
        SenderInfo {
            ntp: NtpTime::from_bits(u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7])),
            rtp: RtpTime::new(u32::from_be_bytes([r0, r1, r2, r3])),
            packets: u32::from_be_bytes([p0, p1, p2, p3]),
            octets: u32::from_be_bytes([o0, o1, o2, o3]),
        }
    }

    /// What it receives, at most 31 blocks.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = ReportBlock> + use<'a> {
        self.blocks.blocks.iter().map(ReportBlock::from_bytes)
    }

    /// Profile-specific extensions, unread.
    pub fn extension(&self) -> &'a [u8] {
        self.blocks.extension
    }
}

/// A receiver report, borrowed and validated.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    ssrc: &'a [u8; 4],
    blocks: Blocks<'a>,
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn from_raw(raw: RawPacket<'a>) -> Result<Self, RtcpError> {
        let body = raw.body().split_first_chunk();
        let (ssrc, rest) = body.ok_or_else(|| raw.short_body(4))?;
        let blocks = Blocks::split(rest, raw, 4)?;
        Ok(ReceiverReport { ssrc, blocks })
    }

    /// Who reports.
    pub fn ssrc(&self) -> Ssrc {
        Ssrc::new(u32::from_be_bytes(*self.ssrc))
    }

    /// What it receives, at most 31 blocks.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = ReportBlock> + use<'a> {
        self.blocks.blocks.iter().map(ReportBlock::from_bytes)
    }

    /// Profile-specific extensions, unread.
    pub fn extension(&self) -> &'a [u8] {
        self.blocks.extension
    }
}

/// The end of both reports.
#[derive(Clone, Copy, Debug)]
struct Blocks<'a> {
    blocks: &'a [[u8; ReportBlock::LEN]],
    extension: &'a [u8],
}

impl<'a> Blocks<'a> {
    /// Splits the counted blocks off `rest`, which stands `before` bytes into
    /// the body.
    fn split(rest: &'a [u8], raw: RawPacket<'a>, before: usize) -> Result<Self, RtcpError> {
        let length = ReportBlock::LEN * usize::from(raw.count());
        let split = rest.split_at_checked(length);
        let (blocks, extension) = split.ok_or_else(|| raw.short_body(before + length))?;
        let (blocks, _) = blocks.as_chunks();
        Ok(Blocks { blocks, extension })
    }
}

/// Writes a sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderReportWriter<'a> {
    /// Who reports.
    pub ssrc: Ssrc,
    /// What it sent.
    pub info: SenderInfo,
    /// What it receives, at most [`MAX_REPORT_BLOCKS`].
    pub blocks: &'a [ReportBlock],
}

impl WriteRtcp for SenderReportWriter<'_> {
    fn calculate_size(&self) -> usize {
        RTCP_HEADER_LEN + 4 + SENDER_INFO_LEN + ReportBlock::LEN * self.blocks.len()
    }

    fn write_into(&self, out: &mut [u8]) -> Result<usize, RtcpWriteError> {
        let count = block_count(self.blocks)?;
        let size = self.calculate_size();
        let mut cursor = Cursor::begin(out, RtcpType::SENDER_REPORT, count, size)?;
        cursor.put(self.ssrc.value().to_be_bytes());
        cursor.put(self.info.ntp.bits().to_be_bytes());
        cursor.put(self.info.rtp.value().to_be_bytes());
        cursor.put(self.info.packets.to_be_bytes());
        cursor.put(self.info.octets.to_be_bytes());
        self.blocks
            .iter()
            .for_each(|block| cursor.put(block.to_bytes()));
        Ok(size)
    }
}

/// Writes a receiver report; with no blocks, the empty one that RFC 3550 §6.1
/// puts at the head of every compound.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReportWriter<'a> {
    /// Who reports.
    pub ssrc: Ssrc,
    /// What it receives, at most [`MAX_REPORT_BLOCKS`].
    pub blocks: &'a [ReportBlock],
}

impl WriteRtcp for ReceiverReportWriter<'_> {
    fn calculate_size(&self) -> usize {
        RTCP_HEADER_LEN + 4 + ReportBlock::LEN * self.blocks.len()
    }

    fn write_into(&self, out: &mut [u8]) -> Result<usize, RtcpWriteError> {
        let count = block_count(self.blocks)?;
        let size = self.calculate_size();
        let mut cursor = Cursor::begin(out, RtcpType::RECEIVER_REPORT, count, size)?;
        cursor.put(self.ssrc.value().to_be_bytes());
        self.blocks
            .iter()
            .for_each(|block| cursor.put(block.to_bytes()));
        Ok(size)
    }
}

fn block_count(blocks: &[ReportBlock]) -> Result<u8, RtcpWriteError> {
    match u8::try_from(blocks.len()) {
        Ok(count) if usize::from(count) <= MAX_REPORT_BLOCKS => Ok(count),
        _ => Err(RtcpWriteError::TooMany {
            entries: blocks.len(),
            limit: MAX_REPORT_BLOCKS,
        }),
    }
}

const SENDER_INFO_LEN: usize = 20;
