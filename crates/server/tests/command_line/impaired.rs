//! `--loss`, `--jitter` and `--reorder`: a bad network, tried out.

use std::path::Path;

use serde_json::Value;

use crate::program::{Ended, finish, folder, start};
use crate::sound::{heard, write_tone};

/// A call in which the callee hears badly; what both came to.
fn call(folder: &Path, ports: &str, bad: &str, more: &[&str]) -> [Ended; 2] {
    write_tone(&folder.join("a.wav"), 500.0);
    let offer = "offer --sdp-out o.sdp --answer a.sdp --play a.wav --ports";
    let answer = "answer --offer o.sdp --sdp-out a.sdp --record b.wav --ports";
    let offer = offer.split(' ').chain([ports]).chain(more.iter().copied());
    let answer = answer.split(' ').chain([ports]).chain(bad.split(' '));
    let answer = answer.chain(more.iter().copied());
    let caller = start(folder, &offer.collect::<Vec<_>>());
    let callee = start(folder, &answer.collect::<Vec<_>>());
    [finish(caller).succeeded(), finish(callee).succeeded()]
}

#[test]
fn only_the_side_that_asks_hears_badly_and_says_how_badly() {
    let folder = folder("impaired_json");
    let bad = "--loss 20 --jitter 30 --reorder 10 --impair-seed 3";
    let json = ["--json", "--codecs", "pcmu"];
    let [caller, callee] = call(&folder, "29300-29349", bad, &json);
    assert_eq!(caller.json()["impaired"], Value::Null);
    let told = callee.json();
    let (impaired, audio) = (&told["impaired"], &told["audio"]);
    assert_eq!(impaired["seed"], 3, "{told:#}");
    assert_eq!(impaired["arrived"], 50, "{told:#}");
    let lost = impaired["lost"].as_u64().unwrap();
    assert!((2..25).contains(&lost), "{told:#}");
    assert_eq!(audio["received"]["packets"], 50 - lost, "{told:#}");
    assert!(
        audio["playout"]["concealed_samples"].as_u64() > Some(0),
        "{told:#}"
    );
    assert!(audio["quality"]["mos"].as_f64() < Some(4.0), "{told:#}");
    assert!(
        told["jitter_buffer"]["depth_ms"].as_f64() > Some(0.0),
        "{told:#}"
    );
    assert!(impaired["delayed_ms"].as_f64() > Some(10.0), "{told:#}");
    let (tone, _) = heard(&folder.join("b.wav"));
    assert!((tone.hz - 500.0).abs() < 5.0, "{tone:?}");
}

#[test]
fn the_same_seed_loses_the_same_share() {
    let lost = |name: &str, ports: &str| {
        let json = ["--json", "--codecs", "pcmu"];
        let bad = "--loss 20 --impair-seed 7";
        let [_, callee] = call(&folder(name), ports, bad, &json);
        callee.json()["impaired"]["lost"].as_u64()
    };
    let first = lost("impaired_seed_1", "29350-29399");
    assert!(first > Some(0));
    assert_eq!(first, lost("impaired_seed_2", "29400-29449"));
}

#[test]
fn what_got_lost_on_purpose_is_not_blamed_on_a_firewall() {
    let folder = folder("impaired_total");
    let bad = "--loss 100 --seconds 1";
    let [_, callee] = call(&folder, "29500-29549", bad, &["--codecs", "pcma"]);
    for said in [
        "Nothing was heard",
        "hint: all that came, ",
        " packets, got lost by --loss",
    ] {
        assert!(callee.stdout.contains(said), "no {said:?}: {callee:#?}");
    }
    assert!(!callee.stdout.contains("firewall"), "{callee:#?}");
}

#[test]
fn the_summary_says_what_it_came_to_in_words() {
    let folder = folder("impaired_words");
    let bad = "--loss 10 --jitter 20";
    let [caller, callee] = call(&folder, "29450-29499", bad, &["--codecs", "opus"]);
    for said in [
        "impaired    of 50 packets ",
        "repaired    ",
        " in the jitter buffer",
        "quality     MOS ",
        "opus/48000/2",
    ] {
        assert!(callee.stdout.contains(said), "no {said:?}: {callee:#?}");
    }
    assert!(!caller.stdout.contains("impaired"), "{caller:#?}");
}
