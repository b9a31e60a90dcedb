//! Both channels of a recording, sample by sample against the world's clock,
//! through hold, other codecs, other sources and clocks that drift.

use std::net::SocketAddr;
use std::time::Duration;

use crate::common::*;
use crate::files_are_played_and_recorded::{Sound, wav};

use talkpath::{MediaManager, Play, Session, Wav};
use talkpath_sim::{Jitter, Link, Loss, ScriptedPeer, World};
use talkpath_wire::Time;

/// A second: 100 ms of sound, then silence, in G.711.
fn second(loud: u8, silent: u8) -> impl Iterator<Item = Vec<u8>> {
    (0..50).map(move |n| vec![if n < 5 { loud } else { silent }; 160])
}

/// Sends packets as a clock that gains `ppm` would, and says when it is done.
fn say(
    peer: &ScriptedPeer,
    to: SocketAddr,
    ((ssrc, number), ppm): ((u32, u8), i32),
    from: Time,
    payloads: impl Iterator<Item = Vec<u8>>,
) -> Time {
    let frame = Duration::from_nanos((20_000_000 - 20 * i64::from(ppm)) as u64);
    let mut at = from;
    for payload in payloads {
        let count = ((at - Time::ZERO).as_nanos() / frame.as_nanos()) as u32;
        let mut packet = vec![0x80, number];
        packet.extend((count as u16).to_be_bytes());
        packet.extend((count * 160).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend(payload);
        peer.send_at(at, to, &packet);
        at += frame;
    }
    at
}

/// Where a channel gets loud after half a second of silence, in seconds.
pub(crate) fn onsets(sound: &Sound, channel: usize) -> Vec<f64> {
    let rate = f64::from(sound.rate);
    let (mut last, mut found) = (f64::NEG_INFINITY, Vec::new());
    for (n, sample) in sound.channel(channel).iter().enumerate() {
        if sample.abs() > 4000 {
            let at = n as f64 / rate;
            if at - last > 0.5 {
                found.push(at);
            }
            last = at;
        }
    }
    found
}

/// A callee that records a scripted caller for `minutes`; every minute the
/// caller is another source, every other one it speaks the other law, and every
/// third one begins with 20 s of hold. Says how far both channels are off.
fn minutes_of_change(minutes: u64, ppm: i32) {
    let world = World::new(301);
    world.link(
        ALICE,
        BOB,
        Link::after(ms(30))
            .with_jitter(Jitter::Uniform { most: ms(20) })
            .with_loss(Loss::Random(0.01)),
    );
    let disk = world.host(BOB).disk();
    let burst: Vec<i16> = (0..8000).map(|n| if n < 800 { 9000 } else { 0 }).collect();
    disk.put("beat.wav", wav(8000, &burst));
    let bob = manager(&world, BOB);
    let offer = |direction: &str, version: u64| {
        format!(
            "v=0\r\no=- 1 {version} IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
             m=audio 5000 RTP/AVP 0 8\r\na={direction}\r\n"
        )
    };
    let (callee, _) = bob
        .accept_offer(offer("sendrecv", 1).as_str(), any())
        .unwrap();
    let to = callee.streams()[0].local.unwrap().rtp;
    let peer = world.host(ALICE).peer(5000);
    let recording = callee.record(Wav::stereo("hour.wav")).unwrap();
    callee.play(Play::file("beat.wav").for_ever()).unwrap();
    let began = world.now();
    let mut beats: Vec<Time> = Vec::new();
    for minute in 0..minutes {
        let (number, loud, silent) = [(0, 0x9f, 0xff), (8, 0xb5, 0xd5)][minute as usize % 2];
        let (mut from, mut seconds) = (began + Duration::from_secs(60 * minute) + ms(500), 59);
        let before = callee.streams()[0].direction;
        if minute % 3 == 2 {
            callee
                .answer(offer("inactive", 2 * minute).as_str())
                .unwrap();
            world.run_for(Duration::from_secs(20));
            callee
                .answer(offer("sendrecv", 2 * minute + 1).as_str())
                .unwrap();
            (from, seconds) = (from + Duration::from_secs(20), 39);
        }
        assert_eq!(callee.streams()[0].direction, before);
        let source = (0x1000 + minute as u32, number);
        for _ in 0..seconds {
            beats.push(from);
            from = say(&peer, to, (source, ppm), from, second(loud, silent));
        }
        let next = began + Duration::from_secs(60 * (minute + 1));
        world.run_for(next - world.now());
    }
    let done = recording.finish().wait().unwrap();
    assert_eq!((done.error, done.gaps), (None, Duration::ZERO));
    assert!(done.length.abs_diff(Duration::from_secs(60 * minutes)) <= ms(40));
    let sound = Sound::read(&disk.get("hour.wav").unwrap());
    assert_heard_true(&onsets(&sound, 0), &beats, began);
    let said = onsets(&sound, 1);
    assert!(said.len() as u64 >= 38 * minutes, "{}", said.len());
    for at in &said {
        let off = (at - said[0]).fract();
        assert!(off.min(1.0 - off) <= 0.0201, "{at} s: {off}");
    }
}

/// Each beat that is heard is at its place: so much after it was said, always.
pub(crate) fn assert_heard_true(heard: &[f64], beats: &[Time], began: Time) {
    let said = |beat: &Time| (*beat - began).as_secs_f64();
    let delays: Vec<f64> = beats
        .iter()
        .filter_map(|beat| {
            let said = said(beat);
            let after = |at: &&f64| (0.0..0.5).contains(&(**at - said));
            heard.iter().find(after).map(|at| at - said)
        })
        .collect();
    // A beat's first packet may be lost.
    assert!(
        delays.len() * 100 >= beats.len() * 95,
        "{} of {}",
        delays.len(),
        beats.len()
    );
    let mut sorted = delays.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted[sorted.len() / 2];
    let near = |width: f64| {
        delays
            .iter()
            .filter(|d| (**d - middle).abs() <= width)
            .count()
    };
    println!(
        "{} beats, {:.1} ms after they were said; within 10 ms {}, 20 ms {}, 40 ms {}; {:.1} to {:.1}",
        delays.len(),
        middle * 1e3,
        near(0.010),
        near(0.020),
        near(0.040),
        sorted[0] * 1e3,
        sorted[sorted.len() - 1] * 1e3
    );
    assert!(near(0.040) * 1000 >= delays.len() * 975, "{:?}", &sorted);
}

#[test]
fn both_channels_stay_in_their_places_through_all_that_changes() {
    minutes_of_change(6, -200);
}

#[test]
fn both_channels_stay_in_their_places_for_an_hour_of_drift() {
    // An hour takes a minute when nothing is optimised.
    let minutes = if cfg!(debug_assertions) { 15 } else { 60 };
    minutes_of_change(minutes, 150);
}

/// A session with a scripted peer of `bob` that speaks only `format`.
fn leg(bob: &MediaManager, port: u16, format: u8) -> Session {
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {format}\r\n"
    );
    bob.accept_offer(offer.as_str(), any()).unwrap().0
}

#[test]
fn both_channels_stay_in_their_places_from_room_to_room() {
    let world = World::new(303);
    let disk = world.host(BOB).disk();
    let burst: Vec<i16> = (0..8000).map(|n| if n < 800 { 9000 } else { 0 }).collect();
    disk.put("beat.wav", wav(8000, &burst));
    let bob = manager(&world, BOB);
    // Two rooms that tick, one ten minutes older than the other, in phases of
    // their own.
    let others = [(6000, 0), (6002, 8), (6004, 0), (6006, 8)];
    let [a, b, c, d] = others.map(|(port, format)| leg(&bob, port, format));
    let old = bob.bridge(&a, &b).unwrap();
    world.run_for(Duration::from_secs(600) + ms(7));
    let young = bob.bridge(&c, &d).unwrap();
    world.run_for(ms(5006));
    let callee = leg(&bob, 5000, 0);
    let to = callee.streams()[0].local.unwrap().rtp;
    let peer = world.host(ALICE).peer(5000);
    let recording = callee.record(Wav::stereo("rooms.wav")).unwrap();
    callee.play(Play::file("beat.wav").for_ever()).unwrap();
    let began = world.now();
    let mut from = began + ms(500);
    let mut beats = Vec::new();
    let ways: [&dyn Fn(); 8] = [
        &|| {},
        &|| old.add(&callee).unwrap(),
        &|| young.add(&callee).unwrap(),
        &|| young.remove(&callee).unwrap(),
        &|| old.add(&callee).unwrap(),
        &|| old.end().unwrap(),
        &|| young.add(&callee).unwrap(),
        &|| young.remove(&callee).unwrap(),
    ];
    for way in ways {
        way();
        let until = from + ms(5003);
        for _ in 0..5 {
            beats.push(from);
            from = say(&peer, to, ((0x1000, 0), 0), from, second(0x9f, 0xff));
        }
        world.run_for(until - world.now());
    }
    let lasted = world.now() - began;
    let done = recording.finish().wait().unwrap();
    assert_eq!(done.error, None);
    assert!(
        done.length.abs_diff(lasted) <= ms(40),
        "{done:?} {lasted:?}"
    );
    assert!(done.gaps <= ms(60), "{done:?}");
    let sound = Sound::read(&disk.get("rooms.wav").unwrap());
    assert_heard_true(&onsets(&sound, 0), &beats, began);
    // What was said is beside the packets that it left in.
    let left = |packet: &Rtp| {
        let loud = packet.payload.iter().position(|byte| byte & 0x70 <= 0x20)?;
        let into = Duration::from_micros(125 * loud as u64);
        Some((packet.sent + into - began).as_secs_f64())
    };
    let mut sent = rtp_from(&world, BOB);
    sent.retain(|packet| packet.to.port() == 5000 && packet.sent >= began);
    let mut left: Vec<f64> = sent.iter().filter_map(left).collect();
    left.dedup_by(|next, first| *next - *first < 0.5);
    let said = onsets(&sound, 1);
    assert_eq!(said.len(), left.len());
    for (said, left) in said.iter().zip(&left) {
        assert!((said - left).abs() <= 0.0401, "{said} s: {left}");
    }
}
