//! A task's sockets in the virtual world.

use core::fmt;
use std::io;
use std::sync::Arc;

use talkpath::driver::{Batch, Io, Socket};
use talkpath_media::{SocketKey, Transmit, Transmits};
use talkpath_wire::Time;

use crate::clock::Clock;
use crate::engine::{Shared, State};
use crate::faults::Call;
use crate::network::{BoundSocket, HostId, Reader, SocketId};
use crate::task::TaskId;
use crate::transit::Sent;

/// What a task is lent for one turn.
pub(crate) struct VirtualIo<'a> {
    world: &'a Arc<Shared>,
    task: TaskId,
    host: HostId,
    clock: Clock,
}

impl fmt::Debug for VirtualIo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualIo").field(&self.task).finish()
    }
}

impl<'a> VirtualIo<'a> {
    pub(crate) fn new(world: &'a Arc<Shared>, task: TaskId, host: HostId, clock: Clock) -> Self {
        VirtualIo {
            world,
            task,
            host,
            clock,
        }
    }

    fn send_one(&self, state: &mut State, transmit: &Transmit<'_>) -> Result<(), io::ErrorKind> {
        state
            .faults
            .check(Call::Send)
            .map_err(|error| error.kind())?;
        let socket = state
            .tasks
            .sockets(self.task)
            .get(&transmit.socket)
            .copied();
        let socket = socket.ok_or(io::ErrorKind::NotConnected)?;
        match state.send_from_socket(socket, transmit.to, transmit.bytes.into()) {
            Sent::Yes => Ok(()),
            Sent::NoSocket => Err(io::ErrorKind::NotConnected),
            Sent::Refused => Err(io::ErrorKind::ConnectionRefused),
            Sent::NoSource => Err(io::ErrorKind::NetworkUnreachable),
            Sent::TooLong => Err(io::ErrorKind::InvalidInput),
        }
    }

    /// Moves the oldest datagram of `socket` into `batch`.
    fn take_one(&self, state: &mut State, socket: SocketId, batch: &mut Batch) {
        let Some(socket) = state.network.socket_mut(socket) else {
            return;
        };
        let Reader::Task(_, key) = socket.reader else {
            return;
        };
        let Some(arrival) = socket.inbox.pop_front() else {
            return;
        };
        let filled = batch.fill(key, |slot| {
            if let Some(room) = slot.get_mut(..arrival.bytes.len()) {
                room.copy_from_slice(&arrival.bytes);
            }
            Ok((arrival.bytes.len(), arrival.from))
        });
        debug_assert!(filled.is_ok(), "there was a free slot");
    }
}

impl Io for VirtualIo<'_> {
    fn now(&self) -> Time {
        self.clock.local(self.world.lock().now)
    }

    fn adopt(&mut self, key: SocketKey, socket: Socket) -> io::Result<()> {
        let Some(bound) = socket.into_inner::<BoundSocket>() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "another driver's socket",
            ));
        };
        if !Arc::ptr_eq(&bound.world, self.world) || bound.host != self.host {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "another host's socket",
            ));
        }
        let mut state = self.world.lock();
        let refused = state.faults.check(Call::Adopt).err();
        let taken = state.tasks.sockets(self.task).contains_key(&key);
        if refused.is_some() || taken {
            // The socket closes itself, for which it takes the lock.
            drop(state);
            drop(bound);
            return Err(refused.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()));
        }
        let Some(id) = bound.hand_over() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if let Some(socket) = state.network.socket_mut(id) {
            socket.reader = Reader::Task(self.task, key);
            socket.inbox.clear();
        }
        state.tasks.sockets(self.task).insert(key, id);
        Ok(())
    }

    fn release(&mut self, key: SocketKey) {
        let mut state = self.world.lock();
        if let Some(id) = state.tasks.sockets(self.task).remove(&key) {
            state.network.close(id);
        }
    }

    fn receive(&mut self, batch: &mut Batch) {
        let mut state = self.world.lock();
        while !batch.is_full() {
            let Some(socket) = state.tasks.next_readable(self.task) else {
                return;
            };
            self.take_one(&mut state, socket, batch);
        }
    }

    fn send(&mut self, transmits: &Transmits, failed: &mut dyn FnMut(Transmit<'_>, io::ErrorKind)) {
        let mut failures = Vec::new();
        let mut state = self.world.lock();
        for (index, transmit) in transmits.iter().enumerate() {
            if let Err(kind) = self.send_one(&mut state, &transmit) {
                failures.push((index, kind));
            }
        }
        drop(state);
        for (index, kind) in failures {
            if let Some(transmit) = transmits.at(index) {
                failed(transmit, kind);
            }
        }
    }
}
