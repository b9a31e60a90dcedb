//! Frames of VP8 out of packets: the bytes behind each descriptor (RFC 7741 §4.2).

use talkpath_wire::vp8::{Vp8FrameHeader, Vp8Payload};

use super::frame::{Draft, DraftState, Misfit};

/// Adds the payload of a packet to its frame.
pub(super) fn add(draft: &mut Draft, payload: &[u8]) -> Result<(), Misfit> {
    let part = Vp8Payload::parse(payload).map_err(|_| Misfit::Malformed)?;
    // RFC 7741 §4.2: S with partition 0 is the first packet of a frame, no other.
    if part.starts_frame() != (draft.state == DraftState::Empty) {
        return Err(Misfit::Incomplete);
    }
    draft.add(part.data())
}

/// Of a whole frame: the size of its picture if it is a keyframe.
pub(super) fn finish(draft: &Draft) -> Result<Option<(u16, u16)>, Misfit> {
    let header = Vp8FrameHeader::parse(&draft.bytes).map_err(|_| Misfit::Malformed)?;
    Ok(header.size)
}
