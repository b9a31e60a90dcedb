//! `--record` by the end of the file's name, and `talkpath recover`.

use std::fs;

use crate::program::{folder, run};
use crate::sound::{heard, write_tone};

#[test]
fn the_end_of_the_name_says_what_is_recorded() {
    let folder = folder("record_names");
    write_tone(&folder.join("a.wav"), 700.0);
    for (name, start) in [
        ("b.wav", &b"RIFF"[..]),
        ("b.opus", b"OggS"),
        ("b.mkv", b"\x1a\x45\xdf\xa3"),
        ("b.pcap", b"\x4d\x3c\xb2\xa1"),
    ] {
        let arguments = ["demo", "--json", "--play", "a.wav", "--record", name];
        let told = run(&folder, &arguments).succeeded().json();
        let seconds = told["recorded"]["seconds"].as_f64().unwrap();
        assert!((0.9..2.0).contains(&seconds), "{name}: {told:#}");
        assert!(fs::read(folder.join(name)).unwrap().starts_with(start));
    }
    run(&folder, &["demo", "--record", "b.mp3"]).failed(
        1,
        &["b.mp3: no recording ends in that", "hint: --record takes"],
    );
}

#[test]
fn what_a_crash_left_is_recovered() {
    let folder = folder("record_recover");
    write_tone(&folder.join("a.wav"), 700.0);
    let whole = fs::read(folder.join("a.wav")).unwrap();
    fs::write(folder.join("call.wav.part"), &whole[..8_001]).unwrap();
    fs::write(folder.join("none.opus.part"), "").unwrap();
    let arguments = ["demo", "--play", "a.wav", "--record", "call.wav"];
    run(&folder, &arguments).failed(
        1,
        &[
            "call.wav.part: a recording goes on there",
            "`talkpath recover FOLDER`",
        ],
    );
    let told = run(&folder, &["recover"]).succeeded().stdout;
    assert!(
        told.contains("call.wav.part: whole but for 1 byte"),
        "{told}"
    );
    assert!(
        told.contains("none.opus.part: beyond repair, now ./none.opus.broken: "),
        "{told}"
    );
    let (tone, seconds) = heard(&folder.join("call.wav"));
    assert!(
        (tone.hz - 700.0).abs() < 1.0 && (0.4..0.6).contains(&seconds),
        "{seconds}"
    );
    let told = run(&folder, &["recover", "."]).succeeded().stdout;
    assert_eq!(told, ".: nothing unfinished\n");
    run(&folder, &["recover", "nowhere"]).failed(1, &["nowhere: "]);
}
