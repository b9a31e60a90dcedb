//! Local addresses: where sockets are bound and what descriptions say.

use std::net::IpAddr;
use std::ops::RangeInclusive;

/// A local address with its ports.
///
/// ```
/// use talkpath::Interface;
/// // Behind a NAT that forwards these ports:
/// let public = Interface::new("10.0.0.5").named("public").advertised("198.51.100.5");
/// # let _ = public.ports(30000..=30999);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    pub(crate) name: Option<String>,
    pub(crate) address: String,
    pub(crate) advertised: Option<String>,
    pub(crate) ports: Option<RangeInclusive<u16>>,
}

/// An interface as a manager uses it, everything filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoundInterface {
    /// The name that constraints ask for it by.
    pub name: Option<String>,
    /// Where its sockets are bound.
    pub address: IpAddr,
    /// What descriptions say.
    pub advertised: IpAddr,
    /// The ports it hands out.
    pub ports: RangeInclusive<u16>,
}

impl Interface {
    /// The interface with this IPv4 or IPv6 address; `0.0.0.0` or `::` listen
    /// on every address and need an advertised one.
    pub fn new(address: impl ToString) -> Self {
        Interface {
            name: None,
            address: address.to_string(),
            advertised: None,
            ports: None,
        }
    }

    /// The same under a name that constraints can ask for.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The address that descriptions say instead, for hosts behind a NAT.
    #[must_use]
    pub fn advertised(mut self, address: impl ToString) -> Self {
        self.advertised = Some(address.to_string());
        self
    }

    /// Its own range of ports, instead of the manager's.
    #[must_use]
    pub fn ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.ports = Some(ports);
        self
    }
}

impl From<&str> for Interface {
    fn from(address: &str) -> Self {
        Interface::new(address)
    }
}

impl From<IpAddr> for Interface {
    fn from(address: IpAddr) -> Self {
        Interface::new(address)
    }
}
