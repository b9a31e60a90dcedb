//! The bad line between the sockets of a task and the task.
//!
//! In: datagrams as they arrive, the clock. Out: those that are not lost, when
//! they are due. Each socket has its own luck, drawn three times for every
//! datagram whatever is wanted, so that more loss changes nothing about the
//! delays. At most [`MOST`] datagrams wait; what comes while they do is lost.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use talkpath_media::SocketKey;
use talkpath_wire::Time;

use super::{Impairments, Tally};
use crate::driver::{Batch, Datagram};

/// The line of one task.
pub(super) struct Line {
    arrivals: Batch,
    lanes: BTreeMap<SocketKey, Lane>,
    queue: Queue,
    impairments: Impairments,
    seed: u64,
    /// Sockets adopted so far.
    opened: u64,
    tally: Arc<Tally>,
}

/// The part of a line that one socket has.
struct Lane {
    chance: Chance,
    /// When the last one that waits, or waited, is due: nobody overtakes it.
    last_due: Time,
    /// The one that lets the next one pass.
    held: Option<Waiting>,
}

/// Datagrams by the moment they are due, then in the order they were put in.
#[derive(Default)]
struct Queue {
    waiting: BinaryHeap<Reverse<Waiting>>,
    put: u64,
    /// Buffers that held datagrams before.
    spare: Vec<Vec<u8>>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Time,
    order: u64,
    socket: SocketKey,
    arrived: Time,
    from: SocketAddr,
    bytes: Vec<u8>,
    /// It did not fit its slot.
    is_cut: bool,
}

impl Line {
    pub(super) fn new(impairments: Impairments, seed: u64, tally: Arc<Tally>) -> Self {
        Line {
            arrivals: Batch::new(ARRIVALS),
            lanes: BTreeMap::new(),
            queue: Queue::default(),
            impairments,
            seed,
            opened: 0,
            tally,
        }
    }

    pub(super) fn open(&mut self, socket: SocketKey) {
        self.opened += 1;
        let lane = Lane {
            chance: Chance::new(self.seed, self.opened),
            last_due: Time::ZERO,
            held: None,
        };
        self.lanes.insert(socket, lane);
    }

    pub(super) fn close(&mut self, socket: SocketKey) {
        self.lanes.remove(&socket);
        let of_others = |waiting: &Reverse<Waiting>| waiting.0.socket != socket;
        self.queue.waiting.retain(of_others);
    }

    /// Where datagrams are put that come from the sockets.
    pub(super) fn arrivals(&mut self) -> &mut Batch {
        &mut self.arrivals
    }

    /// Decides the fates of what has arrived.
    pub(super) fn take(&mut self, now: Time) {
        let (lanes, queue) = (&mut self.lanes, &mut self.queue);
        let (impairments, tally) = (&self.impairments, &*self.tally);
        self.arrivals.drain(|datagram| {
            let Some(lane) = lanes.get_mut(&datagram.socket) else {
                return;
            };
            if datagram.bytes.as_deref().is_some_and(is_rtcp) {
                let waiting = queue.hold(now, Duration::ZERO, &datagram);
                queue.put(waiting);
            } else {
                lane.take(now, &datagram, impairments, queue, tally);
            }
        });
    }

    /// Puts what is due into `batch`, until it is full.
    pub(super) fn deliver(&mut self, now: Time, batch: &mut Batch) {
        for lane in self.lanes.values_mut() {
            if lane.held.as_ref().is_some_and(|held| held.due <= now) {
                lane.let_go(now, &mut self.queue);
            }
        }
        while !batch.is_full() {
            let Some(waiting) = self.queue.next(now) else {
                return;
            };
            self.tally.delay(now.saturating_since(waiting.arrived));
            // There is a free slot.
            let _ = batch.fill(waiting.socket, |slot| waiting.copy_to(slot));
            self.queue.spare.push(waiting.bytes);
        }
    }

    /// What went wrong so far, on all lines that share the tally.
    #[cfg(test)]
    pub(super) fn harm(&self) -> super::Harm {
        self.tally.read()
    }

    /// When the next datagram is due.
    pub(super) fn next_due(&self) -> Option<Time> {
        let held = self.lanes.values().filter_map(|lane| lane.held.as_ref());
        let waiting = self.queue.waiting.peek().map(|waiting| &waiting.0);
        held.chain(waiting).map(|waiting| waiting.due).min()
    }
}

impl Lane {
    fn take(
        &mut self,
        now: Time,
        datagram: &Datagram<'_>,
        impairments: &Impairments,
        queue: &mut Queue,
        tally: &Tally,
    ) {
        Tally::count(&tally.arrived);
        let [loss, delay, reorder] = [(); 3].map(|()| self.chance.draw());
        if loss < impairments.loss || queue.is_full() {
            Tally::count(&tally.lost);
            return;
        }
        let mut waiting = queue.hold(now, impairments.jitter.mul_f64(delay), datagram);
        waiting.due = waiting.due.max(self.last_due);
        if reorder < impairments.reorder && self.held.is_none() {
            waiting.due += LONGEST_HOLD;
            self.held = Some(waiting);
            return;
        }
        let due = waiting.due;
        self.last_due = due;
        queue.put(waiting);
        if self.let_go(due, queue) {
            Tally::count(&tally.reordered);
        }
    }

    /// Lets what is held go on, at `due`; tells whether anything was.
    fn let_go(&mut self, due: Time, queue: &mut Queue) -> bool {
        let held = self.held.take();
        let is_held = held.is_some();
        self.last_due = self.last_due.max(due);
        held.into_iter()
            .for_each(|held| queue.put(Waiting { due, ..held }));
        is_held
    }
}

impl Queue {
    /// A copy of `datagram` that is due after `delay`.
    fn hold(&mut self, now: Time, delay: Duration, datagram: &Datagram<'_>) -> Waiting {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(datagram.bytes.as_deref().unwrap_or_default());
        Waiting {
            due: now + delay,
            order: 0,
            socket: datagram.socket,
            arrived: now,
            from: datagram.from,
            bytes,
            is_cut: datagram.bytes.is_none(),
        }
    }

    fn put(&mut self, waiting: Waiting) {
        let order = self.put;
        self.put += 1;
        self.waiting.push(Reverse(Waiting { order, ..waiting }));
    }

    fn next(&mut self, now: Time) -> Option<Waiting> {
        let first = &self.waiting.peek()?.0;
        if first.due > now {
            return None;
        }
        self.waiting.pop().map(|first| first.0)
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= MOST
    }
}

impl Waiting {
    /// As a socket hands it over: its length and where it is from.
    fn copy_to(&self, slot: &mut [u8]) -> std::io::Result<(usize, SocketAddr)> {
        if self.is_cut {
            return Ok((Batch::SLOT, self.from));
        }
        let into = slot.iter_mut().zip(&self.bytes);
        into.for_each(|(slot, byte)| *slot = *byte);
        Ok((self.bytes.len(), self.from))
    }
}

/// RFC 5761 §4: of version 2, packet types 192 to 223.
fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80..=0xbf, 192..=223, ..])
}

/// Luck from a seed (SplitMix64, by Steele, Lea and Flood).
struct Chance(u64);

impl Chance {
    /// One of many independent streams of `seed`.
    fn new(seed: u64, stream: u64) -> Self {
        let mut chance = Chance(seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        Chance(chance.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly in 0..1.
    fn draw(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Datagrams taken from the sockets in one go.
const ARRIVALS: usize = 64;
/// Datagrams that wait at most: 20 s of a call.
const MOST: usize = 1024;
/// How long one waits at most for the next one to overtake it.
const LONGEST_HOLD: Duration = Duration::from_millis(200);
