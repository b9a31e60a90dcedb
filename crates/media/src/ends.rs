//! The other end of a stream: who says and who hears, when it is not a peer.
//!
//! A call asks its [`Ends`] once per frame and stream. The worker's
//! implementation reads and writes rings; a test's may be a closure's worth.

use talkpath_wire::{Ssrc, Time};

use crate::playout::FrameKind;
use crate::video::{VideoCodec, VideoFrame};
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

    /// Takes a whole frame of a stream that is watched; tells what it needs next.
    fn see(
        &mut self,
        _session: SessionId,
        _stream: StreamIndex,
        _picture: Picture<'_>,
    ) -> Watching {
        Watching::Over
    }
}

/// A frame of video that came, in order and whole.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// When its last packet had come.
    pub at: Time,
    /// Its source.
    pub ssrc: Ssrc,
    /// What it is encoded with.
    pub codec: VideoCodec,
    /// Its bytes, and when it was taken by the clock of its source.
    pub frame: VideoFrame<'a>,
}

/// What those who watch a stream need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watching {
    /// The frames that follow.
    Clear,
    /// A keyframe: they have lost what the following ones are made from.
    Blind,
    /// Nothing: nobody watches any more.
    Over,
}

/// 20 ms of a stream in both directions.
#[derive(Clone, Copy, Debug)]
pub struct Tick<'a> {
    /// Ticks since the stream's first, by time: those that were missed and those
    /// of a pause included.
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
