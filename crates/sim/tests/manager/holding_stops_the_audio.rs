//! Hold and resume, from either side and by either way, with audio flowing.

use crate::common::*;

use talkpath::{Direction, Happening, Session};

/// Brings an offer, as made or changed by hand, to its answer.
fn agree(offerer: &Session, answerer: &Session, offer: &str) {
    let answer = answerer.answer(offer).unwrap();
    offerer.apply_answer(&answer).unwrap();
}

#[test]
fn hold_then_resume_keeps_the_ports() {
    let talk = Talk::new(1);
    let (mut a, mut b) = talk.lines();
    let ports = || (talk.alice.ports_in_use(), talk.bob.ports_in_use());
    let locals = || [&talk.caller, &talk.callee].map(|s| s.streams()[0].local.unwrap().rtp);
    let before = (ports(), locals());

    let offer = talk.caller.hold().unwrap();
    assert!(offer.to_string().contains("a=sendonly"), "{offer}");
    agree(&talk.caller, &talk.callee, &offer.to_string());
    assert_eq!(talk.callee.streams()[0].direction, Direction::RecvOnly);
    chat(50, &mut [&mut a, &mut b]);
    a.assert_ends_in_silence(40);
    b.assert_ends_with(40, 8000);
    assert_eq!((ports(), locals()), before);

    let offer = talk.caller.resume().unwrap();
    agree(&talk.caller, &talk.callee, &offer.to_string());
    assert_eq!((ports(), locals()), before);
    chat(50, &mut [&mut a, &mut b]);
    a.assert_ends_with(40, -4000);
    b.assert_unbroken(8000);
    talk.end();
}

#[test]
fn the_callee_can_hold_too() {
    let talk = Talk::new(2);
    let (mut a, mut b) = talk.lines();
    let offer = talk.callee.hold().unwrap();
    agree(&talk.callee, &talk.caller, &offer.to_string());
    chat(50, &mut [&mut a, &mut b]);
    b.assert_ends_in_silence(40);
    a.assert_ends_with(40, -4000);
    let offer = talk.callee.resume().unwrap();
    agree(&talk.callee, &talk.caller, &offer.to_string());
    chat(50, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_ends_with(40, 8000);
    talk.end();
}

#[test]
fn both_hold_and_each_resumes_its_own_hold() {
    let talk = Talk::new(3);
    let (mut a, mut b) = talk.lines();
    agree(
        &talk.caller,
        &talk.callee,
        &talk.caller.hold().unwrap().to_string(),
    );
    agree(
        &talk.callee,
        &talk.caller,
        &talk.callee.hold().unwrap().to_string(),
    );
    chat(50, &mut [&mut a, &mut b]);
    a.assert_ends_in_silence(40);
    b.assert_ends_in_silence(40);
    agree(
        &talk.caller,
        &talk.callee,
        &talk.caller.resume().unwrap().to_string(),
    );
    chat(50, &mut [&mut a, &mut b]);
    a.assert_ends_with(40, -4000);
    b.assert_ends_in_silence(40);
    agree(
        &talk.callee,
        &talk.caller,
        &talk.callee.resume().unwrap().to_string(),
    );
    chat(50, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_ends_with(40, 8000);
    talk.end();
}

#[test]
fn a_peer_of_old_holds_by_its_address() {
    for address in ["IN IP4 0.0.0.0", "IN IP6 ::", "IN IP4 held.invalid"] {
        let talk = Talk::new(4);
        let (mut a, mut b) = talk.lines();
        let before = talk.bob.ports_in_use();
        let plain = talk
            .caller
            .offer(talkpath::Change::Nothing)
            .unwrap()
            .to_string();
        let held = plain.replace("c=IN IP4 10.0.0.1", &format!("c={address}"));
        assert_ne!(plain, held);
        agree(&talk.caller, &talk.callee, &held);
        chat(50, &mut [&mut a, &mut b]);
        a.assert_ends_in_silence(40);
        assert_eq!(talk.bob.ports_in_use(), before);

        agree(
            &talk.caller,
            &talk.callee,
            &talk.caller.resume().unwrap().to_string(),
        );
        chat(50, &mut [&mut a, &mut b]);
        a.assert_ends_with(40, -4000);
        b.assert_ends_with(40, 8000);
        talk.end();
    }
}

#[test]
fn a_hold_never_times_out_and_a_failure_does() {
    let short = || talkpath::Constraints::from(any()).media_timeout(ms(2000));
    let talk = Talk::with(5, short(), short());
    let events = talk.alice.events();
    let (mut a, mut b) = talk.lines();
    agree(
        &talk.caller,
        &talk.callee,
        &talk.caller.hold().unwrap().to_string(),
    );
    chat(500, &mut [&mut a, &mut b]);
    let timed_out = |events: &[Happening]| {
        events
            .iter()
            .filter(|what| matches!(what, Happening::MediaTimeout { .. }))
            .count()
    };
    assert_eq!(timed_out(&happenings(&events, talk.caller.id())), 0);

    agree(
        &talk.caller,
        &talk.callee,
        &talk.caller.resume().unwrap().to_string(),
    );
    chat(50, &mut [&mut a, &mut b]);
    talk.world.link(BOB, ALICE, talkpath_sim::Link::cut());
    chat(300, &mut [&mut a, &mut b]);
    let seen = happenings(&events, talk.caller.id());
    assert_eq!(timed_out(&seen), 1, "{seen:?}");
    talk.world
        .link(BOB, ALICE, talkpath_sim::Link::after(ms(10)));
    chat(50, &mut [&mut a, &mut b]);
    let seen = happenings(&events, talk.caller.id());
    assert!(
        matches!(seen[..], [Happening::MediaResumed { .. }]),
        "{seen:?}"
    );
    a.assert_ends_with(40, -4000);
    talk.end();
}

/// Keepalives keep the way open in any direction (RFC 6263), and hold nothing.
fn assert_no_sound(sent: &[Rtp]) {
    assert!(sent.iter().all(|packet| packet.payload.is_empty()));
    assert!(sent.len() <= 4, "{}", sent.len());
}

#[test]
fn sending_only_receiving_only_and_neither() {
    use talkpath::{Audio, Codec};
    let talk = Talk::with(6, Audio::sendonly(Codec::G711), any());
    let (mut a, mut b) = talk.lines();
    chat(40, &mut [&mut a, &mut b]);
    b.assert_unbroken(8000);
    a.assert_ends_in_silence(40);
    assert_no_sound(&rtp_from(&talk.world, BOB));
    talk.end();

    let talk = Talk::with(7, Audio::recvonly(Codec::G711), any());
    let (mut a, mut b) = talk.lines();
    chat(40, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_ends_in_silence(40);
    assert_no_sound(&rtp_from(&talk.world, ALICE));
    talk.end();

    let talk = Talk::with(8, Audio::inactive(Codec::G711), any());
    let (mut a, mut b) = talk.lines();
    chat(400, &mut [&mut a, &mut b]);
    a.assert_ends_in_silence(400);
    b.assert_ends_in_silence(400);
    assert!(rtp_from(&talk.world, ALICE).is_empty() && rtp_from(&talk.world, BOB).is_empty());
    // RTCP goes on all the same (RFC 3264 §5.1).
    assert!(!rtcp_from(&talk.world, ALICE).is_empty());
    talk.end();
}
