//! Events to any number of subscribers, none of whom can hold up the sender.
//!
//! Each subscriber has a queue of its own, bounded: when it is full its oldest
//! event is dropped, and the next thing received says how many were. Terminal
//! events, after which nothing follows, are kept apart for longer and survive
//! such a lag. Waiting goes through the driver; awaiting needs no particular
//! runtime.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use talkpath_wire::Time;

use crate::driver::{Driver, Gate};

/// A subscription: everything sent since it was made, oldest first.
///
/// Dropping it unsubscribes. It is `Sync`: several threads may share one, each
/// event then goes to one of them.
///
/// ```
/// # use talkpath::{Audio, Codec, Happening, MediaManager, Notice};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25200..=25300).build()?;
/// let events = manager.events();
/// let (caller, _offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// match events.recv() {
///     Some(Notice::Event(event)) => {
///         assert_eq!((event.session, event.what), (caller.id(), Happening::Created));
///     }
///     Some(Notice::Lagged(lost)) => eprintln!("{lost} events were missed"),
///     None => eprintln!("the manager is gone"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Events<E> {
    hub: Arc<Hub<E>>,
    queue: Arc<Queue<E>>,
}

/// What a subscriber receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice<E> {
    /// Something happened.
    Event(E),
    /// This many events were lost here, because they were not received in
    /// time; those after which nothing follows are kept longest.
    Lagged(u64),
}

/// Why nothing was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoEvent {
    /// Nothing has happened yet.
    #[error("no event yet")]
    Yet,
    /// Nothing will happen any more: the manager is gone.
    #[error("no event will follow: the manager is gone")]
    Ever,
}

/// The sending side. Dropped, it closes.
pub(crate) struct Broadcast<E> {
    hub: Arc<Hub<E>>,
}

struct Hub<E> {
    driver: Arc<dyn Driver>,
    capacity: usize,
    is_terminal: fn(&E) -> bool,
    /// None when closed. A list is never changed, only replaced, so that gates
    /// can be moved without the lock.
    queues: Mutex<Option<Queues<E>>>,
}

type Queues<E> = Arc<[Arc<Queue<E>>]>;

struct Queue<E> {
    backlog: Mutex<Backlog<E>>,
    gate: Gate,
}

/// Two queues, numbered through.
struct Backlog<E> {
    ordinary: VecDeque<(u64, E)>,
    terminal: VecDeque<(u64, E)>,
    next_number: u64,
    lost: u64,
    is_closed: bool,
}

impl<E: Clone> Broadcast<E> {
    /// A broadcast without subscribers, each of whom will have room for
    /// `capacity` events; `is_terminal` names those after which nothing
    /// follows, of which there is room for 64 times as many more.
    pub(crate) fn new(
        driver: Arc<dyn Driver>,
        capacity: usize,
        is_terminal: fn(&E) -> bool,
    ) -> Self {
        let queues = Mutex::new(Some(Arc::from([])));
        Broadcast {
            hub: Arc::new(Hub {
                driver,
                capacity,
                is_terminal,
                queues,
            }),
        }
    }

    /// A subscription to everything from now on.
    pub(crate) fn subscribe(&self) -> Events<E> {
        let mut queues = self.hub.queues();
        let queue = Arc::new(Queue::new(queues.is_none()));
        if let Some(queues) = &mut *queues {
            *queues = queues.iter().chain([&queue]).cloned().collect();
        }
        Events {
            hub: Arc::clone(&self.hub),
            queue,
        }
    }

    /// Sends `event` to every subscriber.
    pub(crate) fn send(&self, event: E) {
        let is_terminal = (self.hub.is_terminal)(&event);
        let told = {
            let queues = self.hub.queues();
            let Some(queues) = &*queues else { return };
            for queue in &**queues {
                queue
                    .backlog()
                    .push(event.clone(), is_terminal, self.hub.capacity);
            }
            Arc::clone(queues)
        };
        told.iter().for_each(|queue| queue.gate.advance());
    }

    /// Lets subscribers receive what they have and then end.
    pub(crate) fn close(&self) {
        self.hub.close();
    }
}

impl<E> Drop for Broadcast<E> {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl<E> Hub<E> {
    fn queues(&self) -> MutexGuard<'_, Option<Queues<E>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let queues = self.queues().take();
        for queue in queues.iter().flat_map(|queues| queues.iter()) {
            queue.backlog().is_closed = true;
            queue.gate.advance();
        }
    }
}

impl<E> Queue<E> {
    fn new(is_closed: bool) -> Self {
        let backlog = Backlog {
            ordinary: VecDeque::new(),
            terminal: VecDeque::new(),
            next_number: 0,
            lost: 0,
            is_closed,
        };
        Queue {
            backlog: Mutex::new(backlog),
            gate: Gate::new(),
        }
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog<E>> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Backlog<E> {
    fn push(&mut self, event: E, is_terminal: bool, capacity: usize) {
        let (queue, room) = match is_terminal {
            true => (&mut self.terminal, capacity.saturating_mul(TERMINAL_SHARE)),
            false => (&mut self.ordinary, capacity),
        };
        if queue.len() >= room.max(1) {
            queue.pop_front();
            self.lost += 1;
        }
        queue.push_back((self.next_number, event));
        self.next_number += 1;
    }

    fn pull(&mut self) -> Result<Notice<E>, NoEvent> {
        if self.lost > 0 {
            return Ok(Notice::Lagged(std::mem::take(&mut self.lost)));
        }
        let number = |queue: &VecDeque<(u64, E)>| queue.front().map_or(u64::MAX, |&(n, _)| n);
        let oldest = if number(&self.ordinary) < number(&self.terminal) {
            self.ordinary.pop_front()
        } else {
            self.terminal.pop_front()
        };
        match oldest {
            Some((_, event)) => Ok(Notice::Event(event)),
            None if self.is_closed => Err(NoEvent::Ever),
            None => Err(NoEvent::Yet),
        }
    }
}

impl<E> Events<E> {
    /// Blocks until something is received; none when nothing will follow.
    pub fn recv(&self) -> Option<Notice<E>> {
        loop {
            match self.recv_until(Time::MAX) {
                Ok(notice) => return Some(notice),
                Err(NoEvent::Ever) => return None,
                Err(NoEvent::Yet) => {}
            }
        }
    }

    /// Blocks until something is received or `timeout` has passed.
    ///
    /// # Errors
    /// [`NoEvent::Yet`] when it has passed, [`NoEvent::Ever`] when nothing will
    /// follow.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Notice<E>, NoEvent> {
        self.recv_until(self.hub.driver.now() + timeout)
    }

    /// Takes what is there.
    ///
    /// # Errors
    /// [`NoEvent`] when nothing is.
    pub fn try_recv(&self) -> Result<Notice<E>, NoEvent> {
        self.queue.backlog().pull()
    }

    /// Waits, on any runtime, until something is received; none when nothing
    /// will follow. Nothing is lost when the future is dropped early.
    pub async fn recv_async(&self) -> Option<Notice<E>> {
        loop {
            let seen = self.queue.gate.count();
            match self.try_recv() {
                Ok(notice) => return Some(notice),
                Err(NoEvent::Ever) => return None,
                Err(NoEvent::Yet) => self.queue.gate.moved(seen).await,
            }
        }
    }

    fn recv_until(&self, deadline: Time) -> Result<Notice<E>, NoEvent> {
        let driver = &self.hub.driver;
        loop {
            let seen = self.queue.gate.count();
            match self.try_recv() {
                Err(NoEvent::Yet) if driver.now() < deadline => {
                    let deadline = (deadline != Time::MAX).then_some(deadline);
                    driver.wait(&self.queue.gate, seen, deadline);
                }
                received => return received,
            }
        }
    }
}

impl<E> Drop for Events<E> {
    fn drop(&mut self) {
        if let Some(queues) = &mut *self.hub.queues() {
            let others = queues
                .iter()
                .filter(|queue| !Arc::ptr_eq(queue, &self.queue));
            *queues = others.cloned().collect();
        }
    }
}

impl<E> fmt::Debug for Events<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let backlog = self.queue.backlog();
        f.debug_struct("Events")
            .field(
                "waiting",
                &(backlog.ordinary.len() + backlog.terminal.len()),
            )
            .field("lost", &backlog.lost)
            .field("is_closed", &backlog.is_closed)
            .finish()
    }
}

impl<E> fmt::Debug for Broadcast<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subscribers = self.hub.queues().as_ref().map_or(0, |queues| queues.len());
        f.debug_struct("Broadcast")
            .field("subscribers", &subscribers)
            .finish()
    }
}

/// Events that a subscriber may have waiting, if nobody says otherwise.
pub(crate) const CAPACITY: usize = 256;

/// Terminal events are as many as sessions, not as packets: a subscriber that
/// never receives costs this much more and no further.
const TERMINAL_SHARE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Os, block_on::block_on};
    use proptest::prelude::*;

    /// Multiples of a hundred are terminal.
    fn broadcast(capacity: usize) -> Broadcast<u32> {
        Broadcast::new(Arc::new(Os::new()), capacity, |event| {
            event.is_multiple_of(100)
        })
    }

    fn drain(events: &Events<u32>) -> Vec<Notice<u32>> {
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }

    fn plain(events: &[u32]) -> Vec<Notice<u32>> {
        events.iter().copied().map(Notice::Event).collect()
    }

    #[test]
    fn each_subscriber_receives_everything_since_it_subscribed() {
        let broadcast = broadcast(CAPACITY);
        let early = broadcast.subscribe();
        broadcast.send(1);
        let late = broadcast.subscribe();
        broadcast.send(200);
        broadcast.send(3);
        assert_eq!(drain(&early), plain(&[1, 200, 3]));
        assert_eq!(drain(&late), plain(&[200, 3]));
        assert_eq!(late.try_recv(), Err(NoEvent::Yet));
    }

    #[test]
    fn a_slow_subscriber_loses_the_oldest_and_is_told_how_many() {
        let broadcast = broadcast(3);
        let slow = broadcast.subscribe();
        (1..=5).for_each(|event| broadcast.send(event));
        assert_eq!(slow.try_recv(), Ok(Notice::Lagged(2)));
        assert_eq!(drain(&slow), plain(&[3, 4, 5]));
        broadcast.send(6);
        assert_eq!(drain(&slow), plain(&[6]));
    }

    #[test]
    fn terminal_events_survive_the_lag_in_their_place() {
        let broadcast = broadcast(2);
        let slow = broadcast.subscribe();
        for event in [1, 100, 2, 3, 200, 4] {
            broadcast.send(event);
        }
        assert_eq!(slow.try_recv(), Ok(Notice::Lagged(2)));
        assert_eq!(drain(&slow), plain(&[100, 3, 200, 4]));
    }

    #[test]
    fn terminal_events_are_bounded_too() {
        let broadcast = broadcast(1);
        let never_reads = broadcast.subscribe();
        (1..=70).for_each(|event| broadcast.send(event * 100));
        assert_eq!(never_reads.try_recv(), Ok(Notice::Lagged(6)));
        assert_eq!(drain(&never_reads).len(), TERMINAL_SHARE);
    }

    #[test]
    fn closing_lets_subscribers_drain_and_end() {
        let broadcast = broadcast(CAPACITY);
        let events = broadcast.subscribe();
        broadcast.send(1);
        broadcast.close();
        broadcast.send(2);
        assert_eq!(events.recv(), Some(Notice::Event(1)));
        assert_eq!(events.recv(), None);
        assert_eq!(block_on(events.recv_async()), None);
        assert_eq!(broadcast.subscribe().try_recv(), Err(NoEvent::Ever));
    }

    #[test]
    fn dropping_the_sender_ends_a_blocked_and_an_awaiting_receiver() {
        let broadcast = broadcast(CAPACITY);
        let (blocked, awaiting) = (broadcast.subscribe(), broadcast.subscribe());
        std::thread::scope(|scope| {
            let blocked = scope.spawn(move || blocked.recv());
            let awaiting = scope.spawn(move || block_on(awaiting.recv_async()));
            drop(broadcast);
            assert_eq!(
                (blocked.join().unwrap(), awaiting.join().unwrap()),
                (None, None)
            );
        });
    }

    #[test]
    fn a_dropped_subscriber_is_forgotten() {
        let broadcast = broadcast(CAPACITY);
        let (one, other) = (broadcast.subscribe(), broadcast.subscribe());
        drop(one);
        assert_eq!(broadcast.hub.queues().as_ref().unwrap().len(), 1);
        broadcast.send(1);
        assert_eq!(drain(&other), plain(&[1]));
    }

    #[test]
    fn a_timeout_ends_the_wait() {
        let broadcast = broadcast(CAPACITY);
        let events = broadcast.subscribe();
        assert_eq!(
            events.recv_timeout(Duration::from_millis(1)),
            Err(NoEvent::Yet)
        );
        broadcast.send(1);
        assert_eq!(events.recv_timeout(Duration::MAX), Ok(Notice::Event(1)));
    }

    #[test]
    fn events_of_several_senders_all_arrive_blocked_or_awaited() {
        const EACH: u32 = 1000;
        let broadcast = broadcast(2 * EACH as usize);
        let (blocked, awaiting) = (broadcast.subscribe(), broadcast.subscribe());
        std::thread::scope(|scope| {
            let count = |notice: Option<Notice<u32>>| matches!(notice, Some(Notice::Event(_)));
            let blocked = scope.spawn(move || (0..).take_while(|_| count(blocked.recv())).count());
            let awaiting = scope.spawn(move || {
                (0..)
                    .take_while(|_| count(block_on(awaiting.recv_async())))
                    .count()
            });
            let senders =
                [0, 1].map(|_| scope.spawn(|| (0..EACH).for_each(|event| broadcast.send(event))));
            senders
                .into_iter()
                .for_each(|sender| sender.join().unwrap());
            broadcast.close();
            assert_eq!(blocked.join().unwrap(), 2 * EACH as usize);
            assert_eq!(awaiting.join().unwrap(), 2 * EACH as usize);
        });
    }

    #[test]
    fn a_waker_may_call_back_into_the_broadcast() {
        struct Subscribes(Arc<Broadcast<u32>>, Mutex<Option<Events<u32>>>);
        impl std::task::Wake for Subscribes {
            fn wake(self: Arc<Self>) {
                *self.1.lock().unwrap() = Some(self.0.subscribe());
            }
        }
        let broadcast = Arc::new(broadcast(CAPACITY));
        let events = broadcast.subscribe();
        let waker = Arc::new(Subscribes(Arc::clone(&broadcast), Mutex::default()));
        let mut next = std::pin::pin!(events.recv_async());
        let wakes = std::task::Waker::from(Arc::clone(&waker));
        let polled = next
            .as_mut()
            .poll(&mut std::task::Context::from_waker(&wakes));
        assert!(polled.is_pending());
        broadcast.send(1);
        assert!(waker.1.lock().unwrap().is_some());
        waker.1.lock().unwrap().take();
    }

    proptest! {
        #[test]
        fn every_event_is_received_in_order_or_counted_as_lost(
            capacity in 1..5usize,
            steps in prop::collection::vec(prop_oneof![1..99u32, Just(100), Just(RECEIVE)], 0..64),
        ) {
            let broadcast = broadcast(capacity);
            let events = broadcast.subscribe();
            let (mut sent, mut received, mut lost) = (Vec::new(), Vec::new(), 0);
            let mut take = |notice| match notice {
                Notice::Event(event) => received.push(event),
                Notice::Lagged(count) => lost += count,
            };
            for step in steps {
                if step == RECEIVE {
                    events.try_recv().into_iter().for_each(&mut take);
                } else {
                    broadcast.send(step);
                    sent.push(step);
                }
            }
            drain(&events).into_iter().for_each(&mut take);
            prop_assert_eq!(received.len() as u64 + lost, sent.len() as u64);
            let mut in_order = sent.iter();
            prop_assert!(received.iter().all(|event| in_order.any(|sent| sent == event)));
            let terminal = |events: &[u32]| events.iter().filter(|event| **event == 100).count();
            prop_assert_eq!(terminal(&received), terminal(&sent));
        }
    }

    const RECEIVE: u32 = 0;
}
