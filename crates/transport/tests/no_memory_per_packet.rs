//! Counts heap allocations on the path of accepted and refused datagrams.

mod rig;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rig::{attacker, peer, rtcp, rtp};
use talkpath_transport::{
    AddressRules, Component, Config, Incoming, Remote, RtcpRemote, SourcePolicy, StreamTransport,
};
use talkpath_wire::Time;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[allow(unsafe_code, reason = "an allocator that counts and forwards")]
// SAFETY: every call is forwarded unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn nothing_is_allocated_once_the_peer_is_signalled() {
    let mut stream = StreamTransport::new(Config {
        policy: SourcePolicy::Signalled,
        rules: AddressRules::for_local(rig::own().ip()),
        own: [rig::own()].into(),
    });
    let remote = Remote {
        rtp: peer(),
        rtcp: RtcpRemote::Mux,
        signalling_source: None,
    };
    stream.set_remote(Time::ZERO, &remote);
    let (mut packet, mut report) = (rtp(7, 0), rtcp(7));
    let before = ALLOCATIONS.get();
    let mut accepted = 0;
    for n in 0..10_000u16 {
        let now = Time::from_millis(20 * u64::from(n));
        packet[2..4].copy_from_slice(&n.to_be_bytes());
        for bytes in [&mut packet, &mut report] {
            for from in [peer(), attacker()] {
                let incoming = stream.handle_datagram(now, Component::Rtp, from, bytes);
                accepted += u32::from(!matches!(incoming, Incoming::Dropped(_)));
            }
        }
        while stream.next_held(now).is_some() {}
        stream.handle_timeout(now);
        while stream.poll_change().is_some() {}
        assert!(stream.rtp_destination().is_ok());
    }
    assert_eq!(ALLOCATIONS.get(), before);
    assert_eq!((accepted, stream.drops().total()), (20_000, 20_000));
}
