//! A driver for tests of bookkeeping: it binds nothing and keeps a list.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use talkpath_wire::{NtpTime, Time};

use super::{
    Driver, Existing, Found, Gate, ReadFile, Socket, SocketOptions, Task, Wake, WriteFile,
};

/// A world with a hand-moved clock in which each bind can be refused.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    millis: AtomicU64,
    chance: AtomicU64,
    bound: Arc<Mutex<BTreeSet<u16>>>,
    refused: Mutex<Vec<(u16, ErrorKind)>>,
}

impl Fake {
    /// Moves the clock on.
    pub(crate) fn pass(&self, time: Duration) {
        self.millis
            .fetch_add(time.as_millis() as u64, Ordering::Relaxed);
    }

    /// From now on `port` cannot be bound.
    pub(crate) fn refuse(&self, port: u16, kind: ErrorKind) {
        self.refused.lock().unwrap().push((port, kind));
    }

    /// `port` can be bound again.
    pub(crate) fn allow(&self, port: u16) {
        self.refused
            .lock()
            .unwrap()
            .retain(|(refused, _)| *refused != port);
    }

    /// The ports of all open sockets.
    pub(crate) fn bound(&self) -> Vec<u16> {
        self.bound.lock().unwrap().iter().copied().collect()
    }
}

/// An open socket: off the list when dropped.
struct Bound(u16, Arc<Mutex<BTreeSet<u16>>>);

impl Drop for Bound {
    fn drop(&mut self) {
        self.1.lock().unwrap().remove(&self.0);
    }
}

impl Driver for Fake {
    fn now(&self) -> Time {
        Time::from_millis(self.millis.load(Ordering::Relaxed))
    }

    fn wall_clock_at_zero(&self) -> NtpTime {
        NtpTime::default()
    }

    fn entropy(&self, bytes: &mut [u8]) -> Result<()> {
        for byte in bytes {
            let step = self
                .chance
                .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            *byte = (step >> 56) as u8;
        }
        Ok(())
    }

    fn bind(&self, local: SocketAddr, _: &SocketOptions) -> Result<Socket> {
        let port = local.port();
        let refused = self
            .refused
            .lock()
            .unwrap()
            .iter()
            .find(|(p, _)| *p == port)
            .copied();
        if let Some((_, kind)) = refused {
            return Err(kind.into());
        }
        if !self.bound.lock().unwrap().insert(port) {
            return Err(ErrorKind::AddrInUse.into());
        }
        Ok(Socket::new(local, Bound(port, Arc::clone(&self.bound))))
    }

    fn ephemeral_ports(&self) -> Option<RangeInclusive<u16>> {
        Some(32768..=60999)
    }

    fn start(&self, _: &str, _: Box<dyn Task>) -> Result<Arc<dyn Wake>> {
        Err(unsupported())
    }

    fn wait(&self, gate: &Gate, seen: u64, deadline: Option<Time>) {
        gate.block(seen, deadline.map(|deadline| deadline - self.now()));
    }

    fn open(&self, _: &Path) -> Result<Box<dyn ReadFile>> {
        Err(unsupported())
    }

    fn create(&self, _: &Path) -> Result<Box<dyn WriteFile>> {
        Err(unsupported())
    }

    fn edit(&self, _: &Path) -> Result<Box<dyn WriteFile>> {
        Err(unsupported())
    }

    fn look(&self, _: &Path) -> Result<Found> {
        Err(unsupported())
    }

    fn remove(&self, _: &Path) -> Result<()> {
        Err(unsupported())
    }

    fn rename(&self, _: &Path, _: &Path, _: Existing) -> Result<()> {
        Err(unsupported())
    }

    fn list(&self, _: &Path) -> Result<Vec<PathBuf>> {
        Err(unsupported())
    }
}

fn unsupported() -> Error {
    ErrorKind::Unsupported.into()
}
