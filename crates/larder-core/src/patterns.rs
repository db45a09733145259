//! Invalidations by pattern: a search that loads without a flight could slip past.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::position::Position;

/// The invalidations by pattern of a region.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    running: AtomicU32,
    /// The highest position one was published under.
    last: AtomicU64,
}

/// A search that is under way.
pub(crate) struct Search<'a>(&'a Patterns);

impl Patterns {
    /// Begins a search: call it before the first look.
    pub(crate) fn begin(&self) -> Search<'_> {
        self.running.fetch_add(1, Ordering::SeqCst);
        Search(self)
    }

    /// Tells whether a load stamped at `stamp` may have been missed by a search.
    pub(crate) fn ran_since(&self, stamp: Position) -> bool {
        self.running.load(Ordering::SeqCst) > 0 || self.last.load(Ordering::SeqCst) >= stamp.get()
    }
}

impl Search<'_> {
    /// Notes the position under which what was found is published.
    pub(crate) fn published(&self, position: Position) {
        self.0.last.fetch_max(position.get(), Ordering::SeqCst);
    }
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}
