//! The manager: local addresses, workers, and the sessions that live on them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use talkpath_media::SessionId;
use talkpath_media::rtp::{Chance, Cname, NtpAnchor};
use talkpath_media::{Call, CallSetup};
use talkpath_sdp::negotiate::Family;
use talkpath_sdp::{Answer, Offer};
use talkpath_wire::Time;

use crate::constraints::Constraints;
use crate::description::IntoOffer;
use crate::driver::{Driver, Os, SocketOptions, Wake};
use crate::error::{BuildError, SessionError};
use crate::event::Event;
use crate::events::{Broadcast, Events};
use crate::files::{FileCommand, Files};
use crate::interface::{BoundInterface, Interface};
use crate::mailbox::{Mailbox, Permit, mailbox};
use crate::ports::{PortOrder, PortPool};
use crate::session::{Core, Session, SessionRef};
use crate::worker::{Command, Worker};

/// Carries the sound of calls: the beginning of everything.
///
/// Cheap to share by reference; `Send + Sync`. Dropping it closes every session
/// that is left and ends its threads within half a second.
///
/// ```
/// use talkpath::{Audio, Codec, MediaManager};
///
/// let manager = MediaManager::builder().interface("127.0.0.1").ports(20000..=20100).build()?;
/// let (caller, offer) = manager.create_offer(Audio::sendrecv([Codec::Pcmu, Codec::Pcma]))?;
/// let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv([Codec::Pcmu]))?;
/// caller.apply_answer(&answer)?;
/// assert_eq!(manager.sessions().len(), 2);
/// # drop((caller, callee));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MediaManager {
    shared: Arc<Shared>,
    workers: Vec<Thread<Command>>,
    files: Thread<FileCommand>,
}

/// What sessions need of their manager.
pub(crate) struct Shared {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) events: Arc<Broadcast<Event>>,
    pub(crate) interfaces: Vec<Bound>,
    pub(crate) files: Mailbox<FileCommand>,
    workers: Vec<Mailbox<Command>>,
    sessions: Mutex<BTreeMap<SessionId, Weak<Core>>>,
    next_session: AtomicU64,
    chance: Mutex<Chance>,
}

/// An interface whose ports can be leased.
pub(crate) struct Bound {
    pub(crate) name: Option<String>,
    pub(crate) address: IpAddr,
    pub(crate) advertised: IpAddr,
    pub(crate) ports: PortPool,
}

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

impl MediaManager {
    /// Begins to set a manager up.
    pub fn builder() -> Builder {
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

    /// Subscribes to everything that happens from now on.
    pub fn events(&self) -> Events<Event> {
        self.shared.events.subscribe()
    }

    /// Makes a session that offers media: the caller's.
    ///
    /// # Errors
    /// [`SessionError`]; nothing is held then.
    pub fn create_offer(
        &self,
        constraints: impl Into<Constraints>,
    ) -> Result<(Session, Offer), SessionError> {
        Session::offering(&self.shared, constraints.into())
    }

    /// Makes a session that answers an offer: the callee's. `offer` is an
    /// [`Offer`], text or bytes.
    ///
    /// # Errors
    /// [`SessionError`], with the SIP status to refuse the offer with; nothing
    /// is held then.
    pub fn accept_offer<'a>(
        &self,
        offer: impl IntoOffer<'a>,
        constraints: impl Into<Constraints>,
    ) -> Result<(Session, Answer), SessionError> {
        let offer = offer.into_offer()?;
        Session::answering(&self.shared, &offer, constraints.into())
    }

    /// The session `id`, if it lives.
    pub fn get(&self, id: SessionId) -> Option<SessionRef> {
        self.shared
            .sessions()
            .get(&id)
            .and_then(Weak::upgrade)
            .map(SessionRef::new)
    }

    /// The sessions that live, oldest first.
    pub fn sessions(&self) -> Vec<SessionRef> {
        self.shared
            .sessions()
            .values()
            .filter_map(Weak::upgrade)
            .map(SessionRef::new)
            .collect()
    }

    /// The interfaces that sessions can use, in the order they were given.
    pub fn interfaces(&self) -> Vec<BoundInterface> {
        let bound = |interface: &Bound| BoundInterface {
            name: interface.name.clone(),
            address: interface.address,
            advertised: interface.advertised,
            ports: interface.ports.range(),
        };
        self.shared.interfaces.iter().map(bound).collect()
    }

    /// Ports that are held at this moment, on all interfaces.
    pub fn ports_in_use(&self) -> usize {
        self.shared
            .interfaces
            .iter()
            .map(|interface| interface.ports.leased())
            .sum()
    }

    /// Parts of the port ranges that the system also hands out to programs
    /// that ask for any port: there they get in each other's way.
    pub fn ephemeral_overlaps(&self) -> Vec<RangeInclusive<u16>> {
        self.shared
            .interfaces
            .iter()
            .filter_map(|i| i.ports.ephemeral_overlap())
            .collect()
    }

    /// The moment it is now in the manager's world, as events tell it.
    pub fn now(&self) -> Time {
        self.shared.driver.now()
    }
}

impl Drop for MediaManager {
    fn drop(&mut self) {
        let deadline = self.shared.driver.now() + JOIN;
        self.workers.iter_mut().for_each(Thread::stop);
        self.workers.iter().for_each(|worker| worker.join(deadline));
        // Last: what the workers let go of is still written down.
        self.files.stop();
        self.files.join(deadline);
        self.shared.events.close();
    }
}

impl fmt::Debug for MediaManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaManager")
            .field("sessions", &self.shared.sessions().len())
            .field("ports_in_use", &self.ports_in_use())
            .finish_non_exhaustive()
    }
}

impl Builder {
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

    /// How many worker threads share the sessions; one if not said.
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
        let manager = MediaManager {
            workers,
            files: files_thread,
            shared: Arc::new(Shared {
                driver,
                events,
                interfaces,
                files,
                workers: mailboxes,
                sessions: Mutex::default(),
                next_session: AtomicU64::new(1),
                chance: Mutex::new(Chance::from_seed(u64::from_be_bytes(seed))),
            }),
        };
        Ok(manager)
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

/// A running task that is stopped when this is dropped.
struct Thread<C> {
    wake: Arc<dyn Wake>,
    stop: Option<(Permit<C>, C)>,
}

impl<C> Thread<C> {
    fn new(wake: Arc<dyn Wake>, mailbox: &Mailbox<C>, stop: C) -> Self {
        let stop = mailbox.reserve().ok().map(|permit| (permit, stop));
        Thread { wake, stop }
    }

    fn stop(&mut self) {
        if let Some((permit, stop)) = self.stop.take() {
            permit.send(stop);
        }
    }

    fn join(&self, deadline: Time) {
        self.wake.join(deadline);
    }
}

impl<C> Drop for Thread<C> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Mailboxes and the threads that serve them.
type Workers = (Vec<Mailbox<Command>>, Vec<Thread<Command>>);

fn start_workers(
    driver: &Arc<dyn Driver>,
    events: &Arc<Broadcast<Event>>,
    count: usize,
) -> Result<Workers, BuildError> {
    let (mut mailboxes, mut threads) = (Vec::new(), Vec::new());
    for number in 0..count {
        let (unconnected, inbox) = mailbox(MAILBOX);
        let worker = Worker::new(driver.now(), inbox, Arc::clone(events));
        let name = format!("talkpath-{number}");
        let wake = driver
            .start(&name, Box::new(worker))
            .map_err(BuildError::Start)?;
        let mailbox = unconnected.connect(Arc::clone(&wake));
        threads.push(Thread::new(wake, &mailbox, Command::Stop));
        mailboxes.push(mailbox);
    }
    Ok((mailboxes, threads))
}

fn start_files(
    driver: &Arc<dyn Driver>,
    events: &Arc<Broadcast<Event>>,
) -> Result<(Mailbox<FileCommand>, Thread<FileCommand>), BuildError> {
    let (unconnected, inbox) = mailbox(MAILBOX);
    let files = Files::new(inbox, Arc::clone(events));
    let wake = driver
        .start("talkpath-files", Box::new(files))
        .map_err(BuildError::Start)?;
    let mailbox = unconnected.connect(Arc::clone(&wake));
    let thread = Thread::new(wake, &mailbox, FileCommand::Stop);
    Ok((mailbox, thread))
}

impl Shared {
    pub(crate) fn sessions(&self) -> MutexGuard<'_, BTreeMap<SessionId, Weak<Core>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for a new session.
    pub(crate) fn next_session(&self) -> SessionId {
        SessionId(self.next_session.fetch_add(1, Ordering::Relaxed))
    }

    /// The worker that the next session lives on.
    pub(crate) fn next_worker(&self) -> usize {
        self.next_session.load(Ordering::Relaxed) as usize % self.workers.len()
    }

    /// The mailbox of a worker.
    pub(crate) fn worker(&self, worker: usize) -> &Mailbox<Command> {
        &self.workers[worker]
    }

    /// A random number, for what is no secret.
    pub(crate) fn random(&self) -> u64 {
        self.chance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next_u64()
    }

    /// A call for one session, with a name of its own (RFC 7022 §4.2).
    pub(crate) fn new_call(&self, session: SessionId) -> Result<Call, SessionError> {
        let mut bits = [0; 12];
        self.driver
            .entropy(&mut bits)
            .map_err(SessionError::Entropy)?;
        let mut call = Call::new(CallSetup {
            seed: self.random(),
            anchor: NtpAnchor {
                at: Time::ZERO,
                ntp: self.driver.wall_clock_at_zero(),
            },
            cname: Cname::from_random(bits),
        });
        call.add_session(session);
        Ok(call)
    }

    /// The interface for new ports: the named one, else the first of `family`.
    pub(crate) fn interface(
        &self,
        name: Option<&str>,
        family: Family,
    ) -> Result<&Bound, SessionError> {
        let fits = |bound: &&Bound| match family {
            Family::Any => true,
            Family::V4 => bound.advertised.is_ipv4(),
            Family::V6 => bound.advertised.is_ipv6(),
        };
        let named = |bound: &&Bound| name.is_none() || bound.name.as_deref() == name;
        if let Some(name) = name
            && !self
                .interfaces
                .iter()
                .any(|bound| bound.name.as_deref() == Some(name))
        {
            return Err(SessionError::NoSuchInterface { name: name.into() });
        }
        let family = if family == Family::V6 { "IPv6" } else { "IPv4" };
        let found = self.interfaces.iter().filter(named).find(fits);
        found.ok_or(SessionError::NoInterfaceOfFamily { family })
    }
}

fn parse(text: &str) -> Result<IpAddr, BuildError> {
    text.parse()
        .map_err(|_| BuildError::BadAddress { text: text.into() })
}

/// Ports of an interface if nobody says otherwise.
const DEFAULT_PORTS: RangeInclusive<u16> = 10_000..=20_000;
/// Commands that wait for a worker, and places kept for them: two per port.
const MAILBOX: usize = 131_072;
/// Workers of a manager at most.
const MAX_WORKERS: usize = 64;
/// How long dropping a manager waits for its threads.
const JOIN: Duration = Duration::from_millis(500);
