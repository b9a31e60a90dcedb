//! A gate: something changed, whoever waits may look again.
//!
//! The one thing that threads and tasks wait on here. Waiting goes through the
//! driver, so that in a simulation it moves virtual time instead.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// A counter of changes that can be waited for or awaited.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    wakers: Vec<Waker>,
}

impl Gate {
    /// A gate that has never moved.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often the gate has moved; take it before looking at what it guards.
    pub fn count(&self) -> u64 {
        self.state().count
    }

    /// Says that something changed.
    pub fn advance(&self) {
        let mut state = self.state();
        state.count = state.count.wrapping_add(1);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.moved.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Asks for `waker` to be woken when the gate moves on from `seen`; wakes
    /// it at once when it already has.
    pub fn wake_after(&self, seen: u64, waker: &Waker) {
        let mut state = self.state();
        if state.count != seen {
            drop(state);
            waker.wake_by_ref();
        } else if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
    }

    /// Blocks the thread until the gate moves on from `seen` or `timeout` has
    /// passed, whichever is first. For drivers that have threads.
    pub fn block(&self, seen: u64, timeout: Option<Duration>) {
        let state = self.state();
        let waiting = |state: &mut State| state.count == seen;
        match timeout {
            None => drop(self.moved.wait_while(state, waiting)),
            Some(timeout) => drop(self.moved.wait_timeout_while(state, timeout, waiting)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_change_between_looking_and_waiting_is_not_missed() {
        let gate = Gate::new();
        let seen = gate.count();
        gate.advance();
        gate.block(seen, None);
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
    }
}
