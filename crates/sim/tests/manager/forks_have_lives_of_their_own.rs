//! One offer, several early answers (RFC 6337 §3.1.2): a session each, on the
//! same ports.

use crate::common::*;

use talkpath::{Audio, MediaManager, RtcpMux, Session};
use talkpath_sim::World;

const CAROL: &str = "10.0.0.3";

struct Forked {
    world: World,
    alice: MediaManager,
    others: [MediaManager; 2],
    /// Alice's, one for each of the others.
    ours: [Session; 2],
    theirs: [Session; 2],
}

/// Which answer comes first; the other session is a fork of it.
fn fork(seed: u64, wanted: &Audio) -> Forked {
    let world = World::new(seed);
    let alice = manager(&world, ALICE);
    let others = [manager(&world, BOB), manager(&world, CAROL)];
    let (first, offer) = alice.create_offer(wanted.clone()).unwrap();
    let (bob, from_bob) = others[0].accept_offer(&offer, wanted.clone()).unwrap();
    let (carol, from_carol) = others[1].accept_offer(&offer, wanted.clone()).unwrap();
    first.apply_answer(&from_bob).unwrap();
    let second = first.fork(&from_carol).unwrap();
    Forked {
        world,
        alice,
        others,
        ours: [first, second],
        theirs: [bob, carol],
    }
}

fn lines(forked: &Forked) -> [Line; 4] {
    [
        Line::of(&forked.ours[0], 8000),
        Line::of(&forked.ours[1], 6000),
        Line::of(&forked.theirs[0], -4000),
        Line::of(&forked.theirs[1], -2000),
    ]
}

#[test]
fn each_fork_talks_with_its_own_peer_on_one_port() {
    let forked = fork(31, &any());
    let ports: Vec<_> = forked
        .ours
        .iter()
        .map(|s| s.streams()[0].local.unwrap().rtp)
        .collect();
    assert_eq!(ports[0], ports[1]);
    let [mut a1, mut a2, mut b, mut c] = lines(&forked);
    chat(60, &mut [&mut a1, &mut a2, &mut b, &mut c]);
    a1.assert_ends_with(50, -4000);
    a2.assert_ends_with(50, -2000);
    b.assert_ends_with(50, 8000);
    c.assert_ends_with(50, 6000);
    assert_eq!(forked.alice.ports_in_use(), 1, "both multiplex");
    for session in &forked.ours {
        let stats = session.stats();
        assert_eq!(stats.audio().unwrap().drops.total(), 0);
        assert!(session.diagnose()[0].is_healthy());
    }
    let ssrcs: std::collections::HashSet<_> = rtp_from(&forked.world, ALICE)
        .iter()
        .map(|packet| packet.ssrc)
        .collect();
    assert_eq!(ssrcs.len(), 2);
}

#[test]
fn one_fork_closes_and_the_other_lives() {
    for closes in [0, 1] {
        let forked = fork(32, &any());
        let [mut a1, mut a2, mut b, mut c] = lines(&forked);
        chat(20, &mut [&mut a1, &mut a2, &mut b, &mut c]);
        let Forked {
            world,
            alice,
            others,
            ours: [first, second],
            theirs,
        } = forked;
        let (closed, other) = if closes == 0 {
            (first, second)
        } else {
            (second, first)
        };
        let (mut stays, mut peer) = if closes == 0 { (a2, c) } else { (a1, b) };
        stays.take();
        peer.take();
        closed.close().wait().unwrap();
        chat(50, &mut [&mut stays, &mut peer]);
        let (says, hears) = (stays.level, peer.level);
        stays.assert_unbroken(hears);
        peer.assert_unbroken(says);
        assert_eq!(alice.ports_in_use(), 1);
        // A re-offer of the one that stays is its own affair.
        let offer = other.hold().unwrap();
        let theirs_of_other = &theirs[1 - closes];
        other
            .apply_answer(&theirs_of_other.answer(&offer).unwrap())
            .unwrap();
        other.close().wait().unwrap();
        assert_eq!(alice.ports_in_use(), 0);
        drop((theirs, others, alice));
        assert_eq!(world.held(), Default::default());
    }
}

#[test]
fn forks_with_a_port_for_rtcp_hear_their_own_reports() {
    let forked = fork(33, &any().rtcp_mux(RtcpMux::Off));
    let [mut a1, mut a2, mut b, mut c] = lines(&forked);
    chat(1000, &mut [&mut a1, &mut a2, &mut b, &mut c]);
    a1.assert_ends_with(900, -4000);
    a2.assert_ends_with(900, -2000);
    assert_eq!(forked.alice.ports_in_use(), 2);
    for session in forked.ours.iter().chain(&forked.theirs) {
        let stats = session.stats();
        let audio = stats.audio().unwrap();
        assert!(audio.round_trip.is_some(), "{audio:?}");
        assert_eq!(audio.drops.total(), 0, "{:?}", audio.drops);
    }
}

#[test]
fn a_fork_may_come_before_the_first_answer_is_applied() {
    let world = World::new(34);
    let alice = manager(&world, ALICE);
    let others = [manager(&world, BOB), manager(&world, CAROL)];
    let (first, offer) = alice.create_offer(any()).unwrap();
    let (bob, from_bob) = others[0].accept_offer(&offer, any()).unwrap();
    let (carol, from_carol) = others[1].accept_offer(&offer, any()).unwrap();
    let second = first.fork(&from_carol).unwrap();
    first.apply_answer(&from_bob).unwrap();
    let forked = Forked {
        world,
        alice,
        others,
        ours: [first, second],
        theirs: [bob, carol],
    };
    let [mut a1, mut a2, mut b, mut c] = lines(&forked);
    chat(60, &mut [&mut a1, &mut a2, &mut b, &mut c]);
    a1.assert_ends_with(50, -4000);
    a2.assert_ends_with(50, -2000);
    assert_eq!(forked.alice.ports_in_use(), 1);
    let Forked {
        world,
        alice,
        others,
        ours,
        theirs,
    } = forked;
    drop((ours, theirs, others));
    drop(alice);
    assert_eq!(world.held(), Default::default());
}

#[test]
fn after_a_re_offer_nothing_forks() {
    let talk = Talk::new(35);
    let offer = talk.caller.hold().unwrap();
    let answer = talk.callee.answer(&offer).unwrap();
    assert!(talk.callee.fork(&answer).is_err());
    talk.caller.apply_answer(&answer).unwrap();
    talk.end();
}
