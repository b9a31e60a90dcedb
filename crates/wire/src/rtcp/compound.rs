//! Compound packets: the chain of RTCP packets in one datagram.
//!
//! In: a datagram and whether RFC 5506 was negotiated. Out: an iterator over
//! its packets. Two irregularities of the field are tolerated and shown, not
//! hidden: an APP packet alone, and bytes after the last packet that fits.
//!
//! RFC 3550 §6.1 and A.2, RFC 5506 §3.4.2.

use super::header::Frame;
use super::{RtcpError, RtcpPacket, RtcpType};

/// Which chains a peer may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CompoundMode {
    /// SR or RR first (RFC 3550 §6.1).
    #[default]
    Full,
    /// Any packet first: `a=rtcp-rsize` was negotiated (RFC 5506).
    ReducedSize,
}

/// What a compound began with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lead {
    /// SR or RR, as RFC 3550 §6.1 demands.
    Report,
    /// An APP packet with no other: against RFC 3550 §6.1, but sent in the
    /// field to open a path.
    LoneApp,
    /// Any other packet, as RFC 5506 allows.
    ReducedSize,
}

/// A compound whose chain of lengths was checked.
///
/// ```
/// use talkpath_wire::rtcp::{Compound, CompoundMode, RtcpPacket};
/// let bytes = [0x80, 201, 0, 1, 0, 0, 0, 42]; // an RR without blocks
/// let compound = Compound::parse(&bytes, CompoundMode::Full)?;
/// for packet in compound.packets() {
///     assert!(matches!(packet?, RtcpPacket::ReceiverReport(_)));
/// }
/// # Ok::<(), talkpath_wire::rtcp::RtcpError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    chain: &'a [u8],
    trailing: &'a [u8],
    lead: Lead,
}

impl<'a> Compound<'a> {
    /// Walks the chain once and borrows it.
    ///
    /// # Errors
    /// [`RtcpError`] when the first packet does not fit or may not lead.
    pub fn parse(bytes: &'a [u8], mode: CompoundMode) -> Result<Self, RtcpError> {
        let (first, mut rest) = Frame::split(bytes)?;
        let alone = rest.is_empty();
        // RFC 3550 A.2: the first packet must be SR or RR.
        let lead = match (first.kind, mode) {
            (RtcpType::SENDER_REPORT | RtcpType::RECEIVER_REPORT, _) => Lead::Report,
            (_, CompoundMode::ReducedSize) => Lead::ReducedSize,
            (RtcpType::APP, CompoundMode::Full) if alone => Lead::LoneApp,
            (other, CompoundMode::Full) => return Err(RtcpError::FirstNotReport(other)),
        };
        while let Ok((_, next)) = Frame::split(rest) {
            rest = next;
        }
        let (chain, trailing) = bytes.split_at(bytes.len() - rest.len());
        Ok(Compound {
            chain,
            trailing,
            lead,
        })
    }

    /// What it began with.
    pub fn lead(&self) -> Lead {
        self.lead
    }

    /// Bytes of the datagram, trailing ones included.
    pub fn size(&self) -> usize {
        self.chain.len() + self.trailing.len()
    }

    /// Bytes after the last packet that fits. A.2 would have the lengths add
    /// up exactly: whoever needs that strictness asks for this to be empty.
    pub fn trailing(&self) -> &'a [u8] {
        self.trailing
    }

    /// The packets in order, each validated on its own.
    pub fn packets(&self) -> Packets<'a> {
        Packets { rest: self.chain }
    }
}

impl<'a> IntoIterator for Compound<'a> {
    type Item = Result<RtcpPacket<'a>, RtcpError>;
    type IntoIter = Packets<'a>;

    fn into_iter(self) -> Packets<'a> {
        self.packets()
    }
}

/// Iterator over the packets of a compound.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<RtcpPacket<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (frame, rest) = Frame::split(self.rest).ok()?;
        self.rest = rest;
        Some(frame.unpad().and_then(RtcpPacket::from_raw))
    }
}
