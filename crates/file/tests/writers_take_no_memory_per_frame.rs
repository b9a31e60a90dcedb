//! Counts heap allocations of the writers of Ogg and Matroska in steady state.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use talkpath_file::mkv::{Keyframe, MkvInfo, MkvTrack, MkvWriter};
use talkpath_file::ogg::{OggReader, OggWriter, OpusHead};

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

const PACKET: [u8; 80] = [0xf8; 80];

#[test]
fn ogg_is_written_and_read_in_the_memory_of_its_construction() {
    let mut out = Vec::with_capacity(100_000);
    let head = OpusHead::new(1, 312);
    let mut writer = OggWriter::new(head, 1, &[], &mut out).expect("one channel");
    let mut reader = OggReader::new();
    let (mut before, mut heard) = (0, 0);
    for n in 0..10_000 {
        writer.packet(&PACKET, &mut out).expect("an Opus packet");
        if n % 100 == 99 {
            writer.gap(9_600, &mut out).expect("not finished");
        }
        let mut rest = &out[..];
        while !rest.is_empty() {
            rest = &rest[reader.push(rest)..];
            while let Some(packet) = reader.next_packet().expect("it is whole") {
                heard += u64::from(packet.samples);
            }
        }
        out.clear();
        if n == 200 {
            before = ALLOCATIONS.get();
        }
    }
    assert_eq!(ALLOCATIONS.get(), before);
    assert!(heard > 10_000 * 960);
}

#[test]
fn matroska_is_written_in_the_memory_of_its_first_second() {
    let mut out = Vec::with_capacity(1_000_000);
    let tracks = [MkvTrack::Opus(OpusHead::new(1, 312)), MkvTrack::Vp8];
    let mut writer = MkvWriter::new(&tracks, &MkvInfo::default(), &mut out).expect("two tracks");
    let picture = [7; 4_000];
    let (mut before, mut written) = (0, 0);
    for n in 0..10_000 {
        let time = Duration::from_millis(20) * n;
        let sound = writer.frame(0, time, Keyframe::Yes, &PACKET, &mut out);
        sound.expect("track 0");
        if n % 2 == 0 {
            let key = Keyframe::from(n % 100 == 0);
            let video = writer.frame(1, time, key, &picture, &mut out);
            video.expect("track 1");
        }
        written += out.len();
        out.clear();
        if n == 50 {
            before = ALLOCATIONS.get();
        }
    }
    assert_eq!(ALLOCATIONS.get(), before);
    assert!(written > 20_000_000);
}
