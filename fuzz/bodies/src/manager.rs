//! The library itself in a virtual world: two managers whose sessions offer,
//! answer, hold, talk, fail and close. Ports, sockets and timers included.

use std::sync::Arc;
use std::time::Duration;

use talkpath::{
    Answer, Audio, Change, Codec, Direction, Interface, MediaManager, Mute, Offer, PortOrder,
    RtcpMux, Session, StreamIndex,
};
use talkpath_sim::World;

use crate::script::Script;

/// No list of operations breaks a manager, and when all is closed nothing is
/// held.
pub fn manager(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let world = World::new(script.u16().into());
    let managers = [
        manager_at(&world, "10.0.0.1"),
        manager_at(&world, "10.0.0.2"),
    ];
    let mut run = Run {
        world: world.clone(),
        managers,
        sessions: Vec::new(),
        offers: Vec::new(),
        answers: Vec::new(),
    };
    while let Some(operation) = script.next(10) {
        run.apply(operation, &mut script);
    }
    run.close_all();
    let held = run.managers.each_ref().map(MediaManager::ports_in_use);
    assert_eq!(held, [0, 0]);
    drop(run);
    let held = world.held();
    assert_eq!(held.sockets, 0, "{held:?}");
}

fn manager_at(world: &World, address: &str) -> MediaManager {
    MediaManager::builder()
        .interface(Interface::new(address))
        // So few that they run out.
        .ports(10_000..=10_007)
        .port_order(PortOrder::Sequential)
        .driver(Arc::new(world.host(address).driver()))
        .build()
        .expect("the host has the address")
}

struct Run {
    world: World,
    managers: [MediaManager; 2],
    sessions: Vec<Session>,
    offers: Vec<Offer>,
    answers: Vec<Answer>,
}

impl Run {
    fn apply(&mut self, operation: u8, script: &mut Script<'_>) {
        let manager = &self.managers[usize::from(script.flag())];
        let which = usize::from(script.u8());
        match operation {
            0 => {
                if let Ok((session, offer)) = manager.create_offer(audio(script)) {
                    self.sessions.push(session);
                    self.offers.push(offer);
                }
            }
            1 => {
                let Some(offer) = self.offers.iter().rev().nth(which % 3) else {
                    return;
                };
                if let Ok((session, answer)) = manager.accept_offer(offer, audio(script)) {
                    self.sessions.push(session);
                    self.answers.push(answer);
                }
            }
            2 => self
                .world
                .run_for(Duration::from_millis(u64::from(script.u16() % 3_000))),
            3 if !self.sessions.is_empty() => {
                let session = self.sessions.swap_remove(which % self.sessions.len());
                if script.flag() {
                    let closed = session.close();
                    self.world.run_for(Duration::from_millis(100));
                    closed.wait().expect("a session closes");
                }
            }
            _ => self.with_session(operation, which, script),
        }
    }

    fn with_session(&mut self, operation: u8, which: usize, script: &mut Script<'_>) {
        let Some(session) = self.sessions.iter().rev().nth(which % 4) else {
            return;
        };
        match operation {
            4 => self.offers.extend(session.offer(change(script))),
            5 => {
                let offer = self.offers.iter().rev().nth(usize::from(script.below(3)));
                let answer = offer.map(|offer| session.answer(offer));
                self.answers.extend(answer.and_then(Result::ok));
            }
            6 | 7 => {
                let answer = self.answers.iter().rev().nth(usize::from(script.below(3)));
                let forks = script.below(8) == 7;
                let fork = match answer {
                    Some(answer) if forks => session.fork(answer).ok(),
                    Some(answer) => {
                        let _ = session.apply_answer(answer);
                        None
                    }
                    None => None,
                };
                self.sessions.extend(fork);
            }
            8 => match script.below(3) {
                0 => drop(session.rollback()),
                1 => drop(session.mute(script.one_of(&[Mute::On, Mute::Off]))),
                _ => {
                    session.stats();
                    session.diagnose();
                }
            },
            _ => {
                if let Ok(audio) = session.audio() {
                    let (mut say, _hear) = audio.split();
                    let _ = say.send(&[1_000; 800]);
                    self.world.run_for(Duration::from_millis(60));
                }
            }
        }
    }

    fn close_all(&mut self) {
        let closing: Vec<_> = self.sessions.drain(..).map(Session::close).collect();
        self.world.run_for(Duration::from_secs(1));
        for closed in closing {
            closed.wait().expect("a session closes");
        }
    }
}

fn audio(script: &mut Script<'_>) -> Audio {
    let codecs = match script.below(3) {
        0 => vec![Codec::PCMU],
        1 => vec![Codec::PCMA],
        _ => Codec::G711.to_vec(),
    };
    let mux = script.one_of(&[RtcpMux::Offer, RtcpMux::Only, RtcpMux::Off]);
    match script.below(4) {
        0 => Audio::sendonly(codecs),
        1 => Audio::recvonly(codecs),
        _ => Audio::sendrecv(codecs),
    }
    .rtcp_mux(mux)
}

fn change(script: &mut Script<'_>) -> Change {
    let stream = StreamIndex(script.below(3));
    match script.below(7) {
        0 => Change::Nothing,
        1 => Change::Hold,
        2 => Change::Resume,
        3 => Change::Direction(stream, script.one_of(&Direction::ALL)),
        4 => Change::Codecs(
            stream,
            Codec::G711[usize::from(script.below(2))..][..1].to_vec(),
        ),
        5 => Change::Add(audio(script)),
        _ => Change::Remove(stream),
    }
}
