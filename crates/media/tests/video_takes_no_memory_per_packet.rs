//! Counts heap allocations of video assembly in steady state, with loss and reorder.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use talkpath_media::video::{FrameAssembler, VideoCodec, VideoPacket};
use talkpath_wire::{ExtSeq, RtpTime, Time};

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
fn nothing_is_allocated_once_the_first_losses_were_met() {
    let mut assembler = FrameAssembler::new(VideoCodec::Vp8);
    let mut payload = [0; 1_200];
    payload[1..11].copy_from_slice(&[0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1]);
    let (mut before, mut bytes) = (0, 0);
    for n in 0..40_000u64 {
        // Four packets a frame, all keyframes; pairs swapped, some lost.
        let seq = if n % 10 < 2 { n ^ 1 } else { n };
        let now = Time::ZERO + Duration::from_millis(5) * n as u32;
        payload[0] = if seq.is_multiple_of(4) { 0x10 } else { 0 };
        if seq % 97 != 50 {
            let packet = VideoPacket {
                seq: ExtSeq::new(seq),
                timestamp: RtpTime::new(seq as u32 / 4 * 1_800),
                marker: seq % 4 == 3,
                payload: &payload,
            };
            assembler.push(now, &packet);
        }
        while let Some(frame) = assembler.next_frame(now) {
            bytes += frame.data.len();
        }
        if n == 4_000 {
            before = ALLOCATIONS.get();
        }
    }
    assert_eq!(ALLOCATIONS.get(), before);
    let stats = assembler.stats();
    assert!(stats.lost_packets > 400 && stats.frames > 9_000);
    assert_eq!(bytes as u64, stats.frames * 4 * 1_199);
}
