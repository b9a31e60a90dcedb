//! What a capture of packets holds: its RTP streams, and how they sound.
//!
//! In: the bytes of a pcap file, and the session descriptions of its calls
//! where there are any. Out: for each stream its addresses, formats, losses,
//! jitter, digits, what RTCP said of it, its quality; and its sound, as the
//! receiver of a call would have played it out. Nothing is sent, and no clock
//! but the capture's is read.
//!
//! What is RTP is found by its numbers, as a capture does not say: RFC 3550
//! A.1. Left out: encrypted media, whose headers are read and nothing else.

mod listen;
mod names;
mod rtcp;
mod sift;
#[cfg(test)]
mod tests;
mod tones;

use std::net::SocketAddr;
use std::time::Duration;

use talkpath_audio::SampleRate;
use talkpath_file::pcap::PcapReader;
use talkpath_media::quality::{BurstMetrics, Quality};
use talkpath_sdp::SessionDescription;
use talkpath_wire::{Format, PayloadType, Ssrc};

pub use names::Named;
pub use rtcp::{Told, ToldBy};
pub use talkpath_file::pcap::{PcapError, Skip};
pub use talkpath_media::dtmf::{Carriage, Digit, Press};
pub use talkpath_media::playout::PlayoutStats;

use listen::Budget;
use names::Names;
use sift::Sieve;

/// Looks into captures.
///
/// ```
/// use talkpath::probe::{PcapError, Probe};
/// # let capture = talkpath_file::pcap::PcapWriter::new(
/// #     talkpath_file::pcap::Precision::Microseconds).header();
/// let found = Probe::new().look(&capture)?;
/// for stream in &found.streams {
///     println!("{} -> {}: {} packets, {} lost", stream.from, stream.to, stream.packets, stream.lost);
/// }
/// # assert!(found.streams.is_empty());
/// # Ok::<(), PcapError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Probe {
    names: Names,
}

impl Probe {
    /// A probe that knows the static payload types (RFC 3551 §6).
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the names of payload types from a description of the call; the
    /// first one that names a number wins.
    #[must_use]
    pub fn describe(mut self, description: &SessionDescription) -> Self {
        self.names.learn(description);
        self
    }

    /// Finds and judges the streams of a capture.
    ///
    /// # Errors
    /// [`PcapError`] when it is none. One that is cut is read up to there, which
    /// [`Found::cut`] tells.
    pub fn look(&self, capture: &[u8]) -> Result<Found, PcapError> {
        self.listen(capture, &mut |_, _, _| {})
    }

    /// The same, and gives what each stream sounds like: the index of the
    /// stream in [`Found::streams`], 20 ms of mono samples, and their rate.
    /// Streams come one after the other, each from its first packet on. A rate
    /// changes when the codec does.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub fn listen(
        &self,
        capture: &[u8],
        heard: &mut dyn FnMut(usize, &[i16], SampleRate),
    ) -> Result<Found, PcapError> {
        let mut sieve = Sieve::new();
        let mut reader = PcapReader::new(capture)?;
        let mut cut = None;
        for datagram in &mut reader {
            match datagram {
                Ok(datagram) => sieve.take(&datagram),
                Err(error) => cut = Some(error),
            }
        }
        let mut budget = Budget::new();
        let sifted = sieve.finish(&self.names);
        let streams = sifted.streams.iter().enumerate();
        let streams = streams.map(|(index, stream)| {
            let mut hear = |pcm: &[i16], rate| heard(index, pcm, rate);
            let told = sifted.rtcp.of(stream.ssrc);
            listen::listen(stream, &self.names, told, &mut budget, &mut hear)
        });
        Ok(Found {
            streams: streams.collect(),
            began: sifted.began,
            lasted: sifted.lasted,
            datagrams: sifted.datagrams,
            rtcp: sifted.rtcp.datagrams,
            other: sifted.other,
            skipped: reader.skipped(),
            last_skip: reader.last_skip(),
            cut,
        })
    }
}

/// What a capture holds.
#[derive(Clone, Debug)]
pub struct Found {
    /// The RTP streams, in the order in which they began.
    pub streams: Vec<Stream>,
    /// When the first datagram was captured, since the Unix epoch.
    pub began: Duration,
    /// From the first datagram to the last.
    pub lasted: Duration,
    /// UDP datagrams.
    pub datagrams: u64,
    /// Datagrams of RTCP.
    pub rtcp: u64,
    /// Datagrams that are neither RTP nor RTCP.
    pub other: u64,
    /// Packets that are no whole UDP datagram.
    pub skipped: u64,
    /// Why the last of those was passed over.
    pub last_skip: Option<Skip>,
    /// Where the capture breaks off, and why.
    pub cut: Option<PcapError>,
}

/// One RTP stream: a source on its way from one address to another.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Where it comes from.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// Its source.
    pub ssrc: Ssrc,
    /// Its first packet, since the first datagram of the capture.
    pub began: Duration,
    /// From its first packet to its last.
    pub lasted: Duration,
    /// Its payload types, the most frequent first.
    pub payloads: Vec<Payload>,
    /// RTP packets, duplicates included.
    pub packets: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// Packets that came too late for our playout.
    pub discarded: u64,
    /// Times that numbers or timestamps began anew.
    pub restarts: u64,
    /// How much a packet holds, if that was the same twice in a row.
    pub packet_time: Option<Duration>,
    /// Interarrival jitter at the end (RFC 3550 A.8).
    pub jitter: Duration,
    /// The most that it was.
    pub most_jitter: Duration,
    /// Bursts and gaps of its losses (RFC 3611 §4.7.2).
    pub losses: BurstMetrics,
    /// How good it sounds, by the E-model, the delay of the network left out;
    /// none for what is not known to be speech.
    pub quality: Option<Quality>,
    /// Our playout of it, if its sound can be decoded.
    pub playout: Option<PlayoutStats>,
    /// The digits pressed in it; their times are since the capture's first
    /// datagram.
    pub digits: Vec<Press>,
    /// How they travelled: as events (RFC 4733) where the stream has any, else
    /// as tones in its sound.
    pub carriage: Carriage,
    /// What RTCP said of it.
    pub told: Told,
    /// How it went, every 100 ms.
    pub course: Vec<Moment>,
    /// Whether it was longer than is decoded: what comes after a day, or after
    /// two days of all streams together, is counted and not heard.
    pub is_cut_short: bool,
}

impl Stream {
    /// The format of most of its packets, digits and noise aside.
    pub fn format(&self) -> Option<&Format> {
        let formats = self.payloads.iter().filter_map(|it| it.format.as_ref());
        let mut all = formats.clone();
        let sound = all.find(|format| !format.is_telephone_event() && !format.is("CN"));
        sound.or_else(|| formats.clone().next())
    }

    /// Packets that should have come.
    pub fn expected(&self) -> u64 {
        self.losses.packets
    }
}

/// One payload type of a stream.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The number in the packets.
    pub number: PayloadType,
    /// What it stands for, if that is known.
    pub format: Option<Format>,
    /// How that is known.
    pub named: Named,
    /// Packets that bear it.
    pub packets: u64,
}

/// A stream at one moment; counts are of everything up to then.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Moment {
    /// Since the stream's first packet.
    pub at: Duration,
    /// Interarrival jitter.
    pub jitter: Duration,
    /// The most that waited in playout since the moment before.
    pub depth: Duration,
    /// The delay that playout means to add.
    pub target: Duration,
    /// Packets that came.
    pub packets: u64,
    /// Packets that are missing.
    pub lost: u64,
    /// Packets that came too late.
    pub discarded: u64,
    /// Sound that was made up.
    pub concealed: Duration,
}
