//! How a manager is set up: checked settings in, a running manager out.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::MediaManager;
use super::shared::{Bound, Shared, Ways};
use super::thread::{start_files, start_workers};
use crate::driver::{Driver, Os, SocketOptions};
use crate::error::BuildError;
use crate::event::Event;
use crate::events::Broadcast;
use crate::interface::Interface;
use crate::ports::{PortOrder, PortPool};

/// How a manager is set up.
///
/// ```
/// use talkpath::{Interface, MediaManager, PortOrder};
/// let manager = MediaManager::builder()
///     .interface(Interface::new("127.0.0.1").named("local"))
///     .ports(21000..=21100)
///     .port_order(PortOrder::Sequential)
///     .dscp(46)
///     .build()?;
/// # drop(manager);
/// # Ok::<(), talkpath::BuildError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Builder {
    driver: Option<Arc<dyn Driver>>,
    interfaces: Vec<Interface>,
    ports: RangeInclusive<u16>,
    port_order: PortOrder,
    dscp: Option<u8>,
    workers: usize,
    event_capacity: usize,
}

impl Builder {
    pub(super) fn new() -> Self {
        Builder {
            driver: None,
            interfaces: Vec::new(),
            ports: DEFAULT_PORTS,
            port_order: PortOrder::default(),
            dscp: None,
            workers: 1,
            event_capacity: crate::events::CAPACITY,
        }
    }

    /// Adds a local address: `"192.0.2.1"`, `"::1"`, or an [`Interface`]. The
    /// first one is used where constraints name none.
    pub fn interface(mut self, interface: impl Into<Interface>) -> Self {
        self.interfaces.push(interface.into());
        self
    }

    /// The ports of interfaces that have none of their own; 10000 to 20000 if
    /// not said.
    pub fn ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.ports = ports;
        self
    }

    /// In which order ports are handed out; at random if not said.
    pub fn port_order(mut self, order: PortOrder) -> Self {
        self.port_order = order;
        self
    }

    /// The DiffServ code point of what is sent: 46 is expedited forwarding
    /// (RFC 3246).
    pub fn dscp(mut self, dscp: u8) -> Self {
        self.dscp = Some(dscp);
        self
    }

    /// How many worker threads share the sessions, in turn; one if not said,
    /// which is what a manager that bridges needs: sessions on different workers
    /// cannot be joined ([`SessionError::Apart`](crate::SessionError::Apart)).
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How many events wait for a slow subscriber before the oldest are lost;
    /// 256 if not said.
    pub fn event_capacity(mut self, capacity: usize) -> Self {
        self.event_capacity = capacity;
        self
    }

    /// The world to live in: the system's if not said, `talkpath-sim`'s in
    /// tests.
    pub fn driver(mut self, driver: Arc<dyn Driver>) -> Self {
        self.driver = Some(driver);
        self
    }

    /// Builds the manager and starts its threads.
    ///
    /// # Errors
    /// [`BuildError`] with what to do about it.
    pub fn build(self) -> Result<MediaManager, BuildError> {
        let driver = self.driver.clone().unwrap_or_else(|| Arc::new(Os::new()));
        let interfaces = self.bind_interfaces(&driver)?;
        if !(1..=MAX_WORKERS).contains(&self.workers) {
            return Err(BuildError::BadWorkers(self.workers));
        }
        let mut seed = [0; 8];
        driver.entropy(&mut seed).map_err(BuildError::Entropy)?;
        let events = Broadcast::new(Arc::clone(&driver), self.event_capacity, |event: &Event| {
            event.what.is_terminal()
        });
        let events = Arc::new(events);
        let (mailboxes, workers) = start_workers(&driver, &events, self.workers)?;
        let (files, files_thread) = start_files(&driver, &events)?;
        let seed = u64::from_be_bytes(seed);
        let ways = Ways {
            events,
            files,
            workers: mailboxes,
        };
        Ok(MediaManager {
            workers,
            files: files_thread,
            shared: Arc::new(Shared::new(driver, interfaces, ways, seed)),
        })
    }

    fn bind_interfaces(&self, driver: &Arc<dyn Driver>) -> Result<Vec<Bound>, BuildError> {
        if self.interfaces.is_empty() {
            return Err(BuildError::NoInterface);
        }
        if let Some(dscp) = self.dscp.filter(|dscp| *dscp > 63) {
            return Err(BuildError::BadDscp(dscp));
        }
        let mut bound: Vec<Bound> = Vec::new();
        for interface in &self.interfaces {
            let taken = |name: &&String| bound.iter().any(|b| b.name.as_ref() == Some(name));
            if let Some(name) = interface.name.as_ref().filter(taken) {
                return Err(BuildError::DuplicateName { name: name.clone() });
            }
            bound.push(self.bind(driver, interface)?);
        }
        Ok(bound)
    }

    fn bind(&self, driver: &Arc<dyn Driver>, interface: &Interface) -> Result<Bound, BuildError> {
        let address = parse(&interface.address)?;
        let advertised = match &interface.advertised {
            Some(text) => parse(text)?,
            None if address.is_unspecified() => {
                return Err(BuildError::NeedsAdvertised { address });
            }
            None => address,
        };
        let range = interface
            .ports
            .clone()
            .unwrap_or_else(|| self.ports.clone());
        let options = SocketOptions { dscp: self.dscp };
        let ports = PortPool::new(Arc::clone(driver), address, range, self.port_order, options)?;
        Ok(Bound {
            name: interface.name.clone(),
            address,
            advertised,
            ports,
        })
    }
}

fn parse(text: &str) -> Result<IpAddr, BuildError> {
    text.parse()
        .map_err(|_| BuildError::BadAddress { text: text.into() })
}

/// Ports of an interface if nobody says otherwise.
const DEFAULT_PORTS: RangeInclusive<u16> = 10_000..=20_000;
/// Workers of a manager at most.
const MAX_WORKERS: usize = 64;
