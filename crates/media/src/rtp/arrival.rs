//! A packet on its way into a source: what it says, and where it belongs.
//!
//! In: an RTP header and what negotiation knows of its payload type. Out of
//! the source comes its place. RFC 3550 §5.1; RFC 4733 §2.1 for timestamps
//! that stand.

use talkpath_wire::{ExtSeq, RtpPacket, RtpTime, Seq};

use super::{Order, Validity};

/// What its header says of a packet that arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Its sequence number.
    pub seq: Seq,
    /// Its timestamp.
    pub timestamp: RtpTime,
    /// Bytes of its payload.
    pub payload_len: usize,
    /// The RTP clock of its payload type, in Hz.
    pub clock_rate: u32,
    /// Whether its timestamp moves with time.
    pub timing: Timing,
}

/// Whether a timestamp tells when a packet was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timing {
    /// It advances with the media.
    Advances,
    /// It stands at the beginning of an event that lasts (RFC 4733 §2.1):
    /// of no use for jitter.
    Stands,
}

impl Arrival {
    /// The arrival of `packet`, whose payload type has a clock of
    /// `clock_rate` Hz.
    pub fn of(packet: &RtpPacket<'_>, clock_rate: u32, timing: Timing) -> Self {
        Arrival {
            seq: packet.seq(),
            timestamp: packet.timestamp(),
            payload_len: packet.payload().len(),
            clock_rate,
            timing,
        }
    }
}

/// Where a packet belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// Its extended sequence number; a new stream continues above the old.
    pub ext_seq: ExtSeq,
    /// Whether it is believed yet.
    pub validity: Validity,
    /// Where it stands among those before it.
    pub order: Order,
    /// Whether it continues what came before.
    pub continuity: Continuity,
}

/// Whether a packet continues what came before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Continuity {
    /// The next of the same stream.
    Continuous,
    /// The same numbers, but time and timestamp differ by more than 2 s: the
    /// sender's clock jumped, or the network stood still.
    TimestampJump,
    /// The sender began anew: numbers and timestamps start from here, or from
    /// the packet in probation just before.
    NewStream,
}
