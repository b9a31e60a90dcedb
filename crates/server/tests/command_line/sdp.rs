//! `talkpath sdp`: what a description says and what is wrong in it.

use std::fs;

use crate::program::{folder, run};

#[test]
fn each_line_is_said_in_words() {
    let folder = folder("sdp_good");
    fs::write(
        folder.join("o.sdp"),
        format!("{SESSION}m=audio 4000 RTP/AVP 0 8\r\n"),
    )
    .unwrap();
    let ended = run(&folder, &["sdp", "o.sdp"]).succeeded();
    for said in [
        "SDP version 0",
        "audio on port 4000",
        "PCMU/8000 (0)",
        "Nothing is wrong",
    ] {
        assert!(ended.stdout.contains(said), "no {said:?}: {ended:#?}");
    }
}

#[test]
fn a_violation_stands_below_its_line_with_its_section() {
    let folder = folder("sdp_bad");
    fs::write(
        folder.join("o.sdp"),
        format!("{SESSION}m=audio 4000 RTP/AVP 97\r\n"),
    )
    .unwrap();
    let ended = run(&folder, &["sdp", "o.sdp"]);
    assert_eq!(ended.status, Some(1), "{ended:#?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    let media = lines
        .iter()
        .position(|line| line.contains("m=audio"))
        .unwrap();
    let below = lines[media + 1];
    assert!(
        below.contains("^ error:") && below.contains("[RFC 8866 §6.6]"),
        "{ended:#?}"
    );
    assert!(ended.stdout.contains("1 error, "), "{ended:#?}");
}

#[test]
fn json_has_lines_and_violations() {
    let folder = folder("sdp_json");
    fs::write(
        folder.join("o.sdp"),
        format!("{SESSION}m=audio 4000 RTP/AVP 97\r\n"),
    )
    .unwrap();
    let ended = run(&folder, &["sdp", "--json", "o.sdp"]);
    let told = ended.json();
    assert_eq!(ended.status, Some(1), "{told:#}");
    assert_eq!(told["lines"].as_array().unwrap().len(), 6, "{told:#}");
    assert_eq!(told["violations"][0]["rule"], "missing-rtpmap", "{told:#}");
    assert_eq!(told["violations"][0]["line"], 6, "{told:#}");
}

#[test]
fn an_answer_is_held_against_its_offer() {
    let folder = folder("sdp_pair");
    fs::write(
        folder.join("o.sdp"),
        format!("{SESSION}m=audio 4000 RTP/AVP 0\r\n"),
    )
    .unwrap();
    fs::write(
        folder.join("a.sdp"),
        format!("{SESSION}m=video 4000 RTP/AVP 0\r\n"),
    )
    .unwrap();
    run(&folder, &["sdp", "o.sdp", "--answer-to", "o.sdp"]).succeeded();
    let ended = run(&folder, &["sdp", "a.sdp", "--answer-to", "o.sdp"]);
    assert_eq!(ended.status, Some(1), "{ended:#?}");
    assert!(ended.stdout.contains("video in the answer"), "{ended:#?}");
}

#[test]
fn what_is_no_sdp_is_an_error_with_a_hint() {
    let folder = folder("sdp_none");
    fs::write(folder.join("x"), "INVITE sip:a@b SIP/2.0\r\n\r\nv=0\r\n").unwrap();
    run(&folder, &["sdp", "x"]).failed(1, &["x: line 1", "headers of SIP"]);
    let text = format!("{SESSION}m=audio 70000 RTP/AVP 0\r\na=sendrecv\r\n");
    fs::write(folder.join("y"), text).unwrap();
    let ended = run(&folder, &["sdp", "y"]);
    let marked = "   6  m=audio 70000 RTP/AVP 0\n    ^ here\n   7  a=sendrecv\n";
    assert!(ended.stdout.ends_with(marked), "{ended:#?}");
    assert!(!ended.stderr.contains("SIP"), "{ended:#?}");
    ended.failed(1, &["y: line 6", "\"m=audio 70000 RTP/AVP 0\""]);
    let told = run(&folder, &["sdp", "--json", "y"]).json();
    assert_eq!(told["line"], 6, "{told:#}");
    assert!(told["error"].is_string(), "{told:#}");
    fs::write(folder.join("z"), "").unwrap();
    run(&folder, &["sdp", "z"]).failed(1, &["it must begin with v=0"]);
    fs::write(folder.join("long"), "v=0\r\n".repeat(20_000)).unwrap();
    let ended = run(&folder, &["sdp", "long"]);
    assert!(!ended.stderr.contains("line 0"), "{ended:#?}");
    ended.failed(1, &["at most 65536 are taken"]);
    run(&folder, &["sdp", "nowhere"]).failed(1, &["nowhere: No such file", "hint: "]);
}

#[test]
fn what_talkpath_does_not_carry_is_said_at_the_end() {
    let folder = folder("sdp_refused");
    let media = "m=audio 4000 RTP/SAVP 0\r\nm=video 5000 RTP/AVP 31\r\n";
    fs::write(folder.join("o.sdp"), format!("{SESSION}{media}")).unwrap();
    let ended = run(&folder, &["sdp", "o.sdp"]);
    for said in [
        "would refuse the first m-line: the transport RTP/SAVP",
        "would refuse the second m-line: video is not carried",
    ] {
        assert!(ended.stdout.contains(said), "no {said:?}: {ended:#?}");
    }
}

#[test]
fn a_terminal_is_not_moved_by_what_a_description_holds() {
    let folder = folder("sdp_escape");
    fs::write(
        folder.join("o.sdp"),
        format!("{SESSION}i=\u{1b}[2Jgone\r\n"),
    )
    .unwrap();
    let ended = run(&folder, &["sdp", "o.sdp"]);
    assert!(
        ended.stdout.contains("gone") && !ended.stdout.contains('\u{1b}'),
        "{ended:#?}"
    );
}

const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";
