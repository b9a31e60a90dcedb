//! What signalling says of the peer: where it is, and whether it is sent to.
//!
//! In: the addresses and the direction of a description. Out: nothing but
//! types; [`StreamTransport`](crate::StreamTransport) acts on them.
//!
//! RFC 3264 §8.4 (hold), RFC 3605 (`a=rtcp`), RFC 5761 (multiplexing).

use std::net::{IpAddr, SocketAddr};

use crate::Refused;

/// The peer's addresses, as a description names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remote {
    /// `c=` and the port of `m=`. An unspecified address is a hold of the old
    /// kind (RFC 3264 §8.4) and leaves the address known before in place.
    pub rtp: SocketAddr,
    /// Where RTCP goes.
    pub rtcp: RtcpRemote,
    /// Where the signalling came from, when the application lets that count
    /// as the peer's address too (peers behind NAT with private `c=`).
    pub signalling_source: Option<IpAddr>,
}

/// Where the peer wants RTCP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RtcpRemote {
    /// On the RTP port (RFC 5761).
    Mux,
    /// At this address: `a=rtcp` (RFC 3605), or the port after RTP.
    At(SocketAddr),
}

/// Which of our ports the peer's RTCP arrives at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum RtcpHome {
    /// A port of its own; on the RTP port it is taken only when multiplexed.
    #[default]
    Own,
    /// The RTP port: the stream has no other. RTCP is taken and sent there,
    /// also where the peer's own RTCP port is apart.
    Shared,
}

/// Whether negotiation lets us send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sending {
    /// Both RTP and RTCP go out.
    Allowed,
    /// The peer holds the stream: RTCP only.
    Held,
}

/// Why there is no destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Withheld {
    /// No description named one yet.
    #[error("the peer's address is not known yet")]
    NotSignalled,
    /// The peer holds the stream.
    #[error("the peer holds the stream")]
    Held,
    /// The address that signalling named must not be sent to.
    #[error("nothing may be sent to the peer's address: {0}")]
    Refused(Refused),
}
