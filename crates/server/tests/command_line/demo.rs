//! The story of the demo, to its end.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{finish, folder, interrupt, run, start};
use crate::sound::{heard, write_opus_tone, write_tone};

/// Its own range; other tests, and other programs, may have any of its ports.
const PORTS: std::ops::RangeInclusive<u64> = 10_000..=10_100;

#[test]
fn five_packets_go_each_way_and_all_adds_up() {
    let ended = run(&folder("demo_json"), &["demo", "--json"]).succeeded();
    assert_eq!(ended.stdout.lines().count(), 1, "one document: {ended:#?}");
    let told = ended.json();
    assert_eq!(told["ok"], true, "{told:#}");
    for who in ["caller", "callee"] {
        let audio = &told[who]["audio"];
        for way in ["sent", "received"] {
            assert_eq!(audio[way]["packets"], 5, "{told:#}");
            assert_eq!(audio[way]["bytes"], 800, "{told:#}");
        }
        assert_eq!(audio["received"]["lost"], 0, "{told:#}");
        assert!(PORTS.contains(&port(&told[who]["local"])), "{told:#}");
    }
    assert_eq!(told["caller"]["local"], told["callee"]["remote"]);
    assert_eq!(told["callee"]["local"], told["caller"]["remote"]);
    assert_eq!(told["ports_left"], 0);
    assert_eq!(told["sessions_left"], 0);
}

#[test]
fn each_packet_is_told_once_sent_before_received() {
    let told = run(&folder("demo_packets"), &["demo", "--json"])
        .succeeded()
        .json();
    let packets = told["packets"].as_array().unwrap();
    assert_eq!(packets.len(), 20, "{told:#}");
    for (from, to) in [("caller", "callee"), ("callee", "caller")] {
        let of = |who: &str, way: &str| -> Vec<_> {
            let is_it = |packet: &&Value| packet["who"] == who && packet["way"] == way;
            packets.iter().filter(is_it).collect()
        };
        let (sent, received) = (of(from, "sent"), of(to, "received"));
        assert_eq!((sent.len(), received.len()), (5, 5));
        for (sent, received) in sent.into_iter().zip(received) {
            assert_eq!(sent["sequence_number"], received["sequence_number"]);
            assert_eq!(sent["bytes"], 160);
            assert!(sent["at"].as_f64() <= received["at"].as_f64(), "{told:#}");
        }
    }
}

#[test]
fn every_session_is_created_negotiated_heard_and_closed() {
    let told = run(&folder("demo_events"), &["demo", "--json"])
        .succeeded()
        .json();
    let events = told["events"].as_array().unwrap();
    for who in ["caller", "callee"] {
        for event in ["created", "negotiated", "first_media", "closed"] {
            let of_it = |found: &&Value| found["who"] == who && found["event"] == event;
            assert_eq!(
                events.iter().filter(of_it).count(),
                1,
                "{who} {event}: {told:#}"
            );
        }
    }
}

#[test]
fn the_story_has_seven_steps_in_words() {
    let ended = run(&folder("demo_words"), &["demo"]).succeeded();
    for step in 1..=7 {
        let begins = format!("{step}. ");
        assert!(
            ended.stdout.lines().any(|line| line.starts_with(&begins)),
            "{ended:#?}"
        );
    }
    for said in [
        "m=audio ",
        "a=rtcp-mux-only",
        "packet 5: 160 bytes",
        "5 packets, 800 bytes",
    ] {
        assert!(ended.stdout.contains(said), "no {said:?}: {ended:#?}");
    }
    assert!(ended.stdout.contains("0 ports are in use"), "{ended:#?}");
}

#[test]
fn a_taken_port_is_passed_over_and_told() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let first = taken.local_addr().unwrap().port();
    let range = format!("{first}-{}", first.saturating_add(50));
    let arguments = ["demo", "--json", "--ports", &range];
    let told = run(&folder("demo_taken"), &arguments).succeeded().json();
    assert!(
        port(&told["caller"]["local"]) > u64::from(first),
        "{told:#}"
    );
    let note = told["notes"][0].as_str().unwrap();
    assert!(
        note.contains(&format!("{first}")) && note.contains("taken"),
        "{told:#}"
    );
}

#[test]
fn a_range_without_a_free_port_is_an_error() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = run(
        &folder("demo_none_left"),
        &["demo", "--ports", &format!("{port}-{port}")],
    );
    ended.failed(
        1,
        &["no free port in", "taken by other programs", "--ports"],
    );
}

#[test]
fn a_file_is_played_and_recorded() {
    let folder = folder("demo_file");
    write_tone(&folder.join("a.wav"), 700.0);
    let arguments = ["demo", "--json", "--play", "a.wav", "--record", "b.wav"];
    let told = run(&folder, &arguments).succeeded().json();
    assert_eq!(
        told["callee"]["audio"]["received"]["packets"], 50,
        "{told:#}"
    );
    assert_eq!(told["played"]["seconds"], 1.0, "{told:#}");
    let (tone, seconds) = heard(&folder.join("b.wav"));
    assert!((tone.hz - 700.0).abs() < 1.0, "{tone:?}");
    assert!((0.9..1.2).contains(&seconds), "{seconds} s");
}

#[test]
fn an_opus_file_is_played_like_any_other() {
    let folder = folder("demo_opus");
    write_opus_tone(&folder.join("a.opus"), 700.0);
    let arguments = ["demo", "--json", "--play", "a.opus", "--record", "b.wav"];
    let told = run(&folder, &arguments).succeeded().json();
    let played = told["played"]["seconds"].as_f64().unwrap();
    assert!((played - 1.0).abs() < 0.01, "{told:#}");
    let (tone, seconds) = heard(&folder.join("b.wav"));
    assert!((tone.hz - 700.0).abs() < 1.0, "{tone:?}");
    assert!((0.9..1.2).contains(&seconds), "{seconds} s");
    std::fs::write(folder.join("cut.opus"), b"OggS and nothing else").unwrap();
    run(&folder, &["demo", "--play", "cut.opus"]).failed(1, &["cut.opus: ", "hint: --play takes"]);
}

#[test]
fn sound_of_no_length_does_not_add_up() {
    let folder = folder("demo_short");
    write_tone(&folder.join("a.wav"), 700.0);
    let wav = std::fs::read(folder.join("a.wav")).unwrap();
    std::fs::write(folder.join("cut.wav"), &wav[..wav.len() - 16_000]).unwrap();
    let ended = run(&folder, &["demo", "--play", "cut.wav"]);
    assert!(!ended.stdout.contains("Everything adds up"), "{ended:#?}");
    ended.failed(
        1,
        &[
            "nothing was sent",
            "hint: --play takes a file that sounds for longer",
            "cut.wav holds 0.0 s of the 1.0 s that its header says",
        ],
    );
}

#[test]
fn a_file_that_is_cut_short_is_told_so_and_one_party_talks() {
    let folder = folder("demo_cut");
    write_tone(&folder.join("a.wav"), 700.0);
    let arguments = ["demo", "--play", "a.wav", "--seconds", "0.4"];
    let ended = run(&folder, &arguments).succeeded();
    for said in ["5. The caller talks", " of 1.0 s was played"] {
        assert!(ended.stdout.contains(said), "no {said:?}: {ended:#?}");
    }
}

#[test]
fn a_capture_holds_the_goodbyes_of_both_sides() {
    let folder = folder("demo_pcap");
    run(&folder, &["demo", "--json", "--pcap", "call.pcap"]).succeeded();
    let pcap = std::fs::read(folder.join("call.pcap")).unwrap();
    // RTCP BYE with one source (RFC 3550 §6.6), at the end of a compound.
    let byes = pcap
        .windows(4)
        .filter(|word| word == &[0x81, 203, 0, 1])
        .count();
    assert_eq!(byes, 2);
}

#[test]
fn the_story_is_told_with_any_codec() {
    for (name, format) in [
        ("opus", "opus/48000/2"),
        ("G722", "G722/8000"),
        ("L16/16000", "L16/16000"),
        ("L16/48000/2", "L16/48000/2"),
        ("pcma,opus", "PCMA/8000"),
    ] {
        let arguments = [
            "demo",
            "--json",
            "--codecs",
            name,
            "--dtmf",
            "159#",
            "--seconds",
            "0.4",
        ];
        let told = run(&folder("demo_codecs"), &arguments).succeeded().json();
        assert_eq!(told["ok"], true, "{told:#}");
        for (who, hz) in [("caller", 620.0), ("callee", 440.0)] {
            assert_eq!(told[who]["audio"]["receiving"], format, "{told:#}");
            let heard = told[who]["heard_hz"].as_f64().unwrap();
            assert!((heard - hz).abs() < 5.0, "{name}: {told:#}");
        }
        assert_eq!(told["dialled"]["callee_was_told"], "159#", "{told:#}");
    }
    let ended = run(
        &folder("demo_codecs"),
        &["demo", "--codecs", "opus", "--dtmf", "7"],
    );
    let ended = ended.succeeded();
    for said in [
        "opus/48000/2, both ways",
        "The caller dials 7.",
        "The callee was told: 7.",
    ] {
        assert!(ended.stdout.contains(said), "no {said:?}: {ended:#?}");
    }
}

#[test]
fn a_bad_network_is_tried_out_and_accounted_for() {
    let arguments = "demo --codecs opus --seconds 2 --loss 10 --jitter 30 --reorder 5";
    let ended = run(
        &folder("demo_bad"),
        &arguments.split(' ').collect::<Vec<_>>(),
    )
    .succeeded();
    for said in [
        "A bad network is tried out: of 200 packets",
        " concealed, ",
        "MOS ",
        "Everything adds up",
    ] {
        assert!(ended.stdout.contains(said), "no {said:?}: {ended:#?}");
    }
    let arguments = arguments.split(' ').chain(["--json"]).collect::<Vec<_>>();
    let told = run(&folder("demo_bad"), &arguments).succeeded().json();
    let received = |who: &str| told[who]["audio"]["received"]["packets"].as_u64().unwrap();
    let lost = told["impaired"]["lost"].as_u64().unwrap();
    assert_eq!(
        received("caller") + received("callee") + lost,
        200,
        "{told:#}"
    );
    assert!((5..45).contains(&lost), "{told:#}");
}

#[test]
fn ctrl_c_ends_the_tones_too() {
    let ports = ["--ports", "26000-26099"];
    let arguments = [&["demo", "--seconds", "60"][..], &ports].concat();
    let mut child = start(&folder("demo_interrupted"), &arguments);
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = stdout.lines().map(Result::unwrap);
    lines
        .by_ref()
        .find(|line| line.starts_with("5. "))
        .expect("a fifth step");
    let asked = Instant::now();
    interrupt(child.id());
    let rest: Vec<_> = lines.collect();
    finish(child).failed(130, &["interrupted while both sides talked"]);
    assert!(asked.elapsed() < Duration::from_secs(10), "{rest:#?}");
    assert!(rest.iter().any(|line| line.starts_with("7. ")), "{rest:#?}");
}

fn port(address: &Value) -> u64 {
    let address: std::net::SocketAddr = address.as_str().unwrap().parse().unwrap();
    address.port().into()
}
