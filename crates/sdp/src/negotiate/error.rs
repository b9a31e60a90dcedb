//! Why a step is refused, and whose fault it is.
//!
//! One enum per operation. A plan that fails has no effect. The SIP status is
//! what a SIP layer would answer: 488 for what the peer asked, 491 for a
//! collision (RFC 3261 §14.1, §14.2), 500 for what the caller asked.

use alloc::vec::Vec;

use super::wants::{Kind, Slot};

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The peer's: its description breaks a rule or asks what we do not have.
    Peer,
    /// The caller's: the wants make no sense, or there is nothing to act on.
    Caller,
    /// Nobody's: two offers crossed, or an answer is still due.
    Timing,
}

/// Why wants cannot be written as SDP. The caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WantsError {
    /// An entry without a codec.
    #[error("entry {entry} of the wants has no format")]
    NoFormat {
        /// Position in [`Wants::media`](super::Wants::media).
        entry: usize,
    },
    /// A kind, encoding name, clock rate or parameter that is not SDP.
    #[error("entry {entry} of the wants: {what} cannot stand in SDP (RFC 8866 §9)")]
    NotSdp {
        /// Position in [`Wants::media`](super::Wants::media).
        entry: usize,
        /// Which field.
        what: &'static str,
    },
    /// An entry asks for an m-line that there cannot be.
    #[error("entry {entry} of the wants: {slot:?} does not exist or is of another kind or taken")]
    NoSuchSlot {
        /// Position in [`Wants::media`](super::Wants::media).
        entry: usize,
        /// What was asked for.
        slot: Slot,
    },
    /// More m-lines, formats or bytes than a description may have.
    #[error("{actual} {what} do not fit a description, at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many were asked for.
        actual: usize,
        /// How many there may be.
        max: usize,
    },
    /// Every payload type number of the session is bound (RFC 3264 §8.3.2).
    #[error("m-line {line}: no payload type number is left for {format}")]
    NumbersExhausted {
        /// The m-line.
        line: usize,
        /// The format, as in `rtpmap`.
        format: talkpath_wire::Format,
    },
}

/// Why no offer can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// An offer of ours awaits its answer (RFC 3264 §4).
    #[error("an offer is open already: complete it or roll it back")]
    OfferPending,
    /// The wants make no sense.
    #[error(transparent)]
    Wants(#[from] WantsError),
}

impl OfferError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            OfferError::OfferPending => Fault::Timing,
            OfferError::Wants(_) => Fault::Caller,
        }
    }

    /// What a SIP layer would answer a request that led here.
    pub const fn sip_status(&self) -> u16 {
        status(self.fault())
    }
}

/// Why an offer of the peer is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// An offer of ours is open: glare (RFC 3261 §14.2).
    #[error("glare: an offer of ours is open (491)")]
    Glare,
    /// Not one of the offered streams can be had (RFC 3264 §6).
    #[error("nothing in the offer is acceptable: {}", Listed(refusals))]
    NothingAcceptable {
        /// For each refused line, why.
        refusals: Vec<(usize, Refusal)>,
    },
    /// The offer has fewer m-lines than the session (RFC 3264 §8).
    #[error("the offer has {actual} m-lines, the session {expected}: slots are never removed")]
    LinesMissing {
        /// How many the session has.
        expected: usize,
        /// How many the offer has.
        actual: usize,
    },
    /// The wants make no sense.
    #[error(transparent)]
    Wants(#[from] WantsError),
}

impl AnswerError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            AnswerError::Glare => Fault::Timing,
            AnswerError::NothingAcceptable { .. } | AnswerError::LinesMissing { .. } => Fault::Peer,
            AnswerError::Wants(_) => Fault::Caller,
        }
    }

    /// What a SIP layer would answer the offer's request: 491, 488 or 500.
    pub const fn sip_status(&self) -> u16 {
        status(self.fault())
    }
}

/// Why one m-line of an offer is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The wants have no entry for it.
    #[error("no stream of this kind is wanted")]
    NotWanted,
    /// A transport other than plain RTP.
    #[error("the transport {0} is not supported")]
    Protocol(alloc::boxed::Box<str>),
    /// No codec in common; telephone-event alone is none.
    #[error("no codec in common")]
    NoCommonCodec,
    /// No `c=` line, or one that cannot be read (RFC 8866 §5.7).
    #[error("no readable c= line")]
    NoAddress,
    /// Multicast, broadcast or another address nothing is sent to.
    #[error("nothing is sent to {0}")]
    Unusable(core::net::IpAddr),
    /// A host name: legal (RFC 8866 §5.7), but nothing here resolves it.
    #[error("{0} is a name, which is not resolved")]
    Name(alloc::boxed::Box<str>),
    /// One side can only multiplex RTCP, the other cannot (RFC 8858 §4.3).
    #[error("one side takes RTCP on the RTP port only, the other does not")]
    RtcpMux,
    /// It would share the ports of another line (RFC 9143 §6), which we do not.
    #[error("it can only be had within a bundle")]
    BundleOnly,
}

/// Why an answer of the peer is not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompletionError {
    /// No offer of ours is open.
    #[error("an answer without an offer of ours")]
    NoOfferPending,
    /// Our offer has been answered already, otherwise. A 2xx is not to be failed
    /// for it: a UAC ignores the second answer (RFC 3261 §13.2.1), or takes it
    /// by [`plan_revised_answer`](super::Dialogue::plan_revised_answer); that
    /// of another tag calls for [`fork`](super::Dialogue::fork).
    #[error(
        "the offer has been answered already, and differently: ignore this answer \
         (a 2xx still stands) or take it by plan_revised_answer"
    )]
    AnsweredDifferently,
    /// Not as many m-lines as in the offer (RFC 3264 §6).
    #[error("the answer has {actual} m-lines, the offer {expected}")]
    LineCount {
        /// How many the offer has.
        expected: usize,
        /// How many the answer has.
        actual: usize,
    },
    /// Another kind of medium in a slot (RFC 3264 §6).
    #[error("m-line {line}: {expected} was offered, {actual} answered")]
    Kind {
        /// The m-line.
        line: usize,
        /// What the offer has there.
        expected: Kind,
        /// What the answer has there.
        actual: Kind,
    },
    /// Another transport in a slot (RFC 3264 §6).
    #[error("m-line {line}: the transport {actual} was not offered")]
    Protocol {
        /// The m-line.
        line: usize,
        /// What the answer says.
        actual: alloc::boxed::Box<str>,
    },
    /// None of the offered formats is left in any accepted slot
    /// (RFC 3264 §6.1); this is the first.
    #[error("m-line {line}: the answer keeps none of the offered formats")]
    NoFormatLeft {
        /// The m-line.
        line: usize,
    },
    /// An accepted slot without a readable `c=` line.
    #[error("m-line {line}: no readable c= line")]
    NoAddress {
        /// The m-line.
        line: usize,
    },
    /// Multicast, broadcast or another address nothing is sent to.
    #[error("m-line {line}: nothing is sent to {address}")]
    Unusable {
        /// The m-line.
        line: usize,
        /// The address.
        address: core::net::IpAddr,
    },
    /// A host name: legal (RFC 8866 §5.7), but nothing here resolves it.
    #[error("m-line {line}: {name} is a name, which is not resolved")]
    Name {
        /// The m-line.
        line: usize,
        /// The name.
        name: alloc::boxed::Box<str>,
    },
    /// The peer ignores `a=rtcp-mux-only` (RFC 8858 §4.4).
    #[error("m-line {line}: the peer does not multiplex RTCP, and nothing else was offered")]
    MuxRequired {
        /// The m-line.
        line: usize,
    },
}

impl CompletionError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            CompletionError::NoOfferPending => Fault::Caller,
            _ => Fault::Peer,
        }
    }

    /// What a SIP layer would say if the answer came where it can still refuse.
    pub const fn sip_status(&self) -> u16 {
        status(self.fault())
    }
}

/// Why there is nothing to roll back or to fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no offer of ours is open")]
pub struct NoOfferPending;

/// What an answer did that RFC 3264 forbids and that we could live with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The direction goes beyond the offer's; taken as far as offered (§6.1).
    DirectionBeyondOffer {
        /// The m-line.
        line: usize,
    },
    /// A slot that we offered with port 0 came back with a port (§6), or one
    /// that an earlier answer to the same offer refused.
    DeadSlotAnswered {
        /// The m-line.
        line: usize,
    },
    /// None of the offered formats is left in an accepted slot (§6.1), while
    /// others have theirs: it ended; the next offer says so to the peer.
    NoFormatLeft {
        /// The m-line.
        line: usize,
    },
    /// RTP/AVP for RTP/AVPF or the reverse.
    ProfileChanged {
        /// The m-line.
        line: usize,
    },
    /// Multiplexed RTCP was given up while we hold one port (RFC 5761 §5.1.1):
    /// the peer's RTCP comes to it if the peer obeys `a=rtcp`, else not to us.
    RtcpUnreachable {
        /// The m-line.
        line: usize,
    },
}

const fn status(fault: Fault) -> u16 {
    match fault {
        Fault::Peer => 488,
        Fault::Caller => 500,
        Fault::Timing => 491,
    }
}

struct Listed<'a>(&'a [(usize, Refusal)]);

impl core::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (position, (line, refusal)) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { "; " };
            write!(f, "{comma}m-line {line}: {refusal}")?;
        }
        Ok(())
    }
}
