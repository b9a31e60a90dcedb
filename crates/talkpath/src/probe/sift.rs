//! Which datagrams of a capture are RTP, and of which stream.
//!
//! In: datagrams in the order of the capture. Out: streams, each with its
//! packets. A capture does not say what is RTP: its first bytes may be, and
//! what bears one source from one address to another and counts upwards is
//! (RFC 3550 A.1).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use talkpath_file::pcap::Datagram;
use talkpath_transport::{Class, classify};
use talkpath_wire::{RtpPacket, Ssrc, Time};

use super::names::Names;
use super::rtcp::AllTold;

/// What may be a stream.
pub(super) struct Candidate<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) ssrc: Ssrc,
    /// Never empty; moments never go back.
    pub(super) heard: Vec<Heard<'a>>,
}

/// A packet of a stream.
pub(super) struct Heard<'a> {
    /// Since the capture's first datagram.
    pub(super) at: Time,
    pub(super) packet: RtpPacket<'a>,
}

/// A capture, sorted.
pub(super) struct Sifted<'a> {
    pub(super) streams: Vec<Candidate<'a>>,
    pub(super) rtcp: AllTold,
    pub(super) began: Duration,
    pub(super) lasted: Duration,
    pub(super) datagrams: u64,
    pub(super) other: u64,
}

/// Sorts datagrams.
pub(super) struct Sieve<'a> {
    candidates: BTreeMap<(SocketAddr, SocketAddr, u32), Candidate<'a>>,
    rtcp: AllTold,
    began: Option<Duration>,
    now: Time,
    datagrams: u64,
    other: u64,
}

impl<'a> Sieve<'a> {
    pub(super) fn new() -> Self {
        Sieve {
            candidates: BTreeMap::new(),
            rtcp: AllTold::default(),
            began: None,
            now: Time::ZERO,
            datagrams: 0,
            other: 0,
        }
    }

    pub(super) fn take(&mut self, datagram: &Datagram<'a>) {
        let began = *self.began.get_or_insert(datagram.time);
        // Clocks of captures are set while they run: time stands still then.
        let since = Time::ZERO + datagram.time.saturating_sub(began);
        self.now = self.now.max(since);
        self.datagrams += 1;
        let (from, to, bytes) = (datagram.src, datagram.dst, datagram.payload);
        let is_known = match classify(bytes) {
            Some(Class::Rtp) => self.take_rtp(from, to, bytes),
            Some(Class::Rtcp) => self.rtcp.take(self.now, from, bytes),
            _ => false,
        };
        self.other += u64::from(!is_known);
    }

    fn take_rtp(&mut self, from: SocketAddr, to: SocketAddr, bytes: &'a [u8]) -> bool {
        let Ok(packet) = RtpPacket::parse(bytes) else {
            return false;
        };
        let ssrc = packet.ssrc();
        let key = (from, to, ssrc.value());
        let candidate = self.candidates.entry(key).or_insert_with(|| Candidate {
            from,
            to,
            ssrc,
            heard: Vec::new(),
        });
        let at = self.now;
        candidate.heard.push(Heard { at, packet });
        true
    }

    /// The streams, in the order in which they began.
    pub(super) fn finish(self, names: &Names) -> Sifted<'a> {
        let mut other = self.other;
        let mut streams = Vec::new();
        for candidate in self.candidates.into_values() {
            let is_known = self.rtcp.knows(candidate.ssrc) || names.expects(candidate.to);
            if candidate.is_stream(is_known) {
                streams.push(candidate);
            } else {
                other += candidate.heard.len() as u64;
            }
        }
        streams.sort_by_key(|stream| stream.heard.first().map(|heard| heard.at));
        Sifted {
            streams,
            rtcp: self.rtcp,
            began: self.began.unwrap_or_default(),
            lasted: self.now.since_start(),
            datagrams: self.datagrams,
            other,
        }
    }
}

impl Candidate<'_> {
    /// Whether its numbers count upwards as those of a stream do; `is_known`
    /// when a description or RTCP tells of it.
    fn is_stream(&self, is_known: bool) -> bool {
        if is_known {
            return true;
        }
        let steps = self.heard.windows(2).filter(|pair| {
            let (before, after) = (pair[0].packet.seq(), pair[1].packet.seq());
            (-REORDERED..=SKIPPED).contains(&after.distance_from(before))
        });
        let (packets, good) = (self.heard.len(), steps.count());
        packets >= FEWEST && good * 10 >= (packets - 1) * 7
    }
}

/// Packets that make a stream when nothing tells of it.
const FEWEST: usize = 4;
/// Steps back that are reordering.
const REORDERED: i16 = 16;
/// Steps ahead that are loss.
const SKIPPED: i16 = 64;
