//! Recordings of every container, their handles, their pauses, their names.

use std::time::Duration;

use crate::common::*;
use crate::files_are_played_and_recorded::Sound;

use talkpath::audio::opus::OPUS;
use talkpath::audio::{Codec as _, Parameters};
use talkpath::{
    Existing, FileError, Happening, Opus, Pause, Pausing, Pcap, Record, RecordingState, SampleRate,
    Session, SessionError, Sides, Wav,
};
use talkpath_file::ogg::OggReader;
use talkpath_sim::Call;

/// The sound of an Ogg Opus file, at 48 kHz.
fn decoded(file: &[u8], channels: u8) -> Sound {
    let codec = OPUS.shaped(SampleRate::HZ_48000, channels).unwrap();
    let mut decoder = codec.decoder(Parameters::new(b"stereo=1"));
    let width = usize::from(channels);
    let (mut reader, mut rest, mut samples) = (OggReader::new(), file, Vec::new());
    while !rest.is_empty() {
        rest = &rest[reader.push(rest)..];
        while let Some(packet) = reader.next_packet().unwrap() {
            let mut pcm = vec![0; codec.samples(packet.data).unwrap() * width];
            decoder.decode(packet.data, &mut pcm).unwrap();
            let skip = packet.skip as usize * width;
            samples.extend(&pcm[skip..skip + packet.samples as usize * width]);
        }
    }
    reader.finish().unwrap();
    Sound {
        rate: 48_000,
        channels: width,
        samples,
    }
}

/// The moment at which a channel first gets loud, in milliseconds.
fn rises(sound: &Sound, channel: usize) -> f64 {
    let at = sound.channel(channel).iter().position(|s| s.abs() > 2500);
    at.unwrap() as f64 * 1000.0 / f64::from(sound.rate)
}

/// Lets the lines talk `frames` frames, `a` a tone of 8000 in the second half.
fn tone(frames: usize, a: &mut Line, b: &mut Line) {
    for n in 0..frames {
        // A square wave of 250 Hz: what Opus keeps, unlike a level.
        let level = if n >= frames / 2 { 8000 } else { 0 };
        let len = a.hear.frame_len();
        let square = |k: usize| {
            if (k * 16 / len).is_multiple_of(2) {
                level
            } else {
                -level
            }
        };
        let frame: Vec<i16> = (0..len).map(square).collect();
        a.say.send_all(&frame).unwrap();
        b.say();
        a.hear();
        b.hear();
    }
}

#[test]
fn every_container_holds_the_same_moments() {
    let talk = Talk::new(201);
    let (mut a, mut b) = talk.lines();
    (a.level, b.level) = (0, 0);
    chat(20, &mut [&mut a, &mut b]);
    let disk = talk.world.host(BOB).disk();
    let records: [Record; 8] = [
        Wav::stereo("8.wav").into(),
        Wav::stereo("16.wav").rate(SampleRate::HZ_16000).into(),
        Wav::stereo("48.wav").rate(SampleRate::HZ_48000).into(),
        Wav::mixed("mixed.wav").into(),
        Wav::said("said.wav").into(),
        Opus::stereo("stereo.opus").into(),
        Opus::mixed("mixed.opus").bitrate(16_000).into(),
        Opus::heard("heard.opus").into(),
    ];
    let recordings = records.map(|record| talk.callee.record(record).unwrap());
    tone(100, &mut a, &mut b);
    let done = recordings.map(|recording| recording.finish());
    let done = done.map(|done| done.wait().unwrap());
    let sounds: Vec<_> = done
        .iter()
        .map(|done| {
            assert_eq!((&done.error, done.gaps), (&None, Duration::ZERO));
            let file = disk.get(&done.path).unwrap();
            let sound = match done.path.extension().unwrap().to_str() {
                Some("opus") => decoded(&file, done.levels.len() as u8),
                _ => Sound::read(&file),
            };
            assert_eq!(sound.channels, done.levels.len());
            let off = sound.length().abs_diff(done.length);
            assert!(off <= Duration::from_micros(200), "{done:?}: {off:?}");
            assert!(done.length.abs_diff(ms(2000)) <= ms(60), "{done:?}");
            sound
        })
        .collect();
    let rates: Vec<_> = sounds[..3].iter().map(|sound| sound.rate).collect();
    assert_eq!(rates, [8000, 16_000, 48_000]);
    let first = rises(&sounds[0], 0);
    for (sound, done) in sounds.iter().zip(&done) {
        match done.path.to_str() {
            Some("said.wav") => {
                assert!(sound.samples.iter().all(|sample| *sample == 0));
                assert_eq!(done.levels[0].peak, 0);
            }
            _ => {
                let apart = (rises(sound, 0) - first).abs();
                assert!(apart <= 2.0, "{}: {apart} ms", done.path.display());
                let level = done.levels[0];
                assert!((7500..=8600).contains(&level.peak), "{level:?}");
                // Half of the time a square wave, else silence.
                assert!((-16.5..=-14.5).contains(&level.rms.0), "{level:?}");
            }
        }
    }
    // The side that is silent stays so; Opus at 8 kHz takes 8 ms to learn where
    // a sound is that begins from nothing.
    let noisy = |sound: &Sound| sound.channel(1).iter().filter(|s| s.abs() > 100).count();
    assert_eq!(noisy(&sounds[0]), 0);
    assert!(noisy(&sounds[5]) <= 48 * 15, "{}", noisy(&sounds[5]));
    talk.end();
}

/// The parts of a channel that are loud, in milliseconds.
fn loud(sound: &Sound, channel: usize) -> Vec<(u64, u64)> {
    let per_ms = sound.rate as usize / 1000;
    let mut parts: Vec<(u64, u64)> = Vec::new();
    for (n, piece) in sound.channel(channel).chunks(per_ms).enumerate() {
        if piece.iter().any(|sample| sample.abs() > 2000) {
            match parts.last_mut().filter(|last| last.1 == n as u64) {
                Some(last) => last.1 += 1,
                None => parts.push((n as u64, n as u64 + 1)),
            }
        }
    }
    parts
}

#[test]
fn a_pause_is_silence_or_left_out_as_asked() {
    let talk = Talk::new(202);
    let (mut a, mut b) = talk.lines();
    let kept = talk.callee.record(Wav::stereo("kept.wav")).unwrap();
    let cut = Wav::stereo("cut.wav").pausing(Pausing::Cut);
    let cut = talk.callee.record(cut).unwrap();
    let opus = Opus::heard("kept.opus");
    let opus = talk.callee.record(opus).unwrap();
    chat(50, &mut [&mut a, &mut b]);
    let all = [&kept, &cut, &opus];
    all.iter().for_each(|recording| recording.pause());
    assert_eq!(kept.state(), RecordingState::Paused);
    chat(30, &mut [&mut a, &mut b]);
    all.iter().for_each(|recording| recording.resume());
    chat(20, &mut [&mut a, &mut b]);
    let disk = talk.world.host(BOB).disk();
    let [kept, cut, opus] = [kept, cut, opus].map(|recording| recording.finish());
    let [kept, cut, opus] = [kept, cut, opus].map(|done| done.wait().unwrap());
    let near = |one: Duration, other: u64| one.abs_diff(ms(other)) <= ms(40);
    for (done, length) in [(&kept, 2000), (&cut, 1400), (&opus, 2000)] {
        assert!(near(done.length, length), "{done:?}");
        let [Pause { at, length }] = done.pauses[..] else {
            panic!("{done:?}");
        };
        assert!(near(at, 1000) && near(length, 600), "{done:?}");
        assert_eq!((&done.error, done.gaps), (&None, Duration::ZERO));
    }
    let file = disk.get("kept.wav").unwrap();
    let parts = loud(&Sound::read(&file), 1);
    let pause = parts[1].0 - parts[0].1;
    assert!(parts.len() == 2 && pause == 600, "{parts:?}");
    let text = String::from_utf8_lossy(&file);
    assert!(text.contains("paused") && text.contains("resumed") && text.contains("cue "));
    let file = disk.get("cut.wav").unwrap();
    assert_eq!(loud(&Sound::read(&file), 1).len(), 1);
    assert!(String::from_utf8_lossy(&file).contains("labl"));
    let file = disk.get("kept.opus").unwrap();
    assert!(String::from_utf8_lossy(&file).contains("NAME=paused"));
    talk.end();
}

#[test]
fn what_is_said_in_a_pause_is_nowhere_in_the_files() {
    let talk = Talk::new(203);
    let (mut a, mut b) = talk.lines();
    (a.level, b.level) = (0, 0);
    chat(20, &mut [&mut a, &mut b]);
    let wav = talk.callee.record(Wav::stereo("s.wav")).unwrap();
    let pcap = talk.callee.record(Pcap::new("s.pcap")).unwrap();
    wav.pause();
    pcap.pause();
    (a.level, b.level) = (8000, 8000);
    chat(50, &mut [&mut a, &mut b]);
    (a.level, b.level) = (0, 0);
    chat(20, &mut [&mut a, &mut b]);
    wav.resume();
    pcap.resume();
    chat(50, &mut [&mut a, &mut b]);
    let done = wav.finish().wait().unwrap();
    assert_eq!(
        done.levels.iter().map(|l| l.peak).max(),
        Some(0),
        "{done:?}"
    );
    pcap.finish().wait().unwrap();
    let disk = talk.world.host(BOB).disk();
    let sound = Sound::read(&disk.get("s.wav").unwrap());
    assert!(sound.samples.iter().all(|sample| *sample == 0));
    let file = disk.get("s.pcap").unwrap();
    let reader = talkpath_file::pcap::PcapReader::new(&file).unwrap();
    let payloads: Vec<_> = reader.map(|datagram| datagram.unwrap().payload).collect();
    assert!((80..=110).contains(&payloads.len()), "{}", payloads.len());
    let silent = |p: &&[u8]| p.len() < 172 || p[12..].iter().all(|byte| byte & 0x7f == 0x7f);
    assert!(payloads.iter().all(silent));
    talk.end();
}

#[test]
fn a_recording_goes_on_without_its_handle_and_new_ones_command_it() {
    let talk = Talk::new(204);
    let (mut a, mut b) = talk.lines();
    let id = talk.callee.record(Wav::heard("one.wav")).unwrap().id();
    drop(talk.callee.record(Pcap::new("two.pcap")).unwrap());
    chat(50, &mut [&mut a, &mut b]);
    let all = talk.callee.recordings();
    let paths: Vec<_> = all.iter().map(|r| r.path().to_str().unwrap()).collect();
    assert_eq!(paths, ["one.wav", "two.pcap"]);
    // From another part of the program, which knows only numbers.
    let session = talk.bob.get(talk.callee.id()).unwrap();
    let one = session.recording(id).unwrap();
    one.pause();
    assert_eq!(all[0].state(), RecordingState::Paused);
    one.resume();
    let (first, second) = (all[0].clone().done(), one.finish());
    let (first, second) = (first.wait().unwrap(), second.wait().unwrap());
    assert_eq!(first, second);
    assert_eq!(all[0].state(), RecordingState::Stopped);
    assert!(session.recording(id).is_none());
    assert_eq!(talk.callee.recordings().len(), 1);
    // Who comes late is told too.
    assert_eq!(all[0].clone().done().wait().unwrap(), first);
    talk.end();
}

fn refused(session: &Session, record: impl Into<Record>) -> FileError {
    match session.record(record) {
        Err(SessionError::File(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_has_the_name_already_stays() {
    let talk = Talk::new(205);
    let (mut a, mut b) = talk.lines();
    let disk = talk.world.host(BOB).disk();
    disk.put("there.wav", *b"precious");
    disk.put("folder.wav/x", *b"");
    let error = refused(&talk.callee, Wav::heard("there.wav"));
    assert!(matches!(error, FileError::Exists { .. }), "{error}");
    for name in ["folder.wav", "..", "/", "", "a.part", "b.wav/"] {
        let error = refused(&talk.callee, Wav::heard(name).existing(Existing::Replace));
        assert!(matches!(error, FileError::Name { .. }), "{name}: {error}");
    }
    // Two at once do not get in each other's way.
    let first = talk.callee.record(Opus::heard("twice.opus")).unwrap();
    let again = Opus::heard("twice.opus").existing(Existing::Replace);
    let error = refused(&talk.callee, again.clone());
    assert!(matches!(error, FileError::Unfinished { .. }), "{error}");
    chat(20, &mut [&mut a, &mut b]);
    first.finish().wait().unwrap();
    let error = refused(&talk.callee, Opus::heard("twice.opus"));
    assert!(matches!(error, FileError::Exists { .. }), "{error}");
    let second = talk.callee.record(again).unwrap();
    assert_eq!(second.finish().wait().unwrap().error, None);
    // Somebody takes the name while the recording goes on.
    let raced = talk.callee.record(Wav::heard("raced.wav")).unwrap();
    disk.put("raced.wav", *b"faster");
    let done = raced.finish().wait().unwrap();
    let kind = done.error.map(|fault| fault.kind);
    assert_eq!(kind, Some(std::io::ErrorKind::AlreadyExists));
    assert_eq!(disk.get("raced.wav").unwrap(), b"faster");
    assert!(disk.get("raced.wav.part").is_some());
    assert_eq!(disk.get("there.wav").unwrap(), b"precious");
    talk.end();
}

#[test]
fn rates_that_no_recording_has_are_refused_before_a_file_is_made() {
    let talk = Talk::new(206);
    for hz in [4_000, 7_999, 48_001, 96_000] {
        let rate = SampleRate::new(hz).unwrap();
        let error = refused(&talk.callee, Wav::heard("r.wav").rate(rate));
        assert!(matches!(error, FileError::Rate { .. }), "{error}");
    }
    let cd = SampleRate::new(44_100).unwrap();
    let recording = talk.callee.record(Wav::heard("cd.wav").rate(cd)).unwrap();
    recording.finish().wait().unwrap();
    assert_eq!(talk.world.host(BOB).disk().names().len(), 1);
    talk.end();
}

#[test]
fn each_write_that_fails_ends_the_recording_with_one_event() {
    for (call, first) in [(Call::Write, 2), (Call::Sync, 1), (Call::Rename, 1)] {
        for nth in first..first + 12 {
            for name in ["x.wav", "x.opus", "x.pcap"] {
                let talk = Talk::new(207);
                let events = talk.bob.events();
                let (mut a, mut b) = talk.lines();
                let record = Record::by_name(name, Sides::Stereo).unwrap();
                talk.world.faults().fail_nth(call, nth);
                let recording = match talk.callee.record(record) {
                    Ok(recording) => recording,
                    Err(_) => continue,
                };
                chat(50, &mut [&mut a, &mut b]);
                let done = recording.finish().wait().unwrap();
                let hit = talk.world.faults().planned() == 0;
                assert_eq!(done.error.is_some(), hit, "{call:?} {nth}: {done:?}");
                a.assert_unbroken(-4000);
                b.assert_unbroken(8000);
                let seen = happenings(&events, talk.callee.id());
                let faults = seen.iter().filter(|w| matches!(w, Happening::Error(_)));
                assert_eq!(faults.count(), usize::from(hit));
                assert_eq!(talk.world.held().files, 0);
                talk.world.faults().clear();
                talk.end();
            }
        }
    }
}
