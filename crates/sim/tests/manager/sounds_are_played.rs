//! Sounds of every kind, in a row, over each other, again and from within.

use std::time::Duration;

use crate::common::*;

use talkpath::audio::{Dbov, Parameters, Tone, ToneGenerator, codec, measure};
use talkpath::{FileDone, FileError, Over, Play, SampleRate, SessionError, Tap};
use talkpath_file::ogg::{OggWriter, OpusHead};
use talkpath_file::wav::WavWriter;

const RATE: SampleRate = SampleRate::HZ_8000;

fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
    let mut writer = WavWriter::new(1, rate).unwrap();
    writer.written(samples.len() as u64 * 2);
    let mut file = writer.header().to_vec();
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

/// Steps of `frames` frames, each at the next of `levels`.
fn steps(levels: &[i16], frames: usize) -> Vec<i16> {
    let step = |level: &i16| vec![*level; frames * 160];
    levels.iter().flat_map(step).collect()
}

/// The levels that Bob heard, one after the other, and for how many frames.
fn runs(heard: &[Frame]) -> Vec<(i16, usize)> {
    let mut runs: Vec<(i16, usize)> = Vec::new();
    for frame in heard {
        match runs.last_mut() {
            Some((level, count)) if is_about(frame.mean, *level) => *count += 1,
            _ => runs.push((frame.mean, 1)),
        }
    }
    runs
}

/// Proves that these levels were heard for so many frames each; where one
/// follows the other, a frame may hold both.
#[track_caller]
fn assert_heard(line: &mut Line, expected: &[(i16, usize)]) {
    let heard = line.take();
    let runs: Vec<_> = runs(&heard).into_iter().filter(|(_, n)| *n > 2).collect();
    assert_eq!(runs.len(), expected.len(), "{runs:?}");
    for ((level, frames), (wanted, length)) in runs.iter().zip(expected) {
        assert!(is_about(*level, *wanted), "{runs:?}");
        assert!(frames.abs_diff(*length) <= 2, "{runs:?}");
    }
}

fn listen(line: &mut Line, frames: usize) {
    for _ in 0..frames {
        line.hear();
    }
}

fn quiet(talk: &Talk) -> Line {
    let mut line = Line::of(&talk.callee, 0);
    listen(&mut line, 10);
    line.take();
    line
}

#[test]
fn a_sound_is_repeated_from_where_it_is_to_begin() {
    let talk = Talk::new(201);
    let disk = talk.world.host(ALICE).disk();
    disk.put("steps.wav", wav(8000, &steps(&[9000, 2000, 5000], 20)));
    let mut b = quiet(&talk);
    let play = Play::file("steps.wav").from(ms(400)).repeat(2);
    let playback = talk.caller.play(play).unwrap();
    listen(&mut b, 90);
    let done = playback.done().wait().unwrap();
    assert_eq!((done.length, done.error), (ms(1600), None));
    listen(&mut b, 20);
    let once = [(2000, 20), (5000, 20)];
    let twice: Vec<_> = once.iter().chain(&once).copied().collect();
    let silence = b.take();
    let sounding: Vec<_> = silence.into_iter().skip_while(|f| f.mean == 0).collect();
    let heard: Vec<_> = runs(&sounding)
        .into_iter()
        .filter(|(_, n)| *n > 2)
        .collect();
    let levels: Vec<_> = heard.iter().take(4).map(|(level, _)| *level).collect();
    for (level, (wanted, _)) in levels.iter().zip(&twice) {
        assert!(is_about(*level, *wanted), "{heard:?}");
    }
    talk.end();
}

#[test]
fn what_repeats_for_ever_ends_when_it_is_stopped_and_has_no_gap() {
    let talk = Talk::new(202);
    let mut b = quiet(&talk);
    let half_second: Vec<i16> = vec![6000; 22_050 / 2];
    let disk = talk.world.host(ALICE).disk();
    disk.put("music.wav", wav(22_050, &half_second));
    let music = talk
        .caller
        .play(Play::file("music.wav").for_ever())
        .unwrap();
    listen(&mut b, 20);
    b.take();
    listen(&mut b, 500);
    b.assert_unbroken(6000);
    let done = music.stop().wait().unwrap();
    assert!(done.length > Duration::from_secs(10), "{done:?}");
    listen(&mut b, 20);
    b.assert_ends_in_silence(10);
    talk.end();
}

#[test]
fn several_sounds_follow_each_other_from_disk_memory_and_tone() {
    let talk = Talk::new(203);
    let disk = talk.world.host(ALICE).disk();
    disk.put("one.wav", wav(8000, &steps(&[3000], 25)));
    let mut b = quiet(&talk);
    let play = Play::file("one.wav")
        .then(Play::silence(ms(200)))
        .then(Play::samples(steps(&[7000], 25), RATE))
        .then(Play::bytes(wav(8000, &steps(&[-5000], 25))))
        .then(Play::samples(vec![8000; 48_000], SampleRate::HZ_48000).gain(-6.0206));
    let playback = talk.caller.play(play).unwrap();
    listen(&mut b, 160);
    let expected = [(3000, 25), (0, 10), (7000, 25), (-5000, 25), (4000, 50)];
    let heard = b.take();
    let sounding: Vec<_> = heard.into_iter().skip_while(|f| f.mean == 0).collect();
    let runs: Vec<_> = runs(&sounding)
        .into_iter()
        .filter(|(_, n)| *n > 2)
        .collect();
    for ((level, frames), (wanted, length)) in runs.iter().zip(expected) {
        assert!(is_about(*level, wanted), "{runs:?}");
        assert!(frames.abs_diff(length) <= 2, "{runs:?}");
    }
    let done = playback.done().wait().unwrap();
    assert_eq!((done.length, done.error), (ms(2700), None));
    talk.end();
}

#[test]
fn a_tone_lasts_as_long_as_it_is_to() {
    let talk = Talk::new(204);
    let mut b = quiet(&talk);
    let tone = Tone::sine(425.0, Dbov(-10.0));
    let playback = talk.caller.play(Play::tone(tone).lasting(ms(500))).unwrap();
    let mut loud = 0;
    let (mut frame, mut peaks) = (vec![0; 160], Vec::new());
    for _ in 0..60 {
        b.hear.recv(&mut frame).unwrap();
        let peak = frame.iter().copied().max().unwrap_or(0);
        loud += usize::from(peak > 8000);
        peaks.push(peak);
    }
    // A loss at the end is concealed before it is silence.
    assert!((24..=29).contains(&loud), "{peaks:?}");
    assert_eq!(playback.done().wait().unwrap().length, ms(500));
    talk.end();
}

#[test]
fn an_announcement_ducks_the_music_and_gives_it_back() {
    let talk = Talk::new(205);
    let mut b = quiet(&talk);
    let music = Play::samples(vec![10_000; 8000], RATE).for_ever();
    let music = talk.caller.play(music).unwrap();
    listen(&mut b, 30);
    b.take();
    let announcement = Play::samples(steps(&[3000], 25), RATE);
    let announced = talk.caller.play(announcement).unwrap();
    listen(&mut b, 25);
    listen(&mut b, 25);
    assert!(announced.is_over() && !music.is_over());
    // 10,000 by -15 dB is 1,778.
    assert_heard(&mut b, &[(4_778, 25), (10_000, 22)]);
    let both = Play::samples(steps(&[3000], 10), RATE).over(Over::Mix);
    talk.caller.play(both).unwrap();
    listen(&mut b, 30);
    let sum = b.take().iter().filter(|f| is_about(f.mean, 13_000)).count();
    assert!((8..=10).contains(&sum), "{sum}");
    let instead = Play::samples(steps(&[2000], 10), RATE).over(Over::Replace);
    talk.caller.play(instead).unwrap();
    listen(&mut b, 40);
    b.assert_ends_in_silence(10);
    assert!(music.is_over());
    talk.end();
}

#[test]
fn the_application_speaks_again_when_the_playing_is_over() {
    let talk = Talk::new(206);
    let (mut a, mut b) = talk.lines();
    let playback = talk.caller.play(Play::samples(steps(&[3000], 25), RATE));
    let FileDone { length, .. } = {
        let playback = playback.unwrap();
        chat(60, &mut [&mut a, &mut b]);
        playback.done().wait().unwrap()
    };
    assert_eq!(length, ms(500));
    b.assert_ends_with(20, 8000);
    talk.end();
}

#[test]
fn what_is_wrong_with_any_sound_is_said_before_anything_is_heard() {
    let talk = Talk::new(207);
    let good = || Play::samples(steps(&[3000], 25), RATE);
    let missing = talk.caller.play(good().then(Play::file("nowhere.wav")));
    let error = missing.unwrap_err().to_string();
    assert!(error.starts_with("nowhere.wav"), "{error}");
    assert!(talk.caller.play(Play::bytes(*b"no sound")).is_err());
    // Nothing in it: over at once, however often.
    let nothing = Play::samples(Vec::new(), RATE).for_ever();
    let mut b = quiet(&talk);
    let nothing = talk.caller.play(nothing).unwrap();
    listen(&mut b, 20);
    assert_eq!(nothing.done().wait().unwrap().length, Duration::ZERO);
    talk.end();
}

#[test]
fn a_file_that_goes_bad_while_it_is_repeated_ends_the_playback_alone() {
    let talk = Talk::new(208);
    let disk = talk.world.host(ALICE).disk();
    disk.put("loop.wav", wav(8000, &steps(&[3000], 100)));
    let (mut a, mut b) = talk.lines();
    let play = Play::file("loop.wav").for_ever();
    let playback = talk.caller.play(play).unwrap();
    disk.remove("loop.wav");
    chat(300, &mut [&mut a, &mut b]);
    let done = playback.done().wait().unwrap();
    assert!(done.error.is_some(), "{done:?}");
    b.assert_ends_with(20, 8000);
    talk.end();
}

/// Two seconds of a 440 Hz tone as an Ogg Opus file.
fn opus_file(channels: u8, gain: i16) -> Vec<u8> {
    let opus = codec::find("opus", 48_000, 2).unwrap();
    let opus = opus.shaped(SampleRate::HZ_48000, channels).unwrap();
    let mut encoder = opus.encoder(Parameters::NONE);
    let (mut file, mut payload) = (Vec::new(), vec![0; opus.max_payload_len(960)]);
    let head = OpusHead {
        output_gain: gain,
        ..OpusHead::new(channels, 312)
    };
    let mut writer = OggWriter::new(head, 7, &[], &mut file).unwrap();
    let mut tone = ToneGenerator::new(Tone::sine(440.0, Dbov(-20.0)), SampleRate::HZ_48000);
    for _ in 0..100 {
        let mut mono = [0; 960];
        tone.fill(&mut mono);
        let frame = mono.iter().flat_map(|s| vec![*s; usize::from(channels)]);
        let frame: Vec<i16> = frame.collect();
        let len = encoder.encode(&frame, &mut payload).unwrap();
        writer.packet(&payload[..len], &mut file).unwrap();
    }
    writer.finish(0, &mut file).unwrap();
    file
}

#[test]
fn ogg_opus_is_played_at_every_rate_mono_and_stereo_with_its_gain() {
    let cases = [
        (8000, 1, 0),
        (16_000, 2, 0),
        (24_000, 1, -6 * 256),
        (48_000, 2, 6 * 256),
    ];
    for (hz, channels, gain) in cases {
        let rate = SampleRate::new(hz).unwrap();
        let talk = Talk::with(209, any().rate(rate), any().rate(rate));
        let disk = talk.world.host(ALICE).disk();
        // What it is, its first bytes say.
        disk.put("tone.wav", opus_file(channels, gain));
        let mut tap = talk.caller.tap(Tap::said().buffer(ms(5000))).unwrap();
        let playback = talk.caller.play("tone.wav").unwrap();
        let done = playback.done().wait().unwrap();
        assert_eq!(done.error, None);
        let expected = Duration::from_nanos((96_000 - 312) * 1_000_000_000 / 48_000);
        assert!(done.length.abs_diff(expected) <= ms(1), "{:?}", done.length);
        let (mut frame, mut said) = (vec![0; rate.frame_len()], Vec::new());
        while tap.try_recv(&mut frame).unwrap().is_some() {
            said.extend_from_slice(&frame);
        }
        let start = said.iter().position(|s| s.abs() > 500).unwrap() + rate.frame_len();
        let tone = measure::tone(&said[start..start + hz as usize], rate).unwrap();
        assert!((tone.hz - 440.0).abs() < 1.0, "{tone:?}");
        let level = -20.0 + f32::from(gain) / 256.0;
        assert!((tone.level.0 - level).abs() < 1.0, "{hz} Hz: {tone:?}");
        talk.end();
    }
}

#[test]
fn opus_repeats_without_a_gap_and_damage_costs_what_it_hits() {
    let talk = Talk::new(210);
    let mut tap = talk.caller.tap(Tap::said().buffer(ms(10_000))).unwrap();
    let mut damaged = opus_file(1, 0);
    let middle = damaged.len() / 2;
    damaged[middle..middle + 200].fill(0x55);
    let play = Play::bytes(opus_file(1, 0))
        .repeat(2)
        .then(Play::bytes(damaged));
    let playback = talk.caller.play(play).unwrap();
    let done = playback.done().wait().unwrap();
    assert_eq!(done.error, None);
    assert!(done.length > ms(4000), "{done:?}");
    let (mut frame, mut quiet) = (vec![0; 160], 0);
    for n in 0..190 {
        tap.recv(&mut frame).unwrap();
        let loud = frame.iter().any(|s| s.abs() > 1500);
        quiet += usize::from(n > 5 && !loud);
    }
    assert_eq!(quiet, 0);
    let nothing = Play::bytes(opus_file(1, 0)[..60].to_vec());
    let error = talk.caller.play(nothing).unwrap_err();
    assert!(
        matches!(error, SessionError::File(FileError::Opus { .. })),
        "{error}"
    );
    talk.end();
}
