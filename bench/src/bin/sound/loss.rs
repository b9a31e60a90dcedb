//! G.711 with 5 % of the packets lost: ours, silence, and repetition.
//!
//! Ours is a whole call and its recording. The others are made of the same
//! packets with the same losses, without a network: what is lost is silence, or
//! the last packet again, each time at 0.7 of its loudness.

use std::path::PathBuf;

use talkpath::audio::g711;
use talkpath::{Codec, SampleRate};
use talkpath_interop::sound;
use talkpath_interop::verdict::Verdict;
use talkpath_sim::{Link, Loss};

use crate::call::{Called, Sent, call, read, write};
use crate::row::{Goal, Row, mean, range};

pub(crate) fn rows() -> Verdict<Vec<Row>> {
    let reference = sound::speech(RATE.hz())?;
    let speech = read(&reference)?;
    let (mut ours, mut silent, mut repeated, mut losses) = (vec![], vec![], vec![], vec![]);
    for seed in 1..=SEEDS {
        let called = lossy(seed, &speech)?;
        losses.push(called.loss());
        ours.push(write(&format!("ours-{seed}.wav"), RATE, &called.heard)?);
        let filled = |fill| concealed(&called.packets, fill);
        silent.push(write(
            &format!("silence-{seed}.wav"),
            RATE,
            &filled(Fill::Silence),
        )?);
        repeated.push(write(
            &format!("repeat-{seed}.wav"),
            RATE,
            &filled(Fill::Repeat),
        )?);
    }
    let score = |files: &[PathBuf]| -> Verdict<Vec<f64>> {
        let scores = sound::speeches_in(&reference, files)?;
        Ok(scores.iter().map(|speech| speech.pesq).collect())
    };
    let (ours, silent, repeated) = (score(&ours)?, score(&silent)?, score(&repeated)?);
    let (low, high) = range(&ours);
    let (least, most) = range(&losses);
    let above = mean(&ours) - mean(&repeated);
    let baseline = format!(
        "silence {:.2}, repeat {:.2}",
        mean(&silent),
        mean(&repeated)
    );
    let row = Row::new(
        "G.711, 5 % loss: PESQ above repetition",
        above,
        "",
        Goal::AtLeast(0.5, 0.8),
    );
    let note = format!(
        "ours {:.2} ({low:.2}-{high:.2}); {SEEDS} seeds, {:.1}-{:.1} % lost",
        mean(&ours),
        100.0 * least,
        100.0 * most
    );
    Ok(vec![row.beside(baseline).note(note)])
}

/// A call with 5 % loss from the caller to the callee.
pub(crate) fn lossy(seed: u64, speech: &[i16]) -> Verdict<Called> {
    let link = Link::perfect().with_loss(Loss::Random(0.05));
    call(seed, Codec::PCMU, RATE, speech, link)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    Silence,
    Repeat,
}

/// What others make of the packets that arrived.
fn concealed(packets: &[Sent], fill: Fill) -> Vec<i16> {
    let (mut pcm, mut last, mut gain) = (Vec::new(), vec![0; 160], 1.0);
    for sent in packets {
        if sent.arrived {
            last = sent.payload.iter().map(|o| g711::decode_ulaw(*o)).collect();
            gain = 1.0;
        } else {
            gain *= if fill == Fill::Repeat { 0.7 } else { 0.0 };
        }
        // Nothing is sent in a pause.
        pcm.resize(pcm.len().max(sent.at as usize), 0);
        pcm.extend(last.iter().map(|sample| (f64::from(*sample) * gain) as i16));
    }
    pcm
}

pub(crate) const RATE: SampleRate = SampleRate::HZ_8000;
const SEEDS: u64 = 20;
