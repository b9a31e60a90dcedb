//! Rules of RTP that only a whole party can keep, read off the wire.
//!
//! A manager of ours in a call with a peer that does what the test says; the
//! judge is the wire log. `STANDARDS.md` points here.

#![allow(clippy::unwrap_used)] // only tests are in here

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use talkpath::{
    Audio, AudioEnd, Codec, Constraints, Event, Events, Happening, MediaManager, Notice, RtcpMux,
    SampleRate, Session, Silence, TelephoneEvent, Time,
};
use talkpath_sim::{ScriptedPeer, World};

const US: &str = "10.0.0.1";
const PEER: &str = "10.0.0.2";

/// We in a call with a peer at 10.0.0.2:4000, which offered.
struct Call {
    world: World,
    manager: MediaManager,
    session: Session,
    end: Option<AudioEnd>,
    peer: ScriptedPeer,
    events: Events<Event>,
    answer: String,
}

impl Call {
    fn new(offer: &str, wanted: impl Into<Constraints>) -> Self {
        let world = World::new(7);
        let manager = manager(&world);
        let events = manager.events();
        let peer = world.host(PEER).peer(4000);
        let (session, answer) = manager.accept_offer(&*body(offer), wanted).unwrap();
        let end = Some(session.audio().unwrap());
        let answer = answer.to_string();
        Call {
            world,
            manager,
            session,
            end,
            peer,
            events,
            answer,
        }
    }

    fn run(&self, millis: u64) {
        self.world.run_for(Duration::from_millis(millis));
    }

    fn our_port(&self) -> SocketAddr {
        let line = self.answer.lines().find(|line| line.starts_with("m="));
        let port = line.unwrap().split(' ').nth(1).unwrap();
        format!("{US}:{port}").parse().unwrap()
    }
}

fn manager(world: &World) -> MediaManager {
    MediaManager::builder()
        .interface(US)
        .ports(10000..=10099)
        .driver(Arc::new(world.host(US).driver()))
        .build()
        .unwrap()
}

/// A description of the peer with these m-lines.
fn body(media: &str) -> String {
    format!("v=0\r\no=peer 1 1 IN IP4 {PEER}\r\ns=-\r\nc=IN IP4 {PEER}\r\nt=0 0\r\n{media}")
}

/// PCMU in packets that never pause.
fn steady() -> Constraints {
    Constraints::from(Audio::sendrecv([Codec::PCMU])).silence(Silence::Packets)
}

const PLAIN: &str = "m=audio 4000 RTP/AVP 0\r\n";
const MUXED: &str = "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n";

/// A datagram of ours as the wire saw it.
struct Sent {
    at: Time,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Sent {
    fn is_rtcp(&self) -> bool {
        (192..=223).contains(&self.bytes[1])
    }

    fn payload_type(&self) -> u8 {
        self.bytes[1] & 0x7f
    }

    fn marker(&self) -> bool {
        self.bytes[1] & 0x80 != 0
    }

    fn seq(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    fn timestamp(&self) -> u32 {
        self.word(4)
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    /// Types and first words of the RTCP packets in it.
    fn packets(&self) -> Vec<(u8, u32)> {
        let (mut at, mut packets) = (0, Vec::new());
        while at < self.bytes.len() {
            packets.push((self.bytes[at + 1], self.word(at + 4)));
            let words = u16::from_be_bytes([self.bytes[at + 2], self.bytes[at + 3]]);
            at += 4 * (usize::from(words) + 1);
        }
        packets
    }
}

fn ours(world: &World) -> Vec<Sent> {
    let from_us = |from: &SocketAddr| from.ip().to_string() == US;
    let log = world.wire_log();
    let records = log.iter().filter(|record| from_us(&record.from));
    records
        .map(|record| Sent {
            at: record.sent,
            from: record.from,
            to: record.to,
            bytes: record.bytes.to_vec(),
        })
        .collect()
}

fn rtp(world: &World) -> Vec<Sent> {
    let mut sent = ours(world);
    sent.retain(|sent| !sent.is_rtcp());
    sent
}

fn rtcp(world: &World) -> Vec<Sent> {
    let mut sent = ours(world);
    sent.retain(Sent::is_rtcp);
    sent
}

fn packet(payload_type: u8, seq: u16, ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0x80, payload_type];
    bytes.extend(seq.to_be_bytes());
    bytes.extend((u32::from(seq) * 160).to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend([0xff; 160]);
    bytes
}

// RFC 6263 §4.6: an empty packet of a type that nobody knows, at least every
// 15 s. RFC 3550 §5.1: its timestamp is that of its moment.
#[test]
fn a_pause_is_bridged_by_empty_packets_of_an_unknown_type() {
    let mut call = Call::new(PLAIN, Audio::sendrecv([Codec::PCMU]));
    let (mut say, _hear) = call.end.take().unwrap().split();
    say.send_all(&[500; 800]).unwrap();
    call.run(50_000);
    let sent = rtp(&call.world);
    let (speech, bridges): (Vec<_>, Vec<_>) =
        sent.iter().partition(|sent| sent.payload_type() == 0);
    assert_eq!(speech.len(), 5);
    assert!(bridges.len() >= 3, "{}", bridges.len());
    for bridge in &bridges {
        assert_eq!(bridge.bytes.len(), 12);
        assert!((96..=127).contains(&bridge.payload_type()));
        assert!(!bridge.marker());
    }
    for pair in sent.windows(2) {
        let apart = pair[1].at - pair[0].at;
        assert!(apart <= Duration::from_secs(15), "{apart:?}");
        assert_eq!(pair[1].seq(), pair[0].seq().wrapping_add(1));
        let ticks = pair[1].timestamp().wrapping_sub(pair[0].timestamp());
        assert!(ticks.abs_diff(apart.as_millis() as u32 * 8) <= 160);
    }
}

// RFC 3550 §8.2: goodbye under the old SSRC, then another with new numbers.
#[test]
fn a_peer_with_our_ssrc_makes_us_take_another() {
    let call = Call::new(MUXED, steady());
    call.run(1_000);
    let old = rtp(&call.world)[0].word(8);
    let before = ours(&call.world).len();
    call.peer.send(call.our_port(), &packet(0, 1, old));
    call.run(1_000);
    let after = &ours(&call.world)[before..];
    let bye = after
        .iter()
        .position(|sent| sent.is_rtcp() && sent.packets().last() == Some(&(BYE, old)));
    let (until, since) = after.split_at(bye.expect("a BYE of the old SSRC"));
    let speaks = |sent: &&Sent| !sent.is_rtcp();
    assert!(until.iter().filter(speaks).all(|sent| sent.word(8) == old));
    let mut since = since.iter().filter(speaks);
    let first = since.next().unwrap();
    assert!(first.marker() && first.word(8) != old);
    assert!(since.all(|sent| sent.word(8) == first.word(8) && !sent.marker()));
    let told = std::iter::from_fn(|| call.events.try_recv().ok()).any(|notice| {
        matches!(notice, Notice::Event(event) if matches!(event.what, Happening::SsrcCollision { .. }))
    });
    assert!(told);
}

const BYE: u8 = 203;

// RFC 4961 §3, §4; RFC 5761 §5.1.1: out of the ports that SDP names as ours.
#[test]
fn rtp_and_rtcp_leave_from_the_ports_that_receive_them() {
    for (offer, beside) in [(PLAIN, 1), (MUXED, 0)] {
        let call = Call::new(offer, steady());
        call.run(10_000);
        let next = |mut address: SocketAddr| {
            address.set_port(address.port() + beside);
            address
        };
        let (rtp, rtcp) = (rtp(&call.world), rtcp(&call.world));
        let theirs = call.peer.local_addr();
        assert!(rtp.len() > 400 && !rtcp.is_empty());
        let out = (call.our_port(), theirs);
        assert!(rtp.iter().all(|sent| (sent.from, sent.to) == out));
        let out = (next(call.our_port()), next(theirs));
        assert!(rtcp.iter().all(|sent| (sent.from, sent.to) == out));
    }
}

// RFC 3264 §8.4: at 0.0.0.0 "neither RTP nor RTCP should be sent".
#[test]
fn a_hold_by_address_stops_rtcp_too_and_one_by_direction_does_not() {
    for offer in [PLAIN, MUXED] {
        let call = Call::new(offer, steady());
        call.run(10_000);
        let held = body(offer).replace(&format!("c=IN IP4 {PEER}"), "c=IN IP4 0.0.0.0");
        call.session
            .answer(&*held.replace(" 1 1 ", " 1 2 "))
            .unwrap();
        call.run(100);
        let before = ours(&call.world).len();
        call.run(60_000);
        assert_eq!(ours(&call.world).len(), before);

        let listening = format!("{offer}a=sendonly\r\n");
        let listening = body(&listening).replace(" 1 1 ", " 1 3 ");
        call.session.answer(&*listening).unwrap();
        call.run(60_000);
        let since = &ours(&call.world)[before..];
        // Keepalives hold no sound.
        let is_silent = |sent: &Sent| sent.is_rtcp() || sent.bytes.len() == 12;
        assert!(since.iter().all(is_silent) && since.len() >= 5);

        call.session
            .answer(&*body(offer).replace(" 1 1 ", " 1 4 "))
            .unwrap();
        call.run(10_000);
        assert!(rtp(&call.world).len() > 900);
    }
}

// RFC 3605 §2.1: where RTCP may not go, it goes nowhere; least of all to a
// port that nobody named.
#[test]
fn rtcp_is_not_sent_to_a_port_that_nobody_named() {
    let nowhere = format!("{PLAIN}a=rtcp:4711 IN IP4 0.0.0.0\r\n");
    for offer in [&*nowhere, "m=audio 65535 RTP/AVP 0\r\n"] {
        let call = Call::new(offer, steady());
        call.run(30_000);
        assert!(rtp(&call.world).len() > 1_400);
        assert!(rtcp(&call.world).is_empty());
    }
    let elsewhere = format!("{PLAIN}a=rtcp:4711\r\n");
    let call = Call::new(&elsewhere, steady());
    call.run(30_000);
    let reports = rtcp(&call.world);
    assert!(!reports.is_empty() && reports.iter().all(|sent| sent.to.port() == 4711));
}

// RFC 3264 §5.1, §6.1: what goes out bears the peer's number, what comes in
// ours.
#[test]
fn packets_bear_the_number_of_whoever_receives_them() {
    let world = World::new(3);
    let manager = manager(&world);
    let peer = world.host(PEER).peer(4000);
    let wanted = Audio::sendrecv([Codec::PCMU])
        .rtcp_mux(RtcpMux::Only)
        .telephone_event(TelephoneEvent::Off);
    let wanted = Constraints::from(wanted).silence(Silence::Packets);
    let (session, offer) = manager.create_offer(wanted).unwrap();
    let _end = session.audio().unwrap();
    let answer = "m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 PCMU/8000\r\na=rtcp-mux\r\n";
    session.apply_answer(&*body(answer)).unwrap();
    assert!(offer.to_string().contains(" RTP/AVP 0\r\n"));
    let to = format!("{US}:{}", port_of(&offer.to_string()))
        .parse()
        .unwrap();
    for seq in 0..50 {
        peer.send(to, &packet(0, seq, 9));
        world.run_for(Duration::from_millis(20));
    }
    peer.send(to, &packet(97, 50, 9));
    world.run_for(Duration::from_millis(100));
    let sent = rtp(&world);
    assert!(sent.len() >= 50 && sent.iter().all(|sent| sent.payload_type() == 97));
    let stats = session.stats();
    let audio = stats.audio().unwrap();
    assert_eq!(audio.received.packets, 51);
    let unknown = audio.drops.of(talkpath::DropReason::UnknownPayloadType);
    assert_eq!(unknown.packets, 1);
}

fn port_of(text: &str) -> &str {
    let line = text.lines().find(|line| line.starts_with("m=")).unwrap();
    line.split(' ').nth(1).unwrap()
}

// RFC 3551 §4.1, §4.2: the timestamp counts the codec's clock, whatever rate
// the application speaks at, and a packet is as long as the peer asked for.
#[test]
fn timestamps_count_the_codecs_clock_at_every_rate_and_packet_time() {
    for rate in [8_000, 16_000, 24_000, 48_000] {
        for ptime in [10, 20, 30, 60] {
            let offer = format!("{MUXED}a=ptime:{ptime}\r\n");
            let audio = Audio::sendrecv([Codec::PCMU]).rate(SampleRate::new(rate).unwrap());
            let call = Call::new(&offer, Constraints::from(audio).silence(Silence::Packets));
            call.run(2_000);
            let sent = rtp(&call.world);
            assert!(sent.len() as u32 >= 1_900 / ptime, "{rate} {ptime}");
            for pair in sent.windows(2) {
                assert_eq!(pair[1].bytes.len() as u32, 12 + 8 * ptime);
                let ticks = pair[1].timestamp().wrapping_sub(pair[0].timestamp());
                assert_eq!(ticks, 8 * ptime, "{rate} {ptime}");
            }
        }
    }
}

// RFC 3550 §6.6: goodbye on leaving, and nothing after it.
#[test]
fn a_session_that_spoke_says_goodbye_and_one_that_did_not_is_silent() {
    let call = Call::new(MUXED, steady());
    call.run(1_000);
    let Call {
        world,
        manager,
        session,
        ..
    } = call;
    session.close().wait().unwrap();
    world.run_for(Duration::from_millis(100));
    let sent = ours(&world);
    let last = sent.last().unwrap();
    let types: Vec<u8> = last.packets().iter().map(|(kind, _)| *kind).collect();
    assert_eq!(types, [200, 202, BYE]);
    assert_eq!(manager.ports_in_use(), 0);

    let quiet = Call::new(MUXED, Audio::recvonly([Codec::PCMU]));
    quiet.run(500);
    drop(quiet.session);
    quiet.world.run_for(Duration::from_millis(100));
    assert!(ours(&quiet.world).is_empty());
}

// RFC 3264 §8.4: who holds may be silent for as long as he likes.
#[test]
fn a_peer_that_holds_in_silence_does_not_time_out() {
    let wanted =
        || Constraints::from(Audio::sendrecv([Codec::PCMU])).media_timeout(Duration::from_secs(5));
    for (offer, times_out) in [
        (format!("{PLAIN}a=sendonly\r\n"), false),
        (format!("{PLAIN}c=IN IP4 0.0.0.0\r\n"), false),
        (PLAIN.to_owned(), true),
    ] {
        let call = Call::new(&offer, wanted());
        call.run(20_000);
        let mut timeouts = 0;
        while let Ok(Notice::Event(event)) = call.events.try_recv() {
            timeouts += usize::from(matches!(event.what, Happening::MediaTimeout { .. }));
        }
        assert_eq!(timeouts > 0, times_out, "{offer}");
    }
}

// RFC 6263: who only listens is found by a peer that learns addresses, whether
// RTCP has a port of its own or not.
#[test]
fn who_says_nothing_opens_the_way_with_four_packets_in_sequence() {
    for offer in [PLAIN, MUXED] {
        let call = Call::new(offer, Audio::sendrecv([Codec::PCMU]));
        call.run(5_000);
        let sent = rtp(&call.world);
        assert_eq!(sent.len(), 4, "{offer}");
        let first = sent[0].seq();
        for (number, packet) in (0u16..).zip(&sent) {
            assert_eq!(packet.bytes.len(), 12);
            assert_eq!(packet.seq(), first.wrapping_add(number));
            assert!(packet.payload_type() >= 96 && !packet.marker());
        }
    }
}

// RFC 3261 §13.2.1 lets a UAC ignore it; in the field the media has moved.
#[test]
fn an_answer_revised_by_the_200_moves_the_media() {
    let world = World::new(11);
    let manager = manager(&world);
    let announcement = world.host(PEER).peer(4000);
    let person = world.host("10.0.0.3").peer(5000);
    let wanted = Audio::sendrecv([Codec::PCMU]).rtcp_mux(RtcpMux::Only);
    let wanted = Constraints::from(wanted).silence(Silence::Packets);
    let (session, _offer) = manager.create_offer(wanted).unwrap();
    session.apply_answer(&*body(MUXED)).unwrap();
    world.run_for(Duration::from_secs(1));
    assert!(announcement.received().len() >= 45);

    let moved = body(MUXED)
        .replace(PEER, "10.0.0.3")
        .replace("4000", "5000");
    assert!(session.apply_answer(&*moved).is_err());
    session.revise_answer(&*moved).unwrap();
    let before = announcement.received().len();
    world.run_for(Duration::from_secs(1));
    assert!(announcement.received().len() <= before + 1);
    assert!(person.received().len() >= 45);
}
