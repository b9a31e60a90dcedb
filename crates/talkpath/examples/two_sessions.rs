//! The story of a call: two sessions negotiate and exchange audio over UDP.
//!
//! Run it with `cargo run -p talkpath --example two_sessions`.
#![allow(
    clippy::disallowed_methods,
    reason = "an application lives in real time"
)]

use std::error::Error;
use std::thread;
use std::time::Duration;

use talkpath::{Audio, Codec, Happening, MediaManager, Notice, PortOrder, RtcpMux, Session};

fn main() -> Result<(), Box<dyn Error>> {
    // 1. A manager on a local address, and a subscriber to what happens.
    let manager = MediaManager::builder()
        .interface("127.0.0.1")
        .ports(10000..=10100)
        .port_order(PortOrder::Sequential)
        .build()?;
    let events = manager.events();

    // 2. The caller and its offer; one port each, RTCP on the same.
    let codecs = Codec::G711;
    let (caller, offer) =
        manager.create_offer(Audio::sendrecv(codecs.clone()).rtcp_mux(RtcpMux::Only))?;
    println!("The caller offers:\n{offer}");

    // 3. The callee, made from that offer, and its answer.
    let (callee, answer) =
        manager.accept_offer(&offer, Audio::sendrecv(codecs).rtcp_mux(RtcpMux::Only))?;
    println!("The callee answers:\n{answer}");

    // 4. The caller takes the answer: both are active.
    caller.apply_answer(&answer)?;

    // 5. Five packets each way, 20 ms apart.
    thread::scope(|scope| {
        for session in [&caller, &callee] {
            scope.spawn(move || speak(session).expect("the session is open"));
        }
    });
    thread::sleep(Duration::from_millis(200));

    // 6. What was counted.
    for (name, session) in [("caller", &caller), ("callee", &callee)] {
        let stats = session.stats();
        let audio = stats.audio().ok_or("no stream")?;
        let (sent, received) = (&audio.sent, &audio.received);
        println!(
            "The {name} sent {} packets and received {}.",
            sent.packets, received.packets
        );
    }

    // 7. A clean end: goodbyes, ports back, events out.
    caller.close().wait()?;
    callee.close().wait()?;
    println!("{} ports are in use.", manager.ports_in_use());
    drop(manager);
    while let Some(notice) = events.recv() {
        if let Notice::Event(event) = notice {
            let what: &Happening = &event.what;
            println!("{}: {what:?}", event.session);
        }
    }
    Ok(())
}

fn speak(session: &Session) -> Result<(), Box<dyn Error>> {
    let (mut say, _hear) = session.audio()?.split();
    for _ in 0..5 {
        say.send_all(&[1000; 160])?;
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
