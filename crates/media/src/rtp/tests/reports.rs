//! Two parties that report to each other, in virtual time.

use core::net::SocketAddr;
use core::time::Duration;

use proptest::prelude::*;
use talkpath_wire::rtcp::{Compound, CompoundMode, Lead, RtcpPacket, VoipMetrics};
use talkpath_wire::{NtpTime, PayloadType, RtpHeader, RtpTime, Ssrc, Time};

use crate::rtp::{
    Arrival, Chance, Cname, Conflict, Frame, NtpAnchor, Reception, Reports, RtcpEvent, RtcpMinimum,
    Sender, SourceTable, Timing,
};

const FRAME: Frame = Frame {
    payload_type: PayloadType::PCMU,
    ticks: 160,
    payload_len: 160,
};

/// One party of a call.
struct Party {
    sender: Sender,
    sources: SourceTable,
    reports: Reports,
    address: SocketAddr,
    events: Vec<RtcpEvent>,
    chance: Chance,
}

impl Party {
    fn new(seed: u64, start: Time) -> Self {
        let mut chance = Chance::from_seed(seed);
        let sender = Sender::new(8000, &mut chance);
        let cname = Cname::from_random([seed as u8; 12]);
        // Each party has its own idea of the year.
        let ntp = NtpTime::from_unix(Duration::from_secs(1_000_000_000 * seed));
        let anchor = NtpAnchor { at: start, ntp };
        let minimum = RtcpMinimum::Standard;
        let reports = Reports::new(cname, anchor, 80_000, minimum, start, &mut chance);
        Party {
            sources: SourceTable::new(sender.ssrc()),
            sender,
            reports,
            address: SocketAddr::from(([192, 0, 2, seed as u8], 4000)),
            events: Vec::new(),
            chance,
        }
    }

    fn speak(&mut self, now: Time) -> RtpHeader<'static> {
        self.sender.send(FRAME, now)
    }

    fn hear(&mut self, header: &RtpHeader<'_>, from: SocketAddr, now: Time) -> Reception {
        let arrival = Arrival {
            seq: header.seq,
            timestamp: header.timestamp,
            payload_len: 160,
            clock_rate: 8000,
            timing: Timing::Advances,
        };
        self.sources.receive(header.ssrc, from, &arrival, now)
    }

    fn report(&mut self, now: Time) -> Option<Vec<u8>> {
        let mut out = [0; Reports::ROOM];
        let size = self
            .reports
            .handle_timeout(now, &self.sender, &mut self.sources, &mut out)?;
        Some(out[..size].to_vec())
    }

    /// The next report, at whichever deadline it is sent.
    fn next_report(&mut self) -> (Time, Vec<u8>) {
        loop {
            let now = self.reports.deadline();
            if let Some(report) = self.report(now) {
                return (now, report);
            }
        }
    }

    fn bye(&mut self, now: Time, reason: &[u8]) -> Option<Vec<u8>> {
        let mut out = [0; Reports::ROOM];
        let size =
            self.reports
                .write_bye(now, &self.sender, &mut self.sources, reason, &mut out)?;
        Some(out[..size].to_vec())
    }

    fn take(&mut self, bytes: &[u8], from: SocketAddr, now: Time) {
        let compound = Compound::parse(bytes, CompoundMode::Full).unwrap();
        let events = &mut self.events;
        let on = |event| events.push(event);
        self.reports
            .handle(now, from, &compound, &self.sender, &mut self.sources, on);
    }
}

/// A and B, 30 ms apart; every packet that `lost` names does not reach B.
struct Call {
    a: Party,
    b: Party,
    start: Time,
    sent_by_a: Vec<(Time, Vec<u8>)>,
    sent_by_b: Vec<(Time, Vec<u8>)>,
}

const APART: Duration = Duration::from_millis(30);

impl Call {
    fn new(start: Time) -> Self {
        let (a, b) = (Party::new(1, start), Party::new(2, start));
        Call {
            a,
            b,
            start,
            sent_by_a: Vec::new(),
            sent_by_b: Vec::new(),
        }
    }

    /// A speaks for `seconds`, B listens, both report.
    fn run(&mut self, from: u64, seconds: u64, lost: impl Fn(u64) -> bool) {
        for n in 50 * from..50 * (from + seconds) {
            let now = self.start + Duration::from_millis(20 * n);
            let header = self.a.speak(now);
            if !lost(n) {
                self.b.hear(&header, self.a.address, now + APART);
            }
            self.exchange(now);
        }
    }

    /// Both report if it is time, and hear each other's report.
    fn exchange(&mut self, now: Time) {
        if let Some(report) = self.a.report(now) {
            self.b.take(&report, self.a.address, now + APART);
            self.sent_by_a.push((now, report));
        }
        if let Some(report) = self.b.report(now) {
            self.a.take(&report, self.b.address, now + APART);
            self.sent_by_b.push((now, report));
        }
    }
}

fn packets(bytes: &[u8]) -> Vec<RtcpPacket<'_>> {
    let compound = Compound::parse(bytes, CompoundMode::Full).unwrap();
    assert_eq!(compound.lead(), Lead::Report);
    assert!(compound.trailing().is_empty());
    compound.packets().map(Result::unwrap).collect()
}

// RFC 3550 §6.1, §6.4, §6.5.
#[test]
fn a_speaker_sends_sr_a_listener_rr_and_both_their_name() {
    let mut call = Call::new(Time::ZERO);
    call.run(0, 30, |_| false);
    for (_, report) in &call.sent_by_a {
        let [RtcpPacket::SenderReport(sr), RtcpPacket::Sdes(sdes)] = packets(report)[..] else {
            panic!("{:?}", packets(report));
        };
        assert_eq!((sr.ssrc(), sr.blocks().len()), (call.a.sender.ssrc(), 0));
        let name = sdes.chunks().next().unwrap().cname().unwrap();
        assert_eq!(name, Cname::from_random([1; 12]).as_bytes());
    }
    let (_, last) = call.sent_by_b.last().unwrap();
    let RtcpPacket::ReceiverReport(rr) = packets(last)[0] else {
        panic!("{:?}", packets(last));
    };
    let block = rr.blocks().next().unwrap();
    assert_eq!((block.ssrc, block.fraction_lost), (call.a.sender.ssrc(), 0));
    assert_eq!((block.cumulative_lost, block.jitter), (0, 0));
}

// RFC 3550 §6.4.1: what B lost is what A is told.
#[test]
fn one_packet_in_ten_lost_is_reported_as_such_whenever_the_world_began() {
    for start in [0u64, 1 << 31, 1 << 32, 400 * 86_400_000] {
        let mut call = Call::new(Time::from_millis(start));
        call.run(0, 60, |n| n % 10 == 5);
        let remote = *call.a.reports.remote().unwrap();
        assert_eq!(remote.from, call.b.sender.ssrc());
        let fraction = f64::from(remote.fraction_lost) / 256.0;
        assert!((fraction - 0.1).abs() < 0.01, "{fraction} from {start} ms");
        let reported_at = (remote.at - Time::from_millis(start)).as_millis() as i32 / 20;
        assert!((remote.lost - reported_at / 10).abs() <= 1, "{remote:?}");
        // B's report names A's last SR, and both ways take 60 ms.
        let round_trip = call.a.reports.round_trip().last().unwrap();
        assert!(
            round_trip.abs_diff(2 * APART) < Duration::from_micros(50),
            "{round_trip:?}"
        );
    }
}

// RFC 3550 §6.4: SR while RTP was sent in the last two intervals, else RR.
#[test]
fn a_speaker_that_falls_silent_goes_over_to_rr_after_two_intervals() {
    let mut call = Call::new(Time::ZERO);
    call.run(0, 30, |_| false);
    let quiet_from = call.sent_by_a.len();
    for n in 1500..3000 {
        call.exchange(Time::from_millis(20 * n));
    }
    let kinds: Vec<bool> = call.sent_by_a[quiet_from..]
        .iter()
        .map(|(_, report)| matches!(packets(report)[0], RtcpPacket::SenderReport(_)))
        .collect();
    assert_eq!(kinds[..2], [true, true]);
    assert!(
        kinds.len() > 4 && kinds[2..].iter().all(|sender| !sender),
        "{kinds:?}"
    );
}

#[test]
fn a_sender_report_before_the_first_packet_is_not_forgotten() {
    let start = Time::from_millis(1000);
    let (mut a, mut b) = (Party::new(1, start), Party::new(2, start));
    a.speak(start);
    let (sr_at, sr) = a.next_report();
    while b.reports.deadline() <= sr_at + Duration::from_millis(100) {
        b.report(b.reports.deadline());
    }
    b.take(&sr, a.address, sr_at);
    for n in 0..5u64 {
        let now = sr_at + Duration::from_millis(20 * n);
        let header = a.speak(now);
        b.hear(&header, a.address, now);
    }
    let (rr_at, rr) = b.next_report();
    let RtcpPacket::ReceiverReport(rr) = packets(&rr)[0] else {
        panic!("no RR")
    };
    let block = rr.blocks().next().unwrap();
    assert_ne!(block.last_sr, 0);
    let delay = f64::from(block.delay_since_last_sr) / 65_536.0;
    assert!(
        (delay - (rr_at - sr_at).as_secs_f64()).abs() < 0.001,
        "{delay}"
    );
}

// RFC 3550 §6.6, §6.3.7.
#[test]
fn goodbye_is_said_by_one_that_ever_sent_and_heard_once() {
    let mut call = Call::new(Time::ZERO);
    let now = Time::from_millis(10);
    assert_eq!(call.b.bye(now, b"early"), None);
    call.run(0, 1, |_| false);
    let now = Time::from_millis(1000);
    let bye = call.a.bye(now, b"done").unwrap();
    let [
        RtcpPacket::SenderReport(_),
        RtcpPacket::Sdes(_),
        RtcpPacket::Bye(read),
    ] = packets(&bye)[..]
    else {
        panic!("{:?}", packets(&bye));
    };
    assert_eq!(read.reason(), Some(&b"done"[..]));
    let ssrc = call.a.sender.ssrc();
    let stranger = SocketAddr::from(([192, 0, 2, 9], 9));
    call.b.take(&bye, call.a.address, now);
    call.b.take(&bye, stranger, now);
    let byes: Vec<_> = call
        .b
        .events
        .iter()
        .filter(|event| matches!(event, RtcpEvent::Bye(_)))
        .collect();
    assert_eq!(byes, [&RtcpEvent::Bye(ssrc)]);
    assert_eq!(call.b.sources.get(ssrc).unwrap().left(), Some(now));
}

// RFC 3550 §8.2: BYE for the old SSRC, then a new one, once per address.
#[test]
fn our_own_ssrc_in_a_report_is_a_collision_then_a_loop() {
    let mut a = Party::new(1, Time::ZERO);
    a.speak(Time::ZERO);
    let old = a.sender.ssrc();
    let (at, own) = a.next_report();
    let mirror = SocketAddr::from(([192, 0, 2, 77], 7));
    a.take(&own, mirror, at);
    assert_eq!(a.events, [RtcpEvent::Own(Conflict::Collision)]);

    let bye = a.bye(at, b"").unwrap();
    let RtcpPacket::Bye(read) = packets(&bye)[2] else {
        panic!("no BYE")
    };
    assert!(read.sources().eq([old]));
    assert_eq!(a.sender.renew(&mut a.chance), old);
    a.sources.set_local(a.sender.ssrc());
    let header = a.speak(at);
    assert_eq!(a.hear(&header, mirror, at), Reception::Own(Conflict::Loop));
    assert_eq!(a.sources.looped(), 1);
}

// RFC 3550 §6.2: about one report every five seconds, the first sooner.
#[test]
fn an_hour_of_a_call_has_some_seven_hundred_reports_each_way() {
    let mut call = Call::new(Time::from_millis(1 << 32));
    call.run(0, 3600, |_| false);
    for sent in [&call.sent_by_a, &call.sent_by_b] {
        assert!((650..800).contains(&sent.len()), "{}", sent.len());
    }
    assert_eq!(call.b.sources.counts().lost, 0);
    assert_eq!(call.a.reports.received(), call.sent_by_b.len() as u64);
}

#[test]
fn sixteen_sources_fit_the_room_of_a_report() {
    let mut party = Party::new(1, Time::ZERO);
    let from = SocketAddr::from(([192, 0, 2, 9], 9));
    for ssrc in 0..16 {
        for n in 0..2u16 {
            let seq = talkpath_wire::Seq::new(n);
            let header = RtpHeader::new(PayloadType::PCMU, seq, RtpTime::new(0), Ssrc::new(ssrc));
            party.hear(&header, from, Time::ZERO);
        }
    }
    party.speak(Time::ZERO);
    let bye = party.bye(Time::ZERO, &[b'x'; 255]).unwrap();
    let RtcpPacket::SenderReport(sr) = packets(&bye)[0] else {
        panic!("no SR")
    };
    assert_eq!(sr.blocks().len(), 16);
}

#[test]
fn a_short_buffer_loses_the_report_and_nothing_else() {
    let mut party = Party::new(1, Time::ZERO);
    let at = party.reports.deadline();
    let written = party
        .reports
        .handle_timeout(at, &party.sender, &mut party.sources, &mut [0; 7]);
    assert_eq!((written, party.reports.sent()), (None, 0));
    assert!(party.reports.deadline() > at);
}

proptest! {
    #[test]
    fn no_compound_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        lead in prop_oneof![Just([0x81, 200]), Just([0x81, 201]), Just([0x81, 203])],
        own in any::<bool>(),
        start: u64,
    ) {
        let start = Time::from_nanos(start);
        let mut party = Party::new(3, start);
        party.speak(start);
        let words = (bytes.len() / 4) as u16;
        let mut datagram = vec![lead[0], lead[1]];
        datagram.extend(words.to_be_bytes());
        datagram.extend(&bytes[..usize::from(words) * 4]);
        if own && datagram.len() >= 8 {
            datagram[4..8].copy_from_slice(&party.sender.ssrc().value().to_be_bytes());
        }
        if let Ok(compound) = Compound::parse(&datagram, CompoundMode::ReducedSize) {
            let mut events = 0;
            let from = party.address;
            let (sender, sources) = (&party.sender, &mut party.sources);
            party.reports.handle(start, from, &compound, sender, sources, |_| events += 1);
            prop_assert!(events <= 64);
        }
    }
}

#[test]
fn reports_that_heard_nothing_new_of_us_are_counted() {
    let start = Time::from_millis(1000);
    let (mut a, mut b) = (Party::new(1, start), Party::new(2, start));
    let (from_a, from_b) = (a.address, b.address);
    let mut now = start;
    let mut unheard = Vec::new();
    // Heard, pause, said in vain twice, heard again.
    for (said, arrives) in [(50, true), (0, true), (50, false), (50, false), (50, true)] {
        for _ in 0..said {
            let header = a.speak(now);
            if arrives {
                b.hear(&header, from_a, now);
            }
        }
        let (at, report) = b.next_report();
        a.take(&report, from_b, at);
        now = at;
        unheard.push(a.reports.unheard());
    }
    assert_eq!(unheard, [0, 0, 1, 2, 0]);
}

// RFC 3611 §4.7: with each report, for whom they are about.
#[test]
fn voip_metrics_travel_with_each_report_and_the_goodbye() {
    let mut a = Party::new(1, Time::ZERO);
    let mut b = Party::new(2, Time::ZERO);
    a.speak(Time::ZERO);
    b.speak(Time::ZERO);
    let of_a = VoipMetrics {
        r_factor: Some(80),
        ..VoipMetrics::of(a.sender.ssrc())
    };
    b.reports.set_voip_metrics(Some(of_a));
    let (now, report) = b.next_report();
    assert!(matches!(packets(&report)[2], RtcpPacket::ExtendedReport(_)));
    a.take(&report, b.address, now);
    assert_eq!(a.reports.remote_voip_metrics(), Some(&of_a));
    let bye = b.bye(now, b"done").unwrap();
    assert!(matches!(
        packets(&bye)[2..],
        [RtcpPacket::ExtendedReport(_), RtcpPacket::Bye(_)]
    ));

    // Of another source, they are not about us.
    let of_another = VoipMetrics::of(Ssrc::new(a.sender.ssrc().value() ^ 1));
    b.reports.set_voip_metrics(Some(of_another));
    let (now, report) = b.next_report();
    a.take(&report, b.address, now);
    assert_eq!(a.reports.remote_voip_metrics(), Some(&of_a));
    b.reports.set_voip_metrics(None);
    assert_eq!(packets(&b.next_report().1).len(), 2);
}

#[test]
fn a_source_knows_how_much_its_packets_hold() {
    let mut a = Party::new(1, Time::ZERO);
    let mut b = Party::new(2, Time::ZERO);
    for n in 0..3 {
        let now = Time::from_millis(20 * n);
        let header = a.speak(now);
        b.hear(&header, a.address, now);
        let known = b.sources.latest().unwrap().packet_time();
        assert_eq!(known, (n == 2).then_some(Duration::from_millis(20)));
    }
}
