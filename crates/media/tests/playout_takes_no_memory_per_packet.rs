//! Counts heap allocations of playout in steady state, with loss and reorder.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use talkpath_audio::g711;
use talkpath_media::playout::{Arrival, Playout, Target};
use talkpath_transport::Drops;
use talkpath_wire::{ExtSeq, RtpTime, Ssrc, Time};

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
fn nothing_is_allocated_after_construction() {
    let (mut playout, mut drops) = (Playout::new(&g711::PCMU, Target::default()), Drops::new());
    let (payload, mut frame) = ([0xd5; 160], [0; 160]);
    let before = ALLOCATIONS.get();
    for n in 0..10_000u64 {
        let now = Time::ZERO + Duration::from_millis(20) * n as u32;
        let seq = if n % 10 < 2 { n ^ 1 } else { n };
        if n % 20 != 7 {
            let arrival = Arrival {
                ssrc: Ssrc::new(1),
                seq: ExtSeq::new(seq),
                timestamp: RtpTime::new(160 * seq as u32),
                marker: false,
                codec: &g711::PCMU,
                payload: &payload,
            };
            playout.push(now, &arrival, &mut drops);
        }
        playout.pull(now, &mut frame, &mut drops);
    }
    assert_eq!(ALLOCATIONS.get(), before);
    assert!(playout.stats().played > 1_400_000 && playout.stats().concealed > 70_000);
}
