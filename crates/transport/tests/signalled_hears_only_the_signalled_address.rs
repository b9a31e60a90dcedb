//! The default policy against an attacker elsewhere, and for honest peers.

mod rig;

use rig::{Rig, addr, attacker, own, peer, rtcp, rtp};
use talkpath_transport::{
    Component, DropReason, Evidence, Rank, Refused, RtcpHome, RtcpRemote, Sending, SourcePolicy,
    Withheld,
};

const POLICY: SourcePolicy = SourcePolicy::Signalled;

#[test]
fn an_attacker_gets_nothing_in_and_nothing_out_at_any_stage() {
    for rtcp in [RtcpRemote::Mux, RtcpRemote::At(addr("198.51.100.7:4001"))] {
        let mut rig = Rig::new(POLICY);
        // Before the answer.
        rig.spray(attacker(), 7, 10_000);
        rig.assert_attacker_is_nobody(attacker());
        rig.signal(peer(), rtcp);
        rig.assert_attacker_is_nobody(attacker());
        // Before anything is learned, with the peer's own SSRC.
        rig.spray(attacker(), 7, 10_000);
        rig.assert_attacker_is_nobody(attacker());
        let mut seq = 0;
        for round in 0..3 {
            // While the peer is learned, packet by packet.
            for _ in 0..8 {
                assert!(
                    rig.rtp(peer(), 7, seq),
                    "round {round}: the peer is not heard"
                );
                seq += 1;
                rig.spray(attacker(), 7, 500);
                rig.wait(20);
            }
            rig.assert_attacker_is_nobody(attacker());
            assert_eq!(rig.stream.source(), Some(peer()));
            // While the peer is silent, and after each re-offer.
            rig.wait(700);
            rig.spray(attacker(), 7, 2_000);
            rig.assert_attacker_is_nobody(attacker());
            rig.signal(peer(), rtcp);
            rig.spray(attacker(), 7, 2_000);
            rig.assert_attacker_is_nobody(attacker());
        }
        assert_eq!(rig.stream.rtp_destination(), Ok(peer()));
        assert_eq!(
            rig.stream.wrong_source().map(|wrong| wrong.from.ip()),
            Some(attacker().ip())
        );
        rig.assert_conserved();
    }
}

#[test]
fn one_port_is_learned_per_signalling_event() {
    let mut rig = Rig::new(POLICY);
    let (nat, other) = (addr("198.51.100.7:61000"), addr("198.51.100.7:61001"));
    rig.signal(peer(), RtcpRemote::Mux);
    assert!(rig.rtp(nat, 7, 0), "same IP address: heard at once");
    assert_eq!(
        rig.stream.rtp_destination(),
        Ok(peer()),
        "not sent to before the lock"
    );
    assert_eq!(rig.talk(nat, 7, 1, 3), 3);
    assert_eq!(rig.stream.rtp_destination(), Ok(nat));
    let evidence = Evidence::InSequence {
        rank: Rank::SameAddress,
        ssrc: talkpath_wire::Ssrc::new(7),
    };
    assert_eq!(rig.changes.len(), 1);
    assert_eq!(
        (rig.changes[0].to, rig.changes[0].evidence),
        (nat, evidence)
    );

    // A second one is not, however silent the first.
    rig.wait(1_000);
    assert_eq!(rig.talk(other, 7, 4, 20), 0);
    assert_eq!(
        rig.stream.wrong_source().map(|wrong| wrong.packets),
        Some(20)
    );

    // After the next signalling event it is.
    rig.signal(peer(), RtcpRemote::Mux);
    assert_eq!(rig.talk(other, 7, 24, 20), 20);
    assert_eq!(rig.stream.rtp_destination(), Ok(other));
    assert_eq!(rig.talk(nat, 7, 50, 20), 0);
    rig.assert_conserved();
}

#[test]
fn the_port_is_not_learned_from_a_peer_that_still_talks() {
    let mut rig = Rig::new(POLICY);
    rig.signal(peer(), RtcpRemote::Mux);
    rig.talk(peer(), 7, 0, 10);
    rig.signal(peer(), RtcpRemote::Mux);
    let neighbour = addr("198.51.100.7:61000");
    for n in 10..30 {
        assert!(rig.rtp(peer(), 7, n));
        assert!(!rig.rtp(neighbour, 9, n));
        rig.wait(20);
    }
    assert_eq!(rig.stream.source(), Some(peer()));
    assert!(rig.changes.len() == 1 && rig.changes[0].to == peer());
}

#[test]
fn a_neighbour_behind_the_same_nat_gives_way_to_the_signalled_port() {
    let mut rig = Rig::new(POLICY);
    let neighbour = addr("198.51.100.7:61000");
    rig.signal(peer(), RtcpRemote::Mux);
    rig.talk(neighbour, 9, 0, 10);
    assert_eq!(rig.stream.source(), Some(neighbour));
    for n in 0..5 {
        rig.rtp(neighbour, 9, 10 + n);
        rig.rtp(peer(), 7, n);
        rig.wait(20);
    }
    assert_eq!(rig.stream.source(), Some(peer()));
    assert_eq!(rig.talk(neighbour, 9, 15, 20), 0);
}

#[test]
fn packets_from_the_peers_old_port_do_not_capture_a_reoffer() {
    let mut rig = Rig::new(POLICY);
    let new = addr("198.51.100.7:5000");
    rig.signal(peer(), RtcpRemote::Mux);
    rig.talk(peer(), 7, 0, 10);
    rig.signal(new, RtcpRemote::Mux);
    assert_eq!(rig.stream.rtp_destination(), Ok(new));
    // The old stream runs on for a while: heard, but not learned.
    assert_eq!(rig.talk(peer(), 7, 10, 10), 10);
    assert_eq!(rig.stream.rtp_destination(), Ok(new));
    assert_eq!(rig.talk(new, 8, 0, 10), 10);
    assert_eq!(rig.stream.source(), Some(new));
    assert_eq!(rig.talk(peer(), 7, 20, 1), 0);
}

#[test]
fn a_peer_that_moves_to_another_address_leaves_the_old_one_unheard() {
    let mut rig = Rig::new(POLICY);
    let new = addr("192.0.2.200:5000");
    rig.signal(peer(), RtcpRemote::Mux);
    rig.talk(peer(), 7, 0, 10);
    rig.signal(new, RtcpRemote::Mux);
    assert_eq!(rig.talk(peer(), 7, 10, 5), 0);
    assert_eq!(rig.talk(new, 8, 0, 10), 10);
}

#[test]
fn the_address_of_the_signalling_counts_when_the_application_says_so() {
    let (private, public) = (addr("10.0.0.7:4000"), addr("198.51.100.7:61000"));
    let mut rig = Rig::new(POLICY);
    rig.signal(private, RtcpRemote::Mux);
    assert_eq!(rig.talk(public, 7, 0, 10), 0);
    rig.signal_from(private, RtcpRemote::Mux, Some("::ffff:198.51.100.7"));
    assert_eq!(rig.talk(public, 7, 10, 10), 10);
    assert_eq!(rig.stream.rtp_destination(), Ok(public));
}

#[test]
fn media_before_the_answer_waits_for_it_and_keeps_its_order() {
    let mut rig = Rig::new(POLICY);
    for seq in 0..5 {
        assert!(!rig.rtp(peer(), 7, seq));
        assert!(!rig.rtp(attacker(), 9, seq));
        rig.wait(20);
    }
    assert_eq!(rig.stream.held(), 10);
    rig.signal(peer(), RtcpRemote::Mux);
    let expected: Vec<_> = (0..5).map(|seq| (peer(), seq)).collect();
    assert_eq!(rig.delivered, expected);
    assert_eq!(rig.stream.drops().of(DropReason::WrongSource).packets, 5);
    assert_eq!(
        rig.stream.source(),
        Some(peer()),
        "what was held is proof too"
    );
    assert_eq!(rig.stream.held(), 0);
    rig.assert_conserved();
}

#[test]
fn media_before_the_answer_waits_at_most_200_ms() {
    let mut rig = Rig::new(POLICY);
    rig.talk(peer(), 7, 0, 30);
    assert_eq!(rig.stream.held(), 10 - 1);
    assert_eq!(rig.stream.drops().of(DropReason::EarlyExpired).packets, 21);
    rig.wait(200);
    assert_eq!(rig.stream.held(), 0);
    assert_eq!(rig.stream.poll_timeout(), None);
    rig.signal(peer(), RtcpRemote::Mux);
    assert!(rig.delivered.is_empty());
    rig.assert_conserved();
}

#[test]
fn what_is_held_when_the_stream_ends_is_accounted_for() {
    let mut rig = Rig::new(POLICY);
    for seq in 0..5 {
        assert!(!rig.rtp(peer(), 7, seq));
    }
    assert_eq!(rig.stream.held(), 5);
    rig.stream.close(rig.now);
    assert_eq!(rig.stream.held(), 0);
    assert_eq!(rig.stream.drops().of(DropReason::Inactive).packets, 5);
    rig.assert_conserved();
}

#[test]
fn a_flood_before_the_answer_does_not_push_out_the_peer() {
    let mut rig = Rig::new(POLICY);
    for seq in 0..4 {
        rig.rtp(peer(), 7, seq);
        rig.spray(attacker(), 9, 3_000);
        rig.wait(20);
    }
    rig.signal(peer(), RtcpRemote::Mux);
    assert_eq!(rig.delivered.len(), 4);
    rig.assert_attacker_is_nobody(attacker());
}

#[test]
fn media_from_an_address_that_our_awaited_answer_names_is_not_lost() {
    let mut rig = Rig::new(POLICY);
    let new = addr("192.0.2.200:5000");
    rig.signal(peer(), RtcpRemote::Mux);
    rig.talk(peer(), 7, 0, 10);
    rig.stream.expect_answer();
    assert_eq!(rig.talk(new, 8, 0, 5), 0);
    assert_eq!(
        rig.talk(peer(), 7, 10, 1),
        1,
        "the old source goes on meanwhile"
    );
    rig.signal(new, RtcpRemote::Mux);
    assert_eq!(rig.delivered_from(new), 5);
    // With the offer rolled back it is a stranger again.
    rig.stream.expect_answer();
    rig.stream.abandon_offer();
    assert!(!rig.rtp(attacker(), 9, 0));
    assert_eq!(rig.stream.held(), 0);
}

#[test]
fn hold_keeps_the_address_that_resume_needs() {
    for hold in ["0.0.0.0:4000", "[::]:4000"] {
        let mut rig = Rig::new(POLICY);
        rig.signal(peer(), RtcpRemote::Mux);
        rig.talk(peer(), 7, 0, 10);
        rig.signal(addr(hold), RtcpRemote::Mux);
        assert_eq!(rig.stream.rtp_destination(), Err(Withheld::Held));
        assert_eq!(rig.stream.rtcp_destination(), Err(Withheld::Held));
        assert!(rig.rtp(peer(), 7, 10), "who is held may still be heard");
        rig.signal(peer(), RtcpRemote::Mux);
        assert_eq!(rig.stream.rtp_destination(), Ok(peer()));
        assert_eq!(rig.stream.source(), Some(peer()));
        rig.stream.set_sending(Sending::Held);
        assert_eq!(rig.stream.rtp_destination(), Err(Withheld::Held));
        assert_eq!(rig.stream.rtcp_destination(), Ok(peer()));
        rig.stream.set_sending(Sending::Allowed);
        assert_eq!(rig.stream.rtp_destination(), Ok(peer()));
    }
}

#[test]
fn an_address_that_must_not_be_sent_to_is_never_a_destination() {
    for (bad, refused) in [
        (own(), Refused::Own(own())),
        (
            addr("[::ffff:192.0.2.1]:10001"),
            Refused::Own(addr("192.0.2.1:10001")),
        ),
        (addr("198.51.100.7:0"), Refused::PortZero),
        (
            addr("239.1.2.3:4000"),
            Refused::Multicast(addr("239.1.2.3:1").ip()),
        ),
    ] {
        let mut rig = Rig::new(POLICY);
        rig.signal(bad, RtcpRemote::Mux);
        assert_eq!(
            rig.stream.rtp_destination(),
            Err(Withheld::Refused(refused)),
            "{bad}"
        );
        assert_eq!(
            rig.stream.rtcp_destination(),
            Err(Withheld::Refused(refused)),
            "{bad}"
        );
    }
}

#[test]
fn our_own_packets_coming_back_are_a_loop() {
    let mut rig = Rig::new(SourcePolicy::Open);
    rig.signal(peer(), RtcpRemote::Mux);
    assert!(!rig.rtp(own(), 7, 0));
    assert!(!rig.rtp(addr("[::ffff:192.0.2.1]:10000"), 7, 1));
    assert_eq!(rig.stream.drops().of(DropReason::Loop).packets, 2);
}

#[test]
fn a_mapped_address_is_the_same_peer() {
    let mut rig = Rig::new(POLICY);
    rig.signal(addr("[::ffff:198.51.100.7]:4000"), RtcpRemote::Mux);
    assert_eq!(rig.stream.rtp_destination(), Ok(peer()));
    assert!(rig.rtp(addr("[::ffff:198.51.100.7]:4000"), 7, 0));
    assert!(rig.rtp(peer(), 7, 1));
}

#[test]
fn rtcp_beside_rtp_comes_from_the_named_or_the_next_port() {
    let mut rig = Rig::new(POLICY);
    let named = addr("198.51.100.7:4001");
    rig.signal(peer(), RtcpRemote::At(named));
    assert!(rig.datagram(Component::Rtcp, named, &mut rtcp(7)));
    assert_eq!(rig.stream.rtcp_component(), Component::Rtcp);
    // RTP is learned behind NAT: RTCP is expected beside it, and only then
    // sent there.
    let nat = addr("198.51.100.7:61000");
    rig.talk(nat, 7, 0, 5);
    assert_eq!(rig.stream.rtcp_destination(), Ok(named));
    assert!(rig.datagram(Component::Rtcp, addr("198.51.100.7:61001"), &mut rtcp(7)));
    assert_eq!(
        rig.stream.rtcp_destination(),
        Ok(addr("198.51.100.7:61001"))
    );
    let change = rig.changes.last().unwrap();
    assert_eq!(
        (change.component, change.evidence),
        (Component::Rtcp, Evidence::NextPort)
    );
    // Once only.
    assert!(!rig.datagram(Component::Rtcp, addr("198.51.100.7:9"), &mut rtcp(7)));
}

#[test]
fn rtcp_from_another_port_must_name_the_sender_of_rtp() {
    let mut rig = Rig::new(POLICY);
    rig.signal(peer(), RtcpRemote::At(addr("198.51.100.7:4001")));
    rig.talk(peer(), 7, 0, 5);
    let odd = addr("198.51.100.7:61013");
    assert!(!rig.datagram(Component::Rtcp, odd, &mut rtcp(8)));
    assert!(rig.datagram(Component::Rtcp, odd, &mut rtcp(7)));
    assert_eq!(rig.stream.rtcp_destination(), Ok(odd));
}

#[test]
fn what_was_not_negotiated_is_dropped_by_name() {
    let mut rig = Rig::new(POLICY);
    rig.signal(peer(), RtcpRemote::At(addr("198.51.100.7:4001")));
    for (component, mut bytes, reason) in [
        (Component::Rtp, rtcp(7), DropReason::RtcpOnRtpPort),
        (Component::Rtcp, rtp(7, 0), DropReason::RtpOnRtcpPort),
        (Component::Rtp, vec![0x80], DropReason::TooShort),
        (Component::Rtp, vec![0x80, 0, 0], DropReason::MalformedRtp),
        (
            Component::Rtcp,
            vec![0x80, 201, 0, 9],
            DropReason::MalformedRtcp,
        ),
        (
            Component::Rtcp,
            vec![0x80, 201, 0, 0],
            DropReason::MalformedRtcp,
        ),
        (
            Component::Rtp,
            vec![0, 1, 0, 0],
            DropReason::StunNotNegotiated,
        ),
        (
            Component::Rtp,
            vec![22, 254, 253],
            DropReason::DtlsNotNegotiated,
        ),
        (Component::Rtp, vec![64, 0], DropReason::TurnNotNegotiated),
        (Component::Rtp, vec![16, 0], DropReason::ZrtpNotNegotiated),
        (Component::Rtp, vec![255, 0], DropReason::UnknownClass),
    ] {
        let before = rig.stream.drops().of(reason).packets;
        assert!(!rig.datagram(component, peer(), &mut bytes));
        assert_eq!(
            rig.stream.drops().of(reason).packets,
            before + 1,
            "{reason}"
        );
    }
    rig.assert_conserved();
}

#[test]
fn a_source_that_stays_through_new_signalling_is_no_change() {
    let mut rig = Rig::new(POLICY);
    let nat = addr("198.51.100.7:61000");
    rig.signal(peer(), RtcpRemote::Mux);
    rig.talk(nat, 7, 0, 8);
    assert_eq!(rig.changes.len(), 1);
    // Another port of the same host is signalled; its NAT goes on as before.
    rig.signal(addr("198.51.100.7:4002"), RtcpRemote::Mux);
    rig.talk(nat, 7, 8, 100);
    assert_eq!(rig.stream.source(), Some(nat));
    assert_eq!(rig.changes.len(), 1, "{:?}", rig.changes);
}

#[test]
fn an_rtcp_source_that_stays_through_new_signalling_is_no_change() {
    let mut rig = Rig::new(POLICY);
    let nat = addr("198.51.100.7:61001");
    let report = |rig: &mut Rig| rig.datagram(Component::Rtcp, nat, &mut rtcp(7));
    rig.signal(peer(), RtcpRemote::At(addr("198.51.100.7:4001")));
    assert!(report(&mut rig));
    assert_eq!(rig.changes.len(), 1);
    rig.signal(peer(), RtcpRemote::At(addr("198.51.100.7:4003")));
    assert!(report(&mut rig));
    assert_eq!(rig.changes.len(), 1, "{:?}", rig.changes);
}

#[test]
fn multiplexed_rtcp_of_a_listening_peer_tells_where_its_nat_is() {
    let (private, public) = (addr("10.0.0.7:4000"), addr("198.51.100.7:61000"));
    let other = addr("198.51.100.7:61001");
    let mut rig = Rig::new(POLICY);
    // Also when it came before the answer.
    assert!(!rig.datagram(Component::Rtp, public, &mut rtcp(7)));
    rig.signal_from(private, RtcpRemote::Mux, Some("198.51.100.7"));
    assert_eq!(rig.delivered_from(public), 1);
    assert_eq!(rig.stream.rtp_destination(), Ok(public));
    assert_eq!(rig.stream.rtcp_destination(), Ok(public));
    let change = rig.changes[0];
    assert_eq!(
        (change.component, change.from, change.to, change.evidence),
        (Component::Rtp, None, public, Evidence::SameAddress)
    );
    // Once, and no more than RTP allows.
    rig.datagram(Component::Rtp, other, &mut rtcp(8));
    rig.datagram(Component::Rtp, attacker(), &mut rtcp(7));
    assert_eq!(rig.stream.rtp_destination(), Ok(public));
    assert_eq!(rig.talk(other, 8, 0, 5), 5);
    assert_eq!(rig.stream.rtp_destination(), Ok(other), "RTP is proof");
    rig.datagram(Component::Rtp, public, &mut rtcp(7));
    assert_eq!(rig.stream.rtp_destination(), Ok(other));
    assert_eq!(rig.changes.len(), 2);
    rig.assert_attacker_is_nobody(attacker());
    rig.assert_conserved();
}

#[test]
fn multiplexed_rtcp_from_the_signalled_port_outweighs_a_neighbours() {
    let mut rig = Rig::new(POLICY);
    let neighbour = addr("198.51.100.7:61000");
    rig.signal(peer(), RtcpRemote::Mux);
    rig.datagram(Component::Rtp, neighbour, &mut rtcp(9));
    rig.datagram(Component::Rtp, peer(), &mut rtcp(7));
    rig.datagram(Component::Rtp, neighbour, &mut rtcp(9));
    assert_eq!(rig.stream.rtp_destination(), Ok(peer()));
    rig.talk(peer(), 7, 0, 5);
    assert_eq!(rig.changes.len(), 2, "{:?}", rig.changes);
}

#[test]
fn rtcp_comes_in_on_the_rtp_port_while_there_is_no_other() {
    let mut rig = Rig::new(POLICY);
    let named = addr("198.51.100.7:4001");
    rig.signal(peer(), RtcpRemote::At(named));
    assert!(!rig.datagram(Component::Rtp, named, &mut rtcp(7)));
    rig.stream.set_rtcp_home(RtcpHome::Shared);
    assert_eq!(rig.stream.rtcp_component(), Component::Rtp);
    assert!(rig.datagram(Component::Rtp, named, &mut rtcp(7)));
    assert_eq!(rig.stream.rtcp_destination(), Ok(named));
    assert_eq!(
        rig.stream.rtp_destination(),
        Ok(peer()),
        "RTP does not follow"
    );
    // Beside RTP behind NAT, as on a port of its own.
    rig.talk(addr("198.51.100.7:61000"), 7, 0, 5);
    let beside = addr("198.51.100.7:61001");
    assert!(rig.datagram(Component::Rtp, beside, &mut rtcp(7)));
    assert_eq!(rig.stream.rtcp_destination(), Ok(beside));
    assert!(!rig.datagram(Component::Rtp, attacker(), &mut rtcp(7)));
    rig.assert_attacker_is_nobody(attacker());
    rig.assert_conserved();
}

#[test]
fn keepalives_go_on_through_a_hold_by_direction_but_not_by_address() {
    let mut rig = Rig::new(POLICY);
    let kept = |rig: &Rig| rig.stream.keepalive_destination();
    assert_eq!(kept(&rig), Err(Withheld::NotSignalled));
    rig.signal(peer(), RtcpRemote::Mux);
    rig.stream.set_sending(Sending::Held);
    assert_eq!(rig.stream.rtp_destination(), Err(Withheld::Held));
    assert_eq!(kept(&rig), Ok(peer()));
    rig.signal(addr("0.0.0.0:4000"), RtcpRemote::Mux);
    assert_eq!(kept(&rig), Err(Withheld::Held));
    rig.signal(own(), RtcpRemote::Mux);
    let refused = Withheld::Refused(Refused::Own(own()));
    assert_eq!(kept(&rig), Err(refused), "a hold hides no refusal");
}

#[test]
fn a_call_that_begins_on_hold_is_held_not_refused() {
    let mut rig = Rig::new(POLICY);
    rig.signal(addr("0.0.0.0:4000"), RtcpRemote::Mux);
    assert_eq!(rig.stream.rtp_destination(), Err(Withheld::Held));
    assert_eq!(rig.stream.rtcp_destination(), Err(Withheld::Held));
    rig.signal(peer(), RtcpRemote::Mux);
    assert_eq!(rig.stream.rtp_destination(), Ok(peer()));
    assert_eq!(rig.talk(peer(), 7, 0, 5), 5);
}

#[test]
fn rtcp_from_the_signalled_port_outweighs_what_was_learned() {
    let mut rig = Rig::new(POLICY);
    let named = addr("198.51.100.7:4001");
    let neighbour = addr("198.51.100.7:61001");
    rig.signal(peer(), RtcpRemote::At(named));
    assert!(rig.datagram(Component::Rtcp, neighbour, &mut rtcp(9)));
    assert_eq!(rig.stream.rtcp_destination(), Ok(neighbour));
    assert!(rig.datagram(Component::Rtcp, named, &mut rtcp(7)));
    assert_eq!(rig.stream.rtcp_destination(), Ok(named));
    assert!(!rig.datagram(Component::Rtcp, neighbour, &mut rtcp(9)));
    assert_eq!(rig.stream.rtcp_destination(), Ok(named));
    let change = rig.changes.last().unwrap();
    assert_eq!((change.from, change.to), (Some(neighbour), named));
    rig.assert_conserved();
}
