//! A call with losses, reordering and reports, for five minutes: once the first
//! reports have gone both ways and the outbox has its size, no packet in or out
//! allocates.

use std::net::SocketAddr;

use talkpath_bench::allocation::count;
use talkpath_bench::party::{Party, TICK, Talker};
use talkpath_wire::Time;

#[test]
fn packets_and_reports_allocate_nothing_in_steady_state() {
    let addresses = [1, 2].map(|host| SocketAddr::from(([192, 0, 2, host], 4_000)));
    let mut one = Party::new(1, addresses[0], addresses[1], Talker::SPEAKER);
    let mut other = Party::new(2, addresses[1], addresses[0], Talker::SPEAKER);
    let mut buffer = [0; 1_500];
    let mut step = |number: u32| {
        let now = Time::ZERO + TICK * number;
        one.tick(now);
        other.tick(now);
        match number % 50 {
            // One in fifty is lost, and one comes behind the next.
            7 => one.out.clear(),
            9 => {}
            _ => one.deliver(now, &mut other, &mut buffer),
        }
        other.deliver(now, &mut one, &mut buffer);
    };
    (1..=WARM_UP).for_each(&mut step);
    let ((), allocations) = count(|| (WARM_UP + 1..=300 * SECOND).for_each(&mut step));
    assert_eq!(allocations, 0);
    assert!(one.talker.played > 14_900, "{:?}", one.talker);
    assert!(other.talker.played > 14_000, "{:?}", other.talker);
    assert!(other.talker.concealed >= 290, "{:?}", other.talker);
}

/// Steps of a second.
const SECOND: u32 = 50;
/// Two reports each.
const WARM_UP: u32 = 15 * SECOND;
