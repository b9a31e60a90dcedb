//! Tests of the RTP view, edits and writer, with rtp-types as an oracle.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::testing::{Xorshift, bytes_of};

const PLAIN: &str = "80 80 04d2 0000162e deadbeef 0102036b";
/// Two CSRCs, a one-byte extension of one word, four bytes of padding.
const FULL: &str =
    "b2 08 ffff fffffff0 00000001 0000000a 0000000b bede0001 108a0000 d5d5d5 00000004";

#[test]
fn reads_every_field_of_a_full_header() {
    let bytes = bytes_of(FULL);
    let packet = RtpPacket::parse(&bytes).unwrap();
    assert!(!packet.marker());
    assert_eq!(packet.payload_type(), PayloadType::PCMA);
    assert_eq!(packet.seq(), Seq::new(0xffff));
    assert_eq!(packet.timestamp(), RtpTime::new(0xffff_fff0));
    assert_eq!(packet.ssrc(), Ssrc::new(1));
    let csrcs: Vec<u32> = packet.csrcs().map(Ssrc::value).collect();
    assert_eq!(csrcs, [10, 11]);
    assert_eq!(packet.extension().unwrap().element(1), Some(&[0x8a][..]));
    assert_eq!(packet.payload(), [0xd5, 0xd5, 0xd5]);
    assert_eq!((packet.padding(), packet.header_len()), (4, 28));
}

#[test]
fn version_is_checked_before_anything_else() {
    let mut bytes = bytes_of(PLAIN);
    for version in [0, 1, 3] {
        bytes[0] = version << 6 | 0x3f;
        assert_eq!(
            RtpPacket::parse(&bytes).unwrap_err(),
            RtpError::Version(version)
        );
    }
}

#[test]
fn every_truncation_of_the_headers_is_an_error_with_numbers() {
    let bytes = bytes_of(FULL);
    for length in 0..28 {
        let error = RtpPacket::parse(&bytes[..length]).unwrap_err();
        let RtpError::Truncated { expected, actual } = error else {
            panic!("{error}");
        };
        assert_eq!(actual, length);
        assert!(expected > actual, "{error}");
    }
}

// RFC 3550 A.1: the padding count must fit.
#[test]
fn padding_of_zero_or_more_than_there_is_is_refused() {
    let mut bytes = bytes_of("a0 00 0001 00000000 00000001 0505 05");
    for (count, fits) in [(0, false), (1, true), (3, true), (4, false), (255, false)] {
        *bytes.last_mut().unwrap() = count;
        let parsed = RtpPacket::parse(&bytes);
        let refused = RtpError::Padding {
            padding: count,
            available: 3,
        };
        assert_eq!(
            parsed.map(|p| p.payload().len()),
            match fits {
                true => Ok(3 - usize::from(count)),
                false => Err(refused),
            }
        );
    }
    let empty = &bytes[..12];
    let refused = RtpError::Padding {
        padding: 0,
        available: 0,
    };
    assert_eq!(RtpPacket::parse(empty).unwrap_err(), refused);
}

// A one-byte extension whose element overruns its block: a remote panic in
// another implementation.
#[test]
fn an_extension_element_longer_than_its_block_is_harmless() {
    let bytes = bytes_of("906f04d20000162edeadbeefbede000210aa220102036b0001020304");
    let packet = RtpPacket::parse(&bytes).unwrap();
    let extension = packet.extension().unwrap();
    let elements: Vec<_> = extension.elements().map(|e| (e.id, e.data.len())).collect();
    assert_eq!(elements, [(1, 1), (2, 3)]);
    assert_eq!(packet.payload(), [1, 2, 3, 4]);

    let overrun = bytes_of("906f04d20000162edeadbeefbede000110aa2f01");
    let extension = RtpPacket::parse(&overrun).unwrap().extension().unwrap();
    assert_eq!(extension.elements().count(), 1);
}

#[test]
fn edits_in_place_touch_their_field_only() {
    let mut bytes = bytes_of(FULL);
    let before = bytes.clone();
    let mut packet = RtpPacketMut::parse(&mut bytes).unwrap();
    packet.set_seq(Seq::new(5));
    packet.set_timestamp(RtpTime::new(6));
    packet.set_ssrc(Ssrc::new(7));
    packet.set_payload_type(PayloadType::G722);
    packet.set_marker(true);
    packet.payload_mut()[0] = 9;
    let view = packet.view();
    assert_eq!(view.seq(), Seq::new(5));
    assert_eq!(view.timestamp(), RtpTime::new(6));
    assert_eq!(view.ssrc(), Ssrc::new(7));
    assert_eq!(view.payload_type(), PayloadType::G722);
    assert!(view.marker());
    assert_eq!(view.payload(), [9, 0xd5, 0xd5]);
    packet.set_marker(false);
    assert_eq!(packet.view().payload_type(), PayloadType::G722);
    assert_eq!((bytes[0], &bytes[12..28]), (before[0], &before[12..28]));
    assert_eq!(bytes[29..], before[29..]);
}

#[test]
fn a_short_buffer_is_an_error_with_numbers_and_stays_untouched() {
    let header = RtpHeader::new(
        PayloadType::PCMU,
        Seq::new(1),
        RtpTime::new(2),
        Ssrc::new(3),
    )
    .with_extension(HeaderExtension {
        profile: 0xbede,
        data: &[0x10, 1],
    });
    let mut out = [0; 19];
    let refused = RtpWriteError::BufferTooSmall {
        expected: 20,
        actual: 19,
    };
    assert_eq!(header.write_into(&mut out), Err(refused));
    assert_eq!(out, [0; 19]);
}

#[test]
fn sixteen_contributing_sources_are_refused() {
    let csrcs = [Ssrc::new(1); 16];
    let mut header = RtpHeader::new(PayloadType::CN, Seq::new(1), RtpTime::new(2), Ssrc::new(3));
    header.csrcs = &csrcs;
    assert_eq!(
        header.write_into(&mut [0; 100]),
        Err(RtpWriteError::TooManyCsrcs(16))
    );
    header.csrcs = &csrcs[..15];
    assert_eq!(header.write_into(&mut [0; 100]), Ok(72));
}

/// Whether rtp-types and we agree about `bytes`; what we read of it.
fn agrees_with_the_oracle(bytes: &[u8]) -> bool {
    let Ok(ours) = RtpPacket::parse(bytes) else {
        // Where we refuse, the oracle must refuse too.
        return rtp_types::RtpPacket::parse(bytes).is_err();
    };
    let Ok(theirs) = rtp_types::RtpPacket::parse(bytes) else {
        // We accept one thing more: a packet of padding only.
        return ours.padding() > 0 && ours.payload().is_empty();
    };
    ours.marker() == theirs.marker_bit()
        && ours.payload_type().value() == theirs.payload_type()
        && ours.seq().value() == theirs.sequence_number()
        && ours.timestamp().value() == theirs.timestamp()
        && ours.ssrc().value() == theirs.ssrc()
        && ours.csrcs().map(Ssrc::value).eq(theirs.csrc())
        && ours.extension().map(|e| (e.profile, e.data)) == theirs.extension()
        && ours.payload() == theirs.payload()
        && ours.padding() == theirs.padding().unwrap_or(0)
}

#[test]
fn twenty_thousand_mutations_read_as_the_oracle_reads_them() {
    let seeds = [bytes_of(PLAIN), bytes_of(FULL)];
    let mut chance = Xorshift::new(0x5eed);
    for round in 0..20_000 {
        let bytes = chance.mutate(&seeds[round % seeds.len()]);
        assert!(
            agrees_with_the_oracle(&bytes),
            "round {round}: {bytes:02x?}"
        );
        if let Ok(packet) = RtpPacket::parse(&bytes) {
            let elements = packet.extension().map_or(0, |e| e.elements().count());
            assert!(elements <= bytes.len());
            let mut copy = bytes.clone();
            let whole = RtpPacketMut::parse(&mut copy).unwrap();
            assert_eq!(whole.view().payload(), packet.payload());
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(
        marker: bool,
        payload_type in 0u8..128,
        seq: u16,
        timestamp: u32,
        ssrc: u32,
        csrcs in proptest::collection::vec(any::<u32>(), 0..16),
        extension in proptest::option::of((any::<u16>(), proptest::collection::vec(any::<u8>(), 0..40))),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let csrcs: Vec<Ssrc> = csrcs.into_iter().map(Ssrc::new).collect();
        let header = RtpHeader {
            marker,
            payload_type: PayloadType::from_header_byte(payload_type),
            seq: Seq::new(seq),
            timestamp: RtpTime::new(timestamp),
            ssrc: Ssrc::new(ssrc),
            csrcs: &csrcs,
            extension: extension.as_ref().map(|(profile, data)| HeaderExtension { profile: *profile, data }),
        };
        let mut bytes = alloc::vec![0xee; header.calculate_size()];
        prop_assert_eq!(header.write_into(&mut bytes), Ok(bytes.len()));
        bytes.extend_from_slice(&payload);

        let packet = RtpPacket::parse(&bytes).unwrap();
        prop_assert_eq!(packet.marker(), marker);
        prop_assert_eq!(packet.payload_type(), header.payload_type);
        prop_assert_eq!(packet.seq(), header.seq);
        prop_assert_eq!(packet.timestamp(), header.timestamp);
        prop_assert_eq!(packet.ssrc(), header.ssrc);
        prop_assert!(packet.csrcs().eq(csrcs.iter().copied()));
        prop_assert_eq!(packet.payload(), &payload[..]);
        match (packet.extension(), header.extension) {
            (Some(read), Some(written)) => {
                prop_assert_eq!(read.profile, written.profile);
                let (data, fill) = read.data.split_at(written.data.len());
                prop_assert_eq!(data, written.data);
                prop_assert!(fill.len() < 4 && fill.iter().all(|byte| *byte == 0));
            }
            (read, written) => prop_assert_eq!(read, written),
        }
        prop_assert!(agrees_with_the_oracle(&bytes));
    }
}
