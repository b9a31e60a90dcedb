//! Counts the bytes that are allocated and not freed.
#![allow(unsafe_code, reason = "an allocator cannot be had without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

/// The system's allocator with a balance in front.
struct Balanced;

static LIVE: AtomicI64 = AtomicI64::new(0);

/// Bytes that live on the heap now.
pub(crate) fn live() -> i64 {
    LIVE.load(Ordering::Relaxed)
}

fn note(bytes: usize, sign: i64) {
    LIVE.fetch_add(sign * bytes as i64, Ordering::Relaxed);
}

// SAFETY: every call goes unchanged to the system's allocator; the balance is
// an atomic, which cannot allocate.
unsafe impl GlobalAlloc for Balanced {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's own promises are passed on.
        let memory = unsafe { System.alloc(layout) };
        if !memory.is_null() {
            note(layout.size(), 1);
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(layout.size(), -1);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        let moved = unsafe { System.realloc(memory, layout, size) };
        if !moved.is_null() {
            note(layout.size(), -1);
            note(size, 1);
        }
        moved
    }
}

#[global_allocator]
static ALLOCATOR: Balanced = Balanced;
