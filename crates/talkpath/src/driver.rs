//! The world a manager runs in: clock, entropy, sockets, threads, files.
//!
//! [`Os`] is the real one. `talkpath-sim` has a virtual one, in which the same
//! worker code runs in virtual time; [`Impaired`] makes either hear worse. A
//! driver lends each worker an [`Io`], shaped for a batch across sockets: many
//! datagrams of many sockets in, many out, and one wait between.

#[cfg(test)]
pub(crate) mod block_on;
#[cfg(test)]
pub(crate) mod fake;
mod gate;
mod impaired;
mod os;

use core::fmt;
use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use talkpath_media::{SocketKey, Transmit, Transmits};
use talkpath_wire::{NtpTime, Time};

pub use gate::{Gate, Moved};
pub use impaired::{Harm, Impaired, Impairments};
pub use os::Os;

/// A world: everything a manager needs that is not computation.
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// The moment it is now.
    fn now(&self) -> Time;

    /// The wall clock at [`Time::ZERO`], for RTCP sender reports.
    fn wall_clock_at_zero(&self) -> NtpTime;

    /// Fills `bytes` with unpredictable ones.
    ///
    /// # Errors
    /// When the world has no entropy to give; nothing is begun then.
    fn entropy(&self, bytes: &mut [u8]) -> io::Result<()>;

    /// Binds a UDP socket; to port 0, where the world chooses one.
    ///
    /// # Errors
    /// `AddrInUse` when the port is taken, `AddrNotAvailable` when the address
    /// is not local, whatever else the world says.
    fn bind(&self, local: SocketAddr, options: &SocketOptions) -> io::Result<Socket>;

    /// The ports that the system gives to sockets bound to port 0, if known.
    fn ephemeral_ports(&self) -> Option<RangeInclusive<u16>>;

    /// Runs `task` until it has finished, on a thread of its own where there
    /// are threads.
    ///
    /// # Errors
    /// When no thread or poller can be had.
    fn start(&self, name: &str, task: Box<dyn Task>) -> io::Result<Arc<dyn Wake>>;

    /// Lets the caller's thread wait until `gate` moves on from `seen`, or
    /// `deadline` passes. May return early.
    fn wait(&self, gate: &Gate, seen: u64, deadline: Option<Time>);

    /// Opens a file to be read.
    ///
    /// # Errors
    /// As [`std::fs::File::open`].
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>>;

    /// Creates a file to be written. As long as it is open, [`Driver::edit`]
    /// refuses it.
    ///
    /// # Errors
    /// `AlreadyExists` when anything has that name, a link included; else as
    /// [`std::fs::File::create_new`].
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;

    /// Opens a file that is there, to be written to at its end.
    ///
    /// # Errors
    /// `WouldBlock` while it is open to be written; else as
    /// [`std::fs::OpenOptions::open`].
    fn edit(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;

    /// What has this name; a link is not followed.
    ///
    /// # Errors
    /// As [`std::fs::symlink_metadata`], except that nothing being there is none.
    fn look(&self, path: &Path) -> io::Result<Found>;

    /// Removes a file, or a link.
    ///
    /// # Errors
    /// As [`std::fs::remove_file`].
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, and makes that last. A link that has the name
    /// is replaced itself; what it points to is left alone.
    ///
    /// # Errors
    /// `AlreadyExists` when something has the name and is not to be replaced;
    /// else as [`std::fs::rename`].
    fn rename(&self, from: &Path, to: &Path, existing: Existing) -> io::Result<()>;

    /// The paths of the plain files in a folder, in order. Links are not
    /// followed, folders in it are left out.
    ///
    /// # Errors
    /// As [`std::fs::read_dir`].
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
}

/// What has a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A plain file.
    File,
    /// A symbolic link, to whatever.
    Link,
    /// A folder.
    Folder,
    /// A pipe, a device, a socket.
    Other,
}

/// What becomes of a file that has the name already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Existing {
    /// It stays, and the newcomer is refused.
    #[default]
    Keep,
    /// The newcomer takes its place.
    Replace,
}

/// What runs on a driver's thread: turn after turn.
pub trait Task: Send {
    /// Does all that is due and says when it wants its next turn. It is given
    /// one earlier when a socket is readable or its [`Wake`] was called.
    fn turn(&mut self, io: &mut dyn Io) -> Next;
}

/// When a [`Task`] wants its next turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// At once: it has left work undone.
    Now,
    /// At this moment.
    At(Time),
    /// Only when woken or readable.
    WhenWoken,
    /// Never: it is finished and can be dropped.
    Finished,
}

/// Asks for a [`Task`]'s next turn, from any thread.
pub trait Wake: fmt::Debug + Send + Sync {
    /// Gives the task a turn soon.
    fn wake(&self);

    /// Waits until the task has finished and was dropped, or `deadline`
    /// passes; tells whether it has finished.
    fn join(&self, deadline: Time) -> bool;
}

/// A worker's sockets.
pub trait Io {
    /// The moment it is now.
    fn now(&self) -> Time;

    /// Takes a bound socket in; its datagrams come with `key`. What was queued
    /// in it before is thrown away: a call begins with empty queues.
    ///
    /// # Errors
    /// When the socket is another driver's or cannot be polled.
    fn adopt(&mut self, key: SocketKey, socket: Socket) -> io::Result<()>;

    /// Closes the socket `key`.
    fn release(&mut self, key: SocketKey);

    /// Puts datagrams into `batch` until it is full or no socket has one left;
    /// never waits.
    fn receive(&mut self, batch: &mut Batch);

    /// Sends everything in `transmits`, in order; tells `failed` of each that
    /// the world did not take.
    fn send(&mut self, transmits: &Transmits, failed: &mut dyn FnMut(Transmit<'_>, io::ErrorKind));
}

/// A bound socket on its way from the control call to a worker.
pub struct Socket {
    local: SocketAddr,
    inner: Box<dyn Any + Send>,
}

impl Socket {
    /// Wraps a driver's own socket that is bound to `local`.
    pub fn new(local: SocketAddr, inner: impl Any + Send) -> Self {
        Socket {
            local,
            inner: Box::new(inner),
        }
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The driver's own socket, if it is of that driver.
    pub fn into_inner<T: 'static>(self) -> Option<T> {
        self.inner.downcast().ok().map(|inner| *inner)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Socket").field(&self.local).finish()
    }
}

/// How a socket is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SocketOptions {
    /// The DiffServ code point of what it sends, 0..=63 (RFC 2474).
    pub dscp: Option<u8>,
}

/// A file being read.
pub trait ReadFile: Send {
    /// Reads at most `into.len()` bytes; 0 at the end.
    ///
    /// # Errors
    /// As [`std::io::Read::read`].
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Bytes that the file has now.
    ///
    /// # Errors
    /// As [`std::fs::File::metadata`]; `Unsupported` from what has no end.
    fn length(&self) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A file being written.
pub trait WriteFile: Send {
    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// As [`std::io::Write::write_all`].
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes `bytes` over what stands at `offset`.
    ///
    /// # Errors
    /// As [`std::io::Write::write_all`].
    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file off after `length` bytes.
    ///
    /// # Errors
    /// As [`std::fs::File::set_len`].
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Makes what was written last.
    ///
    /// # Errors
    /// As [`std::fs::File::sync_data`].
    fn sync(&mut self) -> io::Result<()>;
}

/// Received datagrams, in slots that are allocated once.
#[derive(Debug)]
pub struct Batch {
    slots: Box<[u8]>,
    filled: Vec<Received>,
}

#[derive(Clone, Copy, Debug)]
struct Received {
    socket: SocketKey,
    from: SocketAddr,
    len: usize,
}

/// A received datagram in its slot, to be worked on in place.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// The socket it came by.
    pub socket: SocketKey,
    /// Where it came from.
    pub from: SocketAddr,
    /// The datagram; none when it did not fit a slot and is lost.
    pub bytes: Option<&'a mut [u8]>,
}

impl Batch {
    /// Bytes of a slot: no RTP packet on an Ethernet fills it. A datagram that
    /// does may have been cut off, which sockets do without a word.
    pub const SLOT: usize = 2048;

    /// An empty batch of `capacity` slots.
    pub fn new(capacity: usize) -> Self {
        let slots = vec![0; capacity * Self::SLOT].into_boxed_slice();
        Batch {
            slots,
            filled: Vec::with_capacity(capacity),
        }
    }

    /// Whether there is no free slot.
    pub fn is_full(&self) -> bool {
        self.filled.len() * Self::SLOT >= self.slots.len()
    }

    /// Whether no slot is filled.
    pub fn is_empty(&self) -> bool {
        self.filled.is_empty()
    }

    /// How many slots are filled.
    pub fn len(&self) -> usize {
        self.filled.len()
    }

    /// Offers the next free slot to `receive`, which returns the datagram's
    /// length and origin. One of [`Batch::SLOT`] bytes or more counts as lost.
    ///
    /// # Errors
    /// Whatever `receive` says; the slot stays free.
    pub fn fill(
        &mut self,
        socket: SocketKey,
        receive: impl FnOnce(&mut [u8]) -> io::Result<(usize, SocketAddr)>,
    ) -> io::Result<()> {
        let start = self.filled.len() * Self::SLOT;
        let Some(slot) = self.slots.get_mut(start..start + Self::SLOT) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        let (len, from) = receive(slot)?;
        self.filled.push(Received { socket, from, len });
        Ok(())
    }

    /// Calls `each` with every datagram, oldest first, and empties the batch.
    pub fn drain(&mut self, mut each: impl FnMut(Datagram<'_>)) {
        for (received, slot) in self.filled.iter().zip(self.slots.chunks_mut(Self::SLOT)) {
            let bytes = (received.len < Self::SLOT).then(|| &mut slot[..received.len]);
            each(Datagram {
                socket: received.socket,
                from: received.from,
                bytes,
            });
        }
        self.filled.clear();
    }
}
