//! Tasks that several tests run.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use talkpath::driver::{Batch, Driver, Gate, Io, Next, Socket, SocketOptions, Task};
use talkpath_media::{SocketKey, Transmits};
use talkpath_sim::VirtualDriver;
use talkpath_wire::Time;

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn bind(driver: &VirtualDriver, local: &str) -> Socket {
    driver.bind(addr(local), &SocketOptions::default()).unwrap()
}

/// What a test and its task both see.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) turns: Mutex<Vec<Time>>,
    pub(crate) stop: Mutex<bool>,
    errors: Mutex<Vec<ErrorKind>>,
}

impl Shared {
    pub(crate) fn turns(&self) -> Vec<Time> {
        self.turns.lock().unwrap().clone()
    }

    pub(crate) fn errors(&self) -> Vec<ErrorKind> {
        self.errors.lock().unwrap().clone()
    }
}

/// Adopts sockets, sends everything back, and moves its gate each time; has a
/// turn every `every` if it is told to, and ends when told to stop.
pub(crate) struct Echo {
    pub(crate) sockets: Vec<Socket>,
    pub(crate) every: Option<Duration>,
    pub(crate) due: Time,
    pub(crate) shared: Arc<Shared>,
    pub(crate) batch: Batch,
}

impl Echo {
    pub(crate) fn new(sockets: Vec<Socket>) -> (Box<Self>, Arc<Shared>) {
        let shared = Arc::new(Shared::default());
        let (every, batch) = (None, Batch::new(4));
        let task = Echo {
            sockets,
            every,
            due: Time::ZERO,
            shared: Arc::clone(&shared),
            batch,
        };
        (Box::new(task), shared)
    }
}

impl Task for Echo {
    fn turn(&mut self, io: &mut dyn Io) -> Next {
        self.shared.turns.lock().unwrap().push(io.now());
        for (key, socket) in self.sockets.drain(..).enumerate() {
            if let Err(error) = io.adopt(SocketKey(key as u32), socket) {
                self.shared.errors.lock().unwrap().push(error.kind());
            }
        }
        let mut out = Transmits::default();
        io.receive(&mut self.batch);
        self.batch.drain(|datagram| {
            if let Some(bytes) = datagram.bytes {
                out.push(datagram.socket, datagram.from, bytes);
            }
        });
        io.send(&out, &mut |_, kind| {
            self.shared.errors.lock().unwrap().push(kind)
        });
        if !out.is_empty() {
            self.shared.gate.advance();
        }
        if *self.shared.stop.lock().unwrap() {
            return Next::Finished;
        }
        let Some(every) = self.every else {
            return Next::WhenWoken;
        };
        while self.due <= io.now() {
            self.due += every;
        }
        Next::At(self.due)
    }
}
