//! What the network does to datagrams between scripted peers.

use crate::common::{addr, ms};
use talkpath_file::pcap::PcapReader;
use talkpath_sim::{Fate, Filtering, Link, Loss, Mapping, RtpTwin, World};

fn fates(world: &World) -> Vec<Fate> {
    world
        .wire_log()
        .into_iter()
        .map(|record| record.fate)
        .collect()
}

#[test]
fn a_twin_counts_what_the_log_counts() {
    let world = World::new(3);
    let mut caller = RtpTwin::new(world.host("10.0.0.1").peer(4000), 1, 0).starting_at(65_000, 7);
    let callee = RtpTwin::new(world.host("10.0.0.2").peer(4000), 2, 0);
    let link = Link::after(ms(20))
        .with_loss(Loss::Random(0.05))
        .with_duplicates(0.02);
    world.link("10.0.0.1", "10.0.0.2", link.with_reorder(0.03, ms(50)));
    caller.talk(
        callee.local_addr(),
        world.now(),
        vec![vec![0xff; 160]; 5_000],
    );
    world.run_for(ms(101_000));

    let log = world.wire_log();
    let of = |wanted: fn(&Fate) -> bool| log.iter().filter(|r| wanted(&r.fate)).count() as u64;
    let copies = log.iter().filter(|record| record.duplicate).count() as u64;
    let summary = callee.summary(1);
    assert_eq!(of(|f| *f == Fate::Lost), 5_000 - summary.received);
    assert_eq!(summary.duplicates, copies);
    assert_eq!(
        of(|f| matches!(f, Fate::Delivered { .. })),
        summary.received + copies
    );
    assert!((200..300).contains(&summary.lost), "{summary:?}");
    assert!((70..130).contains(&summary.duplicates), "{summary:?}");
    assert!((100..190).contains(&summary.reordered), "{summary:?}");
}

#[test]
fn a_clean_stream_has_no_jitter_and_a_shaken_one_has() {
    let world = World::new(3);
    let mut caller = RtpTwin::new(world.host("10.0.0.1").peer(4000), 1, 0);
    let callee = RtpTwin::new(world.host("10.0.0.2").peer(4000), 2, 0);
    let end = caller.talk(callee.local_addr(), world.now(), vec![vec![0; 160]; 200]);
    world.run_until(end + ms(100));
    assert!(callee.summary(1).jitter < 0.01, "{:?}", callee.summary(1));
    let shaken = Link::after(ms(20)).with_jitter(talkpath_sim::Jitter::Uniform { most: ms(15) });
    world.link("10.0.0.1", "10.0.0.2", shaken);
    let end = caller.talk(callee.local_addr(), world.now(), vec![vec![0; 160]; 200]);
    world.run_until(end + ms(100));
    // A mean difference of 5 ms is 40 ticks.
    assert!(
        (20.0..60.0).contains(&callee.summary(1).jitter),
        "{:?}",
        callee.summary(1)
    );
}

#[test]
fn a_one_way_path_carries_one_way_until_it_is_mended() {
    let world = World::new(1);
    let (a, b) = (
        world.host("10.0.0.1").peer(1),
        world.host("10.0.0.2").peer(1),
    );
    world.link("10.0.0.2", "10.0.0.1", Link::cut());
    world.after(ms(100), |world| {
        world.link("10.0.0.2", "10.0.0.1", Link::perfect())
    });
    for at in [0, 50, 150] {
        a.send_at(world.now() + ms(at), b.local_addr(), b"there");
        b.send_at(world.now() + ms(at), a.local_addr(), b"back");
    }
    world.run_for(ms(200));
    assert_eq!((a.received().len(), b.received().len()), (1, 3));
    assert_eq!(
        fates(&world)
            .iter()
            .filter(|fate| **fate == Fate::Cut)
            .count(),
        2
    );
}

#[test]
fn a_peer_behind_a_nat_is_seen_by_its_outer_address_until_it_rebinds() {
    let world = World::new(1);
    let nat = world.nat(
        "203.0.113.1",
        Mapping::EndpointIndependent,
        Filtering::AddressDependent,
    );
    let phone = world.host("10.0.0.1").behind(&nat).peer(4000);
    let server = world.host("192.0.2.1").peer(9);
    let stranger = world.host("192.0.2.2").peer(9);
    phone.send(server.local_addr(), b"hello");
    world.run_for(ms(20));
    let outer = server.received()[0].from;
    assert_eq!(outer, addr("203.0.113.1:4000"));

    server.send(outer, b"welcome");
    stranger.send(outer, b"let me in");
    server.send(phone.local_addr(), b"by the inner address");
    world.run_for(ms(20));
    assert_eq!(phone.received().len(), 1);
    assert_eq!(fates(&world)[2..], [Fate::BlockedByNat, Fate::NoRoute]);

    nat.rebind_to("203.0.113.9");
    server.send(outer, b"to the old address");
    phone.send(server.local_addr(), b"I moved");
    world.run_for(ms(20));
    let moved = server.received()[1].from;
    assert_eq!(moved.ip(), nat.external());
    assert_ne!(moved.port(), outer.port());
    server.send(moved, b"found you");
    world.run_for(ms(20));
    assert_eq!(phone.received().len(), 2);
}

#[test]
fn neighbours_behind_one_nat_speak_directly_and_by_its_outside() {
    let world = World::new(1);
    let nat = world.nat(
        "203.0.113.1",
        Mapping::EndpointIndependent,
        Filtering::EndpointIndependent,
    );
    let a = world.host("10.0.0.1").behind(&nat).peer(4000);
    let b = world.host("10.0.0.2").behind(&nat).peer(5000);
    a.send(b.local_addr(), b"directly");
    b.send(addr("192.0.2.1:9"), b"opens a port");
    a.send(addr("203.0.113.1:5000"), b"by the outside");
    world.run_for(ms(20));
    let from: Vec<_> = b
        .received()
        .into_iter()
        .map(|arrival| arrival.from)
        .collect();
    assert_eq!(from, [a.local_addr(), addr("203.0.113.1:4000")]);
}

#[test]
fn an_attacker_can_claim_any_source_but_not_hear_the_answer() {
    let world = World::new(1);
    let victim = world.host("192.0.2.1").peer(9);
    let friend = world.host("192.0.2.2").peer(9);
    let attacker = world.host("198.51.100.66");
    attacker.send_spoofed(friend.local_addr(), victim.local_addr(), b"it is me");
    world.run_for(ms(20));
    assert_eq!(victim.received()[0].from, friend.local_addr());
    victim.send(victim.received()[0].from, b"hello friend");
    world.run_for(ms(20));
    assert_eq!(friend.received().len(), 1);
}

#[test]
fn every_dead_end_has_its_name() {
    let world = World::new(1);
    let a = world.host("10.0.0.1").peer(1);
    world.host("10.0.0.2");
    a.send(addr("10.0.0.2:7"), b"closed");
    a.send(addr("10.9.9.9:7"), b"nobody");
    world.run_for(ms(20));
    assert_eq!(fates(&world), [Fate::PortClosed, Fate::NoRoute]);
}

#[test]
fn both_families_work() {
    let world = World::new(1);
    let a = world.host("fd00::1").also_at("10.0.0.1").peer(1);
    let b = world.host("fd00::2").peer(1);
    a.send(b.local_addr(), b"six");
    a.send(addr("10.0.0.1:1"), b"a socket of one family sends no other");
    world.run_for(ms(20));
    assert_eq!(b.received()[0].from, addr("[fd00::1]:1"));
    assert_eq!(world.wire_count(), 1);
}

#[test]
fn a_drifting_twin_sends_too_often() {
    let world = World::new(1);
    let mut fast = RtpTwin::new(world.host("10.0.0.1").peer(1), 1, 0).with_drift(200);
    let hour = fast.talk(addr("10.0.0.2:1"), world.now(), vec![vec![]; 180_000]);
    let early = world.now() + ms(3_600_000) - hour;
    assert!((ms(719)..ms(721)).contains(&early), "{early:?}");
}

#[test]
fn the_wire_log_becomes_a_capture() {
    let world = World::new(1);
    let (a, b) = (
        world.host("10.0.0.1").peer(1),
        world.host("fd00::1").peer(2),
    );
    a.send_at(world.now() + ms(1_500), addr("10.0.0.2:7"), b"four");
    b.send_at(world.now() + ms(2_500), addr("[fd00::2]:7"), b"six");
    world.run_for(ms(3_000));
    let file = world.pcap();
    let read: Vec<_> = PcapReader::new(&file)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read.len(), 2);
    assert_eq!(
        (read[0].src, read[0].dst, read[0].payload),
        (a.local_addr(), addr("10.0.0.2:7"), &b"four"[..])
    );
    assert_eq!(
        (read[1].src, read[1].payload),
        (b.local_addr(), &b"six"[..])
    );
    assert_eq!(read[1].time - read[0].time, ms(1_000));
}
