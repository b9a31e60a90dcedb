//! The pool against a driver that refuses at will.

use super::*;
use crate::driver::{Os, fake::Fake};
use std::net::{Ipv4Addr, Ipv6Addr};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn pool(range: RangeInclusive<u16>) -> (PortPool, Arc<Fake>) {
    let fake = Arc::new(Fake::default());
    let options = SocketOptions::default();
    let pool = PortPool::new(fake.clone(), LOCAL, range, PortOrder::Sequential, options).unwrap();
    (pool, fake)
}

fn refusal(range: RangeInclusive<u16>) -> PortError {
    let driver = Arc::new(Fake::default());
    PortPool::new(
        driver,
        LOCAL,
        range,
        PortOrder::Random,
        SocketOptions::default(),
    )
    .unwrap_err()
}

fn ports(leased: &Leased) -> (u16, Option<u16>) {
    (
        leased.rtp.guard.port(),
        leased.rtcp.as_ref().map(|rtcp| rtcp.guard.port()),
    )
}

fn at_rest(pool: &PortPool, fake: &Fake) {
    assert_eq!(pool.leased(), 0);
    assert_eq!(fake.bound(), []);
}

#[test]
fn pairs_and_singles_are_bound_where_they_say() {
    let (pool, fake) = pool(10000..=10100);
    let one = pool.lease(LeaseKind::Single).unwrap();
    let two = pool.lease(LeaseKind::Single).unwrap();
    let pair = pool.lease(LeaseKind::Pair).unwrap();
    assert_eq!([ports(&one), ports(&two)], [(10000, None), (10001, None)]);
    assert_eq!(ports(&pair), (10002, Some(10003)));
    assert_eq!(pair.rtp.socket.local_addr(), SocketAddr::new(LOCAL, 10002));
    assert_eq!(fake.bound(), [10000, 10001, 10002, 10003]);
    drop((one, two, pair));
    at_rest(&pool, &fake);
}

#[test]
fn the_odd_port_goes_back_on_its_own() {
    let (pool, fake) = pool(10000..=10001);
    let mut pair = pool.lease(LeaseKind::Pair).unwrap();
    pair.rtcp = None;
    assert_eq!(fake.bound(), [10000]);
    assert_eq!(
        ports(&pool.lease(LeaseKind::Single).unwrap()),
        (10001, None)
    );
    assert!(matches!(
        pool.lease(LeaseKind::Pair),
        Err(PortError::Exhausted {
            kind: LeaseKind::Pair,
            leased: 1,
            foreign: 0,
            ..
        })
    ));
}

#[test]
fn a_foreign_port_spoils_its_pair_and_nothing_more() {
    for foreign in [10000, 10001] {
        let (pool, fake) = pool(10000..=10003);
        fake.refuse(foreign, ErrorKind::AddrInUse);
        let pair = pool.lease(LeaseKind::Pair).unwrap();
        assert_eq!(ports(&pair), (10002, Some(10003)));
        assert_eq!(pool.leased(), 2);
        assert_eq!(
            ports(&pool.lease(LeaseKind::Single).unwrap()),
            (foreign ^ 1, None)
        );
        drop(pair);
        at_rest(&pool, &fake);
    }
}

#[test]
fn a_foreign_port_is_tried_again_once_it_has_rested_or_nothing_else_is_left() {
    let (pool, fake) = pool(10000..=10001);
    fake.refuse(10000, ErrorKind::AddrInUse);
    let other = pool.lease(LeaseKind::Single).unwrap();
    assert_eq!(ports(&other), (10001, None));
    let error = pool.lease(LeaseKind::Single).unwrap_err();
    assert!(
        matches!(
            error,
            PortError::Exhausted {
                leased: 1,
                foreign: 1,
                ..
            }
        ),
        "{error}"
    );
    fake.allow(10000);
    assert_eq!(
        ports(&pool.lease(LeaseKind::Single).unwrap()),
        (10000, None)
    );
}

#[test]
fn an_exhausted_pool_says_so_in_numbers_and_recovers() {
    let (pool, fake) = pool(10000..=10004);
    fake.refuse(10003, ErrorKind::AddrInUse);
    let held: Vec<_> = (0..4)
        .map(|_| pool.lease(LeaseKind::Single).unwrap())
        .collect();
    let error = pool.lease(LeaseKind::Single).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no single one of ports 10000-10004 is left: 4 leased, 1 taken by other programs"
    );
    assert_eq!(pool.leased(), 4);
    drop(held);
    at_rest(&pool, &fake);
    assert!(pool.lease(LeaseKind::Pair).is_ok());
}

#[test]
fn an_error_of_the_system_at_either_half_leaves_nothing_behind() {
    for port in [10000, 10001] {
        let (pool, fake) = pool(10000..=10001);
        fake.refuse(port, ErrorKind::OutOfMemory);
        match pool.lease(LeaseKind::Pair) {
            Err(PortError::Bind { port: named, .. }) => assert_eq!(named, port),
            other => panic!("{other:?}"),
        }
        at_rest(&pool, &fake);
        fake.allow(port);
        assert!(pool.lease(LeaseKind::Pair).is_ok());
    }
}

#[test]
fn a_port_that_received_media_rests_for_two_seconds() {
    let (pool, fake) = pool(10000..=10003);
    let first = pool.lease(LeaseKind::Single).unwrap();
    first.rtp.guard.received_media();
    drop(first);
    assert_eq!(pool.leased(), 0);
    let next = [(); 3].map(|()| pool.lease(LeaseKind::Single).unwrap().rtp.guard.port());
    assert_eq!(next, [10001, 10002, 10003]);
    fake.pass(Duration::from_millis(1999));
    assert_eq!(
        ports(&pool.lease(LeaseKind::Single).unwrap()),
        (10001, None)
    );
    fake.pass(Duration::from_millis(1));
    let held = [(); 3].map(|()| pool.lease(LeaseKind::Single).unwrap());
    assert_eq!(
        held.each_ref().map(|leased| ports(leased).0),
        [10002, 10003, 10000]
    );
}

#[test]
fn impossible_ranges_and_addresses_are_refused_by_name() {
    #[allow(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let backwards = 10100..=10000;
    for range in [backwards, 0..=100] {
        assert!(matches!(refusal(range), PortError::BadRange { .. }));
    }
    let (pool, _) = pool(10001..=10002);
    assert!(matches!(
        pool.lease(LeaseKind::Pair),
        Err(PortError::RangeTooSmall { .. })
    ));
    let fake = Arc::new(Fake::default());
    fake.refuse(0, ErrorKind::AddrNotAvailable);
    let options = SocketOptions::default();
    let error = PortPool::new(fake, LOCAL, 1..=9, PortOrder::Random, options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "127.0.0.1 is not an address of this host"
    );
}

#[test]
fn an_overlap_with_the_ephemeral_ports_is_named() {
    for (range, both) in [
        (10000..=10100, None),
        (30000..=40000, Some(32768..=40000)),
        (60999..=65535, Some(60999..=60999)),
    ] {
        assert_eq!(pool(range).0.ephemeral_overlap(), both);
    }
}

#[test]
fn threads_never_share_a_port() {
    let (pool, fake) = pool(10000..=10031);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..200 {
                    let kind = [LeaseKind::Pair, LeaseKind::Single][round % 2];
                    let leased = pool.lease(kind).unwrap();
                    assert!(fake.bound().contains(&leased.rtp.guard.port()));
                }
            });
        }
    });
    at_rest(&pool, &fake);
}

#[test]
fn two_pools_of_one_range_share_it_on_real_sockets() {
    for address in [LOCAL, IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        // Ports that the system has just given out are free together again.
        let os = Arc::new(Os::new());
        let options = SocketOptions::default();
        let Ok(probe) = os.bind(SocketAddr::new(address, 0), &options) else {
            continue;
        };
        let start = probe.local_addr().port().min(65000) & !1;
        drop(probe);
        let pools = [PortOrder::Sequential, PortOrder::Random].map(|order| {
            PortPool::new(os.clone(), address, start..=start + 63, order, options).unwrap()
        });
        let held: Vec<_> = (0..16)
            .map(|turn| pools[turn % 2].lease(LeaseKind::Pair).unwrap())
            .collect();
        let mut all: Vec<_> = held.iter().map(|leased| ports(leased).0).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 16);
        drop(held);
        assert_eq!(pools.map(|pool| pool.leased()), [0, 0]);
    }
}
