//! The world: one clock, one queue of what will happen, one source of chance.
//!
//! In: a seed, and what tests set up. Out: everything that follows from it, in
//! the same order each time. Virtual time moves only when somebody lets it:
//! [`World::run_for`] and its kin, or a function under test that waits through
//! its driver. Only one thread moves it at a time, and nothing that runs in it
//! can move it further; the lock is never held while a task or a script runs.

use core::fmt;
use core::net::IpAddr;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use talkpath_wire::{NtpTime, Time};

use crate::Rng;
use crate::disk::DiskState;
use crate::faults::{FaultTable, Faults};
use crate::host::{Host, Nat};
use crate::link::Link;
use crate::nat::{Filtering, Mapping};
use crate::network::{HostId, Network};
use crate::queue::Queue;
use crate::task::{TaskId, Tasks};
use crate::transit::Flight;
use crate::wire_log::{LogDetail, Record, WireLog};

/// A virtual world, in which time moves only when it is let.
///
/// A handle: clones are the same world.
///
/// ```
/// use core::time::Duration;
/// use talkpath_sim::{Link, World};
/// let world = World::new(42);
/// let alice = world.host("10.0.0.1").peer(4000);
/// let bob = world.host("10.0.0.2").peer(4000);
/// world.link("10.0.0.1", "10.0.0.2", Link::after(Duration::from_millis(30)));
/// alice.send(bob.local_addr(), b"hello");
/// world.run_for(Duration::from_millis(29));
/// assert!(bob.received().is_empty());
/// world.run_for(Duration::from_millis(1));
/// assert_eq!(&*bob.received()[0].bytes, b"hello");
/// ```
#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
}

/// What a datagram to a closed port brings back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Refusals {
    /// Nothing, as behind most firewalls.
    #[default]
    Silent,
    /// `ConnectionRefused`, on the sender's next datagram to it.
    Reported,
}

/// What is held in a world now; nothing when everything was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// Sockets that drivers bound and that are not closed.
    pub sockets: usize,
    /// Tasks that have not finished.
    pub tasks: usize,
    /// Files that are open.
    pub files: usize,
}

/// Moments at which counters of milliseconds turn over, and one far on: worth
/// starting a world at, because a program that ran for weeks is there.
pub const AWKWARD_STARTS: [Time; 5] = [
    Time::ZERO,
    Time::from_millis(1 << 31),
    Time::from_millis(1 << 32),
    Time::from_millis(400 * 24 * 3600 * 1000),
    // A day before the nanoseconds themselves run out, in the year 2554.
    Time::from_nanos(u64::MAX - 24 * 3600 * 1_000_000_000),
];

/// Making a world, and what it knows of itself.
impl World {
    /// A world that begins at [`Time::ZERO`].
    pub fn new(seed: u64) -> Self {
        World::starting_at(seed, Time::ZERO)
    }

    /// A world that begins at `start`, such as one of [`AWKWARD_STARTS`].
    pub fn starting_at(seed: u64, start: Time) -> Self {
        World {
            shared: Arc::new(Shared::new(seed, start)),
        }
    }

    pub(crate) fn of(shared: &Arc<Shared>) -> Self {
        World {
            shared: Arc::clone(shared),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The moment it is now; clocks that drift are their drivers'.
    pub fn now(&self) -> Time {
        self.shared.lock().now
    }

    /// The wall clock at [`Time::ZERO`], the same in every world.
    pub fn wall_clock_at_zero(&self) -> NtpTime {
        WALL_CLOCK_AT_ZERO
    }

    /// A stream of chance of the caller's own, named by `label`.
    pub fn rng(&self, label: u64) -> Rng {
        Rng::stream(self.shared.seed, CALLER_STREAMS ^ label)
    }

    /// The system's faults.
    pub fn faults(&self) -> Faults {
        Faults::new(Arc::clone(&self.shared))
    }

    /// What is held now.
    pub fn held(&self) -> Held {
        let state = self.shared.lock();
        Held {
            sockets: state.network.driver_sockets(),
            tasks: state.tasks.live(),
            files: state.disks.values().map(DiskState::open_files).sum(),
        }
    }
}

/// Who is in it.
impl World {
    /// The host that has `address`, a new one if none has.
    ///
    /// # Panics
    /// When `address` is not an IP address, or is a translator's.
    pub fn host(&self, address: &str) -> Host {
        Host::new(&self.shared, self.host_id(address))
    }

    fn host_id(&self, address: &str) -> HostId {
        let host = self.shared.lock().network.host(parse(address));
        host.unwrap_or_else(|| panic!("{address} is the address of a NAT, not of a host"))
    }

    /// A new address translator with the external address `address`.
    ///
    /// # Panics
    /// When `address` is not an IP address, or is taken.
    pub fn nat(&self, address: &str, mapping: Mapping, filtering: Filtering) -> Nat {
        let nat = self
            .shared
            .lock()
            .network
            .add_nat(parse(address), mapping, filtering);
        let nat = nat.unwrap_or_else(|| panic!("{address} is taken"));
        Nat::new(&self.shared, nat)
    }

    /// Sets the link from one host to another; the way back is another link.
    /// Datagrams that are on their way are not touched.
    ///
    /// # Panics
    /// As [`World::host`].
    pub fn link(&self, from: &str, to: &str, link: Link) {
        let (from, to) = (self.host_id(from), self.host_id(to));
        self.shared.lock().network.set_link(from, to, link);
    }

    /// Sets the links between two hosts, there and back.
    ///
    /// # Panics
    /// As [`World::host`].
    pub fn link_both(&self, one: &str, other: &str, link: Link) {
        self.link(one, other, link.clone());
        self.link(other, one, link);
    }

    /// Sets the link of every pair of hosts that has none of its own and has
    /// exchanged nothing yet: 10 ms each way, without faults, until set.
    pub fn default_link(&self, link: Link) {
        self.shared.lock().network.set_default_link(link);
    }

    /// Says what a datagram to a closed port brings back.
    pub fn refusals(&self, refusals: Refusals) {
        self.shared.lock().refusals = refusals;
    }
}

/// What was sent in it.
impl World {
    /// Every datagram sent, in order of sending.
    pub fn wire_log(&self) -> Vec<Record> {
        self.shared.lock().log.records().to_vec()
    }

    /// What is kept of the wire, as a capture for Wireshark: every datagram as
    /// it was sent, lost ones too, with its address behind the sender's NAT.
    pub fn pcap(&self) -> Vec<u8> {
        self.shared.lock().log.pcap(UNIX_TIME_AT_ZERO)
    }

    /// A hash of every datagram sent and of its fate: worlds of one seed, in
    /// which the same is done, have the same.
    pub fn wire_hash(&self) -> u64 {
        self.shared.lock().log.hash()
    }

    /// How many datagrams were sent, copies by the network included.
    pub fn wire_count(&self) -> u64 {
        self.shared.lock().log.count()
    }

    /// Says what to keep of the wire from now on, and forgets what was kept.
    pub fn keep_wire_log(&self, detail: LogDetail) {
        self.shared.lock().log.keep(detail);
    }
}

/// Letting time pass.
impl World {
    /// Lets `script` run at `at`, or now if that has passed.
    pub fn at(&self, at: Time, script: impl FnOnce(&World) + Send + 'static) {
        let mut state = self.shared.lock();
        let at = at.max(state.now);
        state
            .queue
            .push(at, Happening::Script(Script(Box::new(script))));
    }

    /// Lets `script` run after `delay`.
    pub fn after(&self, delay: Duration, script: impl FnOnce(&World) + Send + 'static) {
        self.at(self.now() + delay, script);
    }

    /// Lets the next task have its turn, or the next script run, and every
    /// datagram arrive that does so before; tells whether there was one.
    pub fn step(&self) -> bool {
        self.advance(Until::Done {
            patience: Time::MAX,
        }) == Progress::Moved
    }

    /// Lets everything happen up to and at `until`, when it is then. From
    /// inside a task or script it does nothing.
    pub fn run_until(&self, until: Time) {
        while self.advance(Until::Moment(until)) == Progress::Moved {}
    }

    /// Lets `duration` pass.
    pub fn run_for(&self, duration: Duration) {
        self.run_until(self.now() + duration);
    }

    /// Lets time pass until `done`, looking after every turn and script, but
    /// not beyond `deadline`; tells whether it was done.
    pub fn run_until_done(&self, deadline: Time, mut done: impl FnMut() -> bool) -> bool {
        while !done() {
            if self.advance(Until::Moment(deadline)) != Progress::Moved {
                return done();
            }
        }
        true
    }

    /// Lets time pass until `future` is ready.
    ///
    /// # Panics
    /// When nothing is left to happen in this world, or a virtual day has
    /// passed: the test would hang.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut future = pin!(future);
        let until = Until::Done {
            patience: self.now() + PATIENCE,
        };
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            while !woken.0.swap(false, Ordering::AcqRel) {
                let progress = self.advance(until);
                assert!(progress == Progress::Moved, "{}", stuck(progress));
            }
        }
    }

    /// Lets datagrams arrive until a task had its turn or a script ran, as far
    /// as `until` allows.
    pub(crate) fn advance(&self, until: Until) -> Progress {
        let Some(_stepping) = Stepping::begin(&self.shared) else {
            return Progress::Nested;
        };
        let mut state = self.shared.lock();
        loop {
            let Some(what) = state.next_happening(until) else {
                return state.nothing_due(until);
            };
            match what {
                Happening::Arrive(flight) => state.arrive(flight),
                Happening::Turn { task, generation } => {
                    if let Some(turn) = state.begin_turn(task, generation) {
                        drop(state);
                        turn.run(&self.shared);
                        return Progress::Moved;
                    }
                }
                Happening::Script(Script(script)) => {
                    drop(state);
                    script(self);
                    return Progress::Moved;
                }
            }
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now();
        f.debug_struct("World")
            .field("seed", &self.shared.seed)
            .field("now", &now)
            .finish()
    }
}

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
    disks: BTreeMap<HostId, DiskState>,
    stepper: Option<ThreadId>,
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

    /// The files of `host`.
    pub(crate) fn disk(&mut self, host: HostId) -> &mut DiskState {
        self.disks.entry(host).or_default()
    }
}

impl Shared {
    fn new(seed: u64, start: Time) -> Self {
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
        };
        Shared {
            seed,
            start,
            state: Mutex::new(state),
            stepped: Condvar::new(),
        }
    }

    /// When the world began.
    pub(crate) fn start(&self) -> Time {
        self.start
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
            state = shared
                .stepped
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.stepper = Some(me);
        Some(Stepping { shared })
    }
}

impl Drop for Stepping<'_> {
    fn drop(&mut self) {
        self.shared.lock().stepper = None;
        self.shared.stepped.notify_one();
    }
}

struct Woken(AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
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

fn parse(address: &str) -> IpAddr {
    let parsed = address.parse();
    parsed.unwrap_or_else(|error| panic!("{address:?} is not an IP address: {error}"))
}

/// How much virtual time a wait without a deadline is given.
pub(crate) const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// 1 January 2026, 00:00 UTC.
const UNIX_TIME_AT_ZERO: Duration = Duration::from_secs(1_767_225_600);
const WALL_CLOCK_AT_ZERO: NtpTime = NtpTime::from_unix(UNIX_TIME_AT_ZERO);
const ENTROPY_STREAM: u64 = 1;
const CALLER_STREAMS: u64 = 1 << 61;
