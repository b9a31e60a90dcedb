//! A thread's sockets: a table by key, and who of them may be readable.
//!
//! In: sockets to adopt, readiness from the poller. Out: received datagrams in
//! the task's batch, sent datagrams on the wire. Sockets take turns, a bounded
//! number of datagrams each, so that a flood at one delays the others by no
//! more than its share. Nothing is allocated per datagram. Errors of receiving
//! are late news of something sent (ICMP) and are skipped.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Result};
use std::net::UdpSocket;
use std::sync::Arc;

use polling::{Event, PollMode, Poller};
use talkpath_media::{SocketKey, Transmit, Transmits};
use talkpath_wire::Time;

use super::Clock;
use crate::driver::{Batch, Io, Socket};

/// The sockets of one thread.
#[derive(Debug)]
pub(super) struct OsIo {
    clock: Clock,
    poller: Arc<Poller>,
    table: Vec<Option<Polled>>,
    /// Sockets that may have datagrams, each at most once, next in turn first.
    ready: VecDeque<SocketKey>,
}

impl OsIo {
    pub(super) fn new(clock: Clock, poller: Arc<Poller>) -> Self {
        OsIo {
            clock,
            poller,
            table: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// Whether some socket may have datagrams left.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Notes that the poller saw the socket `key` readable.
    pub(super) fn readable(&mut self, key: usize) {
        let Some(Some(polled)) = self.table.get_mut(key) else {
            return;
        };
        if !polled.is_ready {
            polled.is_ready = true;
            self.ready.push_back(polled.key);
        }
    }
}

impl Io for OsIo {
    fn now(&self) -> Time {
        self.clock.now()
    }

    fn adopt(&mut self, key: SocketKey, socket: Socket) -> Result<()> {
        let socket: UdpSocket = socket.into_inner().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                "the socket was bound by another driver",
            )
        })?;
        discard_queued(&socket);
        let index = index(key);
        if self.table.len() <= index {
            self.table.resize_with(index + 1, || None);
        }
        if self.table[index].is_some() {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("{key:?} is in use"),
            ));
        }
        self.table[index] = Some(Polled::new(&self.poller, key, socket)?);
        // Room for every socket, so that readiness never allocates.
        self.ready
            .reserve(self.table.len().saturating_sub(self.ready.len()));
        Ok(())
    }

    fn release(&mut self, key: SocketKey) {
        let Some(slot) = self.table.get_mut(index(key)) else {
            return;
        };
        if slot.take().is_some_and(|polled| polled.is_ready) {
            self.ready.retain(|ready| *ready != key);
        }
    }

    fn receive(&mut self, batch: &mut Batch) {
        while !batch.is_full() {
            let Some(key) = self.ready.pop_front() else {
                return;
            };
            let Some(Some(polled)) = self.table.get_mut(index(key)) else {
                continue;
            };
            match polled.receive(batch) {
                Left::MaybeMore => self.ready.push_back(key),
                Left::Nothing => polled.is_ready = false,
            }
        }
    }

    fn send(&mut self, transmits: &Transmits, failed: &mut dyn FnMut(Transmit<'_>, ErrorKind)) {
        for transmit in transmits.iter() {
            let sent = match self.table.get(index(transmit.socket)) {
                Some(Some(polled)) => polled.send(transmit),
                _ => Err(ErrorKind::NotConnected),
            };
            if let Err(kind) = sent {
                failed(transmit, kind);
            }
        }
    }
}

/// A socket that the poller watches for as long as this lives.
#[derive(Debug)]
struct Polled {
    key: SocketKey,
    poller: Arc<Poller>,
    socket: UdpSocket,
    is_ready: bool,
}

enum Left {
    MaybeMore,
    Nothing,
}

impl Polled {
    fn new(poller: &Arc<Poller>, key: SocketKey, socket: UdpSocket) -> Result<Self> {
        watch(poller, &socket, key)?;
        Ok(Polled {
            key,
            poller: Arc::clone(poller),
            socket,
            is_ready: false,
        })
    }

    fn receive(&mut self, batch: &mut Batch) -> Left {
        for _ in 0..SHARE {
            if batch.is_full() {
                break;
            }
            match batch.fill(self.key, |slot| self.socket.recv_from(slot)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return self.exhausted();
                }
                // An ICMP error of something sent, or a signal.
                Ok(()) | Err(_) => {}
            }
        }
        Left::MaybeMore
    }

    fn exhausted(&self) -> Left {
        if mode(&self.poller) == PollMode::Level {
            return Left::Nothing;
        }
        match self.poller.modify(&self.socket, interest(self.key)) {
            Ok(()) => Left::Nothing,
            // Unwatched it would fall silent: ask again next turn.
            Err(_) => Left::MaybeMore,
        }
    }

    fn send(&self, transmit: Transmit<'_>) -> std::result::Result<(), ErrorKind> {
        // A pending ICMP error of an earlier datagram is reported once, in
        // place of sending this one.
        for _ in 0..2 {
            match self.socket.send_to(transmit.bytes, transmit.to) {
                Ok(_) => return Ok(()),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted | ErrorKind::ConnectionRefused => {}
                    kind => return Err(kind),
                },
            }
        }
        Err(ErrorKind::ConnectionRefused)
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        // Fails only when the poller has forgotten it already.
        let _ = self.poller.delete(&self.socket);
    }
}

#[allow(unsafe_code, reason = "Poller::add leaves the removal to its caller")]
fn watch(poller: &Poller, socket: &UdpSocket, key: SocketKey) -> Result<()> {
    // SAFETY: the only caller, `Polled::new`, puts `socket` beside the poller
    // in a `Polled`, whose `drop` removes it from the poller before closing it.
    unsafe { poller.add_with_mode(socket, interest(key), mode(poller)) }
}

fn interest(key: SocketKey) -> Event {
    Event::readable(index(key))
}

fn mode(poller: &Poller) -> PollMode {
    if poller.supports_level() {
        PollMode::Level
    } else {
        PollMode::Oneshot
    }
}

fn index(key: SocketKey) -> usize {
    key.0 as usize
}

/// A call begins with empty queues.
fn discard_queued(socket: &UdpSocket) {
    let mut byte = [0; 1];
    for _ in 0..QUEUE_AT_MOST {
        match socket.recv_from(&mut byte) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => {}
        }
    }
}

/// Datagrams that one socket may receive before it is the next one's turn.
const SHARE: usize = 8;

/// More small datagrams than a receive buffer of the usual size holds; a peer
/// that fills it faster than it is emptied is not waited for.
const QUEUE_AT_MOST: usize = 1024;
