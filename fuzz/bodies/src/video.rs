//! Video: payloads of VP8 and H.264, and frames put together from them.

use std::time::Duration;

use talkpath_media::video::{FrameAssembler, VideoCodec, VideoFrame, VideoPacket};
use talkpath_wire::h264::{H264Payload, NalType, picture_size};
use talkpath_wire::vp8::{Vp8FrameHeader, Vp8Payload};
use talkpath_wire::{ExtSeq, RtpTime, Time};

use crate::script::Script;

/// A payload of VP8: what is told lies in its range, and data stand behind.
pub fn vp8(bytes: &[u8]) {
    if let Ok(payload) = Vp8Payload::parse(bytes) {
        assert!(!payload.data().is_empty() && bytes.ends_with(payload.data()));
        assert!(bytes.len() - payload.data().len() <= 6);
        assert!(payload.partition() <= 7);
        assert!(payload.picture_id().is_none_or(|number| number < 1 << 15));
        assert!(payload.temporal_layer().is_none_or(|layer| layer <= 3));
        assert!(payload.key_idx().is_none_or(|number| number <= 31));
        assert!(!payload.starts_frame() || payload.starts_partition());
        payload.is_discardable();
        payload.is_layer_sync();
        payload.tl0_pic_idx();
    }
    if let Ok(frame) = Vp8FrameHeader::parse(bytes) {
        assert_eq!(frame.size.is_some(), frame.keyframe);
        assert!(frame.first_partition_len < 1 << 19 && frame.version <= 7);
    }
}

/// A payload of H.264: units lie in it, one behind the other.
pub fn h264(bytes: &[u8]) {
    match H264Payload::parse(bytes) {
        Err(_) => {}
        Ok(H264Payload::Single(unit)) => {
            assert_eq!(unit.bytes(), bytes);
            unit.starts_picture();
        }
        Ok(H264Payload::Aggregate(units)) => {
            let mut total = 1;
            for unit in units {
                assert!((1..=23).contains(&unit.kind().value()));
                unit.starts_picture();
                total += 2 + unit.bytes().len();
            }
            assert_eq!(total, bytes.len());
        }
        Ok(H264Payload::Fragment(part)) => {
            assert_eq!(part.data().len() + 2, bytes.len());
            assert_eq!(part.kind().value(), part.unit_header() & 0x1f);
            part.starts_picture();
            part.place();
        }
    }
    if let Ok((width, height)) = picture_size(bytes) {
        assert!(width > 0 && height > 0);
    }
}

/// Packets of either codec in any order: frames come in their order, and what
/// is given can be shown.
pub fn frames(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let codec = script.one_of(&[VideoCodec::Vp8, VideoCodec::H264]);
    let mut run = Run {
        codec,
        assembler: FrameAssembler::new(codec),
        now: Time::ZERO,
        seq: 60_000 + u64::from(script.u16()),
        timestamp: RtpTime::new(script.u32()),
        pushed: 0,
        given: 0,
    };
    while let Some(operation) = script.next(8) {
        run.apply(operation, &mut script);
        run.take();
    }
    // Each gap is waited for, then given up.
    let mut gaps = 0;
    while let Some(due) = run.assembler.poll_timeout() {
        run.now = due;
        run.take();
        gaps += 1;
        assert!(gaps <= run.pushed, "it waits for ever");
    }
}

struct Run {
    codec: VideoCodec,
    assembler: FrameAssembler,
    now: Time,
    seq: u64,
    timestamp: RtpTime,
    pushed: u64,
    given: u64,
}

impl Run {
    fn apply(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation {
            0 => self.seq += u64::from(script.below(4)),
            1 => self.seq = self.seq.saturating_sub(script.below(9).into()),
            2 => self.seq = self.seq.wrapping_add(script.u16().into()) & 0xffff_ffff,
            3 => self.now += Duration::from_millis(u64::from(script.u16() % 500)),
            4 => self.timestamp = self.timestamp.plus(script.u16().into()),
            5 => self.assembler.learn_parameter_set(script.bytes(64)),
            6 => self.frame(script),
            _ => {
                let payload = script.bytes(100);
                self.push(payload, script.flag());
            }
        }
    }

    /// A frame as an encoder makes it, one packet of it wrong or not.
    fn frame(&mut self, script: &mut Script<'_>) {
        let (parts, is_key) = (1 + script.below(4), script.flag());
        let wrong = script.below(12);
        for n in 0..parts {
            let mut payload = match self.codec {
                VideoCodec::Vp8 => vp8_part(n, is_key),
                VideoCodec::H264 => h264_part(n, parts, is_key),
            };
            if n == wrong {
                payload.truncate(usize::from(script.u8()));
            }
            self.push(&payload, n + 1 == parts);
        }
        self.timestamp = self.timestamp.plus(3_000);
    }

    fn push(&mut self, payload: &[u8], marker: bool) {
        let packet = VideoPacket {
            seq: ExtSeq::new(self.seq),
            timestamp: self.timestamp,
            marker,
            payload,
        };
        self.assembler.push(self.now, &packet);
        self.seq += 1;
        self.pushed += 1;
    }

    fn take(&mut self) {
        let blind = self.assembler.wants_keyframe();
        let mut given = self.given;
        while let Some(frame) = self.assembler.next_frame(self.now) {
            // Behind a loss nothing comes before a keyframe.
            assert!(given > 0 || !blind || frame.keyframe);
            check(self.codec, &frame);
            given += 1;
        }
        self.given = given;
        let stats = self.assembler.stats();
        assert_eq!(stats.frames, given);
        assert!(stats.keyframes <= given);
        assert!(stats.late_packets + stats.malformed_packets <= self.pushed);
        assert!(given + stats.broken_frames + stats.skipped_frames <= 2 * self.pushed);
        let due = self.assembler.poll_timeout();
        assert!(due.is_none_or(|due| due > self.now), "frames wait too long");
    }
}

fn check(codec: VideoCodec, frame: &VideoFrame<'_>) {
    assert!(!frame.data.is_empty());
    assert_eq!(frame.size.is_some(), frame.keyframe);
    if codec == VideoCodec::H264 {
        assert_eq!(frame.parameter_sets.is_some(), frame.keyframe);
        units(frame.data);
    }
}

/// Every unit with its length before it, to the last byte.
fn units(mut data: &[u8]) {
    while !data.is_empty() {
        let (len, rest) = data.split_first_chunk().expect("a length");
        let len = u32::from_be_bytes(*len) as usize;
        assert!(len > 0);
        (_, data) = rest.split_at_checked(len).expect("as many bytes");
    }
}

fn vp8_part(n: u8, is_key: bool) -> Vec<u8> {
    let descriptor = if n == 0 { 0x10 } else { 0 };
    let mut payload = vec![descriptor];
    match (n, is_key) {
        (0, true) => payload.extend([0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1]),
        (0, false) => payload.extend([0x11, 2, 0]),
        _ => {}
    }
    payload.extend([n; 20]);
    payload
}

fn h264_part(n: u8, parts: u8, is_key: bool) -> Vec<u8> {
    let kind = if is_key { NalType::IDR } else { NalType::SLICE };
    if parts == 1 {
        return vec![0x60 | kind.value(), 0x88, 1, 2];
    }
    let place = match n {
        0 => 0x80,
        n if n + 1 == parts => 0x40,
        _ => 0,
    };
    vec![0x7c, place | kind.value(), 0x88, n, n]
}
