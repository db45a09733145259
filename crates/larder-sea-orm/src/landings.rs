//! Writes that are on their way: sent to the database, and not published yet.
//!
//! A write that touches no row says something about the database all the same: who made it so may have committed a
//! moment ago and not published yet. Whoever gets that answer must not be served what was there before. So it counts
//! as nothing only if no other write is on its way.

use std::sync::atomic::{AtomicU32, Ordering};

/// How many writes of a domain are on their way.
#[derive(Debug, Default)]
pub(crate) struct Landings(AtomicU32);

/// A write on its way, until it is dropped.
pub(crate) struct Landing<'a>(&'a Landings);

impl Landings {
    /// Counts a write that is about to be sent; to be left when it is published.
    pub(crate) fn enter(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a write as published.
    pub(crate) fn leave(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }

    /// Counts a write as long as what is returned is kept.
    pub(crate) fn begin(&self) -> Landing<'_> {
        self.enter();
        Landing(self)
    }

    /// Tells whether no more than `own` writes are on their way.
    pub(crate) fn are_only(&self, own: u32) -> bool {
        self.0.load(Ordering::Acquire) <= own
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}
