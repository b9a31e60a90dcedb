//! Payloads of sound: the codecs' decoders, Opus packets, comfort noise.

use talkpath_audio::codec::BUILT_IN;
use talkpath_audio::comfort_noise::{Description, Generator};
use talkpath_audio::opus::{Mode, Packet};
use talkpath_audio::{Codec, DecodeError, Decoder, Parameters, SampleRate};

use crate::script::Script;

/// A decoder fed with anything: a payload gives as many samples as it says, or
/// none, and the decoder goes on.
pub fn codecs(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let codec = codec(&mut script);
    let mut decoder = codec.decoder(Parameters::NONE);
    for _ in 0..MOST_STEPS {
        let Some(operation) = script.next(8) else {
            break;
        };
        match operation {
            0..=4 => decode(codec, &mut *decoder, script.bytes(u8::MAX)),
            5 => {
                let samples = usize::from(script.u8()) * 12;
                let mut pcm = vec![0; samples * usize::from(codec.channels())];
                decoder.conceal(&mut pcm);
            }
            6 => {
                let mut pcm = vec![0; codec.sample_rate().frame_len()];
                decoder.recover(script.bytes(u8::MAX), &mut pcm);
            }
            _ => decoder.reset(),
        }
    }
    decode(codec, &mut *decoder, script.rest());
}

/// One of the table, in one of its shapes.
fn codec(script: &mut Script<'_>) -> &'static dyn Codec {
    let codec = script.one_of(BUILT_IN);
    let rate = script.one_of(&[
        SampleRate::HZ_8000,
        SampleRate::HZ_16000,
        SampleRate::HZ_48000,
    ]);
    let channels = script.one_of(&[1, 2]);
    codec.shaped(rate, channels).unwrap_or(codec)
}

fn decode(codec: &dyn Codec, decoder: &mut dyn Decoder, payload: &[u8]) {
    let channels = usize::from(codec.channels());
    let Ok(samples) = codec.samples(payload) else {
        let mut pcm = vec![0; LONGEST * channels];
        let decoded = decoder.decode(payload, &mut pcm);
        assert!(
            matches!(decoded, Err(DecodeError::Malformed { .. })),
            "{decoded:?}"
        );
        return;
    };
    let mut pcm = vec![0; samples * channels];
    match decoder.decode(payload, &mut pcm) {
        Ok(decoded) => assert_eq!(decoded, samples),
        Err(DecodeError::Malformed { len, at }) => assert!(len == payload.len() && at <= len),
        Err(error) => panic!("there was room for what it says: {error}"),
    }
    if samples > 0 {
        let short = &mut pcm[..samples * channels - 1];
        assert!(decoder.decode(payload, short).is_err());
    }
}

/// An Opus packet: what it says of itself adds up, and a file says the same.
pub fn opus_packet(bytes: &[u8]) {
    let Ok(packet) = Packet::parse(bytes) else {
        return;
    };
    let duration = packet.toc().frame_duration() * u32::from(packet.frames());
    assert_eq!(packet.duration(), duration);
    assert!((1..=48).contains(&packet.frames()) && duration <= LONGEST_PACKET);
    let samples = packet.samples(SampleRate::HZ_48000);
    let of_file = talkpath_file::ogg::packet_samples(bytes);
    assert_eq!(of_file.map(|samples| samples as usize), Some(samples));
    assert!((1..=2).contains(&packet.toc().channels()));
    assert!(packet.toc().bandwidth().hz() >= 4_000);
    let celt = packet.toc().mode() == Mode::Celt;
    assert!(!celt || !packet.repeats_the_one_before());
}

/// Comfort noise: what is read can be written and read again, and sounds.
pub fn comfort_noise(bytes: &[u8]) {
    let mut generator = Generator::new(SampleRate::HZ_8000, 1);
    let mut frame = [0; 160];
    for payload in bytes.chunks(1 + Description::MAX_LEN) {
        let described = Description::parse(payload).expect("it has a level");
        assert!(described.reflections().all(|value| value.abs() <= 1.01));
        let mut out = [0; Description::MAX_LEN];
        let len = described.write(&mut out).expect("there is room");
        assert_eq!(Description::parse(&out[..len]), Ok(described));
        assert!(described.resembles(&described));
        generator.update(&described);
        (0..8).for_each(|_| generator.fill(&mut frame));
    }
    assert!(Description::parse(&[]).is_err());
}

/// So that no input takes long: Opus is 60 times slower than the others.
const MOST_STEPS: usize = 64;
/// More samples per channel than any payload here holds.
const LONGEST: usize = 8_192;
const LONGEST_PACKET: core::time::Duration = core::time::Duration::from_millis(120);
