//! Faults of the system: the n-th call of a kind fails, once.
//!
//! In: what shall fail. Out: for each call whether it does, and how many there
//! were, so that a test can let each step of a set-up fail in turn and prove
//! that nothing leaks. Faults of the network are links', those of files disks'.

use std::io;
use std::sync::Arc;

use crate::engine::Shared;

/// A call of a driver, or of what a driver lends, that can be made to fail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Call {
    /// `Driver::bind`
    Bind,
    /// `Driver::start`
    Start,
    /// `Io::adopt`
    Adopt,
    /// `Driver::entropy`
    Entropy,
    /// `Driver::open`
    Open,
    /// `Driver::create`
    Create,
    /// `Driver::rename`
    Rename,
    /// `Io::send`, each datagram
    Send,
    /// `WriteFile::append`, `WriteFile::patch`
    Write,
    /// `WriteFile::sync`
    Sync,
}

impl Call {
    /// Every kind of call.
    pub const ALL: [Call; 10] = [
        Call::Bind,
        Call::Start,
        Call::Adopt,
        Call::Entropy,
        Call::Open,
        Call::Create,
        Call::Rename,
        Call::Send,
        Call::Write,
        Call::Sync,
    ];
}

/// The world's faults.
///
/// ```
/// use std::io;
/// use talkpath::driver::Driver;
/// use talkpath_sim::{Call, World};
/// let world = World::new(1);
/// let driver = world.host("10.0.0.1").driver();
/// world.faults().fail_nth(Call::Entropy, 2);
/// assert!(driver.entropy(&mut [0; 8]).is_ok());
/// assert!(driver.entropy(&mut [0; 8]).is_err());
/// assert!(driver.entropy(&mut [0; 8]).is_ok());
/// assert_eq!(world.faults().calls(Call::Entropy), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Faults {
    world: Arc<Shared>,
}

impl Faults {
    pub(crate) fn new(world: Arc<Shared>) -> Self {
        Faults { world }
    }

    /// Lets the `n`-th `call` from now fail, once; 1 is the next.
    pub fn fail_nth(&self, call: Call, n: u64) {
        self.fail_nth_with(call, n, io::ErrorKind::Other);
    }

    /// As [`Faults::fail_nth`], with an error of this kind.
    pub fn fail_nth_with(&self, call: Call, n: u64, kind: io::ErrorKind) {
        let table = &mut self.world.lock().faults;
        let at = table.calls(call) + n.max(1);
        table.planned.push(Planned { call, at, kind });
    }

    /// How many of these calls there have been.
    pub fn calls(&self, call: Call) -> u64 {
        self.world.lock().faults.calls(call)
    }

    /// How many planned faults have not come about yet.
    pub fn planned(&self) -> usize {
        self.world.lock().faults.planned.len()
    }

    /// Forgets the planned faults.
    pub fn clear(&self) {
        self.world.lock().faults.planned.clear();
    }
}

/// What shall fail, and what was called.
#[derive(Debug, Default)]
pub(crate) struct FaultTable {
    calls: [u64; Call::ALL.len()],
    planned: Vec<Planned>,
}

#[derive(Clone, Copy, Debug)]
struct Planned {
    call: Call,
    at: u64,
    kind: io::ErrorKind,
}

impl FaultTable {
    /// Counts a call and says whether it fails.
    pub(crate) fn check(&mut self, call: Call) -> io::Result<()> {
        self.calls[call as usize] += 1;
        let count = self.calls(call);
        let due = |planned: &Planned| planned.call == call && planned.at == count;
        match self.planned.iter().position(due) {
            None => Ok(()),
            Some(index) => {
                let kind = self.planned.swap_remove(index).kind;
                Err(io::Error::new(
                    kind,
                    format!("{call:?} number {count} was made to fail"),
                ))
            }
        }
    }

    fn calls(&self, call: Call) -> u64 {
        self.calls[call as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_a_place_of_its_own() {
        for (index, call) in Call::ALL.into_iter().enumerate() {
            assert_eq!(call as usize, index);
        }
    }

    #[test]
    fn exactly_the_planned_call_fails() {
        let mut table = FaultTable::default();
        let kind = io::ErrorKind::AddrInUse;
        table.planned.push(Planned {
            call: Call::Bind,
            at: 3,
            kind,
        });
        let results: Vec<_> = (0..5).map(|_| table.check(Call::Bind).is_ok()).collect();
        assert_eq!(results, [true, true, false, true, true]);
        assert!(table.check(Call::Start).is_ok());
    }
}
