//! Packets, as both sessions send and receive them.
//!
//! In: what each session says of its packets. Out: media packets in the order
//! of their moments. Two sessions are asked one after the other, so what one
//! says waits a little for what the other may say of an earlier moment.

use std::net::SocketAddr;
use std::time::Duration;

use talkpath::{Packet, PacketKind, Packets, Time};

use super::party::Party;
use crate::failure::Failure;
use crate::words::counted;

/// A packet of one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noticed {
    /// When it was, since the watching began.
    pub(super) at: Duration,
    pub(super) who: &'static str,
    pub(super) way: Way,
    /// Which packet of this party and way, from 1.
    pub(super) count: u64,
    /// The number that it carries.
    pub(super) seq: u16,
    /// Bytes of sound in it.
    pub(super) bytes: usize,
}

/// Whether a packet left or came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Sent,
    Received,
}

/// Watches the packets of two parties.
pub(super) struct Watcher {
    began: Time,
    sides: [Side; 2],
    /// Noticed, and not told yet.
    waiting: Vec<Noticed>,
}

struct Side {
    name: &'static str,
    local: SocketAddr,
    packets: Packets,
    sent: u64,
    received: u64,
}

impl Watcher {
    pub(super) fn new(began: Time, parties: [&Party; 2]) -> Result<Self, Failure> {
        let [caller, callee] = parties.map(Side::of);
        Ok(Watcher {
            began,
            sides: [caller?, callee?],
            waiting: Vec::new(),
        })
    }

    /// Notices what is new; gives what can be told at `now`.
    pub(super) fn look(&mut self, now: Time) -> Vec<Noticed> {
        for side in &mut self.sides {
            while let Some(packet) = side.packets.try_next() {
                self.waiting.extend(side.notice(self.began, packet));
            }
        }
        self.waiting
            .sort_by_key(|noticed| (noticed.at, noticed.way));
        let settled = (now - self.began).saturating_sub(SETTLE);
        let ready = self
            .waiting
            .partition_point(|noticed| noticed.at <= settled);
        self.waiting.drain(..ready).collect()
    }
}

impl Side {
    fn of(party: &Party) -> Result<Self, Failure> {
        Ok(Side {
            name: party.name,
            local: party.local,
            packets: party.session.packets()?,
            sent: 0,
            received: 0,
        })
    }

    /// A media packet as the story tells it.
    fn notice(&mut self, began: Time, packet: Packet) -> Option<Noticed> {
        let PacketKind::Rtp {
            seq, payload_len, ..
        } = packet.kind
        else {
            return None;
        };
        let (way, count) = match packet.from == self.local {
            true => (Way::Sent, &mut self.sent),
            false => (Way::Received, &mut self.received),
        };
        *count += 1;
        Some(Noticed {
            at: packet.at - began,
            who: self.name,
            way,
            count: *count,
            seq: seq.value(),
            bytes: payload_len,
        })
    }
}

impl std::fmt::Display for Noticed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Noticed {
            who, count, seq, ..
        } = self;
        let (seconds, way) = (self.at.as_secs_f64(), self.way.name());
        let bytes = counted(self.bytes as u64, "byte");
        write!(
            f,
            "{seconds:.3} s  the {who} {way:8} packet {count}: {bytes}, sequence number {seq}"
        )
    }
}

impl Way {
    pub(super) fn name(self) -> &'static str {
        match self {
            Way::Sent => "sent",
            Way::Received => "received",
        }
    }
}

/// How long something older may take to be noticed.
const SETTLE: Duration = Duration::from_millis(10);
