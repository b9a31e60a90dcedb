//! What is on its way from one stream of a call to others: packets, digits.
//!
//! Filled while a datagram or a tick is worked on, emptied right after it; the
//! memory is kept. Each packet has the number that it is to leave with.

use core::ops::Range;

use talkpath_wire::PayloadType;

use crate::dtmf::Press;
use crate::room::Member;

/// Packets and digits that pass, oldest first.
#[derive(Default)]
pub(crate) struct Passing {
    bytes: Vec<u8>,
    packets: Vec<(PayloadType, Range<usize>)>,
    presses: Vec<(Member, Press)>,
}

impl Passing {
    /// Takes a copy of a packet.
    pub(crate) fn push(&mut self, number: PayloadType, packet: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(packet);
        self.packets.push((number, start..self.bytes.len()));
    }

    /// Takes a digit that a member of a room was heard to dial.
    pub(crate) fn press(&mut self, by: Member, press: Press) {
        self.presses.push((by, press));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.presses.is_empty()
    }

    /// Takes the oldest digit.
    pub(crate) fn next_press(&mut self) -> Option<(Member, Press)> {
        (!self.presses.is_empty()).then(|| self.presses.remove(0))
    }

    /// Gives every packet to `each` and forgets them.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(PayloadType, &[u8])) {
        for (number, range) in self.packets.drain(..) {
            each(number, &self.bytes[range]);
        }
        self.bytes.clear();
    }
}
