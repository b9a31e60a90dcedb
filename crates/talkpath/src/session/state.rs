//! What a session's lock guards: its dialogue, its wishes, what was taken.

use std::sync::Weak;

use talkpath_media::{Agreement, Answer as Awaiting, Situation, Standing, StreamIndex};
use talkpath_sdp::negotiate::{Changes, Codec, Dialogue, Stream, StreamState, is_auxiliary};
use talkpath_wire::{Format, Time};

use super::wanted::Wanted;
use crate::error::SessionError;
use crate::event::{Agreed, Happening};
use crate::mailbox::Permit;
use crate::worker::Command;

/// What the lock guards.
pub(crate) struct State {
    pub(crate) dialogue: Dialogue,
    pub(crate) wanted: Wanted,
    /// What was wanted before the offer that is open.
    pub(super) wanted_before: Option<Wanted>,
    /// Since when what is agreed has been so.
    pub(super) since: Time,
    /// Streams whose audio the application has taken, for as long as it has it.
    pub(crate) taken: Vec<(StreamIndex, Weak<()>)>,
    /// The place kept for the last command; gone once the session is closed.
    pub(super) close: Option<Permit<Command>>,
}

impl State {
    /// What is agreed about each live stream, as packets see it.
    pub(super) fn agreements(&self, answer: Awaiting) -> Vec<(StreamIndex, Agreement)> {
        let source = self.wanted.constraints.signalling_source;
        let find = |format: &Format| self.wanted.codec_of(format);
        let streams = self.dialogue.streams().iter().enumerate();
        streams
            .filter(|(_, stream)| stream.is_live())
            .map(|(line, stream)| {
                (
                    StreamIndex(line as u8),
                    Agreement::of(stream, answer, &find, source),
                )
            })
            .collect()
    }

    /// That what is agreed on for an m-line can be heard and said.
    pub(super) fn check_heard(&self, line: usize) -> Result<(), SessionError> {
        let Some(stream) = self.dialogue.streams().get(line) else {
            return Ok(());
        };
        let is_heard = |codec: &Codec| self.wanted.codec_of(&codec.format).is_some();
        match stream
            .send
            .iter()
            .find(|codec| !is_auxiliary(&codec.format))
        {
            Some(first) if !stream.send.iter().any(is_heard) => Err(SessionError::Unheard {
                format: first.format.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// What subscribers are told of a completed exchange.
    pub(super) fn negotiated(&self, changes: Changes) -> Happening {
        Happening::Negotiated {
            streams: self.agreed(),
            notes: changes.notes,
        }
    }

    fn agreed(&self) -> Vec<Agreed> {
        let streams = self.dialogue.streams().iter().enumerate();
        let agreed = streams.map(|(line, stream)| Agreed {
            stream: StreamIndex(line as u8),
            codec: stream.send.first().map(|codec| codec.format.clone()),
            direction: stream.direction,
            local: stream.local.map(|lease| lease.rtp),
            remote: stream
                .remote
                .as_ref()
                .and_then(|remote| remote.destination.address()),
        });
        agreed.collect()
    }

    pub(super) fn situation(&self, line: usize, stream: &Stream) -> Situation {
        let remote = stream.remote.as_ref();
        let standing = match stream.state {
            StreamState::Offered => Standing::NotAnswered,
            StreamState::Rejected(_) | StreamState::Removed(_) => Standing::PortZero,
            StreamState::Active if remote.is_some_and(|remote| remote.last.is_none()) => {
                Standing::NoAddress
            }
            StreamState::Active => Standing::Active,
        };
        Situation {
            stream: StreamIndex(line as u8),
            standing,
            direction: stream.direction,
            signalled: remote.and_then(|remote| remote.last),
            since: self.since,
        }
    }
}
