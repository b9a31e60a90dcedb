//! One m-line of a description of ours, before it is text.
//!
//! Made by a plan with its ports still to be leased, resolved by the commit,
//! kept while an offer is open: it says what was promised on that slot.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::keyframes::KeyframeRequests;
use super::lease::{Demand, Family, Lease, Ports};
use super::stream::{Codec, Rtcp, Stream, VoipReports};
use super::wants::{Kind, RtcpMux};
use crate::Direction;

/// One m-line of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalLine {
    pub(crate) kind: Kind,
    pub(crate) protocol: Box<str>,
    pub(crate) mid: Option<Box<str>>,
    pub(crate) body: Body,
}

/// What stands in the slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Port 0, and the formats as they were (RFC 3264 §6: the list is
    /// meaningless, but the grammar wants one).
    Dead { formats: Box<[u8]> },
    /// Media.
    Live(Live),
}

/// A slot with media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) demand: Demand,
    pub(crate) direction: Direction,
    pub(crate) codecs: Vec<Codec>,
    pub(crate) ptime: Option<Duration>,
    pub(crate) maxptime: Option<Duration>,
    pub(crate) mux: MuxLine,
    pub(crate) voip_reports: VoipReports,
    pub(crate) keyframes: KeyframeRequests,
}

/// What is said about RTCP on the RTP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MuxLine {
    /// Nothing.
    Silent,
    /// `a=rtcp-mux`
    Mux,
    /// `a=rtcp-mux` and `a=rtcp-mux-only`
    MuxOnly,
    /// `a=rtcp-mux` in an answer: it holds, whatever the peer does.
    Agreed,
}

impl LocalLine {
    /// The slot of `stream`, with port 0.
    pub(crate) fn dead(stream: &Stream) -> Self {
        LocalLine {
            kind: stream.kind.clone(),
            protocol: stream.text.protocol.clone(),
            mid: None,
            body: Body::Dead {
                formats: stream.text.formats.clone(),
            },
        }
    }

    pub(crate) fn demand(&self) -> Demand {
        match &self.body {
            Body::Dead { .. } => Demand::None,
            Body::Live(live) => live.demand,
        }
    }

    /// The formats of the m-line.
    pub(crate) fn formats(&self) -> Box<[u8]> {
        match &self.body {
            Body::Dead { formats } => formats.clone(),
            Body::Live(live) => join_numbers(&live.codecs),
        }
    }

    /// The ports, once they are resolved.
    pub(crate) fn lease(&self) -> Option<Lease> {
        match self.demand() {
            Demand::Keep(lease) => Some(lease),
            Demand::None | Demand::Lease(..) => None,
        }
    }

    /// How keyframes may be asked for, as it stands here.
    pub(crate) fn keyframes(&self) -> KeyframeRequests {
        self.live()
            .map_or(KeyframeRequests::None, |live| live.keyframes)
    }

    /// The medium, unless the slot is dead.
    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.body {
            Body::Dead { .. } => None,
            Body::Live(live) => Some(live),
        }
    }

    /// Puts `lease` where ports were asked for; without one the slot dies.
    pub(crate) fn resolve(&mut self, lease: Option<Lease>) {
        let formats = self.formats();
        let Body::Live(live) = &mut self.body else {
            return;
        };
        match lease {
            Some(lease) => live.demand = Demand::Keep(lease),
            None => {
                self.body = Body::Dead { formats };
                self.mid = None;
            }
        }
    }
}

/// Gives each line that asks for ports the next of `leases`; one for which
/// none is left keeps what it had, or dies.
pub(crate) fn resolve(lines: &mut [LocalLine], streams: &[Stream], leases: &[Lease]) {
    let mut leases = leases.iter().copied();
    for (index, line) in lines.iter_mut().enumerate() {
        if let Demand::Lease(_, family) = line.demand() {
            let held = || {
                streams
                    .get(index)?
                    .local
                    .filter(|lease| family.fits(&lease.rtp))
            };
            line.resolve(leases.next().or_else(held));
        }
    }
}

/// What an offer asks for, given what `stream` has.
pub(crate) fn demand_of_offer(policy: RtcpMux, stream: Option<&Stream>) -> Demand {
    let held = stream
        .filter(|stream| stream.is_live())
        .and_then(|stream| stream.local);
    match (policy, held) {
        (RtcpMux::Offer | RtcpMux::Only, Some(lease)) => Demand::Keep(lease),
        (RtcpMux::Off, Some(lease)) if lease.rtcp.is_some() => Demand::Keep(lease),
        (RtcpMux::Only, None) => Demand::Lease(Ports::Single, Family::Any),
        (RtcpMux::Off | RtcpMux::Offer, _) => Demand::Lease(Ports::Pair, Family::Any),
    }
}

/// What an answer asks for, given what `stream` has.
pub(crate) fn demand_of_answer(rtcp: Rtcp, family: Family, stream: Option<&Stream>) -> Demand {
    let held = stream
        .filter(|stream| stream.is_live())
        .and_then(|stream| stream.local);
    match (rtcp, held) {
        (Rtcp::Muxed, Some(lease)) if family.fits(&lease.rtp) => {
            Demand::Keep(Lease::single(lease.rtp))
        }
        (Rtcp::Separate, Some(lease)) if family.fits(&lease.rtp) && lease.rtcp.is_some() => {
            Demand::Keep(lease)
        }
        (Rtcp::Muxed, _) => Demand::Lease(Ports::Single, family),
        (Rtcp::Separate, _) => Demand::Lease(Ports::Pair, family),
    }
}

/// The numbers as they stand in an m-line.
pub(crate) fn join_numbers(codecs: &[Codec]) -> Box<[u8]> {
    let mut text = Vec::new();
    for codec in codecs {
        if !text.is_empty() {
            text.push(b' ');
        }
        text.extend_from_slice(alloc::format!("{}", codec.number).as_bytes());
    }
    text.into()
}
