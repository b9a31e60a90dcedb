//! `offer` and `answer` against each other, through files and pipes.

use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::program::{Ended, appears, finish, folder, interrupt, run, start, talkpath};
use crate::sound::{heard, write_tone};

#[test]
fn two_sides_hear_what_the_other_plays() {
    let folder = folder("call_both");
    write_tone(&folder.join("a.wav"), 440.0);
    write_tone(&folder.join("c.wav"), 1000.0);
    let common = "--codecs pcmu --seconds 1.8 --json --ports 27000-27099";
    let common: Vec<_> = common.split(' ').collect();
    let offer = ["offer", "--sdp-out", "o.sdp", "--answer", "a.sdp"];
    let answer = ["answer", "--offer", "o.sdp", "--sdp-out", "a.sdp"];
    let sound = |play, record| ["--play", play, "--record", record];
    let caller = start(
        &folder,
        &[&offer[..], &sound("a.wav", "b.wav"), &common].concat(),
    );
    let callee = start(
        &folder,
        &[&answer[..], &sound("c.wav", "d.wav"), &common].concat(),
    );
    for (ended, wav, hz) in [
        (finish(caller), "b.wav", 1000.0),
        (finish(callee), "d.wav", 440.0),
    ] {
        let told = ended.succeeded().json();
        let audio = &told["audio"];
        assert_eq!(audio["sent"]["packets"], 50, "{told:#}");
        assert_eq!(audio["received"]["packets"], 50, "{told:#}");
        assert_eq!(audio["received"]["lost"], 0, "{told:#}");
        assert_eq!(told["ended"], "elapsed", "{told:#}");
        assert_eq!(told["rtcp_mux"], true, "{told:#}");
        let (tone, seconds) = heard(&folder.join(wav));
        assert!(
            (tone.hz - hz).abs() < 1.0 && tone.snr_db > 20.0,
            "{wav}: {tone:?}"
        );
        assert!((0.9..1.2).contains(&seconds), "{wav}: {seconds} s");
    }
    assert_sdp(&folder.join("o.sdp"));
    assert_sdp(&folder.join("a.sdp"));
}

#[test]
fn a_call_without_seconds_ends_with_the_file_and_the_goodbye() {
    let folder = folder("call_goodbye");
    write_tone(&folder.join("a.wav"), 600.0);
    let ports = ["--ports", "27100-27199", "--json"];
    let offer = [
        "offer",
        "--sdp-out",
        "o.sdp",
        "--answer",
        "a.sdp",
        "--play",
        "a.wav",
    ];
    let answer = [
        "answer",
        "--offer",
        "o.sdp",
        "--sdp-out",
        "a.sdp",
        "--record",
        "b.wav",
    ];
    let caller = start(&folder, &[&offer[..], &ports].concat());
    let callee = start(&folder, &[&answer[..], &ports].concat());
    assert_eq!(finish(caller).succeeded().json()["ended"], "played");
    let told = finish(callee).succeeded().json();
    assert_eq!(told["ended"], "peer_left", "{told:#}");
    let (tone, seconds) = heard(&folder.join("b.wav"));
    assert!((tone.hz - 600.0).abs() < 1.0, "{tone:?}");
    assert!((0.9..1.2).contains(&seconds), "{seconds} s");
}

#[test]
fn codecs_stand_in_the_offer_in_the_order_given() {
    let folder = folder("call_codecs");
    let arguments = [
        "offer",
        "--sdp-out",
        "-",
        "--answer",
        "a.sdp",
        "--wait",
        "0.1",
    ];
    let codecs = ["--codecs", "PCMA,pcmu", "--ports", "27200-27299"];
    let ended = run(&folder, &[&arguments[..], &codecs].concat());
    assert!(ended.stdout.contains(" RTP/AVP 8 0 101\r\n"), "{ended:#?}");
    ended.failed(1, &["no answer in a.sdp", "hint: "]);
}

#[test]
fn the_usual_codecs_are_offered_the_best_first() {
    let folder = folder("call_usual");
    let arguments = "offer --sdp-out - --answer a.sdp --wait 0.1 --ports 28800-28899";
    let ended = run(&folder, &arguments.split(' ').collect::<Vec<_>>());
    let said = ended.stdout.lines();
    let formats: Vec<_> = said.filter(|line| line.starts_with("a=rtpmap:")).collect();
    let named = |name: &str| formats.iter().position(|line| line.contains(name));
    let order = ["opus/48000/2", "G722/8000", "PCMU/8000", "PCMA/8000"].map(named);
    assert_eq!(order, [Some(0), Some(1), Some(2), Some(3)], "{ended:#?}");
}

#[test]
fn what_is_heard_is_recorded_at_the_rate_of_its_codec() {
    let folder = folder("call_codec_rate");
    write_tone(&folder.join("a.wav"), 800.0);
    for (codecs, format, rate, ports) in [
        ("opus,pcmu", "opus/48000/2", 48_000u32, "28900-28949"),
        ("g722", "G722/8000", 16_000, "28950-28999"),
        ("pcma", "PCMA/8000", 8_000, "29200-29249"),
        ("L16/16000", "L16/16000", 16_000, "29250-29299"),
    ] {
        let offer = "offer --sdp-out o.sdp --answer a.sdp --play a.wav --json --ports";
        let answer = "answer --offer o.sdp --sdp-out a.sdp --record b.wav --json --codecs";
        let offer = offer.split(' ').chain([ports]);
        let answer = answer.split(' ').chain([codecs, "--ports", ports]);
        // The caller offers the usual set, and L16 where it is wanted.
        let more = ["--codecs", "opus,g722,pcmu,pcma,L16/16000"];
        let caller = start(&folder, &offer.chain(more).collect::<Vec<_>>());
        let callee = start(&folder, &answer.collect::<Vec<_>>());
        finish(caller).succeeded();
        let told = finish(callee).succeeded().json();
        assert_eq!(told["audio"]["receiving"], format, "{told:#}");
        assert_eq!(told["audio"]["received"]["packets"], 50, "{told:#}");
        let wav = fs::read(folder.join("b.wav")).unwrap();
        let mut words = wav.windows(4).take(64);
        assert!(words.any(|word| word == rate.to_le_bytes()), "{codecs}");
        let (tone, seconds) = heard(&folder.join("b.wav"));
        assert!((tone.hz - 800.0).abs() < 1.0, "{codecs}: {tone:?}");
        assert!((0.9..1.4).contains(&seconds), "{codecs}: {seconds} s");
        fs::remove_file(folder.join("o.sdp")).unwrap();
        fs::remove_file(folder.join("a.sdp")).unwrap();
    }
}

#[test]
fn digits_are_dialled_once_somebody_listens_and_told_by_both() {
    let folder = folder("call_digits");
    write_tone(&folder.join("a.wav"), 700.0);
    let ports = ["--ports", "29550-29599"];
    let offer = "offer --sdp-out o.sdp --answer a.sdp --play a.wav --dtmf 159#,*A";
    let answer = "answer --offer o.sdp --sdp-out a.sdp --json";
    let offer = offer.split(' ').chain(ports).collect::<Vec<_>>();
    let answer = answer.split(' ').chain(ports).collect::<Vec<_>>();
    let (caller, callee) = (start(&folder, &offer), start(&folder, &answer));
    // The call outlasts what is played: dialling takes more than 3 s.
    let said = finish(caller).succeeded().stdout;
    assert!(said.contains("  dialled     159#*A\n"), "{said}");
    let ended = finish(callee).succeeded();
    let told = ended.json();
    assert_eq!(told["digits"], "159#*A", "{told:#}");
    assert_eq!(told["audio"]["receiving"], "opus/48000/2", "{told:#}");
    assert!(
        ended.stderr.contains("the other side dialled #"),
        "{ended:#?}"
    );
}

#[test]
fn help_lists_the_codecs_and_what_can_be_impaired() {
    let folder = folder("call_help");
    for command in ["offer", "answer", "demo"] {
        let help = run(&folder, &[command, "--help"]).succeeded().stdout;
        let said = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in [
            "--codecs <NAMES>",
            "--dtmf <DIGITS>",
            "--loss <PERCENT>",
            "--jitter <MS>",
            "--reorder <PERCENT>",
            "--impair-seed <SEED>",
            "Examples:",
            "Exit status",
        ] {
            assert!(said.contains(word), "no {word:?} for {command}: {help}");
        }
        // What follows the bad network is none of it.
        let (_, bad) = help.split_once("To try out a bad network").unwrap();
        assert!(!bad.contains("--pcap <FILE>"), "{help}");
    }
    let help = run(&folder, &["offer", "--help"]).succeeded().stdout;
    for name in ["opus", "G722", "PCMU", "PCMA", "L16/8000"] {
        assert!(help.contains(name), "no {name}: {help}");
    }
}

#[test]
fn what_is_asked_stands_in_the_offer() {
    let folder = folder("call_options");
    let arguments = "offer --sdp-out - --answer a.sdp --wait 0.1 --ports 27900-27999 \
                     --direction sendonly --ptime 30 --rtcp-mux off --advertise 198.51.100.5";
    let ended = run(&folder, &arguments.split(' ').collect::<Vec<_>>());
    for line in ["a=sendonly", "a=ptime:30", "c=IN IP4 198.51.100.5"] {
        assert!(
            ended.stdout.lines().any(|said| said == line),
            "no {line}: {ended:#?}"
        );
    }
    assert!(!ended.stdout.contains("rtcp-mux"), "{ended:#?}");
}

#[test]
fn sound_is_recorded_at_the_rate_asked_for() {
    let folder = folder("call_rate");
    write_tone(&folder.join("a.wav"), 800.0);
    let offer = "offer --sdp-out o.sdp --answer a.sdp --play a.wav --ports 29000-29099 --json";
    let answer = "answer --offer o.sdp --sdp-out a.sdp --record b.wav --rate 16000 --json \
                  --ports 29100-29199 --pcap call.pcap --rtcp-mux off";
    let caller = start(&folder, &offer.split(' ').collect::<Vec<_>>());
    let callee = start(&folder, &answer.split(' ').collect::<Vec<_>>());
    assert_eq!(finish(caller).succeeded().json()["rtcp_mux"], false);
    let told = finish(callee).succeeded().json();
    assert_eq!(told["captured"], "call.pcap", "{told:#}");
    let wav = fs::read(folder.join("b.wav")).unwrap();
    assert!(
        wav.windows(4)
            .take(64)
            .any(|word| word == 16_000u32.to_le_bytes())
    );
    let (tone, seconds) = heard(&folder.join("b.wav"));
    assert!((tone.hz - 800.0).abs() < 1.0, "{tone:?}");
    assert!((0.9..1.2).contains(&seconds), "{seconds} s");
}

#[test]
fn an_offer_is_taken_from_a_pipe_up_to_an_empty_line() {
    let folder = folder("call_pipe");
    let arguments = [
        "answer",
        "--offer",
        "-",
        "--sdp-out",
        "a.sdp",
        "--seconds",
        "0.1",
    ];
    let more = ["--json", "--ports", "27300-27399"];
    let mut command = talkpath(&folder, &[&arguments[..], &more].concat());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The pipe stays open, as a terminal does.
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(&[OFFER.as_bytes(), b"\r\n"].concat())
        .unwrap();
    let status = child.wait().unwrap();
    drop(stdin);
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert!(status.success(), "{ended:#?}");
    assert_sdp(&folder.join("a.sdp"));
}

#[test]
fn a_file_that_is_being_written_is_waited_for() {
    let folder = folder("call_slow_file");
    let arguments = [
        "answer",
        "--offer",
        "o.sdp",
        "--sdp-out",
        "a.sdp",
        "--seconds",
        "0.1",
    ];
    let child = start(
        &folder,
        &[&arguments[..], &["--ports", "27400-27499"]].concat(),
    );
    let (begin, end) = OFFER.split_at(OFFER.len() - 10);
    fs::write(folder.join("o.sdp"), begin).unwrap();
    thread::sleep(Duration::from_millis(150));
    fs::write(folder.join("o.sdp"), [begin, end].concat()).unwrap();
    finish(child).succeeded();
    assert_sdp(&folder.join("a.sdp"));
}

#[test]
fn when_nothing_is_heard_the_summary_says_why() {
    let folder = folder("call_silent");
    fs::write(folder.join("o.sdp"), OFFER).unwrap();
    let arguments = [
        "answer",
        "--offer",
        "o.sdp",
        "--sdp-out",
        "a.sdp",
        "--seconds",
        "0.3",
    ];
    let ended = run(
        &folder,
        &[&arguments[..], &["--ports", "27500-27599"]].concat(),
    )
    .succeeded();
    for said in [
        "Nothing was heard",
        "nothing has been received",
        "127.0.0.1:4000",
    ] {
        assert!(ended.stdout.contains(said), "no {said:?}: {ended:#?}");
    }
    fs::remove_file(folder.join("a.sdp")).unwrap();
    let required = ["--ports", "27500-27599", "--require-media"];
    let ended = run(&folder, &[&arguments[..], &required].concat());
    assert!(ended.stdout.contains("Nothing was heard"), "{ended:#?}");
    ended.failed(1, &["--require-media"]);
}

#[test]
fn a_silent_peer_is_suspected_before_a_firewall() {
    let folder = folder("call_one_way");
    write_tone(&folder.join("a.wav"), 600.0);
    let ports = ["--ports", "26500-26599"];
    let offer = ["offer", "--sdp-out", "o.sdp", "--answer", "a.sdp", "--play"];
    let answer = ["answer", "--offer", "o.sdp", "--sdp-out", "a.sdp"];
    let caller = start(&folder, &[&offer[..], &["a.wav"], &ports].concat());
    let callee = start(&folder, &[&answer[..], &ports].concat());
    let told = finish(caller).succeeded().stdout;
    finish(callee).succeeded();
    let hint = told.lines().find(|line| line.contains("hint: "));
    let hint = hint.unwrap_or_default();
    assert!(hint.contains("nothing to say"), "{told}");
}

#[test]
fn loopback_is_no_address_for_a_peer_elsewhere() {
    let folder = folder("call_elsewhere");
    let offer = OFFER.replace("127.0.0.1", "192.0.2.7");
    fs::write(folder.join("o.sdp"), offer).unwrap();
    let arguments = "answer --offer o.sdp --sdp-out a.sdp --seconds 0.3 --ports 26600-26699";
    let ended = run(&folder, &arguments.split(' ').collect::<Vec<_>>()).succeeded();
    let words = "127.0.0.1 cannot be reached from 192.0.2.7; --address takes";
    assert!(ended.stderr.contains(words), "{ended:#?}");
    let hint = ended.stdout.lines().find(|line| line.contains("hint: "));
    assert!(hint.is_some_and(|hint| hint.contains(words)), "{ended:#?}");
}

#[test]
fn a_stranger_s_packets_are_named_in_the_summary() {
    let folder = folder("call_stranger");
    let offer = OFFER.replace("127.0.0.1", "192.0.2.9");
    fs::write(folder.join("o.sdp"), offer).unwrap();
    let arguments = [
        "answer",
        "--offer",
        "o.sdp",
        "--sdp-out",
        "a.sdp",
        "--seconds",
        "1",
    ];
    let child = start(
        &folder,
        &[&arguments[..], &["--ports", "27600-27699"]].concat(),
    );
    let port = answered_port(&folder.join("a.sdp"));
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for seq in 0..10u8 {
        let header = [0x80, 0, 0, seq, 0, 0, 0, seq, 1, 2, 3, 4];
        let packet = [&header[..], &[0xd5; 160]].concat();
        stranger.send_to(&packet, ("127.0.0.1", port)).unwrap();
    }
    let ended = finish(child).succeeded();
    let from = stranger.local_addr().unwrap().to_string();
    for said in [&from, "wrong source address", "--source-policy learn"] {
        assert!(ended.stdout.contains(said), "no {said:?}: {ended:#?}");
    }
}

#[test]
fn ctrl_c_ends_a_call_with_its_summary_and_its_recording() {
    let folder = folder("call_interrupted");
    fs::write(folder.join("o.sdp"), OFFER).unwrap();
    let arguments = [
        "answer",
        "--offer",
        "o.sdp",
        "--sdp-out",
        "a.sdp",
        "--record",
        "b.wav",
    ];
    let more = ["--json", "--ports", "27700-27799", "--seconds", "60"];
    let child = start(&folder, &[&arguments[..], &more].concat());
    answered_port(&folder.join("a.sdp"));
    interrupt(child.id());
    let told = finish(child).succeeded().json();
    assert_eq!(told["ended"], "interrupted", "{told:#}");
    assert!(folder.join("b.wav").exists());
}

#[test]
fn ctrl_c_ends_a_wait() {
    let folder = folder("call_wait_interrupted");
    let arguments = ["answer", "--offer", "o.sdp", "--sdp-out", "a.sdp"];
    let mut child = start(
        &folder,
        &[&arguments[..], &["--ports", "27800-27899"]].concat(),
    );
    // It says that it waits once it listens for signals.
    let mut stderr = child.stderr.take().unwrap();
    let mut said = [0; 7];
    std::io::Read::read_exact(&mut stderr, &mut said).unwrap();
    interrupt(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn an_answer_of_an_earlier_call_is_not_taken_for_a_new_one() {
    let folder = folder("call_leftover");
    fs::write(folder.join("a.sdp"), OFFER).unwrap();
    let arguments = "offer --sdp-out o.sdp --answer a.sdp --ports 26100-26199";
    let arguments: Vec<_> = arguments.split(' ').collect();
    let waited = run(&folder, &[&arguments[..], &["--wait", "0.5"]].concat());
    let left = "a.sdp is left from an earlier call; waiting for a new one";
    waited.failed(1, &[left, "no new answer in a.sdp for 0.5 s"]);
    fs::remove_file(folder.join("o.sdp")).unwrap();
    let child = start(&folder, &[&arguments[..], &["--seconds", "0.1"]].concat());
    appears(&folder.join("o.sdp"));
    // The same text, written anew: a peer that always answers alike.
    fs::write(folder.join("a.sdp"), OFFER).unwrap();
    finish(child).succeeded();
}

#[test]
fn two_sides_meet_over_streams_that_stay_open() {
    let folder = folder("call_streams");
    let ports = "--seconds 0.2 --ports 26200-26299";
    let begin = |arguments: &str| {
        let line = format!("{arguments} {ports}");
        let mut command = talkpath(&folder, &line.split(' ').collect::<Vec<_>>());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut caller = begin("offer --sdp-out - --answer -");
    let mut callee = begin("answer --offer - --sdp-out -");
    let offered = caller.stdout.take().unwrap();
    let answered = callee.stdout.take().unwrap();
    let to_callee = callee.stdin.take().unwrap();
    let to_caller = caller.stdin.take().unwrap();
    let copies = [(offered, to_callee), (answered, to_caller)];
    for (mut from, mut to) in copies {
        thread::spawn(move || std::io::copy(&mut from, &mut to));
    }
    finish(caller).succeeded();
    finish(callee).succeeded();
}

#[cfg(unix)]
#[test]
fn two_sides_meet_over_named_pipes() {
    let folder = folder("call_pipes");
    make_pipes(&folder, &["o", "a"]);
    let common = ["--seconds", "0.2", "--ports", "26300-26399"];
    let offer = ["offer", "--sdp-out", "o", "--answer", "a"];
    let answer = ["answer", "--offer", "o", "--sdp-out", "a"];
    let caller = start(&folder, &[&offer[..], &common].concat());
    let callee = start(&folder, &[&answer[..], &common].concat());
    finish(caller).succeeded();
    finish(callee).succeeded();
}

#[cfg(unix)]
#[test]
fn a_pipe_without_another_end_is_given_up_and_can_be_interrupted() {
    let folder = folder("call_dead_pipes");
    make_pipes(&folder, &["p", "q"]);
    let ports = ["--ports", "26400-26499"];
    let offer = ["offer", "--sdp-out", "p", "--answer", "a.sdp"];
    let answer = ["answer", "--offer", "p", "--sdp-out", "a.sdp"];
    let brief = ["--wait", "0.5"];
    let ended = run(&folder, &[&offer[..], &ports, &brief].concat());
    ended.failed(1, &["no reader of p for 0.5 s"]);
    let ended = run(&folder, &[&answer[..], &ports, &brief].concat());
    ended.failed(1, &["no offer in p for 0.5 s"]);
    let play = ["--play", "q"];
    run(&folder, &[&answer[..], &ports, &play].concat()).failed(1, &["q: is a pipe"]);
    let mut child = start(&folder, &[&answer[..], &ports].concat());
    let mut said = [0; 7];
    let stderr = child.stderr.as_mut().unwrap();
    std::io::Read::read_exact(stderr, &mut said).unwrap();
    interrupt(child.id());
    finish(child).failed(130, &["interrupted while waiting for the offer"]);
}

#[cfg(unix)]
fn make_pipes(folder: &Path, names: &[&str]) {
    let mut command = std::process::Command::new("mkfifo");
    let status = command.current_dir(folder).args(names).status();
    assert!(status.unwrap().success());
}

/// Waits for an answer; its port.
fn answered_port(path: &Path) -> u16 {
    appears(path);
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once("m=audio ").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

/// A whole description, written without leftovers beside it.
fn assert_sdp(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    assert!(
        text.starts_with("v=0\r\n") && text.ends_with("\r\n"),
        "{text:?}"
    );
    let folder = fs::read_dir(path.parent().unwrap()).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = names.filter(|name| name.ends_with(".part")).collect();
    assert_eq!(left, [""; 0]);
}

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                     m=audio 4000 RTP/AVP 0 8\r\n";
