//! The outbox: where everything that leaves a call is put.
//!
//! Owned by the caller, filled by `handle_*` calls, emptied by the caller once
//! per batch. Its memory is kept from batch to batch, so that a steady call
//! allocates nothing.

use core::net::SocketAddr;
use core::ops::Range;

use crate::event::MediaEvent;
use crate::{SessionId, SocketKey, StreamIndex};

/// Datagrams and events on their way out.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Datagrams, in the order in which they are to be sent.
    pub transmits: Transmits,
    /// Events, in the order in which they happened.
    pub events: Vec<MediaEvent>,
}

impl Outbox {
    /// An empty outbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty outbox with memory for `datagrams` datagrams of `bytes` bytes in
    /// all: as long as a batch stays below, nothing is allocated.
    pub fn with_capacity(datagrams: usize, bytes: usize) -> Self {
        Outbox {
            transmits: Transmits::with_capacity(datagrams, bytes),
            events: Vec::new(),
        }
    }

    /// Forgets what it holds and keeps the memory.
    pub fn clear(&mut self) {
        self.transmits.clear();
        self.events.clear();
    }
}

/// One datagram to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transmit<'a> {
    /// The socket to send it from (symmetric RTP, RFC 4961).
    pub socket: SocketKey,
    /// Where it goes.
    pub to: SocketAddr,
    /// The datagram.
    pub bytes: &'a [u8],
    /// Whose it is; none when nobody said.
    pub owner: Option<(SessionId, StreamIndex)>,
}

/// Datagrams back to back in one buffer.
#[derive(Debug, Default)]
pub struct Transmits {
    bytes: Vec<u8>,
    queue: Vec<Queued>,
}

#[derive(Debug)]
struct Queued {
    socket: SocketKey,
    owner: Option<(SessionId, StreamIndex)>,
    to: SocketAddr,
    range: Range<usize>,
}

impl Transmits {
    /// No datagrams, and memory for that many, of `bytes` bytes in all.
    pub fn with_capacity(datagrams: usize, bytes: usize) -> Self {
        Transmits {
            bytes: Vec::with_capacity(bytes),
            queue: Vec::with_capacity(datagrams),
        }
    }

    /// Adds a datagram of a stream, of at most `room` bytes that `write` fills;
    /// `write` returns how many bytes it wrote. Zero bytes queue nothing.
    pub fn push_with(
        &mut self,
        (session, stream, socket): (SessionId, StreamIndex, SocketKey),
        to: SocketAddr,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> usize,
    ) {
        let start = self.bytes.len();
        self.bytes.resize(start + room, 0);
        let written = write(&mut self.bytes[start..]).min(room);
        self.bytes.truncate(start + written);
        if written > 0 {
            self.queue.push(Queued {
                socket,
                owner: Some((session, stream)),
                to,
                range: start..start + written,
            });
        }
    }

    /// Adds a copy of `datagram`, of no stream.
    pub fn push(&mut self, socket: SocketKey, to: SocketAddr, datagram: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(datagram);
        self.queue.push(Queued {
            socket,
            owner: None,
            to,
            range: start..self.bytes.len(),
        });
    }

    /// How many datagrams wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The `index`th datagram, oldest first.
    pub fn at(&self, index: usize) -> Option<Transmit<'_>> {
        let queued = self.queue.get(index)?;
        let bytes = &self.bytes[queued.range.clone()];
        Some(Transmit {
            socket: queued.socket,
            to: queued.to,
            bytes,
            owner: queued.owner,
        })
    }

    /// The datagrams, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Transmit<'_>> {
        (0..self.len()).filter_map(|index| self.at(index))
    }

    /// Forgets the datagrams and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_come_out_as_they_went_in() {
        let to = SocketAddr::from(([127, 0, 0, 1], 4000));
        let mut transmits = Transmits::default();
        transmits.push(SocketKey(1), to, b"first");
        transmits.push_with(
            (SessionId(7), StreamIndex(0), SocketKey(2)),
            to,
            8,
            |room| {
                room[..3].copy_from_slice(b"two");
                3
            },
        );
        transmits.push_with((SessionId(7), StreamIndex(0), SocketKey(3)), to, 8, |_| 0);
        let seen: Vec<_> = transmits
            .iter()
            .map(|t| (t.socket.0, t.bytes.to_vec()))
            .collect();
        assert_eq!(seen, [(1, b"first".to_vec()), (2, b"two".to_vec())]);
        transmits.clear();
        assert!(transmits.is_empty());
    }
}
