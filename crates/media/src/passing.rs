//! Packets on their way from one stream of a call to another.
//!
//! Filled while a datagram is worked on, emptied right after it; the memory is
//! kept. Each packet has the number that it is to leave with.

use core::ops::Range;

use talkpath_wire::PayloadType;

/// Packets that pass, oldest first.
#[derive(Default)]
pub(crate) struct Passing {
    bytes: Vec<u8>,
    packets: Vec<(PayloadType, Range<usize>)>,
}

impl Passing {
    /// Takes a copy of a packet.
    pub(crate) fn push(&mut self, number: PayloadType, packet: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(packet);
        self.packets.push((number, start..self.bytes.len()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Gives every packet to `each` and forgets them.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(PayloadType, &[u8])) {
        for (number, range) in self.packets.drain(..) {
            each(number, &self.bytes[range]);
        }
        self.bytes.clear();
    }
}
