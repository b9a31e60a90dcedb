//! The source-address policy for RTCP on a port of its own.
//!
//! In: what signalling says, the source of each report, and what the RTP
//! component has locked. Out: a verdict per datagram, and a destination that
//! is the signalled or a learned address, never a guess: the port after
//! somebody's RTP may be his neighbour's.
//!
//! RFC 3550 §11 (port + 1), RFC 3605 (`a=rtcp`). Reports carry no sequence
//! numbers, so what RTP has proved counts instead. With RFC 5761 RTCP follows
//! RTP and this is not used.

use std::net::SocketAddr;

use talkpath_wire::Ssrc;

use crate::latch::{Evidence, Latch, Signalled, SourceChanged, SourcePolicy, Verdict};
use crate::{Component, DropReason};

/// The state machine of one RTCP component.
pub(crate) struct RtcpLatch {
    policy: SourcePolicy,
    signalled: Option<Signalled>,
    /// One address may be learned per signalling event or move of RTP.
    learned: Option<SocketAddr>,
    /// What was learned before.
    previous: Option<SocketAddr>,
    change: Option<SourceChanged>,
}

impl RtcpLatch {
    pub(crate) fn new(policy: SourcePolicy) -> Self {
        RtcpLatch {
            policy,
            signalled: None,
            learned: None,
            previous: None,
            change: None,
        }
    }

    /// A signalling event; `None` when RTCP is multiplexed or not spoken.
    pub(crate) fn signal(&mut self, signalled: Option<Signalled>) {
        if self.signalled != signalled {
            self.rearm();
        }
        self.signalled = signalled;
    }

    /// RTP moved: RTCP may be learned again.
    pub(crate) fn rearm(&mut self) {
        self.previous = self.learned.take().or(self.previous);
    }

    /// Judges one datagram whose first sender is `sender`.
    pub(crate) fn judge(&mut self, from: SocketAddr, sender: Ssrc, rtp: &Latch) -> Verdict {
        self.prefer_signalled(from);
        if self.accepts(from) {
            return Verdict::Accept;
        }
        if rtp.signalled().is_none() {
            return Verdict::Hold;
        }
        match self.evidence(from, sender, rtp) {
            Some(evidence) => {
                let signalled = self.signalled.map(|signalled| signalled.address);
                self.learn(self.previous.or(signalled), from, evidence);
                Verdict::Accept
            }
            None => Verdict::Refuse(DropReason::WrongSource),
        }
    }

    /// Whether a datagram from there would be delivered now.
    pub(crate) fn accepts(&self, from: SocketAddr) -> bool {
        let signalled = self.signalled.map(|signalled| signalled.address);
        self.policy == SourcePolicy::Open || self.learned == Some(from) || signalled == Some(from)
    }

    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        self.learned
            .or(self.signalled.map(|signalled| signalled.address))
    }

    pub(crate) fn take_change(&mut self) -> Option<SourceChanged> {
        self.change.take()
    }

    /// The signalled address speaks: nothing that was learned outweighs it,
    /// until learning is armed again.
    fn prefer_signalled(&mut self, from: SocketAddr) {
        let named = self.signalled.map(|signalled| signalled.address) == Some(from);
        if named && self.learned.is_some_and(|learned| learned != from) {
            self.learn(self.learned, from, Evidence::SameAddress);
        }
    }

    fn learn(&mut self, before: Option<SocketAddr>, to: SocketAddr, evidence: Evidence) {
        self.learned = Some(to);
        // Two changes before anyone looked are one. What was learned before
        // may be learned again: no change.
        let from = self.change.map_or(before, |change| change.from);
        self.change = (from != Some(to)).then_some(SourceChanged {
            component: Component::Rtcp,
            from,
            to,
            evidence,
        });
    }

    fn evidence(&self, from: SocketAddr, sender: Ssrc, rtp: &Latch) -> Option<Evidence> {
        let signalled = self.signalled?;
        if self.learned.is_some() {
            return None;
        }
        match rtp.source() {
            Some(source) if source.ip() == from.ip() => {
                if source.port().checked_add(1) == Some(from.port()) {
                    Some(Evidence::NextPort)
                } else {
                    (rtp.ssrc() == Some(sender)).then_some(Evidence::SameSender(sender))
                }
            }
            Some(_) => None,
            None if self.policy == SourcePolicy::Signalled => {
                signalled.names(from.ip()).then_some(Evidence::SameAddress)
            }
            None => None,
        }
    }
}
