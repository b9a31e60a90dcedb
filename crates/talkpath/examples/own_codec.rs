//! A codec of the application's own: negotiated, spoken in, heard.
//!
//! `X-L8` is linear PCM of 8 bits at 16 kHz. It has no state, so it is its own
//! encoder and decoder; a codec that has some makes an object for each stream.
//!
//! Run it with `cargo run -p talkpath --example own_codec`.

use std::error::Error;
use std::time::Duration;

use talkpath::audio::codec::{Decoder, Encoder};
use talkpath::audio::measure::tone;
use talkpath::audio::{self, DecodeError, EncodeError, Parameters};
use talkpath::audio::{Dbov, Tone, ToneGenerator};
use talkpath::{Audio, Codec, FrameKind, MediaManager, SampleRate};

/// As built-in codecs have one: what goes wherever a codec is asked for.
const L8: Codec = Codec::custom(&Linear8);

/// Samples of 8 bits, two's complement.
#[derive(Clone, Copy, Debug)]
struct Linear8;

impl audio::Codec for Linear8 {
    fn name(&self) -> &str {
        "X-L8"
    }

    fn clock_rate(&self) -> u32 {
        16_000
    }

    fn sample_rate(&self) -> SampleRate {
        SampleRate::HZ_16000
    }

    fn channels(&self) -> u8 {
        1
    }

    // It gets a dynamic one, and an `a=rtpmap` that says which.
    fn static_payload_type(&self) -> Option<u8> {
        None
    }

    fn samples(&self, payload: &[u8]) -> Result<usize, DecodeError> {
        Ok(payload.len())
    }

    fn max_payload_len(&self, samples: usize) -> usize {
        samples
    }

    fn encoder(&self, _peer: Parameters<'_>) -> Box<dyn Encoder> {
        Box::new(*self)
    }

    fn decoder(&self, _ours: Parameters<'_>) -> Box<dyn Decoder> {
        Box::new(*self)
    }
}

impl Encoder for Linear8 {
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        let (needed, room) = (pcm.len(), out.len());
        let Some(out) = out.get_mut(..needed) else {
            return Err(EncodeError::NoRoom { needed, room });
        };
        for (octet, sample) in out.iter_mut().zip(pcm) {
            let rounded = sample.saturating_add(0x80) >> 8;
            *octet = rounded as u8;
        }
        Ok(needed)
    }
}

impl Decoder for Linear8 {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, DecodeError> {
        let (needed, room) = (payload.len(), pcm.len());
        let Some(pcm) = pcm.get_mut(..needed) else {
            return Err(DecodeError::NoRoom { needed, room });
        };
        for (sample, octet) in pcm.iter_mut().zip(payload) {
            *sample = i16::from(*octet as i8) << 8;
        }
        Ok(needed)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let manager = MediaManager::builder()
        .interface("127.0.0.1")
        .ports(25000..=25099)
        .build()?;
    // Preferred to PCMU, which is there for those who do not know it.
    let wanted = || Audio::sendrecv([L8, Codec::PCMU]).rate(SampleRate::HZ_16000);
    let (caller, offer) = manager.create_offer(wanted())?;
    println!("The caller offers:\n{offer}");
    let (callee, answer) = manager.accept_offer(&offer, wanted())?;
    caller.apply_answer(&answer)?;

    // The caller says a second of a tone, which the callee hears as it comes.
    let (mut say, _) = caller.audio()?.split();
    let (_, mut hear) = callee.audio()?.split();
    let mut generator = ToneGenerator::new(Tone::sine(1000.0, Dbov(-16.0)), say.rate());
    let (mut frame, mut heard) = (vec![0; hear.frame_len()], Vec::new());
    for _ in 0..50 {
        generator.fill(&mut frame);
        say.send_all(&frame)?;
        let read = hear.recv_timeout(&mut frame, Duration::from_secs(1))?;
        if read.is_some_and(|read| read.kind == FrameKind::Heard) {
            heard.extend_from_slice(&frame);
        }
    }

    let stats = callee.stats();
    let received = stats.audio().and_then(|audio| audio.receiving.clone());
    let received = received.ok_or("nothing was received")?;
    let heard = tone(&heard, hear.rate()).ok_or("no tone was heard")?;
    println!(
        "The callee heard {:.0} Hz in {received}, {:.0} dB above everything else.",
        heard.hz, heard.snr_db
    );
    // Eight bits are good for about 34 dB at this level.
    assert_eq!(received.to_string(), "X-L8/16000");
    assert!((heard.hz - 1000.0).abs() < 1.0 && heard.snr_db > 25.0);
    Ok(())
}

#[test]
fn the_tone_is_heard_in_the_codec_of_its_own() {
    main().expect("the example runs to its end");
}
