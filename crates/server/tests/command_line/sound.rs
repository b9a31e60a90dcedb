//! Tones in files: written, read back, measured.

use std::fs;
use std::path::Path;

use talkpath::SampleRate;
use talkpath::audio::measure::{ToneReport, active, tone};
use talkpath::audio::{Dbov, Parameters, Tone, ToneGenerator, codec};
use talkpath_file::ogg::{OggWriter, OpusHead};
use talkpath_file::wav::{WavReader, WavWriter};

/// Writes a second of a tone.
pub(crate) fn write_tone(path: &Path, hz: f32) {
    let rate = SampleRate::HZ_8000;
    let mut samples = vec![0; rate.hz() as usize];
    ToneGenerator::new(Tone::sine(hz, Dbov(-16.0)), rate).fill(&mut samples);
    let mut wav = WavWriter::new(1, rate.hz()).unwrap();
    let mut sound = Vec::new();
    wav.encode(&samples, &mut sound).unwrap();
    wav.written(sound.len() as u64);
    fs::write(path, [&wav.header()[..], &sound].concat()).unwrap();
}

/// Writes a second of a tone, as Opus.
pub(crate) fn write_opus_tone(path: &Path, hz: f32) {
    let opus = codec::find("opus", 48_000, 2).unwrap();
    let opus = opus.shaped(SampleRate::HZ_48000, 1).unwrap();
    let mut tone = ToneGenerator::new(Tone::sine(hz, Dbov(-16.0)), SampleRate::HZ_48000);
    let mut encoder = opus.encoder(Parameters::NONE);
    let mut payload = vec![0; opus.max_payload_len(960)];
    let mut file = Vec::new();
    let mut writer = OggWriter::new(OpusHead::new(1, 312), 7, &[], &mut file).unwrap();
    for _ in 0..50 {
        let mut samples = [0; 960];
        tone.fill(&mut samples);
        let len = encoder.encode(&samples, &mut payload).unwrap();
        writer.packet(&payload[..len], &mut file).unwrap();
    }
    writer.finish(0, &mut file).unwrap();
    fs::write(path, file).unwrap();
}

/// What a file sounds like, silence around it aside, and how long it sounds.
pub(crate) fn heard(path: &Path) -> (ToneReport, f64) {
    let bytes = fs::read(path).unwrap();
    let (mut reader, mut samples) = (WavReader::new(), vec![0; bytes.len()]);
    let header = reader.read(&bytes, &mut []).unwrap();
    let rate = SampleRate::new(reader.header().unwrap().format.sample_rate).unwrap();
    let read = reader
        .read(&bytes[header.consumed..], &mut samples)
        .unwrap();
    let sound = active(&samples[..read.samples], 200);
    let seconds = sound.len() as f64 / f64::from(rate.hz());
    // The end is concealed for a while: nobody knows yet that it is the end.
    let certain = &sound[..sound.len().min(rate.hz() as usize * 9 / 10)];
    (tone(certain, rate).expect("a tone"), seconds)
}
