//! Whole calls, without signalling, over the simulated network.

use std::time::Duration;

use talkpath_audio::{Dbov, SampleRate, Tone, ToneGenerator, measure};
use talkpath_media::MediaHappening;
use talkpath_sim::{
    AWKWARD_STARTS, Fate, Filtering, Held, Keep, Link, Loss, Mapping, Phone, PhoneSetup, RtpTwin,
    World, pcmu,
};
use talkpath_transport::{DropReason, SourcePolicy};

use crate::common::ms;

const RATE: SampleRate = SampleRate::HZ_8000;

fn phone(world: &World, ip: &str) -> Phone {
    phone_with(world, ip, SourcePolicy::Signalled)
}

fn phone_with(world: &World, ip: &str, policy: SourcePolicy) -> Phone {
    let setup = PhoneSetup {
        policy,
        ..PhoneSetup::default()
    };
    Phone::start(&world.host(ip).driver(), 4000, setup).unwrap()
}

fn tone(hz: f32, lasts: Duration) -> Vec<i16> {
    let mut pcm = vec![0; lasts.as_millis() as usize * 8];
    ToneGenerator::new(Tone::sine(hz, Dbov(-16.0)), RATE).fill(&mut pcm);
    pcm
}

#[test]
fn each_hears_the_others_tone_whenever_the_world_began() {
    for start in AWKWARD_STARTS {
        let world = World::starting_at(3, start);
        let (a, b) = (phone(&world, "10.0.0.1"), phone(&world, "10.0.0.2"));
        Phone::connect(&a, &b);
        a.say(&tone(440.0, ms(10_000)));
        b.say(&tone(1_000.0, ms(10_000)));
        world.run_for(ms(11_000));
        for (phone, hz) in [(&a, 1_000.0), (&b, 440.0)] {
            let heard = phone.heard();
            // Without the end, where it cannot be known yet that nothing follows.
            let active = measure::active(&heard, 100);
            let report = measure::tone(&active[..active.len() - 1_600], RATE).unwrap();
            assert!((report.hz - hz).abs() < 1.0, "{start:?} {report:?}");
            assert!(report.snr_db > 30.0, "{start:?} {report:?}");
            let stats = phone.stats();
            let audio = stats.audio().unwrap();
            assert_eq!(
                (audio.sent.packets, audio.received.packets),
                (500, 500),
                "{start:?}"
            );
            assert_eq!(
                (audio.drops.total(), audio.received.lost),
                (0, 0),
                "{start:?}"
            );
            let seen = audio.remote_view.expect("reports came");
            assert_eq!(seen.lost, 0);
            let round_trip = audio.round_trip.expect("reports went both ways");
            assert!(
                (ms(20)..ms(21)).contains(&round_trip),
                "{start:?} {round_trip:?}"
            );
        }
    }
}

#[test]
fn what_the_wire_lost_is_counted_and_made_up() {
    let world = World::new(5);
    let (a, b) = (phone(&world, "10.0.0.1"), phone(&world, "10.0.0.2"));
    world.link(
        "10.0.0.1",
        "10.0.0.2",
        Link::after(ms(20)).with_loss(Loss::Random(0.05)),
    );
    Phone::connect(&a, &b);
    a.say(&tone(440.0, ms(60_000)));
    world.run_for(ms(61_000));
    let is_rtp = |bytes: &[u8]| bytes.len() == 172;
    let log = world.wire_log();
    let lost = log
        .iter()
        .filter(|r| is_rtp(&r.bytes) && r.fate == Fate::Lost)
        .count() as i64;
    let stats = b.stats();
    let received = stats.audio().unwrap().received;
    assert_eq!(
        (received.packets as i64, received.lost),
        (3_000 - lost, lost)
    );
    assert!((90..210).contains(&lost), "{lost}");
    assert!(b.ticks().concealed >= lost as u64, "{:?} {lost}", b.ticks());
}

#[test]
fn the_same_seed_gives_the_same_call() {
    let call = |seed| {
        let world = World::new(seed);
        world.default_link(
            Link::after(ms(20))
                .with_loss(Loss::Random(0.02))
                .with_duplicates(0.02),
        );
        let (a, b) = (phone(&world, "10.0.0.1"), phone(&world, "10.0.0.2"));
        Phone::connect(&a, &b);
        a.say(&tone(440.0, ms(20_000)));
        b.say(&tone(440.0, ms(20_000)));
        world.run_for(ms(20_000));
        (world.wire_hash(), b.heard())
    };
    assert!(call(1) == call(1));
    assert_ne!(call(1).0, call(2).0);
}

#[test]
fn hanging_up_says_goodbye_and_leaves_nothing() {
    let world = World::new(1);
    let (a, b) = (phone(&world, "10.0.0.1"), phone(&world, "10.0.0.2"));
    Phone::connect(&a, &b);
    a.say(&tone(440.0, ms(1_000)));
    world.run_for(ms(1_500));
    a.hang_up();
    world.run_for(ms(100));
    assert!(
        matches!(b.happenings().last(), Some(MediaHappening::Bye { .. })),
        "{:?}",
        b.happenings()
    );
    drop(b);
    world.run_for(ms(1));
    assert_eq!(world.held(), Held::default());
}

#[test]
fn a_twin_and_a_phone_count_alike() {
    let world = World::new(8);
    let phone = phone(&world, "10.0.0.1");
    let mut twin =
        RtpTwin::new(world.host("10.0.0.2").peer(9), 7, 0).starting_at(65_400, u32::MAX - 9_000);
    let bad = Link::after(ms(20))
        .with_loss(Loss::bursts(0.05, 3.0))
        .with_duplicates(0.03);
    world.link_both("10.0.0.1", "10.0.0.2", bad.with_reorder(0.02, ms(30)));
    phone.call(twin.local_addr(), &pcmu());
    phone.say(&tone(440.0, ms(30_000)));
    twin.talk(
        phone.local_addr(),
        world.now() + ms(100),
        vec![vec![0xff; 160]; 1_500],
    );
    world.run_for(ms(35_000));

    let stats = phone.stats();
    let audio = stats.audio().unwrap();
    let heard_by_twin = twin.summary(audio.sent.ssrc.unwrap().value());
    assert_eq!(audio.sent.packets, 1_500);
    // What was lost at the very ends of a run of numbers, nobody can know.
    assert!((1_490..=1_500).contains(&(heard_by_twin.received + heard_by_twin.lost)));
    let log = world.wire_log();
    let from_twin: Vec<_> = log.iter().filter(|r| r.from == twin.local_addr()).collect();
    let arrived = from_twin
        .iter()
        .filter(|r| matches!(r.fate, Fate::Delivered { .. }))
        .count();
    let copies = from_twin.iter().filter(|r| r.duplicate).count() as u64;
    assert_eq!(audio.received.duplicates, copies);
    // RFC 3550 A.3: duplicates are received too; playout then drops them.
    assert_eq!(audio.received.packets, arrived as u64);
    assert_eq!(audio.drops.of(DropReason::Duplicate).packets, copies);
}

#[test]
fn a_stranger_gets_nothing_in_and_nothing_out() {
    let world = World::new(1);
    let (a, b) = (phone(&world, "10.0.0.1"), phone(&world, "10.0.0.2"));
    Phone::connect(&a, &b);
    a.say(&tone(440.0, ms(10_000)));
    b.say(&tone(440.0, ms(10_000)));
    let mut attacker = RtpTwin::new(world.host("198.51.100.66").peer(4000), 0xbad, 0);
    attacker.talk(a.local_addr(), world.now(), vec![vec![0; 160]; 400]);
    world.run_for(ms(11_000));
    let stats = a.stats();
    assert_eq!(stats.audio().unwrap().received.packets, 500);
    assert_eq!(stats.audio().unwrap().drops.total(), 400);
    assert!(
        world
            .wire_log()
            .iter()
            .all(|record| record.to != attacker.local_addr())
    );
}

#[test]
fn media_follows_a_nat_that_rebinds_when_sources_are_learned() {
    let world = World::new(4);
    let nat = world.nat(
        "203.0.113.1",
        Mapping::AddressAndPortDependent,
        Filtering::AddressDependent,
    );
    world.host("10.0.0.1").behind(&nat);
    let inside = phone(&world, "10.0.0.1");
    let server = phone_with(&world, "192.0.2.1", SourcePolicy::Learn);
    Phone::connect(&inside, &server);
    inside.say(&tone(440.0, ms(30_000)));
    server.say(&tone(1_000.0, ms(30_000)));
    world.run_for(ms(10_000));
    assert!(inside.received() > 400, "{}", inside.received());
    nat.rebind();
    world.run_for(ms(10_000));
    let before = inside.received();
    world.run_for(ms(9_000));
    let resumed = inside.received() - before;
    assert!((440..=450).contains(&resumed), "{resumed}");
    let moved = server
        .happenings()
        .iter()
        .filter(|h| matches!(h, MediaHappening::SourceChanged { .. }))
        .count();
    assert!(moved >= 2, "{:?}", server.happenings());
}

#[test]
fn drift_between_two_clocks_keeps_the_delay_in_bounds() {
    for ppm in [-200, 200] {
        let world = World::new(1);
        let counts = PhoneSetup {
            keep: Keep::Counts,
            ..PhoneSetup::default()
        };
        let driver = world.host("10.0.0.1").driver().with_drift(ppm);
        let a = Phone::start(&driver, 4000, counts.clone()).unwrap();
        let b = Phone::start(&world.host("10.0.0.2").driver(), 4000, counts).unwrap();
        Phone::connect(&a, &b);
        a.say(&tone(440.0, ms(200_000)));
        world.run_for(ms(199_000));
        let stats = b.stats();
        let audio = stats.audio().unwrap();
        assert!(
            (9_945..=9_953).contains(&audio.received.packets),
            "{ppm} {audio:?}"
        );
        let depth = audio.playout.unwrap().depth;
        assert!(depth <= ms(100), "{ppm} {depth:?}");
    }
}
