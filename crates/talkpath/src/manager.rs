//! The manager: where sessions begin, are looked up, and end.

mod builder;
mod shared;
mod thread;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Weak};
use std::time::Duration;

use talkpath_media::SessionId;
use talkpath_sdp::{Answer, Offer};
use talkpath_wire::Time;

use crate::bridge::Bridge;
use crate::constraints::Constraints;
use crate::description::IntoOffer;
use crate::error::SessionError;
use crate::event::Event;
use crate::events::Events;
use crate::files::FileCommand;
use crate::interface::BoundInterface;
use crate::session::{Session, SessionRef};
use crate::worker::Command;
use thread::Thread;

pub use builder::Builder;
pub(crate) use shared::{Bound, Shared};

/// Carries the sound of calls: the beginning of everything.
///
/// Cheap to share by reference; `Send + Sync`. Dropping it closes every session
/// that is left and ends its threads within half a second.
///
/// ```
/// use talkpath::{Audio, Codec, MediaManager};
///
/// let manager = MediaManager::builder().interface("127.0.0.1").ports(20000..=20100).build()?;
/// let (caller, offer) = manager.create_offer(Audio::sendrecv([Codec::PCMU, Codec::PCMA]))?;
/// let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv([Codec::PCMU]))?;
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

impl MediaManager {
    /// Begins to set a manager up.
    pub fn builder() -> Builder {
        Builder::new()
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

    /// Lets two sessions hear each other, by their first audio streams.
    ///
    /// Where their formats agree and nobody else listens to either, packets
    /// pass as they are; else they are decoded and encoded again. That is
    /// decided anew whenever a re-offer or a listener changes it, and what
    /// goes out stays one continuous stream.
    ///
    /// ```
    /// # use talkpath::{Audio, Codec, MediaManager};
    /// # let manager = MediaManager::builder().interface("127.0.0.1").ports(27000..=27100).build()?;
    /// # let offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
    /// #     m=audio 4000 RTP/AVP 0\r\n";
    /// let (alice, _answer) = manager.accept_offer(offer, Audio::sendrecv(Codec::USUAL))?;
    /// let (bob, _offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
    /// let bridge = manager.bridge(&alice, &bob)?;
    /// # let (carol, _offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
    /// bridge.add(&carol)?; // a conference
    /// bridge.end()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SessionError::NoSuchStream`] without an audio stream,
    /// [`SessionError::Apart`], [`SessionError::Closed`].
    pub fn bridge(&self, a: &SessionRef, b: &SessionRef) -> Result<Bridge, SessionError> {
        Bridge::between(&self.shared, a, b)
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

/// How long dropping a manager waits for its threads.
const JOIN: Duration = Duration::from_millis(500);
