//! Rings: audio between the application's thread and a worker.
//!
//! The worker never waits at either. Into a full [`say`] ring the application
//! puts no more until there is room; a live one is kept short by [`elastic`]. A
//! full [`hear`] ring makes room by losing its oldest frame: who listens slowly
//! hears what is newest, and how much was lost. Either side notices when the
//! other is gone. Memory is allocated once; PCM is mono, i16, at the rate that
//! the application chose.

mod elastic;
mod hear;
mod say;
mod tap;

use talkpath_media::FrameKind;

pub(crate) use elastic::Elastic;
pub(crate) use hear::{Frame, HearReader, HearWriter, hear_ring};
pub use say::{MarkError, Marked};
pub(crate) use say::{SayReader, SayWriter, say_ring};
pub(crate) use tap::{Side, TapWriter};

/// The other side of a ring is gone: the session has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the session has ended")]
pub(crate) struct Closed;
