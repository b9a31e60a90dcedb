//! What a crash leaves at any byte is whole after a scan, or put aside.

use std::path::PathBuf;

use crate::common::*;
use crate::files_are_played_and_recorded::Sound;

use talkpath::{Record, Recovery, Sides, Wav, recover_in};
use talkpath_file::{mkv, ogg, pcap};
use talkpath_sim::World;

/// A short call, recorded into `name`.
fn recorded(name: &str) -> Vec<u8> {
    let talk = Talk::new(401);
    let (mut a, mut b) = talk.lines();
    let record = Record::by_name(name, Sides::Stereo).unwrap();
    let recording = talk.callee.record(record).unwrap();
    chat(
        if name.ends_with("opus") { 60 } else { 6 },
        &mut [&mut a, &mut b],
    );
    recording.pause();
    chat(2, &mut [&mut a, &mut b]);
    recording.resume();
    chat(2, &mut [&mut a, &mut b]);
    recording.finish().wait().unwrap();
    let file = talk.world.host(BOB).disk().get(name).unwrap();
    talk.end();
    file
}

/// Cuts a recording at every byte, and proves what the scan makes of it.
fn cut_everywhere(name: &str, header: usize, opens: impl Fn(&[u8])) {
    cut_everywhere_of(name, &recorded(name), header, opens);
}

fn cut_everywhere_of(name: &str, whole: &[u8], header: usize, opens: impl Fn(&[u8])) {
    let world = World::new(1);
    let host = world.host("10.0.0.1");
    let (disk, driver) = (host.disk(), host.driver());
    let part = format!("calls/{name}.part");
    for len in 0..=whole.len() {
        disk.put(&part, &whole[..len]);
        let found = recover_in(&driver, "calls").unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].part, PathBuf::from(&part));
        assert!(disk.get(&part).is_none(), "{len}");
        match &found[0].outcome {
            Recovery::Repaired { path, cut } if len >= header => {
                let file = disk.get(path).unwrap();
                assert_eq!(file.len() as u64 + cut, len as u64);
                assert_eq!(*path, PathBuf::from(format!("calls/{name}")));
                opens(&file);
                disk.remove(path);
            }
            Recovery::SetAside { path, .. } if len < header => {
                assert_eq!(disk.get(path).unwrap(), whole[..len]);
                disk.remove(path);
            }
            outcome => panic!("{len} of {}: {outcome:?}", whole.len()),
        }
    }
    assert_eq!(disk.names(), Vec::<PathBuf>::new());
}

#[test]
fn a_wav_cut_at_any_byte() {
    cut_everywhere("x.wav", talkpath_file::wav::HEADER_LEN, |file| {
        let sound = Sound::read(file);
        assert_eq!((sound.rate, sound.channels), (8000, 2));
        assert_eq!(sound.samples.len() % 2, 0);
    });
}

#[test]
fn an_opus_file_cut_at_any_byte() {
    // Behind its two header pages, of which the second keeps room for marks.
    let whole = recorded("x.opus");
    let pages: Vec<usize> = (0..whole.len() - 4)
        .filter(|at| whole[*at..].starts_with(b"OggS"))
        .collect();
    assert!(pages.len() >= 4, "{pages:?}");
    cut_everywhere("x.opus", pages[2], |file| {
        assert_eq!(ogg::repair(file), Ok(None));
    });
}

#[test]
fn a_matroska_file_cut_at_any_byte() {
    use mkv::{Keyframe, MkvInfo, MkvTrack, MkvWriter};
    let mut file = Vec::new();
    let mut writer = MkvWriter::new(&[MkvTrack::Vp8], &MkvInfo::default(), &mut file).unwrap();
    let header = file.len();
    for n in 0..40 {
        let frame = [n as u8; 30];
        let key = if n % 10 == 0 {
            Keyframe::Yes
        } else {
            Keyframe::No
        };
        writer
            .frame(0, ms(100) * n, key, &frame, &mut file)
            .unwrap();
    }
    // What tells the tracks is whole before the header's own room is.
    let told = (0..header).find(|len| mkv::repair(&file[..*len]).is_ok());
    cut_everywhere_of("x.mkv", &file, told.unwrap(), |file| {
        assert_eq!(mkv::repair(file), Ok(None));
    });
}

#[test]
fn a_capture_cut_at_any_byte() {
    cut_everywhere("x.pcap", 24, |file| {
        let reader = pcap::PcapReader::new(file).unwrap();
        assert!(reader.fold(true, |_, datagram| datagram.is_ok()));
    });
}

#[test]
fn what_goes_on_and_what_is_not_ours_is_left_alone() {
    let talk = Talk::new(402);
    let (mut a, mut b) = talk.lines();
    let host = talk.world.host(BOB);
    let (disk, driver) = (host.disk(), host.driver());
    disk.put("film.iso.part", *b"\0\0\0\x18ftypmp42");
    disk.put("tiny.part", *b"x");
    disk.put("old.wav.part", *b"");
    disk.put("old.wav.broken", *b"older");
    let recording = talk.callee.record(Wav::heard("live.wav")).unwrap();
    chat(50, &mut [&mut a, &mut b]);
    let found = recover_in(&driver, "").unwrap();
    let outcomes: Vec<_> = found
        .iter()
        .map(|found| (found.part.to_str().unwrap(), &found.outcome))
        .collect();
    let [
        ("film.iso.part", Recovery::Foreign),
        ("live.wav.part", Recovery::InUse),
        ("old.wav.part", Recovery::SetAside { path, why }),
        ("tiny.part", Recovery::Foreign),
    ] = outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    assert_eq!(path.to_str(), Some("old.wav.broken-1"));
    assert_eq!(
        why.to_string(),
        "it ends after 0 bytes, inside of its header"
    );
    chat(50, &mut [&mut a, &mut b]);
    let done = recording.finish().wait().unwrap();
    assert!(done.error.is_none() && done.length >= ms(1980), "{done:?}");
    talk.end();
}

#[test]
fn a_name_that_is_taken_is_not_taken_away() {
    let whole = recorded("x.wav");
    let world = World::new(1);
    let host = world.host("10.0.0.1");
    let (disk, driver) = (host.disk(), host.driver());
    disk.put("x.wav", *b"another");
    for expected in ["x.recovered.wav", "x.recovered-2.wav"] {
        disk.put("x.wav.part", &whole[..200]);
        let found = recover_in(&driver, ".").unwrap();
        let Recovery::Repaired { path, .. } = &found[0].outcome else {
            panic!("{found:?}");
        };
        assert_eq!(path.to_str(), Some(expected));
    }
    assert_eq!(disk.get("x.wav").unwrap(), b"another");
}

#[test]
fn a_disk_that_fails_meanwhile_loses_nothing() {
    use talkpath_sim::Call;
    let whole = recorded("x.wav");
    for call in [Call::Open, Call::Write, Call::Sync, Call::Rename] {
        for nth in 1.. {
            let world = World::new(1);
            let host = world.host("10.0.0.1");
            let (disk, driver) = (host.disk(), host.driver());
            disk.put("x.wav.part", &whole[..601]);
            world.faults().fail_nth(call, nth);
            let first = recover_in(&driver, "").unwrap();
            if world.faults().planned() > 0 {
                break;
            }
            let failed = matches!(first[0].outcome, Recovery::Failed { .. });
            assert!(failed, "{call:?} {nth}: {first:?}");
            let again = recover_in(&driver, "").unwrap();
            let repaired = matches!(again[0].outcome, Recovery::Repaired { .. });
            assert!(repaired, "{call:?} {nth}: {again:?}");
            assert_eq!(Sound::read(&disk.get("x.wav").unwrap()).samples.len(), 260);
            assert_eq!(world.held(), Default::default());
        }
    }
}
