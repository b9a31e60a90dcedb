//! A session's datagrams on their way into a pcap file.
//!
//! In: every datagram that its worker received for it or sent for it, with both
//! addresses. Out: a capture that any analyser reads. A full track loses
//! datagrams, counted; it never holds one up.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};
use talkpath_file::pcap::{PcapWriter, Precision};
use talkpath_wire::Time;

use super::target::Target;
use super::{Control, Ending, FileDone, FileError, FileFault};
use crate::driver::{Driver, Existing};

/// Makes a track for the datagrams of a session; of those that come while
/// `control` is paused, none gets into it.
pub(crate) fn packet_track(control: Option<&Arc<Control>>) -> (PacketTap, Consumer<u8>) {
    let (bytes, consumer) = RingBuffer::new(TRACK);
    let tap = PacketTap {
        bytes,
        lost: Arc::default(),
        control: control.cloned(),
    };
    (tap, consumer)
}

/// The worker's end of the track.
#[derive(Debug)]
pub(crate) struct PacketTap {
    bytes: Producer<u8>,
    /// Datagrams that did not fit.
    lost: Arc<AtomicU64>,
    control: Option<Arc<Control>>,
}

impl PacketTap {
    /// How many datagrams did not fit, to be read by whoever reads the track.
    pub(crate) fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lost)
    }

    /// Adds a datagram, if there is room; false once nobody reads any more.
    pub(crate) fn write(
        &mut self,
        at: Time,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
    ) -> bool {
        let header = Header {
            at,
            from,
            to,
            len: payload.len() as u16,
        }
        .to_bytes();
        if self
            .control
            .as_ref()
            .is_some_and(|control| control.is_paused())
        {
            return !self.bytes.is_abandoned();
        }
        if let Ok(chunk) = self.bytes.write_chunk_uninit(header.len() + payload.len()) {
            chunk.fill_from_iter(header.iter().chain(payload).copied());
        } else {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        !self.bytes.is_abandoned()
    }
}

/// One capture being written.
pub(crate) struct PacketWriter {
    target: Target,
    pcap: PcapWriter,
    track: Consumer<u8>,
    lost: Arc<AtomicU64>,
    control: Arc<Control>,
    /// The wall clock at the world's beginning, since 1970.
    zero: Duration,
    first: Option<Time>,
    last: Time,
    bytes: Vec<u8>,
}

impl PacketWriter {
    /// Creates the file that `control` is for, with its header.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be created there.
    pub(crate) fn create(
        driver: &Arc<dyn Driver>,
        (track, lost): (Consumer<u8>, Arc<AtomicU64>),
        existing: Existing,
        control: &Arc<Control>,
    ) -> Result<Self, FileError> {
        let pcap = PcapWriter::new(Precision::Nanoseconds);
        let target = Target::create(driver, control.path(), existing, &pcap.header())?;
        Ok(PacketWriter {
            target,
            pcap,
            track,
            lost,
            control: Arc::clone(control),
            zero: driver.wall_clock_at_zero().since_1970(),
            first: None,
            last: Time::ZERO,
            bytes: Vec::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.target.path()
    }

    /// Writes what has come; what it came to, once the capture is over.
    pub(super) fn step(&mut self, ending: Ending) -> Option<FileDone> {
        let over =
            ending == Ending::Now || self.control.stop.is_asked() || self.track.is_abandoned();
        self.collect();
        let mut written = self.target.append(&self.bytes);
        self.bytes.clear();
        if over && written.is_ok() {
            written = self.target.finish();
        }
        if written.is_err() {
            // What was whole before stays, under its name if it can be had.
            let _ = self.target.tidy();
            let _ = self.target.finish();
        }
        let error = written.err().map(FileFault::from);
        (over || error.is_some()).then(|| FileDone {
            length: self.last - self.first.unwrap_or(self.last),
            lost_datagrams: self.lost.load(Ordering::Relaxed),
            error,
            ..FileDone::of(self.path())
        })
    }

    fn collect(&mut self) {
        let mut payload = Vec::new();
        while let Some(header) = read_datagram(&mut self.track, &mut payload) {
            self.first.get_or_insert(header.at);
            self.last = header.at;
            let at = self.zero + header.at.since_start();
            // Too long for a datagram: none that we received or sent is.
            let _ = self
                .pcap
                .datagram(at, header.from, header.to, &payload, &mut self.bytes);
        }
    }
}

/// Takes the oldest datagram out of a track, if one is there.
pub(crate) fn read_datagram(track: &mut Consumer<u8>, payload: &mut Vec<u8>) -> Option<Header> {
    let mut bytes = [0; Header::LEN];
    track.pop_entire_slice(&mut bytes).ok()?;
    let header = Header::from_bytes(&bytes);
    payload.resize(usize::from(header.len), 0);
    // Header and payload are added in one piece.
    track.pop_entire_slice(payload).ok()?;
    Some(header)
}

/// What stands before a datagram in the track.
pub(crate) struct Header {
    pub(crate) at: Time,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    len: u16,
}

impl Header {
    const LEN: usize = 8 + 18 + 18 + 2;

    fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.at.as_nanos().to_be_bytes());
        for (start, address) in [(8, self.from), (26, self.to)] {
            let ip = match address.ip() {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            bytes[start..start + 16].copy_from_slice(&ip.octets());
            bytes[start + 16..start + 18].copy_from_slice(&address.port().to_be_bytes());
        }
        bytes[44..].copy_from_slice(&self.len.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let address = |start: usize| {
            let mut octets = [0; 16];
            octets.copy_from_slice(&bytes[start..start + 16]);
            let port = u16::from_be_bytes([bytes[start + 16], bytes[start + 17]]);
            SocketAddr::new(Ipv6Addr::from(octets).to_canonical(), port)
        };
        let mut nanos = [0; 8];
        nanos.copy_from_slice(&bytes[..8]);
        Header {
            at: Time::from_nanos(u64::from_be_bytes(nanos)),
            from: address(8),
            to: address(26),
            len: u16::from_be_bytes([bytes[44], bytes[45]]),
        }
    }
}

/// Bytes between a worker and the file: a second of 20 streams of G.711.
const TRACK: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were() {
        let header = Header {
            at: Time::from_millis(7),
            from: SocketAddr::from(([10, 0, 0, 7], 4000)),
            to: "[2001:db8::1]:5000".parse().unwrap(),
            len: 172,
        };
        let read = Header::from_bytes(&header.to_bytes());
        assert_eq!(
            (read.at, read.from, read.to, read.len),
            (header.at, header.from, header.to, 172)
        );
    }
}
