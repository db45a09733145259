//! Invalidations by pattern: a search that loads without a flight could slip past.

use std::sync::{Arc, PoisonError, RwLock};

use crate::node::Node;
use crate::position::Position;

/// The invalidations by pattern of a region.
#[derive(Debug, Default)]
pub(crate) struct Patterns(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    running: u32,
    /// What was stamped at or below this may have been missed by a search.
    last: Position,
}

/// A search that is under way.
pub(crate) struct Search<'a> {
    patterns: &'a Patterns,
    node: Arc<Node>,
}

impl Patterns {
    /// Begins a search: call it before the first look.
    pub(crate) fn begin(&self, node: &Arc<Node>) -> Search<'_> {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.running += 1;
        Search {
            patterns: self,
            node: Arc::clone(node),
        }
    }

    /// Runs `put` unless a search may have missed a load stamped at `stamp`; tells whether it ran.
    ///
    /// They exclude each other: a search that begins later finds what was put.
    pub(crate) fn unless_ran_since(&self, stamp: Position, put: impl FnOnce()) -> bool {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let missed = state.running > 0 || state.last >= stamp;
        if !missed {
            put();
        }
        !missed
    }
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        let mut state = self
            .patterns
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        state.running -= 1;
        // What the search found is published or pending by now.
        state.last = state.last.max(self.node.watermark());
    }
}
