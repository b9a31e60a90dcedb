//! libopus itself, set as ours is, with nothing of ours around it.

use opusic_c::{Application, Bitrate, Channels, InbandFec, SampleRate};
use talkpath_audio::{Codec, opus};

use super::codec_pairs::{Pair, payloads};
use crate::report::{Goal, Report};
use crate::rounds::compare;

/// Compares decoding and encoding of Opus through our interfaces with the same
/// by the C alone, at 48 and at 16 kHz.
pub(super) fn beside_libopus(report: &mut Report) {
    for (hz, theirs) in [(48_000, SampleRate::Hz48000), (16_000, SampleRate::Hz16000)] {
        let rate = talkpath_audio::SampleRate::new(hz).expect("Opus has this rate");
        let codec = opus::OPUS.shaped(rate, 1).expect("Opus has a shape for it");
        let (mut alone, mut ours) = (Alone::new(codec, theirs), Pair::new(codec, codec));
        let compared = compare(|| alone.step(), || ours.step());
        report.ratio(
            &format!("opus to opus at {hz} Hz, against libopus alone"),
            compared,
            Some(GOAL),
        );
    }
}

struct Alone {
    decoder: opusic_c::Decoder,
    encoder: opusic_c::Encoder,
    payloads: Vec<Vec<u8>>,
    next: usize,
    pcm: Vec<u16>,
    payload: [u8; 1_276],
}

impl Alone {
    fn new(codec: &'static dyn Codec, rate: SampleRate) -> Self {
        let decoder = opusic_c::Decoder::new(Channels::Mono, rate);
        let encoder = opusic_c::Encoder::new(Channels::Mono, rate, Application::Voip);
        let mut encoder = encoder.expect("there is memory for an encoder");
        // As `talkpath_audio::opus` sets it for a peer that says `useinbandfec=1`.
        let set = encoder
            .set_complexity(7)
            .and_then(|()| encoder.set_bitrate(Bitrate::Value(32_000)))
            .and_then(|()| encoder.set_force_channels(Some(Channels::Mono)))
            .and_then(|()| encoder.set_inband_fec(InbandFec::Mode1));
        set.expect("every setting is in libopus's range");
        Alone {
            decoder: decoder.expect("there is memory for a decoder"),
            encoder,
            payloads: payloads(codec),
            next: 0,
            pcm: vec![0; codec.sample_rate().frame_len()],
            payload: [0; 1_276],
        }
    }

    fn step(&mut self) -> usize {
        let payload = &self.payloads[self.next];
        self.next = (self.next + 1) % self.payloads.len();
        let decoded = self.decoder.decode_to_slice(payload, &mut self.pcm, false);
        decoded.expect("what its encoder made can be decoded");
        let encoded = self.encoder.encode_to_slice(&self.pcm, &mut self.payload);
        encoded.expect("20 ms are a frame of Opus")
    }
}

/// At most 10 % over libopus alone.
const GOAL: Goal = Goal {
    must: 0.91,
    stretch: 1.0,
};
