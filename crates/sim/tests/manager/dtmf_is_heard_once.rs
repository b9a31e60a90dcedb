//! Digits from one manager to another, whatever the network does to them.

use std::collections::BTreeSet;

use crate::common::*;

use talkpath::{
    Carriage, Change, DialEnd, Dtmf, DtmfError, Event, Events, Happening, Inband, Session,
    SessionError, SessionId, StreamIndex, TelephoneEvent,
};
use talkpath_sim::{Fate, Jitter, Link, Loss, World};

/// The digits that `session` was told of, of those that ended.
fn digits(events: &Events<Event>, session: SessionId) -> Vec<(char, Carriage)> {
    let told = happenings(events, session).into_iter();
    let digits = told.filter_map(|what| match what {
        Happening::Digit {
            digit, carriage, ..
        } => Some((digit.as_char(), carriage)),
        _ => None,
    });
    digits.collect()
}

fn text(digits: &[(char, Carriage)]) -> String {
    digits.iter().map(|(digit, _)| digit).collect()
}

/// How many presses of the host at `ip` reached anybody: events by timestamp.
fn presses_that_arrived(world: &World, ip: &str) -> usize {
    let ip: std::net::IpAddr = ip.parse().unwrap();
    let arrived: BTreeSet<[u8; 4]> = world
        .wire_log()
        .iter()
        .filter(|record| record.from.ip() == ip && record.bytes.len() == 16)
        .filter(|record| matches!(record.fate, Fate::Delivered { .. }))
        .map(|record| record.bytes[4..8].try_into().unwrap())
        .collect();
    arrived.len()
}

/// Dials on both sides at once, and waits for the end of it and a second more.
fn dial_both(talk: &Talk, a: &mut Line, b: &mut Line, dtmf: &Dtmf) {
    let mut ours = talk.caller.dtmf(dtmf.clone()).unwrap();
    let mut theirs = talk.callee.dtmf(dtmf.clone()).unwrap();
    while !(ours.is_ready() && theirs.is_ready()) {
        chat(1, &mut [a, b]);
    }
    for digits in [&mut ours, &mut theirs] {
        assert_eq!(digits.wait_timeout(ms(0)), Some(Ok(DialEnd::Dialled)));
    }
    chat(50, &mut [a, b]);
}

#[test]
fn all_keys_are_heard_both_ways() {
    let talk = Talk::new(501);
    let (at_alice, at_bob) = (talk.alice.events(), talk.bob.events());
    let (mut a, mut b) = talk.lines();
    let keys = "0123456789*#ABCD!1155";
    dial_both(&talk, &mut a, &mut b, &Dtmf::new(keys).unwrap());
    for (events, session) in [(&at_alice, &talk.caller), (&at_bob, &talk.callee)] {
        let heard = digits(events, session.id());
        assert_eq!(text(&heard), keys);
        assert!(
            heard
                .iter()
                .all(|(_, carriage)| *carriage == Carriage::Event)
        );
    }
    talk.end();
}

#[test]
fn each_digit_of_which_a_packet_arrived_is_heard_once() {
    let mut pressed = 0;
    for seed in 510..515 {
        let talk = Talk::new(seed);
        let (at_alice, at_bob) = (talk.alice.events(), talk.bob.events());
        let (mut a, mut b) = talk.lines();
        let mobile = Link::after(ms(60))
            .with_jitter(Jitter::Uniform { most: ms(40) })
            .with_loss(Loss::Random(0.3))
            .with_duplicates(0.05)
            .with_reorder(0.1, ms(50));
        talk.world.link_both(ALICE, BOB, mobile);
        let dtmf = Dtmf::new(&"11599#".repeat(8)).unwrap();
        let dtmf = dtmf.tone(ms(40 + 20 * (seed % 4))).gap(ms(40));
        talk.world.take_wire_log();
        dial_both(&talk, &mut a, &mut b, &dtmf);
        for (events, session, from) in [
            (&at_alice, &talk.caller, BOB),
            (&at_bob, &talk.callee, ALICE),
        ] {
            let heard = digits(events, session.id());
            assert_eq!(
                heard.len(),
                presses_that_arrived(&talk.world, from),
                "{seed}"
            );
            pressed += heard.len();
        }
        talk.end();
    }
    assert!(pressed > 450, "{pressed} of 480");
}

// RFC 4733 §2.5.1: one timestamp, one marker, three ends, and the media clock
// goes on over the event.
#[test]
fn an_event_takes_the_place_of_what_is_said() {
    let talk = Talk::new(502);
    let (mut a, mut b) = talk.lines();
    talk.world.take_wire_log();
    let digits = talk.caller.dtmf("5").unwrap();
    while !digits.is_ready() {
        chat(1, &mut [&mut a, &mut b]);
    }
    chat(20, &mut [&mut a, &mut b]);
    let sent = rtp_from(&talk.world, ALICE);
    let first = sent
        .iter()
        .position(|packet| packet.payload.len() == 4)
        .unwrap();
    let events = &sent[first..first + 7];
    assert!(events.iter().all(|packet| packet.payload.len() == 4));
    assert!(
        events
            .iter()
            .all(|packet| packet.timestamp == events[0].timestamp)
    );
    let markers: Vec<bool> = events.iter().map(|packet| packet.marker).collect();
    assert_eq!(markers, [true, false, false, false, false, false, false]);
    let ends: Vec<bool> = events
        .iter()
        .map(|packet| packet.payload[1] & 0x80 != 0)
        .collect();
    assert_eq!(ends, [false, false, false, false, true, true, true]);
    let (before, after) = (&sent[first - 1], &sent[first + 7]);
    assert_eq!(events[0].timestamp.wrapping_sub(before.timestamp), 160);
    assert_eq!(after.timestamp.wrapping_sub(events[0].timestamp), 7 * 160);
    assert!(after.marker && after.payload.len() == 160);
    for pair in sent.windows(2) {
        assert_eq!(pair[0].seq.wrapping_add(1), pair[1].seq);
    }
    a.take();
    b.assert_ends_with(5, 8000);
    talk.end();
}

#[test]
fn a_peer_without_events_is_dialled_in_the_sound() {
    let talk = Talk::with(503, any(), any().telephone_event(TelephoneEvent::Off));
    let events = talk.bob.events();
    let (mut a, mut b) = talk.lines();
    talk.callee.detect_inband(Inband::Detected).unwrap();
    let digits_sent = talk.caller.dtmf("159#0*").unwrap();
    while !digits_sent.is_ready() {
        chat(1, &mut [&mut a, &mut b]);
    }
    chat(30, &mut [&mut a, &mut b]);
    let heard = digits(&events, talk.callee.id());
    assert_eq!(text(&heard), "159#0*");
    assert!(
        heard
            .iter()
            .all(|(_, carriage)| *carriage == Carriage::Sound)
    );
    assert!(
        rtp_from(&talk.world, ALICE)
            .iter()
            .all(|packet| packet.payload.len() != 4)
    );
    a.take();
    b.assert_ends_with(10, 8000);
    talk.end();
}

#[test]
fn who_says_nothing_and_hears_nothing_can_still_dial() {
    let talk = Talk::new(504);
    let events = talk.bob.events();
    let dialled = talk.caller.dtmf("42").unwrap().wait();
    assert_eq!(dialled, Ok(DialEnd::Dialled));
    talk.world.run_for(ms(500));
    assert_eq!(text(&digits(&events, talk.callee.id())), "42");
    talk.end();
}

#[test]
fn dialling_waits_for_the_answer_and_is_stopped() {
    let world = World::new(505);
    let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
    let events = bob.events();
    let (caller, offer) = alice.create_offer(any()).unwrap();
    let digits_of = |session: &Session| digits(&events, session.id());
    let early = caller.dtmf("7").unwrap();
    let stopped = caller.dtmf("8888").unwrap();
    world.run_for(ms(1000));
    assert!(!early.is_ready());
    let (callee, answer) = bob.accept_offer(&offer, any()).unwrap();
    caller.apply_answer(&answer).unwrap();
    assert_eq!(early.wait(), Ok(DialEnd::Dialled));
    stopped.stop().unwrap();
    assert_eq!(stopped.wait(), Ok(DialEnd::Stopped));
    world.run_for(ms(1000));
    let heard = text(&digits_of(&callee));
    assert!(heard == "7" || heard == "78", "{heard}");
    let closed = caller.dtmf("1").unwrap();
    caller.close().wait().unwrap();
    assert_eq!(closed.wait(), Ok(DialEnd::Stopped));
    callee.close().wait().unwrap();
    drop((alice, bob));
    assert_eq!(world.held(), Default::default());
}

#[test]
fn dialling_ends_with_its_stream() {
    let two = || talkpath::Constraints::from(any()).and(any());
    let talk = Talk::with(507, two(), two());
    let second = StreamIndex(1);
    let long = talk.caller.dtmf_of(second, "1,2,3,4,5,6").unwrap();
    talk.world.run_for(ms(500));
    let offer = talk.caller.offer(Change::Remove(second)).unwrap();
    let answer = talk.callee.answer(&offer).unwrap();
    talk.caller.apply_answer(&answer).unwrap();
    assert_eq!(long.wait(), Ok(DialEnd::Stopped));
    talk.end();
}

#[test]
fn dialling_where_the_peer_refused_a_stream_is_over_at_once() {
    let talk = Talk::new(508);
    let offer = talk.caller.offer(Change::Add(any())).unwrap();
    let answer = talk.callee.answer(&offer).unwrap();
    talk.caller.apply_answer(&answer).unwrap();
    if let Ok(digits) = talk.caller.dtmf_of(StreamIndex(1), "1") {
        assert_eq!(digits.wait(), Ok(DialEnd::Stopped));
    }
    talk.end();
}

#[test]
fn what_is_no_key_is_refused_before_anything_is_sent() {
    let talk = Talk::new(506);
    let refused = talk.caller.dtmf("12x").unwrap_err();
    let expected = DtmfError::NotAKey {
        found: 'x',
        place: 3,
    };
    assert!(matches!(refused, SessionError::Dtmf(error) if error == expected));
    talk.end();
}
