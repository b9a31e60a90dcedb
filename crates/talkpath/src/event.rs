//! What a manager tells its subscribers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use talkpath_media::dtmf::{Carriage, Digit, Press, Pressing};
use talkpath_media::{MediaHappening, RoomId, SessionId, StreamIndex};
use talkpath_sdp::Direction;
use talkpath_sdp::negotiate::Note;
use talkpath_transport::SourceChanged;
use talkpath_wire::{Format, Ssrc, Time};

use crate::files::FileFault;

/// Something that happened, when and to which session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// When, since the manager's world began.
    pub at: Time,
    /// To which session.
    pub session: SessionId,
    /// What.
    pub what: Happening,
}

/// What happened to a session.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Happening {
    /// The session was made; its ports are bound.
    Created,
    /// An offer of ours or theirs is open, or was rolled back.
    Updated,
    /// Offer and answer are complete: what flows is agreed.
    Negotiated {
        /// Each m-line, in order.
        streams: Vec<Agreed>,
        /// What the peer did that RFC 3264 forbids and that we live with.
        notes: Vec<Note>,
    },
    /// The first packet of a stream came.
    FirstMedia {
        /// Which m-line.
        stream: StreamIndex,
        /// Its source.
        ssrc: Ssrc,
        /// Where it came from.
        from: SocketAddr,
    },
    /// Media is heard: playout has begun, for somebody listens.
    MediaReceived {
        /// Which m-line.
        stream: StreamIndex,
        /// Packets received so far.
        packets: u64,
    },
    /// Nothing was received for as long as the constraints allow, while
    /// something was expected.
    MediaTimeout {
        /// Which m-line.
        stream: StreamIndex,
        /// How long nothing has come.
        silent_for: Duration,
    },
    /// Media came again after a timeout.
    MediaResumed {
        /// Which m-line.
        stream: StreamIndex,
    },
    /// The source policy took a new address for the other party.
    SourceChanged {
        /// Which m-line.
        stream: StreamIndex,
        /// Which component, from where to where, and why it was believed.
        change: SourceChanged,
    },
    /// The other party pressed a key; [`Happening::Digit`] follows when it is
    /// let go.
    DigitBegan {
        /// Which m-line.
        stream: StreamIndex,
        /// Which key.
        digit: Digit,
        /// When it was pressed.
        began: Time,
        /// How much quieter than 0 dBm0, 0 to 63 dB.
        volume: u8,
        /// How it travelled.
        carriage: Carriage,
    },
    /// The other party dialled a digit: it was pressed and let go. Each is told
    /// once, whatever was lost or repeated on the way.
    Digit {
        /// Which m-line.
        stream: StreamIndex,
        /// Which key.
        digit: Digit,
        /// When it was pressed.
        began: Time,
        /// How long it was held.
        duration: Duration,
        /// How much quieter than 0 dBm0, 0 to 63 dB.
        volume: u8,
        /// How it travelled.
        carriage: Carriage,
    },
    /// Of three or more in a bridge, this session became the loudest.
    ActiveSpeaker {
        /// Which m-line.
        stream: StreamIndex,
        /// Which bridge: its [`room`](crate::Bridge::room).
        room: RoomId,
    },
    /// A source of the other party said goodbye (RFC 3550 §6.6). The party may go
    /// on with another source: that a call is over, signalling says.
    Bye {
        /// Which m-line.
        stream: StreamIndex,
        /// The source that left.
        ssrc: Ssrc,
    },
    /// Our SSRC was in use by another; ours was changed (RFC 3550 §8.2).
    SsrcCollision {
        /// Which m-line.
        stream: StreamIndex,
        /// The one given up.
        ssrc: Ssrc,
    },
    /// The peer began to speak: see
    /// [`Session::detect_speech`](crate::Session::detect_speech).
    SpeechStarted {
        /// Which m-line.
        stream: StreamIndex,
    },
    /// The peer speaks no more: nothing was said for the hangover.
    SpeechStopped {
        /// Which m-line.
        stream: StreamIndex,
        /// How long it was speech, the hangover included.
        lasted: Duration,
    },
    /// A file has been played to its end, or its playing was stopped.
    Played {
        /// The file.
        path: PathBuf,
        /// How much of it was said.
        length: Duration,
    },
    /// A recording is finished and its file is in place.
    Recorded {
        /// The file.
        path: PathBuf,
        /// How long it is.
        length: Duration,
    },
    /// Something went wrong that nobody asked about; the call goes on unless
    /// [`Happening::Closed`] follows.
    Error(Trouble),
    /// The session is gone: its ports are back. Nothing follows.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// What went wrong in the course of a session.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// A file could not be played, recorded or captured to its end.
    #[error("{path}: {fault}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        fault: FileFault,
    },
    /// A socket could not be polled: the session closes.
    #[error("a socket could not be polled: {kind}")]
    Socket {
        /// What the system says.
        kind: std::io::ErrorKind,
    },
}

/// One m-line of a finished negotiation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// Which m-line.
    pub stream: StreamIndex,
    /// The codec we send; none when the line is refused.
    pub codec: Option<Format>,
    /// Who sends, seen from us.
    pub direction: Direction,
    /// Our address.
    pub local: Option<SocketAddr>,
    /// The other party's address.
    pub remote: Option<SocketAddr>,
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application closed or dropped it.
    Application,
    /// Its first step failed: nobody but its maker heard of it.
    NeverBegan,
    /// A defect of ours: the session was ended so that others live on.
    Internal,
}

impl Happening {
    /// Whether nothing follows it: such events survive a subscriber's lag.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Happening::Closed { .. })
    }

    pub(crate) fn from_media(stream: StreamIndex, what: MediaHappening) -> Option<Self> {
        Some(match what {
            // Whoever waits for it is told.
            MediaHappening::Dialled { .. } => return None,
            MediaHappening::Digit { what, carriage } => Self::from_press(stream, what, carriage),
            MediaHappening::FirstMedia { ssrc, from } => {
                Happening::FirstMedia { stream, ssrc, from }
            }
            MediaHappening::Heard { packets } => Happening::MediaReceived { stream, packets },
            MediaHappening::ActiveSpeaker { room } => Happening::ActiveSpeaker { stream, room },
            MediaHappening::MediaTimeout { silent_for } => {
                Happening::MediaTimeout { stream, silent_for }
            }
            MediaHappening::MediaResumed => Happening::MediaResumed { stream },
            MediaHappening::SourceChanged(change) => Happening::SourceChanged { stream, change },
            MediaHappening::Bye { ssrc } => Happening::Bye { stream, ssrc },
            MediaHappening::SsrcCollision { ssrc } => Happening::SsrcCollision { stream, ssrc },
        })
    }

    fn from_press(stream: StreamIndex, what: Pressing, carriage: Carriage) -> Self {
        match what {
            Pressing::Began(Press {
                digit,
                began,
                volume,
                ..
            }) => Happening::DigitBegan {
                stream,
                digit,
                began,
                volume,
                carriage,
            },
            Pressing::Ended(Press {
                digit,
                began,
                duration,
                volume,
            }) => Happening::Digit {
                stream,
                digit,
                began,
                duration,
                volume,
                carriage,
            },
        }
    }
}
