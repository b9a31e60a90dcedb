//! What a re-offer changes.

use talkpath_media::StreamIndex;
use talkpath_sdp::Direction;

use crate::codec::Codec;
use crate::constraints::Audio;
use crate::video::Video;

/// A change to a session, proposed to the peer by an offer.
///
/// ```
/// # use talkpath::{Audio, Change, Codec, MediaManager, StreamIndex};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25000..=25100).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
/// # caller.apply_answer(&answer)?;
/// let offer = caller.offer(Change::Codecs(StreamIndex(0), vec![Codec::PCMA]))?;
/// caller.apply_answer(&callee.answer(&offer)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// One more stream, of video.
    AddVideo(Video),
    /// One stream less; its m-line stays, with port 0.
    Remove(StreamIndex),
}
