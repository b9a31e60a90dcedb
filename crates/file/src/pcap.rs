//! pcap: captured UDP packets, as Wireshark and tcpdump keep them.
//!
//! In: datagrams with times and addresses; out: the bytes of a capture. And back.
//! The classic format of draft-ietf-opsawg-pcap, of both byte orders and both
//! precisions. Written with link type RAW: IP headers (RFC 791, 8200) and UDP
//! headers (RFC 768) are made here, with their checksums. Left out: pcapng, IP
//! fragments, and verifying checksums, which network cards often fill in late.

mod packet;
mod reader;
mod repair;
mod writer;

#[cfg(test)]
mod tests;

pub use packet::Skip;
pub use reader::{Datagram, LinkType, PcapError, PcapReader};
pub use repair::PcapScan;
pub use writer::{PcapWriteError, PcapWriter, Precision};

use core::net::IpAddr;

/// The sum of RFC 1071: 16-bit words added with the carry going round.
#[derive(Clone, Copy, Default)]
struct Checksum(u64);

impl Checksum {
    /// Adds bytes; an odd last one counts as the upper half of a word.
    fn add(mut self, bytes: &[u8]) -> Self {
        let (words, last) = bytes.as_chunks::<2>();
        self.0 += words
            .iter()
            .map(|&word| u64::from(u16::from_be_bytes(word)))
            .sum::<u64>();
        self.0 += last.first().map_or(0, |&byte| u64::from(byte) << 8);
        self
    }

    /// The complement of the sum, as headers hold it.
    fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        !(sum as u16)
    }
}

// RFC 768 and RFC 8200 §8.1: the header that UDP imagines before its own. UDP
// is never longer than 16 bits say, so both can be summed as one.
fn udp_checksum(src: IpAddr, dst: IpAddr, udp_len: u16, udp: [&[u8]; 2]) -> u16 {
    let sum = match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            Checksum::default().add(&src.octets()).add(&dst.octets())
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            Checksum::default().add(&src.octets()).add(&dst.octets())
        }
        _ => Checksum::default(),
    };
    let sum = sum.add(&[0, PROTOCOL_UDP]).add(&udp_len.to_be_bytes());
    // A sum of zero would mean "none"; its other spelling is all ones.
    match sum.add(udp[0]).add(udp[1]).finish() {
        0 => 0xffff,
        sum => sum,
    }
}

const PROTOCOL_UDP: u8 = 17;
const UDP_HEADER_LEN: usize = 8;
const IPV4_HEADER_LEN: usize = 20;
const IPV6_HEADER_LEN: usize = 40;
const FILE_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;
/// The most that a record may hold; what capture programs use for "all of it".
const SNAP_LEN: u32 = 262_144;
