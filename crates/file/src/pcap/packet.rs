//! From the bytes of one captured packet to the UDP datagram in it.
//!
//! Link layers: BSD loopback, Ethernet with up to two VLAN tags, raw IP, Linux
//! cooked of both versions. What is not whole UDP over IP leaves by a [`Skip`].

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::reader::LinkType;
use super::{IPV4_HEADER_LEN, IPV6_HEADER_LEN, PROTOCOL_UDP, UDP_HEADER_LEN};

/// Why a packet of a capture is passed over.
///
/// ```
/// use talkpath_file::pcap::Skip;
/// assert_eq!(Skip::NotUdp.to_string(), "not UDP");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Skip {
    /// Not IP: ARP, for example.
    #[error("not IP")]
    NotIp,
    /// IP, but not UDP.
    #[error("not UDP")]
    NotUdp,
    /// One of several fragments of a datagram.
    #[error("an IP fragment")]
    Fragment,
    /// The capture holds less of it than its headers say.
    #[error("cut short")]
    Truncated,
    /// Its headers contradict themselves.
    #[error("malformed")]
    Malformed,
}

/// Source, destination and payload of the datagram in a packet.
pub(super) fn datagram(
    link: LinkType,
    packet: &[u8],
) -> Result<(SocketAddr, SocketAddr, &[u8]), Skip> {
    let ip = network_layer(link, packet)?;
    match ip.first().ok_or(Skip::Truncated)? >> 4 {
        4 => ipv4(ip),
        6 => ipv6(ip),
        _ => Err(Skip::NotIp),
    }
}

/// What is behind the header of the link layer, where that is IP.
fn network_layer(link: LinkType, packet: &[u8]) -> Result<&[u8], Skip> {
    let (ether_type_at, header_len) = match link {
        LinkType::Raw => return Ok(packet),
        // The family's number differs between systems; the IP version tells.
        LinkType::Null => return packet.get(4..).ok_or(Skip::Truncated),
        LinkType::Ethernet => return ethernet(packet),
        LinkType::LinuxSll => (14, 16),
        LinkType::LinuxSll2 => (0, 20),
    };
    ip_of_ether_type(u16_at(packet, ether_type_at)?, packet, header_len)
}

fn ethernet(packet: &[u8]) -> Result<&[u8], Skip> {
    let mut at = 12;
    for _ in 0..MAX_VLAN_TAGS {
        if !matches!(u16_at(packet, at)?, ETHER_VLAN | ETHER_QINQ) {
            break;
        }
        at += 4;
    }
    ip_of_ether_type(u16_at(packet, at)?, packet, at + 2)
}

fn ip_of_ether_type(ether_type: u16, packet: &[u8], header_len: usize) -> Result<&[u8], Skip> {
    match ether_type {
        ETHER_IPV4 | ETHER_IPV6 => packet.get(header_len..).ok_or(Skip::Truncated),
        _ => Err(Skip::NotIp),
    }
}

// RFC 791 §3.1.
fn ipv4(packet: &[u8]) -> Result<(SocketAddr, SocketAddr, &[u8]), Skip> {
    let header = packet.get(..IPV4_HEADER_LEN).ok_or(Skip::Truncated)?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total_len = usize::from(u16_at(header, 2)?);
    if header_len < IPV4_HEADER_LEN || total_len < header_len {
        return Err(Skip::Malformed);
    }
    // More fragments, or not the first: all of the word but "don't fragment".
    if u16_at(header, 6)? & 0x3fff != 0 {
        return Err(Skip::Fragment);
    }
    if header[9] != PROTOCOL_UDP {
        return Err(Skip::NotUdp);
    }
    let src = Ipv4Addr::from(array_at::<4>(header, 12)?);
    let dst = Ipv4Addr::from(array_at::<4>(header, 16)?);
    // Ethernet pads short packets: what counts is the length of IP.
    let body = packet.get(header_len..total_len).ok_or(Skip::Truncated)?;
    udp(src.into(), dst.into(), body)
}

// RFC 8200 §3 and §4.
fn ipv6(packet: &[u8]) -> Result<(SocketAddr, SocketAddr, &[u8]), Skip> {
    let header = packet.get(..IPV6_HEADER_LEN).ok_or(Skip::Truncated)?;
    let payload_len = usize::from(u16_at(header, 4)?);
    let src = Ipv6Addr::from(array_at::<16>(header, 8)?);
    let dst = Ipv6Addr::from(array_at::<16>(header, 24)?);
    let end = IPV6_HEADER_LEN + payload_len;
    let mut body = packet.get(IPV6_HEADER_LEN..end).ok_or(Skip::Truncated)?;
    let mut next = header[6];
    for _ in 0..MAX_EXTENSION_HEADERS {
        match next {
            PROTOCOL_UDP => return udp(src.into(), dst.into(), body),
            IPV6_FRAGMENT => return Err(Skip::Fragment),
            IPV6_HOP_BY_HOP | IPV6_ROUTING | IPV6_DESTINATION => {
                let [following, words] = array_at::<2>(body, 0).or(Err(Skip::Malformed))?;
                body = body
                    .get((usize::from(words) + 1) * 8..)
                    .ok_or(Skip::Malformed)?;
                next = following;
            }
            _ => return Err(Skip::NotUdp),
        }
    }
    Err(Skip::Malformed)
}

// RFC 768.
fn udp(src: IpAddr, dst: IpAddr, body: &[u8]) -> Result<(SocketAddr, SocketAddr, &[u8]), Skip> {
    let header = body.get(..UDP_HEADER_LEN).ok_or(Skip::Malformed)?;
    let len = usize::from(u16_at(header, 4)?);
    let payload = body.get(UDP_HEADER_LEN..len).ok_or(Skip::Malformed)?;
    let src = SocketAddr::new(src, u16_at(header, 0)?);
    let dst = SocketAddr::new(dst, u16_at(header, 2)?);
    Ok((src, dst, payload))
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Skip> {
    array_at(bytes, at).map(u16::from_be_bytes)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Skip> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or(Skip::Truncated)
}

const ETHER_IPV4: u16 = 0x0800;
const ETHER_IPV6: u16 = 0x86dd;
const ETHER_VLAN: u16 = 0x8100;
const ETHER_QINQ: u16 = 0x88a8;
const MAX_VLAN_TAGS: usize = 2;
const IPV6_HOP_BY_HOP: u8 = 0;
const IPV6_ROUTING: u8 = 43;
const IPV6_FRAGMENT: u8 = 44;
const IPV6_DESTINATION: u8 = 60;
/// RFC 8200 §4.1 knows six; a chain that is longer is an attack.
const MAX_EXTENSION_HEADERS: usize = 8;
