//! A whole call between two applications in virtual time: worker code,
//! rings, ports and events included.

use std::sync::Arc;
use std::time::Duration;

use talkpath::{Audio, Codec, FrameKind, Happening, MediaManager, Notice};
use talkpath_sim::{Link, World};

fn manager(world: &World, address: &str) -> MediaManager {
    let host = world.host(address);
    MediaManager::builder()
        .interface(address)
        .ports(10000..=10100)
        .driver(Arc::new(host.driver()))
        .build()
        .expect("the host has the address")
}

#[test]
fn what_is_said_is_heard_and_nothing_is_left_behind() {
    let world = World::new(1);
    world.link_both(
        "10.0.0.1",
        "10.0.0.2",
        Link::after(Duration::from_millis(30)),
    );
    let (alice, bob) = (manager(&world, "10.0.0.1"), manager(&world, "10.0.0.2"));
    let events = bob.events();

    let (caller, offer) = alice.create_offer(Audio::sendrecv(Codec::G711)).unwrap();
    let (callee, answer) = bob
        .accept_offer(&offer, Audio::sendrecv(Codec::G711))
        .unwrap();
    caller.apply_answer(&answer).unwrap();

    let (mut say, _hear) = caller.audio().unwrap().split();
    let (_say, mut hear) = callee.audio().unwrap().split();
    let mut frame = [0; 160];
    let mut played = 0;
    for _ in 0..1000 {
        say.send_all(&[8000; 160]).unwrap();
        let heard = hear.recv(&mut frame).unwrap();
        if heard.kind == FrameKind::Heard {
            played += 1;
            assert!(
                frame.iter().all(|sample| (7800..8300).contains(sample)),
                "{frame:?}"
            );
        }
    }
    assert!(played >= 990, "{played} frames were heard");
    let stats = callee.stats();
    let received = &stats.audio().unwrap().received;
    assert_eq!(received.lost, 0);

    let sent = caller.stats();
    let view = sent
        .audio()
        .unwrap()
        .remote_view
        .expect("reports went back and forth");
    assert_eq!(view.lost, 0);
    let round_trip = sent.audio().unwrap().round_trip.expect("measured by RTCP");
    assert!(round_trip.abs_diff(Duration::from_millis(60)) < Duration::from_millis(2));

    caller.close().wait().unwrap();
    callee.close().wait().unwrap();
    assert_eq!((alice.ports_in_use(), bob.ports_in_use()), (0, 0));
    drop((alice, bob));
    let mut seen = Vec::new();
    while let Some(notice) = events.recv() {
        if let Notice::Event(event) = notice {
            seen.push(event.what);
        }
    }
    assert_eq!(seen.first(), Some(&Happening::Created));
    assert!(
        matches!(seen.last(), Some(Happening::Closed { .. })),
        "{seen:?}"
    );
}
