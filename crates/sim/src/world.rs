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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use talkpath_wire::{NtpTime, Time};

use crate::Rng;
use crate::disk::DiskState;
use crate::engine::{Happening, Progress, Script, Shared, Until, stuck};
use crate::faults::Faults;
use crate::host::{Host, Nat};
use crate::link::Link;
use crate::nat::{Filtering, Mapping};
use crate::network::HostId;
use crate::wire_log::{LogDetail, Record};

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
        Rng::stream(self.shared.seed(), CALLER_STREAMS ^ label)
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

    /// Takes the oldest records out of the log, up to the first datagram that
    /// is still on its way: for long runs that look at every datagram.
    pub fn take_wire_log(&self) -> Vec<Record> {
        self.shared.lock().log.take_settled()
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
        state.queue.push(at, Happening::Script(Script::new(script)));
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

    pub(crate) fn advance(&self, until: Until) -> Progress {
        self.shared.advance(until)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now();
        f.debug_struct("World")
            .field("seed", &self.shared.seed())
            .field("now", &now)
            .finish()
    }
}

struct Woken(AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
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
const CALLER_STREAMS: u64 = 1 << 61;
