//! Who is where: hosts, their addresses and sockets, and the ways between them.
//!
//! In: what tests set up and drivers bind. Out: for an address the host and the
//! socket that it reaches. How a datagram moves is `transit`'s, how a way
//! treats it [`Link`](crate::Link)'s, how addresses are rewritten `nat`'s.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::ops::RangeInclusive;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use talkpath_media::SocketKey;
use talkpath_wire::Time;

use crate::link::{Link, Path};
use crate::nat::{Filtering, Mapping, Nat};
use crate::task::TaskId;
use crate::{Arrival, Rng};

/// A host of the world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct HostId(usize);

/// An address translator of the world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct NatId(usize);

/// A socket of the world; never used again after it was closed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SocketId(u64);

/// Who reads a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reader {
    /// Nobody yet: it is on its way from the control call to a worker.
    Nobody,
    /// A task that has adopted it.
    Task(TaskId, SocketKey),
    /// A scripted peer, whose queue has no bound.
    Peer,
}

/// A bound socket.
#[derive(Debug)]
pub(crate) struct SocketState {
    pub(crate) host: HostId,
    pub(crate) local: SocketAddr,
    pub(crate) reader: Reader,
    pub(crate) inbox: VecDeque<Arrival>,
    /// Where a closed port has answered, when such answers are reported.
    pub(crate) refused: Vec<SocketAddr>,
}

/// All hosts, sockets and ways.
#[derive(Debug)]
pub(crate) struct Network {
    seed: u64,
    hosts: Vec<HostEntry>,
    nats: Vec<Nat>,
    owners: BTreeMap<IpAddr, Owner>,
    default_link: Link,
    paths: BTreeMap<(HostId, HostId), Path>,
    sockets: BTreeMap<SocketId, SocketState>,
    bound: BTreeMap<(HostId, SocketAddr), SocketId>,
    next_socket: u64,
}

#[derive(Debug)]
struct HostEntry {
    addresses: Vec<IpAddr>,
    nat: Option<NatId>,
    next_port: u16,
}

/// Who answers for an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    Host(HostId),
    Nat(NatId),
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Network {
            seed,
            hosts: Vec::new(),
            nats: Vec::new(),
            owners: BTreeMap::new(),
            default_link: Link::after(DEFAULT_DELAY),
            paths: BTreeMap::new(),
            sockets: BTreeMap::new(),
            bound: BTreeMap::new(),
            next_socket: 0,
        }
    }

    /// The host that has this address, a new one if none has; none when the
    /// address is a translator's.
    pub(crate) fn host(&mut self, address: IpAddr) -> Option<HostId> {
        match self.owners.get(&address) {
            Some(Owner::Host(host)) => return Some(*host),
            Some(Owner::Nat(_)) => return None,
            None => {}
        }
        let host = HostId(self.hosts.len());
        let next_port = *EPHEMERAL.start();
        self.hosts.push(HostEntry {
            addresses: vec![address],
            nat: None,
            next_port,
        });
        self.owners.insert(address, Owner::Host(host));
        Some(host)
    }

    /// Gives a host one more address; false when it is taken.
    pub(crate) fn add_address(&mut self, host: HostId, address: IpAddr) -> bool {
        if self.owners.contains_key(&address) {
            return false;
        }
        self.owners.insert(address, Owner::Host(host));
        self.entry_mut(host).addresses.push(address);
        true
    }

    /// The host's addresses.
    pub(crate) fn addresses(&self, host: HostId) -> &[IpAddr] {
        &self.entry(host).addresses
    }

    /// A new translator; none when its address is taken.
    pub(crate) fn add_nat(
        &mut self,
        external: IpAddr,
        mapping: Mapping,
        filtering: Filtering,
    ) -> Option<NatId> {
        if self.owners.contains_key(&external) {
            return None;
        }
        let id = NatId(self.nats.len());
        let rng = Rng::stream(self.seed, NAT_STREAMS + id.0 as u64);
        self.nats.push(Nat::new(external, mapping, filtering, rng));
        self.owners.insert(external, Owner::Nat(id));
        Some(id)
    }

    /// Lets a translator forget its flows and take another address; false when
    /// that is taken.
    pub(crate) fn rebind(&mut self, nat: NatId, external: IpAddr) -> bool {
        let before = self.nat(nat).external();
        if external != before && self.owners.contains_key(&external) {
            return false;
        }
        self.owners.remove(&before);
        self.owners.insert(external, Owner::Nat(nat));
        self.nat_mut(nat).rebind(external);
        true
    }

    /// Puts a host behind a translator.
    pub(crate) fn put_behind(&mut self, host: HostId, nat: NatId) {
        self.entry_mut(host).nat = Some(nat);
    }

    /// The translator that a host is behind.
    pub(crate) fn nat_of(&self, host: HostId) -> Option<NatId> {
        self.entry(host).nat
    }

    pub(crate) fn nat(&self, nat: NatId) -> &Nat {
        &self.nats[nat.0]
    }

    pub(crate) fn nat_mut(&mut self, nat: NatId) -> &mut Nat {
        &mut self.nats[nat.0]
    }

    /// Who answers for an address.
    pub(crate) fn owner(&self, address: IpAddr) -> Option<Owner> {
        self.owners.get(&address).copied()
    }

    /// Sets the link of every pair of hosts that has none of its own and has
    /// exchanged nothing yet.
    pub(crate) fn set_default_link(&mut self, link: Link) {
        self.default_link = link;
    }

    /// Sets the link from one host to another.
    pub(crate) fn set_link(&mut self, from: HostId, to: HostId, link: Link) {
        self.path(from, to).change(link);
    }

    /// The way from one host to another.
    pub(crate) fn path(&mut self, from: HostId, to: HostId) -> &mut Path {
        let default = || {
            let label = PATH_STREAMS + ((from.0 as u64) << 32 | to.0 as u64);
            let link = if from == to {
                Link::perfect()
            } else {
                self.default_link.clone()
            };
            Path::new(link, Rng::stream(self.seed, label))
        };
        self.paths.entry((from, to)).or_insert_with(default)
    }

    fn entry(&self, host: HostId) -> &HostEntry {
        &self.hosts[host.0]
    }

    fn entry_mut(&mut self, host: HostId) -> &mut HostEntry {
        &mut self.hosts[host.0]
    }
}

/// Sockets.
impl Network {
    /// Binds a socket of `host`; port 0 takes the next free ephemeral one.
    pub(crate) fn bind(
        &mut self,
        host: HostId,
        local: SocketAddr,
        reader: Reader,
    ) -> io::Result<(SocketId, SocketAddr)> {
        if !local.ip().is_unspecified() && !self.addresses(host).contains(&local.ip()) {
            let text = format!("{} is not an address of this host", local.ip());
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, text));
        }
        let local = if local.port() == 0 {
            self.ephemeral(host, local.ip())?
        } else {
            local
        };
        if self.is_taken(host, local) {
            return Err(taken(local));
        }
        let id = SocketId(self.next_socket);
        self.next_socket += 1;
        let (inbox, refused) = (VecDeque::new(), Vec::new());
        self.sockets.insert(
            id,
            SocketState {
                host,
                local,
                reader,
                inbox,
                refused,
            },
        );
        self.bound.insert((host, local), id);
        Ok((id, local))
    }

    /// Closes a socket, if it is not closed already.
    pub(crate) fn close(&mut self, socket: SocketId) {
        if let Some(state) = self.sockets.remove(&socket) {
            self.bound.remove(&(state.host, state.local));
        }
    }

    pub(crate) fn socket(&self, socket: SocketId) -> Option<&SocketState> {
        self.sockets.get(&socket)
    }

    pub(crate) fn socket_mut(&mut self, socket: SocketId) -> Option<&mut SocketState> {
        self.sockets.get_mut(&socket)
    }

    /// How many sockets are open that are not a scripted peer's.
    pub(crate) fn driver_sockets(&self) -> usize {
        self.sockets
            .values()
            .filter(|socket| socket.reader != Reader::Peer)
            .count()
    }

    /// The socket of `host` that gets what arrives for `address`.
    pub(crate) fn listener(&self, host: HostId, address: SocketAddr) -> Option<SocketId> {
        let any = SocketAddr::new(unspecified(address.ip()), address.port());
        let bound = |address| self.bound.get(&(host, address)).copied();
        bound(address).or_else(|| bound(any))
    }

    /// The address from which a socket bound to `local` sends to `to`; none
    /// when the host has none of that family.
    pub(crate) fn source(&self, host: HostId, local: SocketAddr, to: IpAddr) -> Option<SocketAddr> {
        if local.is_ipv4() != to.is_ipv4() {
            return None;
        }
        if !local.ip().is_unspecified() {
            return Some(local);
        }
        let addresses = self.addresses(host);
        let same_family = addresses.iter().find(|own| own.is_ipv4() == to.is_ipv4())?;
        let own = addresses
            .iter()
            .find(|own| **own == to)
            .unwrap_or(same_family);
        Some(SocketAddr::new(*own, local.port()))
    }

    fn is_taken(&self, host: HostId, local: SocketAddr) -> bool {
        if !local.ip().is_unspecified() {
            return self.listener(host, local).is_some();
        }
        let mut own = self
            .bound
            .range((host, LOWEST)..)
            .take_while(|((of, _), _)| *of == host);
        own.any(|((_, other), _)| {
            other.port() == local.port() && other.is_ipv4() == local.is_ipv4()
        })
    }

    fn ephemeral(&mut self, host: HostId, ip: IpAddr) -> io::Result<SocketAddr> {
        for _ in EPHEMERAL {
            let entry = self.entry_mut(host);
            let port = entry.next_port;
            entry.next_port = if port == *EPHEMERAL.end() {
                *EPHEMERAL.start()
            } else {
                port + 1
            };
            let local = SocketAddr::new(ip, port);
            if !self.is_taken(host, local) {
                return Ok(local);
            }
        }
        Err(taken(SocketAddr::new(ip, 0)))
    }
}

/// A socket that closes when it is dropped.
#[derive(Debug)]
pub(crate) struct BoundSocket {
    pub(crate) world: Arc<crate::engine::Shared>,
    pub(crate) host: HostId,
    pub(crate) local: SocketAddr,
    /// None once somebody else closes it.
    id: Option<SocketId>,
}

impl BoundSocket {
    /// Binds a socket of `host`.
    pub(crate) fn bind(
        world: &Arc<crate::engine::Shared>,
        host: HostId,
        local: SocketAddr,
        reader: Reader,
    ) -> io::Result<Self> {
        let (id, local) = world.lock().network.bind(host, local, reader)?;
        Ok(BoundSocket {
            world: Arc::clone(world),
            host,
            local,
            id: Some(id),
        })
    }

    /// The socket, while this closes it.
    pub(crate) fn id(&self) -> Option<SocketId> {
        self.id
    }

    /// Leaves the closing to the caller.
    pub(crate) fn hand_over(mut self) -> Option<SocketId> {
        self.id.take()
    }
}

impl Drop for BoundSocket {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.world.lock().network.close(id);
        }
    }
}

impl Arrival {
    /// A datagram in a socket's queue.
    pub(crate) fn new(at: Time, from: SocketAddr, bytes: Arc<[u8]>) -> Self {
        Arrival { at, from, bytes }
    }
}

fn unspecified(like: IpAddr) -> IpAddr {
    if like.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    }
}

fn taken(local: SocketAddr) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, format!("{local} is taken"))
}

/// The ports given to sockets bound to port 0, as Linux has them.
pub(crate) const EPHEMERAL: RangeInclusive<u16> = 32768..=60999;
const LOWEST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
/// A metropolitan way.
const DEFAULT_DELAY: Duration = Duration::from_millis(10);
const NAT_STREAMS: u64 = 1 << 62;
const PATH_STREAMS: u64 = 1 << 63;
