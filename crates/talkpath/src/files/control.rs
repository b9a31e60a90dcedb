//! What a recording's handles, its worker and the files task share.
//!
//! In: pause, resume, stop, from any thread. Out: whether to listen now, asked
//! by the worker each tick, and what became of it, for whoever waits. Handles
//! come and go; the recording does not notice.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{FileDone, Stop};
use crate::driver::Driver;
use crate::wait::{Completer, Pending, pending};

/// A recording's number, unique within its session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordingId(pub u64);

/// Where a recording stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordingState {
    /// What is heard or said is recorded.
    Recording,
    /// Nothing is, until it is resumed.
    Paused,
    /// It was told to stop, or is over.
    Stopped,
}

/// The one thing that all who have to do with a recording share.
pub(crate) struct Control {
    id: RecordingId,
    path: PathBuf,
    driver: Arc<dyn Driver>,
    pub(crate) stop: Stop,
    paused: AtomicBool,
    fate: Mutex<Fate>,
}

enum Fate {
    /// It goes on; these wait for its end.
    Open(Vec<Completer<FileDone>>),
    Done(FileDone),
    /// The files task ended before it did.
    Lost,
}

impl Control {
    pub(crate) fn new(id: RecordingId, path: &Path, driver: Arc<dyn Driver>) -> Arc<Self> {
        Arc::new(Control {
            id,
            path: path.into(),
            driver,
            stop: Stop::default(),
            paused: AtomicBool::new(false),
            fate: Mutex::new(Fate::Open(Vec::new())),
        })
    }

    pub(crate) fn id(&self) -> RecordingId {
        self.id
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn pause(&self) {
        self.paused.store(true, Ordering::Release);
    }

    pub(crate) fn resume(&self) {
        self.paused.store(false, Ordering::Release);
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    pub(crate) fn state(&self) -> RecordingState {
        if self.stop.is_asked() || self.is_over() {
            RecordingState::Stopped
        } else if self.is_paused() {
            RecordingState::Paused
        } else {
            RecordingState::Recording
        }
    }

    /// Whether its file is done with.
    pub(crate) fn is_over(&self) -> bool {
        !matches!(*self.fate(), Fate::Open(_))
    }

    /// What becomes of it; any number may wait for that.
    pub(crate) fn done(&self) -> Pending<FileDone> {
        let (done, waited) = pending(Arc::clone(&self.driver));
        let mut fate = self.fate();
        match &mut *fate {
            Fate::Open(waiting) => {
                // Who forgot his value needs no place.
                waiting.retain(|other| !other.is_forgotten());
                waiting.push(done);
            }
            Fate::Done(what) => {
                let what = what.clone();
                drop(fate);
                done.complete(what);
            }
            Fate::Lost => {}
        }
        waited
    }

    /// Ends it, once. Nobody is woken under the lock.
    fn end(&self, what: Option<FileDone>) {
        let mut fate = self.fate();
        let Fate::Open(waiting) = &mut *fate else {
            return;
        };
        let waiting = std::mem::take(waiting);
        *fate = what.clone().map_or(Fate::Lost, Fate::Done);
        drop(fate);
        if let Some(done) = what {
            for other in waiting {
                other.complete(done.clone());
            }
        }
    }

    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control")
            .field("id", &self.id)
            .field("path", &self.path)
            .field("state", &self.state())
            .finish()
    }
}

/// The files task's duty to say what became of a recording.
#[derive(Debug)]
pub(crate) struct Duty(Arc<Control>);

impl Duty {
    pub(crate) fn new(control: &Arc<Control>) -> Self {
        Duty(Arc::clone(control))
    }

    pub(crate) fn complete(self, done: FileDone) {
        self.0.end(Some(done));
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.0.end(None);
    }
}
