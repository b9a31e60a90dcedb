//! What goes into an assembler and what comes out; the frame being put together.

use talkpath_wire::{ExtSeq, Format, RtpTime};

/// What is assembled.
///
/// ```
/// use talkpath_media::video::{FrameAssembler, VideoCodec};
/// let assembler = FrameAssembler::new(VideoCodec::Vp8);
/// assert!(assembler.wants_keyframe()); // nothing can be shown without one
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoCodec {
    /// RFC 7741. Frames are as the encoder made them.
    Vp8,
    /// RFC 6184, packetization modes 0 and 1. Frames are access units, each NAL
    /// unit with its length before it in four bytes, big-endian, as in files of
    /// MP4 and Matroska; without delimiters and fillers.
    H264,
}

impl VideoCodec {
    /// The codec of packets of `format`; none of what is not assembled here.
    ///
    /// ```
    /// use talkpath_media::video::VideoCodec;
    /// use talkpath_wire::Format;
    /// assert_eq!(VideoCodec::of(&Format::new("vp8", 90_000)), Some(VideoCodec::Vp8));
    /// assert_eq!(VideoCodec::of(&Format::new("AV1", 90_000)), None);
    /// ```
    pub fn of(format: &Format) -> Option<Self> {
        [("VP8", Self::Vp8), ("H264", Self::H264)]
            .into_iter()
            .find(|(name, _)| format.is(name))
            .map(|(_, codec)| codec)
    }
}

/// A packet of video, by the fields that count here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoPacket<'a> {
    /// Its extended sequence number.
    pub seq: ExtSeq,
    /// When its frame was taken: ticks of 90 kHz, modulo 2^32.
    pub timestamp: RtpTime,
    /// Whether it is the last one of its frame.
    pub marker: bool,
    /// Payload without padding.
    pub payload: &'a [u8],
}

/// A whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoFrame<'a> {
    /// Its bytes, in the form that [`VideoCodec`] tells.
    pub data: &'a [u8],
    /// When it was taken: ticks of 90 kHz, modulo 2^32.
    pub timestamp: RtpTime,
    /// Whether it can be shown without earlier ones.
    pub keyframe: bool,
    /// Width and height in pixels, of every keyframe.
    pub size: Option<(u16, u16)>,
    /// The latest sequence and picture parameter set, of every keyframe of H.264:
    /// NAL units without start codes.
    pub parameter_sets: Option<(&'a [u8], &'a [u8])>,
}

/// The frame that is being put together.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) bytes: Vec<u8>,
    pub(super) timestamp: Option<RtpTime>,
    pub(super) state: DraftState,
}

/// What will become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DraftState {
    /// Nothing of it has come.
    Empty,
    /// So far it is whole.
    Whole,
    /// A part of it is missing or wrong: the rest is not looked at.
    Broken,
}

/// A packet does not fit into its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// The payload cannot be read.
    Malformed,
    /// The packet does not begin or continue a frame.
    Incomplete,
    /// The frame is longer than a frame may be.
    TooLong,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(USUAL_FRAME),
            timestamp: None,
            state: DraftState::Empty,
        }
    }

    /// Adds bytes, while the frame may grow.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), Misfit> {
        if self.bytes.len() + bytes.len() > MAX_FRAME {
            return Err(Misfit::TooLong);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.timestamp = None;
        self.state = DraftState::Empty;
    }
}

/// Bytes that are there from the beginning; it grows with larger frames.
const USUAL_FRAME: usize = 64 << 10;
/// A keyframe of 1080 lines has about 300 KiB.
pub(super) const MAX_FRAME: usize = 1 << 20;
