//! The `c=` line: where media is to be sent.
//!
//! RFC 8866 §5.7, with host names, `.invalid` (RFC 6157), multicast TTL
//! and count. Only the network type `IN` is known.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::token::{small, split_word};

/// A `c=` line, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connection<'a> {
    /// The family that was written; an IP address may contradict it.
    pub address_type: AddressType,
    /// The address.
    pub host: Host<'a>,
    /// Multicast time to live (IPv4 only).
    pub ttl: Option<u8>,
    /// Number of contiguous multicast addresses.
    pub count: Option<u32>,
}

/// `IP4` or `IP6`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressType {
    /// `IP4`
    Ip4,
    /// `IP6`
    Ip6,
}

/// An IP address or a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host<'a> {
    /// An address.
    Ip(IpAddr),
    /// A fully qualified domain name.
    Name(&'a str),
}

impl<'a> Connection<'a> {
    /// The line for the unicast address `ip`.
    pub const fn new(ip: IpAddr) -> Self {
        let address_type = AddressType::of(ip);
        Connection {
            address_type,
            host: Host::Ip(ip),
            ttl: None,
            count: None,
        }
    }

    /// Reads the value of a `c=` line.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (network, rest) = split_word(value);
        let (address_type, rest) = split_word(rest);
        let (address, excess) = split_word(rest);
        if !network.eq_ignore_ascii_case(b"IN") || !excess.is_empty() {
            return None;
        }
        let address_type = AddressType::parse(address_type)?;
        let mut parts = address.split(|&b| b == b'/');
        let host = Host::parse(parts.next()?)?;
        let (first, second) = (parts.next(), parts.next());
        let (ttl, count) = match (address_type, first, second, parts.next()) {
            (_, None, None, None) => (None, None),
            (AddressType::Ip4, Some(ttl), None, None) => (Some(small(ttl)?), None),
            (AddressType::Ip4, Some(ttl), Some(n), None) => (Some(small(ttl)?), Some(small(n)?)),
            (AddressType::Ip6, Some(n), None, None) => (None, Some(small(n)?)),
            _ => return None,
        };
        Some(Connection {
            address_type,
            host,
            ttl,
            count,
        })
    }

    /// The address, unless it is a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.ip()
    }

    /// Whether this says "send nothing": `0.0.0.0`, `::` or `*.invalid`
    /// (RFC 3264 §8.4, RFC 6337 §5.4, RFC 6157).
    pub fn is_hold(&self) -> bool {
        match self.host {
            Host::Ip(ip) => ip.is_unspecified(),
            Host::Name(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                let suffix = name.rsplit('.').next().unwrap_or(name);
                suffix.eq_ignore_ascii_case("invalid")
            }
        }
    }

    /// Whether the address is a multicast group.
    pub fn is_multicast(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_multicast())
    }
}

impl fmt::Display for Connection<'_> {
    /// The value of the line, as RFC 8866 §5.7 has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IN {} {}", self.address_type, self.host)?;
        if let Some(ttl) = self.ttl {
            write!(f, "/{ttl}")?;
        }
        match self.count {
            Some(count) => write!(f, "/{count}"),
            None => Ok(()),
        }
    }
}

impl AddressType {
    /// The family of `ip`.
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => AddressType::Ip4,
            IpAddr::V6(_) => AddressType::Ip6,
        }
    }

    pub(crate) fn parse(word: &[u8]) -> Option<Self> {
        if word.eq_ignore_ascii_case(b"IP4") {
            Some(AddressType::Ip4)
        } else if word.eq_ignore_ascii_case(b"IP6") {
            Some(AddressType::Ip6)
        } else {
            None
        }
    }
}

impl fmt::Display for AddressType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressType::Ip4 => "IP4",
            AddressType::Ip6 => "IP6",
        })
    }
}

impl<'a> Host<'a> {
    /// Reads an address or a name.
    pub fn parse(word: &'a [u8]) -> Option<Self> {
        let text = core::str::from_utf8(word).ok()?;
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Some(Host::Ip(ip.into()));
        }
        if let Ok(ip) = text.parse::<Ipv6Addr>() {
            return Some(Host::Ip(ip.into()));
        }
        let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        (text.bytes().any(|b| b.is_ascii_alphabetic()) && text.bytes().all(named))
            .then_some(Host::Name(text))
    }

    /// The address, unless it is a name.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Host::Ip(ip) => Some(ip),
            Host::Name(_) => None,
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(ip) => ip.fmt(f),
            Host::Name(name) => f.write_str(name),
        }
    }
}
