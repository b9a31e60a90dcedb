//! A driver that hears worse than the one it wraps: for trying things out.
//!
//! In: a driver, a seed, and what shall go wrong with the datagrams that come
//! in. Out: the same world, in which they get lost, delayed and reordered, and
//! a count of that. What goes out is left alone: either side of a call impairs
//! what it hears itself. RTCP passes unharmed, told by its second byte (RFC
//! 5761 §4), so that reports are true and goodbyes arrive. Left out: losses in
//! bursts and limits of rate; the links of `talkpath-sim` have them.

mod line;

use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use talkpath_media::{SocketKey, Transmit, Transmits};
use talkpath_wire::{NtpTime, Time};

use self::line::Line;
use super::{
    Batch, Driver, Existing, Found, Gate, Io, Next, ReadFile, Socket, SocketOptions, Task, Wake,
    WriteFile,
};

/// What goes wrong with datagrams that come in.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Impairments {
    /// The share that is lost, 0..=1.
    pub loss: f64,
    /// Each one is delayed by anything up to this, evenly spread. Order stays:
    /// one that would overtake comes with the one before it.
    pub jitter: Duration,
    /// The share that is overtaken by the next one of its socket, 0..=1.
    pub reorder: f64,
}

/// What went wrong so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Harm {
    /// Datagrams that came in; RTCP is not counted.
    pub arrived: u64,
    /// Of these, lost.
    pub lost: u64,
    /// Of these, overtaken by the next one.
    pub reordered: u64,
    /// The longest delay of one.
    pub delayed: Duration,
}

/// A driver whose sockets hear through a bad network.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use talkpath::MediaManager;
/// use talkpath::driver::{Impaired, Impairments, Os};
///
/// let wanted = Impairments {
///     loss: 0.05,
///     jitter: Duration::from_millis(40),
///     ..Impairments::default()
/// };
/// let bad = Arc::new(Impaired::new(Arc::new(Os::new()), wanted, 7));
/// let manager = MediaManager::builder().interface("127.0.0.1").driver(bad.clone()).build()?;
/// // ... calls ...
/// drop(manager);
/// println!("{} of {} lost", bad.harm().lost, bad.harm().arrived);
/// # Ok::<(), talkpath::BuildError>(())
/// ```
#[derive(Debug)]
pub struct Impaired {
    driver: Arc<dyn Driver>,
    impairments: Impairments,
    seed: u64,
    /// Tasks started so far: each has luck of its own.
    tasks: AtomicU64,
    tally: Arc<Tally>,
}

impl Impaired {
    /// `driver` with `impairments`. The same datagrams in the same order meet
    /// the same fates when the `seed` is the same. Shares beyond 0..=1 are
    /// taken as the nearest of these.
    pub fn new(driver: Arc<dyn Driver>, impairments: Impairments, seed: u64) -> Self {
        Impaired {
            driver,
            impairments,
            seed,
            tasks: AtomicU64::new(0),
            tally: Arc::default(),
        }
    }

    /// What went wrong so far, over all sockets.
    pub fn harm(&self) -> Harm {
        self.tally.read()
    }
}

/// A [`Harm`] that threads share.
#[derive(Debug, Default)]
struct Tally {
    arrived: AtomicU64,
    lost: AtomicU64,
    reordered: AtomicU64,
    delayed_nanos: AtomicU64,
}

impl Tally {
    fn read(&self) -> Harm {
        Harm {
            arrived: self.arrived.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            reordered: self.reordered.load(Ordering::Relaxed),
            delayed: Duration::from_nanos(self.delayed_nanos.load(Ordering::Relaxed)),
        }
    }

    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn delay(&self, delay: Duration) {
        let nanos = delay.as_nanos().try_into().unwrap_or(u64::MAX);
        self.delayed_nanos.fetch_max(nanos, Ordering::Relaxed);
    }
}

/// A task whose sockets are impaired.
struct Impeded {
    task: Box<dyn Task>,
    line: Line,
}

impl Task for Impeded {
    fn turn(&mut self, io: &mut dyn Io) -> Next {
        let line = &mut self.line;
        let next = self.task.turn(&mut Ear { io, line });
        match (next, self.line.next_due()) {
            (Next::At(at), Some(due)) => Next::At(at.min(due)),
            (Next::WhenWoken, Some(due)) => Next::At(due),
            (next, _) => next,
        }
    }
}

/// Sockets heard through a [`Line`].
struct Ear<'a> {
    io: &'a mut dyn Io,
    line: &'a mut Line,
}

impl Io for Ear<'_> {
    fn now(&self) -> Time {
        self.io.now()
    }

    fn adopt(&mut self, key: SocketKey, socket: Socket) -> io::Result<()> {
        self.io.adopt(key, socket)?;
        self.line.open(key);
        Ok(())
    }

    fn release(&mut self, key: SocketKey) {
        self.io.release(key);
        self.line.close(key);
    }

    fn receive(&mut self, batch: &mut Batch) {
        self.io.receive(self.line.arrivals());
        let now = self.io.now();
        self.line.take(now);
        self.line.deliver(now, batch);
    }

    fn send(&mut self, transmits: &Transmits, failed: &mut dyn FnMut(Transmit<'_>, io::ErrorKind)) {
        self.io.send(transmits, failed);
    }
}

impl Driver for Impaired {
    fn now(&self) -> Time {
        self.driver.now()
    }

    fn wall_clock_at_zero(&self) -> NtpTime {
        self.driver.wall_clock_at_zero()
    }

    fn entropy(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.driver.entropy(bytes)
    }

    fn bind(&self, local: SocketAddr, options: &SocketOptions) -> io::Result<Socket> {
        self.driver.bind(local, options)
    }

    fn ephemeral_ports(&self) -> Option<RangeInclusive<u16>> {
        self.driver.ephemeral_ports()
    }

    fn start(&self, name: &str, task: Box<dyn Task>) -> io::Result<Arc<dyn Wake>> {
        let number = self.tasks.fetch_add(1, Ordering::Relaxed);
        let line = Line::new(
            self.impairments,
            self.seed ^ number.rotate_left(32),
            Arc::clone(&self.tally),
        );
        self.driver.start(name, Box::new(Impeded { task, line }))
    }

    fn wait(&self, gate: &Gate, seen: u64, deadline: Option<Time>) {
        self.driver.wait(gate, seen, deadline);
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.driver.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.driver.create(path)
    }

    fn edit(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.driver.edit(path)
    }

    fn look(&self, path: &Path) -> io::Result<Found> {
        self.driver.look(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.driver.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path, existing: Existing) -> io::Result<()> {
        self.driver.rename(from, to, existing)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.driver.list(folder)
    }
}

#[cfg(test)]
mod tests;
