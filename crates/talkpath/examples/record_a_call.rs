//! Answers a call and records it, in ten lines.
//!
//! Put the caller's offer into `offer.sdp`, run this, and give `answer.sdp`
//! back to the caller:
//! `cargo run -p talkpath --example record_a_call`.
#![allow(
    clippy::disallowed_methods,
    reason = "an application lives in real time"
)]

use std::{error::Error, fs, thread, time::Duration};

use talkpath::{Audio, Codec, MediaManager, Wav};

fn main() -> Result<(), Box<dyn Error>> {
    let manager = MediaManager::builder().interface("127.0.0.1").build()?;
    let offer = fs::read_to_string("offer.sdp")?;
    let (session, answer) = manager.accept_offer(offer.as_str(), Audio::sendrecv(Codec::USUAL))?;
    let recording = session.record(Wav::stereo("call.wav"))?;
    fs::write("answer.sdp", answer.as_bytes())?;
    thread::sleep(Duration::from_secs(10));
    let done = recording.finish().wait()?;
    if let Some(fault) = done.error {
        return Err(fault.into());
    }
    println!(
        "{:?} of the call are in {}",
        done.length,
        done.path.display()
    );
    println!("{}", session.diagnose()[0]);
    Ok(())
}
