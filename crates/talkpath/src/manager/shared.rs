//! What sessions need of their manager: the world, interfaces, ways to its
//! workers, and the register of those that live.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use talkpath_media::rtp::{Chance, Cname, NtpAnchor};
use talkpath_media::{Call, CallSetup, RoomId, SessionId};
use talkpath_sdp::negotiate::Family;
use talkpath_wire::Time;

use crate::driver::Driver;
use crate::error::SessionError;
use crate::event::Event;
use crate::events::Broadcast;
use crate::files::FileCommand;
use crate::mailbox::Mailbox;
use crate::ports::PortPool;
use crate::session::Core;
use crate::worker::Command;

/// What sessions need of their manager.
pub(crate) struct Shared {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) events: Arc<Broadcast<Event>>,
    pub(crate) interfaces: Vec<Bound>,
    pub(crate) files: Mailbox<FileCommand>,
    workers: Vec<Mailbox<Command>>,
    sessions: Mutex<BTreeMap<SessionId, Weak<Core>>>,
    next_session: AtomicU64,
    next_room: AtomicU64,
    chance: Mutex<Chance>,
}

/// An interface whose ports can be leased.
pub(crate) struct Bound {
    pub(crate) name: Option<String>,
    pub(crate) address: IpAddr,
    pub(crate) advertised: IpAddr,
    pub(crate) ports: PortPool,
}

/// The ways out of a session: to subscribers, files and workers.
pub(super) struct Ways {
    pub(super) events: Arc<Broadcast<Event>>,
    pub(super) files: Mailbox<FileCommand>,
    pub(super) workers: Vec<Mailbox<Command>>,
}

impl Shared {
    pub(super) fn new(
        driver: Arc<dyn Driver>,
        interfaces: Vec<Bound>,
        ways: Ways,
        seed: u64,
    ) -> Self {
        Shared {
            driver,
            events: ways.events,
            interfaces,
            files: ways.files,
            workers: ways.workers,
            sessions: Mutex::default(),
            next_session: AtomicU64::new(1),
            next_room: AtomicU64::new(1),
            chance: Mutex::new(Chance::from_seed(seed)),
        }
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, BTreeMap<SessionId, Weak<Core>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for a new session.
    pub(crate) fn next_session(&self) -> SessionId {
        SessionId(self.next_session.fetch_add(1, Ordering::Relaxed))
    }

    /// A number for a new room.
    pub(crate) fn next_room(&self) -> RoomId {
        RoomId(self.next_room.fetch_add(1, Ordering::Relaxed))
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
