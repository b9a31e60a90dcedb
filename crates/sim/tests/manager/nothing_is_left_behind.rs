//! Every step of every set-up fails once, thousands of calls come and go, and
//! the same seed gives the same wire.

use crate::common::*;

use talkpath::{Change, MediaManager, Pcap, SampleRate, Session, SessionError, Wav};
use talkpath_sim::{Call, Jitter, Link, LogDetail, Loss, World};

/// Everything that a session can begin, as far as it comes.
fn begin(alice: &MediaManager, bob: &MediaManager) -> Result<(Session, Session), SessionError> {
    let (caller, offer) = alice.create_offer(any())?;
    let (callee, answer) = bob.accept_offer(&offer, any())?;
    caller.apply_answer(&answer)?;
    let _recording = caller.record(Wav::stereo("r.wav"))?;
    let _capture = callee.record(Pcap::new("c.pcap"))?;
    let _playback = caller.play("p.wav")?;
    let offer = caller.offer(Change::Add(any()))?;
    let answer = callee.answer(&offer)?;
    caller.apply_answer(&answer)?;
    Ok((caller, callee))
}

#[test]
fn each_step_of_a_set_up_fails_once_and_nothing_leaks() {
    let mut failures = 0;
    for call in Call::ALL {
        for nth in 1.. {
            let talk = Talk::new(111);
            let (mut a, mut b) = talk.lines();
            let mut wav = talkpath_file::wav::WavWriter::new(1, 8000).unwrap();
            wav.written(3200);
            let sound = [&wav.header()[..], &[7; 3200]].concat();
            talk.world.host(ALICE).disk().put("p.wav", sound);
            let before = (talk.alice.ports_in_use(), talk.bob.ports_in_use());
            let files = talk.world.held().files;

            talk.world.faults().fail_nth(call, nth);
            let begun = begin(&talk.alice, &talk.bob);
            chat(5, &mut [&mut a, &mut b]);
            let failed = begun.is_err();
            drop(begun);
            chat(20, &mut [&mut a, &mut b]);
            let hit = talk.world.faults().planned() == 0;
            talk.world.faults().clear();
            let now = (talk.alice.ports_in_use(), talk.bob.ports_in_use());
            assert_eq!(now, before, "{call:?} {nth}");
            assert_eq!(talk.world.held().files, files, "{call:?} {nth}");
            assert_eq!(
                (talk.alice.sessions().len(), talk.bob.sessions().len()),
                (1, 1)
            );
            if call != Call::Send {
                // A datagram refused is a packet lost, to whomever it went.
                a.assert_unbroken(-4000);
                b.assert_unbroken(8000);
            }
            // The same again succeeds, once what it left has another name.
            for host in [ALICE, BOB] {
                let disk = talk.world.host(host).disk();
                let left = disk.names().into_iter().filter(|name| *name != *"p.wav");
                left.for_each(|name| disk.remove(name));
            }
            let again = begin(&talk.alice, &talk.bob).unwrap();
            chat(5, &mut [&mut a, &mut b]);
            assert_eq!(again.0.state(), talkpath::SessionState::Active);
            drop(again);
            talk.end();
            if !hit {
                assert!(!failed);
                break;
            }
            failures += 1;
            if nth > 40 && call == Call::Send {
                break;
            }
        }
    }
    assert!(failures > 30, "{failures}");
}

#[test]
fn each_step_of_building_a_manager_fails_once_and_nothing_leaks() {
    for call in [Call::Bind, Call::Start, Call::Entropy] {
        for nth in 1.. {
            let world = World::new(112);
            let talk = Talk::new(113);
            world.faults().fail_nth(call, nth);
            let built = builder(&world, ALICE)
                .interface("10.0.0.1")
                .workers(3)
                .build();
            let hit = world.faults().planned() == 0;
            assert_eq!(built.is_err(), hit, "{call:?} {nth}");
            drop(built);
            world.faults().clear();
            world.run_for(ms(600));
            assert_eq!(world.held(), Default::default(), "{call:?} {nth}");
            manager(&world, ALICE)
                .create_offer(any())
                .map(drop)
                .unwrap();
            talk.end();
            if !hit {
                break;
            }
        }
    }
}

#[test]
fn two_thousand_calls_come_and_go_and_a_quarter_of_them_fail() {
    let world = World::new(114);
    world.keep_wire_log(LogDetail::Hash);
    let small = |ip| {
        builder(&world, ip)
            .ports(10000..=10031)
            .workers(2)
            .build()
            .unwrap()
    };
    let (alice, bob) = (small(ALICE), small(BOB));
    let mut rng = world.rng(7);
    let mut open: Vec<(Session, Option<Session>)> = Vec::new();
    let (mut refused, mut begun) = (0, 0);
    for round in 0..2000 {
        let fate = rng.below(16);
        match alice.create_offer(any()) {
            Err(error) => {
                assert_eq!(error.sip_status(), 503, "{error}");
                refused += 1;
            }
            // Never answered.
            Ok((caller, _)) if fate == 0 => drop(caller),
            // Answered by nobody who can.
            Ok((caller, offer)) if fate == 1 => {
                let other = offer.to_string().replace("RTP/AVP 0 8", "RTP/AVP 3");
                assert!(bob.accept_offer(other.as_str(), any()).is_err());
                caller.rollback().unwrap();
            }
            // The answer is lost, and something else comes.
            Ok((caller, offer)) if fate == 2 => {
                drop(bob.accept_offer(&offer, any()));
                assert!(caller.apply_answer("v=0\r\n").is_err());
            }
            Ok((caller, offer)) => match bob.accept_offer(&offer, any()) {
                Err(error) => {
                    assert_eq!(error.sip_status(), 503, "{error}");
                    refused += 1;
                }
                Ok((callee, _)) if fate == 3 => open.push((caller, Some(callee))),
                Ok((callee, answer)) => {
                    caller.apply_answer(&answer).unwrap();
                    begun += 1;
                    if round % 50 == 0 {
                        let mut a = Line::of(&caller, 8000);
                        let mut b = Line::of(&callee, -4000);
                        chat(8, &mut [&mut a, &mut b]);
                        b.assert_ends_with(1, 8000);
                    }
                    open.push((caller, Some(callee)));
                }
            },
        }
        while open.len() as u64 > rng.below(24) {
            let index = rng.below(open.len() as u64) as usize;
            drop(open.swap_remove(index));
        }
        if fate.is_multiple_of(4) {
            world.run_for(ms(1));
        }
    }
    assert!(
        begun > 1000 && refused > 0,
        "{begun} begun, {refused} refused"
    );
    drop(open);
    world.run_for(ms(10));
    assert_eq!((alice.ports_in_use(), bob.ports_in_use()), (0, 0));
    assert!(alice.sessions().is_empty() && bob.sessions().is_empty());
    assert_eq!(world.held().sockets, 0);
    drop((alice, bob));
    assert_eq!(world.held(), Default::default());
}

/// A call over a bad network, with everything in it that takes a chance.
fn bad_call(seed: u64) -> (u64, u64, Vec<Frame>) {
    let world = World::new(seed);
    world.keep_wire_log(LogDetail::Hash);
    let bad = Link::after(ms(40))
        .with_jitter(Jitter::Uniform { most: ms(30) })
        .with_loss(Loss::bursts(0.05, 3.0))
        .with_reorder(0.02, ms(30))
        .with_duplicates(0.02);
    world.link_both(ALICE, BOB, bad);
    let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
    let wide = any().rate(SampleRate::HZ_16000).ptime(ms(30));
    let talk = Talk::between(world, alice, bob, any(), wide);
    let mut a = Line::of(&talk.caller, 8000);
    let mut b = Line::of(&talk.callee, -4000);
    for _ in 0..10 {
        chat(50, &mut [&mut a, &mut b]);
        let offer = talk.callee.hold().unwrap();
        talk.callee
            .apply_answer(&talk.caller.answer(&offer).unwrap())
            .unwrap();
        let offer = talk.callee.resume().unwrap();
        talk.callee
            .apply_answer(&talk.caller.answer(&offer).unwrap())
            .unwrap();
    }
    let world = talk.world.clone();
    talk.end();
    let heard = a.take().into_iter().chain(b.take()).collect();
    (world.wire_hash(), world.wire_count(), heard)
}

#[test]
fn one_seed_is_one_call_and_another_seed_another() {
    let first = bad_call(115);
    assert_eq!(first, bad_call(115));
    let other = bad_call(116);
    assert_ne!(first.0, other.0);
    assert_ne!(first.2, other.2);
}

#[test]
fn a_thousand_bridges_come_and_go_beside_one_session() {
    let talk = Talk::new(117);
    let (mut a, mut b) = talk.lines();
    let ports = talk.alice.ports_in_use();
    for round in 0..1000 {
        let (other, offer) = talk.alice.create_offer(any()).unwrap();
        let (far, answer) = talk.bob.accept_offer(&offer, any()).unwrap();
        other.apply_answer(&answer).unwrap();
        let bridge = talk.alice.bridge(&talk.caller, &other).unwrap();
        talk.world.run_for(ms(100));
        match round % 3 {
            0 => bridge.end().unwrap(),
            1 => {
                bridge.remove(&talk.caller).unwrap();
                bridge.remove(&other).unwrap();
            }
            // The other closes, and the next bridge takes the caller out.
            _ => {}
        }
        other.close().wait().unwrap();
        far.close().wait().unwrap();
    }
    talk.world.run_for(ms(5000));
    assert_eq!(talk.alice.ports_in_use(), ports);
    chat(50, &mut [&mut a, &mut b]);
    a.assert_ends_with(20, -4000);
    b.assert_ends_with(20, 8000);
    drop((a, b));
    talk.end();
}
