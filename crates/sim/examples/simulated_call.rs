//! A call in a virtual world: an hour of it, with loss, in about a second.
//!
//! The application under test is any code that uses a `MediaManager`; only the
//! driver is another. `cargo run --release -p talkpath-sim --example simulated_call`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use talkpath::{Audio, Codec, MediaManager};
use talkpath_sim::{Jitter, Link, Loss, World};

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::new(42);
    let link = Link::after(Duration::from_millis(40))
        .with_jitter(Jitter::Uniform {
            most: Duration::from_millis(10),
        })
        .with_loss(Loss::Random(0.02));
    world.link_both("10.0.0.1", "10.0.0.2", link);
    let manager = |address: &str| {
        let driver = Arc::new(world.host(address).driver());
        MediaManager::builder()
            .interface(address)
            .ports(10000..=10100)
            .driver(driver)
            .build()
    };
    let (alice, bob) = (manager("10.0.0.1")?, manager("10.0.0.2")?);

    let (caller, offer) = alice.create_offer(Audio::sendrecv(Codec::USUAL))?;
    let (callee, answer) = bob.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
    caller.apply_answer(&answer)?;

    let (mut say, _) = caller.audio()?.split();
    let (_, mut hear) = callee.audio()?.split();
    let mut frame = vec![0; hear.frame_len()];
    for _ in 0..3600 * 50 {
        say.send_all(&[1000; 160])?; // waits for room: virtual time moves
        hear.recv(&mut frame)?;
    }

    let stats = callee.stats();
    let received = stats.audio().ok_or("no stream")?.received;
    println!(
        "After {:?} of virtual time: {} packets received, {} lost, jitter {:?}.",
        world.now().since_start(),
        received.packets,
        received.lost,
        received.jitter,
    );
    println!(
        "{} datagrams on the wire, hash {:016x}: the same on every run.",
        world.wire_count(),
        world.wire_hash()
    );
    Ok(())
}
