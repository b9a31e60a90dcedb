//! What the application feeds: live or stored, cleared, marked, and from
//! clocks that are not ours.

use crate::common::*;

use talkpath::{Feed, MarkError, Marked};

#[test]
fn a_burst_is_stored_and_said_as_it_is() {
    let talk = Talk::new(221);
    let mut b = Line::of(&talk.callee, 0);
    let feed = Feed::stored(ms(10_000));
    let (mut say, _hear) = talk.caller.audio_with(feed).unwrap().split();
    let words: Vec<i16> = (0..250).flat_map(|n| [100 + 80 * n; 160]).collect();
    let began = talk.world.now();
    assert_eq!(say.send(&words).unwrap(), words.len());
    assert_eq!(talk.world.now(), began, "nothing is waited for");
    assert_eq!((say.queued(), say.room()), (40_000, 40_000));
    for _ in 0..270 {
        b.hear();
    }
    let heard: Vec<i16> = b.take().iter().map(|frame| frame.mean).collect();
    let first = heard.iter().position(|mean| *mean > 0).unwrap();
    for (n, mean) in heard[first..first + 250].iter().enumerate() {
        assert!(is_about(*mean, 100 + 80 * n as i16), "{n}: {heard:?}");
    }
    assert_eq!((say.shortened(), say.lengthened()), (ms(0), ms(0)));
    talk.end();
}

#[test]
fn a_full_store_presses_back() {
    let talk = Talk::new(222);
    let feed = Feed::stored(ms(1000));
    let (mut say, _hear) = talk.caller.audio_with(feed).unwrap().split();
    assert_eq!(say.send(&[1; 16_000]).unwrap(), 8000);
    assert_eq!(say.send(&[1; 160]).unwrap(), 0);
    let began = talk.world.now();
    say.send_all(&[1; 8000]).unwrap();
    let took = talk.world.now() - began;
    assert!(took.abs_diff(ms(1000)) <= ms(60), "{took:?}");
    talk.end();
}

#[test]
fn what_is_cleared_is_not_said_and_its_length_is_told() {
    let talk = Talk::new(223);
    let mut b = Line::of(&talk.callee, 0);
    let feed = Feed::stored(ms(10_000));
    let (mut say, _hear) = talk.caller.audio_with(feed).unwrap().split();
    say.send_all(&[5000; 40_000]).unwrap();
    for _ in 0..50 {
        b.hear();
    }
    b.assert_ends_with(30, 5000);
    let left = say.queued() as u64 / 8;
    let cleared = say.clear();
    assert_eq!(cleared, ms(left));
    assert!((ms(3900)..=ms(4200)).contains(&cleared), "{cleared:?}");
    assert_eq!((say.queued(), say.clear()), (0, ms(0)));
    // Another answer takes its place at once.
    say.send_all(&[-3000; 40_000]).unwrap();
    for _ in 0..20 {
        b.hear();
    }
    let heard = b.take();
    let old = heard
        .iter()
        .filter(|frame| is_about(frame.mean, 5000))
        .count();
    assert!(old <= 6, "{heard:?}");
    assert!(is_about(heard[19].mean, -3000), "{heard:?}");
    talk.end();
}

#[test]
fn marks_tell_when_what_stands_before_them_was_said() {
    let talk = Talk::new(224);
    let feed = Feed::stored(ms(10_000));
    let (mut say, _hear) = talk.caller.audio_with(feed).unwrap().split();
    let began = talk.world.now();
    let mut marks = Vec::new();
    for _ in 0..5 {
        say.send_all(&[1000; 8000]).unwrap();
        marks.push(say.mark().unwrap());
    }
    let last = marks.split_off(3);
    for (second, mark) in (1..).zip(marks) {
        assert_eq!(mark.wait(), Ok(Marked::Said));
        let at = talk.world.now() - began;
        // A tick to notice, a tick in hand.
        assert!(at.abs_diff(ms(1000 * second)) <= ms(60), "{at:?}");
    }
    say.clear();
    for mark in last {
        assert_eq!(mark.wait(), Ok(Marked::Cleared));
    }
    // With nothing before it, it is reached at once.
    assert_eq!(say.mark().unwrap().wait(), Ok(Marked::Said));
    say.send_all(&[1000; 8000]).unwrap();
    let unreached = say.mark().unwrap();
    let Talk { caller, .. } = talk;
    caller.close().wait().unwrap();
    assert!(unreached.wait().is_err());
    assert_eq!(say.mark().unwrap_err(), MarkError::Ended);
}

#[test]
fn a_live_feed_from_a_fast_clock_keeps_its_budget() {
    let talk = Talk::new(225);
    let mut b = Line::of(&talk.callee, 0);
    let (mut say, mut hear) = talk.caller.audio().unwrap().split();
    let mut frame = [0; 160];
    let mut deepest = 0;
    for n in 0..3000 {
        // 0.5 % too many.
        let words = if n % 200 == 0 { 320 } else { 160 };
        assert_eq!(say.send(&[5000; 320][..words]).unwrap(), words);
        hear.recv(&mut frame).unwrap();
        b.hear();
        if n > 500 {
            deepest = deepest.max(say.queued());
        }
    }
    assert!(deepest <= 8 * 110, "{deepest}");
    assert!(
        (ms(150)..=ms(300)).contains(&say.shortened()),
        "{:?}",
        say.shortened()
    );
    b.assert_ends_with(2000, 5000);
    talk.end();
}

#[test]
fn a_cushion_keeps_a_slow_clock_from_running_dry() {
    let talk = Talk::new(226);
    let mut b = Line::of(&talk.callee, 0);
    let feed = Feed::live().cushion(ms(20));
    let (mut say, mut hear) = talk.caller.audio_with(feed).unwrap().split();
    let mut frame = [0; 160];
    for n in 0..3000 {
        // 0.5 % too few.
        if n % 200 != 199 {
            say.send_all(&[5000; 160]).unwrap();
        }
        hear.recv(&mut frame).unwrap();
        b.hear();
    }
    assert!(say.lengthened() >= ms(250), "{:?}", say.lengthened());
    b.assert_ends_with(2800, 5000);
    let sent = rtp_from(&talk.world, ALICE);
    assert_eq!(sent.iter().filter(|packet| packet.marker).count(), 1);
    talk.end();
}

#[test]
fn a_sound_card_of_another_clock_hears_without_a_gap() {
    for (hz, seed) in [(7990, 227), (8010, 228)] {
        let talk = Talk::new(seed);
        let (mut a, mut b) = talk.lines();
        let (mut samples, mut owed, mut dry) = ([0; 400], 0, 0);
        let Line { hear, .. } = &mut b;
        for n in 0..3000 {
            a.say();
            a.hear();
            // 20 ms of our clock, in pieces that fit no frame.
            owed += hz;
            let wanted = owed / 50 - 3;
            owed -= wanted * 50;
            let given = hear.pull(&mut samples[..wanted]).unwrap();
            dry += usize::from(n > 50 && given < wanted);
        }
        assert_eq!(dry, 0, "{hz} Hz");
        assert!(hear.queued() <= 3);
        assert_eq!(hear.lost(), 0);
        talk.end();
    }
}
