//! The library itself in a virtual world: two managers whose sessions offer,
//! answer, hold, talk, are bridged, recorded, played to, tapped and dialled
//! from, fail and close. Ports, sockets, files and timers included.

use std::sync::Arc;
use std::time::Duration;

use talkpath::{
    Answer, Audio, Bridge, Change, Codec, Digits, Direction, Existing, Inband, Interface,
    MediaManager, Mute, Offer, Opus, Packets, Play, Playback, PortOrder, Recording, RtcpMux,
    SampleRate, Session, StreamIndex, Tap, Tapped, TelephoneEvent, Wav,
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
        bridges: Vec::new(),
        handles: Vec::new(),
    };
    while let Some(operation) = script.next(16) {
        run.apply(operation, &mut script);
    }
    run.close_all();
    let held = run.managers.each_ref().map(MediaManager::ports_in_use);
    assert_eq!(held, [0, 0]);
    drop(run);
    let held = world.held();
    assert_eq!((held.sockets, held.files), (0, 0), "{held:?}");
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
    bridges: Vec<Bridge>,
    handles: Vec<Handle>,
}

/// What is held of a session beside it, and may be let go at any time.
#[allow(dead_code, reason = "they are only held")]
enum Handle {
    Recording(Recording),
    Playback(Playback),
    Tapped(Tapped),
    Packets(Packets),
    Digits(Digits),
}

impl Run {
    fn apply(&mut self, operation: u8, script: &mut Script<'_>) {
        let which = usize::from(script.u8());
        if (10..=12).contains(&operation) {
            return self.bridge(which, script);
        }
        let manager = &self.managers[usize::from(script.flag())];
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
            13 => self.handles.extend(beside(session, script)),
            14 => {
                // Whichever goes first: the handle or what it stands for.
                if !self.handles.is_empty() {
                    let handle = self.handles.swap_remove(which % self.handles.len());
                    self.let_go(handle, script);
                }
            }
            _ => {
                if let Ok(audio) = session.audio() {
                    let (mut say, _hear) = audio.split();
                    let _ = say.send(&[1_000; 800]);
                    self.world.run_for(Duration::from_millis(60));
                }
            }
        }
    }

    fn bridge(&mut self, which: usize, script: &mut Script<'_>) {
        let Self {
            sessions, bridges, ..
        } = self;
        let at = |n: usize| sessions.get(n % sessions.len().max(1));
        let (Some(one), Some(other)) = (at(which), at(usize::from(script.u8()))) else {
            return;
        };
        // What is refused has changed nothing; the oracle is at the end.
        let Some(bridge) = bridges.last() else {
            let manager = &self.managers[which % 2];
            return bridges.extend(manager.bridge(one, other));
        };
        match script.below(6) {
            0 => bridges.extend(self.managers[which % 2].bridge(one, other)),
            1 => drop(bridge.remove(one)),
            2 => drop(bridge.set_gain(one, f32::from(script.u8()) - 200.0)),
            3 => {
                let _ = bridge.end();
                bridges.pop();
            }
            _ => drop(bridge.add(one)),
        }
    }

    fn let_go(&mut self, handle: Handle, script: &mut Script<'_>) {
        match (handle, script.below(3)) {
            (_, 0) => {}
            (Handle::Recording(recording), 1) => {
                recording.pause();
                self.world.run_for(Duration::from_millis(40));
                recording.resume();
                self.handles.push(Handle::Recording(recording));
            }
            (Handle::Recording(recording), _) => drop(recording.finish()),
            (Handle::Playback(playback), _) => drop(playback.stop()),
            (Handle::Digits(digits), _) => drop(digits.stop()),
            (Handle::Tapped(mut tapped), _) => {
                let mut frame = vec![0; tapped.frame_len() * tapped.channels()];
                while let Ok(Some(_)) = tapped.try_recv(&mut frame) {}
            }
            (Handle::Packets(mut packets), _) => while packets.try_next().is_some() {},
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

/// Something that goes on beside a session.
fn beside(session: &Session, script: &mut Script<'_>) -> Option<Handle> {
    let path = script.one_of(&["one.wav", "two.wav"]);
    match script.below(12) {
        0 => {
            let wav = Wav::stereo(path).existing(Existing::Replace);
            session.record(wav).ok().map(Handle::Recording)
        }
        1 => {
            let wav = Wav::mixed(path).rate(SampleRate::HZ_16000);
            session.record(wav).ok().map(Handle::Recording)
        }
        2 => {
            let opus = Opus::heard("three.opus").existing(Existing::Replace);
            session.record(opus).ok().map(Handle::Recording)
        }
        3 => session.play(path).ok().map(Handle::Playback),
        4 => {
            let play = Play::samples(vec![500; 4_000], SampleRate::HZ_8000).repeat(2);
            session.play(play).ok().map(Handle::Playback)
        }
        5 => session.tap(Tap::both()).ok().map(Handle::Tapped),
        6 => session
            .tap(Tap::heard().rate(SampleRate::HZ_48000))
            .ok()
            .map(Handle::Tapped),
        7 => session.packets().ok().map(Handle::Packets),
        8 => {
            let inband = script.one_of(&[Inband::Detected, Inband::Ignored]);
            let _ = session.detect_inband(inband);
            None
        }
        _ => {
            let keys = script.one_of(&["1", "22#", ",A!", "*0,"]);
            session.dtmf(keys).ok().map(Handle::Digits)
        }
    }
}

fn audio(script: &mut Script<'_>) -> Audio {
    let codecs = match script.below(6) {
        0 => vec![Codec::PCMU],
        1 => vec![Codec::PCMA],
        2 => vec![Codec::G722, Codec::PCMU],
        3 => vec![Codec::L16_16000, Codec::PCMA],
        _ => Codec::G711.to_vec(),
    };
    let mux = script.one_of(&[RtcpMux::Offer, RtcpMux::Only, RtcpMux::Off]);
    match script.below(4) {
        0 => Audio::sendonly(codecs),
        1 => Audio::recvonly(codecs),
        _ if script.below(3) == 0 => Audio::sendrecv(codecs).telephone_event(TelephoneEvent::Off),
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
