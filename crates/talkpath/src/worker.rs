//! A worker: a thread with its calls, sockets and timers.
//!
//! One turn is: receive a batch, expire timers, carry out commands, flush, with
//! one `now` for all of it. In: datagrams and commands. Out: datagrams, events,
//! published statistics. It knows no SDP and waits for nobody.

mod command;
mod desk;
mod floor;
mod legs;
mod players;
mod published;
mod sockets;
mod speech;
mod wheel;

use std::sync::Arc;

use crate::driver::{Batch, Io, Next, Task};
use crate::event::{CloseReason, Event};
use crate::events::Broadcast;
use crate::mailbox::Inbox;
use floor::Floor;

pub(crate) use command::{Command, End, NewStream, Step};
pub(crate) use published::Published;
pub(crate) use speech::SpeechWatch;

/// The task of one worker thread.
pub(crate) struct Worker {
    inbox: Inbox<Command>,
    events: Arc<Broadcast<Event>>,
    batch: Batch,
    floor: Floor,
    stopping: bool,
}

impl Worker {
    /// A worker without calls that serves `inbox` and reports to `events`.
    pub(crate) fn new(
        now: talkpath_wire::Time,
        inbox: Inbox<Command>,
        events: Arc<Broadcast<Event>>,
    ) -> Self {
        let batch = Batch::new(BATCH);
        Worker {
            inbox,
            events,
            batch,
            floor: Floor::new(now),
            stopping: false,
        }
    }

    fn carry_out(&mut self, io: &mut dyn Io, command: Command) {
        let now = io.now();
        let floor = &mut self.floor;
        match command {
            Command::Open {
                session,
                call,
                published,
            } => floor.open(session, *call, published),
            Command::Negotiated { session, step } => floor.negotiated(now, io, session, step),
            Command::Fork { session, of, step } => floor.fork(now, io, (session, of), step),
            Command::Attach {
                session,
                stream,
                end,
                farewell,
            } => floor.attach(now, (session, stream), end, farewell),
            Command::Join {
                room,
                session,
                stream,
            } => floor.join(now, room, (session, stream)),
            Command::Gain {
                room,
                session,
                stream,
                gain,
            } => floor.set_gain(now, room, (session, stream), gain),
            Command::Leave { room, session } => floor.leave_room(now, room, session),
            Command::EndRoom { room } => floor.end_room(now, room),
            Command::Dial {
                session,
                stream,
                id,
                dtmf,
                done,
            } => floor.dial(now, (session, stream), (id, dtmf), done),
            Command::StopDialling {
                session,
                stream,
                id,
            } => floor.stop_dialling((session, stream), id),
            Command::ListenForDigits {
                session,
                stream,
                inband,
            } => floor.listen_for_digits(now, (session, stream), inband),
            Command::Mute { session, mute } => floor.mute(now, session, mute),
            Command::Close {
                session,
                reason,
                done,
            } => {
                floor.close(now, session, reason, Some(done));
            }
            Command::Stop => {
                self.stopping = true;
                floor.close_all(now, CloseReason::Application);
            }
        }
    }

    /// Tells the subscribers what happened.
    fn report(&mut self, now: talkpath_wire::Time) {
        let events = &self.events;
        let mut say = |session, what| {
            events.send(Event {
                at: now,
                session,
                what,
            });
        };
        for (session, what) in self.floor.drain_events() {
            say(session, what);
        }
        self.floor.part(&mut say);
    }
}

impl Task for Worker {
    fn turn(&mut self, io: &mut dyn Io) -> Next {
        let now = io.now();
        io.receive(&mut self.batch);
        let more = self.batch.is_full();
        self.floor.take(now, &mut self.batch);
        self.floor.expire(now);
        while let Some(command) = self.inbox.next() {
            self.carry_out(io, command);
        }
        self.floor.flush(io);
        self.floor.vacate(now, io);
        self.floor.look_after(now);
        self.report(now);
        match self.floor.next() {
            _ if self.stopping => Next::Finished,
            _ if more => Next::Now,
            Some(at) => Next::At(at),
            None => Next::WhenWoken,
        }
    }
}

/// Datagrams of a batch.
const BATCH: usize = 64;
