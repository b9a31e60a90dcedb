//! Two sessions talk over loopback, tapped and watched for speech: once they are
//! warm, their workers do not touch the heap, whatever passes through sockets,
//! rings and timers.
#![allow(unsafe_code, reason = "a global allocator cannot be had without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use talkpath::audio::voice::Settings;
use talkpath::{Audio, AudioEnd, Codec, FrameKind, Hear, MediaManager, SampleRate, Say, Tap};

struct Counting;

/// Whether touches are counted now.
static ON: AtomicBool = AtomicBool::new(false);
/// Allocations and releases of threads that are not this test's own.
static TOUCHES: AtomicU64 = AtomicU64::new(0);

/// Whether the counting is over.
static DONE: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Set in the threads of this file; the workers' have it unset.
    static OURS: Cell<bool> = const { Cell::new(false) };
}

fn note() {
    if ON.load(Ordering::Relaxed) && !OURS.try_with(Cell::get).unwrap_or(true) {
        TOUCHES.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes unchanged to the system's allocator; counter and
// switches are plain atomics and a cell without a destructor, so that they
// cannot allocate themselves.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's own promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note();
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Says and hears so many frames; how many were heard as they were sent.
fn talk((say, hear): &mut (Say, Hear), frames: usize) -> usize {
    let mut heard = 0;
    let mut frame = [0; 160];
    for _ in 0..frames {
        say.send_all(&[8_000; 160]).expect("the session is open");
        let told = hear.recv(&mut frame).expect("the session is open");
        heard += usize::from(told.kind == FrameKind::Heard);
    }
    heard
}

/// Talks for as many windows as it takes until nothing was touched in one;
/// what was touched in each, and the frames heard in all.
fn talk_and_count(end: AudioEnd) -> (Vec<u64>, usize) {
    OURS.set(true);
    let mut halves = end.split();
    talk(&mut halves, WARM_UP);
    let (mut touches, mut heard) = (Vec::new(), 0);
    while touches.len() < WINDOWS && touches.last() != Some(&0) {
        let before = TOUCHES.load(Ordering::Relaxed);
        ON.store(true, Ordering::Relaxed);
        heard += talk(&mut halves, WINDOW);
        ON.store(false, Ordering::Relaxed);
        touches.push(TOUCHES.load(Ordering::Relaxed) - before);
    }
    DONE.store(true, Ordering::Relaxed);
    (touches, heard)
}

/// Talks until the other has counted.
fn talk_along(end: AudioEnd) -> usize {
    OURS.set(true);
    let mut halves = end.split();
    let mut heard = 0;
    while !DONE.load(Ordering::Relaxed) {
        heard += talk(&mut halves, 1);
    }
    heard
}

#[test]
fn a_worker_does_not_touch_the_heap_while_two_sessions_talk() {
    OURS.set(true);
    let builder = MediaManager::builder().interface("127.0.0.1");
    let manager = builder.ports(24_000..=24_010).build().unwrap();
    let audio = || Audio::sendrecv([Codec::PCMU]);
    let (caller, offer) = manager.create_offer(audio()).unwrap();
    let (callee, answer) = manager.accept_offer(&offer, audio()).unwrap();
    caller.apply_answer(&answer).unwrap();

    // A slow tap, which loses the oldest, and one of another rate.
    let wide = Tap::both().rate(SampleRate::HZ_16000);
    let _taps = [caller.tap(Tap::heard()).unwrap(), callee.tap(wide).unwrap()];
    let _detection = caller.detect_speech(Settings::default()).unwrap();
    let ends = [caller.audio().unwrap(), callee.audio().unwrap()];
    let [counting, along] = ends;
    let along = thread::spawn(move || talk_along(along));
    let (touches, heard) = talk_and_count(counting);
    let talked = touches.len() * WINDOW;
    assert!(heard * 10 > talked * 9, "{heard} of {talked}");
    assert!(along.join().unwrap() * 10 > talked * 9);
    // A queue may still grow to its size in one window, never in each.
    assert_eq!(touches.last(), Some(&0), "{touches:?}");
    assert_the_counter_counts();
}

/// What a thread that is not ours does is seen.
fn assert_the_counter_counts() {
    ON.store(true, Ordering::Relaxed);
    let other = thread::spawn(|| drop(std::hint::black_box(Box::new(1))));
    other.join().expect("the thread ran to its end");
    ON.store(false, Ordering::Relaxed);
    assert!(TOUCHES.load(Ordering::Relaxed) >= 2);
}

/// Frames before anything is counted: three seconds.
const WARM_UP: usize = 150;
/// Frames of a window in which touches are counted: two seconds.
const WINDOW: usize = 100;
/// Windows at most.
const WINDOWS: usize = 5;
