//! Packets in the order in which they were sent.
//!
//! In: packets as they come. Out: packets in order, and gaps once it is certain
//! enough that what is missing will not come: 64 packets or 300 ms later. Holds
//! up to 512 packets and 1 MiB; memory is taken as it is needed, and kept.

use std::time::Duration;

use talkpath_wire::{ExtSeq, RtpTime, Time};

use super::frame::VideoPacket;

/// Packets that wait for those before them.
#[derive(Clone, Debug)]
pub(super) struct Reorder {
    /// By sequence number modulo their count: where the packet is held, plus 1.
    index: Box<[u16; WINDOW]>,
    held: Vec<Held>,
    free: Vec<u16>,
    bytes: usize,
    /// The packet that is due; none before the first.
    next: Option<ExtSeq>,
    highest: ExtSeq,
    /// Since when a later packet is there but not the one that is due.
    waiting: Option<Time>,
    /// Packets given up that were not told of yet.
    gap: u64,
}

#[derive(Clone, Debug)]
struct Held {
    timestamp: RtpTime,
    marker: bool,
    payload: Vec<u8>,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Kept,
    /// It came twice, or after it was given up.
    Late,
    /// There is no room for it: it counts as lost.
    Full,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// [`Reorder::packet`] has it.
    Packet,
    /// So many packets were lost.
    Gap(u64),
    /// Nothing yet.
    Nothing,
}

impl Reorder {
    pub(super) fn new() -> Self {
        Self {
            index: Box::new([0; WINDOW]),
            held: Vec::new(),
            free: Vec::new(),
            bytes: 0,
            next: None,
            highest: ExtSeq::default(),
            waiting: None,
            gap: 0,
        }
    }

    pub(super) fn push(&mut self, now: Time, packet: &VideoPacket<'_>) -> Pushed {
        let next = *self.next.get_or_insert(packet.seq);
        let ahead = packet.seq.distance_from(next);
        if ahead < 0 || self.slot(packet.seq).is_some_and(|_| ahead < WINDOW as i64) {
            return Pushed::Late;
        }
        if ahead >= WINDOW as i64 {
            self.jump(packet.seq);
        }
        if self.bytes + packet.payload.len() > MAX_BYTES {
            return Pushed::Full;
        }
        self.keep(packet);
        self.highest = self.highest.max(packet.seq);
        self.watch(now);
        Pushed::Kept
    }

    /// What comes next; a packet stays until it is [`dropped`](Self::drop_packet).
    pub(super) fn next(&mut self, now: Time) -> Next {
        if self.gap > 0 {
            return Next::Gap(std::mem::take(&mut self.gap));
        }
        let Some(next) = self.next else {
            return Next::Nothing;
        };
        if self.slot(next).is_some() {
            return Next::Packet;
        }
        let Some(since) = self.waiting else {
            return Next::Nothing;
        };
        let behind = self.highest.distance_from(next);
        if behind < PATIENCE_PACKETS && now.saturating_since(since) < PATIENCE {
            return Next::Nothing;
        }
        let later = (1..=WINDOW as u64).find(|&step| self.slot(next.plus(step)).is_some());
        let lost = later.unwrap_or(1);
        self.next = Some(next.plus(lost));
        self.waiting = None;
        self.watch(now);
        Next::Gap(lost)
    }

    /// The packet that is due, if it is there.
    pub(super) fn packet(&self) -> Option<VideoPacket<'_>> {
        let seq = self.next?;
        let held = &self.held[self.slot(seq)?];
        Some(VideoPacket {
            seq,
            timestamp: held.timestamp,
            marker: held.marker,
            payload: &held.payload,
        })
    }

    /// Lets go of the packet that is due.
    pub(super) fn drop_packet(&mut self, now: Time) {
        if let Some(next) = self.next {
            self.release(next);
            self.next = Some(next.plus(1));
            self.waiting = None;
            self.watch(now);
        }
    }

    /// When the missing packet is given up.
    pub(super) fn deadline(&self) -> Option<Time> {
        Some(self.waiting? + PATIENCE)
    }

    /// Begins to wait where a packet is there but not the one that is due.
    fn watch(&mut self, now: Time) {
        let due = self.next.is_some_and(|next| self.slot(next).is_some());
        let any = self.held.len() > self.free.len();
        self.waiting = match self.waiting {
            _ if due || !any => None,
            since => since.or(Some(now)),
        };
    }

    /// Gives up all that is before `seq`, which is far ahead.
    fn jump(&mut self, seq: ExtSeq) {
        let next = self.next.unwrap_or(seq);
        for step in 0..WINDOW as u64 {
            self.release(next.plus(step));
        }
        self.gap += seq.distance_from(next).unsigned_abs();
        self.next = Some(seq);
        self.waiting = None;
    }

    fn keep(&mut self, packet: &VideoPacket<'_>) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.held.push(Held {
                timestamp: RtpTime::default(),
                marker: false,
                payload: Vec::with_capacity(USUAL_PACKET),
            });
            (self.held.len() - 1) as u16 // at most WINDOW
        });
        let held = &mut self.held[usize::from(slot)];
        held.timestamp = packet.timestamp;
        held.marker = packet.marker;
        held.payload.extend_from_slice(packet.payload);
        self.bytes += packet.payload.len();
        self.index[place(packet.seq)] = slot + 1;
    }

    fn release(&mut self, seq: ExtSeq) {
        let slot = std::mem::take(&mut self.index[place(seq)]);
        let Some(slot) = slot.checked_sub(1) else {
            return;
        };
        let payload = &mut self.held[usize::from(slot)].payload;
        self.bytes -= payload.len();
        payload.clear();
        payload.shrink_to(USUAL_PACKET);
        self.free.push(slot);
    }

    /// Where a packet within the window is held.
    fn slot(&self, seq: ExtSeq) -> Option<usize> {
        self.index[place(seq)].checked_sub(1).map(usize::from)
    }
}

fn place(seq: ExtSeq) -> usize {
    (seq.value() % WINDOW as u64) as usize
}

/// Packets that may be held: 512 of 1,200 bytes are a second of 5 Mbit/s.
pub(super) const WINDOW: usize = 512;
/// Bytes that may be held.
const MAX_BYTES: usize = 1 << 20;
/// What a packet over Ethernet has room for.
const USUAL_PACKET: usize = 1_500;
/// Packets that overtake another before that is given up.
const PATIENCE_PACKETS: i64 = 64;
/// How long it is waited for a packet that others overtook.
const PATIENCE: Duration = Duration::from_millis(300);
