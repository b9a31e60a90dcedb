//! What a packet costs in a call, above the sockets, and that it costs no heap.

use std::net::SocketAddr;

use talkpath_wire::{PayloadType, RtpHeader, RtpTime, Seq, Ssrc, Time};

use crate::allocation::count;
use crate::party::{Party, TICK, Talker};
use crate::report::Report;
use crate::rounds::measure;

pub(super) fn run(report: &mut Report) {
    let mut inbound = Inbound::new();
    report.times("datagram in, PCM out", measure(|| inbound.step()));
    let mut outbound = Outbound::new();
    report.times("PCM in, datagram out", measure(|| outbound.step()));
    let mut conversation = Conversation::new();
    report.times("both, of two parties", measure(|| conversation.step()));
    report.require("all was heard", inbound.heard() && conversation.heard());

    // Five minutes after the warm-up, reports included.
    let (_, allocations) = count(|| (0..15_000).for_each(|_| conversation.step()));
    report.count("allocations, 30,000 packets", allocations, 0);
}

/// A peer's packets into one party.
struct Inbound {
    party: Party,
    seq: u16,
    now: Time,
}

impl Inbound {
    fn new() -> Self {
        Inbound {
            party: Party::new(1, here(), there(), Talker::LISTENER),
            seq: 0,
            now: Time::ZERO,
        }
    }

    fn step(&mut self) {
        let mut packet = [0xd5; 172];
        let timestamp = RtpTime::new(160 * u32::from(self.seq));
        let header = RtpHeader::new(
            PayloadType::PCMU,
            Seq::new(self.seq),
            timestamp,
            Ssrc::new(7),
        );
        packet[..12].copy_from_slice(&header.fixed());
        self.seq = self.seq.wrapping_add(1);
        self.now += TICK;
        self.party.receive(self.now, &mut packet);
        self.party.tick(self.now);
        self.party.out.clear();
    }

    fn heard(&self) -> bool {
        self.party.talker.played > 1_000 && self.party.talker.concealed < 10
    }
}

/// One party that speaks.
struct Outbound {
    party: Party,
    now: Time,
}

impl Outbound {
    fn new() -> Self {
        Outbound {
            party: Party::new(2, here(), there(), Talker::SPEAKER),
            now: Time::ZERO,
        }
    }

    fn step(&mut self) {
        self.now += TICK;
        self.party.tick(self.now);
        self.party.out.clear();
    }
}

/// Two parties that both speak, without a network between.
pub(crate) struct Conversation {
    one: Party,
    other: Party,
    now: Time,
    buffer: [u8; 1500],
}

impl Conversation {
    fn new() -> Self {
        Conversation {
            one: Party::new(1, here(), there(), Talker::SPEAKER),
            other: Party::new(2, there(), here(), Talker::SPEAKER),
            now: Time::ZERO,
            buffer: [0; 1500],
        }
    }

    fn step(&mut self) {
        self.now += TICK;
        self.one.tick(self.now);
        self.one
            .deliver(self.now, &mut self.other, &mut self.buffer);
        self.other.tick(self.now);
        self.other
            .deliver(self.now, &mut self.one, &mut self.buffer);
    }

    fn heard(&self) -> bool {
        let heard = |talker: &Talker| talker.played > 1_000 && talker.concealed < 10;
        heard(&self.one.talker) && heard(&self.other.talker)
    }
}

fn here() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4000))
}

fn there() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 2], 4000))
}
