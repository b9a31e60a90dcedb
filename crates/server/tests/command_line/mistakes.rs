//! What its users get wrong: a status, what was wrong, and what to do.

use std::fs;
use std::path::Path;

use crate::program::{Ended, appears, finish, folder, run, start};
use crate::sound::write_tone;

/// `talkpath offer` with `more`, in a folder where no answer will come.
fn offer(folder: &Path, more: &[&str]) -> Ended {
    let arguments = [
        "offer",
        "--sdp-out",
        "o.sdp",
        "--answer",
        "a.sdp",
        "--wait",
        "1.5",
    ];
    run(folder, &[&arguments[..], more].concat())
}

#[test]
fn a_broken_wav_fails_before_anything_is_offered() {
    let folder = folder("mistake_wav");
    fs::write(folder.join("bad.wav"), "not the sound of anything").unwrap();
    offer(&folder, &["--play", "bad.wav"]).failed(1, &["bad.wav: not a WAV file", "hint: "]);
    fs::write(folder.join("cut.wav"), "RIFF\0\0\0\0WAVEfmt ").unwrap();
    offer(&folder, &["--play", "cut.wav"]).failed(1, &["cut.wav", "header", "hint: "]);
    offer(&folder, &["--play", "none.wav"]).failed(1, &["none.wav: No such file", "hint: "]);
    assert!(!folder.join("o.sdp").exists());
}

#[test]
fn a_file_that_does_not_come_is_waited_for_and_given_up() {
    let folder = folder("mistake_missing");
    let arguments = [
        "answer",
        "--offer",
        "o.sdp",
        "--sdp-out",
        "a.sdp",
        "--wait",
        "1",
    ];
    let ended = run(
        &folder,
        &[&arguments[..], &["--ports", "28000-28099"]].concat(),
    );
    ended.failed(
        1,
        &[
            "waiting for the offer in o.sdp",
            "no offer in o.sdp for 1 s",
            "--wait",
        ],
    );
}

#[test]
fn what_is_no_sdp_is_refused_with_its_place() {
    let folder = folder("mistake_garbage");
    fs::write(folder.join("o.sdp"), "garbage").unwrap();
    let arguments = ["answer", "--offer", "o.sdp", "--sdp-out", "a.sdp"];
    let ended = run(
        &folder,
        &[&arguments[..], &["--ports", "28100-28199"]].concat(),
    );
    ended.failed(1, &["the offer in o.sdp", "line 1", "RFC 8866", "hint: "]);
    assert!(!folder.join("a.sdp").exists());
}

#[test]
fn an_offer_of_other_codecs_is_refused() {
    let folder = folder("mistake_codecs");
    fs::write(
        folder.join("o.sdp"),
        format!("{SESSION}m=audio 4000 RTP/AVP 18\r\n"),
    )
    .unwrap();
    let arguments = ["answer", "--offer", "o.sdp", "--sdp-out", "a.sdp"];
    let ended = run(
        &folder,
        &[&arguments[..], &["--ports", "28200-28299"]].concat(),
    );
    ended.failed(
        1,
        &[
            "the first m-line: no codec in common: G729/8000 offered, opus/48000/2, G722/8000, \
             PCMU/8000, PCMA/8000 taken here",
            "488",
        ],
    );
    fs::write(
        folder.join("o.sdp"),
        format!("{SESSION}m=audio 4000 RTP/SAVP 0\r\n"),
    )
    .unwrap();
    let more = ["--ports", "28200-28299"];
    let ended = run(&folder, &[&arguments[..], &more].concat());
    ended.failed(1, &["RTP/SAVP", "secure profiles are not there yet"]);
}

#[test]
fn an_answer_that_does_not_fit_its_offer_is_refused() {
    let folder = folder("mistake_answer");
    let cases = [
        (
            "28300-28399",
            "m=audio 0 RTP/AVP 0\r\n",
            "refused the sound",
        ),
        ("28400-28499", "", "0 m-lines"),
        (
            "28500-28599",
            "m=audio 4000 RTP/AVP 18\r\n",
            "none of the offered formats",
        ),
    ];
    for (ports, media, words) in cases {
        let arguments = ["offer", "--sdp-out", ports, "--answer", "a.sdp"];
        let child = start(&folder, &[&arguments[..], &["--ports", ports]].concat());
        appears(&folder.join(ports));
        fs::write(folder.join("a.sdp"), format!("{SESSION}{media}")).unwrap();
        finish(child).failed(1, &[words, "hint: "]);
        fs::remove_file(folder.join("a.sdp")).unwrap();
    }
}

#[test]
fn arguments_that_make_no_sense_end_with_status_2() {
    let folder = folder("mistake_arguments");
    offer(&folder, &["--video", "theora"])
        .failed(2, &["no video codec is called theora; VP8 and H264 are"]);
    offer(&folder, &["--codecs", "vorbis"]).failed(2, &["there is no codec \"vorbis\"", "PCMU"]);
    offer(&folder, &["--codecs", "opus,g729"]).failed(2, &["G729", "nothing here decodes it"]);
    offer(&folder, &["--codecs", "telephone-event"]).failed(2, &["digits are always offered"]);
    offer(&folder, &["--dtmf", "12E"]).failed(2, &["--dtmf", "'E'"]);
    for share in ["-1", "101", "much"] {
        for option in ["--loss", "--reorder"] {
            offer(&folder, &[option, share]).failed(2, &[option, "0 to 100 percent"]);
        }
    }
    offer(&folder, &["--jitter", "-5"]).failed(2, &["0 to 1000 milliseconds"]);
    offer(&folder, &["--ports", "5-4"]).failed(2, &["5-4 holds no port"]);
    offer(&folder, &["--ports", "all"]).failed(2, &["10000-10100"]);
    offer(&folder, &["--address", "example.org"]).failed(2, &["--address"]);
    for brief in ["-1", "0", "0.01"] {
        offer(&folder, &["--seconds", brief]).failed(2, &["--seconds"]);
        run(&folder, &["demo", "--seconds", brief]).failed(2, &["--seconds"]);
    }
    offer(&folder, &["--rate", "44100"]).failed(2, &["8000, 16000, 24000 or 48000"]);
    offer(&folder, &["--ptime", "100"]).failed(2, &["packets hold 10 to 60 ms"]);
    assert!(!folder.join("o.sdp").exists());
}

#[test]
fn an_address_of_another_host_is_refused() {
    let folder = folder("mistake_address");
    let ended = offer(&folder, &["--address", "192.0.2.1"]);
    ended.failed(
        1,
        &["192.0.2.1 is not an address of this host", "--advertise"],
    );
    let ended = offer(&folder, &["--address", "0.0.0.0"]);
    ended.failed(1, &["0.0.0.0", "--advertise"]);
}

#[test]
fn a_range_without_a_pair_is_refused_where_a_pair_is_needed() {
    let folder = folder("mistake_pair");
    let ended = offer(&folder, &["--ports", "28601-28601"]);
    ended.failed(1, &["no pair", "--rtcp-mux only"]);
    let ended = offer(&folder, &["--ports", "28601-28601", "--rtcp-mux", "only"]);
    ended.failed(1, &["offer written to o.sdp", "no answer"]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = folder("mistake_folder");
    offer(&folder, &["--record", "no/b.wav"]).failed(1, &["no/b.wav", "there is no folder no"]);
    offer(&folder, &["--sdp-out=no/o.sdp"]).failed(2, &["--sdp-out"]);
    let arguments = ["offer", "--sdp-out", "no/o.sdp", "--answer", "a.sdp"];
    let ended = run(
        &folder,
        &[&arguments[..], &["--ports", "28700-28799"]].concat(),
    );
    ended.failed(1, &["no/o.sdp", "hint: "]);
}

#[test]
fn a_file_named_twice_is_refused_before_anything_starts() {
    let folder = folder("mistake_twice");
    write_tone(&folder.join("a.wav"), 440.0);
    let before = fs::read(folder.join("a.wav")).unwrap();
    let play = ["--play", "a.wav"];
    for (more, words) in [
        (["--record", "./a.wav"], "--play and --record"),
        (["--pcap", "a.wav"], "--play and --pcap"),
    ] {
        let said = format!("{words} name the same file");
        offer(&folder, &[play, more].concat()).failed(1, &[&said, "hint: "]);
        let demo = [&["demo"], &play[..], &more].concat();
        run(&folder, &demo).failed(1, &[&said]);
    }
    offer(&folder, &["--record", "o.sdp"]).failed(1, &["--sdp-out and --record"]);
    for (arguments, words) in [
        (
            ["offer", "--sdp-out", "x", "--answer"],
            "--sdp-out and --answer",
        ),
        (
            ["answer", "--offer", "x", "--sdp-out"],
            "--offer and --sdp-out",
        ),
    ] {
        run(&folder, &[&arguments[..], &["x"]].concat()).failed(1, &[words]);
    }
    assert_eq!(fs::read(folder.join("a.wav")).unwrap(), before);
    assert!(!folder.join("o.sdp").exists());
}

const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";
