//! The core of a session: its dialogue under one lock, and its way to its
//! worker.
//!
//! Every step of negotiation here is: reserve a place in the worker's mailbox,
//! plan, lease ports, commit, send. What can fail comes before the commit, and
//! what was held then is given back by being dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use talkpath_media::{
    Answer as Awaiting, Diagnosis, SessionId, SessionStats, Situation, Standing, StreamIndex,
};
use talkpath_sdp::negotiate::{
    CompletionError, CompletionPlan, Dialogue, Family, Identity, Stream,
};
use talkpath_sdp::{Answer, Offer};

use super::record::Recordings;
use super::state::State;
use super::wanted::Wanted;
use crate::change::Change;
use crate::constraints::Constraints;
use crate::error::SessionError;
use crate::event::{CloseReason, Happening};
use crate::mailbox::{Permit, ReserveError};
use crate::manager::Shared;
use crate::wait::{Pending, pending};
use crate::worker::{Command, Published, Step};

/// What a session's handles share.
pub(crate) struct Core {
    pub(crate) id: SessionId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) published: Arc<Published>,
    /// Which worker it lives on.
    worker: usize,
    state: Mutex<State>,
    pub(super) recordings: Recordings,
}

impl Core {
    /// A session that nothing is agreed about, on its worker.
    fn open(shared: &Arc<Shared>, constraints: Constraints) -> Result<Arc<Self>, SessionError> {
        let wanted = Wanted::new(constraints)?;
        let interface = shared.interface(wanted.constraints.interface.as_deref(), Family::Any)?;
        // RFC 8866 §5.2: the session id is unique and below 2^63.
        let identity = Identity::new(shared.random() >> 2, interface.advertised);
        let worker = shared.next_worker();
        Self::with_dialogue(shared, worker, wanted, Dialogue::new(identity))
    }

    fn with_dialogue(
        shared: &Arc<Shared>,
        worker: usize,
        wanted: Wanted,
        dialogue: Dialogue,
    ) -> Result<Arc<Self>, SessionError> {
        let id = shared.next_session();
        let call = Box::new(shared.new_call(id)?);
        let reserve = || shared.worker(worker).reserve().map_err(unreserved);
        let (open, close) = (reserve()?, reserve()?);
        let published = Arc::new(Published::default());
        open.send(Command::Open {
            session: id,
            call,
            published: Arc::clone(&published),
        });
        let core = Arc::new(Core {
            id,
            shared: Arc::clone(shared),
            published,
            worker,
            state: Mutex::new(State {
                dialogue,
                wanted,
                wanted_before: None,
                since: shared.driver.now(),
                taken: Vec::new(),
                close: Some(close),
            }),
            recordings: Recordings::default(),
        });
        shared.sessions().insert(id, Arc::downgrade(&core));
        Ok(core)
    }

    /// A session with its first offer.
    pub(super) fn offering(
        shared: &Arc<Shared>,
        constraints: Constraints,
    ) -> Result<(Arc<Self>, Offer), SessionError> {
        let core = Self::open(shared, constraints)?;
        match core.make_offer(Change::Nothing, Happening::Created) {
            Ok(offer) => Ok((core, offer)),
            Err(error) => Err(core.abandon(error)),
        }
    }

    /// A session with the answer to `offer`.
    pub(super) fn answering(
        shared: &Arc<Shared>,
        offer: &Offer,
        constraints: Constraints,
    ) -> Result<(Arc<Self>, Answer), SessionError> {
        let core = Self::open(shared, constraints)?;
        match core.answer(offer) {
            Ok(answer) => Ok((core, answer)),
            Err(error) => Err(core.abandon(error)),
        }
    }

    /// Undoes a session whose first step failed: nobody ever heard of it.
    fn abandon(&self, error: SessionError) -> SessionError {
        self.close(CloseReason::NeverBegan);
        error
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of a session that is open.
    pub(crate) fn open_state(&self) -> Result<MutexGuard<'_, State>, SessionError> {
        let state = self.lock();
        match self.is_closed(&state) {
            false => Ok(state),
            true => Err(SessionError::Closed),
        }
    }

    /// Whether it was closed, by a handle or by its worker.
    pub(super) fn is_closed(&self, state: &State) -> bool {
        state.close.is_none() || self.published.is_over()
    }

    /// A place for one command to the worker.
    pub(crate) fn reserve(&self) -> Result<Permit<Command>, SessionError> {
        Core::reserve_at(&self.shared, self.worker)
    }

    /// A place for a command to a worker.
    pub(crate) fn reserve_at(
        shared: &Shared,
        worker: usize,
    ) -> Result<Permit<Command>, SessionError> {
        shared.worker(worker).reserve().map_err(unreserved)
    }

    /// Which worker it lives on.
    pub(crate) fn worker(&self) -> usize {
        self.worker
    }

    /// Offers `change`.
    pub(super) fn offer(&self, change: Change) -> Result<Offer, SessionError> {
        self.make_offer(change, Happening::Updated)
    }

    fn make_offer(&self, change: Change, told: Happening) -> Result<Offer, SessionError> {
        let mut state = self.open_state()?;
        let place = self.reserve()?;
        let wanted = state.wanted.changed(change)?;
        let plan = state.dialogue.plan_offer(&wanted.to_offer())?;
        let ports = self.lease(&wanted, plan.demand())?;
        let before = state.dialogue.streams().to_vec();
        let leases: Vec<_> = ports.iter().map(|ports| ports.lease).collect();
        let offer = plan.commit(&mut state.dialogue, &leases);
        state.wanted_before = Some(std::mem::replace(&mut state.wanted, wanted));
        let step = Step::telling([told]);
        self.carry_out(
            &mut state,
            (&before, Awaiting::Awaited),
            (step, ports),
            place,
        );
        Ok(offer)
    }

    /// Answers `offer`.
    pub(super) fn answer(&self, offer: &Offer) -> Result<Answer, SessionError> {
        let mut state = self.open_state()?;
        let place = self.reserve()?;
        let plan = state
            .dialogue
            .plan_answer(offer, &state.wanted.to_answer())?;
        let ports = self.lease(&state.wanted, plan.demand())?;
        let before = state.dialogue.streams().to_vec();
        let is_first = before.is_empty();
        let leases: Vec<_> = ports.iter().map(|ports| ports.lease).collect();
        let (answer, changes) = plan.commit(&mut state.dialogue, &leases);
        let created = is_first.then_some(Happening::Created);
        let told = created.into_iter().chain([state.negotiated(changes)]);
        let step = Step::telling(told);
        self.carry_out(
            &mut state,
            (&before, Awaiting::Settled),
            (step, ports),
            place,
        );
        Ok(answer)
    }

    /// Applies the answer to our offer; the same answer again changes nothing.
    pub(super) fn apply_answer(&self, answer: &Answer) -> Result<(), SessionError> {
        self.complete(|dialogue| dialogue.plan_completion(answer))
    }

    /// Applies another answer to the offer that was answered already.
    pub(super) fn revise_answer(&self, answer: &Answer) -> Result<(), SessionError> {
        self.complete(|dialogue| dialogue.plan_revised_answer(answer))
    }

    fn complete(
        &self,
        plan: impl FnOnce(&Dialogue) -> Result<CompletionPlan, CompletionError>,
    ) -> Result<(), SessionError> {
        let mut state = self.open_state()?;
        let place = self.reserve()?;
        let plan = plan(&state.dialogue)?;
        if plan.is_repeated() {
            return Ok(());
        }
        let before = state.dialogue.streams().to_vec();
        let changes = plan.commit(&mut state.dialogue);
        let step = Step::telling([state.negotiated(changes)]);
        let ports = (step, Vec::new());
        self.carry_out(&mut state, (&before, Awaiting::Settled), ports, place);
        Ok(())
    }

    /// Gives our open offer up.
    pub(super) fn rollback(&self) -> Result<(), SessionError> {
        let mut state = self.open_state()?;
        let place = self.reserve()?;
        let plan = state.dialogue.plan_rollback()?;
        let before = state.dialogue.streams().to_vec();
        plan.commit(&mut state.dialogue);
        let ports = (Step::telling([Happening::Updated]), Vec::new());
        self.carry_out(&mut state, (&before, Awaiting::Withdrawn), ports, place);
        if let Some(wanted) = state.wanted_before.take() {
            state.wanted = wanted;
        }
        Ok(())
    }

    /// A second session on the same ports, from another answer to our offer.
    pub(super) fn fork(&self, answer: &Answer) -> Result<Arc<Self>, SessionError> {
        let state = self.open_state()?;
        let mut dialogue = state.dialogue.fork()?;
        let changes = dialogue.plan_completion(answer)?.commit(&mut dialogue);
        // The sockets are this worker's.
        let place = self.reserve()?;
        let wanted = state.wanted.clone();
        let fork = Self::with_dialogue(&self.shared, self.worker, wanted, dialogue)?;
        let mut forked = fork.lock();
        let streams = forked.dialogue.streams().to_vec();
        forked.wanted.settle(&streams);
        let is_muxed = |stream: &Stream| stream.local.is_some_and(|lease| lease.rtcp.is_none());
        let muxed = (0u8..).zip(&streams).filter(|(_, stream)| is_muxed(stream));
        let step = Step {
            agree: forked.agreements(Awaiting::Settled),
            free_rtcp: muxed.map(|(line, _)| StreamIndex(line)).collect(),
            ..Step::telling([Happening::Created, forked.negotiated(changes)])
        };
        place.send(Command::Fork {
            session: fork.id,
            of: self.id,
            step,
        });
        drop(forked);
        Ok(fork)
    }

    /// Ends the session, once; what can be waited for is its last packet.
    pub(crate) fn close(&self, reason: CloseReason) -> Pending<()> {
        let (done, waited) = pending(Arc::clone(&self.shared.driver));
        let place = self.lock().close.take();
        self.shared.sessions().remove(&self.id);
        match place {
            Some(place) if !self.published.is_over() => place.send(Command::Close {
                session: self.id,
                reason,
                done,
            }),
            _ => done.complete(()),
        }
        waited
    }

    /// The statistics published last, at most 20 ms old.
    pub(crate) fn stats(&self) -> SessionStats {
        self.published.stats()
    }

    /// Why nothing is heard, for every m-line.
    pub(crate) fn diagnose(&self) -> Vec<Diagnosis> {
        let (now, stats) = (self.shared.driver.now(), self.stats());
        let state = self.lock();
        let streams = state.dialogue.streams().iter().enumerate();
        let closed = self.is_closed(&state).then_some(Standing::Closed);
        let situations = streams.map(|(line, stream)| {
            let situation = state.situation(line, stream);
            let standing = closed.unwrap_or(situation.standing);
            Situation {
                standing,
                ..situation
            }
        });
        let diagnose = |situation: Situation| {
            let counted = stats
                .streams
                .iter()
                .find(|stats| stats.stream == situation.stream);
            Diagnosis::of(now, &situation, counted)
        };
        situations.map(diagnose).collect()
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // A session whose making failed half-way has no handle that closes it.
        self.close(CloseReason::Application);
    }
}

pub(super) fn unreserved(error: ReserveError) -> SessionError {
    match error {
        ReserveError::Full { capacity } => SessionError::Overloaded { capacity },
        ReserveError::Gone => SessionError::Closed,
    }
}
