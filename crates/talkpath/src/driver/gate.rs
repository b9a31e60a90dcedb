//! A gate: something changed, whoever waits may look again.
//!
//! The one thing that threads and tasks wait on here. Take the [`count`], look
//! at what the gate guards, then wait for the gate to move on from that count:
//! a change in between is never missed. Waiting goes through the driver, so
//! that in a simulation it moves virtual time instead. Moving a gate that
//! nobody waits on takes no lock and makes no system call; moving any gate
//! allocates and frees nothing.
//!
//! [`count`]: Gate::count

use std::collections::VecDeque;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A counter of changes that can be waited for or awaited.
#[derive(Debug, Default)]
pub struct Gate {
    count: AtomicU64,
    /// Blocked threads and registered wakers. A waiter raises it before it
    /// looks at `count`, a mover reads it after raising `count`: at least one
    /// of the two sees the other.
    waiting: AtomicUsize,
    wakers: Mutex<Wakers>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Wakers {
    next_ticket: u64,
    /// In the order of their tickets.
    parked: VecDeque<(u64, Waker)>,
}

impl Gate {
    /// A gate that has never moved.
    pub fn new() -> Self {
        Self::default()
    }

    /// How often the gate has moved; take it before looking at what it guards.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Says that something changed.
    pub fn advance(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut wakers = self.wakers();
        self.moved.notify_all();
        // One by one and outside the lock: a waker may do anything, this gate
        // included. Those who park meanwhile have seen the new count.
        let later = wakers.next_ticket;
        while wakers
            .parked
            .front()
            .is_some_and(|(ticket, _)| *ticket < later)
        {
            let first = wakers.parked.pop_front();
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            drop(wakers);
            first.into_iter().for_each(|(_, waker)| waker.wake());
            wakers = self.wakers();
        }
    }

    /// Completes when the gate moves on from `seen`, on any runtime.
    pub fn moved(&self, seen: u64) -> Moved<&Gate> {
        Moved::new(self, seen)
    }

    /// Blocks the thread until the gate moves on from `seen` or `timeout` has
    /// passed, whichever is first. For drivers that have threads.
    pub fn block(&self, seen: u64, timeout: Option<Duration>) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let wakers = self.wakers();
        let shut = |_: &mut Wakers| self.count() == seen;
        match timeout {
            None => drop(self.moved.wait_while(wakers, shut)),
            Some(timeout) => drop(self.moved.wait_timeout_while(wakers, timeout, shut)),
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    fn wakers(&self) -> MutexGuard<'_, Wakers> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks `waker` under `ticket` unless the gate has moved on from `seen`.
    fn park(&self, seen: u64, ticket: &mut Option<u64>, waker: &Waker) -> Poll<()> {
        let mut wakers = self.wakers();
        let known = ticket.and_then(|t| wakers.parked.iter().position(|(known, _)| *known == t));
        if let Some(known) = known {
            wakers.parked[known].1.clone_from(waker);
        } else {
            let new = wakers.next_ticket;
            wakers.next_ticket += 1;
            wakers.parked.push_back((new, waker.clone()));
            self.waiting.fetch_add(1, Ordering::SeqCst);
            *ticket = Some(new);
        }
        if self.count() == seen {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    fn unpark(&self, ticket: u64) {
        let mut wakers = self.wakers();
        let known = wakers.parked.iter().position(|(known, _)| *known == ticket);
        if let Some(known) = known {
            wakers.parked.remove(known);
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// The future of a gate's next move; see [`Gate::moved`].
///
/// `G` is a `&Gate` or an `Arc<Gate>`.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Moved<G: Deref<Target = Gate>> {
    gate: G,
    seen: u64,
    ticket: Option<u64>,
}

impl<G: Deref<Target = Gate>> Moved<G> {
    /// Completes when `gate` moves on from `seen`.
    pub fn new(gate: G, seen: u64) -> Self {
        Moved {
            gate,
            seen,
            ticket: None,
        }
    }
}

impl<G: Deref<Target = Gate> + Unpin> Future for Moved<G> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.gate.count() != this.seen {
            return Poll::Ready(());
        }
        this.gate.park(this.seen, &mut this.ticket, context.waker())
    }
}

impl<G: Deref<Target = Gate>> Drop for Moved<G> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.gate.unpark(ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::block_on::block_on;
    use std::sync::Arc;

    #[test]
    fn a_change_between_looking_and_waiting_is_not_missed() {
        let gate = Gate::new();
        let seen = gate.count();
        gate.advance();
        gate.block(seen, None);
        block_on(gate.moved(seen));
    }

    #[test]
    fn a_blocked_thread_is_let_go() {
        let gate = Arc::new(Gate::new());
        let seen = gate.count();
        let other = Arc::clone(&gate);
        let thread = std::thread::spawn(move || other.advance());
        gate.block(seen, None);
        assert!(thread.join().is_ok());
    }

    #[test]
    fn a_timeout_ends_the_wait() {
        let gate = Gate::new();
        gate.block(gate.count(), Some(Duration::from_millis(1)));
        assert_eq!(gate.count(), 0);
        assert_eq!(gate.waiting.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_dropped_future_leaves_nothing_parked() {
        let gate = Gate::new();
        let mut moved = gate.moved(0);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            assert_eq!(Pin::new(&mut moved).poll(&mut context), Poll::Pending);
        }
        assert_eq!(gate.waiting.load(Ordering::SeqCst), 1);
        drop(moved);
        assert_eq!(gate.waiting.load(Ordering::SeqCst), 0);
        assert!(gate.wakers().parked.is_empty());
    }

    #[test]
    fn moves_from_several_threads_are_all_seen_by_blocked_and_awaiting() {
        let gate = Arc::new(Gate::new());
        let wait_for = |goal: u64, gate: &Gate| {
            loop {
                let seen = gate.count();
                if seen >= goal {
                    return;
                }
                if goal.is_multiple_of(2) {
                    gate.block(seen, None)
                } else {
                    block_on(gate.moved(seen))
                }
            }
        };
        std::thread::scope(|scope| {
            for goal in [1999, 2000] {
                let gate = Arc::clone(&gate);
                scope.spawn(move || wait_for(goal, &gate));
            }
            for _ in 0..2 {
                scope.spawn(|| (0..1000).for_each(|_| gate.advance()));
            }
        });
        assert_eq!(gate.count(), 2000);
        assert_eq!(gate.waiting.load(Ordering::SeqCst), 0);
    }
}
