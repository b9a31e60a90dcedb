//! A capture as the datagrams in it.

use core::net::SocketAddr;
use std::iter::FusedIterator;
use std::time::Duration;

use super::packet::{self, Skip};
use super::writer::Precision;
use super::{FILE_HEADER_LEN, RECORD_HEADER_LEN, SNAP_LEN};

/// Reads the UDP datagrams of a capture that is in memory.
///
/// It is an iterator. Packets that are not whole UDP over IP are passed over and
/// counted; an error ends it, because behind a broken record nothing is certain.
///
/// ```
/// use talkpath_file::pcap::{PcapError, PcapReader};
/// let error = PcapReader::new(&[0x0a, 0x0d, 0x0d, 0x0a]).unwrap_err();
/// assert_eq!(error, PcapError::PcapNg);
/// assert_eq!(error.to_string(), "a pcapng capture; only the classic pcap format is read");
/// ```
#[derive(Clone, Debug)]
pub struct PcapReader<'a> {
    rest: &'a [u8],
    offset: u64,
    order: ByteOrder,
    precision: Precision,
    link: LinkType,
    skipped: u64,
    last_skip: Option<Skip>,
}

/// One UDP datagram of a capture.
///
/// ```
/// use talkpath_file::pcap::{Datagram, PcapError, PcapReader};
/// fn total(file: &[u8]) -> Result<usize, PcapError> {
///     PcapReader::new(file)?.map(|datagram| datagram.map(|d| d.payload.len())).sum()
/// }
/// # let file = talkpath_file::pcap::PcapWriter::new(talkpath_file::pcap::Precision::Microseconds);
/// assert_eq!(total(&file.header()), Ok(0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// When it was captured, since the Unix epoch.
    pub time: Duration,
    /// Where it came from.
    pub src: SocketAddr,
    /// Where it went.
    pub dst: SocketAddr,
    /// What was in it.
    pub payload: &'a [u8],
}

/// What precedes IP in the packets of a capture.
///
/// Numbered in the registry of draft-ietf-opsawg-pcaplinktype.
///
/// ```
/// use talkpath_file::pcap::{LinkType, PcapReader, PcapWriter, Precision};
/// let file = PcapWriter::new(Precision::Nanoseconds).header();
/// assert_eq!(PcapReader::new(&file)?.link_type(), LinkType::Raw);
/// # Ok::<(), talkpath_file::pcap::PcapError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkType {
    /// BSD loopback: four bytes of address family (0, and 108 of OpenBSD).
    Null,
    /// Ethernet (1), also with VLAN tags.
    Ethernet,
    /// Nothing (101; 228 and 229 for one version of IP; 12 and 14 of old).
    Raw,
    /// Linux "any" device (113).
    LinuxSll,
    /// Linux "any" device, the newer form (276).
    LinuxSll2,
}

/// Why a capture cannot be read, or not any further.
///
/// ```
/// use talkpath_file::pcap::{PcapError, PcapReader};
/// let error = PcapReader::new(b"RIFF").unwrap_err();
/// assert_eq!(error.to_string(), "not a pcap capture: it starts with 0x52494646");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PcapError {
    /// It begins with none of the four magic numbers.
    #[error("not a pcap capture: it starts with {found:#010x}")]
    Magic {
        /// Its first four bytes, the first one being the most significant.
        found: u32,
    },
    /// It is of the newer format.
    #[error("a pcapng capture; only the classic pcap format is read")]
    PcapNg,
    /// The file is shorter than its header.
    #[error("the file ends after {len} bytes, inside of its header of 24")]
    HeaderTruncated {
        /// Bytes that there were.
        len: usize,
    },
    /// A format before 2.4, of 1998, or after it.
    #[error("version {major}.{minor} of pcap is not supported, only 2.4")]
    Version {
        /// Before the dot.
        major: u16,
        /// After the dot.
        minor: u16,
    },
    /// A link layer that we do not read.
    #[error("link type {link} is not supported")]
    LinkType {
        /// Its number in the registry.
        link: u32,
    },
    /// A record is said to be longer than any packet: the file is broken.
    #[error("the record at byte {offset} is said to have {len} bytes, at most 262144 are possible")]
    RecordTooLong {
        /// Where the record begins.
        offset: u64,
        /// What its header says.
        len: u32,
    },
    /// The file ends inside of a record: what was captured before is whole.
    #[error("the file ends inside of the record at byte {offset}")]
    RecordTruncated {
        /// Where the record begins.
        offset: u64,
    },
}

#[derive(Clone, Copy, Debug)]
enum ByteOrder {
    Little,
    Big,
}

impl<'a> PcapReader<'a> {
    /// Reads the header of a capture.
    ///
    /// # Errors
    /// [`PcapError`] when it is no classic pcap of a supported link type.
    pub fn new(file: &'a [u8]) -> Result<Self, PcapError> {
        let truncated = PcapError::HeaderTruncated { len: file.len() };
        let magic = u32::from_be_bytes(*file.first_chunk().ok_or(truncated)?);
        let (order, precision) = match magic {
            0xa1b2_c3d4 => (ByteOrder::Big, Precision::Microseconds),
            0xa1b2_3c4d => (ByteOrder::Big, Precision::Nanoseconds),
            0xd4c3_b2a1 => (ByteOrder::Little, Precision::Microseconds),
            0x4d3c_b2a1 => (ByteOrder::Little, Precision::Nanoseconds),
            0x0a0d_0d0a => return Err(PcapError::PcapNg),
            found => return Err(PcapError::Magic { found }),
        };
        let (header, rest) = file
            .split_first_chunk::<FILE_HEADER_LEN>()
            .ok_or(truncated)?;
        let [_, version, _, _, _, link] = order.words(header);
        let (major, minor) = match order {
            ByteOrder::Little => (version as u16, (version >> 16) as u16),
            ByteOrder::Big => ((version >> 16) as u16, version as u16),
        };
        if (major, minor) != (2, 4) {
            return Err(PcapError::Version { major, minor });
        }
        // The upper bits tell of frame check sequences, which stand at the end.
        let link = LinkType::of(link & 0xffff)?;
        let offset = FILE_HEADER_LEN as u64;
        Ok(Self {
            rest,
            offset,
            order,
            precision,
            link,
            skipped: 0,
            last_skip: None,
        })
    }

    /// What precedes IP in the packets.
    #[must_use]
    pub fn link_type(&self) -> LinkType {
        self.link
    }

    /// How many packets have been passed over.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Why the last of them was, if any.
    #[must_use]
    pub fn last_skip(&self) -> Option<Skip> {
        self.last_skip
    }

    /// Time and bytes of the next packet.
    fn record(&mut self) -> Result<(Duration, &'a [u8]), PcapError> {
        let offset = self.offset;
        let truncated = PcapError::RecordTruncated { offset };
        let (header, rest) = self
            .rest
            .split_first_chunk::<RECORD_HEADER_LEN>()
            .ok_or(truncated)?;
        let [seconds, fraction, len, _] = self.order.words(header);
        if len > SNAP_LEN {
            return Err(PcapError::RecordTooLong { offset, len });
        }
        let (packet, rest) = rest.split_at_checked(len as usize).ok_or(truncated)?;
        self.rest = rest;
        self.offset += RECORD_HEADER_LEN as u64 + u64::from(len);
        // Fractions of a second and more are wrong, but harmless.
        let fraction = match self.precision {
            Precision::Microseconds => Duration::from_micros(fraction.into()),
            Precision::Nanoseconds => Duration::from_nanos(fraction.into()),
        };
        Ok((Duration::from_secs(seconds.into()) + fraction, packet))
    }
}

impl<'a> Iterator for PcapReader<'a> {
    type Item = Result<Datagram<'a>, PcapError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (time, packet) = match self.record() {
                Ok(record) => record,
                Err(error) => {
                    self.rest = &[];
                    return Some(Err(error));
                }
            };
            match packet::datagram(self.link, packet) {
                Ok((src, dst, payload)) => {
                    return Some(Ok(Datagram {
                        time,
                        src,
                        dst,
                        payload,
                    }));
                }
                Err(skip) => {
                    self.skipped += 1;
                    self.last_skip = Some(skip);
                }
            }
        }
        None
    }
}

impl FusedIterator for PcapReader<'_> {}

impl LinkType {
    fn of(link: u32) -> Result<Self, PcapError> {
        Ok(match link {
            0 | 108 => Self::Null,
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 | 229 => Self::Raw,
            113 => Self::LinuxSll,
            276 => Self::LinuxSll2,
            link => return Err(PcapError::LinkType { link }),
        })
    }
}

impl ByteOrder {
    /// A header as its words of 32 bits.
    fn words<const BYTES: usize, const WORDS: usize>(self, header: &[u8; BYTES]) -> [u32; WORDS] {
        const { assert!(BYTES == WORDS * 4) };
        let (words, _) = header.as_chunks::<4>();
        std::array::from_fn(|n| match self {
            Self::Little => u32::from_le_bytes(words[n]),
            Self::Big => u32::from_be_bytes(words[n]),
        })
    }
}
