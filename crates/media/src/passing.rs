//! What is on its way from one stream of a call to others: packets, digits,
//! requests for keyframes.
//!
//! Filled while a call is worked on, emptied before it is left; the memory is
//! kept. Each knows whom it comes from, each packet the number that it is to
//! leave with.

use core::ops::Range;

use talkpath_wire::PayloadType;

use crate::dtmf::{Carriage, Press};
use crate::room::Member;

/// Packets and digits that pass, oldest first.
#[derive(Default)]
pub(crate) struct Passing {
    bytes: Vec<u8>,
    packets: Vec<(Member, PayloadType, Range<usize>)>,
    presses: Vec<(Member, Carried)>,
    /// Whose peers asked for a keyframe.
    requests: Vec<Member>,
    /// Whose packets no longer fit what was decided about them.
    misfits: Vec<Member>,
}

/// A key that goes on to the others of a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Carried {
    pub(crate) press: Press,
    /// How it came.
    pub(crate) carriage: Carriage,
}

impl Passing {
    /// Takes a copy of a packet.
    pub(crate) fn push(&mut self, from: Member, number: PayloadType, packet: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(packet);
        self.packets.push((from, number, start..self.bytes.len()));
    }

    /// Takes a digit that a member of a room was heard to dial.
    pub(crate) fn press(&mut self, by: Member, press: Carried) {
        self.presses.push((by, press));
    }

    /// Takes a request for a keyframe, which goes to where the video comes from.
    pub(crate) fn want_keyframe(&mut self, for_whom: Member) {
        self.requests.push(for_whom);
    }

    /// Takes the next request.
    pub(crate) fn next_request(&mut self) -> Option<Member> {
        self.requests.pop()
    }

    /// Notes that a packet came that cannot pass, though others of it do.
    pub(crate) fn misfit(&mut self, from: Member) {
        self.misfits.push(from);
    }

    /// Takes the next of whom a packet did not fit.
    pub(crate) fn next_misfit(&mut self) -> Option<Member> {
        self.misfits.pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.holds_packets_only()
    }

    /// Whether it holds nothing that asks anybody to do anything later.
    pub(crate) fn holds_packets_only(&self) -> bool {
        self.presses.is_empty() && self.requests.is_empty() && self.misfits.is_empty()
    }

    /// Takes the oldest digit.
    pub(crate) fn next_press(&mut self) -> Option<(Member, Carried)> {
        (!self.presses.is_empty()).then(|| self.presses.remove(0))
    }

    /// Gives every packet to `each` and forgets them.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(Member, PayloadType, &[u8])) {
        for (from, number, range) in self.packets.drain(..) {
            each(from, number, &self.bytes[range]);
        }
        self.bytes.clear();
    }
}
