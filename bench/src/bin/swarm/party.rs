//! One application of a scene: a host and the manager that runs on it.
//!
//! In: the world, the draw of its clock and faults. Out: a manager to make
//! sessions with, and the books of its events: exactly one `Closed` for each
//! `Created`, and nothing after it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use talkpath::{
    Bridge, BuildError, CloseReason, Event, Events, Happening, MediaManager, Notice, SessionId,
};
use talkpath_sim::{Host, Rng, World};

use crate::dice::Dice;
use crate::violation::{Violation, require};

/// A host with a manager.
pub(crate) struct Party {
    pub(crate) ip: &'static str,
    pub(crate) host: Host,
    drift: i32,
    workers: usize,
    /// None between the drop of one and the start of the next.
    pub(crate) office: Option<Office>,
    /// Until when its tasks get no turn.
    pub(crate) stalled_until: talkpath::Time,
}

/// A manager and what it told.
pub(crate) struct Office {
    pub(crate) manager: MediaManager,
    /// What joins its sessions, the newest last.
    pub(crate) bridges: Vec<Bridge>,
    diary: Diary,
}

/// Its events, and which sessions live by them.
struct Diary {
    events: Events<Event>,
    lives: BTreeMap<SessionId, Life>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    Over,
}

impl Party {
    pub(crate) fn new(world: &World, ip: &'static str, host: Host, rng: &mut Rng) -> Self {
        host.disk().put(SPEECH, speech());
        Party {
            ip,
            host,
            drift: rng.below(401) as i32 - 200,
            workers: 1 + rng.below(2) as usize,
            office: None,
            stalled_until: world.now(),
        }
    }

    /// Starts its manager.
    pub(crate) fn start(&mut self) -> Result<(), BuildError> {
        let driver = self.host.driver().with_drift(self.drift);
        let manager = MediaManager::builder()
            .interface(self.ip)
            .ports(10_000..=10_099)
            .workers(self.workers)
            .event_capacity(100_000)
            .driver(Arc::new(driver))
            .build()?;
        self.office = Some(Office {
            diary: Diary {
                events: manager.events(),
                lives: BTreeMap::new(),
            },
            manager,
            bridges: Vec::new(),
        });
        Ok(())
    }

    /// Lets none of its tasks have a turn for a while.
    pub(crate) fn stall(&mut self, rng: &mut Rng) -> Duration {
        let how_long = rng.millis(30, 600);
        self.host.stall(how_long);
        let until = self.host.world().now() + how_long;
        self.stalled_until = self.stalled_until.max(until);
        how_long
    }

    /// Whether it has had its turns for the last moments.
    pub(crate) fn is_prompt(&self) -> bool {
        self.host.world().now() > self.stalled_until + Duration::from_millis(200)
    }
}

impl Office {
    /// What happened since asked last, with the books kept.
    pub(crate) fn news(&mut self) -> Result<Vec<Event>, Violation> {
        self.diary.read()
    }

    /// Drops the manager and proves that every session was closed.
    pub(crate) fn end(self) -> Result<Vec<Event>, Violation> {
        let Office {
            manager,
            mut diary,
            bridges,
        } = self;
        drop((manager, bridges));
        let news = diary.read()?;
        let open = diary.lives.iter().filter(|(_, life)| **life == Life::Open);
        let open: Vec<_> = open.map(|(id, _)| *id).collect();
        require(open.is_empty(), "events", || {
            format!("no Closed for {open:?}")
        })?;
        Ok(news)
    }
}

impl Diary {
    fn read(&mut self) -> Result<Vec<Event>, Violation> {
        let mut all = Vec::new();
        while let Ok(notice) = self.events.try_recv() {
            match notice {
                Notice::Event(event) => {
                    self.note(&event)?;
                    all.push(event);
                }
                Notice::Lagged(lost) => {
                    return Err(Violation::new("events", format!("{lost} were lost")));
                }
            }
        }
        Ok(all)
    }

    fn note(&mut self, event: &Event) -> Result<(), Violation> {
        let (id, before) = (event.session, self.lives.get(&event.session).copied());
        let told = || format!("session {id:?}: {:?} out of order", event.what);
        match event.what {
            Happening::Created => {
                require(before.is_none(), "events", told)?;
                self.lives.insert(id, Life::Open);
            }
            Happening::Closed { reason } => {
                require(before == Some(Life::Open), "events", told)?;
                require(reason != CloseReason::NeverBegan, "events", told)?;
                self.lives.insert(id, Life::Over);
            }
            // A file is finished after its session, and a session that never
            // began has nothing to say.
            Happening::Played { .. } | Happening::Recorded { .. } | Happening::Error(_) => {}
            _ => require(before == Some(Life::Open), "events", told)?,
        }
        Ok(())
    }
}

/// Two seconds of a tone, as a WAV file of 8 kHz.
fn speech() -> Vec<u8> {
    let samples: Vec<u8> = (0..16_000u32)
        .flat_map(|n| if n / 8 % 2 == 0 { 2_500i16 } else { -2_500 }.to_le_bytes())
        .collect();
    let len = samples.len() as u32;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + len).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(8_000u32.to_le_bytes());
    file.extend(16_000u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(len.to_le_bytes());
    file.extend(samples);
    file
}

/// The file that every host can play.
pub(crate) const SPEECH: &str = "speech.wav";
