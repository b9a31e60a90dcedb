//! A translator of addresses before one or more hosts (RFC 4787).
//!
//! In: who inside sends to whom outside, and who outside sends to which
//! external port. Out: the address that the outside sees, and who inside it is
//! for, or that nobody is. Rebinding forgets everything: the next datagram from
//! inside leaves by a new port, and by a new address when one is given. Leaves
//! out: translation of IPv6, port parity, fragments, ICMP.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use talkpath_wire::Time;

use crate::Rng;

/// Which external port a flow gets (RFC 4787 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mapping {
    /// One per internal address and port, whoever it sends to; the internal
    /// port itself when it is free. "Cone".
    EndpointIndependent,
    /// A new one, at random, for each destination. "Symmetric".
    AddressAndPortDependent,
}

/// Whose datagrams are let in by an external port (RFC 4787 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filtering {
    /// Everybody's.
    EndpointIndependent,
    /// Those of addresses that were sent to.
    AddressDependent,
    /// Those of addresses and ports that were sent to.
    AddressAndPortDependent,
}

/// The translator itself.
#[derive(Debug)]
pub(crate) struct Nat {
    external: IpAddr,
    mapping: Mapping,
    filtering: Filtering,
    lifetime: Option<Duration>,
    rebound: bool,
    rng: Rng,
    ports: BTreeMap<Flow, u16>,
    flows: BTreeMap<u16, Binding>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Flow {
    inside: SocketAddr,
    outside: Option<SocketAddr>,
}

#[derive(Debug)]
struct Binding {
    flow: Flow,
    sent_to: BTreeSet<SocketAddr>,
    used: Time,
}

impl Nat {
    pub(crate) fn new(external: IpAddr, mapping: Mapping, filtering: Filtering, rng: Rng) -> Self {
        Nat {
            external,
            mapping,
            filtering,
            lifetime: None,
            rebound: false,
            rng,
            ports: BTreeMap::new(),
            flows: BTreeMap::new(),
        }
    }

    /// The address that the outside sees.
    pub(crate) fn external(&self) -> IpAddr {
        self.external
    }

    /// Forgets a flow that has sent nothing for `lifetime`.
    pub(crate) fn expire_after(&mut self, lifetime: Duration) {
        self.lifetime = Some(lifetime);
    }

    /// Forgets every flow and takes another address.
    pub(crate) fn rebind(&mut self, external: IpAddr) {
        self.external = external;
        self.rebound = true;
        self.ports.clear();
        self.flows.clear();
    }

    /// The address by which what `inside` sends to `outside` leaves.
    pub(crate) fn leave(
        &mut self,
        now: Time,
        inside: SocketAddr,
        outside: SocketAddr,
    ) -> SocketAddr {
        let per_destination = self.mapping == Mapping::AddressAndPortDependent;
        let flow = Flow {
            inside,
            outside: per_destination.then_some(outside),
        };
        let port = match self.ports.get(&flow).copied() {
            Some(port) if self.lives(now, port) => port,
            Some(stale) => {
                self.flows.remove(&stale);
                self.map(flow)
            }
            None => self.map(flow),
        };
        let binding = self.flows.entry(port);
        let binding = binding.or_insert(Binding {
            flow,
            sent_to: BTreeSet::new(),
            used: now,
        });
        binding.sent_to.insert(outside);
        binding.used = now;
        SocketAddr::new(self.external, port)
    }

    /// Who inside gets what `outside` sends to the external `port`.
    pub(crate) fn enter(&self, now: Time, port: u16, outside: SocketAddr) -> Option<SocketAddr> {
        let binding = self.flows.get(&port).filter(|_| self.lives(now, port))?;
        let known = match self.filtering {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => binding
                .sent_to
                .iter()
                .any(|known| known.ip() == outside.ip()),
            Filtering::AddressAndPortDependent => binding.sent_to.contains(&outside),
        };
        known.then_some(binding.flow.inside)
    }

    /// Who inside holds the external `port`, whoever asks.
    pub(crate) fn holder(&self, port: u16) -> Option<SocketAddr> {
        self.flows.get(&port).map(|binding| binding.flow.inside)
    }

    fn lives(&self, now: Time, port: u16) -> bool {
        let Some(binding) = self.flows.get(&port) else {
            return false;
        };
        self.lifetime
            .is_none_or(|lifetime| now - binding.used <= lifetime)
    }

    fn map(&mut self, flow: Flow) -> u16 {
        let preserve = self.mapping == Mapping::EndpointIndependent && !self.rebound;
        let mut port = if preserve {
            flow.inside.port()
        } else {
            self.any_port(flow)
        };
        // RFC 4787 §4.2: no port overloading while another port is free.
        for _ in 0..MOST_TRIES {
            if port != 0 && !self.flows.contains_key(&port) {
                break;
            }
            port = self.any_port(flow);
        }
        self.flows.remove(&port);
        self.ports.retain(|_, held| *held != port);
        self.ports.insert(flow, port);
        port
    }

    /// A dynamic port other than the flow's own.
    fn any_port(&mut self, flow: Flow) -> u16 {
        let port = 1024 + self.rng.below(64_000) as u16;
        if port == flow.inside.port() {
            port + 1
        } else {
            port
        }
    }
}

/// Draws before an old flow gives way: with half of all ports in use, one in
/// 2^64 new flows gets there.
const MOST_TRIES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::ZERO;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn nat(mapping: Mapping, filtering: Filtering) -> Nat {
        Nat::new(
            "203.0.113.1".parse().unwrap(),
            mapping,
            filtering,
            Rng::new(1),
        )
    }

    #[test]
    fn a_cone_keeps_the_port_for_every_destination() {
        let mut nat = nat(Mapping::EndpointIndependent, Filtering::EndpointIndependent);
        let inside = addr("10.0.0.1:4000");
        for outside in ["192.0.2.1:1", "192.0.2.2:2"] {
            assert_eq!(
                nat.leave(NOW, inside, addr(outside)),
                addr("203.0.113.1:4000")
            );
        }
        let second = nat.leave(NOW, addr("10.0.0.2:4000"), addr("192.0.2.1:1"));
        assert_ne!(second.port(), 4000);
        assert_eq!(
            nat.enter(NOW, second.port(), addr("9.9.9.9:9")),
            Some(addr("10.0.0.2:4000"))
        );
    }

    #[test]
    fn a_symmetric_nat_takes_a_port_for_each_destination() {
        let mut nat = nat(
            Mapping::AddressAndPortDependent,
            Filtering::AddressAndPortDependent,
        );
        let inside = addr("10.0.0.1:4000");
        let one = nat.leave(NOW, inside, addr("192.0.2.1:1"));
        let two = nat.leave(NOW, inside, addr("192.0.2.1:2"));
        assert_ne!(one, two);
        assert_eq!(nat.leave(NOW, inside, addr("192.0.2.1:1")), one);
        assert_eq!(
            nat.enter(NOW, one.port(), addr("192.0.2.1:1")),
            Some(inside)
        );
        assert_eq!(nat.enter(NOW, one.port(), addr("192.0.2.1:2")), None);
    }

    #[test]
    fn filtering_lets_in_whom_it_says() {
        let table = [
            (Filtering::EndpointIndependent, [true, true, true]),
            (Filtering::AddressDependent, [true, true, false]),
            (Filtering::AddressAndPortDependent, [true, false, false]),
        ];
        for (filtering, expected) in table {
            let mut nat = nat(Mapping::EndpointIndependent, filtering);
            nat.leave(NOW, addr("10.0.0.1:4000"), addr("192.0.2.1:1"));
            let strangers = ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.9:1"];
            let let_in = strangers.map(|from| nat.enter(NOW, 4000, addr(from)).is_some());
            assert_eq!(let_in, expected, "{filtering:?}");
        }
    }

    #[test]
    fn rebinding_closes_the_old_port_and_opens_another() {
        let mut nat = nat(Mapping::EndpointIndependent, Filtering::EndpointIndependent);
        let (inside, outside) = (addr("10.0.0.1:4000"), addr("192.0.2.1:1"));
        let before = nat.leave(NOW, inside, outside);
        nat.rebind("203.0.113.2".parse().unwrap());
        assert_eq!(nat.enter(NOW, before.port(), outside), None);
        let after = nat.leave(NOW, inside, outside);
        assert_ne!(after.port(), before.port());
        assert_eq!(after.ip(), addr("203.0.113.2:0").ip());
    }

    #[test]
    fn a_silent_flow_is_forgotten_after_its_lifetime() {
        let mut nat = nat(
            Mapping::AddressAndPortDependent,
            Filtering::EndpointIndependent,
        );
        nat.expire_after(Duration::from_secs(30));
        let (inside, outside) = (addr("10.0.0.1:4000"), addr("192.0.2.1:1"));
        let before = nat.leave(NOW, inside, outside);
        let at_30_s = NOW + Duration::from_secs(30);
        assert_eq!(nat.enter(at_30_s, before.port(), outside), Some(inside));
        let later = at_30_s + Duration::from_millis(1);
        assert_eq!(nat.enter(later, before.port(), outside), None);
        let after = nat.leave(later, inside, outside);
        assert_ne!(after, before);
        assert_eq!(nat.enter(later, after.port(), outside), Some(inside));
    }
}
