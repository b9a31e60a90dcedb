//! Parsing allocates twice, reading not at all. Counted, one thread's own.
#![allow(
    unsafe_code,
    reason = "counting needs a global allocator, in this test only"
)]

mod corpus;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use talkpath_sdp::attribute::*;
use talkpath_sdp::{Limit, SessionDescription};

struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller's promises are the ones that `System` wants.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = CALLS.with(Cell::get);
    let result = work();
    (result, CALLS.with(Cell::get) - before)
}

/// Reads what negotiation reads, and counts what was there.
fn read(description: &SessionDescription) -> usize {
    let of_media = description.media().map(|media| {
        let place = usize::from(media.connection().is_some()) + usize::from(media.port() != 0);
        let rtp = media.all::<RtpMap<'_>>().count() + media.all::<Fmtp<'_>>().count();
        let ice = media.all::<Candidate<'_>>().count() + media.all::<SsrcGroup<'_>>().count();
        let sends = usize::from(media.direction().sends());
        place + rtp + ice + sends + media.payload_types().count() + media.bandwidths().count()
    });
    of_media.sum::<usize>() + usize::from(description.origin().is_some())
}

#[test]
fn parsing_allocates_twice_and_reading_never() {
    for text in [corpus::SIP_OFFER, corpus::BROWSER] {
        let (description, calls) = counted(|| SessionDescription::parse(text));
        assert_eq!(calls, 2);
        let description = description.expect("the corpus is accepted");
        let (found, calls) = counted(|| read(&description));
        assert!(found > 10);
        assert_eq!(calls, 0);
    }
}

/// A hundred times the lines take no more allocations, but for a few
/// doublings: nothing is kept per line but its span.
#[test]
fn allocations_do_not_grow_with_the_lines() {
    let lines = |count: usize| format!("v=0\r\n{}", "s=\r\n".repeat(count));
    let (small, large) = (lines(100), lines(10_000));
    assert!(large.len() <= Limit::Bytes.max());
    let (small, few) = counted(|| SessionDescription::parse(small));
    let (large, many) = counted(|| SessionDescription::parse(large));
    assert_eq!(
        small.expect("small").line_count() + 9_900,
        large.expect("large").line_count()
    );
    assert!(many <= few + 2, "{few}, then {many}");
}
