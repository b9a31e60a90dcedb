//! What can be wrong with what an application asks, sorted by whose fault it is.
//!
//! Every operation on a session ends in a [`SessionError`]; a SIP layer can ask
//! it for the status to answer with. What comes from the network is never an
//! error: it is dropped, counted, and named by the diagnosis.

use std::net::IpAddr;

use talkpath_media::dtmf::DtmfError;
use talkpath_sdp::ParseError;
use talkpath_sdp::negotiate::{self, AnswerError, CompletionError, NoOfferPending, OfferError};

use crate::files::FileError;
use crate::ports::PortError;

/// Why a manager could not be built. The caller's fault, or the system's.
///
/// ```
/// # use talkpath::MediaManager;
/// let error = MediaManager::builder().interface("example.com").build().unwrap_err();
/// assert_eq!(error.to_string(), "\"example.com\" is not an IP address");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No interface was named.
    #[error("a manager needs an interface: builder().interface(\"192.0.2.1\")")]
    NoInterface,
    /// An address cannot be read.
    #[error("{text:?} is not an IP address")]
    BadAddress {
        /// What was given.
        text: String,
    },
    /// A wildcard address cannot stand in a description.
    #[error("{address} listens everywhere: say what to advertise, with Interface::advertised")]
    NeedsAdvertised {
        /// The wildcard.
        address: IpAddr,
    },
    /// Two interfaces have one name.
    #[error("two interfaces are named {name:?}")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A DiffServ code point has six bits.
    #[error("a DiffServ code point is 0 to 63, not {0}")]
    BadDscp(u8),
    /// A manager without workers does nothing.
    #[error("a manager has 1 to 64 workers, not {0}")]
    BadWorkers(usize),
    /// The ports of an interface cannot be had.
    #[error(transparent)]
    Ports(#[from] PortError),
    /// The system gives no entropy.
    #[error("no entropy: {0}")]
    Entropy(#[source] std::io::Error),
    /// A worker could not be started.
    #[error("a worker could not be started: {0}")]
    Start(#[source] std::io::Error),
}

/// Why an operation on a session did not happen. Nothing has changed then.
///
/// ```
/// # use talkpath::{Audio, Codec, MediaManager};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(26000..=26100).build()?;
/// let offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
///     m=audio 4000 RTP/AVP 18\r\n";
/// let error = manager.accept_offer(offer, Audio::sendrecv(Codec::USUAL)).unwrap_err();
/// assert_eq!(error.sip_status(), 488);
/// assert_eq!(error.to_string(), "nothing in the offer is acceptable: m-line 0: no codec in common");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// The text is not a session description.
    #[error("not a session description: {0}")]
    Parse(#[from] ParseError),
    /// No offer can be made now.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The offer cannot be answered.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The answer cannot be applied.
    #[error(transparent)]
    Completion(#[from] CompletionError),
    /// No offer of ours is open.
    #[error(transparent)]
    NoOfferPending(#[from] NoOfferPending),
    /// What cannot be dialled.
    #[error(transparent)]
    Dtmf(#[from] DtmfError),
    /// No ports are to be had.
    #[error(transparent)]
    Ports(#[from] PortError),
    /// The constraints name an interface that the manager does not have.
    #[error("there is no interface {name:?}")]
    NoSuchInterface {
        /// The name.
        name: String,
    },
    /// No interface has an address of the peer's family.
    #[error("the peer wants {family}, and no interface has such an address")]
    NoInterfaceOfFamily {
        /// `IPv4` or `IPv6`.
        family: &'static str,
    },
    /// The constraints ask for a sample rate that frames of 20 ms do not fit.
    #[error("a sample rate of {hz} Hz is not supported: 8000, 16000, 24000 and 48000 are")]
    Rate {
        /// The rate.
        hz: u32,
    },
    /// A packet time outside of 10 to 60 ms.
    #[error("packets hold 10 to 60 ms, not {millis} ms")]
    PacketTime {
        /// What was asked for.
        millis: u128,
    },
    /// A jitter buffer cannot be asked for this.
    #[error("sound waits 20 to 500 ms at most, and no longer at least: not {min} to {max} ms")]
    PlayoutDelay {
        /// The shortest delay asked for, in milliseconds.
        min: u128,
        /// The longest.
        max: u128,
    },
    /// The session has no such stream.
    #[error("the session has no live stream at m-line {line}")]
    NoSuchStream {
        /// The m-line, from 0.
        line: u8,
    },
    /// What is agreed on passes through unread.
    #[error("nothing here decodes {format}: it can be relayed and captured, not heard or said")]
    Unheard {
        /// The format, as SDP names it.
        format: String,
    },
    /// The sessions live on different workers of the manager.
    #[error("sessions on different workers cannot be joined: build the manager with one worker")]
    Apart,
    /// The application has taken its end of the stream before.
    #[error("the audio of m-line {line} has been taken already")]
    AudioTaken {
        /// The m-line, from 0.
        line: u8,
    },
    /// A file cannot be played or recorded to.
    #[error(transparent)]
    File(#[from] FileError),
    /// Too much is asked of a worker at once.
    #[error("the manager is overloaded: {capacity} requests wait")]
    Overloaded {
        /// How many can wait.
        capacity: usize,
    },
    /// The system gives no entropy.
    #[error("no entropy: {0}")]
    Entropy(#[source] std::io::Error),
}

/// Whose fault an error is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The peer's: its description breaks a rule or asks what we do not have.
    Peer,
    /// The caller's: what was asked makes no sense now.
    Caller,
    /// Nobody's: two offers crossed, or an answer is still due.
    Timing,
    /// Ours, or the system's: ports, entropy, a worker that cannot keep up.
    System,
}

impl From<negotiate::Fault> for Fault {
    fn from(fault: negotiate::Fault) -> Self {
        match fault {
            negotiate::Fault::Peer => Fault::Peer,
            negotiate::Fault::Caller => Fault::Caller,
            negotiate::Fault::Timing => Fault::Timing,
        }
    }
}

impl SessionError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            SessionError::Parse(_) => Fault::Peer,
            SessionError::Offer(error) => error.fault().into(),
            SessionError::Answer(error) => error.fault().into(),
            SessionError::Completion(error) => error.fault().into(),
            SessionError::NoInterfaceOfFamily { .. } => Fault::Peer,
            SessionError::Closed
            | SessionError::NoOfferPending(_)
            | SessionError::Dtmf(_)
            | SessionError::NoSuchInterface { .. }
            | SessionError::Rate { .. }
            | SessionError::PacketTime { .. }
            | SessionError::PlayoutDelay { .. }
            | SessionError::NoSuchStream { .. }
            | SessionError::AudioTaken { .. }
            | SessionError::Apart
            | SessionError::Unheard { .. }
            | SessionError::File(_) => Fault::Caller,
            SessionError::Ports(_) | SessionError::Overloaded { .. } | SessionError::Entropy(_) => {
                Fault::System
            }
        }
    }

    /// The SIP status that says it to the peer: 400 for what is no SDP, 488
    /// for what cannot be agreed on, 491 for glare, 500 for the rest, 503 when
    /// ports or workers are exhausted.
    pub fn sip_status(&self) -> u16 {
        match self {
            SessionError::Parse(_) => 400,
            SessionError::Offer(error) => error.sip_status(),
            SessionError::Answer(error) => error.sip_status(),
            SessionError::Completion(error) => error.sip_status(),
            SessionError::NoInterfaceOfFamily { .. } => 488,
            SessionError::Ports(_) | SessionError::Overloaded { .. } => 503,
            _ => 500,
        }
    }
}

impl From<std::convert::Infallible> for SessionError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
