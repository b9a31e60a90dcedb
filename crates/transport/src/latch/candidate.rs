//! Sources that may be learned, while they prove themselves.
//!
//! In: packets by source. Out: which sources have sent enough in sequence,
//! and the best of them. Bounded: four at once; a flooder from one address
//! displaces its own entries first.
//!
//! The count of packets in sequence is that of RFC 3550 A.1's probation.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use talkpath_wire::Time;

use super::{Evidence, Head, Rank};

/// A source and its run of packets in sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) from: SocketAddr,
    pub(crate) rank: Rank,
    pub(crate) head: Head,
    pub(crate) heard: Time,
    run: u8,
}

impl Candidate {
    pub(crate) fn new(now: Time, from: SocketAddr, rank: Rank, head: Head) -> Self {
        Candidate {
            from,
            rank,
            head,
            heard: now,
            run: 1,
        }
    }

    /// Lengthens the run, or starts it again.
    pub(crate) fn hear(&mut self, now: Time, head: Head) {
        self.heard = now;
        if self.qualified() && head.ssrc == self.head.ssrc {
            self.head = head;
            return;
        }
        let same_source = head.ssrc == self.head.ssrc;
        match head.seq.distance_from(self.head.seq) {
            0 if same_source => return,
            1 if same_source => self.run += 1,
            _ => self.run = 1,
        }
        self.head = head;
    }

    pub(crate) fn qualified(&self) -> bool {
        self.run >= RUN
    }

    pub(crate) fn in_sequence(&self) -> Evidence {
        Evidence::InSequence {
            rank: self.rank,
            ssrc: self.head.ssrc,
        }
    }

    /// Whether it keeps its place against a newcomer of `rank`.
    pub(crate) fn outlives(&self, now: Time, rank: Rank) -> bool {
        self.rank >= rank && now.saturating_since(self.heard) < PATIENCE
    }
}

/// What became of a packet among the candidates.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Admission {
    Probing,
    Qualified(Candidate),
    /// Better ones hold every place.
    Full,
}

/// At most four candidates, in the order in which they came.
#[derive(Default)]
pub(crate) struct Candidates {
    list: [Option<Candidate>; PLACES],
}

impl Candidates {
    pub(crate) fn hear(
        &mut self,
        now: Time,
        from: SocketAddr,
        rank: Rank,
        head: Head,
    ) -> Admission {
        let known = self
            .list
            .iter_mut()
            .flatten()
            .find(|known| known.from == from);
        if let Some(known) = known {
            known.hear(now, head);
            return if known.qualified() {
                Admission::Qualified(*known)
            } else {
                Admission::Probing
            };
        }
        match self.place_for(now, from.ip(), rank) {
            None => Admission::Full,
            Some(index) => {
                self.list[index] = None;
                // Qualified earlier stays earlier: ties go to the first.
                self.list[index..].rotate_left(1);
                let free = self
                    .list
                    .iter()
                    .position(Option::is_none)
                    .unwrap_or(PLACES - 1);
                self.list[free] = Some(Candidate::new(now, from, rank, head));
                Admission::Probing
            }
        }
    }

    /// The best of those that qualified; of equals the first.
    pub(crate) fn best(&self) -> Option<SocketAddr> {
        self.best_candidate().map(|best| best.from)
    }

    /// Whether one of `rank` was heard since then.
    pub(crate) fn heard_since(&self, then: Time, rank: Rank) -> bool {
        self.iter()
            .any(|candidate| candidate.rank == rank && candidate.heard >= then)
    }

    pub(crate) fn best_candidate(&self) -> Option<Candidate> {
        let qualified = self.iter().filter(|candidate| candidate.qualified());
        // `max_by_key` takes the last of equals; reversed, the first.
        qualified
            .rev()
            .max_by_key(|candidate| candidate.rank)
            .copied()
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &Candidate> {
        self.list.iter().flatten()
    }

    /// A free place, or that of the one who deserves it least.
    fn place_for(&self, now: Time, ip: IpAddr, rank: Rank) -> Option<usize> {
        if let Some(free) = self.list.iter().position(Option::is_none) {
            return Some(free);
        }
        let crowd = |ip: IpAddr| self.iter().filter(|known| known.from.ip() == ip).count();
        let evictable = |candidate: &Candidate| {
            // There is one such address, so nobody is evicted twice.
            if rank == Rank::Signalled {
                return true;
            }
            !candidate.qualified()
                && (!candidate.outlives(now, rank)
                    || candidate.from.ip() == ip
                    || crowd(candidate.from.ip()) > crowd(ip) + 1)
        };
        (0..PLACES)
            .filter(|&index| self.list[index].as_ref().is_some_and(evictable))
            .min_by_key(|&index| {
                self.list[index].map(|candidate| (candidate.rank, candidate.heard))
            })
    }
}

/// Packets in sequence that make a source acceptable.
const RUN: u8 = 4;
/// Candidates at once.
const PLACES: usize = 4;
/// A candidate not heard for this long gives way.
const PATIENCE: Duration = Duration::from_millis(200);
