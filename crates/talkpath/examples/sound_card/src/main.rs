//! Answers a call with the microphone and the loudspeaker: a softphone's ears.
//!
//! The sound card's clock is not the manager's. `Feed::cushion` and
//! `Hear::pull` keep some ten milliseconds in hand on either way and make up
//! for the drift by time-scaling, so that the delay neither grows nor runs out.
//!
//! Put the caller's offer into `offer.sdp`, run `cargo run` in this folder, and
//! give `answer.sdp` back to the caller.

use std::error::Error;
use std::fs;
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Device, StreamConfig};
use talkpath::{Audio, Codec, Feed, Happening, Hear, MediaManager, Notice, SampleRate, Say};

fn main() -> Result<(), Box<dyn Error>> {
    let manager = MediaManager::builder().interface("127.0.0.1").build()?;
    let events = manager.events();
    let offer = fs::read_to_string("offer.sdp")?;
    let audio = Audio::sendrecv(Codec::USUAL).rate(RATE);
    let (session, answer) = manager.accept_offer(offer.as_str(), audio)?;
    fs::write("answer.sdp", answer.as_bytes())?;

    let feed = Feed::live().cushion(Duration::from_millis(20));
    let (say, hear) = session.audio_with(feed)?.split();
    let host = cpal::default_host();
    let microphone = host.default_input_device().ok_or("no microphone")?;
    let loudspeaker = host.default_output_device().ok_or("no loudspeaker")?;
    let recording = record(&microphone, say)?;
    let playing = play(&loudspeaker, hear)?;
    recording.play()?;
    playing.play()?;

    while let Some(notice) = events.recv() {
        match notice {
            Notice::Event(event) if matches!(event.what, Happening::Bye { .. }) => break,
            Notice::Event(event) => println!("{:?}", event.what),
            Notice::Lagged(_) => {}
        }
    }
    session.close().wait()?;
    Ok(())
}

/// Says what the microphone hears: the mean of its channels.
fn record(device: &Device, mut say: Say) -> Result<cpal::Stream, cpal::Error> {
    let config = config(device.default_input_config()?.channels());
    let channels = usize::from(config.channels);
    let mut mono = Vec::with_capacity(RATE.hz() as usize);
    let heard = move |samples: &[f32], _: &cpal::InputCallbackInfo| {
        mono.clear();
        mono.extend(samples.chunks_exact(channels).map(|frame| {
            let mean = frame.iter().sum::<f32>() / channels as f32;
            (mean * 32_767.0) as i16
        }));
        // What does not fit is late already.
        let _ = say.send(&mono);
    };
    device.build_input_stream(config, heard, complain, None)
}

/// Plays what is heard, the same on every channel.
fn play(device: &Device, mut hear: Hear) -> Result<cpal::Stream, cpal::Error> {
    let config = config(device.default_output_config()?.channels());
    let channels = usize::from(config.channels);
    let mut mono = Vec::with_capacity(RATE.hz() as usize);
    let wanted = move |samples: &mut [f32], _: &cpal::OutputCallbackInfo| {
        mono.clear();
        mono.resize(samples.len() / channels, 0);
        if hear.pull(&mut mono).is_err() {
            mono.fill(0);
        }
        for (frame, sample) in samples.chunks_exact_mut(channels).zip(&mono) {
            frame.fill(f32::from(*sample) / 32_768.0);
        }
    };
    device.build_output_stream(config, wanted, complain, None)
}

fn config(channels: u16) -> StreamConfig {
    StreamConfig {
        channels,
        sample_rate: RATE.hz(),
        buffer_size: cpal::BufferSize::Default,
    }
}

fn complain(error: cpal::Error) {
    eprintln!("the sound card: {error}");
}

/// What sound cards like best.
const RATE: SampleRate = SampleRate::HZ_48000;
