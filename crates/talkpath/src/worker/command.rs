//! What handles ask of a worker.

use std::sync::Arc;

use talkpath_media::{Agreement, Call, Mute, SessionId, StreamIndex, StreamSetup};

use super::published::Published;
use crate::event::CloseReason;
use crate::files::{PacketTap, TrackReader, TrackWriter};
use crate::ports::LeasedSocket;
use crate::rings::{HearWriter, SayReader};
use crate::wait::Completer;

/// One request; each is carried out whole, between two batches.
pub(crate) enum Command {
    /// A session begins.
    Open {
        session: SessionId,
        call: Box<Call>,
        published: Arc<Published>,
    },
    /// A step of negotiation was committed.
    Negotiated { session: SessionId, step: Step },
    /// A fork begins on the sockets of another session.
    Fork {
        session: SessionId,
        of: SessionId,
        step: Step,
    },
    /// The application takes its end of a stream.
    Attach {
        session: SessionId,
        stream: StreamIndex,
        end: End,
    },
    /// What the application says is muted or not.
    Mute { session: SessionId, mute: Mute },
    /// A session ends.
    Close {
        session: SessionId,
        reason: CloseReason,
        done: Completer<()>,
    },
    /// Everything ends.
    Stop,
}

/// What one step of negotiation changes.
#[derive(Default)]
pub(crate) struct Step {
    /// Streams that begin.
    pub(crate) begin: Vec<NewStream>,
    /// What is agreed now about live streams.
    pub(crate) agree: Vec<(StreamIndex, Agreement)>,
    /// Streams whose RTCP port is free: RTCP shares the other.
    pub(crate) free_rtcp: Vec<StreamIndex>,
    /// Streams that end.
    pub(crate) end: Vec<StreamIndex>,
}

/// A stream and the sockets it begins with; its setup's keys are the worker's
/// to fill in.
pub(crate) struct NewStream {
    pub(crate) setup: StreamSetup,
    pub(crate) rtp: LeasedSocket,
    pub(crate) rtcp: Option<LeasedSocket>,
}

/// What is attached to a stream.
pub(crate) enum End {
    /// The application speaks and hears.
    Application { say: SayReader, hear: HearWriter },
    /// A file is played.
    Player(TrackReader),
    /// What is heard is recorded.
    Recorder(TrackWriter),
    /// The session's datagrams are captured, those of all its streams.
    Packets(PacketTap),
}
