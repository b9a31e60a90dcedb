//! What RTCP says of the streams of a capture.
//!
//! In: compounds of anybody. Out: by source, what it said of itself and what
//! others said of it. RFC 3550 §6.4, §6.5, §6.6; RFC 3611 §4.7.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use talkpath_wire::rtcp::{Compound, CompoundMode, ReportBlock, RtcpPacket, VoipMetrics};
use talkpath_wire::{Ssrc, Time};

/// What RTCP said of one source.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Told {
    /// Its sender reports.
    pub sender_reports: u64,
    /// Its receiver reports.
    pub receiver_reports: u64,
    /// Its canonical name, what is no UTF-8 replaced.
    pub cname: Option<String>,
    /// When it said goodbye, since the capture's first datagram.
    pub bye: Option<Time>,
    /// What its receiver said last.
    pub heard: Option<ToldBy>,
    /// The highest share of packets lost that its receiver told, 0..=1.
    pub worst_loss: f64,
    /// What its receiver said of the speech.
    pub voip: Option<VoipMetrics>,
}

/// What a receiver said of a source.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ToldBy {
    /// Where the report came from.
    pub from: SocketAddr,
    /// The report.
    pub block: ReportBlock,
}

/// What RTCP said of all sources.
#[derive(Clone, Debug, Default)]
pub(super) struct AllTold {
    by_source: BTreeMap<u32, Told>,
    pub(super) datagrams: u64,
}

impl AllTold {
    /// Takes in a datagram; false when it is no RTCP.
    pub(super) fn take(&mut self, at: Time, from: SocketAddr, bytes: &[u8]) -> bool {
        let Ok(compound) = Compound::parse(bytes, CompoundMode::ReducedSize) else {
            return false;
        };
        self.datagrams += 1;
        for packet in compound.packets().filter_map(Result::ok) {
            match packet {
                RtcpPacket::SenderReport(report) => {
                    self.source(report.ssrc()).sender_reports += 1;
                    report.blocks().for_each(|block| self.heard(from, block));
                }
                RtcpPacket::ReceiverReport(report) => {
                    self.source(report.ssrc()).receiver_reports += 1;
                    report.blocks().for_each(|block| self.heard(from, block));
                }
                RtcpPacket::Sdes(sdes) => {
                    for chunk in sdes.chunks() {
                        let cname = chunk.cname().map(String::from_utf8_lossy);
                        self.source(chunk.ssrc()).cname = cname.map(Into::into);
                    }
                }
                RtcpPacket::Bye(bye) => {
                    bye.sources()
                        .for_each(|ssrc| self.source(ssrc).bye = Some(at));
                }
                RtcpPacket::ExtendedReport(report) => {
                    for metrics in report.voip_metrics() {
                        self.source(metrics.ssrc).voip = Some(metrics);
                    }
                }
                _ => {}
            }
        }
        true
    }

    fn source(&mut self, ssrc: Ssrc) -> &mut Told {
        self.by_source.entry(ssrc.value()).or_default()
    }

    fn heard(&mut self, from: SocketAddr, block: ReportBlock) {
        let told = self.source(block.ssrc);
        told.heard = Some(ToldBy { from, block });
        let loss = f64::from(block.fraction_lost) / 256.0;
        told.worst_loss = told.worst_loss.max(loss);
    }

    /// Whether any RTCP names the source.
    pub(super) fn knows(&self, ssrc: Ssrc) -> bool {
        self.by_source.contains_key(&ssrc.value())
    }

    /// What was said of the source.
    pub(super) fn of(&self, ssrc: Ssrc) -> Told {
        self.by_source
            .get(&ssrc.value())
            .cloned()
            .unwrap_or_default()
    }
}
