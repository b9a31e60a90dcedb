//! Handles of a world's hosts and address translators.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use crate::disk::Disk;
use crate::driver::VirtualDriver;
use crate::engine::Shared;
use crate::network::{HostId, NatId};
use crate::peer::ScriptedPeer;
use crate::world::World;

/// A host: addresses, sockets, a disk, and as many drivers as are wanted.
#[derive(Clone, Debug)]
pub struct Host {
    world: Arc<Shared>,
    id: HostId,
}

impl Host {
    pub(crate) fn new(world: &Arc<Shared>, id: HostId) -> Self {
        Host {
            world: Arc::clone(world),
            id,
        }
    }

    /// The world it is in.
    pub fn world(&self) -> World {
        World::of(&self.world)
    }

    /// Its addresses; the first is the one it was named by.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.world.lock().network.addresses(self.id).to_vec()
    }

    /// Gives it one more address.
    ///
    /// # Panics
    /// When `address` is not an IP address, or is taken.
    pub fn also_at(self, address: &str) -> Self {
        let parsed = address.parse();
        let ip = parsed.unwrap_or_else(|_| panic!("{address:?} is not an IP address"));
        let added = self.world.lock().network.add_address(self.id, ip);
        assert!(added, "{address} is taken");
        self
    }

    /// Puts it behind a translator: its IPv4 addresses cannot be reached from
    /// outside any more.
    ///
    /// # Panics
    /// When the translator is of another world.
    pub fn behind(self, nat: &Nat) -> Self {
        assert!(
            Arc::ptr_eq(&self.world, &nat.world),
            "a NAT of another world"
        );
        self.world.lock().network.put_behind(self.id, nat.id);
        self
    }

    /// A driver that runs on this host, with a clock that keeps the world's
    /// time.
    pub fn driver(&self) -> VirtualDriver {
        VirtualDriver::new(&self.world, self.id)
    }

    /// Its files.
    pub fn disk(&self) -> Disk {
        Disk::new(Arc::clone(&self.world), self.id)
    }

    /// A scripted peer at `port` of its first address; 0 takes a free port.
    ///
    /// # Panics
    /// When the port is taken.
    pub fn peer(&self, port: u16) -> ScriptedPeer {
        let ip = self
            .world
            .lock()
            .network
            .addresses(self.id)
            .first()
            .copied();
        let ip = ip.expect("a host is made with an address");
        self.peer_at(SocketAddr::new(ip, port))
    }

    /// A scripted peer at any of its addresses.
    ///
    /// # Panics
    /// When the address is not its own, or the port is taken.
    pub fn peer_at(&self, local: SocketAddr) -> ScriptedPeer {
        let peer = ScriptedPeer::bind(&self.world, self.id, local);
        peer.unwrap_or_else(|error| panic!("no peer at {local}: {error}"))
    }

    /// Sends a datagram that claims to come from `from`, whoever that is. It
    /// goes this host's way to `to`, past any translator before this host.
    pub fn send_spoofed(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.world
            .lock()
            .send_spoofed(self.id, from, to, bytes.into());
    }

    /// Lets none of its tasks have a turn for `how_long`, as a machine that is
    /// too busy does. Datagrams wait in their sockets, as many as fit.
    pub fn stall(&self, how_long: Duration) {
        self.world.lock().stall(self.id, how_long);
    }
}

/// An address translator.
#[derive(Clone, Debug)]
pub struct Nat {
    world: Arc<Shared>,
    id: NatId,
}

impl Nat {
    pub(crate) fn new(world: &Arc<Shared>, id: NatId) -> Self {
        Nat {
            world: Arc::clone(world),
            id,
        }
    }

    /// Its external address.
    pub fn external(&self) -> IpAddr {
        self.world.lock().network.nat(self.id).external()
    }

    /// Lets it forget a flow that has sent nothing for `lifetime`; it forgets
    /// none until this was called.
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        self.world
            .lock()
            .network
            .nat_mut(self.id)
            .expire_after(lifetime);
        self
    }

    /// Forgets every flow, as a restart does: what its hosts send next leaves
    /// by other ports.
    pub fn rebind(&self) {
        let external = self.external();
        let same = self.world.lock().network.rebind(self.id, external);
        debug_assert!(same, "its own address is free for it");
    }

    /// As [`Nat::rebind`], and takes another external address.
    ///
    /// # Panics
    /// When `address` is not an IP address, or is taken.
    pub fn rebind_to(&self, address: &str) {
        let parsed = address.parse();
        let ip = parsed.unwrap_or_else(|_| panic!("{address:?} is not an IP address"));
        assert!(
            self.world.lock().network.rebind(self.id, ip),
            "{address} is taken"
        );
    }
}
