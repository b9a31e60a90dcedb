//! VP8 in RTP: the payload descriptor and the header of a frame.
//!
//! In: the payload of one packet. Out: whose part of which frame it is, and the
//! bytes of that part; of a frame's first part also whether it is a keyframe and
//! how large its picture is. RFC 7741 §4.2, §4.3; RFC 6386 §9.1. No state: frames
//! are put together elsewhere, and nothing is decoded.

/// The payload of a packet of VP8, borrowed and validated.
///
/// ```
/// use talkpath_wire::vp8::{Vp8FrameHeader, Vp8Payload};
/// // Start of a frame, picture 17; a keyframe of 640 × 480.
/// let payload = [
///     0x90, 0x80, 0x11, // descriptor
///     0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01,
/// ];
/// let view = Vp8Payload::parse(&payload)?;
/// assert!(view.starts_frame());
/// assert_eq!(view.picture_id(), Some(17));
/// let header = Vp8FrameHeader::parse(view.data())?;
/// assert_eq!(header.size, Some((640, 480)));
/// # Ok::<(), talkpath_wire::vp8::Vp8Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8Payload<'a> {
    first: u8,
    picture_id: Option<u16>,
    tl0_pic_idx: Option<u8>,
    layers: Option<u8>,
    layer_flags: u8,
    data: &'a [u8],
}

/// What a frame of VP8 begins with (RFC 6386 §9.1).
///
/// ```
/// use talkpath_wire::vp8::Vp8FrameHeader;
/// let header = Vp8FrameHeader::parse(&[0x11, 0x02, 0x00])?;
/// assert!(!header.keyframe && header.shown);
/// assert_eq!(header.first_partition_len, 16);
/// # Ok::<(), talkpath_wire::vp8::Vp8Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8FrameHeader {
    /// Whether it can be decoded without earlier frames.
    pub keyframe: bool,
    /// Which filters are used: 0 to 3, others are reserved.
    pub version: u8,
    /// Whether it is meant to be seen.
    pub shown: bool,
    /// Bytes of its first partition, 19 bits.
    pub first_partition_len: u32,
    /// Of a keyframe: width and height in pixels, 14 bits each.
    pub size: Option<(u16, u16)>,
}

/// Why a payload is none of VP8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Vp8Error {
    /// It ends inside of the descriptor, or right behind it.
    #[error("a VP8 payload of {len} bytes ends in its descriptor, {needed} are needed")]
    DescriptorTruncated {
        /// Bytes that there are.
        len: usize,
        /// Bytes that are needed at least.
        needed: usize,
    },
    /// The frame ends inside of its header.
    #[error("a VP8 frame begins with {len} bytes, its header has {needed}")]
    HeaderTruncated {
        /// Bytes that there are.
        len: usize,
        /// Bytes that are needed.
        needed: usize,
    },
    /// A keyframe does not have its start code.
    #[error("a VP8 keyframe has start code {found:#08x}, not 0x9d012a")]
    StartCode {
        /// The three bytes that stand there.
        found: u32,
    },
}

impl<'a> Vp8Payload<'a> {
    /// Reads the descriptor.
    ///
    /// # Errors
    /// [`Vp8Error::DescriptorTruncated`], also when no data follows.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Vp8Error> {
        let mut cursor = Cursor { payload, at: 0 };
        let first = cursor.byte()?;
        // RFC 7741 §4.2: X tells of a byte that tells of more.
        let flags = if first & 0x80 != 0 { cursor.byte()? } else { 0 };
        let mut view = Vp8Payload {
            first,
            picture_id: None,
            tl0_pic_idx: None,
            layers: None,
            layer_flags: flags & (HAS_TID | HAS_KEYIDX),
            data: &[],
        };
        if flags & HAS_PICTURE_ID != 0 {
            let high = cursor.byte()?;
            view.picture_id = Some(match high & 0x80 {
                0 => u16::from(high),
                _ => u16::from_be_bytes([high & 0x7f, cursor.byte()?]),
            });
        }
        if flags & HAS_TL0PICIDX != 0 {
            view.tl0_pic_idx = Some(cursor.byte()?);
        }
        if view.layer_flags != 0 {
            view.layers = Some(cursor.byte()?);
        }
        // At least one byte of data: a packet without any is no part of a frame.
        let data_at = cursor.at;
        cursor.byte()?;
        view.data = &payload[data_at..];
        Ok(view)
    }

    /// Bytes of the frame.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Whether the frame begins here: S, with partition 0.
    pub fn starts_frame(&self) -> bool {
        self.starts_partition() && self.partition() == 0
    }

    /// Whether a partition begins here (S).
    pub fn starts_partition(&self) -> bool {
        self.first & 0x10 != 0
    }

    /// The partition that the first byte belongs to, 0 to 7 (PID).
    pub fn partition(&self) -> u8 {
        self.first & 0x07
    }

    /// Whether no other frame needs this one (N).
    pub fn is_discardable(&self) -> bool {
        self.first & 0x20 != 0
    }

    /// The number of the frame, of 7 or 15 bits, if it is told.
    pub fn picture_id(&self) -> Option<u16> {
        self.picture_id
    }

    /// The running number of frames in temporal layer 0, if it is told.
    pub fn tl0_pic_idx(&self) -> Option<u8> {
        self.tl0_pic_idx
    }

    /// The temporal layer of the frame, 0 to 3, if it is told.
    pub fn temporal_layer(&self) -> Option<u8> {
        let layers = self.layers?;
        (self.layer_flags & HAS_TID != 0).then_some(layers >> 6)
    }

    /// Whether the frame needs layer 0 only (Y); false where it is not told.
    pub fn is_layer_sync(&self) -> bool {
        self.temporal_layer().is_some() && self.layers.is_some_and(|byte| byte & 0x20 != 0)
    }

    /// The running number of keyframes, 0 to 31, if it is told.
    pub fn key_idx(&self) -> Option<u8> {
        let layers = self.layers?;
        (self.layer_flags & HAS_KEYIDX != 0).then_some(layers & 0x1f)
    }
}

impl Vp8FrameHeader {
    /// Reads the beginning of a frame.
    ///
    /// # Errors
    /// [`Vp8Error::HeaderTruncated`] and [`Vp8Error::StartCode`].
    pub fn parse(frame: &[u8]) -> Result<Self, Vp8Error> {
        let needed = |needed| Vp8Error::HeaderTruncated {
            len: frame.len(),
            needed,
        };
        let &[a, b, c] = frame.first_chunk().ok_or_else(|| needed(3))?;
        let tag = u32::from_le_bytes([a, b, c, 0]);
        let keyframe = tag & 1 == 0;
        let mut header = Self {
            keyframe,
            version: (tag >> 1) as u8 & 7,
            shown: tag & 0x10 != 0,
            first_partition_len: tag >> 5,
            size: None,
        };
        if keyframe {
            let bytes: &[u8; 10] = frame.first_chunk().ok_or_else(|| needed(10))?;
            let found = u32::from_be_bytes([0, bytes[3], bytes[4], bytes[5]]);
            if found != START_CODE {
                return Err(Vp8Error::StartCode { found });
            }
            // The upper two bits of each tell how to scale it for display.
            let side = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]) & 0x3fff;
            header.size = Some((side(6), side(8)));
        }
        Ok(header)
    }
}

struct Cursor<'a> {
    payload: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn byte(&mut self) -> Result<u8, Vp8Error> {
        let byte = self.payload.get(self.at).copied();
        self.at += 1;
        byte.ok_or(Vp8Error::DescriptorTruncated {
            len: self.payload.len(),
            needed: self.at,
        })
    }
}

const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0PICIDX: u8 = 0x40;
const HAS_TID: u8 = 0x20;
const HAS_KEYIDX: u8 = 0x10;
const START_CODE: u32 = 0x9d_012a;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Xorshift;

    // RFC 7741 §4.6: the examples of descriptors, with a byte of data each.
    #[test]
    fn the_descriptors_of_the_rfc_are_read() {
        let key = [0x90, 0x80, 0x11, 7];
        let view = Vp8Payload::parse(&key).unwrap();
        assert!(view.starts_frame());
        assert_eq!((view.picture_id(), view.data()), (Some(17), &[7][..]));

        let second_partition = [0x91, 0x80, 0x11, 7];
        let view = Vp8Payload::parse(&second_partition).unwrap();
        assert!(view.starts_partition() && !view.starts_frame());
        assert_eq!(view.partition(), 1);

        let simple = [0x10, 7];
        assert!(Vp8Payload::parse(&simple).unwrap().starts_frame());
        let continued = [0x00, 7];
        assert!(!Vp8Payload::parse(&continued).unwrap().starts_partition());

        let long_picture_id = [0x80, 0x80, 0x92, 0x34, 7];
        let view = Vp8Payload::parse(&long_picture_id).unwrap();
        assert_eq!(view.picture_id(), Some(0x1234));
    }

    #[test]
    fn every_extension_is_where_its_bit_says() {
        for flags in 0..16u8 {
            let (mut payload, mut expected) = (alloc::vec![0xb0, flags << 4], 2);
            if flags & 8 != 0 {
                payload.extend([0xff, 0xfe]);
                expected += 2;
            }
            if flags & 4 != 0 {
                payload.push(9);
                expected += 1;
            }
            if flags & 3 != 0 {
                payload.push(0b1010_0101);
                expected += 1;
            }
            let error = Vp8Payload::parse(&payload).unwrap_err();
            let (len, needed) = (expected, expected + 1);
            assert_eq!(error, Vp8Error::DescriptorTruncated { len, needed });
            payload.push(0xaa);
            let view = Vp8Payload::parse(&payload).unwrap();
            assert_eq!(view.data(), [0xaa]);
            assert!(view.is_discardable());
            assert_eq!(view.picture_id(), (flags & 8 != 0).then_some(0x7ffe));
            assert_eq!(view.tl0_pic_idx(), (flags & 4 != 0).then_some(9));
            assert_eq!(view.temporal_layer(), (flags & 2 != 0).then_some(2));
            assert_eq!(view.is_layer_sync(), flags & 2 != 0);
            assert_eq!(view.key_idx(), (flags & 1 != 0).then_some(5));
        }
    }

    #[test]
    fn keyframes_tell_their_size_without_its_scale() {
        let mut frame = [0x50, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0xe0, 0x81];
        let header = Vp8FrameHeader::parse(&frame).unwrap();
        assert_eq!(header.size, Some((640, 480)));
        frame[4] = 2;
        let found = 0x9d_022a;
        assert_eq!(
            Vp8FrameHeader::parse(&frame),
            Err(Vp8Error::StartCode { found })
        );
        let (len, needed) = (9, 10);
        assert_eq!(
            Vp8FrameHeader::parse(&frame[..9]),
            Err(Vp8Error::HeaderTruncated { len, needed })
        );
    }

    #[test]
    fn twenty_thousand_mutations_do_not_panic() {
        let seed = [
            0xf0, 0xf0, 0x92, 0x34, 5, 0x45, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1,
        ];
        let (mut chance, mut read) = (Xorshift::new(0x7741), 0);
        for _ in 0..20_000 {
            let payload = chance.mutate(&seed);
            if let Ok(view) = Vp8Payload::parse(&payload) {
                assert!(!view.data().is_empty() && view.data().len() < payload.len());
                read += usize::from(Vp8FrameHeader::parse(view.data()).is_ok());
            }
        }
        assert!(read > 1_000, "only {read} were read: mutate less");
    }
}
