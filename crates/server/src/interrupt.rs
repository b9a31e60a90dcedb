//! Ctrl-C and SIGTERM: asked for an end, not killed.
//!
//! The first one is noticed by whoever waits, so that a call ends with its
//! goodbye; the second one ends the program at once.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Failure;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Begins to listen for signals.
pub(crate) fn listen() -> Result<(), Failure> {
    let handler = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Failure::new(format!("signals cannot be listened for: {error}")))
}

/// Whether the user asked for an end.
pub(crate) fn is_asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
