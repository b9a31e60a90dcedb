//! The thread of a task: wait until something is due, take a turn, repeat.
//!
//! In: readiness of sockets, calls of [`Wake`], the task's own deadline. Out:
//! turns. The thread ends when the task has finished, or has panicked; either
//! way the task is dropped and [`Wake::join`] says so.

use std::io::{ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use polling::{Events, Poller};
use talkpath_wire::Time;

use super::Clock;
use super::io::OsIo;
use crate::driver::{Gate, Next, Task, Wake};

/// Runs `task` on a thread called `name`.
pub(super) fn start(clock: Clock, name: &str, task: Box<dyn Task>) -> Result<Arc<dyn Wake>> {
    let poller = Arc::new(Poller::new()?);
    let handle = Arc::new(Handle {
        clock,
        poller,
        finished: AtomicBool::new(false),
        end: Gate::new(),
    });
    let end = End(Arc::clone(&handle));
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let end = end;
            run(&end.0, task);
        })?;
    Ok(handle)
}

fn run(handle: &Handle, mut task: Box<dyn Task>) {
    let mut io = OsIo::new(handle.clock, Arc::clone(&handle.poller));
    let mut events = Events::new();
    loop {
        let timeout = match task.turn(&mut io) {
            Next::Finished => return,
            Next::Now => Some(Duration::ZERO),
            _ if io.is_ready() => Some(Duration::ZERO),
            Next::At(deadline) => handle.clock.until(deadline),
            Next::WhenWoken => None,
        };
        events.clear();
        match handle.poller.wait(&mut events, timeout) {
            Ok(_) => events.iter().for_each(|event| io.readable(event.key)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Out of kernel memory, which passes: turns go on, a little later.
            #[allow(clippy::disallowed_methods, reason = "the real world's own thread")]
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// The handle of a task's thread.
#[derive(Debug)]
struct Handle {
    clock: Clock,
    poller: Arc<Poller>,
    finished: AtomicBool,
    end: Gate,
}

impl Wake for Handle {
    fn wake(&self) {
        // Fails only when the notification cannot be written, which is when
        // one is there already.
        let _ = self.poller.notify();
    }

    fn join(&self, deadline: Time) -> bool {
        loop {
            let seen = self.end.count();
            if self.finished.load(Ordering::Acquire) {
                return true;
            }
            let left = self.clock.until(deadline);
            if left == Some(Duration::ZERO) {
                return false;
            }
            self.end.block(seen, left);
        }
    }
}

/// Tells of the thread's end when dropped, which a panic does too.
struct End(Arc<Handle>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.finished.store(true, Ordering::Release);
        self.0.end.advance();
    }
}
