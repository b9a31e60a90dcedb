//! The threads of a manager, each stopped when its handle is dropped.

use std::sync::Arc;

use talkpath_wire::Time;

use crate::driver::{Driver, Wake};
use crate::error::BuildError;
use crate::event::Event;
use crate::events::Broadcast;
use crate::files::{FileCommand, Files};
use crate::mailbox::{Mailbox, Permit, mailbox};
use crate::worker::{Command, Worker};

/// A running task that is stopped when this is dropped.
pub(super) struct Thread<C> {
    wake: Arc<dyn Wake>,
    stop: Option<(Permit<C>, C)>,
}

impl<C> Thread<C> {
    fn new(wake: Arc<dyn Wake>, mailbox: &Mailbox<C>, stop: C) -> Self {
        let stop = mailbox.reserve().ok().map(|permit| (permit, stop));
        Thread { wake, stop }
    }

    pub(super) fn stop(&mut self) {
        if let Some((permit, stop)) = self.stop.take() {
            permit.send(stop);
        }
    }

    pub(super) fn join(&self, deadline: Time) {
        self.wake.join(deadline);
    }
}

impl<C> Drop for Thread<C> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Mailboxes and the threads that serve them.
pub(super) type Workers = (Vec<Mailbox<Command>>, Vec<Thread<Command>>);

pub(super) fn start_workers(
    driver: &Arc<dyn Driver>,
    events: &Arc<Broadcast<Event>>,
    count: usize,
) -> Result<Workers, BuildError> {
    let (mut mailboxes, mut threads) = (Vec::new(), Vec::new());
    for number in 0..count {
        let (unconnected, inbox) = mailbox(MAILBOX);
        let worker = Worker::new(driver.now(), inbox, Arc::clone(events));
        let name = format!("talkpath-{number}");
        let wake = driver
            .start(&name, Box::new(worker))
            .map_err(BuildError::Start)?;
        let mailbox = unconnected.connect(Arc::clone(&wake));
        threads.push(Thread::new(wake, &mailbox, Command::Stop));
        mailboxes.push(mailbox);
    }
    Ok((mailboxes, threads))
}

pub(super) fn start_files(
    driver: &Arc<dyn Driver>,
    events: &Arc<Broadcast<Event>>,
) -> Result<(Mailbox<FileCommand>, Thread<FileCommand>), BuildError> {
    let (unconnected, inbox) = mailbox(MAILBOX);
    let files = Files::new(inbox, Arc::clone(events));
    let wake = driver
        .start("talkpath-files", Box::new(files))
        .map_err(BuildError::Start)?;
    let mailbox = unconnected.connect(Arc::clone(&wake));
    let thread = Thread::new(wake, &mailbox, FileCommand::Stop);
    Ok((mailbox, thread))
}

/// Commands that wait for a worker, and places kept for them: two per port.
const MAILBOX: usize = 131_072;
