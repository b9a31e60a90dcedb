//! Answers a call and says back what it hears.
//!
//! Put the caller's offer into `offer.sdp`, run this, and give `answer.sdp`
//! back to the caller:
//! `cargo run -p talkpath --example echo`.

use std::error::Error;
use std::fs;

use talkpath::{Audio, Codec, MediaManager};

fn main() -> Result<(), Box<dyn Error>> {
    let manager = MediaManager::builder().interface("127.0.0.1").build()?;
    let offer = fs::read_to_string("offer.sdp")?;
    let (session, answer) = manager.accept_offer(offer.as_str(), Audio::sendrecv(Codec::USUAL))?;
    fs::write("answer.sdp", answer.as_bytes())?;

    let (mut say, mut hear) = session.audio()?.split();
    let mut frame = vec![0; hear.frame_len()];
    for _ in 0..60 * 50 {
        hear.recv(&mut frame)?; // 20 ms
        say.send(&frame)?;
    }
    println!("{}", session.diagnose()[0]);
    session.close().wait()?;
    Ok(())
}
