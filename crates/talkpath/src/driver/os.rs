//! The real world: the system's clock, sockets, threads and files.
//!
//! Each task has a thread of its own and waits in epoll or kqueue. Time counts
//! from the creation of the [`Os`] on the monotonic clock; the wall clock is
//! read once, so that a step of it moves nothing. Sockets share no port: a
//! taken one is seen as taken. Linux and macOS; other systems only as far as
//! the crate `polling` carries them.

mod file;
mod io;
mod thread;

use std::fs::{self, File};
use std::io as std_io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use socket2::{Domain, Protocol, Type};
use talkpath_wire::{NtpTime, Time};

use crate::driver::{
    Driver, Existing, Found, Gate, ReadFile, Socket, SocketOptions, Task, Wake, WriteFile,
};

/// The real world.
///
/// ```
/// use talkpath::driver::{Driver, Os, SocketOptions};
///
/// let os = Os::new();
/// let socket = os.bind("127.0.0.1:0".parse()?, &SocketOptions::default())?;
/// assert_ne!(socket.local_addr().port(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Os {
    clock: Clock,
    wall_clock_at_zero: NtpTime,
}

impl Os {
    /// A world that begins now.
    #[allow(clippy::disallowed_methods, reason = "the real world's own clock")]
    pub fn new() -> Self {
        let clock = Clock {
            zero: Instant::now(),
        };
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 is a clock never set; RTCP reports then carry 1970.
        let wall_clock_at_zero = NtpTime::from_unix(since_1970.unwrap_or(Duration::ZERO));
        Os {
            clock,
            wall_clock_at_zero,
        }
    }
}

impl Default for Os {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver for Os {
    fn now(&self) -> Time {
        self.clock.now()
    }

    fn wall_clock_at_zero(&self) -> NtpTime {
        self.wall_clock_at_zero
    }

    fn entropy(&self, bytes: &mut [u8]) -> std_io::Result<()> {
        getrandom::fill(bytes).map_err(std_io::Error::other)
    }

    fn bind(&self, local: SocketAddr, options: &SocketOptions) -> std_io::Result<Socket> {
        let socket =
            socket2::Socket::new(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP))?;
        if local.is_ipv6() {
            // IPv4 has sockets of its own: no peer is seen as ::ffff:a.b.c.d.
            socket.set_only_v6(true)?;
        }
        if let Some(dscp) = options.dscp {
            mark(&socket, local.ip(), dscp)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&local.into())?;
        let socket = UdpSocket::from(socket);
        Ok(Socket::new(socket.local_addr()?, socket))
    }

    fn ephemeral_ports(&self) -> Option<RangeInclusive<u16>> {
        parse_port_range(&fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?)
    }

    fn start(&self, name: &str, task: Box<dyn Task>) -> std_io::Result<Arc<dyn Wake>> {
        thread::start(self.clock, name, task)
    }

    fn wait(&self, gate: &Gate, seen: u64, deadline: Option<Time>) {
        gate.block(
            seen,
            deadline.and_then(|deadline| self.clock.until(deadline)),
        );
    }

    fn open(&self, path: &Path) -> std_io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(file::Reading(File::open(path)?)))
    }

    fn create(&self, path: &Path) -> std_io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(file::Writing::create(path)?))
    }

    fn edit(&self, path: &Path) -> std_io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(file::Writing::edit(path)?))
    }

    fn look(&self, path: &Path) -> std_io::Result<Found> {
        file::look(path)
    }

    fn remove(&self, path: &Path) -> std_io::Result<()> {
        fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path, existing: Existing) -> std_io::Result<()> {
        file::rename(from, to, existing)
    }

    fn list(&self, folder: &Path) -> std_io::Result<Vec<PathBuf>> {
        file::list(folder)
    }
}

/// Time since the world began, by the monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Clock {
    zero: Instant,
}

impl Clock {
    fn now(self) -> Time {
        Time::ZERO + self.zero.elapsed()
    }

    /// How long it is until `deadline`; none when it never comes.
    fn until(self, deadline: Time) -> Option<Duration> {
        (deadline != Time::MAX).then(|| deadline.saturating_since(self.now()))
    }
}

/// RFC 2474 §3: the code point is the upper six bits of the field.
fn mark(socket: &socket2::Socket, local: IpAddr, dscp: u8) -> std_io::Result<()> {
    if dscp > 63 {
        return Err(std_io::Error::new(
            std_io::ErrorKind::InvalidInput,
            format!("DSCP {dscp} is not in 0..=63"),
        ));
    }
    let field = u32::from(dscp) << 2;
    match local {
        IpAddr::V4(_) => socket.set_tos_v4(field),
        IpAddr::V6(_) => socket.set_tclass_v6(field),
    }
}

fn parse_port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut ports = text.split_ascii_whitespace().map(|port| port.parse().ok());
    let range = ports.next()??..=ports.next()??;
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests;
