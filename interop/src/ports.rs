//! UDP ports that nobody holds, for a test of its own.
//!
//! Below the ephemeral range of Linux (32768), so that no other program's
//! outgoing socket sits on them by chance.

use std::net::{Ipv4Addr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::verdict::{Failure, Verdict};

const FIRST: u16 = 20_000;
const LAST: u16 = 31_999;

static OFFSET: AtomicU16 = AtomicU16::new(0);

/// `count` free ports in a row on 127.0.0.1, the first of them even, that no
/// other caller in this process has got.
///
/// # Errors
/// When no such block is free.
pub fn block(count: u16) -> Verdict<RangeInclusive<u16>> {
    let room = LAST - FIRST;
    // Two runs at the same time start at different places.
    let start = (std::process::id() % 97) as u16 * 120;
    for _ in 0..room / count.max(2) {
        let step = count + count % 2;
        let offset = OFFSET
            .fetch_add(step, Ordering::Relaxed)
            .wrapping_add(start)
            % room;
        let first = FIRST + offset - offset % 2;
        let ports = first..=first + count - 1;
        if ports.clone().all(is_free) {
            return Ok(ports);
        }
    }
    Err(Failure::new(format!(
        "no {count} free UDP ports in a row in {FIRST}..={LAST}"
    )))
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
