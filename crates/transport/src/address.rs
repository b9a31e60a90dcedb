//! Addresses: one spelling for each, and those never to be sent to.
//!
//! In: socket addresses as SDP or the kernel spells them. Out: the canonical
//! address, or why nothing may be sent there. Everything else in this crate
//! compares canonical addresses only, so that `::ffff:10.0.0.7` cannot pass
//! where `10.0.0.7` would not (CVE-2026-27624, CVE-2020-26262).
//!
//! RFC 4291 §2.5.5 (v4-mapped), RFC 6052 (NAT64), RFC 3056 (6to4), RFC 6890
//! (special purpose). Leaves out names and DNS, and what a firewall allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use talkpath_wire::embedded_v4;

/// Whether addresses of a special scope may be sent to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// As any other address.
    Allowed,
    /// Refused with [`Refused::OutOfReach`].
    Refused,
}

/// Which special scopes a stream may send to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressRules {
    /// 127.0.0.0/8 and ::1.
    pub loopback: Reach,
    /// 169.254.0.0/16 and fe80::/10.
    pub link_local: Reach,
}

impl AddressRules {
    /// The rules for a socket bound to `local`: loopback and link-local only
    /// from their own kind. A wildcard socket may reach loopback, because
    /// both ends of a call on one machine meet there.
    pub fn for_local(local: IpAddr) -> Self {
        let local = canonical_ip(local);
        let reach = |allowed| {
            if allowed {
                Reach::Allowed
            } else {
                Reach::Refused
            }
        };
        AddressRules {
            loopback: reach(local.is_loopback() || local.is_unspecified()),
            link_local: reach(is_link_local(local)),
        }
    }

    /// The canonical spelling of `address`, when media may be sent there.
    ///
    /// # Errors
    /// [`Refused`] for every spelling of an address that no single peer
    /// answers at, or that these rules keep out of reach.
    pub fn check(&self, address: SocketAddr) -> Result<SocketAddr, Refused> {
        let address = canonical(address);
        if address.port() == 0 {
            return Err(Refused::PortZero);
        }
        self.check_ip(address.ip())?;
        Ok(address)
    }

    fn check_ip(&self, ip: IpAddr) -> Result<(), Refused> {
        match ip {
            IpAddr::V4(v4) => self.check_v4(v4),
            IpAddr::V6(v6) => self.check_v6(v6),
        }
    }

    fn check_v4(&self, ip: Ipv4Addr) -> Result<(), Refused> {
        let [first, ..] = ip.octets();
        match first {
            // RFC 6890: "this host on this network", all of 0/8.
            0 => Err(Refused::Unspecified),
            127 if self.loopback == Reach::Refused => Err(Refused::OutOfReach(ip.into())),
            224..=239 => Err(Refused::Multicast(ip.into())),
            255 if ip.is_broadcast() => Err(Refused::Broadcast),
            // RFC 1112 §4: class E, never assigned.
            240..=255 => Err(Refused::Reserved(ip.into())),
            _ if ip.is_link_local() && self.link_local == Reach::Refused => {
                Err(Refused::OutOfReach(ip.into()))
            }
            _ => Ok(()),
        }
    }

    fn check_v6(&self, ip: Ipv6Addr) -> Result<(), Refused> {
        if ip.is_unspecified() {
            Err(Refused::Unspecified)
        } else if ip.is_multicast() {
            Err(Refused::Multicast(ip.into()))
        } else if ip.is_loopback() && self.loopback == Reach::Refused
            || is_link_local(ip.into()) && self.link_local == Reach::Refused
        {
            Err(Refused::OutOfReach(ip.into()))
        } else if let Some(inner) = embedded_v4(ip) {
            self.check_v4(inner)
        } else {
            Ok(())
        }
    }
}

/// Why nothing is ever sent to an address. The peer's fault, or the caller's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Port 0, which SDP uses to reject a line (RFC 3264 §6).
    #[error("port 0")]
    PortZero,
    /// `0.0.0.0`, `::` and the rest of 0.0.0.0/8.
    #[error("the unspecified address")]
    Unspecified,
    /// Multicast.
    #[error("{0} is a multicast address")]
    Multicast(IpAddr),
    /// `255.255.255.255`.
    #[error("the broadcast address")]
    Broadcast,
    /// Never assigned (240.0.0.0/4).
    #[error("{0} is a reserved address")]
    Reserved(IpAddr),
    /// Loopback or link-local, which [`AddressRules`] keep out.
    #[error("{0} is out of reach of this socket")]
    OutOfReach(IpAddr),
    /// The stream's own address: media sent there would come back.
    #[error("{0} is this stream's own address")]
    Own(SocketAddr),
}

/// The one spelling of `address`: v4-mapped IPv6 becomes IPv4; flow label
/// and, outside link-local, scope are cleared.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match (address, canonical_ip(address.ip())) {
        (SocketAddr::V6(v6), IpAddr::V6(ip)) if is_link_local(ip.into()) => {
            std::net::SocketAddrV6::new(ip, v6.port(), 0, v6.scope_id()).into()
        }
        (_, ip) => SocketAddr::new(ip, address.port()),
    }
}

/// The one spelling of `ip`: v4-mapped IPv6 becomes IPv4.
pub fn canonical_ip(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(loopback: Reach, link_local: Reach) -> AddressRules {
        AddressRules {
            loopback,
            link_local,
        }
    }

    #[test]
    fn no_spelling_of_a_forbidden_address_is_sent_to() {
        let strict = rules(Reach::Refused, Reach::Refused);
        let forbidden = [
            "0.0.0.0",
            "0.0.0.1",
            "0.255.255.255",
            "127.0.0.1",
            "127.0.0.53",
            "127.255.255.255",
            "169.254.0.1",
            "169.254.169.254",
            "224.0.0.1",
            "224.0.0.251",
            "232.1.2.3",
            "239.255.255.250",
            "239.255.255.255",
            "240.0.0.1",
            "250.1.2.3",
            "255.255.255.255",
            "255.0.0.1",
            "::",
            "::1",
            "::ffff:0.0.0.0",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "::ffff:169.254.169.254",
            "::ffff:224.0.0.1",
            "::ffff:255.255.255.255",
            "::127.0.0.1",
            "::7f00:1",
            "::2",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::0.0.0.0",
            "64:ff9b::e000:1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2002:e000:1::1",
            "fe80::1",
            "febf:ffff::1",
            "ff02::1",
            "ff05::2",
            "ff0e::101",
            "ff00::",
        ];
        assert!(forbidden.len() >= 40);
        for spelling in forbidden {
            let ip: IpAddr = spelling.parse().unwrap();
            let verdict = strict.check(SocketAddr::new(ip, 4000));
            assert!(verdict.is_err(), "{spelling} would be sent to");
        }
    }

    #[test]
    fn ordinary_addresses_pass_in_their_canonical_spelling() {
        let strict = rules(Reach::Refused, Reach::Refused);
        for (spelling, canonical) in [
            ("10.0.0.7:4000", "10.0.0.7:4000"),
            ("[::ffff:10.0.0.7]:4000", "10.0.0.7:4000"),
            ("[2001:db8::7]:4000", "[2001:db8::7]:4000"),
            ("[64:ff9b::192.0.2.1]:4000", "[64:ff9b::c000:201]:4000"),
            ("223.255.255.255:1", "223.255.255.255:1"),
        ] {
            let passed = strict.check(spelling.parse().unwrap());
            assert_eq!(passed, Ok(canonical.parse().unwrap()), "{spelling}");
        }
        let port_zero = strict.check("10.0.0.7:0".parse().unwrap());
        assert_eq!(port_zero, Err(Refused::PortZero));
    }

    #[test]
    fn loopback_is_reached_from_loopback_only() {
        let to: SocketAddr = "127.0.0.1:10001".parse().unwrap();
        let from = |ip: &str| AddressRules::for_local(ip.parse().unwrap()).check(to);
        assert!(from("127.0.0.1").is_ok());
        assert!(from("0.0.0.0").is_ok());
        assert!(from("::ffff:127.0.0.1").is_ok());
        assert_eq!(from("192.0.2.1"), Err(Refused::OutOfReach(to.ip())));
    }

    #[test]
    fn flow_labels_do_not_make_a_second_address() {
        let a = std::net::SocketAddrV6::new("2001:db8::7".parse().unwrap(), 9, 77, 3);
        assert_eq!(canonical(a.into()), "[2001:db8::7]:9".parse().unwrap());
    }
}
