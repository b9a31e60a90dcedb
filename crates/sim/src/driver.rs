//! A manager's driver in the virtual world.
//!
//! The same worker code that has threads in life runs here turn by turn, in one
//! thread and in virtual time: whoever waits through [`Driver::wait`] or
//! [`Wake::join`] lets the world move on until what it waits for has come.

use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use talkpath::driver::{
    Driver, Existing, Found, Gate, ReadFile, Socket, SocketOptions, Task, Wake, WriteFile,
};
use talkpath_wire::{NtpTime, Time};

use crate::clock::Clock;
use crate::disk;
use crate::engine::{Progress, Shared, Until, stuck};
use crate::faults::Call;
use crate::network::{BoundSocket, EPHEMERAL, HostId, Reader};
use crate::task;
use crate::world::{PATIENCE, World};

/// The driver of a manager that runs on a host of a [`World`].
///
/// ```
/// use std::sync::Arc;
/// use talkpath::driver::Driver;
/// use talkpath_sim::World;
/// let world = World::new(1);
/// let driver: Arc<dyn Driver> = Arc::new(world.host("10.0.0.1").driver().with_drift(-50));
/// world.run_for(core::time::Duration::from_secs(1));
/// assert_eq!(driver.now().as_nanos(), 999_950_000);
/// ```
#[derive(Clone, Debug)]
pub struct VirtualDriver {
    world: Arc<Shared>,
    host: HostId,
    clock: Clock,
}

impl VirtualDriver {
    pub(crate) fn new(world: &Arc<Shared>, host: HostId) -> Self {
        VirtualDriver {
            world: Arc::clone(world),
            host,
            clock: Clock::new(world.start(), 0),
        }
    }

    /// With a clock that has gained `ppm` microseconds per second since the
    /// world began, or lost them; at most half a second per second.
    pub fn with_drift(self, ppm: i32) -> Self {
        let clock = Clock::new(self.world.start(), ppm);
        VirtualDriver { clock, ..self }
    }

    /// The address that its host was named by.
    pub fn first_address(&self) -> IpAddr {
        let addresses = self
            .world
            .lock()
            .network
            .addresses(self.host)
            .first()
            .copied();
        addresses.expect("a host is made with an address")
    }
}

impl Driver for VirtualDriver {
    fn now(&self) -> Time {
        self.clock.local(self.world.lock().now)
    }

    fn wall_clock_at_zero(&self) -> NtpTime {
        World::of(&self.world).wall_clock_at_zero()
    }

    fn entropy(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut state = self.world.lock();
        state.faults.check(Call::Entropy)?;
        state.entropy.fill(bytes);
        Ok(())
    }

    fn bind(&self, local: SocketAddr, _options: &SocketOptions) -> io::Result<Socket> {
        self.world.lock().faults.check(Call::Bind)?;
        let bound = BoundSocket::bind(&self.world, self.host, local, Reader::Nobody)?;
        Ok(Socket::new(bound.local, bound))
    }

    fn ephemeral_ports(&self) -> Option<RangeInclusive<u16>> {
        Some(EPHEMERAL)
    }

    fn start(&self, name: &str, task: Box<dyn Task>) -> io::Result<Arc<dyn Wake>> {
        // Bound to a name, or the lock would be held while the task is dropped.
        let fault = self.world.lock().faults.check(Call::Start);
        fault?;
        Ok(task::start(&self.world, self.host, self.clock, name, task))
    }

    /// Lets the world move on until `gate` has, or `deadline` passes. From
    /// inside a task or script it returns at once.
    ///
    /// # Panics
    /// When a task or script waits again and again in one moment. When there is no deadline and nothing is left to happen in this world,
    /// or a virtual day has passed: the test would hang.
    fn wait(&self, gate: &Gate, seen: u64, deadline: Option<Time>) {
        let world = World::of(&self.world);
        let until = match deadline {
            Some(deadline) => Until::Moment(self.clock.world(deadline)),
            None => Until::Done {
                patience: world.now() + PATIENCE,
            },
        };
        while gate.count() == seen && deadline.is_none_or(|deadline| self.now() < deadline) {
            match (world.advance(until), deadline) {
                (Progress::Moved, _) => {}
                (Progress::Nested, _) => return self.world.lock().refuse_wait(),
                (_, Some(_)) => return,
                (progress, None) => {
                    // Another thread may be about to do something.
                    gate.block(seen, Some(OTHER_THREADS));
                    assert!(gate.count() != seen, "{}", stuck(progress));
                }
            }
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        disk::open(&self.world, self.host, path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        disk::create(&self.world, self.host, path)
    }

    fn edit(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        disk::edit(&self.world, self.host, path)
    }

    fn look(&self, path: &Path) -> io::Result<Found> {
        disk::look(&self.world, self.host, path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        disk::remove(&self.world, self.host, path)
    }

    fn rename(&self, from: &Path, to: &Path, existing: Existing) -> io::Result<()> {
        disk::rename(&self.world, self.host, (from, to), existing)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        disk::list(&self.world, self.host, folder)
    }
}

/// How long other threads, if there are any, are given in real time to move a
/// gate in a world that stands still.
const OTHER_THREADS: Duration = Duration::from_secs(2);
