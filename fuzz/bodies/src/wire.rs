//! RTP and RTCP packets, and header extensions.

use talkpath_wire::rtcp::{Compound, CompoundMode, RtcpPacket, VoipMetrics};
use talkpath_wire::{HeaderExtension, PayloadType, RtpHeader, RtpPacket, RtpPacketMut, Ssrc};

use crate::script::Script;

/// An RTP packet: its parts add up, and rewriting changes what it says it does.
pub fn rtp(bytes: &[u8]) {
    let Ok(packet) = RtpPacket::parse(bytes) else {
        let mut copy = bytes.to_vec();
        assert!(RtpPacketMut::parse(&mut copy).is_err());
        assert_eq!(copy, bytes);
        return;
    };
    let parts = packet.header_len() + packet.payload().len() + usize::from(packet.padding());
    assert_eq!(parts, bytes.len());
    assert!(packet.csrcs().len() <= 15);
    if let Some(extension) = packet.extension() {
        elements(&extension);
    }
    rewrite(bytes, packet);
    rebuild(packet);
}

fn rewrite(bytes: &[u8], packet: RtpPacket<'_>) {
    let mut copy = bytes.to_vec();
    let mut relayed = RtpPacketMut::parse(&mut copy).expect("it parsed before");
    let (seq, timestamp) = (packet.seq().next(), packet.timestamp().plus(160));
    relayed.set_seq(seq);
    relayed.set_timestamp(timestamp);
    relayed.set_ssrc(Ssrc::new(7));
    relayed.set_marker(!packet.marker());
    relayed.set_payload_type(PayloadType::PCMA);
    let view = relayed.view();
    assert_eq!((view.seq(), view.timestamp()), (seq, timestamp));
    assert_eq!(
        (view.ssrc(), view.marker()),
        (Ssrc::new(7), !packet.marker())
    );
    assert_eq!(view.payload_type(), PayloadType::PCMA);
    assert_eq!(view.payload(), packet.payload());
    assert_eq!(view.extension(), packet.extension());
}

/// A header written with the same fields reads the same.
fn rebuild(packet: RtpPacket<'_>) {
    let mut header = RtpHeader::new(
        packet.payload_type(),
        packet.seq(),
        packet.timestamp(),
        packet.ssrc(),
    )
    .with_marker(packet.marker());
    if let Some(extension) = packet.extension() {
        header = header.with_extension(extension);
    }
    let mut out = vec![0; header.calculate_size()];
    let written = header.write_into(&mut out).expect("there is room");
    assert_eq!(written, out.len());
    let again = RtpPacket::parse(&out).expect("a header is a packet");
    assert_eq!(again.ssrc(), packet.ssrc());
    assert_eq!(again.seq(), packet.seq());
    assert_eq!(again.timestamp(), packet.timestamp());
    assert_eq!(again.marker(), packet.marker());
    assert_eq!(again.extension(), packet.extension());
    assert!(again.payload().is_empty());
}

/// A header extension: elements lie in its data, in order, and are found by
/// number.
pub fn extensions(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let profile = script.u16();
    elements(&HeaderExtension {
        profile,
        data: script.rest(),
    });
}

fn elements(extension: &HeaderExtension<'_>) {
    let mut total = 0;
    for element in extension.elements() {
        assert_ne!(element.id, 0);
        let first = extension.element(element.id);
        assert!(first.is_some_and(|data| extension.data.len() >= data.len()));
        total += 1 + element.data.len();
    }
    assert!(total <= extension.data.len());
}

/// An RTCP datagram in both modes: the chain and what trails add up, and what
/// full mode takes, reduced size takes too.
pub fn rtcp(bytes: &[u8]) {
    let full = Compound::parse(bytes, CompoundMode::Full).is_ok();
    let Ok(compound) = Compound::parse(bytes, CompoundMode::ReducedSize) else {
        assert!(!full);
        return;
    };
    assert_eq!(compound.size(), bytes.len());
    assert!(compound.trailing().len() < bytes.len());
    let mut packets = 0;
    for packet in compound.packets() {
        packets += 1;
        if let Ok(packet) = packet {
            read(&packet, bytes.len());
        }
    }
    assert!(packets > 0 && packets * 4 <= bytes.len());
}

fn read(packet: &RtcpPacket<'_>, room: usize) {
    match packet {
        RtcpPacket::SenderReport(report) => {
            report.info();
            assert!(report.blocks().len() * 24 + report.extension().len() <= room);
            report.blocks().for_each(drop);
        }
        RtcpPacket::ReceiverReport(report) => {
            assert!(report.blocks().len() * 24 + report.extension().len() <= room);
            report.blocks().for_each(drop);
        }
        RtcpPacket::Sdes(sdes) => {
            for chunk in sdes.chunks() {
                let items: usize = chunk.items().map(|item| item.text.len() + 2).sum();
                assert!(items <= room);
                chunk.cname();
            }
        }
        RtcpPacket::Bye(bye) => {
            assert!(bye.sources().len() <= 31);
            assert!(bye.reason().is_none_or(|reason| reason.len() <= 255));
        }
        RtcpPacket::App(app) => assert!(app.data().len() <= room),
        RtcpPacket::PayloadFeedback(feedback) => {
            let entries = feedback.fir().count();
            assert!(8 + 8 * entries <= room && feedback.control().len() <= room);
        }
        RtcpPacket::ExtendedReport(report) => {
            let blocks: usize = report.blocks().map(|block| 4 + block.body.len()).sum();
            assert!(8 + blocks <= room);
            for metrics in report.voip_metrics() {
                let again = VoipMetrics::from_bytes(&metrics.to_bytes());
                assert_eq!(again.to_bytes(), metrics.to_bytes());
            }
        }
        RtcpPacket::Other(raw) => assert!(raw.body().len() <= room),
    }
}
