//! How a slot becomes what it is: offered, agreed, ended.
//!
//! The only places where a [`Stream`] is made. RFC 3264 §6 (rejected), §8.1
//! (recycled), §8.2 (removed): a dead slot keeps its kind, transport and
//! formats, because every later description repeats them.

use alloc::vec::Vec;

use super::codecs::Codecs;
use super::keyframes::KeyframeRequests;
use super::lease::Lease;
use super::local_line::{LocalLine, MuxLine};
use super::remote::RemoteLine;
use super::stream::{Hold, Packetization, Party, Rtcp, SlotText, Stream, StreamState, VoipReports};
use crate::Direction;

/// What both sides settled for a live slot.
pub(crate) struct Terms {
    pub(crate) codecs: Codecs,
    /// Seen from our side.
    pub(crate) direction: Direction,
    pub(crate) rtcp: Rtcp,
    pub(crate) hold: Hold,
}

impl Stream {
    /// The slot of `line`, offered and not answered: ready to receive.
    pub(crate) fn offered(line: &LocalLine) -> Self {
        let mut stream = Stream::closed(line, StreamState::Rejected(Party::Local));
        if let Some(live) = line.live() {
            stream.state = StreamState::Offered;
            stream.mid = line.mid.clone();
            stream.direction = Direction::new(false, live.direction.receives());
            stream.receive = live.codecs.clone();
            stream.local = line.lease();
            if live.mux == MuxLine::MuxOnly {
                stream.rtcp = Rtcp::Muxed;
            }
        }
        stream
    }

    /// The slot of `line` and `theirs` under `terms`.
    pub(crate) fn agreed(
        line: &LocalLine,
        theirs: &RemoteLine,
        previous: Option<&Stream>,
        terms: Terms,
    ) -> Self {
        let previous = previous.filter(|stream| stream.is_live());
        let mut stream = Stream {
            kind: line.kind.clone(),
            mid: line.mid.clone(),
            state: StreamState::Active,
            direction: terms.direction,
            hold: terms.hold,
            send: terms.codecs.send,
            receive: terms.codecs.receive,
            packet: theirs.packet,
            local: None,
            remote: Some(theirs.remote(terms.rtcp, previous)),
            rtcp: terms.rtcp,
            voip_reports: theirs.voip_reports,
            keyframes: line.keyframes().and(theirs.keyframes),
            text: SlotText {
                protocol: line.protocol.clone(),
                formats: line.formats(),
            },
        };
        if let Some(lease) = line.lease() {
            stream.settle_local(lease);
        }
        stream
    }

    /// The slot of `line` without media.
    pub(crate) fn closed(line: &LocalLine, state: StreamState) -> Self {
        Stream {
            kind: line.kind.clone(),
            mid: None,
            state,
            direction: Direction::Inactive,
            hold: Hold::No,
            send: Vec::new(),
            receive: Vec::new(),
            packet: Packetization::default(),
            local: None,
            remote: None,
            rtcp: Rtcp::Separate,
            voip_reports: VoipReports::Unasked,
            keyframes: KeyframeRequests::None,
            text: SlotText {
                protocol: line.protocol.clone(),
                formats: line.formats(),
            },
        }
    }

    /// The ports in use: with multiplexed RTCP only one.
    pub(crate) fn settle_local(&mut self, lease: Lease) {
        let rtcp = lease.rtcp.filter(|_| self.rtcp == Rtcp::Separate);
        self.local = Some(Lease {
            rtp: lease.rtp,
            rtcp,
        });
    }
}

/// The state of a slot that `party` disabled; one that was dead stays as it
/// died unless it was offered anew.
pub(crate) fn ended(previous: Option<&Stream>, anew: Anew, party: Party) -> StreamState {
    match (previous.map(|stream| stream.state), anew) {
        (Some(StreamState::Active), _) => StreamState::Removed(party),
        (Some(state @ (StreamState::Removed(_) | StreamState::Rejected(_))), Anew::No) => state,
        _ => StreamState::Rejected(party),
    }
}

/// Whether the offer had a port for the slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anew {
    Yes,
    No,
}
