//! The port pool: UDP ports of one address, leased and bound.
//!
//! In: a range and what a session wants, a pair (RTP even, RTCP odd, RFC 3550
//! §11) or a single port (RTCP multiplexed only, RFC 8858). Out: bound sockets,
//! each with a guard that returns the port when dropped, so that nothing leaks
//! however a set-up ends. Ports that another program holds are passed over and
//! counted. Who reads the sockets, and when a port is given up, is decided
//! elsewhere.

mod ledger;
mod port_set;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::driver::{Driver, Socket, SocketOptions};
use ledger::{Ledger, Rest};

/// In which order ports are handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PortOrder {
    /// Each free port is as likely as any other, so that a stranger cannot
    /// tell the next one.
    #[default]
    Random,
    /// Upwards from the lowest, and over again.
    Sequential,
}

/// What a session wants of the pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaseKind {
    /// An even port for RTP and the odd one above it for RTCP.
    Pair,
    /// One port of either parity, for RTP and RTCP together.
    Single,
}

/// Why no port could be leased.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// The range holds no port.
    #[error("{}-{} is not a range of ports: it must begin at 1 or above and not end below that", .range.start(), .range.end())]
    BadRange {
        /// The range that was asked for.
        range: RangeInclusive<u16>,
    },
    /// The range has no even port together with the odd one above it.
    #[error("ports {}-{} hold no pair of an even port and the odd one above it", .range.start(), .range.end())]
    RangeTooSmall {
        /// The range of the pool.
        range: RangeInclusive<u16>,
    },
    /// Every port is in use.
    #[error("no {kind} of ports {}-{} is left: {leased} leased, {foreign} taken by other programs", .range.start(), .range.end())]
    Exhausted {
        /// What was asked for.
        kind: LeaseKind,
        /// The range of the pool.
        range: RangeInclusive<u16>,
        /// Ports that are leased from this pool.
        leased: usize,
        /// Ports that could not be bound because another program, or another
        /// pool, has them.
        foreign: usize,
    },
    /// The address is none of this host's.
    #[error("{0} is not an address of this host")]
    NotLocal(IpAddr),
    /// The system refused for another reason.
    #[error("port {port} of {address} could not be bound: {source}")]
    Bind {
        /// The address of the pool.
        address: IpAddr,
        /// The port, or 0 when it was still to be chosen.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no entropy to choose a port by.
    #[error("no entropy to choose a port by: {0}")]
    Entropy(#[source] io::Error),
}

impl fmt::Display for LeaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LeaseKind::Pair => "pair",
            LeaseKind::Single => "single one",
        })
    }
}

/// The ports of one address, shared by everyone who leases from them.
#[derive(Clone, Debug)]
pub(crate) struct PortPool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    driver: Arc<dyn Driver>,
    address: IpAddr,
    range: RangeInclusive<u16>,
    order: PortOrder,
    options: SocketOptions,
    ledger: Mutex<Ledger>,
}

/// Sockets of one lease.
#[derive(Debug)]
pub(crate) struct Leased {
    /// For RTP, or for both when there is no other.
    pub(crate) rtp: LeasedSocket,
    /// For RTCP, in a lease of a pair.
    pub(crate) rtcp: Option<LeasedSocket>,
}

/// A bound socket with its port. Dropped, it closes the socket and then
/// returns the port; taken apart, the socket must be closed before the guard
/// is dropped, or the next to bind the port is refused it for a while.
#[derive(Debug)]
pub(crate) struct LeasedSocket {
    // In this order: the socket is closed before its port is returned.
    pub(crate) socket: Socket,
    pub(crate) guard: PortGuard,
}

/// A leased port, returned when this is dropped.
#[derive(Debug)]
pub(crate) struct PortGuard {
    pool: Arc<Shared>,
    port: u16,
    must_rest: AtomicBool,
}

impl PortPool {
    /// A pool of the ports `range` of `address`.
    ///
    /// # Errors
    /// [`PortError::BadRange`]; [`PortError::NotLocal`] and [`PortError::Bind`]
    /// when no socket can be bound to the address at all.
    pub(crate) fn new(
        driver: Arc<dyn Driver>,
        address: IpAddr,
        range: RangeInclusive<u16>,
        order: PortOrder,
        options: SocketOptions,
    ) -> Result<Self, PortError> {
        if range.is_empty() || *range.start() == 0 {
            return Err(PortError::BadRange { range });
        }
        let ledger = Mutex::new(Ledger::new(range.clone(), order));
        let shared = Shared {
            driver,
            address,
            range,
            order,
            options,
            ledger,
        };
        // Port 0 lets the system choose: whether it works is up to the address.
        shared.bind(0).map_err(|error| shared.refusal(0, error))?;
        Ok(PortPool(Arc::new(shared)))
    }

    /// Leases ports and binds them.
    ///
    /// # Errors
    /// [`PortError::RangeTooSmall`] when a range without a pair is asked for
    /// one, [`PortError::Exhausted`] when nothing is left, else what the system
    /// said. Nothing stays leased or bound.
    pub(crate) fn lease(&self, kind: LeaseKind) -> Result<Leased, PortError> {
        if kind == LeaseKind::Pair && !self.0.ledger().has_pairs() {
            return Err(PortError::RangeTooSmall {
                range: self.0.range.clone(),
            });
        }
        // Held until the end, so that none is tried twice.
        let mut foreign: Vec<PortGuard> = Vec::new();
        loop {
            match self.try_lease(kind, foreign.len()) {
                Ok(leased) => return Ok(leased),
                Err(Refusal::Final(error)) => return Err(error),
                Err(Refusal::Foreign(guard)) => {
                    guard.received_media();
                    foreign.push(guard);
                }
            }
        }
    }

    /// How many ports are leased.
    pub(crate) fn leased(&self) -> usize {
        self.0.ledger().leased()
    }

    /// The ports it hands out.
    pub(crate) fn range(&self) -> RangeInclusive<u16> {
        self.0.range.clone()
    }

    /// The part of the range that the system also gives to sockets bound to
    /// port 0, if any: there its programs get in each other's way.
    pub(crate) fn ephemeral_overlap(&self) -> Option<RangeInclusive<u16>> {
        overlap(&self.0.range, &self.0.driver.ephemeral_ports()?)
    }

    fn try_lease(&self, kind: LeaseKind, foreign: usize) -> Result<Leased, Refusal> {
        let (first, second) = self.take(kind, foreign).map_err(Refusal::Final)?;
        let rtp = first.bind()?;
        let rtcp = second.map(PortGuard::bind).transpose()?;
        Ok(Leased { rtp, rtcp })
    }

    fn take(
        &self,
        kind: LeaseKind,
        foreign: usize,
    ) -> Result<(PortGuard, Option<PortGuard>), PortError> {
        let chance = self.0.chance()?;
        let now = self.0.driver.now();
        let mut ledger = self.0.ledger();
        let Some(port) = ledger.take(kind, now, chance) else {
            let leased = ledger.leased().saturating_sub(foreign);
            let range = self.0.range.clone();
            return Err(PortError::Exhausted {
                kind,
                range,
                leased,
                foreign,
            });
        };
        let guard = |port| PortGuard {
            pool: Arc::clone(&self.0),
            port,
            must_rest: AtomicBool::new(false),
        };
        Ok((
            guard(port),
            (kind == LeaseKind::Pair).then(|| guard(port | 1)),
        ))
    }
}

/// Why an attempt came to nothing.
enum Refusal {
    /// Another program has this port.
    Foreign(PortGuard),
    Final(PortError),
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chance(&self) -> Result<u64, PortError> {
        if self.order == PortOrder::Sequential {
            return Ok(0);
        }
        let mut bytes = [0; 8];
        self.driver
            .entropy(&mut bytes)
            .map_err(PortError::Entropy)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn bind(&self, port: u16) -> io::Result<Socket> {
        self.driver
            .bind(SocketAddr::new(self.address, port), &self.options)
    }

    fn refusal(&self, port: u16, source: io::Error) -> PortError {
        match source.kind() {
            ErrorKind::AddrNotAvailable => PortError::NotLocal(self.address),
            _ => PortError::Bind {
                address: self.address,
                port,
                source,
            },
        }
    }
}

impl PortGuard {
    /// The port.
    #[cfg(test)]
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Says that media came to the port: late packets may follow, and must not
    /// be heard in the next call, so that it rests for two seconds after it is
    /// given up.
    pub(crate) fn received_media(&self) {
        self.must_rest.store(true, Ordering::Relaxed);
    }

    fn bind(self) -> Result<LeasedSocket, Refusal> {
        match self.pool.bind(self.port) {
            Ok(socket) => Ok(LeasedSocket {
                socket,
                guard: self,
            }),
            Err(error) if is_foreign(&error) => Err(Refusal::Foreign(self)),
            Err(error) => Err(Refusal::Final(self.pool.refusal(self.port, error))),
        }
    }
}

impl Drop for PortGuard {
    fn drop(&mut self) {
        let rest = match self.must_rest.load(Ordering::Relaxed) {
            true => Rest::For(REST),
            false => Rest::None,
        };
        let now = self.pool.driver.now();
        self.pool.ledger().give_back(self.port, now, rest);
    }
}

/// Another program has it: another port may do.
fn is_foreign(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrInUse
}

fn overlap(one: &RangeInclusive<u16>, other: &RangeInclusive<u16>) -> Option<RangeInclusive<u16>> {
    let both = *one.start().max(other.start())..=*one.end().min(other.end());
    (!both.is_empty()).then_some(both)
}

/// How long a port rests after media came to it.
const REST: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
