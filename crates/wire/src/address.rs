//! IPv4 addresses inside IPv6 ones.
//!
//! In: an IPv6 address. Out: the IPv4 address that a translator or router would
//! take out of it, so that no spelling of a forbidden address passes where
//! another would not. RFC 4291 §2.5.5.1 (IPv4-compatible), RFC 2765 §2.1
//! (IPv4-translated), RFC 6052 §2.1 (NAT64), RFC 3056 §2 (6to4). The mapped
//! spelling is `IpAddr::to_canonical`'s.

use core::net::{Ipv4Addr, Ipv6Addr};

/// The IPv4 address that is embedded in `ip`, if one is.
///
/// ```
/// use talkpath_wire::embedded_v4;
/// let inner = embedded_v4("64:ff9b::127.0.0.1".parse()?);
/// assert_eq!(inner, Some("127.0.0.1".parse()?));
/// assert_eq!(embedded_v4("2001:db8::1".parse()?), None);
/// # Ok::<(), core::net::AddrParseError>(())
/// ```
pub fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match ip.segments() {
        // ::1 is not 0.0.0.1.
        [0, 0, 0, 0, 0, 0, 0, 1] => return None,
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}
