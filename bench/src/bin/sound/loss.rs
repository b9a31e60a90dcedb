//! G.711 with 5 % of the packets lost: ours, silence, and repetition.
//!
//! Ours is a whole call and its recording. The others are made of the same
//! packets with the same losses, without a network: what is lost is silence, or
//! the last packet again, each time at 0.7 of its loudness. The speech is played
//! twice, and scored as a call begins and when it has gone on for a while.

use std::path::{Path, PathBuf};

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
    let twice = [&speech[..], &speech[..]].concat();
    let (mut first, mut second, mut losses) = (Heard::default(), Heard::default(), vec![]);
    for seed in 1..=SEEDS {
        let called = lossy(seed, &twice)?;
        losses.push(called.loss());
        let silent = concealed(&called.packets, Fill::Silence);
        let repeated = concealed(&called.packets, Fill::Repeat);
        let all = [&called.heard[..], &silent, &repeated];
        let until = |pcm: &[i16]| pcm[..speech.len().min(pcm.len())].to_vec();
        first.add(&format!("first-{seed}"), all.map(until))?;
        let from = |pcm: &[i16]| pcm[speech.len().min(pcm.len())..].to_vec();
        second.add(&format!("second-{seed}"), all.map(from))?;
    }
    let (least, most) = range(&losses);
    let lost = format!(
        "{SEEDS} seeds, {:.1}-{:.1} % lost",
        100.0 * least,
        100.0 * most
    );
    Ok(vec![
        first.row("G.711, 5 % loss: PESQ above repetition", &reference, &lost)?,
        second.row("the same, later in the call", &reference, &lost)?,
    ])
}

/// Recordings of one part of the calls: ours, silence's, repetition's.
#[derive(Default)]
struct Heard([Vec<PathBuf>; 3]);

impl Heard {
    fn add(&mut self, name: &str, pcm: [Vec<i16>; 3]) -> Verdict {
        for ((files, pcm), who) in self
            .0
            .iter_mut()
            .zip(pcm)
            .zip(["ours", "silence", "repeat"])
        {
            files.push(write(&format!("loss-{name}-{who}.wav"), RATE, &pcm)?);
        }
        Ok(())
    }

    fn row(&self, what: &str, reference: &Path, lost: &str) -> Verdict<Row> {
        let mut scores = Vec::new();
        for files in &self.0 {
            let found = sound::speeches_in(reference, files)?;
            scores.push(found.iter().map(|speech| speech.pesq).collect::<Vec<f64>>());
        }
        let [ours, silence, repeat] = [0, 1, 2].map(|n| mean(&scores[n]));
        let (low, high) = range(&scores[0]);
        let row = Row::new(what, ours - repeat, "", Goal::AtLeast(0.5, 0.8));
        let baseline = format!("silence {silence:.2}, repeat {repeat:.2}");
        let note = format!("ours {ours:.2} ({low:.2}-{high:.2}); {lost}");
        Ok(row.beside(baseline).note(note))
    }
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
