//! Recordings of a program that is killed at a random moment (SIGKILL), made
//! whole by the scan that the next one begins with.
//!
//! The program is this test itself, started anew: two parties on the loopback
//! device, one of whom records all three containers and says once per 20 ms how
//! much there should be.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test of the real world in real time"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use talkpath::{Audio, Codec, MediaManager, Opus, Pcap, Recovery, Wav, recover};
use talkpath_file::ogg::OggReader;
use talkpath_file::pcap::PcapReader;
use talkpath_file::wav::WavReader;

const FOLDER: &str = "TALKPATH_TEST_KILLED_IN";

/// What is killed: it records until it is.
#[test]
fn victim() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let builder = MediaManager::builder().interface("127.0.0.1");
    let manager = builder.ports(27_000..=28_999).build().unwrap();
    let wants = || Audio::sendrecv([Codec::PCMU]);
    let (caller, offer) = manager.create_offer(wants()).unwrap();
    let (callee, answer) = manager.accept_offer(&offer, wants()).unwrap();
    caller.apply_answer(&answer).unwrap();
    let (mut say, _hear) = caller.audio().unwrap().split();
    let (_say, mut hear) = callee.audio().unwrap().split();
    let mut frame = [0; 160];
    say.send_all(&[9000; 1600]).unwrap();
    hear.recv(&mut frame).unwrap();
    let _wav = callee.record(Wav::stereo(folder.join("call.wav"))).unwrap();
    let _opus = callee
        .record(Opus::mixed(folder.join("call.opus")))
        .unwrap();
    let _pcap = callee.record(Pcap::new(folder.join("call.pcap"))).unwrap();
    let began = manager.now();
    loop {
        say.send_all(&[9000; 160]).unwrap();
        hear.recv(&mut frame).unwrap();
        println!("lasted {}", (manager.now() - began).as_millis());
        std::io::stdout().flush().unwrap();
    }
}

/// Lets a victim record for about `life`, kills it, and says how long it had
/// recorded by then.
fn record_and_kill(folder: &Path, life: Duration) -> Duration {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["victim", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let lasted = |line: &str| {
        line.strip_prefix("lasted ")?
            .parse()
            .ok()
            .map(Duration::from_millis)
    };
    let reached = lines.by_ref().map(Result::unwrap);
    let mut last = reached
        .filter_map(|line| lasted(&line))
        .find(|lasted| *lasted >= life)
        .expect("it records until it is killed");
    victim.kill().unwrap();
    victim.wait().unwrap();
    // What it still said before it died.
    for line in lines.map_while(Result::ok) {
        last = lasted(&line).unwrap_or(last);
    }
    last
}

fn wav_length(file: &[u8]) -> Duration {
    let mut reader = WavReader::new();
    reader.read(file, &mut []).unwrap();
    let length = reader.header().unwrap().duration().unwrap();
    assert!(length > Duration::ZERO);
    length
}

fn ogg_length(file: &[u8]) -> Duration {
    let (mut reader, mut rest, mut samples) = (OggReader::new(), file, 0);
    while !rest.is_empty() {
        rest = &rest[reader.push(rest)..];
        while let Some(packet) = reader.next_packet().unwrap() {
            samples += u64::from(packet.samples);
        }
    }
    reader.finish().unwrap();
    Duration::from_millis(samples / 48)
}

fn pcap_length(file: &[u8]) -> Duration {
    let times = PcapReader::new(file)
        .unwrap()
        .map(|datagram| datagram.unwrap().time);
    let times: Vec<_> = times.collect();
    times[times.len() - 1] - times[0]
}

#[test]
fn killed_at_any_moment() {
    let seed = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let mut chance = u64::from(seed.subsec_nanos()) | 1;
    for round in 0..6 {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let name = format!("talkpath-killed-{}-{round}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let lasted = record_and_kill(&folder, Duration::from_millis(200 + chance % 1800));
        let found = recover(&folder).unwrap();
        assert_eq!(found.len(), 3, "{found:?}");
        for found in found {
            let Recovery::Repaired { path, .. } = &found.outcome else {
                panic!("{found:?}");
            };
            let file = std::fs::read(path).unwrap();
            let length = match path.extension().unwrap().to_str().unwrap() {
                "wav" => wav_length(&file),
                "opus" => ogg_length(&file),
                _ => pcap_length(&file),
            };
            let lost = lasted.saturating_sub(length);
            println!("{}: {lost:?} of {lasted:?} lost", path.display());
            assert!(
                lost <= Duration::from_secs(1),
                "{path:?}: {lost:?} of {lasted:?}"
            );
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
