//! Calls, sessions and streams: what is heard where.
//!
//! In: datagrams with the socket they came by, negotiated streams, PCM to say,
//! and `now`. Out: an [`Outbox`] of datagrams and events, PCM heard, and
//! statistics. No socket, thread, file or clock: a [`Call`] is a value, and the
//! same inputs give the same outputs, byte for byte.
#![forbid(unsafe_code)]

mod event;
mod id;
mod outbox;
pub mod playout;
pub mod rtp;

pub use event::{MediaEvent, MediaHappening};
pub use id::{SessionId, SocketKey, StreamIndex};
pub use talkpath_transport::{Component, Evidence};
pub use outbox::{Outbox, Transmit, Transmits};
