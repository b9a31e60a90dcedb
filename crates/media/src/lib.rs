//! Calls, sessions and streams: what is heard where.
//!
//! In: datagrams with the socket they came by, negotiated streams, PCM to say,
//! and `now`. Out: an [`Outbox`] of datagrams and events, PCM heard, and
//! statistics. No socket, thread, file or clock: a [`Call`] is a value, and the
//! same inputs give the same outputs, byte for byte.
#![forbid(unsafe_code)]

mod call;
mod diagnosis;
pub mod dtmf;
mod egress;
mod ends;
mod event;
mod id;
mod ingress;
mod outbox;
mod passing;
mod place;
pub mod playout;
pub mod quality;
mod room;
mod route;
pub mod rtp;
mod setup;
mod stats;
mod stream;
mod suppress;
mod ticker;
pub mod video;
mod watch;

pub use call::{Call, CallSetup, Reach};
pub use diagnosis::{Diagnosis, Finding, Situation, Standing};
pub use egress::{Mute, Pause};
pub use ends::{Ends, Nobody, Picture, Tick, Watching};
pub use event::{MediaEvent, MediaHappening};
pub use id::{Path, RoomId, SessionId, SocketKey, StreamIndex};
pub use outbox::{Outbox, Transmit, Transmits};
pub use playout::FrameKind;
pub use route::{Needs, Route, decide};
pub use setup::{
    Agreement, Answer, FindCodec, KeyframeRequests, Numbered, StreamSetup, StreamSockets,
    VoipReports,
};
pub use stats::{Levels, Medium, Received, RemoteView, Sent, SessionStats, StreamStats, Waiting};
pub use talkpath_transport::{Component, Evidence};
