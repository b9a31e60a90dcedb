//! Sources behind translators, learned, moved, colliding; and the events that
//! tell of it, in their order.

use std::sync::Arc;

use crate::common::*;

use talkpath::{
    Audio, Codec, Constraints, DropReason, Evidence, Happening, MediaManager, Notice, SourcePolicy,
};
use talkpath_sim::{Filtering, Link, Mapping, Nat, RtpTwin, World};

const INSIDE: &str = "192.168.1.5";
const OUTSIDE: &str = "198.51.100.7";

/// Alice is behind a translator and says her private address.
fn private_caller(seed: u64, callee: Constraints) -> (Talk, Nat) {
    let world = World::new(seed);
    let nat = world.nat(
        OUTSIDE,
        Mapping::AddressAndPortDependent,
        Filtering::AddressDependent,
    );
    let host = world.host(INSIDE).behind(&nat);
    let alice = MediaManager::builder()
        .interface(INSIDE)
        .ports(10000..=10099)
        .driver(Arc::new(host.driver()))
        .build()
        .unwrap();
    let bob = manager(&world, BOB);
    (Talk::between(world, alice, bob, any(), callee), nat)
}

fn changes(seen: &[Happening]) -> Vec<talkpath::SourceChanged> {
    let change = |what: &Happening| match what {
        Happening::SourceChanged { change, .. } => Some(*change),
        _ => None,
    };
    seen.iter().filter_map(change).collect()
}

#[test]
fn a_private_address_is_not_heard_by_default_and_the_diagnosis_says_so() {
    let (talk, _nat) = private_caller(121, any().into());
    let mut a = Line::of(&talk.caller, 8000);
    let mut b = Line::of(&talk.callee, -4000);
    chat(100, &mut [&mut a, &mut b]);
    b.assert_ends_in_silence(100);
    let words = talk.callee.diagnose()[0].to_string();
    assert!(
        words.starts_with("packets arrive from 198.51.100.7:"),
        "{words}"
    );
    assert!(words.contains(", SDP said 192.168.1.5:"), "{words}");
    assert!(words.contains("dropped by the source policy"), "{words}");
    let stats = talk.callee.stats();
    assert!(
        stats
            .audio()
            .unwrap()
            .drops
            .of(DropReason::WrongSource)
            .packets
            > 80
    );
    talk.end();
}

#[test]
fn the_address_that_signalling_came_from_is_heard_where_it_is_named() {
    let named = Constraints::from(any()).signalling_source(OUTSIDE.parse().unwrap());
    let (talk, _nat) = private_caller(122, named);
    let events = talk.bob.events();
    let mut a = Line::of(&talk.caller, 8000);
    let mut b = Line::of(&talk.callee, -4000);
    chat(100, &mut [&mut a, &mut b]);
    b.assert_ends_with(60, 8000);
    a.assert_ends_with(60, -4000);
    let changes = changes(&happenings(&events, talk.callee.id()));
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].to.ip().to_string(), OUTSIDE);
    assert!(matches!(changes[0].evidence, Evidence::InSequence { .. }));
    talk.end();
}

#[test]
fn a_source_is_learned_followed_when_it_moves_and_no_stranger_is() {
    let learn = Constraints::from(any()).source_policy(SourcePolicy::Learn);
    let (talk, nat) = private_caller(123, learn);
    let events = talk.bob.events();
    let mut a = Line::of(&talk.caller, 8000);
    let mut b = Line::of(&talk.callee, -4000);
    chat(150, &mut [&mut a, &mut b]);
    a.assert_ends_with(60, -4000);
    b.assert_ends_with(60, 8000);
    let learned = changes(&happenings(&events, talk.callee.id()));
    assert_eq!(learned.len(), 1, "{learned:?}");
    nat.rebind();
    chat(300, &mut [&mut a, &mut b]);
    a.assert_ends_with(100, -4000);
    b.assert_ends_with(100, 8000);
    let moved = changes(&happenings(&events, talk.callee.id()));
    assert_eq!(moved.len(), 1, "{moved:?}");
    assert_eq!(moved[0].from, Some(learned[0].to));
    assert!(
        matches!(moved[0].evidence, Evidence::Rebound { .. }),
        "{moved:?}"
    );
    // A stranger with a voice of its own changes nothing.
    let to = talk.callee.streams()[0].local.unwrap().rtp;
    let mut stranger = RtpTwin::new(talk.world.host("203.0.113.9").peer(4000), 0xbad, 0);
    stranger.talk(to, talk.world.now(), vec![vec![0; 160]; 100]);
    chat(100, &mut [&mut a, &mut b]);
    b.assert_unbroken(8000);
    assert!(stranger.heard().is_empty());
    assert!(changes(&happenings(&events, talk.callee.id())).is_empty());
    talk.end();
}

#[test]
fn our_ssrc_is_taken_by_another_and_ours_changes() {
    let talk = Talk::new(124);
    let events = talk.alice.events();
    let (mut a, mut b) = talk.lines();
    let old = rtp_from(&talk.world, ALICE)[0].ssrc;
    // The peer, from another port of its own, speaks with our number.
    let to = talk.caller.streams()[0].local.unwrap().rtp;
    let from = talk.callee.streams()[0].local.unwrap().rtp;
    let mut packet = vec![0x80, 0, 0, 1, 0, 0, 0, 0];
    packet.extend(old.to_be_bytes());
    packet.extend([0xff; 160]);
    talk.world.host(BOB).send_spoofed(from, to, &packet);
    chat(100, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_ends_with(90, 8000);
    let seen = happenings(&events, talk.caller.id());
    let collisions: Vec<_> = seen
        .iter()
        .filter_map(|what| match what {
            Happening::SsrcCollision { ssrc, .. } => Some(ssrc.value()),
            _ => None,
        })
        .collect();
    assert_eq!(collisions, [old], "{seen:?}");
    let sent = rtp_from(&talk.world, ALICE);
    assert_ne!(sent.last().unwrap().ssrc, old);
    let goodbye = rtcp_from(&talk.world, ALICE);
    assert!(goodbye.iter().any(|report| report.types.contains(&BYE)));
    talk.end();
}

#[test]
fn events_come_in_their_order() {
    let world = World::new(125);
    let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
    let events = bob.events();
    let talk = Talk::between(world, alice, bob, any(), any());
    let (mut a, mut b) = talk.lines();
    let id = talk.callee.id();
    let offer = talk.callee.hold().unwrap();
    talk.callee
        .apply_answer(&talk.caller.answer(&offer).unwrap())
        .unwrap();
    chat(20, &mut [&mut a, &mut b]);
    let Talk {
        world,
        alice,
        bob,
        caller,
        callee,
    } = talk;
    caller.close().wait().unwrap();
    world.run_for(ms(50));
    callee.close().wait().unwrap();
    let seen = happenings(&events, id);
    let local = |what: &Happening| match what {
        Happening::Negotiated { streams, .. } => streams[0].codec.clone(),
        _ => None,
    };
    use Happening::*;
    assert!(
        matches!(
            &seen[..],
            [
                Created,
                Negotiated { .. },
                FirstMedia { from, .. },
                MediaReceived { packets, .. },
                Updated,
                Negotiated { .. },
                Bye { .. },
                Closed { .. },
            ] if from.ip().to_string() == ALICE && (1..6).contains(packets)
        ),
        "{seen:#?}"
    );
    assert_eq!(
        local(&seen[1]).map(|codec| codec.to_string()).as_deref(),
        Some("PCMU/8000")
    );
    drop((alice, bob));
    assert!(events.recv().is_none());
}

#[test]
fn a_slow_subscriber_is_told_what_it_lost_and_still_learns_of_every_end() {
    let world = World::new(126);
    let alice = builder(&world, ALICE).event_capacity(4).build().unwrap();
    let events = alice.events();
    let mut sessions = Vec::new();
    for _ in 0..40 {
        sessions.push(alice.create_offer(any()).unwrap().0);
    }
    let ids: Vec<_> = sessions.iter().map(|session| session.id()).collect();
    drop(sessions);
    drop(alice);
    let (mut lost, mut ended, mut others) = (0, Vec::new(), 0);
    while let Some(notice) = events.recv() {
        match notice {
            Notice::Lagged(count) => lost += count,
            Notice::Event(event) if event.what.is_terminal() => ended.push(event.session),
            Notice::Event(_) => others += 1,
        }
    }
    assert_eq!(ended, ids);
    assert_eq!((lost, others), (36, 4));
}

#[test]
fn media_that_comes_before_the_answer_is_heard() {
    let world = World::new(127);
    let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
    let (caller, offer) = alice.create_offer(Audio::sendrecv([Codec::PCMU])).unwrap();
    let mut a = Line::of(&caller, 8000);
    let (callee, answer) = bob.accept_offer(&offer, any()).unwrap();
    let mut b = Line::of(&callee, -4000);
    world.link(BOB, ALICE, Link::after(ms(5)));
    // The answer takes 100 ms longer than the media.
    chat(6, &mut [&mut a, &mut b]);
    a.assert_ends_in_silence(6);
    caller.apply_answer(&answer).unwrap();
    chat(30, &mut [&mut a, &mut b]);
    a.assert_ends_with(24, -4000);
    let stats = caller.stats();
    let audio = stats.audio().unwrap();
    let sent = callee.stats().audio().unwrap().sent.packets;
    assert!(
        audio.received.packets + 2 >= sent,
        "{} of {sent}",
        audio.received.packets
    );
    Talk {
        world,
        alice,
        bob,
        caller,
        callee,
    }
    .end();
}
