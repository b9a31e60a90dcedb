//! Ports: what a plan asks for, what a commit is given, what is given back.
//!
//! Plain data on both sides of the wall: negotiation knows which addresses
//! stand in the text, not which sockets are behind them. RFC 3550 §11 (RTP and
//! RTCP ports), RFC 5761 and RFC 8858 (one port), RFC 3605 (any RTCP port).

use core::net::SocketAddr;

/// What a plan needs for one m-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: the line carries no media.
    None,
    /// The ports that it has already.
    Keep(Lease),
    /// New ports, to be given to `commit`. A lease that the line has is given
    /// back once the exchange is over.
    Lease(Ports, Family),
}

/// How many ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// One, for RTP and RTCP together.
    Single,
    /// Two, RTCP on the one above RTP where possible.
    Pair,
}

/// Of which address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Whichever the caller prefers.
    Any,
    /// IPv4, because the peer's address is.
    V4,
    /// IPv6, because the peer's address is.
    V6,
}

impl Family {
    /// The family of `address`.
    pub const fn of(address: &SocketAddr) -> Self {
        match address {
            SocketAddr::V4(_) => Family::V4,
            SocketAddr::V6(_) => Family::V6,
        }
    }

    /// Whether `address` will do.
    pub const fn fits(self, address: &SocketAddr) -> bool {
        matches!(
            (self, address),
            (Family::Any, _) | (Family::V4, SocketAddr::V4(_)) | (Family::V6, SocketAddr::V6(_))
        )
    }
}

/// Ports held for one m-line, as they are advertised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Address and port that the peer shall send RTP to.
    pub rtp: SocketAddr,
    /// The port for RTCP at the same address, when it has its own.
    pub rtcp: Option<u16>,
}

impl Lease {
    /// One port for RTP and RTCP.
    pub const fn single(rtp: SocketAddr) -> Self {
        Lease { rtp, rtcp: None }
    }

    /// A port for RTP, and the one above it for RTCP.
    pub const fn pair(rtp: SocketAddr) -> Self {
        Lease {
            rtp,
            rtcp: Some(rtp.port().wrapping_add(1)),
        }
    }
}

/// Ports that a commit made free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The m-line that held them.
    pub line: usize,
    /// What is free.
    pub ports: Freed,
}

/// Which ports of a lease are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freed {
    /// All of this lease.
    Whole(Lease),
    /// The RTCP port only; RTP and RTCP now share the other (RFC 5761 §5.1.1).
    Rtcp(Lease),
}
