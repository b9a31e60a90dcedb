//! `talkpath probe`: captures in, words, JSON, sound and a picture out.

use std::fs;
use std::path::Path;

use crate::program::{folder, run};

/// A call of two seconds, captured.
fn captured(folder: &Path) {
    let arguments = [
        "demo",
        "--seconds",
        "2",
        "--pcap",
        "call.pcap",
        "--ports",
        "12400-12440",
    ];
    run(folder, &arguments).succeeded();
}

#[test]
fn a_captured_call_is_explained_heard_and_drawn() {
    let folder = folder("probe_call");
    captured(&folder);
    let arguments = ["probe", "call.pcap", "--wav", "heard", "--plot", "call.svg"];
    let words = run(&folder, &arguments).succeeded();
    for said in [
        "call.pcap: 2 RTP streams",
        "Stream 1: 127.0.0.1:",
        "lost 0 (0.0 %)",
        "MOS 4.",
    ] {
        assert!(
            words.stdout.contains(said),
            "no {said:?} in\n{}",
            words.stdout
        );
    }
    let wav = fs::read(folder.join("heard/stream-1.wav")).unwrap();
    // Two seconds of 16-bit samples at 8 kHz or more.
    assert!(
        wav.starts_with(b"RIFF") && wav.len() > 30_000,
        "{}",
        wav.len()
    );
    let svg = fs::read_to_string(folder.join("call.svg")).unwrap();
    assert_eq!(svg.matches("<polyline").count(), 6);

    run(&folder, &arguments).failed(1, &["call.svg", "move it away"]);
    let json = run(&folder, &["probe", "call.pcap", "--json"]).json();
    let streams = json["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 2);
    for stream in streams {
        assert!(stream["packets"].as_u64().unwrap() >= 90, "{stream}");
        assert!(stream["quality"]["mos"].as_f64().unwrap() > 4.0, "{stream}");
        assert_eq!(
            (&stream["lost"], &stream["wav"]),
            (&0.into(), &serde_json::Value::Null)
        );
    }
}

#[test]
fn what_is_no_capture_is_told_so_with_a_way_out() {
    let folder = folder("probe_wrong");
    fs::write(folder.join("text"), "hello, hello, hello, hello").unwrap();
    fs::write(
        folder.join("new.pcapng"),
        [0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0],
    )
    .unwrap();
    let mut empty = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    empty.extend([0, 0, 4, 0, 1, 0, 0, 0]);
    fs::write(folder.join("empty.pcap"), empty).unwrap();
    for (file, wrong, hint) in [
        ("text", "not a pcap capture", "tcpdump"),
        ("new.pcapng", "a pcapng capture", "editcap -F pcap"),
        ("empty.pcap", "no RTP", "the capture is empty"),
        ("missing.pcap", "missing.pcap: ", "captures one"),
    ] {
        run(&folder, &["probe", file]).failed(1, &[wrong, hint]);
    }
    fs::write(folder.join("bad.sdp"), "v=7\r\nnonsense").unwrap();
    run(&folder, &["probe", "empty.pcap", "--sdp", "bad.sdp"]).failed(1, &["bad.sdp"]);
}

#[test]
fn a_call_is_drawn_while_it_goes_on() {
    let folder = folder("probe_plot");
    let arguments = [
        "demo",
        "--seconds",
        "1",
        "--plot",
        "demo.svg",
        "--ports",
        "12460-12499",
    ];
    run(&folder, &arguments).succeeded();
    let svg = fs::read_to_string(folder.join("demo.svg")).unwrap();
    assert_eq!(svg.matches("<polyline").count(), 6);
    assert!(svg.contains("What the callee received"));
    run(&folder, &arguments).failed(1, &["demo.svg: is there already"]);
    let nowhere = ["demo", "--plot", "no/such/demo.svg"];
    run(&folder, &nowhere).failed(1, &["there is no folder"]);
}
