//! Video as whole frames: what a recorder of pictures needs.
//!
//! In: the packets of one source of VP8 or H.264, in about the order in which
//! they were sent, and `now`. Out: frames in their order, each whole; and whether
//! a keyframe should be asked for (PLI, RFC 4585 §6.3.1). RFC 7741 §4, RFC 6184
//! §5. Bounded in packets, bytes and time. Left out: decoding, retransmission,
//! layers, and frames that only make sense with others that were lost.

mod asking;
mod assembler;
mod frame;
mod h264;
mod reorder;
mod vp8;

#[cfg(test)]
mod tests;

pub(crate) use asking::Asking;
pub use assembler::{FrameAssembler, VideoStats};
pub use frame::{VideoCodec, VideoFrame, VideoPacket};
