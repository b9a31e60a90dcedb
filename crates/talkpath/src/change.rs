//! What a re-offer changes.

use talkpath_media::StreamIndex;
use talkpath_sdp::Direction;

use crate::constraints::{Audio, Codec};

/// A change to a session, proposed to the peer by an offer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Change {
    /// None: a session refresh (RFC 4028); the same description again.
    Nothing,
    /// What we receive is put on hold: sendrecv becomes sendonly, recvonly
    /// becomes inactive (RFC 3264 §8.4).
    Hold,
    /// The end of a hold.
    Resume,
    /// Another direction for a stream.
    Direction(StreamIndex, Direction),
    /// Other codecs for a stream, the preferred one first.
    Codecs(StreamIndex, Vec<Codec>),
    /// One more stream.
    Add(Audio),
    /// One stream less; its m-line stays, with port 0.
    Remove(StreamIndex),
}
