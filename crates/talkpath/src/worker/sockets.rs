//! A worker's sockets: whose stream each belongs to, and its lease.

use std::net::SocketAddr;

use talkpath_media::{Path, SocketKey};

use crate::driver::Io;
use crate::ports::{LeasedSocket, PortGuard};

/// Sockets by key; keys of closed ones are used again.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Slot {
    local: SocketAddr,
    users: Vec<User>,
    guard: PortGuard,
    used: bool,
}

/// A stream's end of a socket. Forks share one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct User {
    /// The place of its call on the floor.
    pub(crate) seat: usize,
    pub(crate) path: Path,
}

impl Sockets {
    /// Gives a leased socket to the driver and a key to `user`.
    pub(crate) fn adopt(
        &mut self,
        io: &mut dyn Io,
        leased: LeasedSocket,
        user: User,
    ) -> std::io::Result<SocketKey> {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let key = SocketKey(index as u32);
        let LeasedSocket { socket, guard } = leased;
        let local = socket.local_addr();
        match io.adopt(key, socket) {
            Ok(()) => {
                self.slots[index] = Some(Slot {
                    local,
                    users: vec![user],
                    guard,
                    used: false,
                });
                Ok(key)
            }
            Err(error) => {
                self.free.push(index);
                Err(error)
            }
        }
    }

    /// Who uses a socket.
    pub(crate) fn users(&self, key: SocketKey) -> &[User] {
        match self.slots.get(key.0 as usize) {
            Some(Some(slot)) => &slot.users,
            _ => &[],
        }
    }

    /// The address that a socket is bound to.
    pub(crate) fn local(&self, key: SocketKey) -> Option<SocketAddr> {
        let slot = self.slots.get(key.0 as usize)?;
        slot.as_ref().map(|slot| slot.local)
    }

    /// Lets one more stream use a socket.
    pub(crate) fn share(&mut self, key: SocketKey, user: User) {
        if let Some(Some(slot)) = self.slots.get_mut(key.0 as usize) {
            slot.users.push(user);
        }
    }

    /// Those who sat on the seat `from` sit on another.
    pub(crate) fn reseat(&mut self, from: usize, to: usize) {
        let users = self
            .slots
            .iter_mut()
            .flatten()
            .flat_map(|slot| &mut slot.users);
        for user in users.filter(|user| user.seat == from) {
            user.seat = to;
        }
    }

    /// Remembers that a datagram came: the port will rest before it is used
    /// again.
    pub(crate) fn mark_used(&mut self, key: SocketKey) {
        if let Some(Some(slot)) = self.slots.get_mut(key.0 as usize)
            && !slot.used
        {
            slot.used = true;
            slot.guard.received_media();
        }
    }

    /// Ends `user`'s use of a socket; the last one closes it and gives its
    /// port back.
    pub(crate) fn leave(&mut self, io: &mut dyn Io, key: SocketKey, user: User) {
        let index = key.0 as usize;
        let Some(Some(slot)) = self.slots.get_mut(index) else {
            return;
        };
        slot.users.retain(|other| *other != user);
        if slot.users.is_empty() {
            // The socket is closed before its port is given back.
            io.release(key);
            self.slots[index] = None;
            self.free.push(index);
        }
    }
}
