//! Why datagrams go no further, counted.
//!
//! In: one reason per dropped datagram, at the one step that drops it. Out:
//! counters by reason, with the last time. The enum spans
//! the whole path, also the steps of playout above this crate, so that what
//! came in equals what went on plus the sum of these counters.
//!
//! Leaves out what is lost in the network: that never came in.

use std::fmt;

use talkpath_wire::Time;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a datagram, or the payload in it, went no further.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum DropReason {
            $($(#[$doc])* $name,)*
        }

        impl DropReason {
            /// Every reason, in the order of the path.
            pub const ALL: &'static [DropReason] = &[$(DropReason::$name,)*];

            /// The reason in words that fit after "dropped: ".
            pub const fn as_str(self) -> &'static str {
                match self { $(DropReason::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// Fewer bytes than the smallest header of any class.
    TooShort = "too short for any header",
    /// The kernel had to cut the datagram to fit the receive buffer.
    Truncated = "longer than the receive buffer",
    /// None of the classes of RFC 7983.
    UnknownClass = "neither RTP, RTCP, STUN, DTLS, TURN nor ZRTP",
    /// STUN where ICE was not negotiated.
    StunNotNegotiated = "STUN without ICE",
    /// DTLS where it was not negotiated.
    DtlsNotNegotiated = "DTLS without DTLS-SRTP",
    /// TURN channel data, which nobody asked for.
    TurnNotNegotiated = "TURN channel data without TURN",
    /// ZRTP, which is not spoken.
    ZrtpNotNegotiated = "ZRTP is not spoken",
    /// RTCP on the RTP port without multiplexing (RFC 5761).
    RtcpOnRtpPort = "RTCP on the RTP port, multiplexing not negotiated",
    /// RTP on the port for RTCP.
    RtpOnRtcpPort = "RTP on the RTCP port",
    /// Not RTP after all (RFC 3550 A.1).
    MalformedRtp = "malformed RTP",
    /// Not RTCP after all (RFC 3550 A.2).
    MalformedRtcp = "malformed RTCP",
    /// The stream's own address as source: a loop.
    Loop = "came from our own address",
    /// The source policy does not accept this source.
    WrongSource = "wrong source address",
    /// Too many sources compete to be learned.
    TooManyCandidates = "too many sources to learn from",
    /// Came before signalling named the peer, and too many of its kind did.
    EarlyFull = "before the answer, more than is held",
    /// Came before signalling named the peer, too long before.
    EarlyExpired = "before the answer, by more than is waited",
    /// The stream is closed or was rejected.
    Inactive = "stream inactive",
    /// Negotiation says that the peer does not send now.
    DirectionForbids = "direction forbids receiving",
    /// No format was negotiated for this payload type.
    UnknownPayloadType = "unknown payload type",
    /// An empty packet that only keeps the way open (RFC 6263 §4.6).
    Keepalive = "keepalive, nothing in it",
    /// Our own SSRC, from elsewhere (RFC 3550 §8.2).
    OwnSsrc = "our own SSRC",
    /// The source's sequence numbers jumped; this packet waits for a second
    /// witness (RFC 3550 A.1).
    Probation = "sequence number out of range",
    /// Already received.
    Duplicate = "duplicate",
    /// Came after its moment to be played.
    Late = "late",
    /// The jitter buffer is full.
    BufferFull = "jitter buffer full",
    /// Longer than a slot of the jitter buffer.
    TooLong = "payload longer than the jitter buffer takes",
    /// Playout ran behind and dropped it to catch up.
    LatencyBudget = "dropped to reduce delay",
    /// Thrown away when the stream restarted or was flushed.
    Flushed = "flushed",
    /// Passed on by another stream of the call, and nothing may be sent here.
    NowhereToGo = "passed on to where nothing may be sent",
    /// Passed on by another stream of the call, while silence leaves here.
    Muted = "passed on while muted",
    /// The decoder refused the payload.
    Undecodable = "undecodable payload",
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often, and when last, one reason struck.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DropCount {
    /// Datagrams.
    pub packets: u64,
    /// When the last one was dropped.
    pub last: Time,
}

/// Counters of drops by reason.
#[derive(Clone, Debug)]
pub struct Drops {
    counts: [DropCount; DropReason::ALL.len()],
}

impl Drops {
    /// Nothing dropped yet.
    pub const fn new() -> Self {
        const NONE: DropCount = DropCount {
            packets: 0,
            last: Time::ZERO,
        };
        Drops {
            counts: [NONE; DropReason::ALL.len()],
        }
    }

    /// Counts one datagram dropped for `reason`.
    pub fn count(&mut self, now: Time, reason: DropReason) {
        self.add(now, reason, 1);
    }

    /// Counts `packets` datagrams dropped for `reason`; none changes nothing.
    pub fn add(&mut self, now: Time, reason: DropReason, packets: u64) {
        if packets > 0 {
            let count = &mut self.counts[reason as usize];
            count.packets += packets;
            count.last = now;
        }
    }

    /// The counter of `reason`.
    pub fn of(&self, reason: DropReason) -> DropCount {
        self.counts[reason as usize]
    }

    /// Datagrams dropped for any reason.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|count| count.packets).sum()
    }

    /// The reasons that struck at least once, in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, DropCount)> + '_ {
        let all = DropReason::ALL.iter().copied();
        all.zip(self.counts).filter(|(_, count)| count.packets > 0)
    }
}

impl Default for Drops {
    fn default() -> Self {
        Drops::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_counter_and_words() {
        let mut drops = Drops::new();
        for (n, &reason) in DropReason::ALL.iter().enumerate() {
            drops.add(Time::from_millis(n as u64), reason, n as u64 + 1);
        }
        for (n, &reason) in DropReason::ALL.iter().enumerate() {
            let expected = DropCount {
                packets: n as u64 + 1,
                last: Time::from_millis(n as u64),
            };
            assert_eq!(drops.of(reason), expected);
        }
        let words: std::collections::HashSet<_> = DropReason::ALL
            .iter()
            .map(|reason| reason.as_str())
            .collect();
        assert_eq!(words.len(), DropReason::ALL.len());
    }

    #[test]
    fn only_reasons_that_struck_are_listed() {
        let mut drops = Drops::new();
        drops.add(Time::ZERO, DropReason::Late, 0);
        drops.count(Time::from_millis(3), DropReason::Loop);
        let listed: Vec<_> = drops
            .iter()
            .map(|(reason, count)| (reason, count.packets))
            .collect();
        assert_eq!(listed, [(DropReason::Loop, 1)]);
        assert_eq!(drops.total(), 1);
    }
}
