//! What is on its way from one stream of a call to others: packets, digits,
//! requests for keyframes.
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
    request: Request,
}

/// Whether a peer asked for a keyframe.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Request {
    #[default]
    None,
    Keyframe,
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

    /// Takes a request for a keyframe, which goes to where the video comes from.
    pub(crate) fn want_keyframe(&mut self) {
        self.request = Request::Keyframe;
    }

    /// Gives the request, if there is one, and forgets it.
    pub(crate) fn take_request(&mut self) -> Request {
        core::mem::take(&mut self.request)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let asks = self.request == Request::Keyframe;
        self.packets.is_empty() && self.presses.is_empty() && !asks
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
