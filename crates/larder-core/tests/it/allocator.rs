//! The allocator of this test binary: it counts.
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

#[global_allocator]
static COUNTING: Counting = Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

/// Returns how often this thread has allocated.
pub(crate) fn calls() -> u64 {
    CALLS.get()
}

/// Returns the bytes that this thread has taken, given back or not.
pub(crate) fn taken() -> u64 {
    TAKEN.get()
}

/// Returns the bytes that all threads hold.
pub(crate) fn live() -> isize {
    LIVE.load(Ordering::SeqCst)
}

fn take(bytes: usize) {
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
    let _ = TAKEN.try_with(|taken| taken.set(taken.get() + bytes as u64));
}

fn count(bytes: isize) {
    LIVE.fetch_add(bytes, Ordering::Relaxed);
}

// SAFETY: all calls go on to the system's allocator as they came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        count(layout.size().cast_signed());
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        take(size.saturating_sub(layout.size()));
        count(size.cast_signed() - layout.size().cast_signed());
        // SAFETY: the caller's promise is handed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
