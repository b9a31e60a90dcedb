//! H.264 in RTP: NAL units, whole, aggregated and in fragments.
//!
//! In: the payload of one packet. Out: the NAL units in it, or which part of one.
//! RFC 6184 §5.2 to 5.8, packetization modes 0 and 1: single units, STAP-A, FU-A.
//! The interleaved mode (STAP-B, MTAP, FU-B) is named and refused. Of a sequence
//! parameter set the size of the picture is read. Nothing is decoded.

mod sps;

pub use sps::{SpsError, picture_size};

/// The payload of a packet of H.264, borrowed and validated.
///
/// ```
/// use talkpath_wire::h264::{H264Payload, NalType};
/// let aggregated = [0x18, 0, 2, 0x67, 0x42, 0, 3, 0x68, 0xce, 0x3c];
/// let H264Payload::Aggregate(units) = H264Payload::parse(&aggregated)? else { panic!() };
/// let kinds: Vec<_> = units.map(|unit| unit.kind()).collect();
/// assert_eq!(kinds, [NalType::SPS, NalType::PPS]);
/// # Ok::<(), talkpath_wire::h264::H264Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum H264Payload<'a> {
    /// One whole unit.
    Single(NalUnit<'a>),
    /// Several whole units of one access unit (STAP-A).
    Aggregate(NalUnits<'a>),
    /// A part of a unit (FU-A).
    Fragment(Fragment<'a>),
}

/// A NAL unit: its header of one byte, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NalUnit<'a> {
    header: u8,
    bytes: &'a [u8],
}

/// The units of an aggregation packet, in their order: an iterator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NalUnits<'a> {
    rest: &'a [u8],
}

/// A part of a NAL unit that is spread over packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    header: u8,
    place: Place,
    data: &'a [u8],
}

/// Which part of its NAL unit a fragment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first one.
    Start,
    /// One between.
    Middle,
    /// The last one.
    End,
}

/// What a NAL unit holds: 0 to 31 (ITU-T H.264 table 7-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NalType(u8);

/// Why a payload is none of H.264, or of a kind that we do not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum H264Error {
    /// There is nothing in it.
    #[error("an H.264 payload is empty")]
    Empty,
    /// A type of the interleaved mode, which is never offered.
    #[error("packets of type {kind} ({name}) belong to the interleaved mode, which is not read")]
    Interleaved {
        /// 25, 26, 27 or 29.
        kind: u8,
        /// Its name in RFC 6184.
        name: &'static str,
    },
    /// A type that means nothing: 0, 30 or 31.
    #[error("packets of type {kind} have no meaning")]
    Undefined {
        /// The type.
        kind: u8,
    },
    /// A length in an aggregation packet does not fit it.
    #[error("the unit at byte {offset} of an aggregation packet does not fit its {len} bytes")]
    Aggregation {
        /// Where its length stands.
        offset: usize,
        /// Length of the payload.
        len: usize,
    },
    /// An aggregation packet or a fragment within another.
    #[error("a unit of type {kind} may not be inside of another packet")]
    Nested {
        /// The type.
        kind: u8,
    },
    /// A fragment without a byte of its unit.
    #[error("a fragment of {len} bytes holds nothing")]
    FragmentTruncated {
        /// Length of the payload.
        len: usize,
    },
    /// A fragment that is both the first and the last one: RFC 6184 §5.8.
    #[error("a fragment says that it is the first and the last one")]
    StartAndEnd,
}

impl NalType {
    /// A part of a picture that refers to others.
    pub const SLICE: Self = Self(1);
    /// A part of a picture that begins anew: a keyframe.
    pub const IDR: Self = Self(5);
    /// Supplemental information.
    pub const SEI: Self = Self(6);
    /// Sequence parameter set.
    pub const SPS: Self = Self(7);
    /// Picture parameter set.
    pub const PPS: Self = Self(8);
    /// Access unit delimiter.
    pub const AUD: Self = Self(9);
    /// Filler.
    pub const FILLER: Self = Self(12);

    const fn of(header: u8) -> Self {
        Self(header & 0x1f)
    }

    /// The number in the header.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// Whether it is a part of a picture.
    pub const fn is_slice(self) -> bool {
        matches!(self.0, 1..=5)
    }
}

impl<'a> H264Payload<'a> {
    /// Reads the header of the packet, and the lengths in an aggregation.
    ///
    /// # Errors
    /// [`H264Error`] for all but single units, STAP-A and FU-A that are whole.
    pub fn parse(payload: &'a [u8]) -> Result<Self, H264Error> {
        let (&header, rest) = payload.split_first().ok_or(H264Error::Empty)?;
        let interleaved = |kind, name| Err(H264Error::Interleaved { kind, name });
        match header & 0x1f {
            1..=23 => Ok(Self::Single(NalUnit {
                header,
                bytes: payload,
            })),
            24 => NalUnits::parse(rest).map(Self::Aggregate),
            25 => interleaved(25, "STAP-B"),
            26 => interleaved(26, "MTAP16"),
            27 => interleaved(27, "MTAP24"),
            28 => Fragment::parse(header, rest).map(Self::Fragment),
            29 => interleaved(29, "FU-B"),
            kind => Err(H264Error::Undefined { kind }),
        }
    }
}

impl<'a> NalUnit<'a> {
    /// What it holds.
    pub const fn kind(&self) -> NalType {
        NalType::of(self.header)
    }

    /// All of it, the header first; no start code.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether it is the first slice of its picture.
    pub fn starts_picture(&self) -> bool {
        // H.264 §7.3.3: first_mb_in_slice comes first, and 0 is a single 1.
        self.kind().is_slice() && self.bytes.get(1).is_some_and(|byte| byte & 0x80 != 0)
    }
}

impl<'a> NalUnits<'a> {
    fn parse(rest: &'a [u8]) -> Result<Self, H264Error> {
        let len = rest.len() + 1;
        let mut units = Self { rest };
        while !units.rest.is_empty() || len == 1 {
            let offset = len - units.rest.len();
            let unit = units.unit().ok_or(H264Error::Aggregation { offset, len })?;
            let kind = unit.kind().value();
            if !(1..=23).contains(&kind) {
                return Err(H264Error::Nested { kind });
            }
        }
        Ok(Self { rest })
    }

    fn unit(&mut self) -> Option<NalUnit<'a>> {
        let (len, rest) = self.rest.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes(*len));
        let (bytes, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        let header = *bytes.first()?;
        Some(NalUnit { header, bytes })
    }
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = NalUnit<'a>;

    fn next(&mut self) -> Option<NalUnit<'a>> {
        self.unit()
    }
}

impl<'a> Fragment<'a> {
    fn parse(indicator: u8, rest: &'a [u8]) -> Result<Self, H264Error> {
        let len = rest.len() + 1;
        let [fu_header, data @ ..] = rest else {
            return Err(H264Error::FragmentTruncated { len });
        };
        if data.is_empty() {
            return Err(H264Error::FragmentTruncated { len });
        }
        let place = match fu_header & 0xc0 {
            0x80 => Place::Start,
            0x40 => Place::End,
            0x00 => Place::Middle,
            _ => return Err(H264Error::StartAndEnd),
        };
        let kind = fu_header & 0x1f;
        if !(1..=23).contains(&kind) {
            return Err(H264Error::Nested { kind });
        }
        Ok(Self {
            header: indicator & 0xe0 | kind,
            place,
            data,
        })
    }

    /// What its unit holds.
    pub const fn kind(&self) -> NalType {
        NalType::of(self.header)
    }

    /// Which part it is.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The header of its unit, which no fragment holds as such.
    pub const fn unit_header(&self) -> u8 {
        self.header
    }

    /// Bytes of the unit, behind its header.
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Whether it begins the first slice of a picture.
    pub fn starts_picture(&self) -> bool {
        let first = self.data.first().is_some_and(|byte| byte & 0x80 != 0);
        self.place == Place::Start && self.kind().is_slice() && first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Xorshift;

    #[test]
    fn units_of_the_interleaved_mode_are_named_and_refused() {
        for kind in [25, 26, 27, 29] {
            let error = H264Payload::parse(&[kind, 0, 0, 0, 1, 5]).unwrap_err();
            assert!(matches!(error, H264Error::Interleaved { kind: found, .. } if found == kind));
        }
        for kind in [0, 30, 31] {
            let error = H264Payload::parse(&[kind, 0]).unwrap_err();
            assert_eq!(error, H264Error::Undefined { kind });
        }
        assert_eq!(H264Payload::parse(&[]), Err(H264Error::Empty));
    }

    // RFC 6184 §5.7.1: each unit has its size of 16 bits before it.
    #[test]
    fn lengths_in_an_aggregation_must_add_up() {
        let parse = |bytes: &[u8]| H264Payload::parse(bytes).map(|_| ());
        assert_eq!(parse(&[24, 0, 1, 0x65]), Ok(()));
        let wrong = |offset, len| Err(H264Error::Aggregation { offset, len });
        assert_eq!(parse(&[24]), wrong(1, 1));
        assert_eq!(parse(&[24, 0]), wrong(1, 2));
        assert_eq!(parse(&[24, 0, 0]), wrong(1, 3));
        assert_eq!(parse(&[24, 0, 1, 0x65, 0, 2, 0x41]), wrong(4, 7));
        let nested = Err(H264Error::Nested { kind: 24 });
        assert_eq!(parse(&[24, 0, 1, 24]), nested);
    }

    // RFC 6184 §5.8: type and importance of the unit are spread over two bytes.
    #[test]
    fn a_fragment_knows_the_header_of_its_unit() {
        let H264Payload::Fragment(fragment) = H264Payload::parse(&[0x7c, 0x85, 0x88]).unwrap()
        else {
            panic!("a fragment is none");
        };
        assert_eq!(fragment.unit_header(), 0x65);
        assert_eq!(
            (fragment.kind(), fragment.place()),
            (NalType::IDR, Place::Start)
        );
        assert!(fragment.starts_picture());
        assert_eq!(
            H264Payload::parse(&[0x7c, 0xc5, 1]),
            Err(H264Error::StartAndEnd)
        );
        let len = 2;
        let nothing = Err(H264Error::FragmentTruncated { len });
        assert_eq!(H264Payload::parse(&[0x7c, 0x85]), nothing);
        let nested = Err(H264Error::Nested { kind: 28 });
        assert_eq!(H264Payload::parse(&[0x7c, 0x9c, 1]), nested);
    }

    #[test]
    fn twenty_thousand_mutations_do_not_panic() {
        let seeds: [&[u8]; 3] = [
            &[0x65, 0x88, 0x80, 1],
            &[
                0x18, 0, 3, 0x67, 0x42, 0, 0, 2, 0x68, 0xce, 0, 2, 0x65, 0x88,
            ],
            &[0x7c, 0x85, 0x88, 1, 2, 3],
        ];
        let (mut chance, mut read) = (Xorshift::new(0x6184), 0);
        for n in 0..20_000 {
            let payload = chance.mutate(seeds[n % seeds.len()]);
            let bytes = match H264Payload::parse(&payload) {
                Ok(H264Payload::Single(unit)) => unit.bytes().len(),
                Ok(H264Payload::Aggregate(units)) => units.map(|unit| unit.bytes().len()).sum(),
                Ok(H264Payload::Fragment(fragment)) => fragment.data().len(),
                Err(_) => continue,
            };
            assert!((1..=payload.len()).contains(&bytes));
            read += 1;
        }
        assert!(read > 5_000, "only {read} were read: mutate less");
    }
}
