//! How the numbers of a relayed source become ours.
//!
//! In: its packets. Out: their SSRC, sequence number and timestamp on the way
//! out. A source whose numbers nothing else has used passes untouched; one that
//! goes on where something else has spoken is shifted by constants, so that
//! loss, order and timing stay what they were (RFC 3550 §7.1). Who may choose
//! is the [`Sender`](super::Sender), sole owner of its numbers.

use talkpath_wire::{RtpPacket, RtpTime, Seq, Ssrc};

/// One source on its way through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relay {
    source: Ssrc,
    /// What is added to its numbers.
    seq: u16,
    timestamp: u32,
    phase: Phase,
}

/// How far it has gone on since a switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// It begins with this number; the next packet is its first.
    Beginning(Seq),
    /// So many packets ago; what has a number before that is a straggler,
    /// whose number was given away.
    Settling(Seq, u16),
    Running,
}

/// What becomes of a packet's numbers.
pub(super) enum Renumbered {
    Goes(Relayed),
    /// It is from before the switch: its number was given away.
    Straggles,
    /// The source counts anew from far behind.
    Restarts,
}

/// What a relayed packet is numbered with on its way out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Relayed {
    /// Its source.
    pub ssrc: Ssrc,
    /// Its sequence number.
    pub seq: Seq,
    /// Its timestamp.
    pub timestamp: RtpTime,
    /// Its marker: also set where the switch is.
    pub marker: bool,
}

impl Relay {
    /// The source of `packet`, as it is.
    pub(super) fn untouched(packet: &RtpPacket<'_>) -> Self {
        Relay {
            source: packet.ssrc(),
            seq: 0,
            timestamp: 0,
            phase: Phase::Running,
        }
    }

    /// The source of `packet`, which is to have `seq` and `timestamp`.
    pub(super) fn behind(packet: &RtpPacket<'_>, seq: Seq, timestamp: RtpTime) -> Self {
        Relay {
            source: packet.ssrc(),
            seq: seq.value().wrapping_sub(packet.seq().value()),
            timestamp: timestamp.minus(packet.timestamp().value()).value(),
            phase: Phase::Beginning(seq),
        }
    }

    pub(super) fn is_of(&self, source: Ssrc) -> bool {
        self.source == source
    }

    /// What a packet of the source is called on its way out.
    pub(super) fn renumber(&self, packet: &RtpPacket<'_>, ours: Ssrc) -> Renumbered {
        let relayed = self.first(packet, ours);
        match self.phase {
            Phase::Beginning(first) | Phase::Settling(first, _) => {
                match relayed.seq.distance_from(first) {
                    0.. => Renumbered::Goes(relayed),
                    steps if steps < -FAR_BEHIND => Renumbered::Restarts,
                    _ => Renumbered::Straggles,
                }
            }
            Phase::Running => Renumbered::Goes(relayed),
        }
    }

    /// The same of a packet that cannot be a straggler.
    pub(super) fn first(&self, packet: &RtpPacket<'_>, ours: Ssrc) -> Relayed {
        let seq = Seq::new(packet.seq().value().wrapping_add(self.seq));
        Relayed {
            ssrc: ours,
            seq,
            timestamp: packet.timestamp().plus(self.timestamp),
            // RFC 3551 §4.1: the receiver may set its delay afresh here.
            marker: packet.marker() || matches!(self.phase, Phase::Beginning(_)),
        }
    }

    /// The same after a packet of it has left.
    pub(super) fn going_on(self) -> Self {
        let phase = match self.phase {
            Phase::Beginning(first) => Phase::Settling(first, 1),
            Phase::Settling(first, packets) if packets < STRAGGLERS => {
                Phase::Settling(first, packets + 1)
            }
            Phase::Settling(..) | Phase::Running => Phase::Running,
        };
        Relay { phase, ..self }
    }
}

/// Numbers behind which nothing is late any more, but begun anew.
pub(super) const FAR_BEHIND: i16 = 1000;
/// Packets after which nothing from before a switch comes any more.
const STRAGGLERS: u16 = 1000;
