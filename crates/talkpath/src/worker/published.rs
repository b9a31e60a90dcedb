//! What a worker lets handles see of a session: the last published copy of its
//! statistics, and whether it is gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use talkpath_media::SessionStats;

/// A session's statistics, written by its worker and read by anyone.
#[derive(Debug, Default)]
pub(crate) struct Published {
    stats: Mutex<SessionStats>,
    is_over: AtomicBool,
}

impl Published {
    /// The copy published last.
    pub(crate) fn stats(&self) -> SessionStats {
        self.stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Publishes what `fill` writes over the last copy. A reader who is just
    /// copying makes the worker skip this time; tells whether it published.
    pub(crate) fn publish(&self, fill: impl FnOnce(&mut SessionStats)) -> bool {
        match self.stats.try_lock() {
            Ok(mut stats) => {
                fill(&mut stats);
                true
            }
            Err(_) => false,
        }
    }

    /// Publishes the last copy of all, waiting for a reader if there is one.
    pub(crate) fn publish_last(&self, fill: impl FnOnce(&mut SessionStats)) {
        fill(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Says that the worker has let the session go, whoever asked for it.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Whether the worker has let the session go.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}
