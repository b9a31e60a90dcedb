//! Who shares the RTCP bandwidth: members, senders, and whether we send.

/// The session as the RTCP interval sees it (RFC 3550 §6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Population {
    /// Participants, we included: at least 1.
    pub members: usize,
    /// Those of them that sent RTP within the last two intervals.
    pub senders: usize,
    /// Whether we are one of the senders.
    pub we_sent: bool,
}
