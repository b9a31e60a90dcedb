//! What moves a world: its state, its queue, and whoever may move time.
//!
//! One thread at a time moves time, one happening after the other. Datagrams
//! arrive under the lock; a task or a script runs outside of it, and cannot
//! move time further, because it is in the middle of a moment.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use talkpath_wire::Time;

use crate::Rng;
use crate::disk::DiskState;
use crate::faults::FaultTable;
use crate::network::{HostId, Network};
use crate::queue::Queue;
use crate::task::{TaskId, Tasks};
use crate::transit::Flight;
use crate::wire_log::WireLog;
use crate::world::{Refusals, World};

/// How far time may move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Until {
    /// To this moment, which comes even if nothing happens before.
    Moment(Time),
    /// To whatever happens next, if it does before `patience` ends; no further.
    Done { patience: Time },
}

/// How far time has moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// A task had its turn, or a script ran.
    Moved,
    /// Nothing more happens before the limit: it is then.
    ReachedLimit,
    /// Nothing more ever happens.
    Idle,
    /// Refused: this thread is inside a task or a script.
    Nested,
}

/// What happens at a moment.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A datagram comes off its link.
    Arrive(Flight),
    /// A task has its turn, unless another was arranged since.
    Turn { task: TaskId, generation: u64 },
    /// A test does something.
    Script(Script),
}

pub(crate) struct Script(Box<dyn FnOnce(&World) + Send>);

impl Script {
    pub(crate) fn new(script: impl FnOnce(&World) + Send + 'static) -> Self {
        Script(Box::new(script))
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

/// What all handles of a world share.
pub(crate) struct Shared {
    seed: u64,
    start: Time,
    state: Mutex<State>,
    stepped: Condvar,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// Everything that changes in a world.
pub(crate) struct State {
    pub(crate) now: Time,
    pub(crate) queue: Queue<Happening>,
    pub(crate) network: Network,
    pub(crate) tasks: Tasks,
    pub(crate) faults: FaultTable,
    pub(crate) log: WireLog,
    pub(crate) entropy: Rng,
    pub(crate) refusals: Refusals,
    pub(crate) disks: BTreeMap<HostId, DiskState>,
    stepper: Option<ThreadId>,
    /// Threads that wait to move time themselves.
    queuing: usize,
    /// Waits refused since time moved last.
    refused: u32,
}

impl State {
    /// What happens next, when it does.
    fn next_happening(&mut self, until: Until) -> Option<Happening> {
        let (Until::Moment(limit) | Until::Done { patience: limit }) = until;
        let at = self.queue.next_at().filter(|at| *at <= limit)?;
        self.now = self.now.max(at);
        self.queue.pop().map(|(_, what)| what)
    }

    /// Lets the time pass in which nothing happens.
    fn nothing_due(&mut self, until: Until) -> Progress {
        match until {
            Until::Moment(limit) => {
                self.now = self.now.max(limit);
                Progress::ReachedLimit
            }
            Until::Done { .. } if self.queue.next_at().is_none() => Progress::Idle,
            Until::Done { .. } => Progress::ReachedLimit,
        }
    }

    /// Counts a wait from inside a moment, and gives up on whoever waits on.
    ///
    /// # Panics
    /// After many: the waiter looks again and again, and time stands still.
    pub(crate) fn refuse_wait(&mut self) {
        self.refused += 1;
        assert!(self.refused < MOST_REFUSED, "{}", stuck(Progress::Nested));
    }

    /// The files of `host`.
    pub(crate) fn disk(&mut self, host: HostId) -> &mut DiskState {
        self.disks.entry(host).or_default()
    }
}

impl Shared {
    pub(crate) fn new(seed: u64, start: Time) -> Self {
        let state = State {
            now: start,
            queue: Queue::new(),
            network: Network::new(seed),
            tasks: Tasks::default(),
            faults: FaultTable::default(),
            log: WireLog::new(),
            entropy: Rng::stream(seed, ENTROPY_STREAM),
            refusals: Refusals::Silent,
            disks: BTreeMap::new(),
            stepper: None,
            queuing: 0,
            refused: 0,
        };
        Shared {
            seed,
            start,
            state: Mutex::new(state),
            stepped: Condvar::new(),
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// When the world began.
    pub(crate) fn start(&self) -> Time {
        self.start
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets datagrams arrive until a task had its turn or a script ran, as far
    /// as `until` allows.
    pub(crate) fn advance(self: &Arc<Self>, until: Until) -> Progress {
        let Some(_stepping) = Stepping::begin(self) else {
            return Progress::Nested;
        };
        let mut state = self.lock();
        loop {
            let Some(what) = state.next_happening(until) else {
                return state.nothing_due(until);
            };
            match what {
                Happening::Arrive(flight) => state.arrive(flight),
                Happening::Turn { task, generation } => {
                    if let Some(turn) = state.begin_turn(task, generation) {
                        drop(state);
                        turn.run(self);
                        return Progress::Moved;
                    }
                }
                Happening::Script(Script(script)) => {
                    drop(state);
                    script(&World::of(self));
                    return Progress::Moved;
                }
            }
        }
    }
}

/// The right to move time, held by one thread at a time.
struct Stepping<'a> {
    shared: &'a Shared,
}

impl<'a> Stepping<'a> {
    /// Waits while another thread moves time; none when this one does already.
    fn begin(shared: &'a Shared) -> Option<Self> {
        let me = std::thread::current().id();
        let mut state = shared.lock();
        while let Some(stepper) = state.stepper {
            if stepper == me {
                return None;
            }
            state.queuing += 1;
            state = shared
                .stepped
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.queuing -= 1;
        }
        state.stepper = Some(me);
        state.refused = 0;
        Some(Stepping { shared })
    }
}

impl Drop for Stepping<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stepper = None;
        // A notification is a system call, whether anybody waits or not.
        if state.queuing > 0 {
            self.shared.stepped.notify_one();
        }
    }
}

/// Why a wait that cannot end was given up.
pub(crate) fn stuck(progress: Progress) -> &'static str {
    match progress {
        Progress::Nested => "waited from inside a task or a script, where time cannot move",
        Progress::ReachedLimit => "waited for a virtual day in vain: this would never end",
        Progress::Idle | Progress::Moved => "nothing is left to happen: this would never end",
    }
}

/// Waits from inside one moment, before that is taken for a loop.
const MOST_REFUSED: u32 = 10_000;
const ENTROPY_STREAM: u64 = 1;
