use std::time::Duration;

use talkpath_wire::{ExtSeq, RtpTime, Time};

use super::*;

/// Marsaglia's xorshift: enough chance for tests, the same on every run.
struct XorShift(u64);

impl XorShift {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Packet {
    seq: u64,
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

/// A frame of VP8, of about `len` bytes: a keyframe of 640 × 480 or not.
fn vp8_frame(number: u8, keyframe: bool, len: usize) -> Vec<u8> {
    let mut frame = match keyframe {
        true => vec![0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1],
        false => vec![0x11, 2, 0],
    };
    frame.resize(frame.len() + len, number);
    frame
}

fn vp8_packets(seq: &mut u64, timestamp: u32, frame: &[u8]) -> Vec<Packet> {
    let count = frame.len().div_ceil(1_000);
    let packet = |(n, part): (usize, &[u8])| {
        *seq += 1;
        Packet {
            seq: *seq,
            timestamp,
            marker: n + 1 == count,
            payload: [&[if n == 0 { 0x10 } else { 0 }], part].concat(),
        }
    };
    frame.chunks(1_000).enumerate().map(packet).collect()
}

/// Frames with a keyframe every 10, and their packets.
fn vp8_stream(frames: usize) -> (Vec<Vec<u8>>, Vec<Vec<Packet>>) {
    let mut seq = 65_500;
    let frame = |n: usize| vp8_frame(n as u8, n.is_multiple_of(10), n * 700 % 5_000);
    let frames: Vec<_> = (0..frames).map(frame).collect();
    let packets = frames.iter().enumerate();
    let packets = packets
        .map(|(n, frame)| vp8_packets(&mut seq, n as u32 * 3_600, frame))
        .collect();
    (frames, packets)
}

fn push(assembler: &mut FrameAssembler, now: Time, packet: &Packet) {
    let packet = VideoPacket {
        seq: ExtSeq::new(packet.seq),
        timestamp: RtpTime::new(packet.timestamp),
        marker: packet.marker,
        payload: &packet.payload,
    };
    assembler.push(now, &packet);
}

/// All frames that packets 5 ms apart come to, and half a second of nothing.
fn assemble<'a>(
    assembler: &mut FrameAssembler,
    packets: impl IntoIterator<Item = &'a Packet>,
) -> Vec<(Vec<u8>, u32, bool)> {
    let (mut now, mut frames) = (Time::ZERO, Vec::new());
    let mut take = |assembler: &mut FrameAssembler, now| {
        while let Some(frame) = assembler.next_frame(now) {
            frames.push((frame.data.to_vec(), frame.timestamp.value(), frame.keyframe));
        }
    };
    for packet in packets {
        now += Duration::from_millis(5);
        push(assembler, now, packet);
        take(assembler, now);
    }
    while let Some(deadline) = assembler.poll_timeout() {
        take(assembler, deadline);
    }
    frames
}

#[test]
fn frames_are_whole_in_whatever_order_their_packets_come() {
    let (frames, packets) = vp8_stream(60);
    let packets = packets.concat();
    for seed in 1..20 {
        let (mut chance, mut mixed) = (XorShift(seed), packets.clone());
        // The first one says where the stream begins.
        mixed[1..].sort_by_cached_key(|packet| packet.seq + chance.below(30) as u64);
        mixed.insert(40, mixed[30].clone());
        let mut assembler = FrameAssembler::new(VideoCodec::Vp8);
        let got = assemble(&mut assembler, &mixed);
        assert_eq!(got.len(), 60);
        for (n, ((data, timestamp, keyframe), frame)) in got.iter().zip(&frames).enumerate() {
            assert_eq!(data, frame);
            assert_eq!((*timestamp, *keyframe), (n as u32 * 3_600, n % 10 == 0));
        }
        let stats = assembler.stats();
        assert_eq!((stats.frames, stats.keyframes), (60, 6));
        assert_eq!((stats.lost_packets, stats.late_packets), (0, 1));
    }
}

#[test]
fn behind_a_loss_nothing_is_shown_before_the_next_keyframe() {
    let (frames, packets) = vp8_stream(30);
    for lost in 1..packets.concat().len() {
        let mut left = packets.concat();
        let gone = left.remove(lost);
        let broken = gone.timestamp as usize / 3_600;
        let mut assembler = FrameAssembler::new(VideoCodec::Vp8);
        let got = assemble(&mut assembler, &left);
        let next = (broken / 10 + 1) * 10;
        let expected: Vec<_> = (0..30).filter(|&n| n < broken || n >= next).collect();
        let shown: Vec<_> = got.iter().map(|(_, at, _)| *at as usize / 3_600).collect();
        // The very last packet is not missed: nothing comes behind it.
        let seen = lost + 1 < packets.concat().len();
        assert_eq!(shown, expected, "packet {lost} of frame {broken}");
        assert!(
            got.iter()
                .all(|(data, at, _)| *data == frames[*at as usize / 3_600])
        );
        assert_eq!(assembler.stats().lost_packets, u64::from(seen));
    }
}

#[test]
fn a_keyframe_is_wanted_at_the_start_and_after_a_loss() {
    let (_, packets) = vp8_stream(30);
    let mut assembler = FrameAssembler::new(VideoCodec::Vp8);
    // It joins in the middle.
    let got = assemble(&mut assembler, &packets[3..6].concat());
    assert!(got.is_empty() && assembler.wants_keyframe());
    assert_eq!(assembler.stats().skipped_frames, 3);
    assert_eq!(assemble(&mut assembler, &packets[6..12].concat()).len(), 2);
    assert!(!assembler.wants_keyframe());
    assemble(&mut assembler, &packets[13..14].concat());
    assert!(assembler.wants_keyframe());
}

#[test]
fn what_is_missing_is_given_up_after_300_ms() {
    let (_, packets) = vp8_stream(12);
    let mut assembler = FrameAssembler::new(VideoCodec::Vp8);
    let start = Time::from_millis(1_000);
    for packet in packets[..9].concat().iter().chain(&packets[10]) {
        push(&mut assembler, start, packet);
    }
    let count = std::iter::from_fn(|| assembler.next_frame(start).map(|_| ())).count();
    assert_eq!(count, 9);
    let deadline = assembler.poll_timeout().expect("frame 9 is missing");
    assert_eq!(deadline, start + Duration::from_millis(300));
    assert!(
        assembler
            .next_frame(start + Duration::from_millis(299))
            .is_none()
    );
    assert!(
        assembler
            .next_frame(deadline)
            .is_some_and(|frame| frame.keyframe)
    );
    assert_eq!(assembler.poll_timeout(), None);
}

#[test]
fn a_sender_without_markers_ends_frames_by_their_timestamps() {
    let (frames, packets) = vp8_stream(12);
    let mut packets = packets.concat();
    packets.iter_mut().for_each(|packet| packet.marker = false);
    let got = assemble(&mut FrameAssembler::new(VideoCodec::Vp8), &packets);
    let got: Vec<_> = got.into_iter().map(|(data, ..)| data).collect();
    assert_eq!(got, frames[..11]);
}

const SPS: [u8; 24] = [
    0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x3d, 0xb0, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00,
    0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2e, 0x48,
];
const PPS: [u8; 4] = [0x68, 0xcb, 0x83, 0xcb];

fn unit(unit: &[u8]) -> Vec<u8> {
    [&(unit.len() as u32).to_be_bytes(), unit].concat()
}

fn h264_packets(first: u64, timestamp: u32, payloads: &[Vec<u8>]) -> Vec<Packet> {
    let count = payloads.len();
    let packet = |(n, payload): (usize, &Vec<u8>)| Packet {
        seq: first + n as u64,
        timestamp,
        marker: n + 1 == count,
        payload: payload.clone(),
    };
    payloads.iter().enumerate().map(packet).collect()
}

/// Parameter sets in one packet, a keyframe in three.
fn h264_keyframe(first: u64, timestamp: u32) -> Vec<Packet> {
    let mut sets = vec![24, 0, SPS.len() as u8];
    sets.extend(SPS);
    sets.extend([0, PPS.len() as u8]);
    sets.extend(PPS);
    let payloads = [
        vec![0x09, 0xf0],
        sets,
        vec![0x7c, 0x85, 0x88, 1, 2],
        vec![0x7c, 0x05, 3, 4],
        vec![0x7c, 0x45, 5],
    ];
    h264_packets(first, timestamp, &payloads)
}

#[test]
fn a_keyframe_of_h264_has_lengths_and_its_parameter_sets() {
    let mut assembler = FrameAssembler::new(VideoCodec::H264);
    for packet in &h264_keyframe(10, 9_000) {
        push(&mut assembler, Time::ZERO, packet);
    }
    let frame = assembler.next_frame(Time::ZERO).expect("all of it came");
    let idr = unit(&[0x65, 0x88, 1, 2, 3, 4, 5]);
    assert_eq!(frame.data, [unit(&SPS), unit(&PPS), idr].concat());
    assert!(frame.keyframe);
    assert_eq!(frame.size, Some((640, 480)));
    assert_eq!(frame.parameter_sets, Some((&SPS[..], &PPS[..])));
    let slices = h264_packets(15, 12_000, &[vec![0x41, 0x9a, 1], vec![0x41, 0x2a, 2]]);
    for packet in &slices {
        push(&mut assembler, Time::ZERO, packet);
    }
    let frame = assembler.next_frame(Time::ZERO).expect("two slices");
    assert!(!frame.keyframe && frame.parameter_sets.is_none());
    let expected = [unit(&[0x41, 0x9a, 1]), unit(&[0x41, 0x2a, 2])].concat();
    assert_eq!(frame.data, expected);
}

#[test]
fn without_parameter_sets_nothing_of_h264_can_be_shown() {
    let idr = h264_packets(1, 0, &[vec![0x65, 0x88, 1]]);
    let mut assembler = FrameAssembler::new(VideoCodec::H264);
    assert!(assemble(&mut assembler, &idr).is_empty());
    assert!(assembler.wants_keyframe());
    assembler.learn_parameter_set(&SPS);
    assembler.learn_parameter_set(&PPS);
    let idr = h264_packets(2, 3_000, &[vec![0x65, 0x88, 1]]);
    assert_eq!(assemble(&mut assembler, &idr).len(), 1);
}

#[test]
fn a_picture_of_h264_without_its_beginning_is_not_shown() {
    let packets = h264_keyframe(1, 0);
    for lost in 0..packets.len() {
        let mut left = packets.clone();
        left.remove(lost);
        left.extend(h264_packets(6, 3_000, &[vec![0x41, 0x9a, 1]]));
        let mut assembler = FrameAssembler::new(VideoCodec::H264);
        let got = assemble(&mut assembler, &left);
        // Only the delimiter is not needed, and only if nothing tells that it
        // is missing: it was the first packet of all.
        assert_eq!(got.len(), if lost == 0 { 2 } else { 0 }, "without {lost}");
    }
}

#[test]
fn a_jump_in_the_numbers_gives_up_what_is_before_it() {
    let (_, packets) = vp8_stream(30);
    let mut left = packets[..3].concat();
    let mut later = packets[10..20].concat();
    later.iter_mut().for_each(|packet| packet.seq += 1 << 40);
    left.extend(later);
    let mut assembler = FrameAssembler::new(VideoCodec::Vp8);
    assert_eq!(assemble(&mut assembler, &left).len(), 13);
    assert!(assembler.stats().lost_packets > 1 << 39);
}

#[test]
fn a_frame_without_an_end_is_given_up_at_its_limit() {
    let mut assembler = FrameAssembler::new(VideoCodec::Vp8);
    let mut packets: Vec<_> = (1..2_000)
        .map(|seq| Packet {
            seq,
            timestamp: 0,
            marker: false,
            payload: vec![0; 1_400],
        })
        .collect();
    packets[0].payload = [&[0x10][..], &vp8_frame(1, true, 1_000)].concat();
    let mut seq = 1_999;
    packets.extend(vp8_packets(&mut seq, 3_600, &vp8_frame(2, true, 100)));
    assert_eq!(assemble(&mut assembler, &packets).len(), 1);
    assert_eq!(assembler.stats().broken_frames, 1);
}

#[test]
fn twenty_thousand_mutated_packets_do_no_harm() {
    let mut chance = XorShift(0x4321);
    for codec in [VideoCodec::Vp8, VideoCodec::H264] {
        let mut assembler = FrameAssembler::new(codec);
        let seeds = match codec {
            VideoCodec::Vp8 => vp8_stream(20).1.concat(),
            VideoCodec::H264 => h264_keyframe(1, 0),
        };
        let (mut seq, mut frames, mut now) = (1_000u64, 0, Time::ZERO);
        for n in 0..20_000 {
            let mut packet = seeds[n % seeds.len()].clone();
            seq = match chance.below(500) {
                0 => seq + chance.below(1 << 20) as u64,
                1..5 => seq + chance.below(600) as u64,
                5..20 => seq.saturating_sub(chance.below(100) as u64),
                _ => seq + 1,
            };
            packet.seq = seq;
            packet.timestamp += (n / seeds.len()) as u32 * 72_000;
            if chance.below(100) == 0 {
                let at = chance.below(packet.payload.len());
                packet.payload[at] = chance.below(256) as u8;
            }
            if chance.below(200) == 0 {
                packet.payload.truncate(chance.below(30));
            }
            packet.marker ^= chance.below(400) == 0;
            now += Duration::from_millis(chance.below(20) as u64);
            push(&mut assembler, now, &packet);
            while let Some(frame) = assembler.next_frame(now) {
                assert!(!frame.data.is_empty() && frame.data.len() <= 1 << 20);
                assert_eq!(frame.keyframe, frame.size.is_some());
                frames += 1;
            }
        }
        assert_eq!(assembler.stats().frames, frames);
        assert!(frames > 200, "{codec:?}: only {frames} frames: mutate less");
    }
}
