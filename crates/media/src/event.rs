//! What a call tells its owner.

use core::net::SocketAddr;

use talkpath_transport::SourceChanged;
use talkpath_wire::Ssrc;

use crate::dtmf::{Carriage, DialEnd, DialId, Pressing};
use crate::{RoomId, SessionId, StreamIndex};

/// Something that happened to a stream's media.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaEvent {
    /// Whose session.
    pub session: SessionId,
    /// Which m-line.
    pub stream: StreamIndex,
    /// What happened.
    pub what: MediaHappening,
}

/// What happened to a stream's media.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MediaHappening {
    /// The first RTP packet that the source policy accepted since the stream
    /// was set up.
    FirstMedia {
        /// Its source.
        ssrc: Ssrc,
        /// Where it came from.
        from: SocketAddr,
    },
    /// The first frame of that media was played.
    Heard {
        /// RTP packets received until then.
        packets: u64,
    },
    /// Nothing was received for as long as the stream's media timeout, while
    /// media was expected.
    MediaTimeout {
        /// How long nothing has come.
        silent_for: core::time::Duration,
    },
    /// Media came again after a [`MediaHappening::MediaTimeout`].
    MediaResumed,
    /// The source policy took a new address.
    SourceChanged(SourceChanged),
    /// A key of the peer was pressed or let go.
    Digit {
        /// Which, and for how long.
        what: Pressing,
        /// How it travelled.
        carriage: Carriage,
    },
    /// What was to be dialled has been, or was stopped.
    Dialled {
        /// Which dialling.
        id: DialId,
        /// How it ended.
        end: DialEnd,
    },
    /// Of three or more in a room, this one became the loudest.
    ActiveSpeaker {
        /// Which room.
        room: RoomId,
    },
    /// The remote source said goodbye (RFC 3550 §6.6).
    Bye {
        /// The source that left.
        ssrc: Ssrc,
    },
    /// Our SSRC was taken by another: ours was changed (RFC 3550 §8.2).
    SsrcCollision {
        /// The SSRC given up.
        ssrc: Ssrc,
    },
}
