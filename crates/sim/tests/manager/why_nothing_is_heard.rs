//! Each finding of the diagnosis, brought about by what it is about, in its
//! words.

use crate::common::*;

use talkpath::{Audio, Codec, Constraints, Direction, Finding, Mute, Session, Silence};
use talkpath_sim::{Link, RtpTwin, World};

#[track_caller]
fn says(session: &Session, words: &str) {
    let all = session.diagnose();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].to_string(), words);
    assert_eq!(all[0].is_healthy(), words == "media flows");
}

#[test]
fn an_offer_waits_for_its_answer() {
    let world = World::new(131);
    let alice = manager(&world, ALICE);
    let (caller, _offer) = alice.create_offer(any()).unwrap();
    world.run_for(ms(3200));
    says(&caller, "our offer has not been answered for 3.2 s");
    caller.rollback().unwrap();
    assert!(caller.diagnose().is_empty());
}

#[test]
fn media_flows() {
    let talk = Talk::new(132);
    let (mut a, mut b) = talk.lines();
    chat(100, &mut [&mut a, &mut b]);
    says(&talk.caller, "media flows");
    says(&talk.callee, "media flows");
    let peers = talk.caller.clone();
    talk.end();
    assert_eq!(peers.diagnose()[0].to_string(), "the session is closed");
    assert_eq!(peers.diagnose()[0].findings, [Finding::Closed]);
}

#[test]
fn nothing_comes_and_nothing_is_said() {
    let talk = Talk::new(133);
    let at = talk.callee.streams()[0].local.unwrap().rtp;
    talk.world.link(BOB, ALICE, Link::cut());
    let mut a = Line::of(&talk.caller, 8000);
    for _ in 0..250 {
        a.hear();
    }
    says(
        &talk.caller,
        &format!(
            "nothing has been received for 5.0 s, expected from {at}; nothing was sent: nothing was said"
        ),
    );
    talk.end();
}

#[test]
fn the_other_party_is_there_and_says_nothing() {
    let talk = Talk::new(145);
    let mut a = Line::of(&talk.caller, 8000);
    for _ in 0..250 {
        a.hear();
    }
    says(
        &talk.caller,
        "the other party says nothing: only 4 keepalives have come; nothing was sent: nothing was said",
    );
    talk.end();
}

#[test]
fn the_way_is_cut_in_the_middle() {
    let talk = Talk::new(134);
    let (mut a, mut b) = talk.lines();
    talk.world.link(BOB, ALICE, Link::cut());
    chat(125, &mut [&mut a, &mut b]);
    let words = talk.caller.diagnose()[0].to_string();
    assert!(
        words.starts_with("packets came and stopped 2.5 s ago"),
        "{words}"
    );
    says(&talk.callee, "media flows");
    talk.end();
}

#[test]
fn the_peer_hears_nothing_of_ours() {
    let talk = Talk::new(135);
    let (mut a, mut b) = talk.lines();
    chat(500, &mut [&mut a, &mut b]);
    says(&talk.caller, "media flows");
    // One way is cut: the reports of the peer still come.
    talk.world.link(ALICE, BOB, Link::cut());
    chat(1000, &mut [&mut a, &mut b]);
    says(
        &talk.caller,
        "the other party reports that nothing of ours arrives",
    );
    let words = talk.callee.diagnose()[0].to_string();
    assert!(words.starts_with("packets came and stopped"), "{words}");
    talk.world.link(ALICE, BOB, Link::after(ms(10)));
    chat(1000, &mut [&mut a, &mut b]);
    says(&talk.caller, "media flows");
    says(&talk.callee, "media flows");
    talk.end();
}

#[test]
fn the_peer_never_heard_anything_of_ours() {
    let talk = Talk::new(144);
    talk.world.link(ALICE, BOB, Link::cut());
    let (mut a, mut b) = talk.lines();
    chat(1000, &mut [&mut a, &mut b]);
    says(
        &talk.caller,
        "the other party reports that nothing of ours arrives",
    );
    talk.end();
}

#[test]
fn a_direction_forbids() {
    let talk = Talk::with(136, Audio::sendonly(Codec::G711), any());
    let (mut a, mut b) = talk.lines();
    chat(60, &mut [&mut a, &mut b]);
    says(&talk.caller, "the agreed direction is sendonly");
    says(&talk.callee, "the agreed direction is recvonly");
    talk.end();
    let talk = Talk::with(137, Audio::inactive(Codec::G711), any());
    says(&talk.callee, "the agreed direction is inactive");
    let findings = talk.caller.diagnose().remove(0).findings;
    assert_eq!(
        findings,
        [Finding::DirectionForbids {
            direction: Direction::Inactive
        }]
    );
    talk.end();
}

#[test]
fn a_line_was_refused() {
    let talk = Talk::with(138, Constraints::from(any()).and(any()), any());
    let words: Vec<_> = talk
        .caller
        .diagnose()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        words[0].starts_with("nothing has been received"),
        "{words:?}"
    );
    assert_eq!(words[1], "the stream was refused: its port is 0");
    assert_eq!(talk.callee.diagnose()[1].findings, [Finding::PortZero]);
    talk.end();
}

#[test]
fn the_peer_gave_a_name_to_send_to() {
    let world = World::new(139);
    let bob = manager(&world, BOB);
    let offer = "v=0\r\no=- 1 1 IN IP4 a.example\r\ns=-\r\nc=IN IP4 a.example\r\nt=0 0\r\n\
                 m=audio 5000 RTP/AVP 0\r\n";
    let error = bob.accept_offer(offer, any()).unwrap_err();
    assert_eq!(error.sip_status(), 488);
    let words = error.to_string();
    let expected = "a.example is a name, which is not resolved";
    assert!(words.ends_with(expected), "{words}");
}

#[test]
fn the_peer_holds_before_it_ever_gave_an_address() {
    let world = World::new(146);
    let bob = manager(&world, BOB);
    let offer = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
                 m=audio 5000 RTP/AVP 0\r\n";
    let (callee, _) = bob.accept_offer(offer, any()).unwrap();
    says(&callee, "the other party gave no address to send to");
}

#[test]
fn packets_have_a_number_that_was_not_agreed() {
    let world = World::new(140);
    let bob = manager(&world, BOB);
    let mut twin = RtpTwin::new(world.host(ALICE).peer(5000), 0xcafe, 18);
    let offer = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
                 m=audio 5000 RTP/AVP 0\r\na=sendonly\r\n";
    let (callee, _) = bob.accept_offer(offer, any()).unwrap();
    let to = callee.streams()[0].local.unwrap().rtp;
    twin.talk(to, world.now(), vec![vec![1; 20]; 100]);
    world.run_for(ms(1990));
    let words = callee.diagnose()[0].to_string();
    let expected = "99 packets had a payload type that was not negotiated";
    assert!(words.starts_with(expected), "{words}");
}

#[test]
fn packets_are_of_another_kind_altogether() {
    let world = World::new(141);
    let bob = manager(&world, BOB);
    let peer = world.host(ALICE).peer(5000);
    let offer = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
                 m=audio 5000 RTP/AVP 0\r\na=sendonly\r\n";
    let (callee, _) = bob.accept_offer(offer, any()).unwrap();
    let to = callee.streams()[0].local.unwrap().rtp;
    for _ in 0..30 {
        peer.send(to, &[22; 60]);
        world.run_for(ms(20));
    }
    world.run_for(ms(20));
    let words = callee.diagnose()[0].to_string();
    assert!(
        words.starts_with("30 packets were dropped: DTLS without DTLS-SRTP"),
        "{words}"
    );
}

#[test]
fn what_comes_is_silence() {
    let talk = Talk::with(
        142,
        Constraints::from(any()).silence(Silence::Packets),
        any(),
    );
    let (mut a, mut b) = (Line::of(&talk.caller, 8000), Line::of(&talk.callee, -4000));
    for _ in 0..300 {
        a.hear();
        b.hear();
    }
    let words = talk.callee.diagnose()[0].to_string();
    assert!(words.starts_with("what arrives is silence"), "{words}");
    chat(60, &mut [&mut a, &mut b]);
    says(&talk.callee, "media flows");
    talk.caller.mute(Mute::On).unwrap();
    chat(300, &mut [&mut a, &mut b]);
    says(&talk.callee, "what arrives is silence");
    talk.end();
}

#[test]
fn the_network_refuses_what_we_send() {
    let talk = Talk::new(143);
    let (mut a, mut b) = talk.lines();
    for _ in 0..100 {
        talk.world.faults().fail_nth(talkpath_sim::Call::Send, 1);
        talk.world.faults().fail_nth(talkpath_sim::Call::Send, 2);
        chat(1, &mut [&mut a, &mut b]);
    }
    let findings = [&talk.caller, &talk.callee].map(|session| session.diagnose().remove(0));
    let refused = |finding: &Finding| matches!(finding, Finding::CannotSend { errors: 80.. });
    assert!(
        findings.iter().any(|d| d.findings.iter().any(refused)),
        "{findings:?}"
    );
    let errors: u64 = [&talk.caller, &talk.callee]
        .map(|session| session.stats().audio().unwrap().sent.errors)
        .iter()
        .sum();
    assert!((190..=200).contains(&errors), "{errors}");
    talk.end();
}
