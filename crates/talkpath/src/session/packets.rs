//! A session's packets as an application watches them come and go.
//!
//! In: the track that the worker writes datagrams into. Out: when, from where,
//! to where, and what the header says (RFC 3550 §5.1). The track is bounded: who
//! looks too seldom misses packets, and none is ever held up for it.

use std::fmt;
use std::net::SocketAddr;

use rtrb::Consumer;
use talkpath_media::StreamIndex;
use talkpath_transport::{Class, classify};
use talkpath_wire::{PayloadType, RtpPacket, RtpTime, Seq, Ssrc, Time};

use super::Core;
use crate::error::SessionError;
use crate::files::{packet_track, read_datagram};
use crate::worker::{Command, End};

/// The packets of a session, sent and received, from when it was asked for
/// them.
///
/// A second of twenty streams fits; what comes while it is full is missed.
/// Dropping it ends the watching.
///
/// ```
/// # use talkpath::{Audio, Codec, MediaManager, PacketKind};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25800..=25900).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
/// # caller.apply_answer(&answer)?;
/// let mut packets = caller.packets()?;
/// while let Some(packet) = packets.try_next() {
///     if let PacketKind::Rtp { seq, .. } = packet.kind {
///         println!("{} to {}: number {}", packet.from, packet.to, seq.value());
///     }
/// }
/// # drop(callee);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Packets {
    track: Consumer<u8>,
    datagram: Vec<u8>,
}

/// A packet that was sent or received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet {
    /// When it left, or came.
    pub at: Time,
    /// Where it came from: our own address if we sent it.
    pub from: SocketAddr,
    /// Where it was sent to.
    pub to: SocketAddr,
    /// What it is.
    pub kind: PacketKind,
}

/// What a packet is, by its header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PacketKind {
    /// Media.
    Rtp {
        /// Its source.
        ssrc: Ssrc,
        /// Its number.
        seq: Seq,
        /// The moment of its first sample, in units of the RTP clock.
        timestamp: RtpTime,
        /// What it holds.
        payload_type: PayloadType,
        /// Whether it begins a talkspurt.
        marker: bool,
        /// Bytes of its payload.
        payload_len: usize,
    },
    /// Reports and goodbyes.
    Rtcp,
    /// Anything else.
    Other,
}

/// Watches the packets of a session.
pub(super) fn watch(core: &Core) -> Result<Packets, SessionError> {
    drop(core.open_state()?);
    let place = core.reserve()?;
    let (tap, track) = packet_track(None);
    place.send(Command::Attach {
        session: core.id,
        stream: StreamIndex(0),
        end: End::Packets(tap),
        farewell: None,
    });
    Ok(Packets {
        track,
        datagram: Vec::new(),
    })
}

impl Packets {
    /// The oldest packet that was not taken yet; none when there is none.
    pub fn try_next(&mut self) -> Option<Packet> {
        let header = read_datagram(&mut self.track, &mut self.datagram)?;
        Some(Packet {
            at: header.at,
            from: header.from,
            to: header.to,
            kind: kind_of(&self.datagram),
        })
    }
}

fn kind_of(datagram: &[u8]) -> PacketKind {
    match classify(datagram) {
        Some(Class::Rtp) => {
            RtpPacket::parse(datagram).map_or(PacketKind::Other, |packet| PacketKind::Rtp {
                ssrc: packet.ssrc(),
                seq: packet.seq(),
                timestamp: packet.timestamp(),
                payload_type: packet.payload_type(),
                marker: packet.marker(),
                payload_len: packet.payload().len(),
            })
        }
        Some(Class::Rtcp) => PacketKind::Rtcp,
        _ => PacketKind::Other,
    }
}

impl fmt::Debug for Packets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packets").finish_non_exhaustive()
    }
}
