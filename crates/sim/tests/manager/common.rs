//! Two managers, a call between them, and what the wire saw of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use talkpath::{
    Audio, Builder, Codec, Constraints, Event, Events, FrameKind, Happening, Hear, MediaManager,
    Notice, Say, Session, SessionId,
};
use talkpath_sim::World;
use talkpath_wire::Time;

pub(crate) const ALICE: &str = "10.0.0.1";
pub(crate) const BOB: &str = "10.0.0.2";

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A manager's builder on the host at `address`, with a hundred ports.
pub(crate) fn builder(world: &World, address: &str) -> Builder {
    MediaManager::builder()
        .interface(address)
        .ports(10000..=10099)
        .driver(Arc::new(world.host(address).driver()))
}

pub(crate) fn manager(world: &World, address: &str) -> MediaManager {
    builder(world, address).build().unwrap()
}

pub(crate) fn any() -> Audio {
    Audio::sendrecv(Codec::G711)
}

/// Two managers with a call between them.
pub(crate) struct Talk {
    pub(crate) world: World,
    pub(crate) alice: MediaManager,
    pub(crate) bob: MediaManager,
    pub(crate) caller: Session,
    pub(crate) callee: Session,
}

impl Talk {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, any(), any())
    }

    pub(crate) fn with(
        seed: u64,
        caller: impl Into<Constraints>,
        callee: impl Into<Constraints>,
    ) -> Self {
        let world = World::new(seed);
        let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
        Self::between(world, alice, bob, caller, callee)
    }

    pub(crate) fn between(
        world: World,
        alice: MediaManager,
        bob: MediaManager,
        caller: impl Into<Constraints>,
        callee: impl Into<Constraints>,
    ) -> Self {
        let (caller, offer) = alice.create_offer(caller).unwrap();
        let (callee, answer) = bob.accept_offer(&offer, callee).unwrap();
        caller.apply_answer(&answer).unwrap();
        Talk {
            world,
            alice,
            bob,
            caller,
            callee,
        }
    }

    /// Both lines, alice saying 8000 and bob -4000, with audio flowing.
    pub(crate) fn lines(&self) -> (Line, Line) {
        let mut a = Line::of(&self.caller, 8000);
        let mut b = Line::of(&self.callee, -4000);
        chat(10, &mut [&mut a, &mut b]);
        a.take();
        b.take();
        (a, b)
    }

    /// Closes everything and proves that nothing is held.
    pub(crate) fn end(self) {
        let Talk {
            world,
            alice,
            bob,
            caller,
            callee,
        } = self;
        caller.close().wait().unwrap();
        callee.close().wait().unwrap();
        assert_eq!((alice.ports_in_use(), bob.ports_in_use()), (0, 0));
        drop((alice, bob));
        assert_eq!(world.held(), Default::default());
    }
}

/// An application's end of a stream that says one level all the time, and
/// remembers what it heard.
pub(crate) struct Line {
    pub(crate) say: Say,
    pub(crate) hear: Hear,
    pub(crate) level: i16,
    heard: Vec<Frame>,
}

/// A frame that was heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    /// The mean of its samples.
    pub(crate) mean: i16,
    pub(crate) lost_before: u64,
}

impl Line {
    pub(crate) fn of(session: &Session, level: i16) -> Self {
        Self::from(session.audio().unwrap(), level)
    }

    pub(crate) fn from(end: talkpath::AudioEnd, level: i16) -> Self {
        let (say, hear) = end.split();
        Line {
            say,
            hear,
            level,
            heard: Vec::new(),
        }
    }

    pub(crate) fn say(&mut self) {
        let frame = vec![self.level; self.hear.frame_len()];
        self.say.send_all(&frame).unwrap();
    }

    pub(crate) fn hear(&mut self) -> Frame {
        let mut frame = vec![0; self.hear.frame_len()];
        let heard = self.hear.recv(&mut frame).unwrap();
        let sum: i64 = frame.iter().copied().map(i64::from).sum();
        let frame = Frame {
            kind: heard.kind,
            mean: (sum / frame.len() as i64) as i16,
            lost_before: heard.lost_before,
        };
        self.heard.push(frame);
        frame
    }

    /// What was heard since this was last asked.
    pub(crate) fn take(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.heard)
    }

    /// Proves that every frame heard since last asked was received, at `level`.
    #[track_caller]
    pub(crate) fn assert_unbroken(&mut self, level: i16) {
        let heard = self.take();
        assert!(!heard.is_empty());
        let bad: Vec<_> = heard
            .iter()
            .enumerate()
            .filter(|(_, frame)| frame.kind != FrameKind::Heard || !is_about(frame.mean, level))
            .collect();
        assert!(bad.is_empty(), "of {} frames: {bad:?}", heard.len());
    }

    /// Proves that the last `frames` heard were received, at `level`, and
    /// forgets them all.
    #[track_caller]
    pub(crate) fn assert_ends_with(&mut self, frames: usize, level: i16) {
        let heard = self.take();
        let tail = &heard[heard.len() - frames..];
        let good = |frame: &Frame| frame.kind == FrameKind::Heard && is_about(frame.mean, level);
        assert!(tail.iter().all(good), "{heard:?}");
    }

    /// Proves that the last `frames` heard were silence, and forgets them all.
    #[track_caller]
    pub(crate) fn assert_ends_in_silence(&mut self, frames: usize) {
        let heard = self.take();
        let tail = &heard[heard.len() - frames..];
        assert!(tail.iter().all(|frame| frame.mean == 0), "{heard:?}");
    }
}

/// G.711 of a level, and what a resampler makes of it.
pub(crate) fn is_about(mean: i16, level: i16) -> bool {
    (i32::from(mean) - i32::from(level)).abs() <= 40 + i32::from(level.unsigned_abs()) / 32
}

/// Lets every line say and hear `frames` frames.
pub(crate) fn chat(frames: usize, lines: &mut [&mut Line]) {
    for _ in 0..frames {
        lines.iter_mut().for_each(|line| line.say());
        for line in lines.iter_mut() {
            line.hear();
        }
    }
}

/// An RTP packet as the wire saw it.
#[derive(Clone, Debug)]
pub(crate) struct Rtp {
    pub(crate) sent: Time,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) seq: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: Vec<u8>,
}

/// The RTP packets sent from the host at `ip`, in order.
pub(crate) fn rtp_from(world: &World, ip: &str) -> Vec<Rtp> {
    let ip: std::net::IpAddr = ip.parse().unwrap();
    let log = world.wire_log();
    let sent = log
        .iter()
        .filter(|record| record.from.ip() == ip && !record.duplicate);
    sent.filter_map(|record| {
        let bytes = &record.bytes;
        if bytes.len() < 12 || (192..=223).contains(&bytes[1]) || bytes[0] >> 6 != 2 {
            return None;
        }
        Some(Rtp {
            sent: record.sent,
            from: record.from,
            to: record.to,
            marker: bytes[1] & 0x80 != 0,
            payload_type: bytes[1] & 0x7f,
            seq: u16::from_be_bytes([bytes[2], bytes[3]]),
            timestamp: u32::from_be_bytes(bytes[4..8].try_into().unwrap()),
            ssrc: u32::from_be_bytes(bytes[8..12].try_into().unwrap()),
            payload: bytes[12..].to_vec(),
        })
    })
    .collect()
}

/// An RTCP datagram as the wire saw it.
#[derive(Clone, Debug)]
pub(crate) struct Rtcp {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// The packet types in it, in order.
    pub(crate) types: Vec<u8>,
}

pub(crate) const BYE: u8 = 203;

/// The RTCP datagrams sent from the host at `ip`, in order.
pub(crate) fn rtcp_from(world: &World, ip: &str) -> Vec<Rtcp> {
    let ip: std::net::IpAddr = ip.parse().unwrap();
    let log = world.wire_log();
    let sent = log
        .iter()
        .filter(|record| record.from.ip() == ip && !record.duplicate);
    sent.filter(|record| record.bytes.len() >= 8 && (192..=223).contains(&record.bytes[1]))
        .map(|record| {
            let (mut rest, mut types) = (&record.bytes[..], Vec::new());
            while rest.len() >= 4 {
                types.push(rest[1]);
                let words = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
                rest = rest.get(4 * (words + 1)..).unwrap_or(&[]);
            }
            Rtcp {
                from: record.from,
                to: record.to,
                types,
            }
        })
        .collect()
}

/// Proves that one source sent these packets without a break: each sequence
/// number one above the last, each timestamp `ticks` above it.
#[track_caller]
pub(crate) fn assert_one_stream(packets: &[Rtp], ticks: u32) {
    assert!(packets.len() > 1, "{} packets", packets.len());
    for pair in packets.windows(2) {
        let (last, next) = (&pair[0], &pair[1]);
        assert_eq!(last.ssrc, next.ssrc);
        assert_eq!(last.seq.wrapping_add(1), next.seq, "{last:?} then {next:?}");
        assert_eq!(
            last.timestamp.wrapping_add(ticks),
            next.timestamp,
            "at {:?}: seq {} (type {}) then {} (type {}, marker {})",
            next.sent,
            last.seq,
            last.payload_type,
            next.seq,
            next.payload_type,
            next.marker,
        );
    }
}

/// What a subscription has received so far, of one session.
pub(crate) fn happenings(events: &Events<Event>, session: SessionId) -> Vec<Happening> {
    let mut all = Vec::new();
    while let Ok(notice) = events.try_recv() {
        match notice {
            Notice::Event(event) if event.session == session => all.push(event.what),
            Notice::Event(_) => {}
            Notice::Lagged(lost) => panic!("{lost} events were lost"),
        }
    }
    all
}

/// The version in `o=`.
pub(crate) fn version(sdp: &impl ToString) -> u64 {
    let text = sdp.to_string();
    let origin = text.lines().find(|line| line.starts_with("o=")).unwrap();
    origin.split(' ').nth(2).unwrap().parse().unwrap()
}

/// The port of the m-line `index`.
pub(crate) fn port(sdp: &impl ToString, index: usize) -> u16 {
    let text = sdp.to_string();
    let line = text
        .lines()
        .filter(|line| line.starts_with("m="))
        .nth(index)
        .unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}
