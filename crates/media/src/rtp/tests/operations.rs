//! Any list of operations on one party: nothing panics, and what must hold
//! between any two operations holds.

use core::net::SocketAddr;
use core::time::Duration;

use proptest::prelude::*;
use talkpath_wire::rtcp::{Compound, CompoundMode, RtcpPacket};
use talkpath_wire::{NtpTime, PayloadType, RtpHeader, RtpTime, Seq, Ssrc, Time};

use crate::rtp::{
    Arrival, Chance, Cname, Frame, MAX_SOURCES, NtpAnchor, Reports, RtcpMinimum, Sender,
    SourceTable, Timing,
};

/// Something that may happen to a party.
#[derive(Clone, Debug)]
enum Operation {
    Wait(u64),
    Speak,
    Event,
    Skip(u32),
    CatchUp,
    ClockRate(u32),
    Hear { ssrc: u8, seq: u16, timestamp: u32 },
    HearOurselves,
    Report,
    Bye,
    Renew,
}

fn any_operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        4 => (0u64..100).prop_map(Wait),
        1 => (0u64..100_000_000).prop_map(Wait),
        4 => Just(Speak),
        1 => Just(Event),
        1 => (0u32..10_000).prop_map(Skip),
        1 => Just(CatchUp),
        1 => (0u32..100_000).prop_map(ClockRate),
        4 => (0u8..40, any::<u16>(), any::<u32>())
            .prop_map(|(ssrc, seq, timestamp)| Hear { ssrc, seq, timestamp }),
        4 => (0u8..2, 0u16..9).prop_map(|(ssrc, seq)| Hear { ssrc, seq, timestamp: 0 }),
        1 => Just(HearOurselves),
        4 => Just(Report),
        1 => Just(Bye),
        1 => Just(Renew),
    ]
}

/// One party and what is known of what it sent.
struct World {
    now: Time,
    sender: Sender,
    sources: SourceTable,
    reports: Reports,
    chance: Chance,
    last: Option<RtpHeader<'static>>,
    sent: u64,
}

impl World {
    fn new(seed: u64, start: Time) -> Self {
        let mut chance = Chance::from_seed(seed);
        let sender = Sender::new(8000, &mut chance);
        let anchor = NtpAnchor {
            at: start,
            ntp: NtpTime::from_bits(chance.next_u64()),
        };
        let cname = Cname::from_random([7; 12]);
        let minimum = RtcpMinimum::Reduced;
        let reports = Reports::new(cname, anchor, 64_000, minimum, start, &mut chance);
        let sources = SourceTable::new(sender.ssrc());
        World {
            now: start,
            sender,
            sources,
            reports,
            chance,
            last: None,
            sent: 0,
        }
    }

    fn apply(&mut self, operation: &Operation) {
        let now = self.now;
        let frame = Frame {
            payload_type: PayloadType::PCMU,
            ticks: 160,
            payload_len: 160,
        };
        match *operation {
            Operation::Wait(millis) => self.now += Duration::from_millis(millis),
            Operation::Speak => {
                let header = self.sender.send(frame, now);
                self.check_header(header);
            }
            Operation::Event => {
                let began = self.sender.timestamp();
                let header = self
                    .sender
                    .send_event(PayloadType::FIRST_DYNAMIC, began, 4, now);
                self.check_header(header);
            }
            Operation::Skip(ticks) => self.sender.skip(ticks),
            Operation::CatchUp => self.sender.catch_up(now),
            Operation::ClockRate(rate) => self.sender.set_clock_rate(rate),
            Operation::Hear {
                ssrc,
                seq,
                timestamp,
            } => self.hear(ssrc.into(), seq, timestamp),
            Operation::HearOurselves => self.hear(self.sender.ssrc().value(), 1, 1),
            Operation::Report => self.report(),
            Operation::Bye => self.bye(),
            Operation::Renew => {
                self.sender.renew(&mut self.chance);
                self.sources.set_local(self.sender.ssrc());
                self.last = None;
            }
        }
    }

    /// Numbers follow each other; the timestamp of a source never goes back,
    /// unless half its range was left out.
    fn check_header(&mut self, header: RtpHeader<'static>) {
        self.sent += 1;
        assert_eq!(header.ssrc, self.sender.ssrc());
        if let Some(last) = self.last {
            assert_eq!(header.seq, last.seq.next());
        }
        self.last = Some(header);
        assert_eq!(self.sender.packets(), self.sent);
    }

    fn hear(&mut self, ssrc: u32, seq: u16, timestamp: u32) {
        let arrival = Arrival {
            seq: Seq::new(seq),
            timestamp: RtpTime::new(timestamp),
            payload_len: 1,
            clock_rate: 8000,
            timing: Timing::Advances,
        };
        let from = SocketAddr::from(([192, 0, 2, 1], seq));
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
        assert!(
            self.reports.deadline() > self.now,
            "the next deadline is to come"
        );
        if let Some(size) = written {
            self.take_back(&out[..size]);
        }
    }

    fn bye(&mut self) {
        let mut out = [0; Reports::ROOM];
        let ever = self.sent > 0 || self.reports.sent() > 0;
        let (sender, sources) = (&self.sender, &mut self.sources);
        let written = self
            .reports
            .write_bye(self.now, sender, sources, b"bye", &mut out);
        assert_eq!(written.is_some(), ever);
        if let Some(size) = written {
            self.take_back(&out[..size]);
        }
    }

    /// What we write can be read, and is known as our own when it comes back.
    fn take_back(&mut self, bytes: &[u8]) {
        let compound = Compound::parse(bytes, CompoundMode::Full).unwrap();
        assert!(compound.trailing().is_empty());
        assert!(compound.packets().all(|packet| packet.is_ok()));
        let first = compound.packets().next();
        let blocks = match first {
            Some(Ok(RtcpPacket::SenderReport(sr))) => sr.blocks().len(),
            Some(Ok(RtcpPacket::ReceiverReport(rr))) => rr.blocks().len(),
            other => panic!("{other:?}"),
        };
        assert!(blocks <= MAX_SOURCES);
        let from = SocketAddr::from(([192, 0, 2, 2], 2));
        let mut events = 0;
        let (sender, sources) = (&self.sender, &mut self.sources);
        self.reports
            .handle(self.now, from, &compound, sender, sources, |_| events += 1);
        assert_eq!(events, 1);
    }
}

proptest! {
    #[test]
    fn no_list_of_operations_breaks_a_party(
        seed: u64,
        start in prop_oneof![Just(0), Just(1u64 << 31), Just(1 << 32), 0u64..1 << 40],
        operations in proptest::collection::vec(any_operation(), 0..200),
    ) {
        let mut world = World::new(seed, Time::from_millis(start));
        operations.iter().for_each(|operation| world.apply(operation));
    }

    // RFC 3550 §5.1: timestamps go forward through frames and silence alike.
    #[test]
    fn the_timestamp_of_a_source_never_goes_back(
        seed: u64,
        operations in proptest::collection::vec(any_operation(), 0..100),
    ) {
        let mut world = World::new(seed, Time::from_millis(1 << 32));
        let mut before = world.sender.timestamp();
        for operation in &operations {
            world.apply(operation);
            let after = world.sender.timestamp();
            // 100,000 s at 100 kHz are longer than half the range.
            let renewed = matches!(operation, Operation::Renew | Operation::CatchUp);
            prop_assert!(renewed || after.ticks_since(before) >= 0);
            before = after;
        }
    }
}
