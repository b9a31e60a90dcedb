//! Answers a call and joins it to a voice agent behind a WebSocket.
//!
//! Binary messages are PCM: 16 bits, little-endian, mono, 16 kHz. What the
//! caller says goes to the agent every 20 ms; what the agent says comes in
//! pieces of any length, as fast as it likes. Text messages from the agent are
//! `clear` (drop what is not said yet), `mark NAME` and `dial DIGITS`; it is told
//! `cleared MS`, `marked NAME`, `digit D`, `speech started`, `speech stopped` and
//! `closed`.
//!
//! Put the caller's offer into `offer.sdp`, run this with the agent's address,
//! and give `answer.sdp` back to the caller:
//! `cargo run -p talkpath --example websocket_bridge -- 127.0.0.1:9000`.

use std::collections::VecDeque;
use std::error::Error;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;
use std::{env, fs};

use talkpath::audio::voice::Settings;
use talkpath::{
    Audio, Codec, Event, Events, Feed, Happening, Hear, Marked, MediaManager, Notice, Pending,
    SampleRate, Say, Session,
};
use tungstenite::{Message, WebSocket};

fn main() -> Result<(), Box<dyn Error>> {
    let agent = env::args().nth(1).unwrap_or("127.0.0.1:9000".into());
    let stream = TcpStream::connect(&agent)?;
    let (agent, _) = tungstenite::client(format!("ws://{agent}/"), stream)?;
    agent.get_ref().set_nodelay(true)?;
    agent.get_ref().set_read_timeout(Some(TURN))?;

    let manager = MediaManager::builder().interface("127.0.0.1").build()?;
    let events = manager.events();
    let offer = fs::read_to_string("offer.sdp")?;
    let audio = Audio::sendrecv(Codec::USUAL).rate(SampleRate::HZ_16000);
    let (session, answer) = manager.accept_offer(offer.as_str(), audio)?;
    fs::write("answer.sdp", answer.as_bytes())?;

    let _detection = session.detect_speech(Settings::default())?;
    let feed = Feed::stored(Duration::from_secs(120));
    let (say, hear) = session.audio_with(feed)?.split();
    let mut bridge = Bridge {
        session,
        agent,
        say,
        hear,
        events,
        unsaid: VecDeque::new(),
        marks: VecDeque::new(),
    };
    while bridge.turn()? {}
    bridge.session.close().wait()?;
    Ok(())
}

/// A call on one side, an agent on the other.
struct Bridge {
    session: Session,
    agent: WebSocket<TcpStream>,
    say: Say,
    hear: Hear,
    events: Events<Event>,
    /// What the agent said and the feed has no room for.
    unsaid: VecDeque<i16>,
    marks: VecDeque<(String, Pending<Marked>)>,
}

impl Bridge {
    /// Moves what can be moved; false once either side has left.
    fn turn(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut frame = vec![0; self.hear.frame_len()];
        while self
            .hear
            .recv_timeout(&mut frame, Duration::ZERO)?
            .is_some()
        {
            let bytes: Vec<u8> = frame.iter().flat_map(|s| s.to_le_bytes()).collect();
            self.agent.write(Message::binary(bytes))?;
        }
        while self.marks.front().is_some_and(|(_, mark)| mark.is_ready()) {
            if let Some((name, mark)) = self.marks.pop_front()
                && mark.wait()? == Marked::Said
            {
                self.tell(format!("marked {name}"))?;
            }
        }
        while let Ok(Notice::Event(event)) = self.events.try_recv() {
            match event.what {
                Happening::SpeechStarted { .. } => self.tell("speech started".into())?,
                Happening::SpeechStopped { .. } => self.tell("speech stopped".into())?,
                Happening::Digit { digit, .. } => self.tell(format!("digit {digit}"))?,
                Happening::Bye { .. } | Happening::Closed { .. } => {
                    self.tell("closed".into())?;
                    self.agent.flush()?;
                    return Ok(false);
                }
                _ => {}
            }
        }
        self.agent.flush()?;
        let said = self.say.send(self.unsaid.make_contiguous())?;
        self.unsaid.drain(..said);
        match self.agent.read() {
            Ok(Message::Binary(pcm)) => {
                let samples = pcm.chunks_exact(2);
                self.unsaid
                    .extend(samples.map(|s| i16::from_le_bytes([s[0], s[1]])));
            }
            Ok(Message::Text(text)) => self.obey(&text)?,
            Ok(Message::Close(_)) => return Ok(false),
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if is_timeout(error.kind()) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// Does what the agent asks for.
    fn obey(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        if text == "clear" {
            self.unsaid.clear();
            let cleared = self.say.clear();
            self.tell(format!("cleared {}", cleared.as_millis()))?;
        } else if let Some(digits) = text.strip_prefix("dial ") {
            drop(self.session.dtmf(digits)?);
        } else if let Some(name) = text.strip_prefix("mark ") {
            // It stands behind all that the agent said before it.
            self.say.send_all(self.unsaid.make_contiguous())?;
            self.unsaid.clear();
            self.marks.push_back((name.into(), self.say.mark()?));
        }
        Ok(())
    }

    fn tell(&mut self, text: String) -> Result<(), tungstenite::Error> {
        self.agent.write(Message::text(text))
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// How long the agent is waited for before the call is looked after.
const TURN: Duration = Duration::from_millis(5);
