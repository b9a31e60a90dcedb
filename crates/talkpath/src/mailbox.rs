//! The mailbox of a worker: commands from handles, bounded, in order.
//!
//! A place is reserved first, which can be refused, and used later, which
//! cannot: a plan reserves its place before it is committed, a session keeps
//! one all its life for the command that closes it. Reserved places and queued
//! commands together are what the capacity bounds. When the worker is gone,
//! commands are dropped, and with them whatever waits for their completion.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::driver::Wake;

/// Why no place was to be had in a worker's mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum ReserveError {
    /// Every place is reserved or holds a command.
    #[error("all {capacity} places of the worker's mailbox are taken")]
    Full {
        /// How many there are.
        capacity: usize,
    },
    /// The worker has ended.
    #[error("the worker has ended")]
    Gone,
}

/// A mailbox whose worker has not been started yet.
pub(crate) struct Unconnected<C>(Arc<Shared<C>>);

/// Where handles leave commands for a worker.
pub(crate) struct Mailbox<C> {
    shared: Arc<Shared<C>>,
    wake: Arc<dyn Wake>,
}

/// A reserved place for one command; dropped unused, it is free again.
pub(crate) struct Permit<C> {
    mailbox: Mailbox<C>,
}

/// The worker's side: an iterator that pauses, with `None`, when all that was
/// queued at its first step has been taken, so that a turn ends.
pub(crate) struct Inbox<C> {
    shared: Arc<Shared<C>>,
    taken: VecDeque<C>,
    is_under_way: bool,
}

struct Shared<C> {
    capacity: usize,
    state: Mutex<State<C>>,
}

struct State<C> {
    queue: VecDeque<C>,
    reserved: usize,
    is_gone: bool,
}

/// A mailbox of `capacity` places: one half for handles, to be connected once
/// the worker runs, one for the worker.
pub(crate) fn mailbox<C>(capacity: usize) -> (Unconnected<C>, Inbox<C>) {
    let queue = VecDeque::new();
    let state = Mutex::new(State {
        queue,
        reserved: 0,
        is_gone: false,
    });
    let shared = Arc::new(Shared { capacity, state });
    let taken = VecDeque::new();
    (
        Unconnected(Arc::clone(&shared)),
        Inbox {
            shared,
            taken,
            is_under_way: false,
        },
    )
}

impl<C> Unconnected<C> {
    /// The mailbox, whose commands wake the worker by `wake`.
    pub(crate) fn connect(self, wake: Arc<dyn Wake>) -> Mailbox<C> {
        Mailbox {
            shared: self.0,
            wake,
        }
    }
}

impl<C> Mailbox<C> {
    /// Reserves a place for one command, for as long as needed.
    ///
    /// # Errors
    /// [`ReserveError`], when there is none.
    pub(crate) fn reserve(&self) -> Result<Permit<C>, ReserveError> {
        let capacity = self.shared.capacity;
        let mut state = self.shared.state();
        if state.is_gone {
            return Err(ReserveError::Gone);
        }
        if state.reserved + state.queue.len() >= capacity {
            return Err(ReserveError::Full { capacity });
        }
        state.reserved += 1;
        Ok(Permit {
            mailbox: self.clone(),
        })
    }
}

impl<C> Permit<C> {
    /// Queues `command` and wakes the worker.
    pub(crate) fn send(self, command: C) {
        let mut state = self.mailbox.shared.state();
        if !state.is_gone {
            state.queue.push_back(command);
        }
        drop(state);
        self.mailbox.wake.wake();
    }
}

impl<C> Drop for Permit<C> {
    fn drop(&mut self) {
        self.mailbox.shared.state().reserved -= 1;
    }
}

impl<C> Iterator for Inbox<C> {
    type Item = C;

    fn next(&mut self) -> Option<C> {
        if !self.is_under_way {
            std::mem::swap(&mut self.taken, &mut self.shared.state().queue);
        }
        let command = self.taken.pop_front();
        self.is_under_way = command.is_some();
        command
    }
}

impl<C> Drop for Inbox<C> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_gone = true;
        let queue = std::mem::take(&mut state.queue);
        // A command may hold a permit, whose drop takes the lock.
        drop(state);
        drop(queue);
    }
}

impl<C> Shared<C> {
    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Clone for Mailbox<C> {
    fn clone(&self) -> Self {
        Mailbox {
            shared: Arc::clone(&self.shared),
            wake: Arc::clone(&self.wake),
        }
    }
}

impl<C> fmt::Debug for Mailbox<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("Mailbox")
            .field("capacity", &self.shared.capacity)
            .field("queued", &state.queue.len())
            .field("reserved", &state.reserved)
            .finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for Permit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.mailbox).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Gate;
    use talkpath_wire::Time;

    /// Counts the calls.
    #[derive(Debug, Default)]
    struct Bell(Gate);

    impl Wake for Bell {
        fn wake(&self) {
            self.0.advance();
        }

        fn join(&self, _: Time) -> bool {
            true
        }
    }

    fn open<C>(capacity: usize) -> (Mailbox<C>, Inbox<C>, Arc<Bell>) {
        let bell = Arc::new(Bell::default());
        let (unconnected, inbox) = mailbox(capacity);
        (unconnected.connect(bell.clone()), inbox, bell)
    }

    #[test]
    fn commands_arrive_in_the_order_in_which_they_were_sent() {
        let (mailbox, mut inbox, bell) = open(4);
        let late = mailbox.reserve().unwrap();
        for command in ["one", "two"] {
            mailbox.reserve().unwrap().send(command);
        }
        late.send("three");
        assert_eq!(bell.0.count(), 3);
        assert_eq!(inbox.by_ref().collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!(inbox.next(), None);
    }

    #[test]
    fn reserved_places_and_queued_commands_share_the_capacity() {
        let (mailbox, mut inbox, _) = open(2);
        let held = mailbox.reserve().unwrap();
        mailbox.reserve().unwrap().send(1);
        assert_eq!(
            mailbox.reserve().err(),
            Some(ReserveError::Full { capacity: 2 })
        );
        assert_eq!(inbox.next(), Some(1));
        let other = mailbox.reserve().unwrap();
        assert!(mailbox.reserve().is_err());
        drop(held);
        assert!(mailbox.reserve().is_ok());
        other.send(2);
    }

    #[test]
    fn a_turn_ends_although_commands_keep_coming() {
        let (mailbox, mut inbox, _) = open(2);
        mailbox.reserve().unwrap().send(1);
        assert_eq!(inbox.next(), Some(1));
        mailbox.reserve().unwrap().send(2);
        assert_eq!(inbox.next(), None);
        assert_eq!(inbox.next(), Some(2));
    }

    #[test]
    fn when_the_worker_is_gone_commands_are_dropped_and_no_place_is_left() {
        let (mailbox, inbox, _) = open::<Arc<()>>(4);
        let (early, late) = (Arc::new(()), Arc::new(()));
        mailbox.reserve().unwrap().send(early.clone());
        let permit = mailbox.reserve().unwrap();
        drop(inbox);
        permit.send(late.clone());
        assert_eq!(
            [Arc::strong_count(&early), Arc::strong_count(&late)],
            [1, 1]
        );
        assert_eq!(mailbox.reserve().err(), Some(ReserveError::Gone));
    }

    #[test]
    fn a_command_that_holds_a_permit_can_be_dropped() {
        struct Nested(#[allow(dead_code, reason = "held for its drop")] Option<Permit<Nested>>);
        let (mailbox, inbox, _) = open::<Nested>(4);
        let nested = mailbox.reserve().unwrap();
        mailbox.reserve().unwrap().send(Nested(Some(nested)));
        drop(inbox);
        assert_eq!(mailbox.shared.state().reserved, 0);
    }

    #[test]
    fn each_of_two_threads_keeps_its_order_and_nothing_is_lost() {
        const EACH: u32 = 2000;
        let (mailbox, mut inbox, bell) = open(8);
        std::thread::scope(|scope| {
            for sender in 0..2 {
                let mailbox = mailbox.clone();
                scope.spawn(move || {
                    for number in 0..EACH {
                        let permit = loop {
                            match mailbox.reserve() {
                                Ok(permit) => break permit,
                                Err(_) => std::thread::yield_now(),
                            }
                        };
                        permit.send((sender, number));
                    }
                });
            }
            let mut expected = [0; 2];
            while expected != [EACH; 2] {
                let seen = bell.0.count();
                let before = expected;
                for (sender, number) in inbox.by_ref() {
                    assert_eq!(number, expected[sender]);
                    expected[sender] += 1;
                }
                if expected == before {
                    bell.0.block(seen, None);
                }
            }
        });
        assert_eq!(mailbox.shared.state().reserved, 0);
    }
}
