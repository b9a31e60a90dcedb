//! The proxy's policy: what it learns, from whom, and what attackers get.

mod rig;

use std::time::Duration;

use rig::{Rig, addr, attacker, peer, rtcp, rtp_at};
use talkpath_transport::{
    Component, DropReason, Evidence, Rank, Refused, Remote, RtcpRemote, SourcePolicy, Withheld,
};
use talkpath_wire::Ssrc;

const POLICY: SourcePolicy = SourcePolicy::Learn;

/// What the peer's SDP says, and where its packets really come from.
fn private() -> std::net::SocketAddr {
    addr("10.0.0.7:4000")
}
fn behind_nat() -> std::net::SocketAddr {
    addr("198.51.100.7:61000")
}

#[test]
fn a_peer_behind_nat_is_heard_after_four_packets_and_sent_to_after_a_second() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::Mux);
    let started = rig.now;
    for seq in 0..3 {
        assert!(!rig.rtp(behind_nat(), 7, seq));
        rig.wait(20);
    }
    assert!(rig.rtp(behind_nat(), 7, 3));
    assert_eq!(
        rig.delivered,
        [0, 1, 2, 3].map(|seq| (behind_nat(), seq)),
        "in order, none lost"
    );
    rig.wait(20);
    let mut seq = 4;
    while rig.now < started + Duration::from_secs(1) {
        assert_eq!(rig.stream.rtp_destination(), Ok(private()));
        assert!(rig.rtp(behind_nat(), 7, seq));
        seq += 1;
        rig.wait(20);
    }
    assert_eq!(rig.stream.rtp_destination(), Ok(behind_nat()));
    let evidence = Evidence::InSequence {
        rank: Rank::Other,
        ssrc: Ssrc::new(7),
    };
    assert_eq!((rig.changes.len(), rig.changes[0].evidence), (1, evidence));
    assert_eq!(rig.delivered.len(), usize::from(seq));
    rig.assert_conserved();
}

#[test]
fn the_window_ends_by_timer_even_if_nobody_sends_any_more() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::Mux);
    rig.talk(behind_nat(), 7, 0, 10);
    assert!(rig.stream.poll_timeout().is_some());
    rig.wait(1_000);
    assert_eq!(rig.stream.source(), Some(behind_nat()));
    assert_eq!(rig.stream.poll_timeout(), None);
}

#[test]
fn the_signalled_peer_wins_against_an_attacker_who_is_faster() {
    let mut rig = Rig::new(POLICY);
    rig.signal(peer(), RtcpRemote::Mux);
    let early = rig.talk(attacker(), 9, 0, 10);
    assert_eq!(early, 10, "an unopposed stranger is heard in the window");
    assert_eq!(rig.stream.rtp_destination(), Ok(peer()), "but not sent to");
    assert_eq!(
        rig.talk(peer(), 7, 0, 10),
        10,
        "the signalled peer is heard from the start"
    );
    assert_eq!(rig.stream.source(), Some(peer()));
    rig.wait(2_000);
    rig.spray(attacker(), 9, 10_000);
    assert_eq!(rig.talk(attacker(), 9, 100, 50), 0);
    assert_eq!(rig.delivered_from(attacker()), early);
    assert_eq!(rig.stream.rtp_destination(), Ok(peer()));
    assert_eq!(rig.stream.unproven(), early as u64 + 3, "counted");
}

#[test]
fn an_attacker_who_locked_first_gives_way_to_the_signalled_peer() {
    let reoffers: [fn(&mut Rig); 2] = [|_| {}, |rig| rig.signal(peer(), RtcpRemote::Mux)];
    for reoffer in reoffers {
        let mut rig = Rig::new(POLICY);
        rig.signal(peer(), RtcpRemote::Mux);
        rig.talk(attacker(), 9, 0, 75);
        assert_eq!(rig.stream.source(), Some(attacker()), "alone for 1.5 s");
        reoffer(&mut rig);
        for n in 0..5 {
            rig.rtp(attacker(), 9, 75 + n);
            rig.rtp(peer(), 7, n);
            rig.rtp(attacker(), 7, n + 1);
            rig.wait(20);
        }
        assert_eq!(rig.stream.source(), Some(peer()));
        assert_eq!(rig.delivered_from(peer()), 5, "none of it is lost");
        for n in 5..200 {
            assert!(!rig.rtp(attacker(), 9, 75 + n));
            assert!(rig.rtp(peer(), 7, n));
            rig.wait(20);
        }
        assert_eq!(rig.changes.len(), 2, "no flapping: {:?}", rig.changes);
        rig.assert_conserved();
    }
}

#[test]
fn strangers_in_every_place_make_room_for_the_signalled_peer() {
    let mut rig = Rig::new(POLICY);
    rig.signal(peer(), RtcpRemote::Mux);
    let strangers = |rig: &mut Rig, seq| {
        for port in 7_000..7_004 {
            rig.rtp(addr(&format!("203.0.113.66:{port}")), 9, seq);
        }
    };
    for seq in 0..4 {
        strangers(&mut rig, seq);
        rig.wait(20);
    }
    for n in 0..4 {
        strangers(&mut rig, 4 + n);
        assert!(rig.rtp(peer(), 7, n), "heard from the first packet on");
        rig.wait(20);
    }
    assert_eq!(rig.stream.source(), Some(peer()));
    rig.assert_conserved();
}

#[test]
fn better_ranks_win_within_the_window() {
    let same_port = addr("203.0.113.5:4000");
    let same_address = addr("10.0.0.7:5555");
    let all = [behind_nat(), same_port, same_address, private()];
    for best in 0..all.len() {
        let mut rig = Rig::new(POLICY);
        rig.signal(private(), RtcpRemote::Mux);
        for seq in 0..40 {
            for (n, from) in all[..=best].iter().enumerate() {
                rig.rtp(*from, n as u32, seq);
            }
            rig.wait(20);
        }
        rig.wait(1_000);
        assert_eq!(rig.stream.source(), Some(all[best]));
    }
}

#[test]
fn packets_out_of_sequence_are_no_evidence() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::Mux);
    for n in 0..200u16 {
        rig.rtp(attacker(), 9, n.wrapping_mul(77));
        rig.rtp(attacker(), 9, 5);
        rig.rtp(behind_nat(), u32::from(n), n);
        rig.wait(20);
    }
    assert_eq!((rig.delivered.len(), rig.stream.source()), (0, None));
    assert!(rig.changes.is_empty());
    rig.assert_conserved();
}

#[test]
fn a_flooder_with_many_ports_does_not_keep_the_peer_from_being_learned() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::Mux);
    for seq in 0..60 {
        for port in 0..50 {
            let mut from = attacker();
            from.set_port(1_000 + port);
            rig.rtp(from, 9, seq * 100 + port);
        }
        rig.rtp(behind_nat(), 7, seq);
        rig.wait(20);
    }
    assert_eq!(rig.stream.source(), Some(behind_nat()));
    rig.assert_conserved();
}

#[test]
fn once_locked_the_attacker_is_nobody_also_after_each_reoffer() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::Mux);
    rig.talk(behind_nat(), 7, 0, 60);
    let mut seq = 60;
    for _ in 0..5 {
        rig.spray(attacker(), 7, 2_000);
        rig.signal(private(), RtcpRemote::Mux);
        for n in 0..60 {
            assert!(
                rig.rtp(behind_nat(), 7, seq),
                "the peer is heard throughout"
            );
            assert!(!rig.rtp(attacker(), 7, seq.wrapping_add(1)));
            assert!(!rig.rtp(attacker(), 9, n));
            rig.spray(attacker(), 7, 10);
            seq += 1;
            rig.wait(20);
        }
        rig.assert_attacker_is_nobody(attacker());
    }
    assert_eq!(rig.stream.source(), Some(behind_nat()));
    rig.assert_conserved();
}

#[test]
fn a_reoffer_lets_a_silent_source_be_replaced_for_one_second_only() {
    let elsewhere = addr("198.51.100.8:7000");
    for (wait_ms, replaced) in [(300, true), (1_400, false)] {
        let mut rig = Rig::new(POLICY);
        rig.signal(private(), RtcpRemote::Mux);
        rig.talk(behind_nat(), 7, 0, 60);
        rig.signal(private(), RtcpRemote::Mux);
        // The first stranger opens the window.
        rig.rtp(attacker(), 1, 0);
        rig.wait(wait_ms);
        rig.talk(elsewhere, 8, 0, 10);
        assert_eq!(
            rig.stream.source() == Some(elsewhere),
            replaced,
            "after {wait_ms} ms"
        );
    }
}

#[test]
fn a_nat_that_rebinds_is_followed_without_losing_a_packet() {
    let mut rig = Rig::new(POLICY);
    let rebound = addr("198.51.100.99:1234");
    rig.signal(private(), RtcpRemote::Mux);
    rig.talk(behind_nat(), 7, 0, 60);
    rig.wait(200);
    assert_eq!(rig.talk(rebound, 7, 70, 20), 20);
    assert_eq!(rig.stream.rtp_destination(), Ok(rebound));
    let change = rig.changes.last().unwrap();
    assert_eq!((change.from, change.to), (Some(behind_nat()), rebound));
    assert!(matches!(change.evidence, Evidence::Rebound { ssrc, silent }
        if ssrc == Ssrc::new(7) && silent >= Duration::from_millis(200)));
    // Not again within five seconds.
    rig.wait(300);
    assert_eq!(rig.talk(behind_nat(), 7, 110, 20), 0);
    rig.wait(5_000);
    assert_eq!(rig.talk(behind_nat(), 7, 400, 20), 20);
    rig.assert_conserved();
}

#[test]
fn nobody_takes_over_a_stream_that_still_talks() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::Mux);
    rig.talk(behind_nat(), 7, 0, 60);
    for seq in 60..160 {
        assert!(rig.rtp(behind_nat(), 7, seq));
        // The attacker knows everything and is one step ahead.
        for ahead in 1..5 {
            assert!(!rig.rtp(attacker(), 7, seq + ahead));
        }
        rig.wait(20);
    }
    rig.assert_attacker_is_nobody(attacker());
}

#[test]
fn a_silent_stream_is_taken_over_only_with_its_ssrc_and_sequence() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::Mux);
    rig.talk(behind_nat(), 7, 0, 60);
    rig.wait(250);
    assert_eq!(rig.talk(attacker(), 8, 61, 20), 0, "another SSRC");
    assert_eq!(rig.talk(attacker(), 7, 30_000, 20), 0, "another sequence");
    assert_eq!(rig.talk(attacker(), 7, 10, 20), 0, "the past");
    rig.assert_attacker_is_nobody(attacker());
    let wrong = rig.stream.wrong_source().unwrap();
    assert_eq!(
        (wrong.from, wrong.expected),
        (attacker(), Some(behind_nat()))
    );
}

#[test]
fn neither_sequence_nor_timestamp_alone_is_continuity() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::Mux);
    rig.talk(behind_nat(), 7, 0, 60);
    rig.wait(250);
    for n in 0..20 {
        let right_seq = rtp_at(7, 61 + n, 5_000_000 + 160 * u32::from(n));
        let right_timestamp = rtp_at(7, 1_000 + n, 9_600 + 160 * u32::from(n));
        for mut packet in [right_seq, right_timestamp] {
            assert!(!rig.datagram(Component::Rtp, attacker(), &mut packet));
        }
        rig.wait(1);
    }
    rig.assert_attacker_is_nobody(attacker());
    assert_eq!(rig.stream.held(), 0);
}

#[test]
fn what_is_learned_obeys_the_address_rules_too() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::Mux);
    let local = addr("127.0.0.1:5060");
    rig.talk(local, 7, 0, 60);
    assert_eq!(rig.stream.source(), Some(local));
    let refused = Withheld::Refused(Refused::OutOfReach(local.ip()));
    assert_eq!(rig.stream.rtp_destination(), Err(refused));
}

#[test]
fn two_moves_before_anyone_looks_are_one_change() {
    let (second, third) = (addr("198.51.100.7:5000"), addr("198.51.100.7:6000"));
    let mut rig = Rig::new(POLICY);
    rig.signal(peer(), RtcpRemote::Mux);
    rig.talk(peer(), 7, 0, 5);
    let remote = Remote {
        rtp: peer(),
        rtcp: RtcpRemote::Mux,
        signalling_source: None,
    };
    for (from, seq) in [(second, 20), (third, 40)] {
        rig.stream.set_remote(rig.now, &remote);
        rig.now += Duration::from_millis(300);
        for n in 0..4 {
            let mut packet = rtp_at(7, seq + n, 160 * u32::from(seq + n));
            rig.stream
                .handle_datagram(rig.now, Component::Rtp, from, &mut packet);
            while rig.stream.next_held(rig.now).is_some() {}
        }
        assert_eq!(rig.stream.source(), Some(from));
    }
    let change = rig.stream.poll_change().expect("it moved");
    assert_eq!((change.from, change.to), (Some(peer()), third));
    assert_eq!(rig.stream.poll_change(), None);
}

#[test]
fn rtcp_waits_for_rtp_to_be_learned() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::At(addr("10.0.0.7:4001")));
    let beside = addr("198.51.100.7:61001");
    assert!(!rig.datagram(Component::Rtcp, beside, &mut rtcp(7)));
    rig.talk(behind_nat(), 7, 0, 60);
    assert!(!rig.datagram(Component::Rtcp, attacker(), &mut rtcp(7)));
    assert!(rig.datagram(Component::Rtcp, beside, &mut rtcp(7)));
    assert_eq!(rig.stream.rtcp_destination(), Ok(beside));
    // RTP moves, and RTCP with it.
    let rebound = addr("198.51.100.99:1234");
    rig.wait(200);
    rig.talk(rebound, 7, 70, 20);
    assert!(!rig.datagram(Component::Rtcp, beside, &mut rtcp(7)));
    assert!(rig.datagram(Component::Rtcp, addr("198.51.100.99:1235"), &mut rtcp(7)));
}

#[test]
fn in_open_everyone_is_heard_and_counted_but_only_proof_moves_the_destination() {
    let mut rig = Rig::new(SourcePolicy::Open);
    assert!(rig.rtp(attacker(), 9, 0), "also before the answer");
    rig.signal(peer(), RtcpRemote::Mux);
    assert_eq!(rig.talk(peer(), 7, 0, 20), 20);
    let before = rig.stream.unproven();
    for seq in 0..50 {
        assert!(rig.rtp(attacker(), 9, seq));
        assert!(rig.rtp(peer(), 7, 20 + seq));
        rig.wait(20);
    }
    assert_eq!(rig.stream.unproven() - before, 50);
    assert_eq!(rig.stream.rtp_destination(), Ok(peer()));
    assert_eq!(rig.stream.drops().of(DropReason::WrongSource).packets, 0);
}

#[test]
fn slow_keepalives_add_up_to_proof() {
    let mut rig = Rig::new(POLICY);
    rig.signal(private(), RtcpRemote::Mux);
    for seq in 0..4 {
        rig.rtp(behind_nat(), 7, seq);
        rig.wait(15_000);
    }
    assert_eq!(rig.stream.source(), Some(behind_nat()));
}

#[test]
fn rtcp_of_a_listening_peer_tells_its_port_but_never_another_host() {
    let mut rig = Rig::new(POLICY);
    let nat = addr("198.51.100.7:61000");
    rig.signal(peer(), RtcpRemote::Mux);
    assert!(!rig.datagram(Component::Rtp, attacker(), &mut rtcp(9)));
    assert_eq!(rig.stream.rtp_destination(), Ok(peer()));
    assert!(rig.datagram(Component::Rtp, nat, &mut rtcp(7)));
    assert_eq!(rig.stream.rtp_destination(), Ok(nat));
    assert_eq!(rig.stream.source(), None, "RTP still has to prove itself");
    rig.assert_attacker_is_nobody(attacker());
    rig.assert_conserved();
}
