//! A line with a script at its one end and a note-taker at its other.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::driver::fake::Fake;

/// Sockets that say what they are told to, when it is time to.
struct Script {
    now: Time,
    datagrams: VecDeque<(Time, SocketKey, Vec<u8>)>,
}

impl Io for Script {
    fn now(&self) -> Time {
        self.now
    }

    fn adopt(&mut self, _: SocketKey, _: Socket) -> io::Result<()> {
        Ok(())
    }

    fn release(&mut self, _: SocketKey) {}

    fn receive(&mut self, batch: &mut Batch) {
        while let Some((at, ..)) = self.datagrams.front()
            && *at <= self.now
            && !batch.is_full()
        {
            let (_, key, bytes) = self.datagrams.pop_front().unwrap();
            let receive = |slot: &mut [u8]| {
                slot[..bytes.len()].copy_from_slice(&bytes);
                Ok((bytes.len(), peer()))
            };
            batch.fill(key, receive).unwrap();
        }
    }

    fn send(&mut self, _: &Transmits, _: &mut dyn FnMut(Transmit<'_>, io::ErrorKind)) {}
}

/// What a task heard: when, by which socket, the number in the datagram.
type Notes = Arc<Mutex<Vec<(Time, SocketKey, u16)>>>;

/// Adopts sockets and notes what comes.
struct Listener {
    sockets: Vec<SocketKey>,
    batch: Batch,
    notes: Notes,
    release_at: Option<Time>,
}

impl Task for Listener {
    fn turn(&mut self, io: &mut dyn Io) -> Next {
        for key in self.sockets.drain(..) {
            io.adopt(key, Socket::new(peer(), ())).unwrap();
        }
        if self.release_at.is_some_and(|at| io.now() >= at) {
            io.release(ONE);
        }
        io.receive(&mut self.batch);
        let (now, more) = (io.now(), self.batch.is_full());
        self.batch.drain(|datagram| {
            let bytes = datagram.bytes.unwrap();
            let number = u16::from_be_bytes([bytes[2], bytes[3]]);
            let note = (now, datagram.socket, number);
            self.notes.lock().unwrap().push(note);
        });
        if more { Next::Now } else { Next::WhenWoken }
    }
}

/// 20 ms apart, on each of `sockets`.
fn packets(count: u16, sockets: &[SocketKey]) -> VecDeque<(Time, SocketKey, Vec<u8>)> {
    let numbers = (0..count).flat_map(|number| sockets.iter().map(move |key| (number, *key)));
    let packet = |(number, key): (u16, SocketKey)| {
        let [high, low] = number.to_be_bytes();
        let at = Time::from_millis(u64::from(number) * 20);
        (at, key, vec![0x80, 0, high, low, 1, 2, 3])
    };
    numbers.map(packet).collect()
}

/// Runs `datagrams` through a line until nothing waits.
fn run(
    wanted: Impairments,
    seed: u64,
    datagrams: VecDeque<(Time, SocketKey, Vec<u8>)>,
) -> (Vec<(Time, SocketKey, u16)>, Harm) {
    run_until_released(wanted, seed, datagrams, None)
}

fn run_until_released(
    wanted: Impairments,
    seed: u64,
    datagrams: VecDeque<(Time, SocketKey, Vec<u8>)>,
    release_at: Option<Time>,
) -> (Vec<(Time, SocketKey, u16)>, Harm) {
    let notes = Notes::default();
    let mut task = Impeded {
        task: Box::new(Listener {
            sockets: vec![ONE, TWO],
            batch: Batch::new(8),
            notes: Arc::clone(&notes),
            release_at,
        }),
        line: Line::new(wanted, seed, Arc::default()),
    };
    let mut io = Script {
        now: Time::ZERO,
        datagrams,
    };
    loop {
        let next = task.turn(&mut io);
        let arrival = io.datagrams.front().map(|(at, ..)| *at);
        let due = match next {
            Next::Now => Some(io.now),
            Next::At(at) => Some(at),
            _ => None,
        };
        match [arrival, due].into_iter().flatten().min() {
            Some(at) => io.now = io.now.max(at),
            None => break,
        }
    }
    let harm = task.line.harm();
    (notes.lock().unwrap().clone(), harm)
}

#[test]
fn a_line_without_impairments_passes_everything_at_once() {
    let (heard, harm) = run(Impairments::default(), 1, packets(500, &[ONE]));
    assert_eq!(heard.len(), 500);
    for (at, _, number) in heard {
        assert_eq!(at, Time::from_millis(u64::from(number) * 20));
    }
    let untouched = Harm {
        arrived: 500,
        ..Harm::default()
    };
    assert_eq!(harm, untouched);
}

#[test]
fn the_share_asked_for_is_lost_and_counted() {
    let wanted = Impairments {
        loss: 0.1,
        ..Impairments::default()
    };
    let (heard, harm) = run(wanted, 2, packets(10_000, &[ONE]));
    assert_eq!(heard.len() as u64 + harm.lost, 10_000);
    assert_eq!(harm.arrived, 10_000);
    // Six standard deviations around 1,000.
    assert!((820..1180).contains(&harm.lost), "{harm:?}");
    let all = Impairments {
        loss: 1.0,
        ..wanted
    };
    assert_eq!(run(all, 2, packets(100, &[ONE])).0, []);
}

#[test]
fn jitter_delays_evenly_and_keeps_the_order() {
    let wanted = Impairments {
        jitter: Duration::from_millis(60),
        ..Impairments::default()
    };
    let (heard, harm) = run(wanted, 3, packets(2_000, &[ONE]));
    let numbers: Vec<_> = heard.iter().map(|(_, _, number)| *number).collect();
    assert_eq!(numbers, (0..2_000).collect::<Vec<_>>());
    let delays: Vec<_> = heard
        .iter()
        .map(|(at, _, number)| *at - Time::from_millis(u64::from(*number) * 20))
        .collect();
    assert_eq!(delays.iter().max(), Some(&harm.delayed));
    assert!(harm.delayed <= Duration::from_millis(60), "{harm:?}");
    assert!(harm.delayed > Duration::from_millis(55), "{harm:?}");
    let mean = delays.iter().sum::<Duration>() / 2_000;
    // 30 ms, and a little for those that must not overtake.
    assert!((30..45).contains(&mean.as_millis()), "{mean:?}");
}

#[test]
fn a_reordered_datagram_comes_right_after_the_next_one() {
    let wanted = Impairments {
        reorder: 0.1,
        ..Impairments::default()
    };
    let (heard, harm) = run(wanted, 4, packets(2_000, &[ONE]));
    assert_eq!(heard.len(), 2_000);
    let backwards = heard.windows(2).filter(|pair| pair[0].2 > pair[1].2);
    assert_eq!(backwards.count() as u64, harm.reordered);
    assert!((130..260).contains(&harm.reordered), "{harm:?}");
    for pair in heard.windows(2).filter(|pair| pair[0].2 > pair[1].2) {
        assert_eq!((pair[0].0, pair[0].2), (pair[1].0, pair[1].2 + 1));
    }
}

#[test]
fn what_nobody_overtakes_comes_all_the_same() {
    let wanted = Impairments {
        reorder: 1.0,
        ..Impairments::default()
    };
    let (heard, harm) = run(wanted, 5, packets(1, &[ONE]));
    assert_eq!(heard, [(Time::from_millis(200), ONE, 0)]);
    assert_eq!(harm.reordered, 0);
}

#[test]
fn the_seed_alone_decides_and_sockets_have_luck_of_their_own() {
    let wanted = Impairments {
        loss: 0.2,
        jitter: Duration::from_millis(50),
        reorder: 0.1,
    };
    let both = packets(300, &[ONE, TWO]);
    let first = run(wanted, 6, both.clone());
    assert_eq!(first, run(wanted, 6, both.clone()));
    assert_ne!(first, run(wanted, 7, both.clone()));
    let of = |socket, (heard, _): &(Vec<(Time, SocketKey, u16)>, Harm)| -> Vec<(Time, u16)> {
        let its = heard.iter().filter(|note| note.1 == socket);
        its.map(|note| (note.0, note.2)).collect()
    };
    assert_ne!(of(ONE, &first), of(TWO, &first));
    // What the other socket receives changes nothing.
    let alone = run(wanted, 6, packets(300, &[TWO]));
    assert_eq!(of(TWO, &first), of(TWO, &alone));
}

#[test]
fn more_loss_leaves_the_delays_of_the_others_as_they_were() {
    let little = Impairments {
        loss: 0.01,
        jitter: Duration::from_millis(15),
        ..Impairments::default()
    };
    let much = Impairments {
        loss: 0.5,
        ..little
    };
    let (little, _) = run(little, 8, packets(300, &[ONE]));
    let (much, _) = run(much, 8, packets(300, &[ONE]));
    assert!(much.len() < little.len());
    assert!(much.iter().all(|note| little.contains(note)));
}

#[test]
fn rtcp_passes_unharmed() {
    let wanted = Impairments {
        loss: 1.0,
        jitter: Duration::from_millis(50),
        reorder: 1.0,
    };
    let goodbye = (Time::from_millis(5), ONE, vec![0x81, 203, 0, 1, 1, 2, 3, 4]);
    let (heard, harm) = run(wanted, 9, VecDeque::from([goodbye]));
    assert_eq!(heard, [(Time::from_millis(5), ONE, 1)]);
    assert_eq!(harm, Harm::default());
}

#[test]
fn a_flood_is_bounded_and_what_is_too_much_is_lost() {
    let wanted = Impairments {
        jitter: Duration::from_secs(100),
        ..Impairments::default()
    };
    let mut flood = packets(5_000, &[ONE]);
    flood.iter_mut().for_each(|packet| packet.0 = Time::ZERO);
    let (heard, harm) = run(wanted, 10, flood);
    assert_eq!(heard.len() as u64 + harm.lost, 5_000);
    assert!((1_024..1_500).contains(&heard.len()), "{}", heard.len());
}

#[test]
fn nothing_comes_by_a_socket_that_is_closed() {
    let wanted = Impairments {
        jitter: Duration::from_millis(500),
        ..Impairments::default()
    };
    let closed = Time::from_millis(300);
    let (heard, _) = run_until_released(wanted, 11, packets(20, &[ONE, TWO]), Some(closed));
    assert!(heard.iter().any(|note| note.1 == ONE));
    assert!(heard.iter().all(|note| note.1 == TWO || note.0 < closed));
    assert_eq!(heard.iter().filter(|note| note.1 == TWO).count(), 20);
}

#[test]
fn shares_beyond_bounds_and_no_numbers_do_no_harm() {
    for odd in [f64::NAN, -1.0, f64::NEG_INFINITY] {
        let wanted = Impairments {
            loss: odd,
            reorder: odd,
            ..Impairments::default()
        };
        assert_eq!(run(wanted, 12, packets(50, &[ONE])).0.len(), 50);
    }
    let endless = Impairments {
        loss: f64::INFINITY,
        jitter: Duration::MAX,
        ..Impairments::default()
    };
    assert_eq!(run(endless, 13, packets(50, &[ONE])).0, []);
}

#[test]
fn everything_else_is_the_driver_s_own() {
    let fake = Arc::new(Fake::default());
    let impaired = Impaired::new(fake.clone(), Impairments::default(), 1);
    fake.pass(Duration::from_millis(7));
    assert_eq!(impaired.now(), Time::from_millis(7));
    assert_eq!(impaired.ephemeral_ports(), fake.ephemeral_ports());
    let socket = impaired.bind(peer(), &SocketOptions::default()).unwrap();
    assert_eq!(fake.bound(), [peer().port()]);
    drop(socket);
    assert!(impaired.open(Path::new("none")).is_err());
    assert_eq!(impaired.harm(), Harm::default());
}

fn peer() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], 4000))
}

const ONE: SocketKey = SocketKey(1);
const TWO: SocketKey = SocketKey(2);
