//! Counts heap allocations of a task's thread while packets pass through it.
#![allow(unsafe_code, reason = "a global allocator cannot be had without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::UdpSocket;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use talkpath::driver::{Batch, Driver, Io, Next, Os, Socket, SocketOptions, Task};
use talkpath_media::{SocketKey, Transmits};
use talkpath_wire::Time;

struct Counting;

thread_local! {
    /// Allocations and releases of this thread only: the harness has others.
    static TOUCHES: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes unchanged to the system's allocator; the counter is a
// plain cell without a destructor, so that it cannot allocate itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TOUCHES.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's own promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        TOUCHES.with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Sends back what comes in, and tells how often the heap was touched between
/// the packets `WARM_UP` and `PACKETS`.
struct Echo {
    sockets: Vec<Socket>,
    batch: Batch,
    out: Transmits,
    packets: u64,
    touches_before: u64,
    tell: Sender<u64>,
}

impl Task for Echo {
    fn turn(&mut self, io: &mut dyn Io) -> Next {
        if !self.sockets.is_empty() {
            for (key, socket) in (0..).zip(self.sockets.drain(..)) {
                io.adopt(SocketKey(key), socket).expect("a free key");
            }
            self.tell.send(ADOPTED).expect("the test listens");
        }
        io.receive(&mut self.batch);
        self.packets += self.batch.len() as u64;
        self.batch.drain(|datagram| {
            let bytes = datagram.bytes.expect("short datagrams");
            self.out.push(datagram.socket, datagram.from, bytes);
        });
        if self.packets >= PACKETS {
            let touches = TOUCHES.get() - self.touches_before;
            self.tell.send(touches).expect("the test listens");
            return Next::Finished;
        }
        io.send(&self.out, &mut |_, kind| panic!("{kind}"));
        self.out.clear();
        if self.packets <= WARM_UP {
            self.touches_before = TOUCHES.get();
        }
        Next::At(io.now() + Duration::from_millis(20))
    }
}

#[test]
fn packets_of_many_sockets_pass_without_touching_the_heap() {
    let os = Os::new();
    let bind = |_| {
        os.bind("127.0.0.1:0".parse().unwrap(), &SocketOptions::default())
            .unwrap()
    };
    let sockets: Vec<_> = (0..SOCKETS).map(bind).collect();
    let locals: Vec<_> = sockets.iter().map(Socket::local_addr).collect();
    let (tell, told) = mpsc::channel();
    let echo = Echo {
        sockets,
        batch: Batch::new(16),
        out: Transmits::with_capacity(16, 16 * 172),
        packets: 0,
        touches_before: 0,
        tell,
    };
    let wake = os.start("echo", Box::new(echo)).unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // Adoption empties the queues.
    assert_eq!(told.recv(), Ok(ADOPTED));
    for round in 1..=ROUNDS {
        for local in locals.iter().chain(&locals) {
            peer.send_to(&[0; 172], local).unwrap();
        }
        for _ in locals.iter().chain(&locals).filter(|_| round < ROUNDS) {
            peer.recv_from(&mut [0; 172]).unwrap();
        }
    }
    assert!(wake.join(Time::MAX));
    assert_eq!(told.try_recv(), Ok(0));
}

#[test]
fn the_counter_counts() {
    let before = TOUCHES.get();
    drop(std::hint::black_box(Box::new(1)));
    assert!(TOUCHES.get() >= before + 2);
}

const SOCKETS: usize = 8;
const ROUNDS: u64 = 125;
const PACKETS: u64 = ROUNDS * 2 * SOCKETS as u64;
const WARM_UP: u64 = 200;
const ADOPTED: u64 = u64::MAX;
