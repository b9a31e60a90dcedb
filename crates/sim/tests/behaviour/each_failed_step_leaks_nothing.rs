//! Whichever step of a manager's set-up fails, nothing is left behind, the
//! error is told, and calls that were there before go on.

use std::error::Error;
use std::sync::Arc;

use talkpath::{Audio, Codec, MediaManager, Say, Session};
use talkpath_sim::{Call, Held, World};

use crate::common::ms;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn manager(world: &World, ip: &str) -> Outcome<MediaManager> {
    let driver = Arc::new(world.host(ip).driver());
    Ok(MediaManager::builder()
        .interface(ip)
        .ports(10000..=10100)
        .driver(driver)
        .build()?)
}

fn call(alice: &MediaManager, bob: &MediaManager) -> Outcome<(Session, Session)> {
    let (caller, offer) = alice.create_offer(Audio::sendrecv(Codec::G711))?;
    let (callee, answer) = bob.accept_offer(&offer, Audio::sendrecv(Codec::G711))?;
    caller.apply_answer(&answer)?;
    Ok((caller, callee))
}

/// Says something, and tells how many packets the other heard of it.
fn talk(world: &World, say: &mut Say, callee: &Session) -> Outcome<u64> {
    let before = packets(callee);
    for _ in 0..25 {
        say.send_all(&[1000; 160])?;
    }
    world.run_for(ms(1_000));
    Ok(packets(callee) - before)
}

fn packets(session: &Session) -> u64 {
    session
        .stats()
        .audio()
        .map_or(0, |audio| audio.received.packets)
}

fn whole_story(world: &World) -> Outcome<()> {
    let (alice, bob) = (manager(world, "10.0.0.1")?, manager(world, "10.0.0.2")?);
    let (caller, callee) = call(&alice, &bob)?;
    let (mut say, _hear) = caller.audio()?.split();
    talk(world, &mut say, &callee)?;
    Ok(())
}

#[test]
fn a_set_up_that_fails_at_any_step_holds_nothing_afterwards() {
    for kind in [Call::Bind, Call::Start, Call::Entropy, Call::Adopt] {
        let mut n = 1;
        let told = loop {
            let world = World::new(1);
            world.faults().fail_nth(kind, n);
            let outcome = whole_story(&world);
            world.run_for(ms(1_000));
            assert_eq!(world.held(), Held::default(), "{kind:?} {n}");
            if world.faults().planned() > 0 {
                outcome.unwrap();
                break n - 1;
            }
            // A socket is adopted after its session was given out, which is
            // then closed with an event; and a manager may try another port.
            if matches!(kind, Call::Start | Call::Entropy) {
                assert!(outcome.is_err(), "{kind:?} {n}");
            }
            n += 1;
        };
        assert!(told > 0, "{kind:?} is never called");
    }
}

#[test]
fn a_call_that_cannot_be_set_up_does_not_touch_another() {
    for kind in [Call::Bind, Call::Entropy, Call::Adopt] {
        for n in 1.. {
            let world = World::new(1);
            let alice = manager(&world, "10.0.0.1").unwrap();
            let bob = manager(&world, "10.0.0.2").unwrap();
            let (caller, callee) = call(&alice, &bob).unwrap();
            let (mut say, _hear) = caller.audio().unwrap().split();
            assert_eq!(talk(&world, &mut say, &callee).unwrap(), 25);
            let before = world.held();
            world.faults().fail_nth(kind, n);
            let second = call(&alice, &bob);
            world.run_for(ms(100));
            assert_eq!(talk(&world, &mut say, &callee).unwrap(), 25, "{kind:?} {n}");
            drop(second);
            world.run_for(ms(1_000));
            assert_eq!(world.held(), before, "{kind:?} {n}");
            if world.faults().planned() > 0 {
                break;
            }
        }
    }
}
