//! Sample rates, mute, levels, slow readers, pauses and keepalives.

use crate::common::*;

use talkpath::{Constraints, FrameKind, Mute, RtcpMux, SampleRate, Silence};
use talkpath_sim::World;

const RATES: [SampleRate; 4] = [
    SampleRate::HZ_8000,
    SampleRate::HZ_16000,
    SampleRate::HZ_24000,
    SampleRate::HZ_48000,
];

#[test]
fn each_side_has_its_own_rate() {
    for ours in RATES {
        for theirs in RATES {
            let talk = Talk::with(151, any().rate(ours), any().rate(theirs));
            let (mut a, mut b) = talk.lines();
            assert_eq!((a.hear.rate(), b.hear.rate()), (ours, theirs));
            assert_eq!(a.hear.frame_len(), ours.hz() as usize / 50);
            chat(50, &mut [&mut a, &mut b]);
            a.assert_unbroken(-4000);
            b.assert_unbroken(8000);
            assert_one_stream(&rtp_from(&talk.world, ALICE), 160);
            talk.end();
        }
    }
}

#[test]
fn mute_sends_silence_and_breaks_no_sequence() {
    let talk = Talk::new(152);
    let (mut a, mut b) = talk.lines();
    talk.caller.mute(Mute::On).unwrap();
    chat(60, &mut [&mut a, &mut b]);
    let heard = b.take();
    let tail = &heard[heard.len() - 50..];
    assert!(
        tail.iter()
            .all(|f| f.kind == FrameKind::Heard && f.mean.abs() < 10),
        "{heard:?}"
    );
    assert_eq!(talk.caller.stats().audio().unwrap().levels.said, 127);
    talk.caller.mute(Mute::Off).unwrap();
    chat(60, &mut [&mut a, &mut b]);
    b.assert_ends_with(50, 8000);
    a.assert_unbroken(-4000);
    let sent = rtp_from(&talk.world, ALICE);
    assert_one_stream(&sent, 160);
    assert_eq!(sent.iter().filter(|packet| packet.marker).count(), 1);
    talk.end();
}

#[test]
fn levels_are_those_of_the_last_frame() {
    let talk = Talk::new(153);
    let (mut a, mut b) = talk.lines();
    chat(10, &mut [&mut a, &mut b]);
    let levels = |session: &talkpath::Session| session.stats().audio().unwrap().levels;
    // 8000 of 32768 is -12.2 dB, 4000 -18.3 dB.
    for (session, said, heard) in [(&talk.caller, 12, 18), (&talk.callee, 18, 12)] {
        let levels = levels(session);
        assert!(
            levels.said.abs_diff(said) <= 1 && levels.heard.abs_diff(heard) <= 1,
            "{levels:?}"
        );
    }
    for _ in 0..50 {
        a.hear();
        b.hear();
    }
    for session in [&talk.caller, &talk.callee] {
        assert_eq!((levels(session).said, levels(session).heard), (127, 127));
    }
    talk.end();
}

#[test]
fn a_slow_reader_loses_the_oldest_and_is_told() {
    let talk = Talk::new(154);
    let (mut a, mut b) = talk.lines();
    // Nobody reads for a second: 200 ms are kept.
    for level in 0..50 {
        a.level = 100 * level;
        a.say();
        a.hear();
        b.say();
    }
    assert_eq!(b.hear.queued(), 10);
    let first = b.hear();
    assert!((38..=42).contains(&first.lost_before), "{first:?}");
    assert_eq!(b.hear.lost(), first.lost_before);
    // What is left is the newest.
    assert!(
        is_about(first.mean, 100 * 38) || first.mean > 3500,
        "{first:?}"
    );
    for _ in 0..9 {
        assert_eq!(b.hear().lost_before, 0);
    }
    talk.end();
}

#[test]
fn more_than_fits_is_said_to_be_more() {
    let talk = Talk::new(155);
    let mut a = Line::of(&talk.caller, 8000);
    let room = 1600;
    assert_eq!(a.say.send(&[1; 1000]).unwrap(), 1000);
    assert_eq!(a.say.send(&[1; 1000]).unwrap(), room - 1000);
    assert_eq!(a.say.send(&[1; 1000]).unwrap(), 0);
    assert_eq!(a.say.queued(), room);
    talk.world.run_for(ms(1000));
    assert_eq!(a.say.queued(), 0);
    let began = talk.world.now();
    a.say.send_all(&vec![1; 16_000]).unwrap();
    let took = talk.world.now() - began;
    assert!(took.abs_diff(ms(1800)) <= ms(40), "{took:?}");
    assert_eq!(a.say.send(&[]).unwrap(), 0);
    talk.end();
}

#[test]
fn after_a_pause_the_marker_is_set_and_time_has_gone_on() {
    let talk = Talk::new(156);
    let (mut a, mut b) = talk.lines();
    for pause in [3, 50, 500] {
        chat(20, &mut [&mut a, &mut b]);
        let before = rtp_from(&talk.world, ALICE).len();
        for _ in 0..pause {
            a.hear();
            b.say();
            b.hear();
        }
        b.take();
        chat(20, &mut [&mut a, &mut b]);
        b.assert_ends_with(10, 8000);
        let sent = rtp_from(&talk.world, ALICE);
        let spurt = sent[before..].iter().position(|packet| packet.marker);
        let resumed = before + spurt.unwrap_or_else(|| panic!("no marker after {pause} frames"));
        let (last, next) = (&sent[resumed - 1], &sent[resumed]);
        assert_eq!(last.seq.wrapping_add(1), next.seq);
        let apart = next.timestamp.wrapping_sub(last.timestamp);
        let passed = ((next.sent - last.sent).as_micros() as u32 + 10_000) / 20_000 * 160;
        assert_eq!(apart, passed, "after {pause} frames");
    }
    a.assert_unbroken(-4000);
    talk.end();
}

#[test]
fn silence_is_sent_where_it_is_asked_for() {
    let talk = Talk::with(
        157,
        Constraints::from(any()).silence(Silence::Packets),
        any(),
    );
    let (mut a, mut b) = (Line::of(&talk.caller, 8000), Line::of(&talk.callee, -4000));
    for _ in 0..100 {
        a.hear();
        b.hear();
    }
    chat(50, &mut [&mut a, &mut b]);
    let sent = rtp_from(&talk.world, ALICE);
    assert!(sent.len() >= 148, "{}", sent.len());
    assert_one_stream(&sent, 160);
    let bobs = rtp_from(&talk.world, BOB);
    let spoken = bobs.iter().filter(|packet| !packet.payload.is_empty());
    assert!(spoken.count() <= 50);
    b.assert_ends_with(40, 8000);
    talk.end();
}

#[test]
fn a_quiet_stream_is_kept_alive() {
    let plain = || any().rtcp_mux(RtcpMux::Off);
    let talk = Talk::with(158, plain(), plain());
    let (mut a, mut b) = talk.lines();
    chat(20, &mut [&mut a, &mut b]);
    let before = rtp_from(&talk.world, ALICE).len();
    for _ in 0..50 * 62 {
        a.hear();
        b.hear();
    }
    let sent = rtp_from(&talk.world, ALICE);
    let alive = &sent[before..];
    // RFC 6263 §4.6: a number that means nothing to the peer, nothing in it.
    let empty: Vec<_> = alive
        .iter()
        .filter(|packet| packet.payload.is_empty())
        .collect();
    assert_eq!(empty.len(), 4, "{alive:?}");
    assert!(empty.iter().all(|packet| packet.payload_type >= 96));
    b.take();
    chat(20, &mut [&mut a, &mut b]);
    b.assert_ends_with(10, 8000);
    let stats = talk.callee.stats();
    let audio = stats.audio().unwrap();
    assert_eq!(audio.received.lost, 0, "{audio:?}");
    talk.end();
}

#[test]
fn ten_minutes_of_talk_drift_nowhere() {
    // Clocks 200 ppm apart.
    let world = World::new(159);
    world.keep_wire_log(talkpath_sim::LogDetail::Hash);
    let drifting = |ip: &str, ppm| {
        let driver = world.host(ip).driver().with_drift(ppm);
        builder(&world, ip)
            .driver(std::sync::Arc::new(driver))
            .build()
            .unwrap()
    };
    let (alice, bob) = (drifting(ALICE, 100), drifting(BOB, -100));
    let talk = Talk::between(world.clone(), alice, bob, any(), any());
    let mut a = Line::of(&talk.caller, 8000);
    let mut b = Line::of(&talk.callee, -4000);
    let mut heard = [0, 0];
    for second in 0..600 {
        for _ in 0..50 {
            a.say.send(&[8000; 160]).unwrap();
            b.say.send(&[-4000; 160]).unwrap();
            a.hear();
            b.hear();
        }
        let frames = [a.take(), b.take()];
        for (count, frames) in heard.iter_mut().zip(&frames) {
            *count += frames
                .iter()
                .filter(|frame| frame.kind == FrameKind::Heard)
                .count();
        }
        if second % 60 == 59 {
            for session in [&talk.caller, &talk.callee] {
                let depth = session.stats().audio().unwrap().playout.unwrap().depth;
                assert!(depth <= ms(80), "{depth:?} after {second} s");
            }
        }
    }
    assert!(heard.iter().all(|count| *count > 29_800), "{heard:?}");
    talk.end();
}
