//! Changes that are committed but not yet on the bus.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::change::{Change, What};
use crate::dependency::{key_hash, tag_hash};
use crate::node::Node;
use crate::table::Table;

const NAMED_COUNTS: usize = 256;

/// Counts of pending changes. Tables keep their own.
pub(crate) struct PendingCounts {
    /// All of them: zero is what a hit looks at.
    total: AtomicU32,
    everything: AtomicU32,
    /// Tags and keys by hash; a collision only costs a miss.
    named: [AtomicU32; NAMED_COUNTS],
}

impl PendingCounts {
    pub(crate) fn new() -> Self {
        Self {
            total: AtomicU32::new(0),
            everything: AtomicU32::new(0),
            named: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.total.load(Ordering::Acquire) == 0
    }

    pub(crate) fn everything(&self) -> bool {
        self.everything.load(Ordering::Acquire) > 0
    }

    pub(crate) fn named(&self, hash: u64) -> bool {
        self.named_count(hash).load(Ordering::Acquire) > 0
    }

    fn named_count(&self, hash: u64) -> &AtomicU32 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are taken"
        )]
        let index = hash as usize % NAMED_COUNTS;
        &self.named[index]
    }
}

/// Marks the dependencies of changes as pending until it is dropped.
///
/// Entries of the tables, tags and keys concerned are invalid meanwhile: they are never matched
/// row by row, because a wide change or a shape learned later would slip through.
#[must_use = "what is pending ends when this is dropped"]
pub(crate) struct Pending {
    node: Arc<Node>,
    changes: Arc<[Change]>,
}

impl Pending {
    pub(crate) fn mark(node: &Arc<Node>, changes: &Arc<[Change]>) -> Self {
        let pending = Self {
            node: Arc::clone(node),
            changes: Arc::clone(changes),
        };
        node.pending.total.fetch_add(1, Ordering::AcqRel);
        pending.each(Table::mark_pending, |count| {
            count.fetch_add(1, Ordering::AcqRel);
        });
        pending
    }

    /// Leaves the changes pending for good: they were never published.
    pub(crate) fn for_good(self) {
        std::mem::forget(self);
    }

    fn each(&self, table: impl Fn(&Table), count: impl Fn(&AtomicU32)) {
        let counts = &self.node.pending;
        // A soft change leaves its entries valid.
        for change in self.changes.iter().filter(|change| !change.soft) {
            match &change.what {
                What::Row(row) => table(&self.node.table(&row.table)),
                What::Rows(rows) => table(&self.node.table(&rows.table)),
                What::Table(name) => table(&self.node.table(name)),
                What::Tag(name) => count(counts.named_count(tag_hash(name))),
                What::Key(region, scope, key) => {
                    let hash = key_hash(region, &scope.encoded(), key.as_bytes());
                    count(counts.named_count(hash));
                }
                What::Everything => count(&counts.everything),
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.each(Table::unmark_pending, |count| {
            count.fetch_sub(1, Ordering::AcqRel);
        });
        self.node.pending.total.fetch_sub(1, Ordering::AcqRel);
    }
}
