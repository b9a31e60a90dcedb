//! A capture of a simulated call, explained by the probe: it says what the
//! receiver counted.

use crate::common::*;

use talkpath::probe::{Named, Probe};
use talkpath::{SessionDescription, VoipReports};
use talkpath_sim::{Jitter, Link, World};

#[test]
fn the_probe_finds_what_the_receiver_counted() {
    let world = World::new(181);
    world.link_both(
        ALICE,
        BOB,
        Link::after(ms(20)).with_jitter(Jitter::Uniform { most: ms(8) }),
    );
    let (alice, bob) = (manager(&world, ALICE), manager(&world, BOB));
    let asking = any().voip_reports(VoipReports::Asked);
    let (caller, offer) = alice.create_offer(asking).unwrap();
    let (callee, answer) = bob.accept_offer(&offer, any()).unwrap();
    caller.apply_answer(&answer).unwrap();
    let talk = Talk {
        world,
        alice,
        bob,
        caller,
        callee,
    };
    let (mut a, mut b) = talk.lines();
    chat(1000, &mut [&mut a, &mut b]);
    let counted = talk.callee.stats().audio().unwrap().clone();
    let told = talk.caller.stats().audio().unwrap().remote_view.unwrap();

    let mut probe = Probe::new();
    for text in [offer.to_string(), answer.to_string()] {
        probe = probe.describe(&SessionDescription::parse(text).unwrap());
    }
    let found = probe.look(&talk.world.pcap()).unwrap();
    assert_eq!((found.streams.len(), found.other), (2, 0));
    let ours = |stream: &&talkpath::probe::Stream| Some(stream.ssrc) == counted.received.ssrc;
    let stream = found.streams.iter().find(ours).unwrap();
    // What is still on its way was captured where it was sent.
    assert!(stream.packets - counted.received.packets <= 3);
    assert_eq!((stream.lost, stream.restarts), (0, 0));
    assert_eq!(stream.payloads[0].named, Named::Described);
    assert_eq!(stream.packet_time, Some(ms(20)));
    let (here, there) = (stream.quality.unwrap(), counted.quality.unwrap());
    assert!(here.rating >= there.rating, "{here:?} {there:?}");
    assert_eq!(stream.told.voip, told.voip);
    assert!(stream.told.sender_reports > 0 && stream.told.cname.is_some());
    talk.end();
}
