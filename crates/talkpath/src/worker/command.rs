//! What handles ask of a worker.

use std::net::SocketAddr;
use std::sync::Arc;

use talkpath_audio::mixer::Gain;
use talkpath_media::dtmf::{DialEnd, DialId, Dtmf, Inband};
use talkpath_media::{Agreement, Call, Mute, RoomId, SessionId, StreamIndex, StreamSetup};

use super::published::Published;
use super::speech::SpeechWatch;
use crate::event::{CloseReason, Happening};
use crate::files::{FileCommand, PacketTap, PictureWriter, TrackReader, TrackWriter};
use crate::mailbox::Permit;
use crate::ports::LeasedSocket;
use crate::rings::{HearWriter, SayReader, TapWriter};
use crate::session::Over;
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
        /// Comes with files: the way to finish them when the session closes.
        farewell: Option<Permit<FileCommand>>,
    },
    /// A stream joins a room, which begins with its first.
    Join {
        room: RoomId,
        session: SessionId,
        stream: StreamIndex,
    },
    /// A stream is louder or quieter to the others of its room.
    Gain {
        room: RoomId,
        session: SessionId,
        stream: StreamIndex,
        gain: Gain,
    },
    /// A session leaves a room.
    Leave { room: RoomId, session: SessionId },
    /// Everybody leaves a room.
    EndRoom { room: RoomId },
    /// The application dials into a stream.
    Dial {
        session: SessionId,
        stream: StreamIndex,
        id: DialId,
        dtmf: Dtmf,
        done: Completer<DialEnd>,
    },
    /// It dials no more.
    StopDialling {
        session: SessionId,
        stream: StreamIndex,
        id: DialId,
    },
    /// Keys in the sound of a stream are to be heard or not.
    ListenForDigits {
        session: SessionId,
        stream: StreamIndex,
        inband: Inband,
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
    /// What to tell of it, before anything that follows from it.
    pub(crate) tell: Vec<Happening>,
    /// Streams that begin.
    pub(crate) begin: Vec<NewStream>,
    /// What is agreed now about live streams.
    pub(crate) agree: Vec<(StreamIndex, Agreement)>,
    /// Streams whose RTCP port is free: RTCP shares the other.
    pub(crate) free_rtcp: Vec<StreamIndex>,
    /// Streams that end.
    pub(crate) end: Vec<StreamIndex>,
}

impl Step {
    /// A step of which `what` is told.
    pub(crate) fn telling(what: impl IntoIterator<Item = Happening>) -> Self {
        Step {
            tell: what.into_iter().collect(),
            ..Step::default()
        }
    }
}

/// A stream and the sockets it begins, or goes on, with.
pub(crate) struct NewStream {
    pub(crate) setup: StreamSetup,
    /// Our addresses, bound and advertised, of both sockets.
    pub(crate) own: Box<[SocketAddr]>,
    pub(crate) rtp: LeasedSocket,
    pub(crate) rtcp: Option<LeasedSocket>,
}

/// What is attached to a stream.
pub(crate) enum End {
    /// The application speaks and hears.
    Application { say: SayReader, hear: HearWriter },
    /// Something is played.
    Player { track: TrackReader, over: Over },
    /// What is heard is recorded.
    Recorder(TrackWriter),
    /// What is seen is recorded.
    Pictures(PictureWriter),
    /// Somebody listens.
    Tap(TapWriter),
    /// Somebody watches for speech in what is heard.
    Speech(Box<SpeechWatch>),
    /// The session's datagrams are captured, those of all its streams.
    Packets(PacketTap),
}
