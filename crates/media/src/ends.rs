//! The other end of a stream: who says and who hears, when it is not a peer.
//!
//! A call asks its [`Ends`] once per frame and stream. The worker's
//! implementation reads and writes rings; a test's may be a closure's worth.

use crate::playout::FrameKind;
use crate::{SessionId, StreamIndex};

/// Where PCM comes from and goes to.
///
/// Frames are 20 ms of mono PCM at the rate that the stream was set up with.
pub trait Ends {
    /// Whether samples wait to be said.
    fn has_words(&mut self, session: SessionId, stream: StreamIndex) -> bool;

    /// Fills `frame` from the front with what is to be said and returns how
    /// many samples that were; 0 when there is nothing to say.
    fn say(&mut self, session: SessionId, stream: StreamIndex, frame: &mut [i16]) -> usize;

    /// Whether anybody is still there; a stream that nobody attends to ticks
    /// no more.
    fn is_attended(&mut self, _session: SessionId, _stream: StreamIndex) -> bool {
        true
    }

    /// Takes one tick of a stream: what is heard, and what was said in it.
    fn hear(&mut self, session: SessionId, stream: StreamIndex, tick: Tick<'_>);
}

/// 20 ms of a stream in both directions.
#[derive(Clone, Copy, Debug)]
pub struct Tick<'a> {
    /// Ticks since the stream began to tick, those that were missed included.
    pub number: u64,
    /// What is heard.
    pub heard: &'a [i16],
    /// How true it is.
    pub kind: FrameKind,
    /// What was said; silence where nothing was.
    pub said: &'a [i16],
}

/// Nobody: nothing is said, and what is heard is forgotten.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Ends for Nobody {
    fn has_words(&mut self, _: SessionId, _: StreamIndex) -> bool {
        false
    }

    fn say(&mut self, _: SessionId, _: StreamIndex, _: &mut [i16]) -> usize {
        0
    }

    fn hear(&mut self, _: SessionId, _: StreamIndex, _: Tick<'_>) {}
}
