//! Packets, noticed as the sessions count them.
//!
//! In: the statistics of both sessions, looked at often. Out: each packet as it
//! is sent and as it is received. A session publishes its numbers every 20 ms
//! at most, so that a look may find two packets at once; and the receiver's may
//! be newer than the sender's, so that a packet is told as received once it was
//! told as sent.

use std::ops::RangeInclusive;
use std::time::Duration;

use talkpath::{SessionStats, Time};

use crate::words::counted;

/// Something that happened to packets of one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noticed {
    /// When the last of them was, since the watching began.
    pub(super) at: Duration,
    pub(super) who: &'static str,
    pub(super) way: Way,
    /// Which packets, from 1.
    pub(super) packets: RangeInclusive<u64>,
    /// Bytes of sound in them together.
    pub(super) bytes: u64,
}

/// Whether a packet left or came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Sent,
    Received,
}

/// What one party has counted in one direction.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    packets: u64,
    bytes: u64,
    last: Option<Time>,
}

/// Compares what is counted with what was counted before.
#[derive(Debug)]
pub(super) struct Watcher {
    began: Time,
    names: [&'static str; 2],
    sent: [Count; 2],
    received: [Count; 2],
}

impl Watcher {
    pub(super) fn new(began: Time, names: [&'static str; 2]) -> Self {
        Watcher {
            began,
            names,
            sent: [Count::default(); 2],
            received: [Count::default(); 2],
        }
    }

    /// What has happened since the last look.
    pub(super) fn look(&mut self, stats: [&SessionStats; 2]) -> Vec<Noticed> {
        let mut noticed = Vec::new();
        for (party, stats) in stats.iter().enumerate() {
            let now = stats.audio().map(|audio| Count {
                packets: audio.sent.packets,
                bytes: audio.sent.payload_bytes,
                last: audio.sent.last,
            });
            noticed.extend(self.note(party, Way::Sent, now));
        }
        for (party, stats) in stats.iter().enumerate() {
            let now = stats.audio().map(|audio| Count {
                packets: audio.received.packets,
                bytes: audio.received.payload_bytes,
                last: audio.received.last,
            });
            let told = self.sent[1 - party].packets;
            noticed.extend(self.note(party, Way::Received, now.filter(|now| now.packets <= told)));
        }
        noticed
    }

    fn note(&mut self, party: usize, way: Way, now: Option<Count>) -> Option<Noticed> {
        let before = match way {
            Way::Sent => &mut self.sent[party],
            Way::Received => &mut self.received[party],
        };
        let now = now.filter(|now| now.packets > before.packets)?;
        let noticed = Noticed {
            at: now.last.map_or(Duration::ZERO, |last| last - self.began),
            who: self.names[party],
            way,
            packets: before.packets + 1..=now.packets,
            bytes: now.bytes - before.bytes,
        };
        *before = now;
        Some(noticed)
    }
}

impl std::fmt::Display for Noticed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, last) = (self.packets.start(), self.packets.end());
        let which = match first == last {
            true => format!("packet {first}"),
            false => format!("packets {first}-{last}"),
        };
        let (seconds, who) = (self.at.as_secs_f64(), self.who);
        let bytes = counted(self.bytes, "byte");
        match self.way {
            Way::Sent => write!(f, "{seconds:.3} s  the {who} sent {which}, {bytes}"),
            Way::Received => write!(f, "{seconds:.3} s  the {who} received {which}, {bytes}"),
        }
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
