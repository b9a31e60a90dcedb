//! IPv6, several interfaces, advertised addresses, RTCP with or without a port
//! of its own.

use crate::common::*;

use talkpath::{Audio, Codec, Interface, MediaManager, RtcpMux, SessionError};
use talkpath_sim::World;

use std::sync::Arc;

#[test]
fn a_call_over_ipv6() {
    let world = World::new(51);
    let (alice, bob) = (
        manager(&world, "2001:db8::1"),
        manager(&world, "2001:db8::2"),
    );
    let talk = Talk::between(world, alice, bob, any(), any());
    let (mut a, mut b) = talk.lines();
    chat(50, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    let offer = talk.caller.hold().unwrap();
    assert!(
        offer.to_string().contains("c=IN IP6 2001:db8::1"),
        "{offer}"
    );
    talk.caller
        .apply_answer(&talk.callee.answer(&offer).unwrap())
        .unwrap();
    chat(50, &mut [&mut a, &mut b]);
    a.assert_ends_in_silence(40);
    talk.end();
}

#[test]
fn two_interfaces_serve_two_families() {
    let world = World::new(52);
    let host = world.host(ALICE).also_at("2001:db8::1");
    let alice = MediaManager::builder()
        .interface(Interface::new(ALICE).named("v4"))
        .interface(Interface::new("2001:db8::1").named("v6"))
        .ports(10000..=10099)
        .driver(Arc::new(host.driver()))
        .build()
        .unwrap();
    let (four, six) = (manager(&world, BOB), manager(&world, "2001:db8::2"));

    // By the name that the application says.
    let on_six = talkpath::Constraints::from(any()).interface("v6");
    let (caller, offer) = alice.create_offer(on_six.clone()).unwrap();
    assert!(offer.to_string().contains("IP6 2001:db8::1"), "{offer}");
    let (callee, answer) = six.accept_offer(&offer, any()).unwrap();
    caller.apply_answer(&answer).unwrap();
    let (mut a, mut b) = (Line::of(&caller, 8000), Line::of(&callee, -4000));
    chat(30, &mut [&mut a, &mut b]);
    a.assert_ends_with(20, -4000);
    b.assert_ends_with(20, 8000);

    // By the family of what the peer offers.
    for (peer, family) in [(&four, "IP4 10.0.0.1"), (&six, "IP6 2001:db8::1")] {
        let (caller, offer) = peer.create_offer(any()).unwrap();
        let (callee, answer) = alice.accept_offer(&offer, any()).unwrap();
        assert!(
            answer.to_string().contains(&format!("c=IN {family}")),
            "{answer}"
        );
        caller.apply_answer(&answer).unwrap();
        let (mut a, mut b) = (Line::of(&caller, 8000), Line::of(&callee, -4000));
        chat(30, &mut [&mut a, &mut b]);
        a.assert_ends_with(20, -4000);
        b.assert_ends_with(20, 8000);
    }
    let nowhere = talkpath::Constraints::from(any()).interface("v5");
    let error = alice.create_offer(nowhere).unwrap_err();
    assert!(
        matches!(error, SessionError::NoSuchInterface { .. }),
        "{error}"
    );
    let (_caller, offer) = six.create_offer(any()).unwrap();
    let error = four.accept_offer(&offer, any()).unwrap_err();
    assert!(
        matches!(error, SessionError::NoInterfaceOfFamily { family: "IPv6" }),
        "{error}"
    );
    assert_eq!(error.sip_status(), 488);
    assert_eq!(four.ports_in_use(), 0);
}

#[test]
fn what_is_advertised_stands_in_the_sdp() {
    let world = World::new(53);
    let nat = world.nat(
        "198.51.100.7",
        talkpath_sim::Mapping::EndpointIndependent,
        talkpath_sim::Filtering::EndpointIndependent,
    );
    let host = world.host("192.168.1.5").behind(&nat);
    let alice = MediaManager::builder()
        .interface(Interface::new("0.0.0.0").advertised("198.51.100.7"))
        .ports(10000..=10099)
        .driver(Arc::new(host.driver()))
        .build()
        .unwrap();
    let bob = manager(&world, BOB);
    let talk = Talk::between(world, alice, bob, any(), any());
    let local = talk.caller.streams()[0].local.unwrap().rtp;
    assert_eq!(local.ip().to_string(), "198.51.100.7");
    assert_eq!(talk.callee.streams()[0].send_to(), Some(local));
    let mut a = Line::of(&talk.caller, 8000);
    let mut b = Line::of(&talk.callee, -4000);
    chat(60, &mut [&mut a, &mut b]);
    a.assert_ends_with(40, -4000);
    b.assert_ends_with(40, 8000);
    talk.end();
}

#[test]
fn where_rtcp_goes_is_what_was_agreed() {
    // Offered and taken: one port, and the odd one is free for others.
    let talk = Talk::new(54);
    let (mut a, mut b) = talk.lines();
    chat(1000, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    assert_eq!((talk.alice.ports_in_use(), talk.bob.ports_in_use()), (1, 1));
    let (rtp, rtcp) = (rtp_from(&talk.world, ALICE), rtcp_from(&talk.world, ALICE));
    assert!(rtcp.len() >= 2);
    assert!(
        rtcp.iter()
            .all(|r| (r.from, r.to) == (rtp[0].from, rtp[0].to))
    );
    talk.end();

    // Refused: RTCP beside RTP.
    let talk = Talk::with(55, any(), any().rtcp_mux(RtcpMux::Off));
    let (mut a, mut b) = talk.lines();
    chat(1000, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    assert_eq!((talk.alice.ports_in_use(), talk.bob.ports_in_use()), (2, 2));
    for ip in [ALICE, BOB] {
        let (rtp, rtcp) = (rtp_from(&talk.world, ip), rtcp_from(&talk.world, ip));
        assert!(rtcp.len() >= 2);
        for report in &rtcp {
            assert_eq!(report.from.port(), rtp[0].from.port() + 1);
            assert_eq!(report.to.port(), rtp[0].to.port() + 1);
        }
    }
    for session in [&talk.caller, &talk.callee] {
        assert!(session.stats().audio().unwrap().round_trip.is_some());
    }
    talk.end();

    // Required: one port from the beginning, odd ones too.
    let only = || any().rtcp_mux(RtcpMux::Only);
    let talk = Talk::with(56, only(), only());
    let (mut a, mut b) = talk.lines();
    chat(50, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    assert_eq!((talk.alice.ports_in_use(), talk.bob.ports_in_use()), (1, 1));
    talk.end();
}

#[test]
fn required_multiplexing_uses_every_port() {
    let world = World::new(57);
    let alice = builder(&world, ALICE).ports(10000..=10003).build().unwrap();
    let only = any().rtcp_mux(RtcpMux::Only);
    let held: Vec<_> = (0..4)
        .map(|_| alice.create_offer(only.clone()).unwrap())
        .collect();
    assert_eq!(alice.ports_in_use(), 4);
    assert_eq!(
        alice.create_offer(only.clone()).unwrap_err().sip_status(),
        503
    );
    drop(held);
    world.run_for(ms(1));
    assert_eq!(alice.ports_in_use(), 0);
    // The freed odd port of a multiplexed pair can be leased again.
    let bob = manager(&world, BOB);
    let (caller, offer) = alice.create_offer(any()).unwrap();
    let (_callee, answer) = bob.accept_offer(&offer, any()).unwrap();
    assert_eq!(alice.ports_in_use(), 2);
    caller.apply_answer(&answer).unwrap();
    world.run_for(ms(1));
    let held: Vec<_> = (0..3)
        .map(|_| alice.create_offer(only.clone()).unwrap())
        .collect();
    assert_eq!((alice.ports_in_use(), held.len()), (4, 3));
}

#[test]
fn rtcp_goes_where_the_attribute_says() {
    let world = World::new(58);
    let bob = manager(&world, BOB);
    let (rtp, rtcp) = (world.host(ALICE).peer(5000), world.host(ALICE).peer(7777));
    let offer = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
                 m=audio 5000 RTP/AVP 0\r\na=rtcp:7777\r\n";
    let (callee, _) = bob.accept_offer(offer, any()).unwrap();
    let mut line = Line::of(&callee, 8000);
    for _ in 0..1000 {
        line.say();
        line.hear();
    }
    assert!(
        rtp.received()
            .iter()
            .all(|arrival| arrival.bytes[1] & 0x7f == 0)
    );
    let reports = rtcp.received();
    assert!(reports.len() >= 2 && reports.iter().all(|arrival| arrival.bytes[1] == 200));
    callee.close().wait().unwrap();
    world.run_for(ms(20));
    let last = rtcp_from(&world, BOB).pop().unwrap();
    assert_eq!(last.to, addr("10.0.0.1:7777"));
    assert_eq!(last.types.last(), Some(&BYE));
}

#[test]
fn goodbye_is_said_by_whoever_sent_and_nobody_else() {
    let talk = Talk::with(59, Audio::sendonly(Codec::G711), any());
    let events = talk.bob.events();
    let (mut a, mut b) = talk.lines();
    chat(50, &mut [&mut a, &mut b]);
    let ssrc = rtp_from(&talk.world, ALICE)[0].ssrc;
    let Talk {
        world,
        caller,
        callee,
        alice,
        bob,
    } = talk;
    caller.close().wait().unwrap();
    world.run_for(ms(50));
    let bye = rtcp_from(&world, ALICE).pop().unwrap();
    assert_eq!(bye.types.last(), Some(&BYE));
    let seen = happenings(&events, callee.id());
    let byes: Vec<_> = seen
        .iter()
        .filter_map(|what| match what {
            talkpath::Happening::Bye { ssrc, .. } => Some(ssrc.value()),
            _ => None,
        })
        .collect();
    assert_eq!(byes, [ssrc], "{seen:?}");
    callee.close().wait().unwrap();
    world.run_for(ms(50));
    // RFC 3550 §6.6: one that never sent packets must not say goodbye; reports
    // it may have sent are packets too.
    let from_bob = rtcp_from(&world, BOB);
    let byes = from_bob.iter().filter(|r| r.types.contains(&BYE)).count();
    let sent = from_bob.len() > byes || !rtp_from(&world, BOB).is_empty();
    assert_eq!(byes > 0, sent, "{from_bob:?}");
    drop((alice, bob));
}

#[test]
fn a_peer_gives_up_multiplexing_in_the_middle_of_a_call() {
    let talk = Talk::new(60);
    let (mut a, mut b) = talk.lines();
    let offer = talk
        .callee
        .offer(talkpath::Change::Nothing)
        .unwrap()
        .to_string();
    let offer = offer.replace("a=rtcp-mux\r\n", "");
    let answer = talk.caller.answer(offer.as_str()).unwrap();
    assert!(!answer.to_string().contains("rtcp-mux"), "{answer}");
    talk.callee.apply_answer(&answer).unwrap();
    let so_far = rtcp_from(&talk.world, BOB).len();
    chat(1000, &mut [&mut a, &mut b]);
    a.assert_ends_with(990, -4000);
    b.assert_ends_with(990, 8000);
    // Its port for RTCP was gone: its reports come from the one it has.
    let (rtp, rtcp) = (rtp_from(&talk.world, BOB), rtcp_from(&talk.world, BOB));
    let (rtp, rtcp) = (rtp.last().unwrap(), rtcp.last().unwrap());
    assert_eq!(rtcp.from, rtp.from);
    assert_eq!(rtcp.to.port(), rtp.to.port() + 1);
    assert!((2..12).contains(&(rtcp_from(&talk.world, BOB).len() - so_far)));
    talk.end();
}

#[test]
fn a_fork_that_does_not_multiplex_comes_too_late_for_its_port() {
    let world = World::new(61);
    let alice = manager(&world, ALICE);
    let others = [manager(&world, BOB), manager(&world, "10.0.0.3")];
    let (first, offer) = alice.create_offer(any()).unwrap();
    let (_bob, from_bob) = others[0].accept_offer(&offer, any()).unwrap();
    let plain = any().rtcp_mux(RtcpMux::Off);
    let (carol, from_carol) = others[1].accept_offer(&offer, plain).unwrap();
    first.apply_answer(&from_bob).unwrap();
    world.run_for(ms(1));
    assert_eq!(alice.ports_in_use(), 1);
    let second = first.fork(&from_carol).unwrap();
    let (mut a, mut c) = (Line::of(&second, 8000), Line::of(&carol, -4000));
    chat(1000, &mut [&mut a, &mut c]);
    a.assert_ends_with(900, -4000);
    c.assert_ends_with(900, 8000);
    assert!((2..40).contains(&rtcp_from(&world, ALICE).len()));
}
