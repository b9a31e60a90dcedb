//! What the demo came to, and whether it adds up.

use std::time::Duration;

use serde_json::{Value, json};
use talkpath::{BoundInterface, Event, FileDone, Happening, SessionId, SessionStats, StreamStats};

use super::dial::Dialled;
use super::packets::Noticed;
use super::party::Remembered;
use super::talk::{Plan, Talked};
use crate::network::Trial;
use crate::report::{file_json, stream_json};
use crate::words;

/// Everything that was read back.
pub(super) struct Outcome {
    pub(super) interface: Option<BoundInterface>,
    /// The caller's and the callee's, before they closed.
    pub(super) stats: [SessionStats; 2],
    pub(super) parties: [Remembered; 2],
    pub(super) notes: Vec<String>,
    pub(super) sessions_left: usize,
    pub(super) ports_left: usize,
    pub(super) interrupted: bool,
    /// What the bad network did that was tried out.
    pub(super) trial: Option<Trial>,
    pub(super) happened: Happened,
    pub(super) talked: Talked,
    pub(super) recorded: Option<FileDone>,
    pub(super) captured: Option<FileDone>,
}

/// The events of the call.
#[derive(Debug, Default)]
pub(super) struct Happened {
    pub(super) events: Vec<Event>,
    /// Events that nobody took in time.
    pub(super) lost: u64,
}

impl Happened {
    /// When `event` was, since the first one.
    pub(super) fn since_first(&self, event: &Event) -> Duration {
        let first = self.events.iter().map(|event| event.at).min();
        first.map_or(Duration::ZERO, |first| event.at - first)
    }
}

/// What does not add up, in words.
pub(super) fn check(outcome: &Outcome, plan: &Plan) -> Vec<String> {
    let mut problems = Vec::new();
    let [caller, callee] = [&outcome.stats[0], &outcome.stats[1]].map(|stats| stats.audio());
    match (caller, callee) {
        (Some(caller), Some(callee)) if !outcome.interrupted => {
            if outcome.is_mute() {
                problems.push("nothing was sent: there was no sound".into());
            }
            match &outcome.trial {
                None => {
                    let dialled = outcome.talked.dialled.as_ref();
                    // Digits take packets of their own.
                    let planned = plan.frames().filter(|_| dialled.is_none());
                    let (caller, callee) = (("caller", caller), ("callee", callee));
                    way(caller, callee, planned, &mut problems);
                    way(callee, caller, planned, &mut problems);
                    problems.extend(dialled.and_then(Dialled::problem));
                }
                Some(trial) => problems.extend(missing([caller, callee], trial)),
            }
        }
        (Some(_), Some(_)) => {}
        _ => problems.push("a session has no stream".into()),
    }
    if outcome.ports_left > 0 || outcome.sessions_left > 0 {
        problems.push(format!(
            "{} sessions and {} ports are left",
            outcome.sessions_left, outcome.ports_left
        ));
    }
    for party in &outcome.parties {
        let closed = |event: &Event| {
            event.session == party.id && matches!(event.what, Happening::Closed { .. })
        };
        if !outcome.happened.events.iter().any(closed) {
            problems.push(format!("the {} never said that it closed", party.name));
        }
    }
    let files = [&outcome.talked.played, &outcome.recorded, &outcome.captured];
    let failed = files.into_iter().flatten().filter_map(|file| {
        let error = file.error.as_ref()?;
        Some(format!("{}: {error}", file.path.display()))
    });
    problems.extend(failed);
    problems
}

/// Whether a packet is neither received nor lost by the network tried out.
fn missing([caller, callee]: [&StreamStats; 2], trial: &Trial) -> Option<String> {
    let sent = caller.sent.packets + callee.sent.packets;
    let received = caller.received.packets + callee.received.packets;
    let lost = trial.harm.lost;
    (sent != received + lost).then(|| {
        format!("both sent {sent} packets, of which {received} were received and {lost} lost")
    })
}

/// Whether what one side sent is what the other received.
fn way(
    (from, sender): (&str, &StreamStats),
    (to, receiver): (&str, &StreamStats),
    planned: Option<u64>,
    problems: &mut Vec<String>,
) {
    let (sent, received) = (&sender.sent, &receiver.received);
    let (packets, bytes) = (sent.packets, sent.payload_bytes);
    if (packets, bytes) != (received.packets, received.payload_bytes) || received.lost != 0 {
        problems.push(format!(
            "the {from} sent {packets} packets, {bytes} bytes, and the {to} received {}, {} \
             bytes, and misses {}",
            received.packets, received.payload_bytes, received.lost
        ));
    }
    // Wide codecs put less than a frame into a packet.
    if let Some(planned) = planned.filter(|planned| !packets.is_multiple_of(*planned)) {
        problems.push(format!(
            "the {from} was to send {planned} packets and sent {packets}"
        ));
    }
}

impl Outcome {
    /// Whose session `id` is.
    pub(super) fn name_of(&self, id: SessionId) -> &'static str {
        let party = self.parties.iter().find(|party| party.id == id);
        party.map_or("nobody", |party| party.name)
    }

    /// Whether the caller, who always talks, sent nothing.
    pub(super) fn is_mute(&self) -> bool {
        let caller = self.stats[0].audio();
        caller.is_some_and(|caller| caller.sent.packets == 0)
    }

    /// As one JSON value.
    pub(super) fn to_json(&self, problems: &[String]) -> Value {
        let [caller, callee] = [0, 1].map(|party| self.party_json(party));
        let event = |event: &Event| {
            json!({
                "at": self.happened.since_first(event).as_secs_f64(),
                "session": event.session.0,
                "who": self.name_of(event.session),
                "event": words::name(&event.what),
                "words": words::of(&event.what),
            })
        };
        let manager = self.interface.as_ref().map(|interface| {
            json!({
                "address": interface.address.to_string(),
                "first_port": interface.ports.start(),
                "last_port": interface.ports.end(),
            })
        });
        json!({
            "ok": problems.is_empty(),
            "problems": problems,
            "notes": self.notes,
            "manager": manager,
            "caller": caller,
            "callee": callee,
            "packets": self.talked.packets.iter().map(packet_json).collect::<Vec<_>>(),
            "events": self.happened.events.iter().map(event).collect::<Vec<_>>(),
            "events_lost": self.happened.lost,
            "sessions_left": self.sessions_left,
            "ports_left": self.ports_left,
            "impaired": self.trial.map(Trial::to_json),
            "dialled": self.talked.dialled.as_ref().map(Dialled::to_json),
            "played": self.talked.played.as_ref().map(file_json),
            "recorded": self.recorded.as_ref().map(file_json),
            "captured": self.captured.as_ref().map(|file| file.path.display().to_string()),
        })
    }

    fn party_json(&self, index: usize) -> Value {
        let party = &self.parties[index];
        json!({
            "session": party.id.0,
            "local": party.local.to_string(),
            "remote": party.remote.map(|remote| remote.to_string()),
            "sdp": party.description,
            "heard_hz": self.talked.heard[index],
            "audio": self.stats[index].audio().map(stream_json),
        })
    }
}

fn packet_json(noticed: &Noticed) -> Value {
    json!({
        "at": noticed.at.as_secs_f64(),
        "who": noticed.who,
        "way": noticed.way.name(),
        "packet": noticed.count,
        "sequence_number": noticed.seq,
        "bytes": noticed.bytes,
    })
}
