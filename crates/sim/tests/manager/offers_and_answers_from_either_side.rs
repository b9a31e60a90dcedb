//! Re-offers with audio flowing: nothing changed, other codecs, glare,
//! rollback, the same answer again.

use std::time::Duration;

use crate::common::*;

use talkpath::{Audio, Change, Codec, Direction, FrameKind, SessionError, StreamIndex};
use talkpath_sim::World;

const FIRST: StreamIndex = StreamIndex(0);

#[test]
fn a_reoffer_with_nothing_changed_disturbs_nothing() {
    let talk = Talk::new(11);
    let (mut a, mut b) = talk.lines();
    let first = talk.caller.offer(Change::Nothing).unwrap();
    let answer = talk.callee.answer(&first).unwrap();
    talk.caller.apply_answer(&answer).unwrap();
    for _ in 0..5 {
        chat(10, &mut [&mut a, &mut b]);
        let again = talk.caller.offer(Change::Nothing).unwrap();
        assert_eq!(again, first);
        let answered = talk.callee.answer(&again).unwrap();
        assert_eq!(answered, answer);
        talk.caller.apply_answer(&answered).unwrap();
    }
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    for ip in [ALICE, BOB] {
        let sent = rtp_from(&talk.world, ip);
        assert_one_stream(&sent, 160);
        assert_eq!(sent.iter().filter(|packet| packet.marker).count(), 1);
    }
    talk.end();
}

#[test]
fn a_codec_changes_in_the_middle_of_a_sentence() {
    let talk = Talk::with(12, Audio::sendrecv([Codec::PCMU]), any());
    let (mut a, mut b) = talk.lines();
    let codecs = Change::Codecs(FIRST, vec![Codec::PCMA]);
    let offer = talk.caller.offer(codecs).unwrap();
    chat(5, &mut [&mut a, &mut b]);
    let answer = talk.callee.answer(&offer).unwrap();
    chat(5, &mut [&mut a, &mut b]);
    talk.caller.apply_answer(&answer).unwrap();
    chat(50, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    for ip in [ALICE, BOB] {
        let sent = rtp_from(&talk.world, ip);
        assert_eq!(sent.first().unwrap().payload_type, 0);
        assert_eq!(sent.last().unwrap().payload_type, 8);
        assert_one_stream(&sent, 160);
    }
    let stats = talk.callee.stats();
    let format = stats.audio().unwrap().receiving.clone().unwrap();
    assert_eq!(format.to_string(), "PCMA/8000");
    talk.end();
}

#[test]
fn a_codec_that_the_peer_does_not_have_changes_nothing() {
    let talk = Talk::with(18, Audio::sendrecv([Codec::PCMU]), any());
    let (mut a, mut b) = talk.lines();
    let codecs = Change::Codecs(FIRST, vec![Codec::PCMA]);
    let offer = talk.callee.offer(codecs).unwrap();
    let refused = talk.caller.answer(&offer).unwrap_err();
    assert_eq!(refused.sip_status(), 488);
    talk.callee.rollback().unwrap();
    chat(20, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    talk.end();
}

#[test]
fn glare_is_491_and_changes_nothing() {
    let talk = Talk::new(13);
    let (mut a, mut b) = talk.lines();
    let ports = (talk.alice.ports_in_use(), talk.bob.ports_in_use());
    let from_caller = talk.caller.hold().unwrap();
    let from_callee = talk.callee.hold().unwrap();
    for (session, offer) in [(&talk.caller, &from_callee), (&talk.callee, &from_caller)] {
        let streams = session.streams();
        let error = session.answer(offer).unwrap_err();
        assert_eq!(error.sip_status(), 491, "{error}");
        assert_eq!(session.streams(), streams);
    }
    assert_eq!(
        talk.caller.offer(Change::Nothing).unwrap_err().sip_status(),
        491
    );
    chat(30, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    talk.caller.rollback().unwrap();
    talk.callee.rollback().unwrap();
    assert_eq!((talk.alice.ports_in_use(), talk.bob.ports_in_use()), ports);
    chat(30, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    talk.end();
}

#[test]
fn after_a_rollback_the_wish_is_forgotten_too() {
    let talk = Talk::new(14);
    let (mut a, mut b) = talk.lines();
    let hold = talk.caller.hold().unwrap();
    drop(hold);
    talk.caller.rollback().unwrap();
    // The peer's own re-offer is answered as if we had never wanted to hold.
    let offer = talk.callee.offer(Change::Nothing).unwrap();
    let answer = talk.caller.answer(&offer).unwrap();
    talk.callee.apply_answer(&answer).unwrap();
    assert_eq!(talk.caller.streams()[0].direction, Direction::SendRecv);
    chat(30, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);

    let added = talk.caller.offer(Change::Add(any())).unwrap();
    assert!(port(&added, 1) > 0);
    assert_eq!(talk.alice.ports_in_use(), 3);
    talk.caller.rollback().unwrap();
    talk.world.run_for(ms(10));
    assert_eq!(talk.alice.ports_in_use(), 1);
    let offer = talk.caller.offer(Change::Nothing).unwrap();
    assert_eq!(offer.to_string().matches("m=").count(), 1);
    talk.caller
        .apply_answer(&talk.callee.answer(&offer).unwrap())
        .unwrap();

    let _ = talk
        .caller
        .offer(Change::Codecs(FIRST, vec![Codec::PCMA]))
        .unwrap();
    talk.caller.rollback().unwrap();
    let offer = talk.callee.offer(Change::Nothing).unwrap();
    let answer = talk.caller.answer(&offer).unwrap();
    assert!(answer.to_string().contains("RTP/AVP 0"), "{answer}");
    talk.callee.apply_answer(&answer).unwrap();
    chat(30, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    talk.end();
}

#[test]
fn a_rolled_back_first_offer_gives_its_ports_back() {
    let world = talkpath_sim::World::new(15);
    let alice = manager(&world, ALICE);
    let (caller, _offer) = alice.create_offer(any()).unwrap();
    assert_eq!(alice.ports_in_use(), 2);
    caller.rollback().unwrap();
    world.run_for(ms(10));
    assert_eq!(alice.ports_in_use(), 0);
    assert!(matches!(
        caller.rollback(),
        Err(SessionError::NoOfferPending(_))
    ));
    // The session lives and may offer again.
    let bob = manager(&world, BOB);
    let offer = caller.offer(Change::Nothing).unwrap();
    let (callee, answer) = bob.accept_offer(&offer, any()).unwrap();
    caller.apply_answer(&answer).unwrap();
    let talk = Talk {
        world,
        alice,
        bob,
        caller,
        callee,
    };
    let (mut a, mut b) = talk.lines();
    chat(20, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    talk.end();
}

#[test]
fn the_same_answer_again_is_a_no_op_and_another_is_an_error() {
    let talk = Talk::new(16);
    let (mut a, mut b) = talk.lines();
    let offer = talk.caller.hold().unwrap();
    let answer = talk.callee.answer(&offer).unwrap();
    talk.caller.apply_answer(&answer).unwrap();
    let events = talk.alice.events();
    let streams = talk.caller.streams();
    for _ in 0..3 {
        talk.caller.apply_answer(&answer).unwrap();
    }
    assert_eq!(talk.caller.streams(), streams);
    assert!(happenings(&events, talk.caller.id()).is_empty());
    let other = answer.to_string().replace("a=recvonly", "a=inactive");
    let error = talk.caller.apply_answer(other.as_str()).unwrap_err();
    assert!(matches!(error, SessionError::Completion(_)), "{error}");
    assert_eq!(talk.caller.streams(), streams);
    chat(30, &mut [&mut a, &mut b]);
    b.assert_unbroken(8000);
    talk.end();
}

#[test]
fn offers_go_either_way_many_times() {
    let talk = Talk::new(17);
    let (mut a, mut b) = talk.lines();
    let changes = [
        Change::Nothing,
        Change::Codecs(FIRST, vec![Codec::PCMA, Codec::PCMU]),
        Change::Codecs(FIRST, vec![Codec::PCMU, Codec::PCMA]),
        Change::Direction(FIRST, Direction::SendRecv),
    ];
    let mut last = (0, 0);
    for round in 0..40 {
        let change = changes[round % changes.len()].clone();
        if round % 2 == 0 {
            let offer = talk.caller.offer(change).unwrap();
            let answer = talk.callee.answer(&offer).unwrap();
            talk.caller.apply_answer(&answer).unwrap();
            assert!(version(&offer) >= last.0);
            last = (version(&offer), version(&answer));
        } else {
            let offer = talk.callee.offer(change).unwrap();
            let answer = talk.caller.answer(&offer).unwrap();
            talk.callee.apply_answer(&answer).unwrap();
            assert!(version(&answer) >= last.0);
            last = (version(&answer), version(&offer));
        }
        chat(3, &mut [&mut a, &mut b]);
    }
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    assert_one_stream(&rtp_from(&talk.world, ALICE), 160);
    assert_one_stream(&rtp_from(&talk.world, BOB), 160);
    talk.end();
}

// RFC 7160 §4.1: a source keeps one clock; the old one says goodbye.
#[test]
fn a_clock_of_its_own_has_a_source_of_its_own() {
    let both = || Audio::sendrecv([Codec::PCMU, Codec::OPUS]);
    let talk = Talk::with(77, both(), both());
    let (mut a, mut b) = talk.lines();
    let change = Change::Codecs(StreamIndex(0), vec![Codec::OPUS]);
    let offer = talk.caller.offer(change).unwrap();
    let answer = talk.callee.answer(&offer).unwrap();
    talk.caller.apply_answer(&answer).unwrap();
    chat(50, &mut [&mut a, &mut b]);
    let sent = rtp_from(&talk.world, ALICE);
    let law: Vec<_> = sent
        .iter()
        .filter(|packet| packet.payload_type == 0)
        .collect();
    let opus: Vec<_> = sent
        .iter()
        .filter(|packet| packet.payload_type >= 96)
        .collect();
    assert!(!law.is_empty() && opus.len() > 30);
    assert!(law.iter().all(|packet| packet.ssrc == law[0].ssrc));
    assert!(opus.iter().all(|packet| packet.ssrc == opus[0].ssrc));
    assert_ne!(law[0].ssrc, opus[0].ssrc);
    let rtcp = rtcp_from(&talk.world, ALICE);
    assert!(rtcp.iter().any(|report| report.types.contains(&BYE)));
    // Opus takes out what does not swing, so the level says nothing here.
    assert_eq!(
        (a.hear().kind, b.hear().kind),
        (FrameKind::Heard, FrameKind::Heard)
    );
    drop((a, b));
    talk.end();
}

// RFC 7160: empty packets before the first word are on the clock of the speech.
#[test]
fn a_late_answer_with_opus_has_one_source_and_no_goodbye() {
    let world = World::new(78);
    let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
    let wide = || Audio::sendrecv([Codec::OPUS]);
    let (caller, offer) = alice.create_offer(wide()).unwrap();
    world.run_for(Duration::from_millis(2500));
    let (callee, answer) = bob.accept_offer(&offer, wide()).unwrap();
    caller.apply_answer(&answer).unwrap();
    world.run_for(Duration::from_millis(2500));
    let (mut a, mut b) = (Line::of(&caller, 8000), Line::of(&callee, -4000));
    chat(100, &mut [&mut a, &mut b]);
    for host in [ALICE, BOB] {
        let sent = rtp_from(&world, host);
        assert!(
            sent.iter()
                .filter(|packet| packet.payload.is_empty())
                .count()
                >= 4
        );
        assert!(sent.iter().all(|packet| packet.ssrc == sent[0].ssrc));
        let rtcp = rtcp_from(&world, host);
        assert!(!rtcp.iter().any(|report| report.types.contains(&BYE)));
    }
}
