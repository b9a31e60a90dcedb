//! A second, much smaller speaker of RTP, to compare the real one with.
//!
//! It packs and reads RTP headers in a few lines of its own (RFC 3550 §5.1) and
//! shares no code with the library on purpose: what both agree on is not a
//! mistake of one. Sends frames at a steady pace; hears everything. Leaves out
//! RTCP (it is kept apart, unread), padding, contributing sources, extensions.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use talkpath_wire::Time;

use crate::clock::Clock;
use crate::{Arrival, ScriptedPeer};

/// A scripted peer that speaks RTP.
///
/// ```
/// use talkpath_sim::{RtpTwin, World};
/// let world = World::new(1);
/// let mut caller = RtpTwin::new(world.host("10.0.0.1").peer(4000), 0xcafe, 0);
/// let callee = RtpTwin::new(world.host("10.0.0.2").peer(4000), 0xbeef, 0);
/// caller.talk(callee.local_addr(), world.now(), vec![vec![0xff; 160]; 50]);
/// world.run_for(core::time::Duration::from_secs(2));
/// assert_eq!(callee.summary(0xcafe).received, 50);
/// ```
#[derive(Debug)]
pub struct RtpTwin {
    peer: ScriptedPeer,
    ssrc: u32,
    payload_type: u8,
    seq: u16,
    timestamp: u32,
    frame: Frame,
    ppm: i32,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    ticks: u32,
    lasts: Duration,
}

/// An RTP packet that was heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// When it arrived, in the world's time.
    pub at: Time,
    /// Where it seems to come from.
    pub from: SocketAddr,
    /// The marker bit.
    pub marker: bool,
    /// The payload type, 0..=127.
    pub payload_type: u8,
    /// The sequence number.
    pub seq: u16,
    /// The RTP timestamp.
    pub timestamp: u32,
    /// The source.
    pub ssrc: u32,
    /// The payload.
    pub payload: Vec<u8>,
}

/// What was heard of one source, counted the simple way.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Summary {
    /// Packets, copies not counted.
    pub received: u64,
    /// Packets between the lowest and the highest that never came.
    pub lost: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after one that was sent later.
    pub reordered: u64,
    /// Interarrival jitter in RTP ticks (RFC 3550 §6.4.1), in floating point.
    pub jitter: f64,
}

impl RtpTwin {
    /// A twin that sends frames of 160 ticks every 20 ms (G.711).
    pub fn new(peer: ScriptedPeer, ssrc: u32, payload_type: u8) -> Self {
        let frame = Frame {
            ticks: 160,
            lasts: Duration::from_millis(20),
        };
        RtpTwin {
            peer,
            ssrc,
            payload_type,
            seq: 0,
            timestamp: 0,
            frame,
            ppm: 0,
        }
    }

    /// With these first numbers.
    pub fn starting_at(self, seq: u16, timestamp: u32) -> Self {
        RtpTwin {
            seq,
            timestamp,
            ..self
        }
    }

    /// With frames of `ticks` on the RTP clock, one each `lasts`.
    pub fn with_frame(self, ticks: u32, lasts: Duration) -> Self {
        RtpTwin {
            frame: Frame { ticks, lasts },
            ..self
        }
    }

    /// With a clock that gains `ppm` microseconds per second: it sends too
    /// often.
    pub fn with_drift(self, ppm: i32) -> Self {
        RtpTwin { ppm, ..self }
    }

    /// The peer below.
    pub fn peer(&self) -> &ScriptedPeer {
        &self.peer
    }

    /// Its own address.
    pub fn local_addr(&self) -> SocketAddr {
        self.peer.local_addr()
    }

    /// Sends one payload per frame from `from` on, the first with the marker
    /// bit, and returns the moment after the last frame.
    pub fn talk(
        &mut self,
        to: SocketAddr,
        from: Time,
        payloads: impl IntoIterator<Item = Vec<u8>>,
    ) -> Time {
        let clock = Clock::new(from, self.ppm);
        let mut local = from;
        for (index, payload) in payloads.into_iter().enumerate() {
            let packet = self.pack(
                if index == 0 {
                    Marker::Set
                } else {
                    Marker::Clear
                },
                &payload,
            );
            self.peer.send_at(clock.world(local), to, &packet);
            local += self.frame.lasts;
        }
        clock.world(local)
    }

    /// Says nothing for `frames`: the timestamp goes on, the sequence does not.
    pub fn pause(&mut self, frames: u32) {
        self.timestamp = self
            .timestamp
            .wrapping_add(self.frame.ticks.wrapping_mul(frames));
    }

    /// Every RTP packet that has arrived, oldest first.
    pub fn heard(&self) -> Vec<Heard> {
        self.peer.received().iter().filter_map(read).collect()
    }

    /// Everything that has arrived and is RTCP (RFC 5761 §4).
    pub fn rtcp_heard(&self) -> Vec<Arrival> {
        self.peer.received().into_iter().filter(is_rtcp).collect()
    }

    /// What was heard of the source `ssrc`.
    pub fn summary(&self, ssrc: u32) -> Summary {
        let heard: Vec<Heard> = self
            .heard()
            .into_iter()
            .filter(|h| h.ssrc == ssrc)
            .collect();
        summarise(
            &heard,
            f64::from(self.frame.ticks) / self.frame.lasts.as_secs_f64(),
        )
    }

    fn pack(&mut self, marker: Marker, payload: &[u8]) -> Arc<[u8]> {
        let marker = if marker == Marker::Set { 0x80 } else { 0 };
        let mut packet = vec![0x80, marker | (self.payload_type & 0x7f)];
        packet.extend(self.seq.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        self.seq = self.seq.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.frame.ticks);
        packet.into()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    Set,
    Clear,
}

fn is_rtcp(arrival: &Arrival) -> bool {
    matches!(arrival.bytes[..], [first, 192..=223, ..] if first >> 6 == 2)
}

fn read(arrival: &Arrival) -> Option<Heard> {
    let (header, payload) = arrival.bytes.split_first_chunk::<12>()?;
    let [first, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = *header;
    if first != 0x80 || is_rtcp(arrival) {
        return None;
    }
    Some(Heard {
        at: arrival.at,
        from: arrival.from,
        marker: second & 0x80 != 0,
        payload_type: second & 0x7f,
        seq: u16::from_be_bytes([s0, s1]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
        payload: payload.to_vec(),
    })
}

fn summarise(heard: &[Heard], ticks_per_second: f64) -> Summary {
    let mut summary = Summary::default();
    let mut seen = BTreeMap::<i64, ()>::new();
    let (mut last, mut transit_before) = (None::<i64>, None::<f64>);
    for packet in heard {
        // Near the last one: sequence numbers are taken modulo 2^16.
        let near = last.unwrap_or(i64::from(packet.seq));
        let step = packet.seq.wrapping_sub(near as u16) as i16;
        let extended = near + i64::from(step);
        if seen.insert(extended, ()).is_some() {
            summary.duplicates += 1;
            continue;
        }
        summary.received += 1;
        summary.reordered += u64::from(extended < near);
        last = Some(near.max(extended));
        let arrived = packet.at.since_start().as_secs_f64() * ticks_per_second;
        let transit = arrived - f64::from(packet.timestamp);
        if let Some(before) = transit_before.replace(transit) {
            summary.jitter += ((transit - before).abs() - summary.jitter) / 16.0;
        }
    }
    let ends = seen.first_key_value().zip(seen.last_key_value());
    let span = ends.map_or(0, |((first, ()), (last, ()))| last - first + 1);
    summary.lost = span as u64 - summary.received;
    summary
}
