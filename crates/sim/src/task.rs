//! The tasks of all drivers, and when each has its next turn.
//!
//! In: wakes, readable sockets, and what each turn says of the next. Out: turns
//! in the world's queue. A turn takes a microsecond, so that a task that always
//! wants another at once still lets time pass; a slow disk or a stalled host
//! makes it longer.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use talkpath::driver::{Next, Task, Wake};
use talkpath_media::SocketKey;
use talkpath_wire::Time;

use crate::clock::Clock;
use crate::engine::{Happening, Progress, Shared, State, Until};
use crate::io::VirtualIo;
use crate::network::{HostId, SocketId};
use crate::world::World;

/// A task of the world; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TaskId(usize);

/// All tasks there ever were.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    slots: Vec<Slot>,
    running: Option<TaskId>,
    busy: Duration,
}

#[derive(Debug)]
struct Slot {
    host: HostId,
    clock: Clock,
    life: Life,
    /// The turn that is in the queue: older ones there are void.
    next: Option<Time>,
    generation: u64,
    not_before: Time,
    sockets: BTreeMap<SocketKey, SocketId>,
    /// A socket for each of its datagrams, oldest first.
    readable: VecDeque<SocketId>,
}

enum Life {
    Waiting(Box<dyn Task>),
    InTurn,
    Finished,
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Life::Waiting(_) => "Waiting",
            Life::InTurn => "InTurn",
            Life::Finished => "Finished",
        })
    }
}

impl Tasks {
    /// How many have not finished.
    pub(crate) fn live(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| !matches!(slot.life, Life::Finished))
            .count()
    }

    pub(crate) fn has_finished(&self, task: TaskId) -> bool {
        matches!(self.slot(task).life, Life::Finished)
    }

    /// Notes that a socket of `task` has one more datagram.
    pub(crate) fn readable(&mut self, task: TaskId, socket: SocketId) {
        self.slot_mut(task).readable.push_back(socket);
    }

    /// The socket with the oldest datagram that `task` has not read.
    pub(crate) fn next_readable(&mut self, task: TaskId) -> Option<SocketId> {
        self.slot_mut(task).readable.pop_front()
    }

    /// The sockets that `task` has adopted.
    pub(crate) fn sockets(&mut self, task: TaskId) -> &mut BTreeMap<SocketKey, SocketId> {
        &mut self.slot_mut(task).sockets
    }

    /// Makes the turn that is being had last longer, if one is.
    pub(crate) fn keep_busy(&mut self, by: Duration) {
        if self.running.is_some() {
            self.busy += by;
        }
    }

    fn slot(&self, task: TaskId) -> &Slot {
        &self.slots[task.0]
    }

    fn slot_mut(&mut self, task: TaskId) -> &mut Slot {
        &mut self.slots[task.0]
    }
}

impl State {
    /// Takes a task in and gives it its first turn.
    fn start(&mut self, host: HostId, clock: Clock, task: Box<dyn Task>) -> TaskId {
        let id = TaskId(self.tasks.slots.len());
        self.tasks.slots.push(Slot {
            host,
            clock,
            life: Life::Waiting(task),
            next: None,
            generation: 0,
            not_before: self.now,
            sockets: BTreeMap::new(),
            readable: VecDeque::new(),
        });
        self.schedule(id, self.now);
        id
    }

    /// Gives `task` a turn at `at`, if it has none before.
    pub(crate) fn schedule(&mut self, task: TaskId, at: Time) {
        let now = self.now;
        let slot = self.tasks.slot_mut(task);
        let at = at.max(now).max(slot.not_before);
        let soon_enough = slot.next.is_some_and(|next| next <= at);
        if soon_enough || at == Time::MAX || matches!(slot.life, Life::Finished) {
            return;
        }
        slot.next = Some(at);
        slot.generation += 1;
        let generation = slot.generation;
        self.queue.push(at, Happening::Turn { task, generation });
    }

    /// Lets no task of `host` have a turn for `how_long`.
    pub(crate) fn stall(&mut self, host: HostId, how_long: Duration) {
        let until = self.now + how_long;
        for slot in self.tasks.slots.iter_mut().filter(|slot| slot.host == host) {
            slot.not_before = slot.not_before.max(until);
        }
    }

    /// Takes out the task whose turn it is, unless the turn is void or late.
    pub(crate) fn begin_turn(&mut self, task: TaskId, generation: u64) -> Option<Turn> {
        let now = self.now;
        let slot = self.tasks.slot_mut(task);
        if slot.generation != generation {
            return None;
        }
        slot.next = None;
        if slot.not_before > now {
            let later = slot.not_before;
            self.schedule(task, later);
            return None;
        }
        let Life::Waiting(body) = core::mem::replace(&mut slot.life, Life::InTurn) else {
            slot.life = Life::Finished;
            return None;
        };
        let (host, clock) = (slot.host, slot.clock);
        self.tasks.running = Some(task);
        self.tasks.busy = TURN;
        Some(Turn {
            task,
            host,
            clock,
            body,
        })
    }

    /// Puts a task back after its turn.
    fn end_turn(&mut self, task: TaskId, body: Box<dyn Task>, next: Next) {
        self.tasks.running = None;
        let (now, busy) = (self.now, self.tasks.busy);
        let slot = self.tasks.slot_mut(task);
        slot.life = Life::Waiting(body);
        slot.not_before = slot.not_before.max(now + busy);
        let next = match next {
            Next::Now => now,
            Next::At(local) => slot.clock.world(local),
            Next::WhenWoken | Next::Finished => Time::MAX,
        };
        let unread = !slot.readable.is_empty();
        // A turn that was asked for during this one may stand before the end
        // of this one.
        if slot.next.take().is_some() || unread {
            self.schedule(task, now);
        }
        self.schedule(task, next);
    }

    /// Forgets a task and closes its sockets.
    fn finish(&mut self, task: TaskId) {
        self.tasks.running = None;
        let slot = self.tasks.slot_mut(task);
        slot.life = Life::Finished;
        slot.readable = VecDeque::new();
        for (_, socket) in core::mem::take(&mut slot.sockets) {
            self.network.close(socket);
        }
    }
}

/// A task that is having its turn, out of the world's lock.
pub(crate) struct Turn {
    task: TaskId,
    host: HostId,
    clock: Clock,
    body: Box<dyn Task>,
}

impl Turn {
    /// Lets the task have its turn and puts it back, or drops it.
    pub(crate) fn run(self, world: &Arc<Shared>) {
        let Turn {
            task,
            host,
            clock,
            mut body,
        } = self;
        let mut ending = Ending {
            world,
            task: Some(task),
        };
        let next = body.turn(&mut VirtualIo::new(world, task, host, clock));
        if next == Next::Finished {
            drop(body);
        } else {
            ending.task = None;
            world.lock().end_turn(task, body, next);
        }
    }
}

/// Finishes a task when its turn ends for good, by a panic too.
struct Ending<'a> {
    world: &'a Shared,
    task: Option<TaskId>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if let Some(task) = self.task {
            self.world.lock().finish(task);
        }
    }
}

/// Starts `task` on `host`.
pub(crate) fn start(
    world: &Arc<Shared>,
    host: HostId,
    clock: Clock,
    name: &str,
    task: Box<dyn Task>,
) -> Arc<dyn Wake> {
    let id = world.lock().start(host, clock, task);
    Arc::new(TaskWake {
        world: World::of(world),
        name: name.to_owned(),
        task: id,
        clock,
    })
}

/// Asks for a task's next turn.
struct TaskWake {
    world: World,
    name: String,
    task: TaskId,
    clock: Clock,
}

impl fmt::Debug for TaskWake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskWake").field(&self.name).finish()
    }
}

impl TaskWake {
    fn has_finished(&self) -> bool {
        self.world.shared().lock().tasks.has_finished(self.task)
    }
}

impl Wake for TaskWake {
    fn wake(&self) {
        let mut state = self.world.shared().lock();
        let now = state.now;
        state.schedule(self.task, now);
    }

    fn join(&self, deadline: Time) -> bool {
        let limit = self.clock.world(deadline);
        while !self.has_finished() && self.world.now() < limit {
            match self.world.advance(Until::Moment(limit)) {
                Progress::Moved => {}
                Progress::ReachedLimit | Progress::Idle | Progress::Nested => break,
            }
        }
        self.has_finished()
    }
}

/// How long a turn takes.
const TURN: Duration = Duration::from_micros(1);
