//! The wire log: every datagram that was sent in the world, and its fate.
//!
//! In: what the network says of each datagram. Out: [`Record`]s, and a 64-bit
//! hash of everything that a record holds, by which two runs are compared. Two
//! runs of one seed have the same log, byte for byte.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use talkpath_file::pcap::{PcapWriter, Precision};
use talkpath_wire::Time;

/// A datagram that was sent, and what became of it.
///
/// A datagram that the network doubles has two records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// When it was sent.
    pub sent: Time,
    /// The address of the socket that sent it, or the one it pretended to have.
    pub from: SocketAddr,
    /// Where it seems to come from, behind the sender's address translation.
    pub seen_from: SocketAddr,
    /// Where it was sent to.
    pub to: SocketAddr,
    /// The datagram.
    pub bytes: Arc<[u8]>,
    /// Whether it is the network's copy of the record before it.
    pub duplicate: bool,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is still on its way.
    InFlight,
    /// It was put into the queue of this socket.
    Delivered {
        /// When.
        at: Time,
        /// The socket's address, behind the receiver's address translation.
        to: SocketAddr,
    },
    /// The link lost it.
    Lost,
    /// The queue of a throttled link was full.
    LinkOverflow,
    /// The way is cut.
    Cut,
    /// No host has this address, or none that can be reached from there.
    NoRoute,
    /// The receiver's address translation did not let it in.
    BlockedByNat,
    /// No socket is bound to the port.
    PortClosed,
    /// The socket's queue was full.
    SocketOverflow,
}

/// What a world keeps of its wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogDetail {
    /// Every record, with its bytes.
    #[default]
    Records,
    /// Only the hash and the number of datagrams: for long runs.
    Hash,
}

/// The log itself.
#[derive(Debug)]
pub(crate) struct WireLog {
    detail: LogDetail,
    hash: Hash,
    count: u64,
    first_kept: u64,
    records: Vec<Record>,
}

/// A datagram's number in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket(u64);

impl WireLog {
    pub(crate) fn new() -> Self {
        let hash = Hash::default();
        WireLog {
            detail: LogDetail::Records,
            hash,
            count: 0,
            first_kept: 0,
            records: Vec::new(),
        }
    }

    /// Changes what is kept from now on; what was kept is forgotten when
    /// nothing more is to be.
    pub(crate) fn keep(&mut self, detail: LogDetail) {
        self.detail = detail;
        self.records.clear();
        self.first_kept = self.count;
    }

    /// How many datagrams were sent, copies included.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Hands out the oldest records, up to the first whose fate is open.
    pub(crate) fn take_settled(&mut self) -> Vec<Record> {
        let open = |record: &Record| record.fate == Fate::InFlight;
        let settled = self.records.iter().position(open);
        let settled = settled.unwrap_or(self.records.len());
        self.first_kept += settled as u64;
        self.records.drain(..settled).collect()
    }

    /// The records as a capture, in which each datagram has the addresses that
    /// it has between the translators of both ends; `epoch` is the time from
    /// 1 January 1970 to [`Time::ZERO`].
    pub(crate) fn pcap(&self, epoch: Duration) -> Vec<u8> {
        let mut writer = PcapWriter::new(Precision::Nanoseconds);
        let mut file = writer.header().to_vec();
        for record in &self.records {
            let time = epoch.saturating_add(record.sent.since_start());
            // What a spoofed datagram with addresses of two families gives is
            // no packet: a capture leaves it out.
            writer
                .datagram(time, record.seen_from, record.to, &record.bytes, &mut file)
                .ok();
        }
        file
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.0
    }

    /// Takes a datagram in.
    pub(crate) fn open(&mut self, record: Record) -> Ticket {
        let ticket = Ticket(self.count);
        self.count += 1;
        self.hash.number(record.sent.as_nanos());
        for address in [record.from, record.seen_from, record.to] {
            self.hash.address(address);
        }
        self.hash.number(record.bytes.len() as u64);
        self.hash.bytes(&record.bytes);
        if self.detail == LogDetail::Records {
            self.records.push(record);
        }
        ticket
    }

    /// Says what became of it.
    pub(crate) fn close(&mut self, ticket: Ticket, fate: Fate) {
        self.hash.number(ticket.0);
        self.hash.number(fate.code());
        if let Fate::Delivered { at, to } = fate {
            self.hash.number(at.as_nanos());
            self.hash.address(to);
        }
        let kept = ticket
            .0
            .checked_sub(self.first_kept)
            .and_then(|i| usize::try_from(i).ok());
        if let Some(record) = kept.and_then(|index| self.records.get_mut(index)) {
            record.fate = fate;
        }
    }
}

impl Fate {
    fn code(self) -> u64 {
        match self {
            Fate::InFlight => 0,
            Fate::Delivered { .. } => 1,
            Fate::Lost => 2,
            Fate::LinkOverflow => 3,
            Fate::Cut => 4,
            Fate::NoRoute => 5,
            Fate::BlockedByNat => 6,
            Fate::PortClosed => 7,
            Fate::SocketOverflow => 8,
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {} -> {}, {} bytes",
            self.sent,
            self.from,
            self.to,
            self.bytes.len()
        )?;
        write!(f, ": {:?}", self.fate)
    }
}

/// FNV-1a, eight bytes a step where it can: told apart, not kept secret.
#[derive(Debug)]
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Hash(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn number(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x0000_0100_0000_01b3);
        // FNV alone never moves a high bit down.
        self.0 = mixed ^ (mixed >> 29);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.number(u64::from_le_bytes(word));
        }
    }

    fn address(&mut self, address: SocketAddr) {
        match address {
            SocketAddr::V4(v4) => self.bytes(&v4.ip().octets()),
            SocketAddr::V6(v6) => self.bytes(&v6.ip().octets()),
        }
        self.number(u64::from(address.port()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: &[u8], port: u16) -> Record {
        let address = |port| SocketAddr::from(([10, 0, 0, 1], port));
        Record {
            sent: Time::from_millis(20),
            from: address(port),
            seen_from: address(port),
            to: address(2),
            bytes: bytes.into(),
            duplicate: false,
            fate: Fate::InFlight,
        }
    }

    fn hash_of(bytes: &[u8], port: u16, fate: Fate) -> u64 {
        let mut log = WireLog::new();
        let ticket = log.open(record(bytes, port));
        log.close(ticket, fate);
        log.hash()
    }

    #[test]
    fn every_part_of_a_record_reaches_the_hash() {
        let base = hash_of(b"hello, world", 1, Fate::Lost);
        assert_eq!(base, hash_of(b"hello, world", 1, Fate::Lost));
        assert_ne!(base, hash_of(b"hello, worlt", 1, Fate::Lost));
        assert_ne!(base, hash_of(b"hello, world\0", 1, Fate::Lost));
        assert_ne!(base, hash_of(b"hello, world", 3, Fate::Lost));
        assert_ne!(base, hash_of(b"hello, world", 1, Fate::Cut));
        let to = SocketAddr::from(([10, 0, 0, 1], 2));
        let delivered = |ms| Fate::Delivered {
            at: Time::from_millis(ms),
            to,
        };
        assert_ne!(
            hash_of(b"x", 1, delivered(1)),
            hash_of(b"x", 1, delivered(2))
        );
    }

    #[test]
    fn without_records_the_hash_is_the_same() {
        let run = |detail| {
            let mut log = WireLog::new();
            log.keep(detail);
            let tickets: Vec<_> = (0..9).map(|i| log.open(record(b"x", i))).collect();
            tickets
                .into_iter()
                .rev()
                .for_each(|ticket| log.close(ticket, Fate::Lost));
            (log.hash(), log.count(), log.records().len())
        };
        let (full, short) = (run(LogDetail::Records), run(LogDetail::Hash));
        assert_eq!((full.0, full.1), (short.0, short.1));
        assert_eq!((full.2, short.2), (9, 0));
    }

    #[test]
    fn settled_records_are_taken_up_to_the_first_open_one() {
        let mut log = WireLog::new();
        let tickets: Vec<_> = (0..3).map(|port| log.open(record(b"x", port))).collect();
        log.close(tickets[0], Fate::Lost);
        log.close(tickets[2], Fate::Cut);
        assert_eq!(log.take_settled().len(), 1);
        log.close(tickets[1], Fate::PortClosed);
        let fates: Vec<_> = log.take_settled().iter().map(|taken| taken.fate).collect();
        assert_eq!(fates, [Fate::PortClosed, Fate::Cut]);
        assert!(log.records().is_empty());
    }

    #[test]
    fn a_fate_finds_its_record_after_a_change_of_detail() {
        let mut log = WireLog::new();
        let before = log.open(record(b"old", 1));
        log.keep(LogDetail::Records);
        let after = log.open(record(b"new", 1));
        log.close(before, Fate::Cut);
        log.close(after, Fate::Lost);
        assert_eq!(log.records().len(), 1);
        assert_eq!(log.records()[0].fate, Fate::Lost);
    }
}
