//! The two computers of Opus side by side: each hears what the other says.

use super::*;
use crate::codec::Parameters;
use crate::opus::packet::Packet;
use crate::opus::settings::Settings;
use crate::rate::SampleRate;

/// 2 s of a gliding tone with overtones, at 48 kHz.
fn glide() -> Vec<i16> {
    let mut phase = 0.0_f64;
    let sample = |n: u32| {
        let t = f64::from(n) / 48_000.0;
        phase += std::f64::consts::TAU * (150.0 + 50.0 * (t * 5.0).sin()) / 48_000.0;
        let wave: f64 = (1..12)
            .map(|h| (phase * f64::from(h)).sin() / f64::from(h))
            .sum();
        (wave * 6_000.0) as i16
    };
    (0..96_000).map(sample).collect()
}

fn settings() -> Settings {
    Settings::agreed(48_000, 1, Parameters::new(b"useinbandfec=1"))
}

fn by_rust(pcm: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = ropus::Encoder::new(48_000, 1, &settings());
    encoder.expect_loss(10);
    let encode = |pcm: &[i16]| {
        let mut out = vec![0; 1_276];
        let len = encoder.encode(pcm, &mut out).unwrap();
        out[..len].to_vec()
    };
    pcm.chunks_exact(960).map(encode).collect()
}

fn by_c(pcm: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = libopus::Encoder::new(48_000, 1, &settings());
    encoder.expect_loss(10);
    let encode = |pcm: &[i16]| {
        let mut out = vec![0; 1_276];
        let len = encoder.encode(pcm, &mut out).unwrap();
        out[..len].to_vec()
    };
    pcm.chunks_exact(960).map(encode).collect()
}

/// Signal to difference in dB.
fn agreement(one: &[i16], other: &[i16]) -> f64 {
    let square = |x: f64| x * x;
    let signal: f64 = one.iter().map(|&x| square(f64::from(x))).sum();
    let pairs = one.iter().zip(other);
    let noise: f64 = pairs
        .map(|(&x, &y)| square(f64::from(x) - f64::from(y)))
        .sum();
    10.0 * (signal / noise.max(1e-9)).log10()
}

#[test]
fn both_decoders_hear_the_same_in_the_packets_of_either_encoder() {
    let pcm = glide();
    for packets in [by_rust(&pcm), by_c(&pcm)] {
        let bytes: usize = packets.iter().map(Vec::len).sum();
        assert!((5_000..10_000).contains(&bytes), "{bytes}");
        for rate in [8_000, 16_000, 24_000, 48_000] {
            for channels in [1, 2] {
                let mut rust = ropus::Decoder::new(rate, channels);
                let mut c = libopus::Decoder::new(rate, channels);
                let frame = SampleRate::new(rate).unwrap().frame_len() * usize::from(channels);
                let (mut heard_by_rust, mut heard_by_c) = (Vec::new(), Vec::new());
                for packet in &packets {
                    let mut pcm = vec![0; frame];
                    rust.decode(Heard::Packet(packet), &mut pcm).unwrap();
                    heard_by_rust.extend_from_slice(&pcm);
                    c.decode(Heard::Packet(packet), &mut pcm).unwrap();
                    heard_by_c.extend_from_slice(&pcm);
                }
                let agreement = agreement(&heard_by_c, &heard_by_rust);
                println!("{rate} {channels}: {agreement:.1} dB");
                assert!(agreement > 50.0, "{rate} Hz, {channels}: {agreement:.1} dB");
            }
        }
    }
}

#[test]
fn both_decoders_recover_the_same_from_the_next_packet() {
    let packets = by_c(&glide());
    let mut rust = ropus::Decoder::new(48_000, 1);
    let mut c = libopus::Decoder::new(48_000, 1);
    let (mut heard_by_rust, mut heard_by_c) = (Vec::new(), Vec::new());
    let mut recovered = 0;
    for (n, packet) in packets.iter().enumerate() {
        let heard = match packets.get(n + 1) {
            Some(next) if n % 5 == 4 && Packet::parse(next).unwrap().repeats_the_one_before() => {
                recovered += 1;
                Heard::Next(next)
            }
            _ => Heard::Packet(packet),
        };
        let mut pcm = vec![0; 960];
        rust.decode(heard, &mut pcm).unwrap();
        heard_by_rust.extend_from_slice(&pcm);
        c.decode(heard, &mut pcm).unwrap();
        heard_by_c.extend_from_slice(&pcm);
    }
    assert!(recovered > 10, "{recovered}");
    let agreement = agreement(&heard_by_c, &heard_by_rust);
    assert!(agreement > 40.0, "{agreement:.1} dB");
}
