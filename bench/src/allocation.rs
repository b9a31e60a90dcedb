//! Counts heap allocations of the calling thread, when asked to.
//!
//! The counter is off unless [`count`] runs, so that timed rounds pay one
//! well-predicted branch per allocation, baselines and ours alike.
#![allow(unsafe_code, reason = "an allocator cannot be had without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator with a counter in front.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    /// None while nobody counts.
    static ALLOCATIONS: Cell<Option<u64>> = const { Cell::new(None) };
}

/// What `work` returned, and how often this thread allocated in it.
/// Growing an allocation counts as one more.
pub fn count<R>(work: impl FnOnce() -> R) -> (R, u64) {
    ALLOCATIONS.set(Some(0));
    let result = work();
    (result, ALLOCATIONS.take().unwrap_or(0))
}

fn note() {
    // A thread that is ending has no counter any more, and is not counted.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get().map(|count| count + 1)));
}

// SAFETY: every call goes unchanged to the system's allocator; the counter is a
// plain cell without a destructor, so that it cannot allocate itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's own promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
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
static ALLOCATOR: Counting = Counting;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_counted_and_so_is_growth_and_nothing_else_is() {
        let grow = || {
            let mut numbers = vec![1u8];
            numbers.resize(1000, 0);
            std::hint::black_box((Box::new(1), numbers))
        };
        assert_eq!(count(grow).1, 3);
        assert_eq!(count(|| std::hint::black_box(1 + 1)).1, 0);
    }
}
