//! PJMEDIA's concealment, over a socket: the same packets, the same losses.
//!
//! pjsua2 answers a call of a script that sends it, on the wall's clock, the
//! packets of our calls without those that were lost in them. Ours is scored on
//! the same seeds.

use std::fs;
use std::path::PathBuf;

use talkpath_interop::process::run;
use talkpath_interop::sound;
use talkpath_interop::verdict::{Verdict, While};

use crate::call::{Sent, folder, read, write};
use crate::loss::{RATE, lossy};
use crate::opus_loss::script;
use crate::row::{Goal, Row, mean, range};

pub(crate) fn rows() -> Verdict<Vec<Row>> {
    let reference = sound::speech(RATE.hz())?;
    let speech = read(&reference)?;
    if run(script("pjsua_peer.py").arg("--check")).is_err() {
        let why = "needs pjsua2: interop/install-peers";
        return Ok(vec![Row::missing("G.711, 5 % loss: PJMEDIA", why)]);
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for seed in 1..=SEEDS {
        let called = lossy(seed, &speech)?;
        ours.push(write(
            &format!("beside-pjmedia-{seed}.wav"),
            RATE,
            &called.heard,
        )?);
        theirs.push(pjmedia(seed, &called.packets)?);
    }
    let score = |files: &[PathBuf]| -> Verdict<Vec<f64>> {
        let scores = sound::speeches_in(&reference, files)?;
        Ok(scores.iter().map(|speech| speech.pesq).collect())
    };
    let (ours, theirs) = (score(&ours)?, score(&theirs)?);
    let (low, high) = range(&theirs);
    let above = mean(&ours) - mean(&theirs);
    let row = Row::new(
        "G.711, 5 % loss: PESQ above PJMEDIA",
        above,
        "",
        Goal::AtLeast(0.0, 0.3),
    );
    let baseline = format!("PJMEDIA {:.2} ({low:.2}-{high:.2})", mean(&theirs));
    let note = format!(
        "ours {:.2}; {SEEDS} seeds, over a socket on the wall's clock",
        mean(&ours)
    );
    Ok(vec![row.beside(baseline).note(note)])
}

/// What PJMEDIA records of the packets that arrived.
fn pjmedia(seed: u64, packets: &[Sent]) -> Verdict<PathBuf> {
    let list = folder()?.join(format!("pjmedia-{seed}.packets"));
    let mut bytes = Vec::new();
    for sent in packets {
        bytes.push(u8::from(sent.arrived));
        bytes.extend(&sent.payload);
    }
    fs::write(&list, bytes).while_doing(list.display())?;
    let wav = list.with_extension("wav");
    run(script("pjsua_peer.py").arg(&list).arg(&wav))?;
    Ok(wav)
}

const SEEDS: u64 = 4;
