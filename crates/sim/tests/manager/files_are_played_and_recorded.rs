//! Recordings that are true to time, playbacks that stop, disks that fail.

use std::time::Duration;

use crate::common::*;

use talkpath::{Happening, Pcap, SampleRate, Wav};
use talkpath_file::wav::{WavReader, WavWriter, repair};
use talkpath_sim::{Link, Loss};

/// The samples of a WAV file, and its rate and channels.
pub(crate) struct Sound {
    pub(crate) rate: u32,
    pub(crate) channels: usize,
    pub(crate) samples: Vec<i16>,
}

impl Sound {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let (mut reader, mut samples, mut rest) = (WavReader::new(), Vec::new(), bytes);
        let mut pcm = [0; 4096];
        loop {
            let progress = reader.read(rest, &mut pcm).unwrap();
            samples.extend(&pcm[..progress.samples]);
            rest = &rest[progress.consumed..];
            if progress.consumed == 0 && progress.samples == 0 {
                break;
            }
        }
        let format = reader.header().unwrap().format;
        Sound {
            rate: format.sample_rate,
            channels: usize::from(format.channels),
            samples,
        }
    }

    pub(crate) fn length(&self) -> Duration {
        let frames = self.samples.len() / self.channels;
        Duration::from_secs_f64(frames as f64 / f64::from(self.rate))
    }

    pub(crate) fn channel(&self, index: usize) -> Vec<i16> {
        self.samples
            .iter()
            .skip(index)
            .step_by(self.channels)
            .copied()
            .collect()
    }
}

pub(crate) fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
    let mut writer = WavWriter::new(1, rate).unwrap();
    writer.written(samples.len() as u64 * 2);
    let mut file = writer.header().to_vec();
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

#[test]
fn a_recording_is_as_long_as_the_call_whatever_is_lost() {
    let talk = Talk::new(101);
    let lossy = Link::after(ms(20)).with_loss(Loss::bursts(0.2, 5.0));
    talk.world.link(ALICE, BOB, lossy);
    let (mut a, mut b) = talk.lines();
    let recording = talk.callee.record(Wav::stereo("call.wav")).unwrap();
    let began = talk.world.now();
    chat(1000, &mut [&mut a, &mut b]);
    talk.world.link(ALICE, BOB, Link::cut());
    chat(100, &mut [&mut a, &mut b]);
    talk.world.link(ALICE, BOB, Link::after(ms(20)));
    chat(100, &mut [&mut a, &mut b]);
    let lasted = talk.world.now() - began;
    let done = recording.finish().wait().unwrap();
    assert_eq!((done.error, done.gaps), (None, Duration::ZERO));
    let sound = Sound::read(&talk.world.host(BOB).disk().get("call.wav").unwrap());
    assert_eq!((sound.rate, sound.channels), (8000, 2));
    assert_eq!(sound.length(), done.length);
    assert!(
        sound.length().abs_diff(lasted) <= ms(60),
        "{:?} of {lasted:?}",
        sound.length()
    );
    let (heard, said) = (sound.channel(0), sound.channel(1));
    // What was said has no gap, what was cut off is silence in its place.
    assert!(said[400..].iter().all(|sample| is_about(*sample, -4000)));
    let cut = 1010 * 160 + 1600..1090 * 160;
    assert!(heard[cut].iter().all(|sample| *sample == 0));
    assert!(
        heard[1120 * 160..1190 * 160]
            .iter()
            .all(|sample| is_about(*sample, 8000))
    );
    talk.end();
}

#[test]
fn both_sides_of_a_recording_are_in_step() {
    // Bob answers the moment he hears: 10 ms of way each, one frame of his own.
    let talk = Talk::new(102);
    let mut a = Line::of(&talk.caller, 0);
    let mut b = Line::of(&talk.callee, 0);
    let _recording = talk.caller.record(Wav::stereo("echo.wav")).unwrap();
    for n in 0..100 {
        a.level = if (40..60).contains(&n) { 8000 } else { 0 };
        let heard = b.take().last().map_or(0, |frame| frame.mean);
        b.level = if heard > 4000 { 8000 } else { 0 };
        chat(1, &mut [&mut a, &mut b]);
    }
    let Talk {
        world,
        caller,
        callee,
        alice,
        bob,
    } = talk;
    caller.close().wait().unwrap();
    drop((callee, alice, bob));
    let sound = Sound::read(&world.host(ALICE).disk().get("echo.wav").unwrap());
    let edge = |channel| {
        sound
            .channel(channel)
            .iter()
            .position(|s| *s > 4000)
            .unwrap()
    };
    let apart = edge(0) as f64 / 8.0 - edge(1) as f64 / 8.0;
    assert!((60.0..=180.0).contains(&apart), "{apart} ms");
}

#[test]
fn a_file_of_any_rate_is_played() {
    for rate in [8000, 11_025, 16_000, 22_050, 44_100, 48_000] {
        let talk = Talk::new(103);
        let seconds = vec![5000; rate as usize * 2];
        talk.world
            .host(ALICE)
            .disk()
            .put("in.wav", wav(rate, &seconds));
        let events = talk.alice.events();
        let mut b = Line::of(&talk.callee, 0);
        let playback = talk.caller.play("in.wav").unwrap();
        let mut heard = 0;
        for _ in 0..150 {
            heard += usize::from(is_about(b.hear().mean, 5000));
        }
        assert!((98..=101).contains(&heard), "{rate} Hz: {heard} frames");
        let done = playback.done().wait().unwrap();
        assert_eq!(done.error, None);
        assert!(
            done.length.abs_diff(ms(2000)) <= ms(20),
            "{rate} Hz: {:?}",
            done.length
        );
        let seen = happenings(&events, talk.caller.id());
        let played = seen
            .iter()
            .filter(|what| matches!(what, Happening::Played { .. }))
            .count();
        assert_eq!(played, 1, "{seen:?}");
        talk.end();
    }
}

#[test]
fn a_playback_that_is_stopped_is_silent_at_once() {
    let talk = Talk::new(104);
    let disk = talk.world.host(ALICE).disk();
    disk.put("long.wav", wav(8000, &vec![5000; 80_000]));
    let mut b = Line::of(&talk.callee, 0);
    let playback = talk.caller.play("long.wav").unwrap();
    for _ in 0..50 {
        b.hear();
    }
    b.assert_ends_with(40, 5000);
    let done = playback.stop().wait().unwrap();
    assert!(
        (ms(900)..=ms(1100)).contains(&done.length),
        "{:?}",
        done.length
    );
    for _ in 0..50 {
        b.hear();
    }
    b.assert_ends_in_silence(40);
    // The application speaks again, and another file can be played.
    let mut a = Line::of(&talk.caller, 8000);
    for _ in 0..30 {
        a.say();
        b.say();
        a.hear();
        b.hear();
    }
    b.assert_ends_with(20, 8000);
    let _again = talk.caller.play("long.wav").unwrap();
    for _ in 0..30 {
        a.say();
        a.hear();
        b.hear();
        if a.say.queued() > 800 {
            break;
        }
    }
    talk.end();
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_call() {
    let talk = Talk::new(105);
    let events = talk.bob.events();
    let (mut a, mut b) = talk.lines();
    let disk = talk.world.host(BOB).disk();
    disk.full_after(50_000);
    let recording = talk.callee.record(Wav::heard("r.wav")).unwrap();
    chat(300, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    let done = recording.done().wait().unwrap();
    assert!(done.error.is_some(), "{done:?}");
    let seen = happenings(&events, talk.callee.id());
    let errors: Vec<_> = seen
        .iter()
        .filter(|what| matches!(what, Happening::Error(trouble) if trouble.to_string().starts_with("r.wav")))
        .collect();
    assert_eq!(errors.len(), 1, "{seen:?}");
    assert_eq!(talk.world.held().files, 0);
    // What there is has its name and can be heard.
    let sound = Sound::read(&disk.get("r.wav").unwrap());
    assert_eq!(sound.length(), done.length);
    assert!(sound.length() > ms(2500), "{:?}", sound.length());
    disk.make_room();
    let _recording = talk.callee.record(Wav::heard("r2.wav")).unwrap();
    chat(20, &mut [&mut a, &mut b]);
    talk.end();
}

fn repaired(mut file: Vec<u8>) -> Vec<u8> {
    let len = file.len() as u64;
    if let Some(repair) = repair(&file, len).unwrap() {
        for patch in repair.patches {
            file[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
        }
    }
    file
}

#[test]
fn a_recording_that_was_killed_at_any_moment_can_be_repaired() {
    let talk = Talk::new(106);
    let (mut a, mut b) = talk.lines();
    let _recording = talk.callee.record(Wav::stereo("k.wav")).unwrap();
    let disk = talk.world.host(BOB).disk();
    for second in 0..5 {
        chat(50, &mut [&mut a, &mut b]);
        let part = disk.get("k.wav.part").unwrap();
        let sound = Sound::read(&repaired(part.clone()));
        let least = Duration::from_secs(second + 1).saturating_sub(ms(200));
        assert!(
            sound.length() >= least,
            "{:?} after {second} s",
            sound.length()
        );
        // Unrepaired, no more than the last second is missing.
        let sound = Sound::read(&part);
        assert!(sound.length() + ms(1100) >= least, "{:?}", sound.length());
        // Any prefix that holds the header can be repaired.
        for end in (100..part.len()).step_by(997) {
            let sound = Sound::read(&repaired(part[..end].to_vec()));
            assert_eq!(sound.samples.len() % 2, 0);
        }
    }
    talk.end();
}

#[test]
fn a_slow_disk_stalls_no_packet() {
    let talk = Talk::new(107);
    let (mut a, mut b) = talk.lines();
    let disk = talk.world.host(BOB).disk();
    let recording = talk.callee.record(Wav::heard("slow.wav")).unwrap();
    chat(50, &mut [&mut a, &mut b]);
    disk.slow_down(ms(3000));
    chat(400, &mut [&mut a, &mut b]);
    disk.slow_down(Duration::ZERO);
    chat(600, &mut [&mut a, &mut b]);
    a.assert_unbroken(-4000);
    b.assert_unbroken(8000);
    let done = recording.finish().wait().unwrap();
    assert!(done.gaps > ms(500), "{done:?}");
    // The gap is silence of its own length: the rest is where it belongs.
    assert!(
        done.length.abs_diff(ms(21_000)) <= ms(100),
        "{:?}",
        done.length
    );
    talk.end();
}

#[test]
fn a_session_at_another_rate_is_recorded_at_its_rate() {
    let talk = Talk::with(108, any(), any().rate(SampleRate::HZ_48000));
    let (mut a, mut b) = talk.lines();
    let recording = talk.callee.record(Wav::stereo("wide.wav")).unwrap();
    chat(100, &mut [&mut a, &mut b]);
    recording.finish().wait().unwrap();
    let sound = Sound::read(&talk.world.host(BOB).disk().get("wide.wav").unwrap());
    assert_eq!(sound.rate, 48_000);
    assert!(
        sound.length().abs_diff(ms(2000)) <= ms(60),
        "{:?}",
        sound.length()
    );
    assert!(
        sound.channel(0)[960..]
            .iter()
            .all(|sample| is_about(*sample, 8000))
    );
    talk.end();
}

#[test]
fn a_capture_holds_every_datagram() {
    let talk = Talk::new(109);
    let capture = talk.caller.record(Pcap::new("call.pcap")).unwrap();
    let (mut a, mut b) = talk.lines();
    chat(300, &mut [&mut a, &mut b]);
    let done = capture.finish().wait().unwrap();
    assert_eq!(done.error, None);
    let file = talk.world.host(ALICE).disk().get("call.pcap").unwrap();
    let reader = talkpath_file::pcap::PcapReader::new(&file).unwrap();
    let mut packets = 0;
    for packet in reader {
        packet.unwrap();
        packets += 1;
    }
    let on_wire = talk.world.wire_log().len();
    assert!(
        (on_wire - 20..=on_wire).contains(&packets),
        "{packets} of {on_wire}"
    );
    talk.end();
}
