//! Opus with 5 % of the packets lost and in-band FEC, against libopus offline.
//!
//! Both decode the packets of one call with the same losses: ours in the call,
//! libopus from a file, with FEC wherever the next packet is there. The speech is
//! played twice and the second time is scored: by then reports have told the
//! sender of the loss.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use talkpath::{Codec, SampleRate};
use talkpath_interop::process::run;
use talkpath_interop::verdict::{Verdict, While};
use talkpath_interop::{root, sound};
use talkpath_sim::{Link, Loss};

use crate::call::{Sent, call, folder, read, write};
use crate::row::{Goal, Row, mean, range};

pub(crate) fn rows() -> Verdict<Vec<Row>> {
    let reference = sound::speech(RATE.hz())?;
    let speech = read(&reference)?;
    let twice = [&speech[..], &speech[..]].concat();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for seed in 1..=SEEDS {
        let link = Link::perfect().with_loss(Loss::Random(0.05));
        let called = call(seed, Codec::OPUS, RATE, &twice, link)?;
        let second = |pcm: &[i16]| pcm[speech.len().min(pcm.len())..].to_vec();
        ours.push(write(
            &format!("opus-{seed}.wav"),
            RATE,
            &second(&called.heard),
        )?);
        let offline = libopus(seed, &called.packets)?;
        let name = format!("libopus-{seed}.wav");
        theirs.push(write(&name, RATE, &second(&read(&offline)?))?);
    }
    let score = |files: &[PathBuf]| -> Verdict<Vec<f64>> {
        let scores = sound::speeches_in(&reference, files)?;
        Ok(scores.iter().map(|speech| speech.pesq).collect())
    };
    let (ours, theirs) = (score(&ours)?, score(&theirs)?);
    let (low, high) = range(&ours);
    let below = mean(&theirs) - mean(&ours);
    let row = Row::new(
        "Opus, 5 % loss, FEC: wide-band PESQ below",
        below,
        "",
        Goal::AtMost(0.1, 0.0),
    );
    let note = format!(
        "ours {:.2} ({low:.2}-{high:.2}); {SEEDS} seeds",
        mean(&ours)
    );
    Ok(vec![
        row.beside(format!("libopus {:.2}", mean(&theirs)))
            .note(note),
    ])
}

/// What libopus makes of the packets that arrived.
fn libopus(seed: u64, packets: &[Sent]) -> Verdict<PathBuf> {
    let list = folder()?.join(format!("libopus-{seed}.packets"));
    let mut bytes = Vec::new();
    for sent in packets {
        // Its place, its length (0 when it was lost), itself.
        let payload = if sent.arrived { &sent.payload[..] } else { &[] };
        bytes.extend(sent.at.to_le_bytes());
        bytes.extend((payload.len() as u32).to_le_bytes());
        bytes.extend(payload);
    }
    fs::write(&list, bytes).while_doing(list.display())?;
    let wav = list.with_extension("offline.wav");
    run(script("opus_offline.py")
        .arg(&list)
        .arg(&wav)
        .args(["--rate", &RATE.hz().to_string()]))?;
    Ok(wav)
}

/// A script of `interop/peers`, run by the Python that has PESQ and PJMEDIA.
pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new(sound::python());
    command.arg(Path::new(&root()).join("interop/peers").join(name));
    command
}

const RATE: SampleRate = SampleRate::HZ_16000;
const SEEDS: u64 = 20;
