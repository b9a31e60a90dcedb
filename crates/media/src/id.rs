//! Names of things: sessions, streams, components, sockets.

use core::fmt;

use talkpath_transport::Component;

/// One party's dialogue and media, unique within a manager.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.0)
    }
}

/// The index of an m-line in its session description, which is its identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StreamIndex(pub u8);

/// Sessions of a call that hear each other, unique within a manager.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoomId(pub u64);

/// A socket, named by whoever owns it; opaque to everything below.
///
/// Small and dense, so that it can index a table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SocketKey(pub u32);

/// Where a datagram belongs: which socket of which stream of which session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Path {
    /// The session.
    pub session: SessionId,
    /// Its m-line.
    pub stream: StreamIndex,
    /// RTP, or RTCP on a port of its own.
    pub component: Component,
}
