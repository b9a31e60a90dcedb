//! Taps of either direction or both, slow ones, several, and speech as events.

use crate::common::*;

use talkpath::audio::voice::Settings;
use talkpath::{FrameKind, Happening, HearError, Play, SampleRate, SessionError, Tap, Tapped};
use talkpath_sim::{Link, Loss};

/// The kind of a frame, and the mean of each of its channels.
type Taken = (FrameKind, Vec<i16>);

fn take(tap: &mut Tapped) -> Vec<Taken> {
    let (mut frame, mut all) = (vec![0; tap.frame_len()], Vec::new());
    while let Some(told) = tap.try_recv(&mut frame).unwrap() {
        let channels = (0..tap.channels()).map(|channel| {
            let lane = frame.iter().skip(channel).step_by(tap.channels());
            let sum: i64 = lane.copied().map(i64::from).sum();
            (sum / (frame.len() / tap.channels()) as i64) as i16
        });
        all.push((told.kind, channels.collect()));
    }
    all
}

#[test]
fn both_directions_are_tapped_at_every_rate() {
    for rate in [8000, 16_000, 24_000, 48_000] {
        let rate = SampleRate::new(rate).unwrap();
        let talk = Talk::new(241);
        let (mut a, mut b) = talk.lines();
        let taps = [Tap::heard(), Tap::said(), Tap::both()];
        let mut taps = taps.map(|tap| talk.caller.tap(tap.rate(rate)).unwrap());
        assert_eq!(taps[2].frame_len(), 2 * rate.frame_len());
        chat(40, &mut [&mut a, &mut b]);
        let expected: [&[i16]; 3] = [&[-4000], &[8000], &[-4000, 8000]];
        for (tap, levels) in taps.iter_mut().zip(expected) {
            let taken = take(tap);
            assert!((38..=41).contains(&taken.len()), "{}", taken.len());
            for (kind, means) in &taken[5..] {
                assert_eq!(*kind, FrameKind::Heard);
                let pairs = means.iter().zip(levels);
                assert!(
                    pairs.clone().all(|(mean, level)| is_about(*mean, *level)),
                    "{means:?}"
                );
            }
            assert_eq!(tap.lost(), 0);
        }
        talk.end();
    }
}

#[test]
fn a_slow_tap_loses_the_oldest_and_the_others_nothing() {
    let talk = Talk::new(242);
    let (mut a, mut b) = talk.lines();
    let mut slow = talk.caller.tap(Tap::heard().buffer(ms(200))).unwrap();
    let mut keen = talk.caller.tap(Tap::heard().buffer(ms(2000))).unwrap();
    chat(60, &mut [&mut a, &mut b]);
    let mut frame = [0; 160];
    let first = slow.recv(&mut frame).unwrap();
    assert!((48..=51).contains(&first.lost_before), "{first:?}");
    assert_eq!(slow.queued(), 9);
    assert!(take(&mut keen).len() >= 59);
    assert_eq!(keen.lost(), 0);
    a.assert_unbroken(-4000);
    talk.end();
}

#[test]
fn gaps_are_marked() {
    let talk = Talk::new(243);
    talk.world.link(
        ALICE,
        BOB,
        Link::after(ms(20)).with_loss(Loss::bursts(0.2, 1.0)),
    );
    let (mut a, mut b) = talk.lines();
    let mut tap = talk.callee.tap(Tap::heard().buffer(ms(10_000))).unwrap();
    chat(300, &mut [&mut a, &mut b]);
    let taken = take(&mut tap);
    let heard: Vec<_> = b.take().iter().map(|frame| frame.kind).collect();
    let kinds: Vec<_> = taken.iter().map(|(kind, _)| *kind).collect();
    let concealed = kinds.iter().filter(|kind| **kind == FrameKind::Concealed);
    assert!((30..=90).contains(&concealed.count()));
    let tail = &heard[heard.len() - 200..];
    assert!(kinds.windows(200).any(|window| window == tail));
    talk.end();
}

#[test]
fn a_tap_listens_where_nobody_else_does_and_ends_with_the_session() {
    let talk = Talk::new(244);
    let mut tap = talk.callee.tap(Tap::heard()).unwrap();
    let samples = vec![5000; 16_000];
    talk.caller
        .play(Play::samples(samples, SampleRate::HZ_8000))
        .unwrap();
    talk.world.run_for(ms(1000));
    let taken = take(&mut tap);
    assert!(
        taken
            .iter()
            .filter(|(_, means)| is_about(means[0], 5000))
            .count()
            > 40
    );
    assert_eq!(
        tap.recv(&mut [0; 10]),
        Err(HearError::TooShort {
            needed: 160,
            given: 10
        })
    );
    let odd = Tap::heard().rate(SampleRate::new(44_100).unwrap());
    let error = talk.callee.tap(odd).unwrap_err();
    assert!(
        matches!(error, SessionError::Rate { hz: 44_100 }),
        "{error}"
    );
    let Talk { callee, caller, .. } = talk;
    callee.close().wait().unwrap();
    let mut frame = [0; 160];
    let end = loop {
        match tap.recv(&mut frame) {
            Ok(_) => {}
            Err(end) => break end,
        }
    };
    assert_eq!(end, HearError::Ended);
    drop(caller);
}

/// A voice of 120 Hz, syllable after syllable: pulses through two formants.
fn speech(millis: usize) -> Vec<i16> {
    let (mut state, mut out) = ([[0.0f32; 2]; 2], Vec::new());
    for n in 0..millis * 8 {
        let t = n as f32 / 8000.0;
        let syllable = (t * 4.0 * std::f32::consts::TAU).sin().max(0.0).sqrt();
        let hz = 120.0 + 15.0 * (t * 9.0).sin();
        let pulse = match (t * hz).fract() < ((t - 1.0 / 8000.0) * hz).fract() {
            true => 1.0,
            false => 0.0,
        };
        let mut sum = 0.0;
        for (formant, (hz, gain)) in state.iter_mut().zip([(650.0f32, 1.0), (1200.0, 0.6)]) {
            let (r, w) = (0.97f32, hz * std::f32::consts::TAU / 8000.0);
            let y = pulse + 2.0 * r * w.cos() * formant[0] - r * r * formant[1];
            *formant = [y, formant[0]];
            sum += gain * y;
        }
        out.push((sum * syllable * 4000.0) as i16);
    }
    out
}

#[test]
fn speech_is_told_when_it_starts_and_when_it_stops() {
    let talk = Talk::new(245);
    let events = talk.bob.events();
    let detection = talk.callee.detect_speech(Settings::default()).unwrap();
    let say = |millis| {
        let play = Play::silence(ms(600)).then(Play::samples(speech(millis), SampleRate::HZ_8000));
        talk.caller.play(play).unwrap();
        talk.world.run_for(ms(millis as u64 + 2500));
        let seen = happenings(&events, talk.callee.id());
        seen.into_iter()
            .filter(|what| {
                let started = matches!(what, Happening::SpeechStarted { .. });
                started || matches!(what, Happening::SpeechStopped { .. })
            })
            .collect::<Vec<_>>()
    };
    let told = say(1500);
    assert!(
        matches!(told.first(), Some(Happening::SpeechStarted { .. })),
        "{told:?}"
    );
    assert!(
        matches!(told.last(), Some(Happening::SpeechStopped { .. })),
        "{told:?}"
    );
    // Nobody wants to know any more.
    drop(detection);
    assert_eq!(say(1500), []);
    talk.end();
}

#[test]
fn what_waits_at_each_stage_is_in_the_statistics() {
    let talk = Talk::new(246);
    let (mut a, mut b) = talk.lines();
    chat(20, &mut [&mut a, &mut b]);
    for _ in 0..5 {
        a.say();
    }
    b.say();
    talk.world.run_for(ms(40));
    let stats = talk.caller.stats();
    let audio = stats.audio().unwrap();
    assert!(
        (ms(20)..=ms(100)).contains(&audio.waiting.said),
        "{audio:?}"
    );
    assert!(
        (ms(40)..=ms(60)).contains(&audio.waiting.heard),
        "{audio:?}"
    );
    assert!(audio.playout.is_some());
    talk.end();
}
