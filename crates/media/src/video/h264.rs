//! Access units of H.264 out of packets, with lengths instead of start codes.
//!
//! In: payloads in order. Out: NAL units one after another, each behind its
//! length; and the parameter sets that came by. A picture is whole when its
//! packets are without a gap and its first slice begins it (RFC 6184 §5).

use talkpath_wire::h264::{Fragment, H264Payload, NalType, NalUnit, Place, picture_size};

use super::frame::{Draft, Misfit};

/// What is known besides the frame at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct H264 {
    sps: Vec<u8>,
    pps: Vec<u8>,
    size: Option<(u16, u16)>,
    /// Where the length of a unit stands whose end is still to come.
    fragment_at: Option<usize>,
    picture: Picture,
}

/// What the units of the frame so far are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Picture {
    /// No slice has come.
    #[default]
    None,
    Slices,
    /// All of it begins anew.
    Idr,
}

impl H264 {
    /// Forgets the frame at hand, not the parameter sets.
    pub(super) fn begin(&mut self) {
        self.fragment_at = None;
        self.picture = Picture::None;
    }

    /// Takes note of parameter sets, as NAL units.
    pub(super) fn learn(&mut self, unit: &[u8]) {
        let set = match unit.first().map(|header| header & 0x1f) {
            Some(7) => &mut self.sps,
            Some(8) => &mut self.pps,
            _ => return,
        };
        if set == unit || unit.len() > MAX_SET {
            return;
        }
        set.clear();
        set.extend_from_slice(unit);
        self.size = picture_size(&self.sps).ok();
    }

    /// Sequence and picture parameter set, once there are both.
    pub(super) fn parameter_sets(&self) -> Option<(&[u8], &[u8])> {
        let both = !self.sps.is_empty() && !self.pps.is_empty();
        both.then_some((&self.sps, &self.pps))
    }

    /// Adds the payload of a packet to its frame.
    pub(super) fn add(&mut self, draft: &mut Draft, payload: &[u8]) -> Result<(), Misfit> {
        match H264Payload::parse(payload).map_err(|_| Misfit::Malformed)? {
            H264Payload::Single(unit) => self.add_unit(draft, &unit),
            H264Payload::Aggregate(mut units) => {
                units.try_for_each(|unit| self.add_unit(draft, &unit))
            }
            H264Payload::Fragment(fragment) => self.add_fragment(draft, &fragment),
        }
    }

    /// Of a whole frame: the size of its picture if it is a keyframe, and can be
    /// decoded with the parameter sets that came.
    pub(super) fn finish(&self) -> Result<Option<(u16, u16)>, Misfit> {
        match self.picture {
            _ if self.fragment_at.is_some() => Err(Misfit::Incomplete),
            Picture::None => Err(Misfit::Incomplete),
            Picture::Slices => Ok(None),
            Picture::Idr => Ok(self.size.filter(|_| !self.pps.is_empty())),
        }
    }

    fn add_unit(&mut self, draft: &mut Draft, unit: &NalUnit<'_>) -> Result<(), Misfit> {
        if self.fragment_at.is_some() {
            return Err(Misfit::Incomplete);
        }
        self.judge(unit.kind(), unit.starts_picture())?;
        if matches!(unit.kind(), NalType::AUD | NalType::FILLER) {
            return Ok(());
        }
        self.learn(unit.bytes());
        draft.add(&(unit.bytes().len() as u32).to_be_bytes())?;
        draft.add(unit.bytes())
    }

    fn add_fragment(&mut self, draft: &mut Draft, part: &Fragment<'_>) -> Result<(), Misfit> {
        match (part.place(), self.fragment_at) {
            (Place::Start, None) => {
                self.judge(part.kind(), part.starts_picture())?;
                self.fragment_at = Some(draft.bytes.len());
                draft.add(&[0, 0, 0, 0, part.unit_header()])?;
            }
            (Place::Middle | Place::End, Some(_)) => {}
            _ => return Err(Misfit::Incomplete),
        }
        draft.add(part.data())?;
        if part.place() == Place::End
            && let Some(at) = self.fragment_at.take()
        {
            let unit = at + 4;
            let len = (draft.bytes.len() - unit) as u32; // at most MAX_FRAME
            draft.bytes[at..unit].copy_from_slice(&len.to_be_bytes());
            self.learn(&draft.bytes[unit..]);
        }
        Ok(())
    }

    /// The first slice must be the first one of its picture.
    fn judge(&mut self, kind: NalType, starts_picture: bool) -> Result<(), Misfit> {
        if !kind.is_slice() {
            return Ok(());
        }
        if self.picture == Picture::None && !starts_picture {
            return Err(Misfit::Incomplete);
        }
        if self.picture == Picture::None {
            self.picture = Picture::Slices;
        }
        if kind == NalType::IDR {
            self.picture = Picture::Idr;
        }
        Ok(())
    }
}

/// Longer sets are not kept: usual are 50 bytes.
const MAX_SET: usize = 400;
