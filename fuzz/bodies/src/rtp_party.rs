//! The RTP session of one party: sender, sources and reports.

use std::net::SocketAddr;
use std::time::Duration;

use talkpath_media::rtp::{
    Arrival, Chance, Cname, Frame, MAX_SOURCES, NtpAnchor, Reports, RtcpMinimum, Sender,
    SourceTable, Timing,
};
use talkpath_wire::rtcp::{Compound, CompoundMode};
use talkpath_wire::{NtpTime, PayloadType, RtpHeader, RtpTime, Seq, Ssrc, Time};

use crate::script::Script;

/// Packets and reports out and in: numbers follow each other, reports come
/// when due, and what is written can be read.
pub fn rtp_party(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut party = Party::new(script.u16().into(), script.one_of(STARTS));
    while let Some(operation) = script.next(10) {
        party.apply(operation, &mut script);
    }
}

struct Party {
    now: Time,
    sender: Sender,
    sources: SourceTable,
    reports: Reports,
    chance: Chance,
    last: Option<RtpHeader<'static>>,
}

impl Party {
    fn new(seed: u64, start: Time) -> Self {
        let mut chance = Chance::from_seed(seed);
        let sender = Sender::new(8_000, &mut chance);
        let anchor = NtpAnchor {
            at: start,
            ntp: NtpTime::from_bits(chance.next_u64()),
        };
        let cname = Cname::from_random([7; 12]);
        let minimum = RtcpMinimum::Reduced;
        Party {
            now: start,
            sources: SourceTable::new(sender.ssrc()),
            reports: Reports::new(cname, anchor, 64_000, minimum, start, &mut chance),
            sender,
            chance,
            last: None,
        }
    }

    fn apply(&mut self, operation: u8, script: &mut Script<'_>) {
        let now = self.now;
        match operation {
            0 => self.now += Duration::from_millis(u64::from(script.u16())),
            1 => {
                let frame = Frame {
                    payload_type: PayloadType::PCMU,
                    ticks: 160,
                    payload_len: 160,
                };
                let header = self.sender.send(frame, now);
                self.sent(header);
            }
            2 => {
                let began = self.sender.timestamp();
                let event = PayloadType::FIRST_DYNAMIC;
                let header = self.sender.send_event(event, began, 4, now);
                self.sent(header);
            }
            3 => match script.below(3) {
                0 => self.sender.skip(script.u32()),
                1 => self.sender.catch_up(now),
                _ => self.sender.set_clock_rate(script.u32()),
            },
            4 | 5 => {
                let ssrc = u32::from(script.below(2 * MAX_SOURCES as u8));
                self.hear(ssrc, script);
            }
            6 => self.hear(self.sender.ssrc().value(), script),
            7 => self.report(),
            8 => self.handle(script.bytes(255)),
            _ => {
                self.sender.renew(&mut self.chance);
                self.sources.set_local(self.sender.ssrc());
                self.last = None;
            }
        }
    }

    fn sent(&mut self, header: RtpHeader<'static>) {
        assert_eq!(header.ssrc, self.sender.ssrc());
        if let Some(last) = self.last {
            assert_eq!(header.seq, last.seq.next());
        }
        self.last = Some(header);
    }

    fn hear(&mut self, ssrc: u32, script: &mut Script<'_>) {
        let arrival = Arrival {
            seq: Seq::new(script.u16()),
            timestamp: RtpTime::new(script.u32()),
            payload_len: 1,
            clock_rate: script.one_of(&[8_000, 48_000, 1, 90_000]),
            timing: script.one_of(&[Timing::Advances, Timing::Stands]),
        };
        let from = SocketAddr::from(([192, 0, 2, 1], script.u8().into()));
        self.sources
            .receive(Ssrc::new(ssrc), from, &arrival, self.now);
        assert!(self.sources.iter().count() <= MAX_SOURCES);
        assert!(self.sources.get(self.sender.ssrc()).is_none());
    }

    fn report(&mut self) {
        let mut out = [0; Reports::ROOM];
        let due = self.reports.deadline() <= self.now;
        let written =
            self.reports
                .handle_timeout(self.now, &self.sender, &mut self.sources, &mut out);
        assert!(due || written.is_none(), "no report before its time");
        assert!(self.reports.deadline() > self.now);
        if let Some(size) = written {
            assert!(Compound::parse(&out[..size], CompoundMode::Full).is_ok());
            // It comes back: known as our own.
            self.handle(&out[..size]);
        }
    }

    fn handle(&mut self, bytes: &[u8]) {
        let Ok(compound) = Compound::parse(bytes, CompoundMode::Full) else {
            return;
        };
        let from = SocketAddr::from(([192, 0, 2, 2], 2));
        let (sender, sources) = (&self.sender, &mut self.sources);
        self.reports
            .handle(self.now, from, &compound, sender, sources, |_| {});
        assert!(self.sources.iter().count() <= MAX_SOURCES);
    }
}

/// Worlds begin where 32 bits of milliseconds end, too.
const STARTS: &[Time] = &[
    Time::ZERO,
    Time::from_millis((1 << 31) - 1),
    Time::from_millis((1 << 32) - 1),
];
