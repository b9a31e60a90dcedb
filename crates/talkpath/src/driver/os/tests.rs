//! The engine over real sockets on the loopback interface.

use std::io::ErrorKind;
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use talkpath_media::{SocketKey, Transmits};

use super::*;
use crate::driver::{Batch, Io, Next};

const PATIENCE: Duration = Duration::from_secs(10);

fn loopbacks(os: &Os) -> Vec<SocketAddr> {
    let v4 = SocketAddr::from(([127, 0, 0, 1], 0));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let has_v6 = os.bind(v6, &SocketOptions::default()).is_ok();
    if has_v6 { vec![v4, v6] } else { vec![v4] }
}

fn peer(at: SocketAddr) -> UdpSocket {
    let peer = UdpSocket::bind(SocketAddr::new(at.ip(), 0)).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer
}

/// A task made of a closure.
struct Turns<F>(F);

impl<F: FnMut(&mut dyn Io) -> Next + Send> Task for Turns<F> {
    fn turn(&mut self, io: &mut dyn Io) -> Next {
        (self.0)(io)
    }
}

/// What a test's task is told.
enum Order {
    Adopt(SocketKey, Socket),
    Release(SocketKey),
    Stop,
}

/// What it saw: key, origin and bytes of a datagram.
type Seen = (SocketKey, SocketAddr, Option<Vec<u8>>);

struct Worker {
    wake: Arc<dyn Wake>,
    orders: Sender<Order>,
    seen: Receiver<Vec<Seen>>,
    os: Arc<Os>,
}

impl Worker {
    /// A task that sends back each datagram and tells of each batch.
    fn echo(capacity: usize) -> Self {
        let os = Arc::new(Os::new());
        let (orders, inbox) = mpsc::channel();
        let (tell, seen) = mpsc::channel();
        let (mut batch, mut out) = (Batch::new(capacity), Transmits::default());
        let turn = move |io: &mut dyn Io| {
            for order in inbox.try_iter() {
                match order {
                    Order::Adopt(key, socket) => {
                        io.adopt(key, socket).unwrap();
                        tell.send(Vec::new()).unwrap();
                    }
                    Order::Release(key) => io.release(key),
                    Order::Stop => return Next::Finished,
                }
            }
            io.receive(&mut batch);
            let mut told = Vec::new();
            batch.drain(|datagram| {
                let bytes = datagram.bytes.map(|bytes| bytes.to_vec());
                out.push(
                    datagram.socket,
                    datagram.from,
                    bytes.as_deref().unwrap_or_default(),
                );
                told.push((datagram.socket, datagram.from, bytes));
            });
            io.send(&out, &mut |transmit, kind| panic!("{transmit:?}: {kind}"));
            out.clear();
            if !told.is_empty() {
                tell.send(told).unwrap();
            }
            Next::WhenWoken
        };
        let wake = os.start("echo", Box::new(Turns(turn))).unwrap();
        Worker {
            wake,
            orders,
            seen,
            os,
        }
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
        self.wake.wake();
    }

    fn adopt(&self, key: u32, socket: Socket) -> SocketAddr {
        let local = socket.local_addr();
        self.order(Order::Adopt(SocketKey(key), socket));
        assert!(self.batch().is_empty());
        local
    }

    fn batch(&self) -> Vec<Seen> {
        self.seen.recv_timeout(PATIENCE).unwrap()
    }

    fn stop(&self) {
        self.order(Order::Stop);
        assert!(self.wake.join(self.os.now() + PATIENCE));
    }
}

#[test]
fn datagrams_go_both_ways_over_ipv4_and_ipv6() {
    let worker = Worker::echo(8);
    for (key, at) in (0..).zip(loopbacks(&worker.os)) {
        let socket = worker
            .os
            .bind(at, &SocketOptions { dscp: Some(46) })
            .unwrap();
        let local = worker.adopt(key, socket);
        let peer = peer(at);
        peer.send_to(b"hello", local).unwrap();
        let mut answer = [0; 16];
        assert_eq!(peer.recv_from(&mut answer).unwrap(), (5, local));
        assert_eq!(&answer[..5], b"hello");
        let expected = (
            SocketKey(key),
            peer.local_addr().unwrap(),
            Some(b"hello".to_vec()),
        );
        assert_eq!(worker.batch(), [expected]);
    }
    worker.stop();
}

#[test]
fn what_was_queued_before_adoption_is_thrown_away() {
    let worker = Worker::echo(8);
    let at = loopbacks(&worker.os)[0];
    let socket = worker.os.bind(at, &SocketOptions::default()).unwrap();
    let peer = peer(at);
    for _ in 0..20 {
        peer.send_to(b"old", socket.local_addr()).unwrap();
    }
    let local = worker.adopt(7, socket);
    peer.send_to(b"new", local).unwrap();
    assert_eq!(worker.batch()[0].2.as_deref(), Some(&b"new"[..]));
    worker.stop();
}

#[test]
fn a_datagram_that_fills_a_slot_is_reported_as_lost_and_the_next_one_arrives() {
    let worker = Worker::echo(1);
    let at = loopbacks(&worker.os)[0];
    let local = worker.adopt(0, worker.os.bind(at, &SocketOptions::default()).unwrap());
    let peer = peer(at);
    for len in [Batch::SLOT - 1, Batch::SLOT, 9000, 0] {
        peer.send_to(&vec![1; len], local).unwrap();
    }
    let lens: Vec<_> = (0..4)
        .map(|_| worker.batch()[0].2.as_ref().map(Vec::len))
        .collect();
    assert_eq!(lens, [Some(Batch::SLOT - 1), None, None, Some(0)]);
    worker.stop();
}

#[test]
fn a_flooded_socket_leaves_the_others_their_turn() {
    let os = Arc::new(Os::new());
    let at = loopbacks(&os)[0];
    let sockets = [(); 2].map(|()| os.bind(at, &SocketOptions::default()).unwrap());
    let locals = [sockets[0].local_addr(), sockets[1].local_addr()];
    let sockets = Mutex::new(Some(sockets));
    let (tell, seen) = mpsc::channel();
    let (flooded, go) = mpsc::channel();
    let mut batch = Batch::new(64);
    let turn = move |io: &mut dyn Io| {
        if let Some(sockets) = sockets.lock().unwrap().take() {
            for (key, socket) in (0..).zip(sockets) {
                io.adopt(SocketKey(key), socket).unwrap();
            }
            tell.send(Vec::new()).unwrap();
            go.recv().unwrap();
        }
        io.receive(&mut batch);
        let mut keys = Vec::new();
        batch.drain(|datagram| keys.push(datagram.socket.0));
        if keys.is_empty() {
            return Next::WhenWoken;
        }
        tell.send(keys).unwrap();
        Next::Finished
    };
    let wake = os.start("fair", Box::new(Turns(turn))).unwrap();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), Vec::<u32>::new());
    let peer = peer(at);
    for _ in 0..64 {
        peer.send_to(b"flood", locals[0]).unwrap();
    }
    peer.send_to(b"call", locals[1]).unwrap();
    flooded.send(()).unwrap();
    let order = seen.recv_timeout(PATIENCE).unwrap();
    let turn = order.iter().position(|key| *key == 1);
    assert!(turn.is_some_and(|turn| turn <= 8), "{order:?}");
    assert!(wake.join(os.now() + PATIENCE));
}

#[test]
fn a_peer_that_is_gone_stops_neither_sending_nor_receiving() {
    let worker = Worker::echo(8);
    let at = loopbacks(&worker.os)[0];
    let local = worker.adopt(0, worker.os.bind(at, &SocketOptions::default()).unwrap());
    let gone = peer(at);
    gone.send_to(b"bye", local).unwrap();
    drop(gone);
    worker.batch();
    let peer = peer(at);
    for _ in 0..3 {
        peer.send_to(b"still there?", local).unwrap();
        peer.recv_from(&mut [0; 16]).unwrap();
    }
    worker.stop();
}

#[test]
fn a_released_socket_is_closed_and_its_key_can_be_used_again() {
    let worker = Worker::echo(8);
    let at = loopbacks(&worker.os)[0];
    let first = worker.adopt(3, worker.os.bind(at, &SocketOptions::default()).unwrap());
    worker.order(Order::Release(SocketKey(3)));
    let second = worker.adopt(3, worker.os.bind(at, &SocketOptions::default()).unwrap());
    assert!(worker.os.bind(first, &SocketOptions::default()).is_ok());
    let peer = peer(at);
    peer.send_to(b"new", second).unwrap();
    assert_eq!(worker.batch()[0].0, SocketKey(3));
    worker.stop();
}

#[test]
fn what_the_world_does_not_take_is_told() {
    let os = Os::new();
    let at = loopbacks(&os)[0];
    let socket = os.bind(at, &SocketOptions::default()).unwrap();
    let to = socket.local_addr();
    let mut io = io::OsIo::new(os.clock, Arc::new(polling::Poller::new().unwrap()));
    io.adopt(SocketKey(0), socket).unwrap();
    let mut out = Transmits::default();
    out.push(SocketKey(0), to, &vec![0; 70_000]);
    out.push(SocketKey(1), to, b"no such socket");
    out.push(SocketKey(0), to, b"fine");
    let mut failed = Vec::new();
    io.send(&out, &mut |transmit, _| {
        failed.push((transmit.socket.0, transmit.bytes.len()))
    });
    assert_eq!(failed, [(0, 70_000), (1, 14)]);
}

#[test]
fn a_taken_port_a_foreign_address_and_a_wrong_dscp_are_refused() {
    let os = Os::new();
    for at in loopbacks(&os) {
        let first = os.bind(at, &SocketOptions::default()).unwrap();
        let kind = |local, dscp| os.bind(local, &SocketOptions { dscp }).unwrap_err().kind();
        assert_eq!(kind(first.local_addr(), None), ErrorKind::AddrInUse);
        assert_eq!(kind(at, Some(64)), ErrorKind::InvalidInput);
    }
    // RFC 5737: an address that nobody has.
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
    let refused = os.bind(elsewhere, &SocketOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable);
}

#[test]
fn datagrams_are_marked_with_the_code_point() {
    let os = Os::new();
    for at in loopbacks(&os) {
        // RFC 3246: expedited forwarding is 46.
        let socket = os.bind(at, &SocketOptions { dscp: Some(46) }).unwrap();
        let socket: UdpSocket = socket.into_inner().unwrap();
        let socket = socket2::SockRef::from(&socket);
        let field = if at.is_ipv4() {
            socket.tos_v4()
        } else {
            socket.tclass_v6()
        };
        assert_eq!(field.unwrap(), 46 << 2);
    }
}

#[test]
fn a_task_gets_its_turn_when_it_asked_for_it() {
    let os = Os::new();
    let (tell, told) = mpsc::channel();
    let mut due = None;
    let turn = move |io: &mut dyn Io| match due {
        None => {
            let at = io.now() + Duration::from_millis(20);
            due = Some(at);
            Next::At(at)
        }
        Some(at) if io.now() < at => Next::At(at),
        Some(at) => {
            tell.send(io.now() - at).unwrap();
            Next::Finished
        }
    };
    let wake = os.start("timer", Box::new(Turns(turn))).unwrap();
    assert!(told.recv_timeout(PATIENCE).is_ok());
    assert!(wake.join(Time::MAX));
}

#[test]
fn a_task_that_panics_has_finished_and_was_dropped() {
    struct Told(Sender<()>);
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let os = Os::new();
    let (tell, told) = mpsc::channel();
    let told_on_drop = Told(tell);
    let turn = move |_: &mut dyn Io| {
        let _held = &told_on_drop;
        panic!("on purpose, to see who notices")
    };
    let wake = os.start("panics", Box::new(Turns(turn))).unwrap();
    assert!(wake.join(os.now() + PATIENCE));
    assert_eq!(told.try_recv(), Ok(()));
}

#[test]
fn joining_a_task_that_goes_on_gives_up_at_the_deadline() {
    let worker = Worker::echo(1);
    assert!(!worker.wake.join(worker.os.now() + Duration::from_millis(1)));
    assert!(!worker.wake.join(Time::ZERO));
    worker.stop();
}

#[test]
fn a_wait_ends_at_its_deadline_or_when_the_gate_moves() {
    let os = Os::new();
    let gate = Gate::new();
    let deadline = os.now() + Duration::from_millis(5);
    os.wait(&gate, 0, Some(deadline));
    assert!(os.now() >= deadline);
    gate.advance();
    os.wait(&gate, 0, None);
}

#[test]
fn files_are_appended_patched_renamed_and_read_back() {
    let os = Os::new();
    let folder = std::env::temp_dir().join(format!("talkpath-os-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (part, whole) = (folder.join("a.part"), folder.join("a.wav"));
    let mut file = os.create(&part).unwrap();
    file.append(b"0000 first").unwrap();
    file.patch(0, b"size").unwrap();
    file.append(b" second").unwrap();
    file.sync().unwrap();
    os.rename(&part, &whole, Existing::Keep).unwrap();
    assert_eq!(
        os.open(&part).err().map(|e| e.kind()),
        Some(ErrorKind::NotFound)
    );
    let (mut read, mut bytes) = (os.open(&whole).unwrap(), [0; 32]);
    let len = read.read(&mut bytes).unwrap();
    assert_eq!(&bytes[..len], b"size first second");
    assert_eq!(
        (read.read(&mut bytes).unwrap(), read.length().unwrap()),
        (0, 17)
    );
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn nothing_that_is_there_is_replaced_unasked() {
    let os = Os::new();
    let folder = std::env::temp_dir().join(format!("talkpath-keep-{}", std::process::id()));
    fs::create_dir_all(folder.join("inner")).unwrap();
    let (one, other) = (folder.join("one"), folder.join("other"));
    let mut file = os.create(&one).unwrap();
    file.append(b"first").unwrap();
    let kind = |error: std_io::Error| error.kind();
    assert_eq!(
        os.create(&one).err().map(kind),
        Some(ErrorKind::AlreadyExists)
    );
    // Written to by one at a time.
    assert_eq!(os.edit(&one).err().map(kind), Some(ErrorKind::WouldBlock));
    drop(file);
    let mut again = os.edit(&one).unwrap();
    again.truncate(2).unwrap();
    again.append(b"fth").unwrap();
    drop(again);
    assert_eq!(fs::read(&one).unwrap(), b"fifth");

    fs::write(&other, "kept").unwrap();
    let refused = os.rename(&one, &other, Existing::Keep).err().map(kind);
    assert_eq!(refused, Some(ErrorKind::AlreadyExists));
    assert_eq!(os.list(&folder).unwrap(), [one.clone(), other.clone()]);
    os.rename(&one, &other, Existing::Replace).unwrap();
    assert_eq!(fs::read(&other).unwrap(), b"fifth");
    let look = |path| os.look(path).unwrap();
    assert_eq!([look(&one), look(&other)], [Found::Nothing, Found::File]);
    assert_eq!(look(&folder), Found::Folder);
    os.remove(&other).unwrap();
    assert_eq!(os.list(&folder).unwrap(), [] as [PathBuf; 0]);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn entropy_differs_and_the_wall_clock_is_after_2026() {
    let os = Os::new();
    let (mut one, mut other) = ([0; 16], [0; 16]);
    os.entropy(&mut one).unwrap();
    os.entropy(&mut other).unwrap();
    assert_ne!(one, other);
    let of_2026 = NtpTime::from_unix(Duration::from_secs(1_767_225_600));
    assert!(os.wall_clock_at_zero().bits() > of_2026.bits());
}

#[test]
fn the_ephemeral_range_is_read_as_the_system_writes_it() {
    assert_eq!(parse_port_range("32768\t60999\n"), Some(32768..=60999));
    for nonsense in ["", "1", "a b", "60999 32768", "1 70000"] {
        assert_eq!(parse_port_range(nonsense), None, "{nonsense}");
    }
    if cfg!(target_os = "linux") {
        assert!(Os::new().ephemeral_ports().is_some());
    }
}
