//! Tasks, sockets, clocks and waits of the virtual driver.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{Echo, addr, bind, ms};
use talkpath::driver::{Driver, Gate, Io, Next, SocketOptions, Task};
use talkpath_sim::{AWKWARD_STARTS, Fate, Held, Link, VirtualDriver, World};
use talkpath_wire::Time;

#[test]
fn an_echo_answers_and_leaves_nothing_behind() {
    let world = World::new(1);
    let driver = world.host("10.0.0.1").driver();
    let (echo, shared) = Echo::new(vec![
        bind(&driver, "10.0.0.1:4000"),
        bind(&driver, "0.0.0.0:0"),
    ]);
    let wake = driver.start("echo", echo).unwrap();
    let peer = world.host("10.0.0.2").peer(9);
    world.run_for(ms(1));
    (0..10).for_each(|i| peer.send(addr("10.0.0.1:4000"), &[i]));
    peer.send(addr("10.0.0.1:32768"), b"any");
    world.run_for(ms(50));
    let got: Vec<_> = peer
        .received()
        .iter()
        .map(|a| (a.from.port(), a.bytes[0]))
        .collect();
    let sent: Vec<_> = (0..10).map(|i| (4000, i)).chain([(32768, b'a')]).collect();
    assert_eq!(got, sent);
    assert_eq!(
        world.held(),
        Held {
            sockets: 2,
            tasks: 1,
            files: 0
        }
    );

    *shared.stop.lock().unwrap() = true;
    assert!(!wake.join(world.now() + ms(10)), "nobody woke it");
    wake.wake();
    assert!(wake.join(world.now() + ms(10)));
    assert_eq!(world.held(), Held::default());
    wake.wake();
    world.run_for(ms(10));
    assert_eq!(Arc::strong_count(&shared), 1, "the task was dropped");
}

#[test]
fn a_wait_lets_time_pass_until_the_gate_moves() {
    let world = World::new(1);
    let driver = world.host("10.0.0.1").driver();
    let (echo, shared) = Echo::new(vec![bind(&driver, "10.0.0.1:4000")]);
    driver.start("echo", echo).unwrap();
    let peer = world.host("10.0.0.2").peer(9);
    peer.send_at(world.now() + ms(500), addr("10.0.0.1:4000"), b"x");
    let seen = shared.gate.count();
    driver.wait(&shared.gate, seen, Some(world.now() + ms(100)));
    assert_eq!(
        (shared.gate.count(), world.now()),
        (seen, Time::from_millis(100))
    );
    driver.wait(&shared.gate, seen, None);
    assert_eq!(
        (shared.gate.count(), world.now()),
        (seen + 1, Time::from_millis(510))
    );
    driver.wait(&shared.gate, seen, None);
    assert_eq!(world.now(), Time::from_millis(510), "it had moved already");
}

#[test]
#[should_panic(expected = "nothing is left to happen")]
fn a_wait_that_cannot_end_says_so() {
    let driver = World::new(1).host("10.0.0.1").driver();
    driver.wait(&Gate::new(), 0, None);
}

#[test]
fn a_wait_without_end_in_a_busy_world_says_so_too() {
    let world = World::new(1);
    let driver = world.host("10.0.0.1").driver();
    let (mut echo, _) = Echo::new(vec![]);
    echo.every = Some(ms(60_000));
    driver.start("ticker", echo).unwrap();
    let never = world.clone();
    let waited = std::panic::catch_unwind(move || never.block_on(std::future::pending::<()>()));
    assert!(waited.is_err());
    assert_eq!(world.now(), Time::from_millis(24 * 3_600_000));
}

#[test]
fn timers_follow_the_drifting_clock() {
    for start in AWKWARD_STARTS {
        let world = World::starting_at(1, start);
        let hours = [-200, 0, 200].map(|ppm| {
            let driver = world.host("10.0.0.1").driver().with_drift(ppm);
            let (mut echo, shared) = Echo::new(vec![]);
            (echo.every, echo.due) = (Some(ms(1_000)), start);
            driver.start("ticker", echo).unwrap();
            (driver, shared)
        });
        // 99.98 s, 100 s and 100.02 s have passed on the clocks.
        world.run_for(ms(100_000));
        let turns = hours.each_ref().map(|(_, shared)| shared.turns().len());
        assert_eq!(turns, [100, 101, 101], "{start:?}");
        let passed = hours.each_ref().map(|(driver, _)| driver.now() - start);
        assert_eq!(passed, [ms(99_980), ms(100_000), ms(100_020)]);
        let tenth = hours
            .each_ref()
            .map(|(_, shared)| shared.turns()[10] - start);
        assert!(
            tenth.iter().all(|at| (ms(10_000)..ms(10_001)).contains(at)),
            "{tenth:?}"
        );
    }
}

#[test]
fn binding_says_what_a_system_would() {
    let world = World::new(1);
    let driver = world.host("10.0.0.1").also_at("fd00::1").driver();
    let elsewhere = world.host("10.0.0.2").driver();
    let try_bind = |driver: &dyn Driver, local| {
        let socket = driver.bind(addr(local), &SocketOptions::default());
        socket.map_err(|error| error.kind())
    };
    let kept = try_bind(&driver, "10.0.0.1:4000").unwrap();
    assert_eq!(
        try_bind(&driver, "10.0.0.1:4000").unwrap_err(),
        ErrorKind::AddrInUse
    );
    assert_eq!(
        try_bind(&driver, "0.0.0.0:4000").unwrap_err(),
        ErrorKind::AddrInUse
    );
    assert_eq!(
        try_bind(&driver, "10.0.0.2:4000").unwrap_err(),
        ErrorKind::AddrNotAvailable
    );
    assert!(try_bind(&driver, "[fd00::1]:4000").is_ok());
    assert!(try_bind(&elsewhere, "10.0.0.2:4000").is_ok());
    let any = try_bind(&driver, "0.0.0.0:5000").unwrap();
    assert_eq!(
        try_bind(&driver, "10.0.0.1:5000").unwrap_err(),
        ErrorKind::AddrInUse
    );
    drop((kept, any));
    assert!(try_bind(&driver, "10.0.0.1:4000").is_ok());
    let ports = [0, 1].map(|_| try_bind(&driver, "10.0.0.1:0").unwrap());
    assert_ne!(ports[0].local_addr(), ports[1].local_addr());
    let ephemeral = driver.ephemeral_ports().unwrap();
    assert!(
        ports
            .iter()
            .all(|socket| ephemeral.contains(&socket.local_addr().port()))
    );
    drop(ports);
    assert_eq!(world.held(), Held::default());
}

#[test]
fn a_call_begins_with_empty_queues() {
    let world = World::new(1);
    let driver = world.host("10.0.0.1").driver();
    let socket = bind(&driver, "10.0.0.1:4000");
    let peer = world.host("10.0.0.2").peer(9);
    peer.send(socket.local_addr(), b"too early");
    world.run_for(ms(20));
    let (echo, _) = Echo::new(vec![socket]);
    driver.start("echo", echo).unwrap();
    world.run_for(ms(40));
    assert!(peer.received().is_empty());
}

#[test]
fn a_stalled_host_finds_a_burst_and_loses_what_did_not_fit() {
    let world = World::new(1);
    let host = world.host("10.0.0.1");
    let (echo, shared) = Echo::new(vec![bind(&host.driver(), "10.0.0.1:4000")]);
    host.driver().start("echo", echo).unwrap();
    let peer = world.host("10.0.0.2").peer(9);
    world.run_for(ms(1));
    host.stall(ms(500));
    for i in 0..300 {
        peer.send_at(world.now() + ms(i), addr("10.0.0.1:4000"), &[0; 160]);
    }
    world.run_for(ms(499));
    assert_eq!(shared.turns().len(), 1);
    world.run_for(ms(100));
    assert_eq!(peer.received().len(), 256);
    let lost = world
        .wire_log()
        .into_iter()
        .filter(|r| r.fate == Fate::SocketOverflow)
        .count();
    assert_eq!(lost, 300 - 256);
}

/// Tries to move time from inside a turn.
struct Impatient {
    world: World,
    turns: Arc<AtomicU32>,
}

impl Task for Impatient {
    fn turn(&mut self, io: &mut dyn Io) -> Next {
        let before = io.now();
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.world.run_for(ms(1_000));
        let gate = Gate::new();
        self.world
            .host("10.0.0.1")
            .driver()
            .wait(&gate, gate.count(), None);
        assert!(!self.world.step());
        assert_eq!(io.now(), before);
        Next::Now
    }
}

#[test]
fn a_turn_cannot_move_time_and_takes_some() {
    let world = World::new(1);
    let driver = world.host("10.0.0.1").driver();
    let turns = Arc::new(AtomicU32::new(0));
    let task = Impatient {
        world: world.clone(),
        turns: Arc::clone(&turns),
    };
    driver.start("impatient", Box::new(task)).unwrap();
    world.run_for(ms(1));
    // A turn each microsecond, the one at either end included.
    assert_eq!(turns.load(Ordering::Relaxed), 1_001);
}

/// Waits in a loop from inside a turn.
struct Waits(VirtualDriver);

impl Task for Waits {
    fn turn(&mut self, _: &mut dyn Io) -> Next {
        let gate = Gate::new();
        while gate.count() == 0 {
            self.0.wait(&gate, 0, None);
        }
        Next::WhenWoken
    }
}

#[test]
#[should_panic(expected = "from inside a task or a script")]
fn a_task_that_waits_for_ever_says_so() {
    let world = World::new(1);
    let driver = world.host("10.0.0.1").driver();
    driver
        .start("waits", Box::new(Waits(driver.clone())))
        .unwrap();
    world.run_for(ms(1));
}

struct Panics;

impl Task for Panics {
    fn turn(&mut self, _: &mut dyn Io) -> Next {
        panic!("a defect");
    }
}

#[test]
fn a_panicking_task_is_over_and_the_world_goes_on() {
    let world = World::new(1);
    let wake = world
        .host("10.0.0.1")
        .driver()
        .start("panics", Box::new(Panics))
        .unwrap();
    let stepped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run_for(ms(1))));
    assert!(stepped.is_err());
    assert!(wake.join(world.now()));
    assert_eq!(world.held(), Held::default());
    world.run_for(ms(1));
}

#[test]
fn a_future_is_awaited_in_virtual_time() {
    let world = World::new(1);
    let gate = Arc::new(Gate::new());
    let moved = Arc::clone(&gate);
    world.after(ms(700), move |_| moved.advance());
    let seen = gate.count();
    world.block_on(gate.moved(seen));
    assert_eq!(world.now(), Time::from_millis(700));
}

#[test]
fn threads_take_turns_at_moving_time() {
    let world = World::new(1);
    let driver = world.host("10.0.0.1").driver();
    let (echo, shared) = Echo::new(vec![bind(&driver, "10.0.0.1:4000")]);
    driver.start("echo", echo).unwrap();
    let peer = world.host("10.0.0.2").peer(9);
    world.link_both("10.0.0.1", "10.0.0.2", Link::perfect());
    for i in 0..100 {
        peer.send_at(world.now() + ms(1 + i), addr("10.0.0.1:4000"), b"x");
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while shared.gate.count() < 100 {
                    let deadline = driver.now() + ms(3);
                    driver.wait(&shared.gate, shared.gate.count(), Some(deadline));
                }
            });
        }
    });
    world.run_for(ms(1));
    assert_eq!(peer.received().len(), 100);
}
