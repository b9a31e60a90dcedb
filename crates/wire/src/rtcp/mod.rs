//! RTCP: views of the packets of a compound, and their writers.
//!
//! In: a datagram that demultiplexing called RTCP, in the clear. Out:
//! [`Compound`], whose iterator yields each packet as a validated borrowed
//! view, a malformed one as an error of its own, so that a sloppy SDES does
//! not cost the report before it; and writers into caller-owned buffers.
//!
//! RFC 3550 §6 and Appendix A.2, RFC 5506 (reduced size), RFC 3611 (XR, of which
//! VoIP metrics are read), RFC 4585 and RFC 5104 (of feedback, PLI and FIR).
//! Transport feedback comes out as [`RawPacket`].

mod app;
mod bye;
mod compound;
mod feedback;
mod header;
mod report;
mod report_block;
mod sdes;
#[cfg(test)]
mod tests;
mod writer;
mod xr;

pub use app::{App, AppWriter};
pub use bye::{Bye, ByeWriter};
pub use compound::{Compound, CompoundMode, Lead, Packets};
pub use feedback::{FirEntry, FirWriter, PayloadFeedback, PliWriter};
pub use header::{RTCP_HEADER_LEN, RawPacket, RtcpError, RtcpType};
pub use report::{
    MAX_REPORT_BLOCKS, ReceiverReport, ReceiverReportWriter, SenderInfo, SenderReport,
    SenderReportWriter,
};
pub use report_block::ReportBlock;
pub use sdes::{Sdes, SdesChunk, SdesItem, SdesKind, SdesWriter};
pub use writer::{RtcpWriteError, WriteRtcp, write_compound};
pub use xr::{
    ExtendedReport, JitterBuffer, LossConcealment, ReceiverConfig, VoipMetrics, VoipMetricsWriter,
    XrBlock,
};

/// One packet of a compound, validated.
#[derive(Clone, Copy, Debug)]
pub enum RtcpPacket<'a> {
    /// SR, what a sender sent and receives.
    SenderReport(SenderReport<'a>),
    /// RR, what a receiver receives.
    ReceiverReport(ReceiverReport<'a>),
    /// SDES, who the sources are.
    Sdes(Sdes<'a>),
    /// BYE, which sources leave.
    Bye(Bye<'a>),
    /// APP, for applications that know its name.
    App(App<'a>),
    /// XR, what a receiver says beyond its report.
    ExtendedReport(ExtendedReport<'a>),
    /// What a receiver of video asks of its sender (206).
    PayloadFeedback(PayloadFeedback<'a>),
    /// Any other type: transport feedback (205), unknown ones.
    Other(RawPacket<'a>),
}

impl<'a> RtcpPacket<'a> {
    /// Reads the contents of a packet whose header was checked.
    ///
    /// # Errors
    /// [`RtcpError`] when its counts do not fit its length.
    pub fn from_raw(raw: RawPacket<'a>) -> Result<Self, RtcpError> {
        Ok(match raw.kind() {
            RtcpType::SENDER_REPORT => RtcpPacket::SenderReport(SenderReport::from_raw(raw)?),
            RtcpType::RECEIVER_REPORT => RtcpPacket::ReceiverReport(ReceiverReport::from_raw(raw)?),
            RtcpType::SDES => RtcpPacket::Sdes(Sdes::from_raw(raw)?),
            RtcpType::BYE => RtcpPacket::Bye(Bye::from_raw(raw)?),
            RtcpType::APP => RtcpPacket::App(App::from_raw(raw)?),
            RtcpType::EXTENDED_REPORT => RtcpPacket::ExtendedReport(ExtendedReport::from_raw(raw)?),
            RtcpType::PAYLOAD_FEEDBACK => {
                RtcpPacket::PayloadFeedback(PayloadFeedback::from_raw(raw)?)
            }
            _ => RtcpPacket::Other(raw),
        })
    }

    /// The type of this packet.
    pub fn kind(&self) -> RtcpType {
        match self {
            RtcpPacket::SenderReport(_) => RtcpType::SENDER_REPORT,
            RtcpPacket::ReceiverReport(_) => RtcpType::RECEIVER_REPORT,
            RtcpPacket::Sdes(_) => RtcpType::SDES,
            RtcpPacket::Bye(_) => RtcpType::BYE,
            RtcpPacket::App(_) => RtcpType::APP,
            RtcpPacket::ExtendedReport(_) => RtcpType::EXTENDED_REPORT,
            RtcpPacket::PayloadFeedback(_) => RtcpType::PAYLOAD_FEEDBACK,
            RtcpPacket::Other(raw) => raw.kind(),
        }
    }
}
