//! A peer that does what the test says and remembers what it got.

use core::net::SocketAddr;
use std::io;
use std::sync::Arc;

use talkpath_wire::Time;

use crate::engine::Shared;
use crate::network::{BoundSocket, HostId, Reader};
use crate::world::World;

/// A socket in the hands of a test; closed when it is dropped.
///
/// It sends what it is told, when it is told, and never answers by itself.
#[derive(Debug)]
pub struct ScriptedPeer {
    socket: BoundSocket,
}

/// A datagram that arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// When, in the world's time.
    pub at: Time,
    /// Where it seems to come from.
    pub from: SocketAddr,
    /// The datagram.
    pub bytes: Arc<[u8]>,
}

impl ScriptedPeer {
    pub(crate) fn bind(world: &Arc<Shared>, host: HostId, local: SocketAddr) -> io::Result<Self> {
        Ok(ScriptedPeer {
            socket: BoundSocket::bind(world, host, local, Reader::Peer)?,
        })
    }

    /// The world it is in.
    pub fn world(&self) -> World {
        World::of(&self.socket.world)
    }

    /// Its own address, inside of any translator.
    pub fn local_addr(&self) -> SocketAddr {
        self.socket.local
    }

    /// Sends a datagram now.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) {
        if let Some(id) = self.socket.id() {
            self.socket
                .world
                .lock()
                .send_from_socket(id, to, bytes.into());
        }
    }

    /// Sends a datagram at `at`, unless the peer is gone by then.
    pub fn send_at(&self, at: Time, to: SocketAddr, bytes: &[u8]) {
        let (id, bytes) = (self.socket.id(), Arc::<[u8]>::from(bytes));
        self.world().at(at, move |world| {
            if let Some(id) = id {
                world.shared().lock().send_from_socket(id, to, bytes);
            }
        });
    }

    /// Everything that has arrived, oldest first.
    pub fn received(&self) -> Vec<Arrival> {
        let state = self.socket.world.lock();
        let socket = self.socket.id().and_then(|id| state.network.socket(id));
        socket
            .map(|socket| socket.inbox.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// What has arrived since this was last asked.
    pub fn take_received(&self) -> Vec<Arrival> {
        let mut state = self.socket.world.lock();
        let socket = self.socket.id().and_then(|id| state.network.socket_mut(id));
        socket
            .map(|socket| socket.inbox.drain(..).collect())
            .unwrap_or_default()
    }
}
