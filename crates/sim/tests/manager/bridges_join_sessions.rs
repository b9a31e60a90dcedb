//! Two legs of one manager that hear each other: packets pass where they can,
//! samples where they must, and what goes out is one stream all the time.

use std::time::Duration;

use crate::common::*;

use talkpath::audio::{Dbov, SampleRate, Tone, ToneGenerator, measure};
use talkpath::{
    Audio, Bridge, Change, Codec, Constraints, FrameKind, Happening, Inband, MediaManager, Session,
    Silence, StreamIndex, TelephoneEvent,
};
use talkpath_sim::World;

const SERVER: &str = "10.0.0.9";
const CAROL: &str = "10.0.0.3";

/// Alice and Bob, each with a call to a server that joins the two.
struct Bridged {
    world: World,
    alice: MediaManager,
    bob: MediaManager,
    server: MediaManager,
    caller: Session,
    callee: Session,
    legs: [Session; 2],
    bridge: Bridge,
}

impl Bridged {
    fn new(seed: u64, caller: Audio, callee: Audio) -> Self {
        Self::with(seed, (caller, any()), (callee, any()))
    }

    /// What the caller wants and what the server wants of him, and so for the
    /// callee.
    fn with(seed: u64, caller: (Audio, Audio), callee: (Audio, Audio)) -> Self {
        let world = World::new(seed);
        let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
        let server = manager(&world, SERVER);
        let (caller, first) = calls(&alice, &server, caller);
        let (callee, second) = calls(&bob, &server, callee);
        let bridge = server.bridge(&first, &second).unwrap();
        Bridged {
            world,
            alice,
            bob,
            server,
            caller,
            callee,
            legs: [first, second],
            bridge,
        }
    }

    fn lines(&self) -> (Line, Line) {
        let mut a = Line::of(&self.caller, 8000);
        let mut b = Line::of(&self.callee, -4000);
        chat(20, &mut [&mut a, &mut b]);
        a.take();
        b.take();
        (a, b)
    }

    /// What the server sent to `ip`.
    fn forwarded_to(&self, ip: &str) -> Vec<Rtp> {
        let ip: std::net::IpAddr = ip.parse().unwrap();
        let mut sent = rtp_from(&self.world, SERVER);
        sent.retain(|packet| packet.to.ip() == ip && !packet.payload.is_empty());
        sent
    }

    fn end(self) {
        let [first, second] = self.legs;
        for session in [first, second, self.caller, self.callee] {
            session.close().wait().unwrap();
        }
        assert_eq!(self.server.ports_in_use(), 0);
        drop((self.alice, self.bob, self.server, self.bridge));
        assert_eq!(self.world.held(), Default::default());
    }
}

/// A call from `manager` to `server`, in what both want.
fn calls(
    manager: &MediaManager,
    server: &MediaManager,
    (wanted, taken): (Audio, Audio),
) -> (Session, Session) {
    let (session, offer) = manager.create_offer(wanted).unwrap();
    let (leg, answer) = server.accept_offer(&offer, taken).unwrap();
    session.apply_answer(&answer).unwrap();
    (session, leg)
}

fn only(codec: Codec) -> Audio {
    Audio::sendrecv([codec])
}

#[test]
fn packets_of_one_format_pass_untouched() {
    let bridged = Bridged::new(300, only(Codec::PCMU), only(Codec::PCMU));
    let (mut a, mut b) = bridged.lines();
    chat(100, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    let (sent, passed) = (rtp_from(&bridged.world, ALICE), bridged.forwarded_to(BOB));
    assert!(passed.len() > 100);
    for packet in &passed {
        let same = |sent: &&Rtp| {
            (sent.ssrc, sent.seq, sent.timestamp) == (packet.ssrc, packet.seq, packet.timestamp)
        };
        let original = sent.iter().find(same).expect("it was sent by Alice");
        assert_eq!(original.payload, packet.payload);
        assert_eq!(original.marker, packet.marker);
    }
    drop((a, b));
    bridged.end();
}

#[test]
fn formats_that_differ_are_transcoded() {
    let bridged = Bridged::new(301, only(Codec::PCMU), only(Codec::PCMA));
    let (mut a, mut b) = bridged.lines();
    chat(100, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    let passed = bridged.forwarded_to(BOB);
    assert!(passed.iter().all(|packet| packet.payload_type == 8));
    assert_one_stream(&passed, 160);
    drop((a, b));
    bridged.end();
}

// The route follows the needs: relayed, heard by a third, relayed again.
#[test]
fn a_listener_comes_and_goes_without_a_break_in_what_is_sent() {
    let bridged = Bridged::new(302, only(Codec::PCMU), only(Codec::PCMU));
    let (mut a, mut b) = bridged.lines();
    chat(50, &mut [&mut a, &mut b]);
    let end = bridged.legs[0].audio().unwrap();
    chat(50, &mut [&mut a, &mut b]);
    drop(end);
    chat(50, &mut [&mut a, &mut b]);
    let passed = bridged.forwarded_to(BOB);
    let ssrc = passed[0].ssrc;
    assert!(passed.iter().all(|packet| packet.ssrc == ssrc));
    for pair in passed.windows(2) {
        assert_eq!(
            pair[0].seq.wrapping_add(1),
            pair[1].seq,
            "{:?}",
            pair[1].sent
        );
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32;
        assert!((0..=640).contains(&step), "{step} at {:?}", pair[1].sent);
    }
    a.assert_ends_with(30, -4000);
    b.assert_ends_with(30, 8000);
    drop((a, b));
    bridged.end();
}

#[test]
fn a_codec_change_of_one_side_changes_the_route() {
    let bridged = Bridged::new(303, any(), only(Codec::PCMU));
    let (mut a, mut b) = bridged.lines();
    let change = Change::Codecs(StreamIndex(0), vec![Codec::PCMA]);
    let offer = bridged.caller.offer(change).unwrap();
    let answer = bridged.legs[0].answer(&offer).unwrap();
    bridged.caller.apply_answer(&answer).unwrap();
    chat(100, &mut [&mut a, &mut b]);
    a.assert_ends_with(50, -4000);
    // A-law, and µ-law of that.
    let heard = b.take();
    let good = |frame: &Frame| frame.kind == FrameKind::Heard && (7500..8500).contains(&frame.mean);
    assert!(heard[heard.len() - 50..].iter().all(good), "{heard:?}");
    let passed = bridged.forwarded_to(BOB);
    assert!(passed.iter().all(|packet| packet.payload_type == 0));
    assert!(passed.windows(2).all(|pair| pair[0].ssrc == pair[1].ssrc));
    drop((a, b));
    bridged.end();
}

#[test]
fn three_hear_each_other_and_not_themselves() {
    let bridged = Bridged::new(304, only(Codec::PCMU), only(Codec::PCMA));
    let carol = manager(&bridged.world, CAROL);
    let (third, leg) = calls(&carol, &bridged.server, (only(Codec::PCMU), any()));
    bridged.bridge.add(&leg).unwrap();
    let (mut a, mut b) = bridged.lines();
    let mut c = Line::of(&third, 1000);
    chat(100, &mut [&mut a, &mut b, &mut c]);
    a.assert_ends_with(50, -3000);
    b.assert_ends_with(50, 9000);
    c.assert_ends_with(50, 4000);
    bridged.bridge.remove(&leg).unwrap();
    chat(100, &mut [&mut a, &mut b, &mut c]);
    a.assert_ends_with(50, -4000);
    b.assert_ends_with(50, 8000);
    c.assert_ends_in_silence(50);
    drop((a, b, c));
    third.close().wait().unwrap();
    leg.close().wait().unwrap();
    drop(carol);
    bridged.end();
}

#[test]
fn codecs_and_packet_times_of_any_kind_meet_in_a_conference() {
    let millis = Duration::from_millis;
    let server = || Audio::sendrecv([Codec::PCMU, Codec::G722, Codec::L16_16000]);
    let bridged = Bridged::with(
        313,
        (only(Codec::PCMU).ptime(millis(10)), server()),
        (only(Codec::G722).ptime(millis(30)), server()),
    );
    let carol = manager(&bridged.world, CAROL);
    let wide = only(Codec::L16_16000).ptime(millis(40));
    let (third, leg) = calls(&carol, &bridged.server, (wide, server()));
    bridged.bridge.add(&leg).unwrap();
    let (mut a, mut b) = bridged.lines();
    let mut c = Line::of(&third, 1000);
    chat(150, &mut [&mut a, &mut b, &mut c]);
    for (line, others) in [(&mut a, -3000), (&mut b, 9000), (&mut c, 4000)] {
        let heard = line.take();
        let tail = &heard[heard.len() - 50..];
        let good =
            |frame: &&Frame| frame.kind == FrameKind::Heard && (frame.mean - others).abs() < 400;
        assert!(tail.iter().filter(good).count() >= 48, "{others}: {tail:?}");
    }
    let packets = bridged.forwarded_to(ALICE);
    assert!(
        packets.iter().all(|packet| packet.payload.len() == 80),
        "10 ms was asked for"
    );
    drop((a, b, c));
    third.close().wait().unwrap();
    leg.close().wait().unwrap();
    drop(carol);
    bridged.end();
}

#[test]
fn gains_are_for_the_others_and_the_loudest_is_told() {
    let bridged = Bridged::new(306, only(Codec::PCMU), only(Codec::PCMA));
    let carol = manager(&bridged.world, CAROL);
    let (third, leg) = calls(&carol, &bridged.server, (only(Codec::PCMU), any()));
    let events = bridged.server.events();
    bridged.bridge.add(&leg).unwrap();
    let first = &bridged.legs[0];
    bridged.bridge.set_gain(first, f32::NEG_INFINITY).unwrap();
    let (mut a, mut b) = bridged.lines();
    let mut c = Line::of(&third, 16_000);
    chat(100, &mut [&mut a, &mut b, &mut c]);
    b.assert_ends_with(50, 16_000);
    c.assert_ends_with(50, -4000);
    let told = happenings(&events, leg.id());
    let room = bridged.bridge.room();
    let spoke =
        |what: &Happening| matches!(what, Happening::ActiveSpeaker { room: of, .. } if *of == room);
    assert_eq!(
        told.iter().filter(|what| spoke(what)).count(),
        1,
        "{told:?}"
    );
    drop((a, b, c));
    third.close().wait().unwrap();
    leg.close().wait().unwrap();
    drop(carol);
    bridged.end();
}

// Two that have 16 kHz hear each other at 16 kHz, though the server's own
// application would listen at 8.
#[test]
fn wide_band_stays_wide_band_through_a_bridge() {
    let wide = |codec| only(codec).rate(SampleRate::HZ_16000);
    let server = || Audio::sendrecv([Codec::G722, Codec::L16_16000]);
    let bridged = Bridged::with(
        307,
        (wide(Codec::L16_16000), server()),
        (wide(Codec::G722), server()),
    );
    let (caller, callee) = (
        bridged.caller.audio().unwrap(),
        bridged.callee.audio().unwrap(),
    );
    let (mut say, mut hear) = (caller.say, callee.hear);
    let mut tone = ToneGenerator::new(
        Tone::sine(6000.0, Dbov::from_dbm0(-12.0)),
        SampleRate::HZ_16000,
    );
    let (mut said, mut heard) = (vec![0; 320], vec![0; 320]);
    let mut all = Vec::new();
    for _ in 0..100 {
        tone.fill(&mut said);
        say.send_all(&said).unwrap();
        hear.recv(&mut heard).unwrap();
        all.extend_from_slice(&heard);
    }
    let found = measure::tone(&all[320 * 50..], SampleRate::HZ_16000).expect("a tone");
    assert!((found.hz - 6000.0).abs() < 5.0, "{found:?}");
    drop((say, hear, caller.hear, callee.say));
    bridged.end();
}

// RFC 4733 §2.1: events keep the clock of the speech they stand beside.
#[test]
fn digits_are_carried_between_clocks() {
    for (seed, codecs) in [
        (308, (Codec::OPUS, Codec::PCMU)),
        (309, (Codec::PCMU, Codec::OPUS)),
        (310, (Codec::PCMA, Codec::PCMU)),
    ] {
        let server = || Audio::sendrecv(Codec::USUAL);
        let bridged = Bridged::with(seed, (only(codecs.0), server()), (only(codecs.1), server()));
        assert_eq!(dialled(&bridged), "159#");
        bridged.end();
    }
}

#[test]
fn digits_are_carried_between_events_and_sound() {
    let deaf = || only(Codec::PCMU).telephone_event(TelephoneEvent::Off);
    let bridged = Bridged::with(311, (only(Codec::PCMU), any()), (deaf(), any()));
    bridged.callee.detect_inband(Inband::Detected).unwrap();
    assert_eq!(dialled(&bridged), "159#");
    bridged.end();
    let bridged = Bridged::with(312, (deaf(), any()), (only(Codec::PCMU), any()));
    assert_eq!(dialled(&bridged), "159#");
    bridged.end();
}

/// What the callee is told of what the caller dials.
fn dialled(bridged: &Bridged) -> String {
    let events = bridged.bob.events();
    let (mut a, mut b) = bridged.lines();
    let dialling = bridged.caller.dtmf("159#").unwrap();
    chat(120, &mut [&mut a, &mut b]);
    drop((dialling, a, b));
    let told = happenings(&events, bridged.callee.id());
    let digit = |what: &Happening| match what {
        Happening::Digit { digit, .. } => Some(digit.as_char()),
        _ => None,
    };
    told.iter().filter_map(digit).collect()
}

#[test]
fn when_one_closes_the_other_goes_on_alone() {
    let bridged = Bridged::new(305, only(Codec::PCMU), only(Codec::PCMU));
    let (mut a, mut b) = bridged.lines();
    bridged.bridge.end().unwrap();
    bridged.world.run_for(Duration::from_millis(100));
    let mut leg = Line::of(&bridged.legs[0], 500);
    chat(60, &mut [&mut a, &mut b, &mut leg]);
    a.assert_ends_with(30, 500);
    b.assert_ends_in_silence(30);
    leg.assert_ends_with(30, 8000);
    drop((a, b, leg));
    bridged.end();
}

#[test]
fn silence_goes_on_leaving_after_a_bridge() {
    let world = World::new(313);
    let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
    let server = manager(&world, SERVER);
    let call = |manager: &MediaManager, silence| {
        let (session, offer) = manager.create_offer(only(Codec::PCMU)).unwrap();
        let taken = Constraints::from(only(Codec::PCMU)).silence(silence);
        let (leg, answer) = server.accept_offer(&offer, taken).unwrap();
        session.apply_answer(&answer).unwrap();
        (session, leg)
    };
    let (caller, first) = call(&alice, Silence::Packets);
    let (callee, second) = call(&bob, Silence::Nothing);
    let sent_to_alice = || {
        world.run_for(ms(100));
        let from = world.now();
        world.run_for(ms(1000));
        let mut sent = rtp_from(&world, SERVER);
        sent.retain(|packet| packet.sent > from && packet.to.ip() == addr("10.0.0.1:0").ip());
        sent.len()
    };
    assert_eq!(sent_to_alice(), 50);
    let bridge = server.bridge(&first, &second).unwrap();
    world.run_for(ms(1000));
    bridge.remove(&first).unwrap();
    assert_eq!(sent_to_alice(), 50);
    bridge.add(&first).unwrap();
    world.run_for(ms(1000));
    bridge.end().unwrap();
    assert_eq!(sent_to_alice(), 50);
    drop((caller, callee, first, second));
}
