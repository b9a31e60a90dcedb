//! A driver that impairs what it hears, around one of the virtual world.

use std::sync::Arc;

use talkpath::driver::{Harm, Impaired, Impairments};
use talkpath_sim::World;

use crate::common::*;

/// A call of ten seconds in which Bob hears badly; what each came to.
fn call(seed: u64) -> ([talkpath::StreamStats; 2], Harm) {
    let world = World::new(181);
    let alice = manager(&world, ALICE);
    let bad = Impairments {
        loss: 0.1,
        jitter: ms(30),
        reorder: 0.05,
    };
    let driver = Arc::new(world.host(BOB).driver());
    let impaired = Arc::new(Impaired::new(driver, bad, seed));
    let bob = builder(&world, BOB).driver(impaired.clone());
    let talk = Talk::between(world, alice, bob.build().unwrap(), any(), any());
    let (mut a, mut b) = talk.lines();
    chat(500, &mut [&mut a, &mut b]);
    let sides = [&talk.caller, &talk.callee];
    let stats = sides.map(|side| side.stats().audio().unwrap().clone());
    let harm = impaired.harm();
    talk.end();
    (stats, harm)
}

#[test]
fn who_hears_badly_is_who_asked_and_each_loss_is_known() {
    let ([alice, bob], harm) = call(1);
    assert_eq!(alice.received.lost, 0);
    assert_eq!(alice.playout.unwrap().concealed, 0);
    assert!((25..80).contains(&harm.lost), "{harm:?}");
    assert!((10..40).contains(&harm.reordered), "{harm:?}");
    let lost = u64::try_from(bob.received.lost).unwrap();
    assert!(lost.abs_diff(harm.lost) <= 3, "{lost} of {harm:?}");
    assert!(bob.playout.unwrap().concealed > 0);
    assert!(bob.quality.unwrap().rating < alice.quality.unwrap().rating);
    // Reports pass, and so the other side learns what was lost.
    assert!(alice.remote_view.unwrap().lost > 0);
}

#[test]
fn the_same_seed_is_the_same_call() {
    let ([_, one], harm) = call(2);
    let ([_, same], again) = call(2);
    assert_eq!((one.received, one.playout), (same.received, same.playout));
    assert_eq!(harm, again);
    assert_ne!(harm, call(3).1);
}
