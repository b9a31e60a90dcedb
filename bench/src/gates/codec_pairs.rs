//! What 20 ms cost from each codec to each other: decode, resample, encode.
//!
//! Opus takes and gives PCM of the other's rate, as in a call, so that only 8
//! and 16 kHz need a resampler. With the feature `libopus` Xiph's C computes it,
//! and the same C stands beside it with nothing of ours around it.

use talkpath_audio::resample::Resampler;
use talkpath_audio::{Codec, Decoder, Encoder, Parameters, g711, g722, l16, opus};

use crate::report::Report;
use crate::rounds::measure;
use crate::speech;

pub(super) fn run(report: &mut Report) {
    let name = |codec: &&dyn Codec| format!("{}/{}", codec.name(), codec.clock_rate());
    let names: Vec<String> = CODECS.iter().map(name).collect();
    let head: Vec<String> = names.iter().map(|name| format!("{name:>11}")).collect();
    report.note(format_args!(
        "µs per 20 ms, from (down) to (across); Opus by {OPUS_BY}"
    ));
    report.note(format_args!("{:11}{}", "", head.concat()));
    for (from, name) in CODECS.iter().zip(&names) {
        let cost = |to: &&'static dyn Codec| {
            let mut pair = Pair::new(*from, *to);
            format!("{:11.2}", measure(|| pair.step()).median / 1e3)
        };
        let costs: Vec<String> = CODECS.iter().map(cost).collect();
        report.note(format_args!("{name:11}{}", costs.concat()));
    }
    beside_libopus(report);
}

#[cfg(feature = "libopus")]
use super::libopus_alone::beside_libopus;

#[cfg(not(feature = "libopus"))]
fn beside_libopus(report: &mut Report) {
    report.note("libopus beside it: cargo run --release -p talkpath-bench --features libopus -- codec-pairs (needs cmake)");
}

/// One way of a transcoded call, without the call.
pub(super) struct Pair {
    decoder: Box<dyn Decoder>,
    resampler: Resampler,
    encoder: Box<dyn Encoder>,
    payloads: Vec<Vec<u8>>,
    next: usize,
    decoded: Vec<i16>,
    resampled: Vec<i16>,
    payload: Vec<u8>,
}

impl Pair {
    pub(super) fn new(from: &'static dyn Codec, to: &'static dyn Codec) -> Self {
        let (from, to) = (
            from.shaped(to.sample_rate(), 1).unwrap_or(from),
            to.shaped(from.sample_rate(), 1).unwrap_or(to),
        );
        let (rate, into) = (from.sample_rate(), to.sample_rate());
        let resampler = Resampler::new(rate, into).expect("these rates have a common block");
        let said = |codec: &dyn Codec| codec.default_parameters().as_bytes().to_vec();
        Pair {
            decoder: from.decoder(Parameters::new(&said(from))),
            resampler,
            encoder: to.encoder(Parameters::new(&said(to))),
            payloads: payloads(from),
            next: 0,
            decoded: vec![0; rate.frame_len()],
            resampled: vec![0; into.frame_len()],
            payload: vec![0; to.max_payload_len(into.frame_len())],
        }
    }

    /// A payload in, a payload out; its length.
    pub(super) fn step(&mut self) -> usize {
        let payload = &self.payloads[self.next];
        self.next = (self.next + 1) % self.payloads.len();
        let decoded = self.decoder.decode(payload, &mut self.decoded);
        decoded.expect("what its encoder made can be decoded");
        self.resampler.process(&self.decoded, &mut self.resampled);
        let encoded = self.encoder.encode(&self.resampled, &mut self.payload);
        encoded.expect("20 ms are a frame of every codec")
    }
}

/// Four seconds of speech in `codec`.
pub(super) fn payloads(codec: &'static dyn Codec) -> Vec<Vec<u8>> {
    let rate = codec.sample_rate();
    let mut encoder = codec.encoder(Parameters::new(codec.default_parameters().as_bytes()));
    let speech = speech::frames(rate, 200);
    let encode = |frame: &[i16]| {
        let mut payload = vec![0; codec.max_payload_len(frame.len())];
        let len = encoder.encode(frame, &mut payload);
        payload.truncate(len.expect("20 ms are a frame of every codec"));
        payload
    };
    speech.chunks_exact(rate.frame_len()).map(encode).collect()
}

const OPUS_BY: &str = if cfg!(feature = "libopus") {
    "libopus"
} else {
    "Rust"
};
static CODECS: [&dyn Codec; 5] = [
    &g711::PCMU,
    &g711::PCMA,
    &g722::G722,
    &l16::MONO_16000,
    &opus::OPUS,
];
