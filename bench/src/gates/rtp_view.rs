//! The view of an RTP packet, against rtp-types: parsed, and each field read.

use std::hint::black_box;

use rtp_types::RtpPacket as TheirPacket;
use talkpath_wire::RtpPacket;

use crate::report::{Goal, Report};
use crate::rounds::compare;

pub(super) fn run(report: &mut Report) {
    let plain = packet(&[]);
    report.require("the packet has 172 bytes", plain.len() == 172);
    report.require("both read the same", theirs(&plain) == ours(&plain));
    let compared = compare(|| theirs(black_box(&plain)), || ours(black_box(&plain)));
    report.ratio("172 bytes, no extension", compared, Some(GOAL));

    // RFC 8285 §4.2: an audio level with ID 1, and three bytes of padding.
    let extended = packet(&[0xbe, 0xde, 0, 1, 0x10, 0x8f, 0, 0]);
    report.require("both read the same", theirs(&extended) == ours(&extended));
    let compared = compare(
        || theirs(black_box(&extended)),
        || ours(black_box(&extended)),
    );
    report.ratio("with a one-byte extension", compared, None);
}

/// Every field of a packet that is always there, and its extension.
type Fields<'a> = (bool, u8, u16, u32, u32, &'a [u8], Option<(u16, &'a [u8])>);

fn theirs(bytes: &[u8]) -> Option<(u64, usize)> {
    let packet = TheirPacket::parse(bytes).ok()?;
    Some(digest((
        packet.marker_bit(),
        packet.payload_type(),
        packet.sequence_number(),
        packet.timestamp(),
        packet.ssrc(),
        packet.payload(),
        packet.extension(),
    )))
}

fn ours(bytes: &[u8]) -> Option<(u64, usize)> {
    let packet = RtpPacket::parse(bytes).ok()?;
    Some(digest((
        packet.marker(),
        packet.payload_type().value(),
        packet.seq().value(),
        packet.timestamp().value(),
        packet.ssrc().value(),
        packet.payload(),
        packet
            .extension()
            .map(|extension| (extension.profile, extension.data)),
    )))
}

/// Depends on every field, at little cost of its own.
#[inline(always)]
fn digest((marker, number, seq, timestamp, ssrc, payload, extension): Fields<'_>) -> (u64, usize) {
    let (profile, data) = extension.unwrap_or_default();
    let small = u64::from(marker) + u64::from(number) + u64::from(seq) + u64::from(profile);
    let large = u64::from(timestamp) ^ u64::from(ssrc);
    (small ^ large, payload.len() + data.len())
}

/// 160 bytes of PCMU behind a header with `extension`.
fn packet(extension: &[u8]) -> Vec<u8> {
    let first = if extension.is_empty() { 0x80 } else { 0x90 };
    let mut bytes = vec![first, 0x80, 0x12, 0x34, 0, 1, 2, 3, 0xaa, 0xbb, 0xcc, 0xdd];
    bytes.extend_from_slice(extension);
    bytes.extend_from_slice(&[0xd5; 160]);
    bytes
}

const GOAL: Goal = Goal {
    must: 3.0,
    stretch: 4.0,
};
