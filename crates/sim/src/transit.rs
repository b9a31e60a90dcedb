//! The path of a datagram: from a socket to a socket, or to its end.
//!
//! 1 source address · 2 sender's translation · 3 route · 4 link · 5 receiver's
//! translation · 6 socket · 7 whoever reads it. Each end is a [`Fate`] in the
//! wire log.

use core::net::SocketAddr;
use std::sync::Arc;

use crate::Arrival;
use crate::engine::{Happening, State};
use crate::link::Passage;
use crate::network::{HostId, Owner, Reader, SocketId};
use crate::wire_log::{Fate, Record, Ticket};
use crate::world::Refusals;

/// A datagram that a link has let pass.
#[derive(Debug)]
pub(crate) struct Flight {
    ticket: Ticket,
    origin: Option<SocketId>,
    seen_from: SocketAddr,
    to: SocketAddr,
    bytes: Arc<[u8]>,
}

/// A datagram about to be sent.
pub(crate) struct Departure {
    pub(crate) host: HostId,
    /// The socket that is told when the port is closed.
    pub(crate) origin: Option<SocketId>,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Arc<[u8]>,
}

impl State {
    /// Sends a datagram from a socket.
    pub(crate) fn send_from_socket(
        &mut self,
        socket: SocketId,
        to: SocketAddr,
        bytes: Arc<[u8]>,
    ) -> Sent {
        let Some(state) = self.network.socket_mut(socket) else {
            return Sent::NoSocket;
        };
        if let Some(index) = state.refused.iter().position(|refused| *refused == to) {
            state.refused.swap_remove(index);
            return Sent::Refused;
        }
        let (host, local) = (state.host, state.local);
        let Some(from) = self.network.source(host, local, to.ip()) else {
            return Sent::NoSource;
        };
        if bytes.len() > MOST_BYTES {
            return Sent::TooLong;
        }
        let from = self.translate(host, from, to);
        self.depart(
            Departure {
                host,
                origin: Some(socket),
                from: from.0,
                to,
                bytes,
            },
            from.1,
        );
        Sent::Yes
    }

    /// Sends a datagram with whatever source address it claims to have.
    pub(crate) fn send_spoofed(
        &mut self,
        host: HostId,
        from: SocketAddr,
        to: SocketAddr,
        bytes: Arc<[u8]>,
    ) {
        self.depart(
            Departure {
                host,
                origin: None,
                from,
                to,
                bytes,
            },
            from,
        );
    }

    /// The address that leaves the host, and the one that the receiver sees.
    fn translate(
        &mut self,
        host: HostId,
        from: SocketAddr,
        to: SocketAddr,
    ) -> (SocketAddr, SocketAddr) {
        let Some(nat) = self.network.nat_of(host) else {
            return (from, from);
        };
        let stays_inside = match self.network.owner(to.ip()) {
            Some(Owner::Host(other)) => self.network.nat_of(other) == Some(nat),
            _ => false,
        };
        if stays_inside || from.is_ipv6() {
            return (from, from);
        }
        (from, self.network.nat_mut(nat).leave(self.now, from, to))
    }

    fn depart(&mut self, departure: Departure, seen_from: SocketAddr) {
        let Departure {
            host,
            origin,
            from,
            to,
            bytes,
        } = departure;
        let record = Record {
            sent: self.now,
            from,
            seen_from,
            to,
            bytes: Arc::clone(&bytes),
            duplicate: false,
            fate: Fate::InFlight,
        };
        let ticket = self.log.open(record.clone());
        let receiver = match self.receiver(host, to) {
            Ok(receiver) => receiver,
            Err(fate) => return self.log.close(ticket, fate),
        };
        let flight = |ticket| Flight {
            ticket,
            origin,
            seen_from,
            to,
            bytes: Arc::clone(&bytes),
        };
        match self.network.path(host, receiver).pass(self.now, &bytes) {
            Passage::Lost => self.log.close(ticket, Fate::Lost),
            Passage::Overflowed => self.log.close(ticket, Fate::LinkOverflow),
            Passage::Cut => self.log.close(ticket, Fate::Cut),
            Passage::Arrives { at, again } => {
                self.queue.push(at, Happening::Arrive(flight(ticket)));
                if let Some(again) = again {
                    let copy = self.log.open(Record {
                        duplicate: true,
                        ..record
                    });
                    self.queue.push(again, Happening::Arrive(flight(copy)));
                }
            }
        }
    }

    /// The host at the end of the way to `to`.
    fn receiver(&self, sender: HostId, to: SocketAddr) -> Result<HostId, Fate> {
        match self.network.owner(to.ip()) {
            None => Err(Fate::NoRoute),
            Some(Owner::Host(host)) => {
                let nat = self.network.nat_of(host);
                let reachable = to.is_ipv6() || nat.is_none() || nat == self.network.nat_of(sender);
                if reachable {
                    Ok(host)
                } else {
                    Err(Fate::NoRoute)
                }
            }
            Some(Owner::Nat(nat)) => {
                let inside = self
                    .network
                    .nat(nat)
                    .holder(to.port())
                    .ok_or(Fate::BlockedByNat)?;
                match self.network.owner(inside.ip()) {
                    Some(Owner::Host(host)) => Ok(host),
                    _ => Err(Fate::BlockedByNat),
                }
            }
        }
    }

    /// Takes a datagram off its link and puts it where it belongs.
    pub(crate) fn arrive(&mut self, flight: Flight) {
        let fate = self.deliver(&flight);
        self.log.close(flight.ticket, fate);
        if fate == Fate::PortClosed && self.refusals == Refusals::Reported {
            let origin = flight.origin.and_then(|id| self.network.socket_mut(id));
            if let Some(socket) = origin.filter(|socket| socket.refused.len() < MOST_REFUSALS) {
                socket.refused.push(flight.to);
            }
        }
    }

    fn deliver(&mut self, flight: &Flight) -> Fate {
        let Flight { to, seen_from, .. } = *flight;
        let inside = match self.network.owner(to.ip()) {
            Some(Owner::Nat(nat)) => self.network.nat(nat).enter(self.now, to.port(), seen_from),
            _ => Some(to),
        };
        let Some(inside) = inside else {
            return Fate::BlockedByNat;
        };
        let Some(Owner::Host(host)) = self.network.owner(inside.ip()) else {
            return Fate::NoRoute;
        };
        let Some(id) = self.network.listener(host, inside) else {
            return Fate::PortClosed;
        };
        let Some(socket) = self.network.socket_mut(id) else {
            return Fate::PortClosed;
        };
        if socket.reader != Reader::Peer && socket.inbox.len() >= MOST_QUEUED {
            return Fate::SocketOverflow;
        }
        socket
            .inbox
            .push_back(Arrival::new(self.now, seen_from, Arc::clone(&flight.bytes)));
        if let Reader::Task(task, _) = socket.reader {
            self.tasks.readable(task, id);
            self.schedule(task, self.now);
        }
        Fate::Delivered {
            at: self.now,
            to: inside,
        }
    }
}

/// What a socket says of a datagram that it was to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sent {
    Yes,
    NoSocket,
    /// A port that it was sent to before is closed.
    Refused,
    /// The host has no address of that family.
    NoSource,
    TooLong,
}

/// The longest UDP datagram over IPv4.
const MOST_BYTES: usize = 65_507;
/// What Linux queues of small datagrams by default, roughly.
const MOST_QUEUED: usize = 256;
const MOST_REFUSALS: usize = 16;
