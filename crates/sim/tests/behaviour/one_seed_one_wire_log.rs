//! The same seed gives the same wire log, byte for byte; another gives another.

use crate::common::{Echo, addr, bind, ms};
use talkpath::driver::Driver;
use talkpath_sim::{
    AWKWARD_STARTS, Fate, Filtering, Jitter, Link, LogDetail, Loss, Mapping, Record, RtpTwin, World,
};
use talkpath_wire::Time;

/// Two phones, one behind a NAT that rebinds, talk to an echo over bad links.
fn run(world: &World) {
    let nat = world.nat(
        "203.0.113.1",
        Mapping::AddressAndPortDependent,
        Filtering::AddressDependent,
    );
    let phones = [
        world.host("10.0.0.1").behind(&nat),
        world.host("198.51.100.2"),
    ];
    let driver = world.host("192.0.2.1").driver().with_drift(37);
    let (echo, _) = Echo::new(vec![bind(&driver, "192.0.2.1:4000")]);
    driver.start("echo", echo).unwrap();
    let bad = Link::after(ms(30))
        .with_jitter(Jitter::Normal { deviation: ms(9) })
        .with_loss(Loss::bursts(0.05, 3.0))
        .with_reorder(0.02, ms(40))
        .with_duplicates(0.01);
    world.default_link(bad);
    let mut twins = phones.map(|phone| RtpTwin::new(phone.peer(5000), 7, 0));
    let mut salt = world.rng(1);
    for twin in &mut twins {
        let mut payload = vec![0; 160];
        salt.fill(&mut payload);
        twin.talk(addr("192.0.2.1:4000"), world.now(), vec![payload; 500]);
    }
    world.after(ms(5_000), move |_| nat.rebind());
    world.run_for(ms(11_000));
}

fn log_of(seed: u64, start: Time) -> (Vec<Record>, u64) {
    let world = World::starting_at(seed, start);
    run(&world);
    (world.wire_log(), world.wire_hash())
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let (log, hash) = log_of(5, Time::ZERO);
    assert!(log.len() > 1_500, "{}", log.len());
    assert!(log.iter().all(|record| record.fate != Fate::InFlight));
    assert_eq!((log, hash), log_of(5, Time::ZERO));
}

#[test]
fn another_seed_gives_another_log() {
    let hashes: Vec<u64> = (0..8).map(|seed| log_of(seed, Time::ZERO).1).collect();
    for (index, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..index].contains(hash), "seed {index}");
    }
}

#[test]
fn the_world_may_begin_at_any_moment() {
    let relative = |start| {
        let (log, _) = log_of(9, start);
        let fates = log.into_iter().map(|record| match record.fate {
            Fate::Delivered { at, to } => (record.sent - start, Some((at - start, to))),
            _ => (record.sent - start, None),
        });
        fates.collect::<Vec<_>>()
    };
    let at_zero = relative(AWKWARD_STARTS[0]);
    for start in &AWKWARD_STARTS[1..] {
        assert!(relative(*start) == at_zero, "{start:?}");
    }
}

#[test]
fn the_hash_needs_no_records() {
    let world = World::new(5);
    world.keep_wire_log(LogDetail::Hash);
    run(&world);
    assert!(world.wire_log().is_empty());
    assert_eq!(world.wire_hash(), log_of(5, Time::ZERO).1);
}
