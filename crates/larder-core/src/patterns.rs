//! Invalidations by pattern: a search that loads without a flight could slip past.

use std::sync::{PoisonError, RwLock};

/// The invalidations by pattern of a region.
#[derive(Debug, Default)]
pub(crate) struct Patterns(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    running: u32,
    /// How often one began or ended.
    turns: u64,
}

/// A search that is under way, until what it found is published.
pub(crate) struct Search<'a>(&'a Patterns);

impl Patterns {
    /// Begins a search: call it before the first look.
    pub(crate) fn begin(&self) -> Search<'_> {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.running += 1;
        state.turns += 1;
        Search(self)
    }

    /// Returns what a load remembers from its beginning.
    pub(crate) fn turns(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).turns
    }

    /// Runs `put` unless a search may have missed a load that began at `turns`; tells whether it
    /// ran.
    ///
    /// They exclude each other: a search that begins later finds what was put.
    pub(crate) fn unless_ran_since(&self, turns: u64, put: impl FnOnce()) -> bool {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let missed = state.running > 0 || state.turns != turns;
        if !missed {
            put();
        }
        !missed
    }
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        let mut state = self.0.0.write().unwrap_or_else(PoisonError::into_inner);
        state.running -= 1;
        state.turns += 1;
    }
}
