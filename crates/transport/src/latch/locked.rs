//! The locked source, and by what right another may take its place.
//!
//! In: its packets, and the packets of contenders. Out: a claim, or none, and
//! the contender's run. What follows from them is for [`Latch`](super::Latch).
//!
//! RFC 7362 (a NAT that rebinds), RFC 3550 A.1 (how far a sequence may jump).

use std::net::SocketAddr;
use std::time::Duration;

use talkpath_wire::Time;

use super::candidate::Candidate;
use super::{Head, LEARN_WINDOW, Rank, SourcePolicy};

pub(super) struct Locked {
    pub(super) source: SocketAddr,
    pub(super) head: Head,
    pub(super) heard: Time,
    /// When the source last moved by rebinding.
    pub(super) rebound: Option<Time>,
    pub(super) rearm: Rearm,
    pub(super) contender: Option<Candidate>,
}

/// Whether a signalling event allows a locked source to be replaced once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rearm {
    Spent,
    /// In `Learn`, until the moment, which the first contender sets.
    Ready(Option<Time>),
}

/// By what right another source may replace the locked one.
#[derive(Clone, Copy)]
pub(super) enum Claim {
    /// It is what signalling named.
    Signalled,
    /// Signalling spoke since, and allows one change.
    Rearmed,
    /// It carries on the locked stream.
    Rebind,
}

impl Locked {
    pub(super) fn hear(&mut self, now: Time, head: Head) {
        self.heard = now;
        self.head = head;
        // Only the signalled address may prove itself beside this one.
        self.contender = self.contender.filter(|it| it.rank == Rank::Signalled);
    }

    pub(super) fn claim(
        &mut self,
        now: Time,
        policy: SourcePolicy,
        from: SocketAddr,
        rank: Rank,
        head: Head,
    ) -> Option<Claim> {
        if rank == Rank::Signalled {
            return Some(Claim::Signalled);
        }
        match policy {
            SourcePolicy::Open => Some(Claim::Rearmed),
            SourcePolicy::Signalled => {
                let ready = self.rearm != Rearm::Spent && rank == Rank::SameAddress;
                ready.then_some(Claim::Rearmed)
            }
            SourcePolicy::Learn if self.is_rearmed(now) => Some(Claim::Rearmed),
            SourcePolicy::Learn => self.may_rebind(now, from, head).then_some(Claim::Rebind),
        }
    }

    /// In `Learn` the permission lapses a window after its first use.
    fn is_rearmed(&mut self, now: Time) -> bool {
        let Rearm::Ready(until) = &mut self.rearm else {
            return false;
        };
        let open = now < *until.get_or_insert(now + LEARN_WINDOW);
        if !open {
            self.rearm = Rearm::Spent;
        }
        open
    }

    fn may_rebind(&self, now: Time, from: SocketAddr, head: Head) -> bool {
        let rested = self
            .rebound
            .is_none_or(|at| now.saturating_since(at) >= REBIND_INTERVAL);
        let going_on = self
            .contender
            .is_some_and(|contender| contender.from == from);
        rested && head.ssrc == self.head.ssrc && (going_on || self.continues(now, head))
    }

    /// Whether `head` may follow the last packet: no more packets later than
    /// fit into the silence at 5 ms each, and its timestamp not before.
    fn continues(&self, now: Time, head: Head) -> bool {
        let silent = now.saturating_since(self.heard);
        let most = (silent.as_millis() / SHORTEST_PTIME_MS + REORDER).min(MAX_DROPOUT);
        let steps = head.seq.distance_from(self.head.seq);
        let ticks = head.timestamp.ticks_since(self.head.timestamp);
        let most_ticks = (silent.as_millis() + SLACK_MS).saturating_mul(FASTEST_CLOCK_KHZ);
        steps > 0 && steps as u128 <= most && ticks >= 0 && ticks as u128 <= most_ticks
    }

    /// One contender at a time; it keeps its place while it is heard.
    pub(super) fn contest(
        &mut self,
        now: Time,
        from: SocketAddr,
        rank: Rank,
        head: Head,
    ) -> Option<Candidate> {
        match &mut self.contender {
            Some(contender) if contender.from == from => contender.hear(now, head),
            Some(contender) if contender.outlives(now, rank) => return None,
            other => *other = Some(Candidate::new(now, from, rank, head)),
        }
        self.contender
    }
}

/// Time between two rebindings.
const REBIND_INTERVAL: Duration = Duration::from_secs(5);
/// Packets are not shorter than this.
const SHORTEST_PTIME_MS: u128 = 5;
/// Steps allowed beyond what silence explains.
const REORDER: u128 = 8;
/// RFC 3550 A.1, MAX_DROPOUT.
const MAX_DROPOUT: u128 = 3000;
/// Timestamps may run ahead of the silence by this much.
const SLACK_MS: u128 = 1000;
/// No RTP clock of a telephone or camera is faster.
const FASTEST_CLOCK_KHZ: u128 = 90;
