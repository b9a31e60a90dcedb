//! Datagrams into a capture.

use core::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{
    Checksum, FILE_HEADER_LEN, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PROTOCOL_UDP, SNAP_LEN,
    UDP_HEADER_LEN, udp_checksum,
};

/// Writes a capture of UDP datagrams.
///
/// It gives bytes to append to a file; after each datagram the file is whole.
///
/// ```
/// use std::time::Duration;
/// use talkpath_file::pcap::{PcapReader, PcapWriter, Precision};
/// let mut writer = PcapWriter::new(Precision::Nanoseconds);
/// let mut file = writer.header().to_vec();
/// let (src, dst) = ("10.0.0.7:4000".parse()?, "10.0.0.9:5000".parse()?);
/// writer.datagram(Duration::from_millis(1_500), src, dst, b"hello", &mut file)?;
///
/// let heard = PcapReader::new(&file)?.next().expect("one was written")?;
/// assert_eq!((heard.src, heard.dst, heard.payload), (src, dst, &b"hello"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PcapWriter {
    precision: Precision,
    /// Identification of the next IPv4 packet (RFC 791 §3.1).
    identification: u16,
}

/// What the times of a capture are counted in.
///
/// ```
/// use talkpath_file::pcap::{PcapWriter, Precision};
/// assert_eq!(PcapWriter::new(Precision::Microseconds).header()[..2], [0xd4, 0xc3]);
/// assert_eq!(PcapWriter::new(Precision::Nanoseconds).header()[..2], [0x4d, 0x3c]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// As every program reads it.
    Microseconds,
    /// As Wireshark and tcpdump read it too.
    Nanoseconds,
}

/// Why a datagram cannot be written: the caller's fault.
///
/// ```
/// use talkpath_file::pcap::{PcapWriteError, PcapWriter, Precision};
/// let (mut writer, mut file) = (PcapWriter::new(Precision::Nanoseconds), Vec::new());
/// let address = "10.0.0.7:4000".parse()?;
/// let error = writer.datagram(Default::default(), address, address, &[0; 65_508], &mut file);
/// assert_eq!(error, Err(PcapWriteError::TooLong { len: 65_508, max: 65_507 }));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PcapWriteError {
    /// One address is IPv4, the other IPv6.
    #[error("no packet goes from {src} to {dst}: one is IPv4, the other IPv6")]
    MixedFamilies {
        /// Where it came from.
        src: SocketAddr,
        /// Where it went.
        dst: SocketAddr,
    },
    /// The payload is longer than a UDP datagram can be.
    #[error("a payload of {len} bytes is more than the {max} that UDP carries")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The most that this version of IP allows.
        max: usize,
    },
}

impl PcapWriter {
    /// Begins a capture.
    #[must_use]
    pub fn new(precision: Precision) -> Self {
        Self {
            precision,
            identification: 1,
        }
    }

    /// The first bytes of the file.
    #[must_use]
    pub fn header(&self) -> [u8; FILE_HEADER_LEN] {
        let magic: u32 = match self.precision {
            Precision::Microseconds => 0xa1b2_c3d4,
            Precision::Nanoseconds => 0xa1b2_3c4d,
        };
        let mut header = [0; FILE_HEADER_LEN];
        header[..4].copy_from_slice(&magic.to_le_bytes());
        header[4..8].copy_from_slice(&[2, 0, 4, 0]); // version 2.4
        header[16..20].copy_from_slice(&SNAP_LEN.to_le_bytes());
        header[20..].copy_from_slice(&LINKTYPE_RAW.to_le_bytes());
        header
    }

    /// Appends one datagram to `out`; `time` counts from the Unix epoch.
    ///
    /// The seconds of a capture have 32 bits: from February 2106 on they begin
    /// anew. Nothing but the growth of `out` allocates.
    ///
    /// # Errors
    /// [`PcapWriteError`]; `out` is then untouched.
    pub fn datagram(
        &mut self,
        time: Duration,
        src: SocketAddr,
        dst: SocketAddr,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), PcapWriteError> {
        let (ip_header_len, max) = match (src, dst) {
            (SocketAddr::V4(_), SocketAddr::V4(_)) => (IPV4_HEADER_LEN, MAX_PAYLOAD_V4),
            (SocketAddr::V6(_), SocketAddr::V6(_)) => (IPV6_HEADER_LEN, MAX_PAYLOAD_V6),
            _ => return Err(PcapWriteError::MixedFamilies { src, dst }),
        };
        if payload.len() > max {
            return Err(PcapWriteError::TooLong {
                len: payload.len(),
                max,
            });
        }
        let udp_len = (UDP_HEADER_LEN + payload.len()) as u16; // at most 65,535 by `max`
        self.record(time, ip_header_len + usize::from(udp_len), out);
        self.ip_header(src.ip(), dst.ip(), udp_len, out);
        out.extend(udp_header(src, dst, udp_len, payload));
        out.extend(payload);
        Ok(())
    }

    fn record(&self, time: Duration, len: usize, out: &mut Vec<u8>) {
        let fraction = match self.precision {
            Precision::Microseconds => time.subsec_micros(),
            Precision::Nanoseconds => time.subsec_nanos(),
        };
        for field in [time.as_secs() as u32, fraction, len as u32, len as u32] {
            out.extend(field.to_le_bytes());
        }
    }

    fn ip_header(&mut self, src: IpAddr, dst: IpAddr, udp_len: u16, out: &mut Vec<u8>) {
        match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let mut header = [0; IPV4_HEADER_LEN];
                header[0] = 0x45; // version 4, five words
                let total_len = udp_len + IPV4_HEADER_LEN as u16; // fits by MAX_PAYLOAD_V4
                header[2..4].copy_from_slice(&total_len.to_be_bytes());
                header[4..6].copy_from_slice(&self.identification.to_be_bytes());
                header[6] = 0x40; // don't fragment
                header[8..10].copy_from_slice(&[HOP_LIMIT, PROTOCOL_UDP]);
                header[12..16].copy_from_slice(&src.octets());
                header[16..].copy_from_slice(&dst.octets());
                let checksum = Checksum::default().add(&header).finish();
                header[10..12].copy_from_slice(&checksum.to_be_bytes());
                self.identification = self.identification.wrapping_add(1);
                out.extend(header);
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                out.extend([0x60, 0, 0, 0]);
                out.extend(udp_len.to_be_bytes());
                out.extend([PROTOCOL_UDP, HOP_LIMIT]);
                out.extend(src.octets());
                out.extend(dst.octets());
            }
            // Refused by `datagram`.
            _ => {}
        }
    }
}

fn udp_header(src: SocketAddr, dst: SocketAddr, len: u16, payload: &[u8]) -> [u8; UDP_HEADER_LEN] {
    let mut header = [0; UDP_HEADER_LEN];
    header[..2].copy_from_slice(&src.port().to_be_bytes());
    header[2..4].copy_from_slice(&dst.port().to_be_bytes());
    header[4..6].copy_from_slice(&len.to_be_bytes());
    let checksum = udp_checksum(src.ip(), dst.ip(), len, [&header, payload]);
    header[6..].copy_from_slice(&checksum.to_be_bytes());
    header
}

const LINKTYPE_RAW: u32 = 101;
const HOP_LIMIT: u8 = 64;
const MAX_PAYLOAD_V4: usize = 65_535 - IPV4_HEADER_LEN - UDP_HEADER_LEN;
const MAX_PAYLOAD_V6: usize = 65_535 - UDP_HEADER_LEN;
