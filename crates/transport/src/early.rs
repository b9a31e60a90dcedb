//! Media that came before it could be judged.
//!
//! In: datagrams from sources that signalling has not named yet, or that are
//! being learned. Out: the same datagrams in order, once judged; or their
//! number, when nobody judged them within [`HOLD`].
//!
//! An answerer may send before its answer arrives (RFC 3264 §5.1). Bounded by
//! packets, bytes and time. When full, the address that holds most loses its
//! oldest, so that one flooder cannot push out another's media. Memory is
//! taken when the first datagram is held and given back when the last leaves.

use std::net::SocketAddr;
use std::time::Duration;

use talkpath_wire::Time;

use crate::Component;

/// How long a datagram is held.
pub(crate) const HOLD: Duration = Duration::from_millis(200);

/// One held datagram; its bytes lie in the arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) at: Time,
    pub(crate) from: SocketAddr,
    pub(crate) component: Component,
    /// Whether the policy has seen it since signalling last spoke.
    pub(crate) judged: bool,
    start: u16,
    len: u16,
}

/// Whether a datagram was held, and at whose cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pushed {
    /// Held, and `lost` older ones gave up their places.
    Held { lost: u64 },
    /// Too long to be held.
    TooLong,
}

#[derive(Default)]
pub(crate) struct Early {
    store: Option<Box<Store>>,
}

struct Store {
    held: [Option<Held>; PACKETS],
    count: usize,
    arena: [u8; BYTES],
    used: usize,
    /// The one handed out last; its bytes go with the next call.
    taken: Option<usize>,
}

impl Early {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.store
            .as_ref()
            .map_or(0, |store| store.count - usize::from(store.taken.is_some()))
    }

    /// Holds a copy of `datagram`.
    pub(crate) fn push(
        &mut self,
        at: Time,
        component: Component,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Pushed {
        if datagram.len() > BYTES {
            return Pushed::TooLong;
        }
        self.sweep();
        let store = self.store.get_or_insert_with(Store::boxed);
        let mut lost = 0;
        while store.count == PACKETS || store.used + datagram.len() > BYTES {
            store.evict();
            lost += 1;
        }
        store.append(at, component, from, datagram);
        Pushed::Held { lost }
    }

    /// The held datagram `index`, oldest first, with its bytes.
    pub(crate) fn get(&self, index: usize) -> Option<(Held, &[u8])> {
        let store = self.store.as_ref()?;
        let held = store.held.get(index).copied().flatten()?;
        Some((held, &store.arena[held.range()]))
    }

    pub(crate) fn mark_judged(&mut self, index: usize) {
        if let Some(Some(held)) = self.store.as_mut().and_then(|s| s.held.get_mut(index)) {
            held.judged = true;
        }
    }

    /// Everything is to be judged again: signalling has spoken.
    pub(crate) fn mark_unjudged(&mut self) {
        self.sweep();
        if let Some(store) = &mut self.store {
            store
                .held
                .iter_mut()
                .flatten()
                .for_each(|held| held.judged = false);
        }
    }

    /// Hands out the bytes of `index` in place; they are gone after that.
    pub(crate) fn take(&mut self, index: usize) -> Option<&mut [u8]> {
        let store = self.store.as_mut()?;
        let held = store.held.get(index).copied().flatten()?;
        store.taken = Some(index);
        Some(&mut store.arena[held.range()])
    }

    pub(crate) fn remove(&mut self, index: usize) {
        if let Some(store) = &mut self.store {
            store.remove(index);
        }
        self.release_if_empty();
    }

    /// Forgets the datagram that [`take`](Self::take) handed out.
    pub(crate) fn sweep(&mut self) {
        if let Some(store) = &mut self.store
            && let Some(index) = store.taken.take()
        {
            store.remove(index);
        }
        self.release_if_empty();
    }

    /// Drops what was held for [`HOLD`] and says how many that were.
    pub(crate) fn expire(&mut self, now: Time) -> u64 {
        self.sweep();
        let mut expired = 0;
        while let Some((oldest, _)) = self.get(0)
            && now >= oldest.at + HOLD
        {
            self.remove(0);
            expired += 1;
        }
        expired
    }

    /// Drops everything and says how many that were.
    pub(crate) fn clear(&mut self) -> u64 {
        self.sweep();
        let count = self.len() as u64;
        self.store = None;
        count
    }

    /// When the oldest will have been held long enough.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.get(0).map(|(oldest, _)| oldest.at + HOLD)
    }

    fn release_if_empty(&mut self) {
        if self.store.as_ref().is_some_and(|store| store.count == 0) {
            self.store = None;
        }
    }
}

impl Store {
    fn boxed() -> Box<Store> {
        Box::new(Store {
            held: [None; PACKETS],
            count: 0,
            arena: [0; BYTES],
            used: 0,
            taken: None,
        })
    }

    fn append(&mut self, at: Time, component: Component, from: SocketAddr, datagram: &[u8]) {
        let (start, end) = (self.used, self.used + datagram.len());
        self.arena[start..end].copy_from_slice(datagram);
        self.held[self.count] = Some(Held {
            at,
            from,
            component,
            judged: true,
            start: start as u16,
            len: datagram.len() as u16,
        });
        self.count += 1;
        self.used = end;
    }

    fn evict(&mut self) {
        let holds = |ip| self.iter().filter(|held| held.from.ip() == ip).count();
        // `max_by_key` takes the last of equals; reversed, the oldest.
        let oldest_of_the_most = (0..self.count)
            .rev()
            .max_by_key(|&i| self.held[i].map_or(0, |h| holds(h.from.ip())));
        self.remove(oldest_of_the_most.unwrap_or(0));
    }

    fn remove(&mut self, index: usize) {
        let Some(gone) = self.held.get(index).copied().flatten() else {
            return;
        };
        self.arena
            .copy_within(gone.range().end..self.used, gone.range().start);
        self.held[index..].rotate_left(1);
        self.held[PACKETS - 1] = None;
        self.count -= 1;
        self.used -= usize::from(gone.len);
        self.held[index..]
            .iter_mut()
            .flatten()
            .for_each(|held| held.start -= gone.len);
    }

    fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().flatten()
    }
}

impl Held {
    fn range(&self) -> std::ops::Range<usize> {
        usize::from(self.start)..usize::from(self.start) + usize::from(self.len)
    }
}

/// Datagrams held at most: 200 ms of 20 ms packets, with RTCP and reordering.
const PACKETS: usize = 16;
/// Bytes held at most: 16 packets of 20 ms G.711 and room for reports.
const BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn from(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, host], port))
    }

    fn push(early: &mut Early, ms: u64, host: u8, byte: u8, len: usize) -> Pushed {
        early.push(
            Time::from_millis(ms),
            Component::Rtp,
            from(host, 4000),
            &vec![byte; len],
        )
    }

    fn contents(early: &Early) -> Vec<(u8, u8, usize)> {
        let host = |held: &Held| match held.from.ip() {
            std::net::IpAddr::V4(v4) => v4.octets()[3],
            std::net::IpAddr::V6(_) => 0,
        };
        (0..early.len())
            .map(|i| early.get(i).unwrap())
            .map(|(held, bytes)| {
                assert!(
                    bytes.iter().all(|b| *b == bytes[0]),
                    "bytes of two packets mixed"
                );
                (host(&held), bytes[0], bytes.len())
            })
            .collect()
    }

    #[test]
    fn a_flooder_pushes_out_its_own_and_nobody_elses() {
        let mut early = Early::default();
        for n in 0..3 {
            assert_eq!(
                push(&mut early, n, 1, n as u8, 172),
                Pushed::Held { lost: 0 }
            );
        }
        for n in 0..1000u64 {
            push(&mut early, 3 + n / 100, 2, n as u8, 172);
        }
        let held = contents(&early);
        assert_eq!(held.len(), PACKETS);
        assert_eq!(held[..3], [(1, 0, 172), (1, 1, 172), (1, 2, 172)]);
        assert_eq!(held[15], (2, 999u64 as u8, 172));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut early = Early::default();
        assert_eq!(push(&mut early, 0, 1, 1, BYTES + 1), Pushed::TooLong);
        assert_eq!(push(&mut early, 0, 1, 1, 3000), Pushed::Held { lost: 0 });
        assert_eq!(push(&mut early, 0, 1, 2, 3000), Pushed::Held { lost: 1 });
        assert_eq!(contents(&early), [(1, 2, 3000)]);
    }

    #[test]
    fn what_is_taken_out_of_the_middle_leaves_the_rest_intact() {
        let mut early = Early::default();
        for n in 0..4 {
            push(&mut early, n, 1, n as u8, 10 + n as usize);
        }
        assert_eq!(early.take(1).unwrap(), [1; 11]);
        assert_eq!(early.len(), 3);
        early.sweep();
        assert_eq!(contents(&early), [(1, 0, 10), (1, 2, 12), (1, 3, 13)]);
    }

    #[test]
    fn nothing_is_held_longer_than_200_ms_and_memory_goes_back() {
        let mut early = Early::default();
        push(&mut early, 0, 1, 0, 172);
        push(&mut early, 50, 1, 1, 172);
        assert_eq!(early.deadline(), Some(Time::from_millis(200)));
        assert_eq!(early.expire(Time::from_millis(199)), 0);
        assert_eq!(early.expire(Time::from_millis(200)), 1);
        assert_eq!(early.expire(Time::from_millis(250)), 1);
        assert!(early.is_empty() && early.store.is_none());
        assert_eq!(early.deadline(), None);
    }
}
