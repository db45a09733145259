//! The last changes, to tell afterwards which one made an entry invalid.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::change::Change;
use crate::clock::Moment;

/// A change that was applied here.
#[derive(Debug)]
pub(crate) struct PastChange {
    pub(crate) change: Change,
    pub(crate) position: u64,
    /// When it was applied.
    pub(crate) at: Moment,
}

/// The last changes of one table, or of all that is in no table.
pub(crate) struct Recent {
    ring: Mutex<Ring>,
    most: usize,
}

#[derive(Default)]
struct Ring {
    changes: VecDeque<Arc<PastChange>>,
    /// The highest position that had to go.
    forgotten: u64,
}

/// The changes remembered from a position on.
pub(crate) struct Since {
    pub(crate) changes: Vec<Arc<PastChange>>,
    /// Some may be missing.
    pub(crate) incomplete: bool,
}

impl Recent {
    /// Remembers up to `most` changes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            ring: Mutex::default(),
            most,
        }
    }

    /// Remembers a change; call it before it is applied, so that whoever sees it done finds it.
    pub(crate) fn note(&self, past: PastChange) {
        let past = Arc::new(past);
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = if ring.changes.len() < self.most {
            None
        } else {
            ring.changes.pop_front()
        };
        if let Some(oldest) = &oldest {
            ring.forgotten = ring.forgotten.max(oldest.position);
        }
        ring.changes.push_back(past);
        drop(ring);
        // What it held is freed without the lock.
        drop(oldest);
    }

    /// Returns what is remembered at or above `position`.
    pub(crate) fn since(&self, position: u64) -> Since {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = ring.changes.iter().filter(|past| past.position >= position);
        Since {
            changes: changes.map(Arc::clone).collect(),
            incomplete: ring.forgotten >= position,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_longer_remembered_is_told_to_be_missing() {
        let recent = Recent::new(2);
        let note = |position| {
            recent.note(PastChange {
                change: Change::everything(),
                position,
                at: Moment::ZERO,
            });
        };
        (1..=3).for_each(note);
        let since = |position| {
            let since = recent.since(position);
            let positions = since.changes.iter().map(|past| past.position);
            (positions.collect::<Vec<_>>(), since.incomplete)
        };
        assert_eq!(since(1), (vec![2, 3], true));
        assert_eq!(since(2), (vec![2, 3], false));
        assert_eq!(since(4), (vec![], false));
    }
}
