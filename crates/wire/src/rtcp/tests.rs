//! Tests of the RTCP views and writers, with rtcp-types as an oracle.

use alloc::vec::Vec;

use proptest::prelude::*;
use rtcp_types::prelude::RtcpPacketParserExt;

use super::*;
use crate::testing::{Xorshift, bytes_of};
use crate::{NtpTime, RtpTime, Ssrc};

/// SR with one block, then SDES with CNAME "a@b" and TOOL "x", then BYE "bye".
const SR_SDES_BYE: &str = "81c8000c 0000002a e0000001 80000000 00001000 00000064 00003e80
     0000002b 40fffffe 0001fff0 00000007 00018000 00020000
     81ca0004 0000002a 01036140 62060178 00000000
     81cb0002 0000002a 03627965";
/// An empty RR, then an APP of subtype 3 with four bytes of data.
const RR_APP: &str = "80c90001 0000002a 83cc0003 0000002a 74657374 01020304";
/// What opens a path in the field: APP with nothing before or after it.
const LONE_APP: &str = "80cc0002 0000002a 52455458";

fn packets(bytes: &[u8]) -> Vec<Result<RtcpPacket<'_>, RtcpError>> {
    Compound::parse(bytes, CompoundMode::Full)
        .unwrap()
        .packets()
        .collect()
}

#[test]
fn reads_a_sender_report_with_names_and_goodbye() {
    let bytes = bytes_of(SR_SDES_BYE);
    let packets = packets(&bytes);
    let [
        Ok(RtcpPacket::SenderReport(sr)),
        Ok(RtcpPacket::Sdes(sdes)),
        Ok(RtcpPacket::Bye(bye)),
    ] = packets[..]
    else {
        panic!("{packets:?}");
    };
    assert_eq!(sr.ssrc(), Ssrc::new(42));
    let info = SenderInfo {
        ntp: NtpTime::from_bits(0xe000_0001_8000_0000),
        rtp: RtpTime::new(0x1000),
        packets: 100,
        octets: 16_000,
    };
    assert_eq!(sr.info(), info);
    let block = ReportBlock {
        ssrc: Ssrc::new(43),
        fraction_lost: 64,
        // RFC 3550 §6.4.1: 24 bits, signed.
        cumulative_lost: -2,
        highest_seq: 0x1_fff0,
        jitter: 7,
        last_sr: 0x1_8000,
        delay_since_last_sr: 0x2_0000,
    };
    assert!(sr.blocks().eq([block]));
    let chunk = sdes.chunks().next().unwrap();
    assert_eq!(
        (chunk.ssrc(), chunk.cname()),
        (Ssrc::new(42), Some(&b"a@b"[..]))
    );
    let tool = SdesItem {
        kind: SdesKind::TOOL,
        text: b"x",
    };
    assert_eq!(chunk.items().nth(1), Some(tool));
    assert!(bye.sources().eq([Ssrc::new(42)]));
    assert_eq!(bye.reason(), Some(&b"bye"[..]));
}

#[test]
fn reads_an_application_packet_behind_an_empty_report() {
    let bytes = bytes_of(RR_APP);
    let packets = packets(&bytes);
    let [Ok(RtcpPacket::ReceiverReport(rr)), Ok(RtcpPacket::App(app))] = packets[..] else {
        panic!("{packets:?}");
    };
    assert_eq!((rr.ssrc(), rr.blocks().len()), (Ssrc::new(42), 0));
    assert_eq!(
        (app.subtype(), app.name(), app.data()),
        (3, *b"test", &[1, 2, 3, 4][..])
    );
}

#[test]
fn transport_feedback_comes_out_raw() {
    let bytes = bytes_of("80c90001 0000002a 81cd0002 0000002a 0000002b");
    let Ok(RtcpPacket::Other(raw)) = packets(&bytes)[1] else {
        panic!("not raw");
    };
    assert_eq!((raw.kind(), raw.count()), (RtcpType::TRANSPORT_FEEDBACK, 1));
    assert_eq!(raw.body().len(), 8);
}

// RFC 3550 §6.1, A.2; RFC 5506 §3.4.2.
#[test]
fn only_a_report_leads_unless_reduced_size_was_negotiated() {
    let sdes_first = bytes_of("81ca0003 0000002a 01036140 62000000");
    let refused = RtcpError::FirstNotReport(RtcpType::SDES);
    assert_eq!(
        Compound::parse(&sdes_first, CompoundMode::Full).unwrap_err(),
        refused
    );
    let reduced = Compound::parse(&sdes_first, CompoundMode::ReducedSize).unwrap();
    assert_eq!(reduced.lead(), Lead::ReducedSize);
}

#[test]
fn an_application_packet_alone_is_tolerated_and_shown() {
    let bytes = bytes_of(LONE_APP);
    let compound = Compound::parse(&bytes, CompoundMode::Full).unwrap();
    assert_eq!(compound.lead(), Lead::LoneApp);
    assert!(matches!(
        compound.packets().next(),
        Some(Ok(RtcpPacket::App(_)))
    ));

    let mut with_more = bytes.clone();
    with_more.extend(bytes_of(RR_APP));
    let refused = RtcpError::FirstNotReport(RtcpType::APP);
    assert_eq!(
        Compound::parse(&with_more, CompoundMode::Full).unwrap_err(),
        refused
    );
}

#[test]
fn bytes_after_the_last_packet_that_fits_are_shown_and_cost_nothing() {
    let mut bytes = bytes_of(RR_APP);
    bytes.extend([0x80, 200, 0, 9, 1]);
    let compound = Compound::parse(&bytes, CompoundMode::Full).unwrap();
    assert_eq!(compound.packets().count(), 2);
    assert_eq!(compound.trailing().len(), 5);
}

#[test]
fn a_malformed_packet_does_not_cost_its_neighbours() {
    // The CNAME item claims 200 bytes.
    let bytes = bytes_of("80c90001 0000002a 81ca0002 0000002a 01c86162 81cb0001 0000002a");
    let packets = packets(&bytes);
    assert!(matches!(packets[0], Ok(RtcpPacket::ReceiverReport(_))));
    let short = RtcpError::Body {
        kind: RtcpType::SDES,
        expected: 206,
        actual: 8,
    };
    assert_eq!(packets[1].unwrap_err(), short);
    assert!(matches!(packets[2], Ok(RtcpPacket::Bye(_))));
}

#[test]
fn a_chunk_without_its_null_octet_is_read() {
    let bytes = bytes_of("80c90001 0000002a 81ca0002 0000002a 01026162");
    let Ok(RtcpPacket::Sdes(sdes)) = packets(&bytes)[1] else {
        panic!("not read");
    };
    assert_eq!(sdes.chunks().next().unwrap().cname(), Some(&b"ab"[..]));
}

#[test]
fn counts_that_lie_about_the_length_are_errors_with_numbers() {
    for (hex, kind, expected) in [
        (
            "82c80006 0000002a e0000001 80000000 00001000 00000064 00003e80",
            200,
            24 + 48,
        ),
        ("80c80001 0000002a", 200, 24),
        ("81c90001 0000002a", 201, 28),
        ("80c90000", 201, 4),
    ] {
        let bytes = bytes_of(hex);
        let actual = bytes.len() - 4;
        let error = RtcpError::Body {
            kind: RtcpType(kind),
            expected,
            actual,
        };
        assert_eq!(packets(&bytes)[0].unwrap_err(), error, "{hex}");
    }
}

// RFC 3550 §6.4.1: padding counts itself.
#[test]
fn padding_is_taken_off_and_must_fit() {
    let padded = bytes_of("a0c90002 0000002a 00000004");
    let Ok(RtcpPacket::ReceiverReport(rr)) = packets(&padded)[0] else {
        panic!("not read");
    };
    assert!(rr.extension().is_empty());
    // A count that does not fit costs its own packet only.
    let zero = bytes_of("80c90001 0000002a a0cb0002 0000002a 00000000 80cb0001 0000002a");
    let read = packets(&zero);
    let refused = RtcpError::Padding {
        padding: 0,
        available: 8,
    };
    assert_eq!((read.len(), read[1].unwrap_err()), (3, refused));
}

#[test]
fn every_truncation_of_the_first_packet_is_an_error() {
    let bytes = bytes_of(SR_SDES_BYE);
    for length in 0..52 {
        let error = Compound::parse(&bytes[..length], CompoundMode::Full).unwrap_err();
        assert!(matches!(error, RtcpError::Truncated { actual, .. } if actual == length));
    }
}

// RFC 3550 A.3: the 24-bit count clamps.
#[test]
fn cumulative_loss_clamps_to_24_bits_and_keeps_its_sign() {
    for (lost, read) in [
        (0, 0),
        (-1, -1),
        (0x7f_ffff, 0x7f_ffff),
        (0x80_0000, 0x7f_ffff),
        (-0x80_0000, -0x80_0000),
        (-0x80_0001, -0x80_0000),
        (i32::MIN, -0x80_0000),
    ] {
        let block = ReportBlock {
            cumulative_lost: lost,
            ..block_about(1)
        };
        assert_eq!(
            ReportBlock::from_bytes(&block.to_bytes()).cumulative_lost,
            read
        );
    }
}

#[test]
fn writers_refuse_what_does_not_fit_and_write_nothing() {
    let ssrc = Ssrc::new(1);
    let blocks = [block_about(2); 32];
    let mut out = [0xee; 1024];
    let too_many = RtcpWriteError::TooMany {
        entries: 32,
        limit: 31,
    };
    let rr = ReceiverReportWriter {
        ssrc,
        blocks: &blocks,
    };
    assert_eq!(rr.write_into(&mut out), Err(too_many));
    let bye = ByeWriter {
        sources: &[ssrc; 32],
        reason: b"",
    };
    assert_eq!(bye.write_into(&mut out), Err(too_many));
    let sdes = SdesWriter {
        ssrc,
        cname: &[b'a'; 256],
    };
    assert_eq!(
        sdes.write_into(&mut out),
        Err(RtcpWriteError::TextTooLong(256))
    );
    let app = AppWriter {
        subtype: 0,
        ssrc,
        name: *b"name",
        data: &[1],
    };
    assert_eq!(app.write_into(&mut out), Err(RtcpWriteError::Unaligned(1)));
    let rr = ReceiverReportWriter { ssrc, blocks: &[] };
    let small = RtcpWriteError::BufferTooSmall {
        expected: 8,
        actual: 7,
    };
    assert_eq!(rr.write_into(&mut out[..7]), Err(small));
    assert_eq!(out, [0xee; 1024]);
}

fn block_about(ssrc: u32) -> ReportBlock {
    ReportBlock {
        ssrc: Ssrc::new(ssrc),
        fraction_lost: 1,
        cumulative_lost: 2,
        highest_seq: 3,
        jitter: 4,
        last_sr: 5,
        delay_since_last_sr: 6,
    }
}

/// Panics when we read another value than the oracle did.
fn assert_same(ours: &RtcpPacket<'_>, theirs: &rtcp_types::Packet<'_>) {
    match (ours, theirs) {
        (RtcpPacket::SenderReport(ours), rtcp_types::Packet::Sr(theirs)) => {
            let info = ours.info();
            assert_eq!(ours.ssrc().value(), theirs.ssrc());
            assert_eq!(info.ntp.bits(), theirs.ntp_timestamp());
            assert_eq!(info.rtp.value(), theirs.rtp_timestamp());
            assert_eq!(
                (info.packets, info.octets),
                (theirs.packet_count(), theirs.octet_count())
            );
            assert!(
                ours.blocks()
                    .map(oracle_words)
                    .eq(theirs.report_blocks().map(their_words))
            );
        }
        (RtcpPacket::ReceiverReport(ours), rtcp_types::Packet::Rr(theirs)) => {
            assert_eq!(ours.ssrc().value(), theirs.ssrc());
            assert!(
                ours.blocks()
                    .map(oracle_words)
                    .eq(theirs.report_blocks().map(their_words))
            );
        }
        (RtcpPacket::Sdes(ours), rtcp_types::Packet::Sdes(theirs)) => {
            for (ours, theirs) in ours.chunks().zip(theirs.chunks()) {
                assert_eq!(ours.ssrc().value(), theirs.ssrc());
                let ours = ours.items().map(|item| (item.kind.0, item.text));
                assert!(ours.eq(theirs.items().map(their_item)));
            }
        }
        (RtcpPacket::Bye(ours), rtcp_types::Packet::Bye(theirs)) => {
            assert!(ours.sources().map(Ssrc::value).eq(theirs.ssrcs()));
            assert_eq!(
                ours.reason().unwrap_or_default(),
                theirs.reason().unwrap_or_default()
            );
        }
        (RtcpPacket::App(ours), rtcp_types::Packet::App(theirs)) => {
            assert_eq!(ours.ssrc().value(), theirs.ssrc());
            assert_eq!((ours.name(), ours.data()), (theirs.name(), theirs.data()));
            assert_eq!(ours.subtype(), theirs.subtype());
        }
        (RtcpPacket::PayloadFeedback(ours), rtcp_types::Packet::PayloadFeedback(theirs)) => {
            assert_eq!(ours.sender().value(), theirs.sender_ssrc());
            assert_eq!(ours.media().value(), theirs.media_ssrc());
        }
        (RtcpPacket::ExtendedReport(_) | RtcpPacket::Other(_), _) => {}
        (ours, theirs) => panic!("{ours:?} is not {theirs:?}"),
    }
}

fn oracle_words(block: ReportBlock) -> [u32; 7] {
    [
        block.ssrc.value(),
        block.fraction_lost.into(),
        block.cumulative_lost as u32 & 0xff_ffff,
        block.highest_seq,
        block.jitter,
        block.last_sr,
        block.delay_since_last_sr,
    ]
}

fn their_words(block: rtcp_types::ReportBlock<'_>) -> [u32; 7] {
    [
        block.ssrc(),
        block.fraction_lost().into(),
        block.cumulative_lost(),
        block.extended_sequence_number(),
        block.interarrival_jitter(),
        block.last_sender_report_timestamp(),
        block.delay_since_last_sender_report_timestamp(),
    ]
}

fn their_item<'a>(item: &'a rtcp_types::SdesItem<'a>) -> (u8, &'a [u8]) {
    (item.type_(), item.value())
}

#[test]
fn twenty_thousand_mutations_never_panic_and_agree_with_the_oracle() {
    let seeds = [bytes_of(SR_SDES_BYE), bytes_of(RR_APP), bytes_of(LONE_APP)];
    let mut chance = Xorshift::new(0xacce55);
    let mut agreed = 0;
    for round in 0..20_000 {
        let bytes = chance.mutate(&seeds[round % seeds.len()]);
        let Ok(compound) = Compound::parse(&bytes, CompoundMode::ReducedSize) else {
            assert!(
                rtcp_types::Compound::parse(&bytes).is_err(),
                "round {round}: {bytes:02x?}"
            );
            continue;
        };
        let read: Vec<_> = compound.packets().collect();
        for packet in read.iter().flatten() {
            touch(packet);
        }
        if let Ok(theirs) = rtcp_types::Compound::parse(&bytes) {
            for (ours, theirs) in read.iter().zip(theirs) {
                if let (Ok(ours), Ok(theirs)) = (ours, &theirs) {
                    assert_same(ours, theirs);
                    agreed += 1;
                }
            }
        }
    }
    assert!(agreed > 2_000, "the oracle compared only {agreed} packets");
}

/// Reads everything that can be read.
fn touch(packet: &RtcpPacket<'_>) {
    let entries = match packet {
        RtcpPacket::SenderReport(sr) => sr.blocks().len() + sr.extension().len(),
        RtcpPacket::ReceiverReport(rr) => rr.blocks().len() + rr.extension().len(),
        RtcpPacket::Sdes(sdes) => sdes.chunks().flat_map(|chunk| chunk.items()).count(),
        RtcpPacket::Bye(bye) => bye.sources().len() + bye.reason().map_or(0, <[u8]>::len),
        RtcpPacket::App(app) => app.data().len(),
        RtcpPacket::ExtendedReport(xr) => xr.blocks().map(|block| 4 + block.body.len()).sum(),
        RtcpPacket::PayloadFeedback(feedback) => feedback.fir().count(),
        RtcpPacket::Other(raw) => raw.body().len(),
    };
    assert!(entries <= 1024);
}

fn any_block() -> impl Strategy<Value = ReportBlock> {
    let numbers = (any::<[u32; 5]>(), any::<u8>(), -0x80_0000..0x80_0000);
    numbers.prop_map(
        |([ssrc, seq, jitter, lsr, dlsr], fraction_lost, cumulative_lost)| ReportBlock {
            ssrc: Ssrc::new(ssrc),
            fraction_lost,
            cumulative_lost,
            highest_seq: seq,
            jitter,
            last_sr: lsr,
            delay_since_last_sr: dlsr,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_what_we_and_the_oracle_read(
        ssrc: u32,
        ntp: u64,
        numbers: [u32; 3],
        blocks in proptest::collection::vec(any_block(), 0..=31),
        cname in "[a-zA-Z0-9+/]{0,40}",
        reason in "[a-z ]{0,40}",
        words in proptest::collection::vec(any::<[u8; 4]>(), 0..5),
    ) {
        let ssrc = Ssrc::new(ssrc);
        let [rtp, packets, octets] = numbers;
        let info = SenderInfo {
            ntp: NtpTime::from_bits(ntp), rtp: RtpTime::new(rtp), packets, octets,
        };
        let data = words.concat();
        let sr = SenderReportWriter { ssrc, info, blocks: &blocks };
        let rr = ReceiverReportWriter { ssrc, blocks: &blocks };
        let sdes = SdesWriter { ssrc, cname: cname.as_bytes() };
        let app = AppWriter { subtype: 5, ssrc, name: *b"TALK", data: &data };
        let bye = ByeWriter { sources: &[ssrc], reason: reason.as_bytes() };
        let writers: [&dyn WriteRtcp; 5] = [&sr, &rr, &sdes, &app, &bye];
        let mut out = [0xee; 2048];
        let size = write_compound(&writers, &mut out).unwrap();
        prop_assert_eq!(size, writers.iter().map(|w| w.calculate_size()).sum::<usize>());
        let bytes = &out[..size];

        let compound = Compound::parse(bytes, CompoundMode::Full).unwrap();
        prop_assert!(compound.trailing().is_empty());
        let read: Vec<_> = compound.packets().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), 5);
        let theirs: Vec<_> = rtcp_types::Compound::parse(bytes).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(theirs.len(), 5);
        for (ours, theirs) in read.iter().zip(&theirs) {
            assert_same(ours, theirs);
        }
        if let RtcpPacket::SenderReport(read) = read[0] {
            prop_assert_eq!(read.info(), info);
            prop_assert!(read.blocks().eq(blocks.iter().copied()));
        }
    }
}
