//! What takes time: one value that will come, to be waited for or awaited.
//!
//! The worker has the [`Completer`], the application the [`Pending`]. Either
//! may be dropped first: nobody hears the value then, or the wait ends with
//! [`Abandoned`]. Blocking goes through the driver; awaiting needs no
//! particular runtime.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use talkpath_wire::Time;

use crate::driver::{Driver, Gate};

/// A value that is still to come.
///
/// It is a [`Future`]; without a runtime, [`Pending::wait`] blocks for it.
/// Dropping it forgets the value and stops nothing.
///
/// ```
/// # use talkpath::{Audio, Codec, MediaManager};
/// # let manager = MediaManager::builder().interface("127.0.0.1").ports(25400..=25500).build()?;
/// # let (caller, offer) = manager.create_offer(Audio::sendrecv(Codec::USUAL))?;
/// # let (callee, answer) = manager.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
/// # caller.apply_answer(&answer)?;
/// let closed = caller.close();
/// closed.wait()?; // or, in async code: closed.await?
/// # drop(callee);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pending<T> {
    shared: Arc<Shared<T>>,
    driver: Arc<dyn Driver>,
}

/// The value will not come: what was to bring it has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("what was waited for will not come: its worker has ended")]
pub struct Abandoned;

/// The side that brings the value.
pub(crate) struct Completer<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    gate: Gate,
}

enum State<T> {
    Waiting(Option<Waker>),
    Come(T),
    /// The value was taken, or its completer dropped.
    Over,
}

/// A value to come, and the side that brings it.
pub(crate) fn pending<T>(driver: Arc<dyn Driver>) -> (Completer<T>, Pending<T>) {
    let state = Mutex::new(State::Waiting(None));
    let shared = Arc::new(Shared {
        state,
        gate: Gate::new(),
    });
    (
        Completer {
            shared: Arc::clone(&shared),
        },
        Pending { shared, driver },
    )
}

impl<T> Completer<T> {
    /// Whether nobody waits for the value any more.
    pub(crate) fn is_forgotten(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }

    /// Brings the value.
    pub(crate) fn complete(self, value: T) {
        self.shared.end(State::Come(value));
    }
}

impl<T> Drop for Completer<T> {
    fn drop(&mut self) {
        self.shared.end(State::Over);
    }
}

impl<T> Pending<T> {
    /// Blocks until the value comes.
    ///
    /// # Errors
    /// [`Abandoned`] when it will not.
    pub fn wait(self) -> Result<T, Abandoned> {
        loop {
            if let Some(value) = self.wait_until(Time::MAX) {
                return value;
            }
        }
    }

    /// Blocks until the value comes or `timeout` has passed; none when it has
    /// not come yet.
    ///
    /// # Errors
    /// [`Abandoned`] when it will not come, or was already taken.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Result<T, Abandoned>> {
        self.wait_until(self.driver.now() + timeout)
    }

    /// Whether nothing has to be waited for any more: the value is there, or
    /// will never come.
    pub fn is_ready(&self) -> bool {
        !matches!(*self.shared.state(), State::Waiting(_))
    }

    fn wait_until(&self, deadline: Time) -> Option<Result<T, Abandoned>> {
        loop {
            let seen = self.shared.gate.count();
            if let Poll::Ready(value) = self.shared.take(None) {
                return Some(value);
            }
            if self.driver.now() >= deadline {
                return None;
            }
            let deadline = (deadline != Time::MAX).then_some(deadline);
            self.driver.wait(&self.shared.gate, seen, deadline);
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Abandoned>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.shared.take(Some(context.waker()))
    }
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the wait with `end`, unless it has ended before.
    fn end(&self, end: State<T>) {
        let mut state = self.state();
        let State::Waiting(waker) = &mut *state else {
            return;
        };
        let waker = waker.take();
        *state = end;
        drop(state);
        self.gate.advance();
        waker.into_iter().for_each(Waker::wake);
    }

    fn take(&self, waker: Option<&Waker>) -> Poll<Result<T, Abandoned>> {
        let mut state = self.state();
        if let State::Waiting(parked) = &mut *state {
            if let Some(waker) = waker {
                *parked = Some(waker.clone());
            }
            return Poll::Pending;
        }
        match std::mem::replace(&mut *state, State::Over) {
            State::Come(value) => Poll::Ready(Ok(value)),
            State::Over | State::Waiting(_) => Poll::Ready(Err(Abandoned)),
        }
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.shared.state() {
            State::Waiting(_) => "waiting",
            State::Come(_) => "come",
            State::Over => "over",
        };
        f.debug_tuple("Pending")
            .field(&format_args!("{state}"))
            .finish()
    }
}

impl<T> fmt::Debug for Completer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Os, block_on::block_on};

    fn new<T>() -> (Completer<T>, Pending<T>) {
        pending(Arc::new(Os::new()))
    }

    #[test]
    fn a_value_is_waited_for_from_another_thread() {
        let (completer, pending) = new();
        let thread = std::thread::spawn(move || pending.wait());
        completer.complete("done");
        assert_eq!(thread.join().unwrap(), Ok("done"));
    }

    #[test]
    fn a_value_is_awaited_without_a_runtime_of_ours() {
        let (completer, pending) = new();
        let thread = std::thread::spawn(|| block_on(pending));
        completer.complete(7);
        assert_eq!(thread.join().unwrap(), Ok(7));
    }

    #[test]
    fn the_latest_waker_is_the_one_woken() {
        let (completer, mut pending) = new();
        let mut poll = |waker: &Waker| Pin::new(&mut pending).poll(&mut Context::from_waker(waker));
        assert_eq!(poll(Waker::noop()), Poll::Pending);
        let completer = std::thread::scope(|scope| {
            let awaiting =
                scope.spawn(|| block_on(std::future::poll_fn(|context| poll(context.waker()))));
            completer.complete(1);
            awaiting.join().unwrap()
        });
        assert_eq!(completer, Ok(1));
    }

    #[test]
    fn a_timeout_leaves_the_value_to_come() {
        let (completer, mut pending) = new();
        assert_eq!(pending.wait_timeout(Duration::from_millis(1)), None);
        assert_eq!(pending.wait_timeout(Duration::ZERO), None);
        assert!(!pending.is_ready());
        completer.complete(1);
        assert!(pending.is_ready());
        assert_eq!(pending.wait_timeout(Duration::ZERO), Some(Ok(1)));
        assert_eq!(pending.wait_timeout(Duration::MAX), Some(Err(Abandoned)));
    }

    #[test]
    fn a_dropped_completer_ends_the_wait() {
        let (completer, pending) = new::<()>();
        let thread = std::thread::spawn(move || pending.wait());
        drop(completer);
        assert_eq!(thread.join().unwrap(), Err(Abandoned));
        let (completer, pending) = new::<()>();
        drop(completer);
        assert_eq!(block_on(pending), Err(Abandoned));
    }

    #[test]
    fn nobody_has_to_listen() {
        let (completer, pending) = new();
        drop(pending);
        completer.complete(());
    }
}
