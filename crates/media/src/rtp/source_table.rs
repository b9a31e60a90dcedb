//! The remote SSRCs of a stream, sixteen at most.
//!
//! In: packets of any SSRC from an accepted address. Out: their places; our
//! own SSRC among them is a [`Conflict`]. A seventeenth source replaces one:
//! the longest silent of those in probation, else of all. What it counted is
//! kept in the totals. A scan of sixteen, no hash: nobody can make it slow.
//!
//! RFC 3550 §6.2.1, §8.2.

use core::net::SocketAddr;
use core::time::Duration;

use talkpath_wire::{Ssrc, Time};

use super::{Arrival, Conflict, Conflicts, Placement, Source, SourceCounts, Validity};

/// Remote sources kept per stream.
pub const MAX_SOURCES: usize = 16;

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reception {
    /// It belongs to a source known before.
    Known(Placement),
    /// It is the first of its source.
    First(Placement),
    /// It bears our own SSRC and is not to be played.
    Own(Conflict),
}

/// The remote SSRCs of a stream.
///
/// ```
/// use talkpath_media::rtp::{Arrival, Reception, SourceTable, Timing};
/// use talkpath_wire::{RtpPacket, Ssrc, Time};
/// let mut sources = SourceTable::new(Ssrc::new(1));
/// let datagram = [0x80, 0, 0, 7, 0, 0, 0, 160, 0, 0, 0, 42, 0xff];
/// let packet = RtpPacket::parse(&datagram)?;
/// let arrival = Arrival::of(&packet, 8000, Timing::Advances);
/// let from = ([192, 0, 2, 1], 4000).into();
/// let reception = sources.receive(packet.ssrc(), from, &arrival, Time::ZERO);
/// assert!(matches!(reception, Reception::First(_)));
/// assert_eq!(sources.counts().packets, 1);
/// # Ok::<(), talkpath_wire::RtpError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SourceTable {
    local: Ssrc,
    sources: Vec<Source>,
    conflicts: Conflicts,
    latest: Option<Ssrc>,
    /// Of the sources that were replaced.
    retired: SourceCounts,
    evicted: u64,
}

impl SourceTable {
    /// An empty table for a stream whose own SSRC is `local`.
    pub fn new(local: Ssrc) -> Self {
        SourceTable {
            local,
            sources: Vec::new(),
            conflicts: Conflicts::default(),
            latest: None,
            retired: SourceCounts::default(),
            evicted: 0,
        }
    }

    /// Takes our new SSRC after a collision.
    pub fn set_local(&mut self, local: Ssrc) {
        self.local = local;
    }

    /// Takes in a packet of `ssrc` that came `from` there `now`.
    pub fn receive(
        &mut self,
        ssrc: Ssrc,
        from: SocketAddr,
        arrival: &Arrival,
        now: Time,
    ) -> Reception {
        if let Some(conflict) = self.conflict(ssrc, from, now) {
            return Reception::Own(conflict);
        }
        self.latest = Some(ssrc);
        if let Some(source) = self.get_mut(ssrc) {
            return Reception::Known(source.receive(arrival, now));
        }
        self.make_room();
        let (source, placement) = Source::begin(ssrc, arrival, now);
        self.sources.push(source);
        Reception::First(placement)
    }

    /// Judges an SSRC that came `from` there in RTP or RTCP: none when it is
    /// not ours.
    pub fn conflict(&mut self, ssrc: Ssrc, from: SocketAddr, now: Time) -> Option<Conflict> {
        (ssrc == self.local).then(|| self.conflicts.judge(from, now))
    }

    fn make_room(&mut self) {
        if self.sources.len() < MAX_SOURCES {
            return;
        }
        let believed = |source: &Source| source.sequence().validity() == Validity::Valid;
        let oldest = |(_, source): &(usize, &Source)| (believed(source), source.last_heard());
        if let Some((at, _)) = self.sources.iter().enumerate().min_by_key(oldest) {
            let gone = self.sources.swap_remove(at);
            self.retired.add(&gone.counts());
            self.evicted += 1;
        }
    }

    /// The source `ssrc`.
    pub fn get(&self, ssrc: Ssrc) -> Option<&Source> {
        self.sources.iter().find(|source| source.ssrc() == ssrc)
    }

    /// The source `ssrc`, to be told something.
    pub fn get_mut(&mut self, ssrc: Ssrc) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.ssrc() == ssrc)
    }

    /// The source heard last.
    pub fn latest(&self) -> Option<&Source> {
        self.latest.and_then(|ssrc| self.get(ssrc))
    }

    /// All sources, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Source> {
        self.sources.iter_mut()
    }

    /// What was counted of all sources, replaced ones included.
    pub fn counts(&self) -> SourceCounts {
        let mut counts = self.retired;
        self.sources
            .iter()
            .for_each(|source| counts.add(&source.counts()));
        counts
    }

    /// Sources replaced because there were more than sixteen.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Packets dropped because they were our own, looped.
    pub fn looped(&self) -> u64 {
        self.conflicts.looped()
    }

    /// Believed sources heard within `within` that have not said goodbye.
    pub fn active(&self, now: Time, within: Duration) -> usize {
        let active = |source: &&Source| {
            source.left().is_none()
                && source.idle(now) <= within
                && source.sequence().validity() == Validity::Valid
        };
        self.sources.iter().filter(active).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Timing;
    use talkpath_wire::{RtpTime, Seq};

    const OWN: Ssrc = Ssrc::new(0xffff_ffff);

    fn peer() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 4000))
    }

    fn arrival(n: u32) -> Arrival {
        Arrival {
            seq: Seq::new(n as u16),
            timestamp: RtpTime::new(160 * n),
            payload_len: 160,
            clock_rate: 8000,
            timing: Timing::Advances,
        }
    }

    fn speak(table: &mut SourceTable, ssrc: u32, n: u32) -> Reception {
        let now = Time::from_millis(20 * u64::from(n));
        table.receive(Ssrc::new(ssrc), peer(), &arrival(n), now)
    }

    #[test]
    fn a_million_ssrcs_keep_sixteen_and_the_one_that_speaks() {
        let mut table = SourceTable::new(OWN);
        let mut known = 0;
        for n in 0..1_000_000u32 {
            if n % 10 == 0 {
                let reception = speak(&mut table, 7, n / 10);
                known += usize::from(matches!(reception, Reception::Known(_)));
            } else {
                speak(&mut table, 1000 + n, n / 10);
            }
        }
        assert_eq!(known, 100_000 - 1);
        assert_eq!(table.iter().count(), MAX_SOURCES);
        assert!(table.sources.capacity() <= 2 * MAX_SOURCES);
        assert_eq!(table.evicted(), 900_000 - 15);
        let counts = table.counts();
        assert_eq!((counts.packets, counts.lost), (1_000_000, 0));
    }

    #[test]
    fn of_believed_sources_the_longest_silent_is_replaced() {
        let mut table = SourceTable::new(OWN);
        for ssrc in 0..17 {
            speak(&mut table, ssrc, 2 * ssrc);
            speak(&mut table, ssrc, 2 * ssrc + 1);
        }
        assert!(table.get(Ssrc::new(0)).is_none());
        assert!(table.get(Ssrc::new(1)).is_some());
        assert_eq!(table.latest().map(Source::ssrc), Some(Ssrc::new(16)));
    }

    // RFC 3550 §8.2.
    #[test]
    fn our_own_ssrc_collides_once_and_loops_afterwards() {
        let mut table = SourceTable::new(OWN);
        let own = speak(&mut table, OWN.value(), 1);
        assert_eq!(own, Reception::Own(Conflict::Collision));
        table.set_local(Ssrc::new(5));
        let own = speak(&mut table, 5, 2);
        assert_eq!(own, Reception::Own(Conflict::Loop));
        assert_eq!((table.looped(), table.iter().count()), (1, 0));
    }

    #[test]
    fn active_sources_are_believed_recent_and_have_not_left() {
        let mut table = SourceTable::new(OWN);
        let within = Duration::from_secs(10);
        for (ssrc, packets) in [(1, 1), (2, 2), (3, 3)] {
            (0..packets).for_each(|n| _ = speak(&mut table, ssrc, n));
        }
        let now = Time::from_millis(60);
        assert_eq!(table.active(now, within), 2);
        table.get_mut(Ssrc::new(3)).unwrap().leave(now);
        assert_eq!(table.active(now, within), 1);
        assert_eq!(table.active(Time::from_millis(20_000), within), 0);
    }
}
