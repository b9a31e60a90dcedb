//! The source-address policy for RTP: who is heard, and where to send.
//!
//! In: what signalling says of the peer's address, and the source, SSRC,
//! sequence number and timestamp of each packet. Out: a verdict per packet, a
//! destination, and evidence for every change of it.
//!
//! RFC 7362 describes latching and advises against it over the Internet: in
//! plain RTP nobody signs anything, so an attacker on the path, or one who
//! forges source addresses and guesses 16 bits, is not stopped by any mode
//! here. RFC 4961 (symmetric RTP) is why the destination follows. RTCP on
//! a port of its own has smaller rules, in `rtcp_latch`. ICE and SRTP will be policies too.

mod candidate;
mod locked;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use talkpath_wire::{RtpPacket, RtpTime, Seq, Ssrc, Time};

use crate::{Component, DropReason};
use candidate::{Admission, Candidate, Candidates};
use locked::{Claim, Locked, Rearm};

/// Whose media a stream takes, and how it finds out.
///
/// Plain RTP is not signed. None of these stops an attacker on the path, nor
/// one who forges the accepted or the signalled address; only encryption does.
/// What they do:
///
/// | | stops | cannot stop |
/// |---|---|---|
/// | `Signalled` | everyone at another IP address | who sends from the signalled address, or forges it |
/// | `Learn` | everyone but the signalled address, once learned | who is faster than a peer behind NAT; who guesses SSRC and sequence when the peer is silent |
/// | `Open` | nobody | injection |
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SourcePolicy {
    /// The signalled IP address, or the one that the signalling came from if
    /// the application names it; the port may differ once per signalling
    /// event. Then both are locked, and only the exact signalled address may
    /// still take over. The default.
    #[default]
    Signalled,
    /// The best source heard within one second, then locked; the exact
    /// signalled address takes over at any time. Follows a NAT that rebinds:
    /// the old source silent, the same SSRC going on.
    Learn,
    /// Anyone is heard, at any time. Injectable by everyone who can reach the
    /// port; packets from others than the locked source are counted.
    Open,
}

/// How well a source fits what signalling said. Later is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rank {
    /// Nothing fits.
    Other,
    /// The port only.
    SamePort,
    /// The signalled IP address, or the one the signalling came from.
    SameAddress,
    /// Exactly the signalled address and port.
    Signalled,
}

/// Why a source was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Evidence {
    /// Four packets in sequence from a source of this rank.
    InSequence {
        /// How the source fits what signalling said.
        rank: Rank,
        /// The SSRC of the packets.
        ssrc: Ssrc,
    },
    /// The old source fell silent, and its SSRC went on here without a gap in
    /// sequence and timestamp.
    Rebound {
        /// The SSRC that went on.
        ssrc: Ssrc,
        /// How long the old source had been silent.
        silent: Duration,
    },
    /// RTCP from the port after the locked one for RTP (RFC 3550 §11).
    NextPort,
    /// RTCP from the address of the locked RTP source, naming its SSRC.
    SameSender(Ssrc),
    /// RTCP, on either port, from an IP address that signalling named; nothing
    /// else is known.
    SameAddress,
}

/// The accepted source of a component changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SourceChanged {
    /// RTP or RTCP.
    pub component: Component,
    /// The source accepted until now, if there was one.
    pub from: Option<SocketAddr>,
    /// The source accepted from now on.
    pub to: SocketAddr,
    /// Why.
    pub evidence: Evidence,
}

/// What happens to a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Accept,
    /// Its source may yet be accepted.
    Hold,
    /// Its source has just been accepted: what was held of it goes first.
    Release,
    Refuse(DropReason),
}

/// The addresses that signalling named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Signalled {
    pub(crate) address: SocketAddr,
    /// Where the signalling itself came from, if that counts.
    pub(crate) source: Option<IpAddr>,
}

impl Signalled {
    pub(crate) fn names(&self, ip: IpAddr) -> bool {
        self.address.ip() == ip || self.source == Some(ip)
    }

    fn rank(&self, from: SocketAddr) -> Rank {
        if from == self.address {
            Rank::Signalled
        } else if self.names(from.ip()) {
            Rank::SameAddress
        } else if from.port() == self.address.port() {
            Rank::SamePort
        } else {
            Rank::Other
        }
    }
}

/// What an RTP header says about continuity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) ssrc: Ssrc,
    pub(crate) seq: Seq,
    pub(crate) timestamp: RtpTime,
}

impl Head {
    pub(crate) fn of(packet: &RtpPacket<'_>) -> Self {
        Head {
            ssrc: packet.ssrc(),
            seq: packet.seq(),
            timestamp: packet.timestamp(),
        }
    }
}

/// The state machine of one RTP component.
pub(crate) struct Latch {
    policy: SourcePolicy,
    signalled: Option<Signalled>,
    state: State,
    /// Where the last change told of went to.
    told: Option<SocketAddr>,
    change: Option<SourceChanged>,
}

enum State {
    /// Signalling has not named the peer.
    Unsignalled,
    Learning(Learning),
    Locked(Locked),
}

struct Learning {
    candidates: Candidates,
    /// When the best candidate is taken (`Learn`).
    deadline: Option<Time>,
    /// The source of before, whose media may still be under way.
    previous: Option<Previous>,
    /// Where the peer's multiplexed RTCP comes from. Only the signalled
    /// address takes the place of the first.
    reporter: Option<SocketAddr>,
}

#[derive(Clone, Copy)]
struct Previous {
    source: SocketAddr,
    /// Until then it is no candidate: it may be the peer's old port.
    until: Time,
}

impl Latch {
    pub(crate) fn new(policy: SourcePolicy) -> Self {
        Latch {
            policy,
            signalled: None,
            state: State::Unsignalled,
            told: None,
            change: None,
        }
    }

    /// A signalling event: arms learning again.
    pub(crate) fn signal(&mut self, now: Time, signalled: Signalled) {
        let unchanged = self.signalled == Some(signalled);
        let previous = self.source().or(self.reporter());
        self.signalled = Some(signalled);
        match &mut self.state {
            State::Locked(locked) if unchanged || locked.source == signalled.address => {
                locked.rearm = Rearm::Ready(None);
                // Its rank was that of before.
                locked.contender = None;
            }
            State::Learning(_) if unchanged => {}
            _ => {
                let until = now + OLD_SOURCE_GRACE;
                let previous = previous.map(|source| Previous { source, until });
                self.state = State::Learning(Learning::new(previous));
            }
        }
    }

    /// Judges one packet and learns from it.
    pub(crate) fn judge(&mut self, now: Time, from: SocketAddr, head: Head) -> Verdict {
        self.handle_timeout(now);
        let rank = self.signalled.map(|signalled| signalled.rank(from));
        match (&mut self.state, rank) {
            (State::Locked(locked), _) if locked.source == from => {
                locked.hear(now, head);
                Verdict::Accept
            }
            (State::Unsignalled, _) | (_, None) => match self.policy {
                SourcePolicy::Open => Verdict::Accept,
                SourcePolicy::Signalled | SourcePolicy::Learn => Verdict::Hold,
            },
            (State::Learning(_), Some(rank)) => self.learn(now, from, rank, head),
            (State::Locked(_), Some(rank)) => self.contend(now, from, rank, head),
        }
    }

    /// Judges multiplexed RTCP (RFC 5761). While no RTP is proof, it tells the
    /// port of a host that signalling named: of a peer that only listens,
    /// nothing else comes.
    pub(crate) fn judge_rtcp(&mut self, now: Time, from: SocketAddr) -> Verdict {
        let Some(signalled) = self.signalled else {
            return match self.policy {
                SourcePolicy::Open => Verdict::Accept,
                SourcePolicy::Signalled | SourcePolicy::Learn => Verdict::Hold,
            };
        };
        if let State::Learning(learning) = &mut self.state
            && signalled.names(from.ip())
            && learning.hear_reporter(now, from, signalled.address)
        {
            // RTP that merely arrives at the signalled address is no change.
            if self.told.is_some() || from != signalled.address {
                self.tell(from, Evidence::SameAddress);
            }
        }
        match self.accepts_rtcp(from) {
            true => Verdict::Accept,
            false => Verdict::Refuse(DropReason::WrongSource),
        }
    }

    /// Whether multiplexed RTCP from there would be delivered now.
    pub(crate) fn accepts_rtcp(&self, from: SocketAddr) -> bool {
        self.accepts(from) || self.reporter() == Some(from)
    }

    /// Whether a packet from there would be delivered now. Learns nothing.
    pub(crate) fn accepts(&self, from: SocketAddr) -> bool {
        let Some(signalled) = self.signalled else {
            return self.policy == SourcePolicy::Open;
        };
        match (&self.state, self.policy) {
            (_, SourcePolicy::Open) => true,
            (State::Unsignalled, _) => false,
            (State::Locked(locked), _) => locked.source == from,
            (State::Learning(_), SourcePolicy::Signalled) => signalled.names(from.ip()),
            (State::Learning(learning), SourcePolicy::Learn) => {
                from == signalled.address || learning.candidates.best() == Some(from)
            }
        }
    }

    /// Where to send: the locked source, else where multiplexed RTCP comes
    /// from, else the signalled address.
    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        self.source()
            .or(self.reporter())
            .or(self.signalled.map(|signalled| signalled.address))
    }

    /// The locked source.
    pub(crate) fn source(&self) -> Option<SocketAddr> {
        match &self.state {
            State::Locked(locked) => Some(locked.source),
            State::Unsignalled | State::Learning(_) => None,
        }
    }

    fn reporter(&self) -> Option<SocketAddr> {
        match &self.state {
            State::Learning(learning) => learning.reporter,
            State::Unsignalled | State::Locked(_) => None,
        }
    }

    /// The SSRC last heard from the locked source.
    pub(crate) fn ssrc(&self) -> Option<Ssrc> {
        match &self.state {
            State::Locked(locked) => Some(locked.head.ssrc),
            State::Unsignalled | State::Learning(_) => None,
        }
    }

    pub(crate) fn signalled(&self) -> Option<Signalled> {
        self.signalled
    }

    pub(crate) fn take_change(&mut self) -> Option<SourceChanged> {
        self.change.take()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        match &self.state {
            State::Learning(learning) => learning.deadline,
            State::Unsignalled | State::Locked(_) => None,
        }
    }

    /// Ends the learning window: the best candidate is locked.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        let State::Learning(learning) = &mut self.state else {
            return;
        };
        if learning.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        learning.deadline = None;
        // Who has not qualified goes on: slow keepalives add up, too.
        if let Some(best) = learning.candidates.best_candidate() {
            self.lock(best, best.in_sequence(), None);
        }
    }

    fn learn(&mut self, now: Time, from: SocketAddr, rank: Rank, head: Head) -> Verdict {
        let State::Learning(learning) = &mut self.state else {
            return Verdict::Refuse(DropReason::WrongSource);
        };
        if self.policy == SourcePolicy::Signalled && rank < Rank::SameAddress {
            return Verdict::Refuse(DropReason::WrongSource);
        }
        if rank < Rank::Signalled && learning.is_previous(now, from) {
            return learning.judge_previous(self.policy);
        }
        let before = learning.candidates.best();
        let admission = learning.candidates.hear(now, from, rank, head);
        if self.policy == SourcePolicy::Learn && learning.deadline.is_none() {
            learning.deadline = Some(now + LEARN_WINDOW);
        }
        if let Admission::Qualified(candidate) = admission
            && learning.may_lock_at_once(now, self.policy, rank)
        {
            self.lock(candidate, candidate.in_sequence(), None);
            return self.release();
        }
        match (self.policy, admission) {
            (SourcePolicy::Signalled | SourcePolicy::Open, _) => Verdict::Accept,
            (_, Admission::Full) => Verdict::Refuse(DropReason::TooManyCandidates),
            (_, Admission::Qualified(_)) if learning.candidates.best() == Some(from) => {
                if before == Some(from) {
                    Verdict::Accept
                } else {
                    Verdict::Release
                }
            }
            (_, Admission::Qualified(_)) => Verdict::Refuse(DropReason::WrongSource),
            // The signalled address is heard from its first packet on.
            (_, Admission::Probing) if rank == Rank::Signalled => Verdict::Accept,
            (_, Admission::Probing) => Verdict::Hold,
        }
    }

    /// A packet from elsewhere while a source is locked.
    fn contend(&mut self, now: Time, from: SocketAddr, rank: Rank, head: Head) -> Verdict {
        let policy = self.policy;
        let State::Locked(locked) = &mut self.state else {
            return Verdict::Refuse(DropReason::WrongSource);
        };
        let Some(claim) = locked.claim(now, policy, from, rank, head) else {
            return refuse(policy);
        };
        let silent = now.saturating_since(locked.heard);
        // Whoever was faster does not keep out the one that signalling names.
        // No flapping: the way back leads through the silence of that one.
        if silent < SILENCE && !matches!(claim, Claim::Signalled) {
            return refuse(policy);
        }
        let Some(candidate) = locked.contest(now, from, rank, head) else {
            return refuse(policy);
        };
        if !candidate.qualified() {
            return if policy == SourcePolicy::Open {
                Verdict::Accept
            } else {
                Verdict::Hold
            };
        }
        match claim {
            Claim::Rebind => {
                let evidence = Evidence::Rebound {
                    ssrc: head.ssrc,
                    silent,
                };
                self.lock(candidate, evidence, Some(now));
            }
            Claim::Signalled | Claim::Rearmed => {
                let rebound = locked.rebound;
                self.lock(candidate, candidate.in_sequence(), rebound);
            }
        }
        self.release()
    }

    fn release(&self) -> Verdict {
        match self.policy {
            SourcePolicy::Learn | SourcePolicy::Signalled => Verdict::Release,
            SourcePolicy::Open => Verdict::Accept,
        }
    }

    fn lock(&mut self, candidate: Candidate, evidence: Evidence, rebound: Option<Time>) {
        let to = candidate.from;
        self.tell(to, evidence);
        self.state = State::Locked(Locked {
            source: to,
            head: candidate.head,
            heard: candidate.heard,
            rebound,
            rearm: Rearm::Spent,
            contender: None,
        });
    }

    fn tell(&mut self, to: SocketAddr, evidence: Evidence) {
        // Two changes before anyone looked are one change, and none if it ends
        // where it began.
        let from = self.change.map_or(self.told, |change| change.from);
        self.told = Some(to);
        self.change = (from != Some(to)).then_some(SourceChanged {
            component: Component::Rtp,
            from,
            to,
            evidence,
        });
    }
}

impl Learning {
    fn new(previous: Option<Previous>) -> Self {
        Learning {
            candidates: Candidates::default(),
            deadline: None,
            previous,
            reporter: None,
        }
    }

    fn is_previous(&self, now: Time, from: SocketAddr) -> bool {
        self.previous
            .is_some_and(|previous| previous.source == from && now < previous.until)
    }

    /// The old source is heard until a new one is, but never learned again.
    fn judge_previous(&self, policy: SourcePolicy) -> Verdict {
        match policy {
            SourcePolicy::Learn if self.candidates.best().is_some() => {
                Verdict::Refuse(DropReason::WrongSource)
            }
            _ => Verdict::Accept,
        }
    }

    /// Whether RTCP from there moves the destination.
    fn hear_reporter(&mut self, now: Time, from: SocketAddr, signalled: SocketAddr) -> bool {
        let moves = if from == signalled {
            self.reporter != Some(from)
        } else {
            let signalled_heard = self.candidates.heard_since(now - SILENCE, Rank::Signalled);
            self.reporter.is_none() && !signalled_heard && !self.is_previous(now, from)
        };
        if moves {
            self.reporter = Some(from);
        }
        moves
    }

    /// Only `Learn` waits for the window to end, and only for strangers; a
    /// port is not learned while the signalled one is heard.
    fn may_lock_at_once(&self, now: Time, policy: SourcePolicy, rank: Rank) -> bool {
        let signalled_heard = || self.candidates.heard_since(now - SILENCE, Rank::Signalled);
        match (rank, policy) {
            (Rank::Signalled, _) | (_, SourcePolicy::Open) => true,
            (Rank::SameAddress, _) => !signalled_heard(),
            (Rank::SamePort | Rank::Other, _) => false,
        }
    }
}

fn refuse(policy: SourcePolicy) -> Verdict {
    match policy {
        SourcePolicy::Open => Verdict::Accept,
        SourcePolicy::Signalled | SourcePolicy::Learn => Verdict::Refuse(DropReason::WrongSource),
    }
}

/// How long `Learn` compares candidates, from the first packet on.
pub(crate) const LEARN_WINDOW: Duration = Duration::from_secs(1);
/// How long a source says nothing before another may take its place.
const SILENCE: Duration = Duration::from_millis(200);
/// How long a re-negotiated peer may still send from its old port.
const OLD_SOURCE_GRACE: Duration = Duration::from_secs(1);
