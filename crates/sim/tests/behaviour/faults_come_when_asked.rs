//! Faults of the system and of disks, and that nothing leaks by them.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;

use crate::common::{Echo, addr, bind, ms};
use talkpath::driver::{Driver, Existing, Socket, SocketOptions};
use talkpath_sim::{Call, Fate, Held, Refusals, World};

/// Sets up an echo with two sockets and a file; gives up at the first error.
fn set_up(driver: &dyn Driver) -> io::Result<()> {
    driver.entropy(&mut [0; 16])?;
    let options = SocketOptions::default();
    let rtp = driver.bind(addr("10.0.0.1:4000"), &options)?;
    let rtcp = driver.bind(addr("10.0.0.1:4001"), &options)?;
    let mut file = driver.create(Path::new("call.wav"))?;
    file.append(b"RIFF")?;
    file.sync()?;
    driver.rename(Path::new("call.wav"), Path::new("done.wav"), Existing::Keep)?;
    driver.open(Path::new("done.wav"))?;
    let (echo, shared) = Echo::new(vec![rtp, rtcp]);
    let wake = driver.start("echo", echo)?;
    *shared.stop.lock().unwrap() = true;
    wake.wake();
    assert!(wake.join(driver.now() + ms(10)));
    Ok(())
}

#[test]
fn each_step_of_a_set_up_fails_once_and_leaks_nothing() {
    let mut failed = 0;
    let in_set_up = [
        (Call::Entropy, 1),
        (Call::Bind, 2),
        (Call::Create, 1),
        (Call::Write, 1),
        (Call::Sync, 1),
        (Call::Rename, 1),
        (Call::Open, 1),
        (Call::Start, 1),
    ];
    for (call, times) in in_set_up {
        for n in 1..=times {
            let world = World::new(1);
            world
                .faults()
                .fail_nth_with(call, n, ErrorKind::OutOfMemory);
            let outcome = set_up(&world.host("10.0.0.1").driver());
            assert_eq!(
                outcome.unwrap_err().kind(),
                ErrorKind::OutOfMemory,
                "{call:?}"
            );
            assert_eq!(
                (world.held(), world.faults().planned()),
                (Held::default(), 0),
                "{call:?}"
            );
            assert_eq!(world.faults().calls(call), n);
            let disk = world.host("10.0.0.1").disk();
            disk.names().iter().for_each(|left| disk.remove(left));
            set_up(&world.host("10.0.0.1").driver()).unwrap();
            failed += 1;
        }
    }
    assert_eq!(failed, 9);
}

#[test]
fn a_socket_that_cannot_be_adopted_is_closed_and_one_that_cannot_send_says_so() {
    let world = World::new(1);
    let driver = world.host("10.0.0.1").driver();
    world.faults().fail_nth(Call::Adopt, 1);
    world
        .faults()
        .fail_nth_with(Call::Send, 2, ErrorKind::NetworkDown);
    let (echo, shared) = Echo::new(
        ["10.0.0.1:4000", "10.0.0.1:4001"]
            .map(|local| bind(&driver, local))
            .into(),
    );
    driver.start("echo", echo).unwrap();
    let peer = world.host("10.0.0.2").peer(9);
    world.run_for(ms(1));
    assert_eq!(world.held().sockets, 1);
    for port in [4000, 4001, 4001, 4001] {
        peer.send(SocketAddr::from(([10, 0, 0, 1], port)), b"x");
    }
    world.run_for(ms(50));
    assert_eq!(peer.received().len(), 2);
    assert_eq!(shared.errors(), [ErrorKind::Other, ErrorKind::NetworkDown]);
}

#[test]
fn another_drivers_socket_is_not_adopted() {
    let world = World::new(1);
    let (here, there) = (
        world.host("10.0.0.1").driver(),
        world.host("10.0.0.2").driver(),
    );
    let other_world = World::new(1);
    let strangers = [
        bind(&there, "10.0.0.2:1"),
        bind(&other_world.host("10.0.0.1").driver(), "10.0.0.1:1"),
        Socket::new(addr("10.0.0.1:1"), "no socket at all"),
    ];
    let (echo, shared) = Echo::new(strangers.into());
    here.start("echo", echo).unwrap();
    world.run_for(ms(1));
    assert_eq!(shared.errors(), [ErrorKind::InvalidInput; 3]);
    assert_eq!((world.held().sockets, other_world.held().sockets), (0, 0));
}

#[test]
fn a_closed_port_is_reported_when_the_world_reports_it() {
    let world = World::new(1);
    let peer = world.host("10.0.0.1").peer(9);
    world.host("10.0.0.2");
    let closed = addr("10.0.0.2:9");
    let sent = |refusals| {
        world.refusals(refusals);
        (0..4).for_each(|_| {
            peer.send(closed, b"x");
            world.run_for(ms(20));
        });
        let log = world.wire_log();
        world.keep_wire_log(talkpath_sim::LogDetail::Records);
        assert!(log.iter().all(|record| record.fate == Fate::PortClosed));
        log.len()
    };
    assert_eq!(sent(Refusals::Silent), 4);
    // Every second datagram brings back the answer to the one before.
    assert_eq!(sent(Refusals::Reported), 2);
}

#[test]
fn a_disk_fills_and_keeps_what_fitted() {
    let world = World::new(1);
    let host = world.host("10.0.0.1");
    let mut file = host.driver().create(Path::new("a")).unwrap();
    host.disk().full_after(6);
    file.append(b"four").unwrap();
    assert_eq!(
        file.append(b"more").unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    file.patch(0, b"F").unwrap();
    assert_eq!(
        file.patch(5, b"xy").unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    assert_eq!(host.disk().get("a").unwrap(), b"Fourmo");
    host.disk().make_room();
    file.append(b"re").unwrap();
    assert_eq!(host.disk().get("a").unwrap(), b"Fourmore");
}

#[test]
fn a_broken_disk_fails_until_it_is_repaired() {
    let world = World::new(1);
    let host = world.host("10.0.0.1");
    host.disk().put("speech.wav", *b"12345678");
    let mut file = host.driver().open(Path::new("speech.wav")).unwrap();
    let mut part = [0; 5];
    assert_eq!(file.read(&mut part).unwrap(), 5);
    host.disk().break_down();
    assert!(file.read(&mut part).is_err());
    assert!(host.driver().create(Path::new("b")).is_err());
    host.disk().repair();
    assert_eq!(
        (file.read(&mut part).unwrap(), &part[..3]),
        (3, &b"678"[..])
    );
    assert_eq!(file.read(&mut part).unwrap(), 0);
    let missing = host.driver().open(Path::new("missing")).err().unwrap();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn a_crash_takes_what_was_not_made_to_last() {
    let world = World::new(1);
    let host = world.host("10.0.0.1");
    let mut file = host.driver().create(Path::new("a")).unwrap();
    file.append(b"head, body").unwrap();
    file.sync().unwrap();
    file.append(b", tail").unwrap();
    file.patch(0, b"HEAD").unwrap();
    file.patch(2, b"**, new body and").unwrap();
    host.disk().crash();
    assert_eq!(host.disk().get("a").unwrap(), b"head, body");
    file.patch(0, b"HEAD").unwrap();
    file.sync().unwrap();
    host.disk().crash();
    assert_eq!(host.disk().get("a").unwrap(), b"HEAD, body");
}

#[test]
fn a_removed_file_lives_as_long_as_it_is_open() {
    let world = World::new(1);
    let host = world.host("10.0.0.1");
    let mut file = host.driver().create(Path::new("a")).unwrap();
    host.disk().put("a", *b"another");
    file.append(b"still here").unwrap();
    assert_eq!(host.disk().get("a").unwrap(), b"another");
    assert_eq!(world.held().files, 1);
    drop(file);
    assert_eq!(world.held(), Held::default());
    host.disk().remove("a");
    assert!(host.disk().names().is_empty());
}
