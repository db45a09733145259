//! What this process knows of the order of changes.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use crate::change::{Change, RowsChange, What};
use crate::clock::{Clock, Moment};
use crate::dependency::{key_hash, tag_hash};
use crate::name::TableName;
use crate::names::Names;
use crate::observer::Observers;
use crate::pending::PendingCounts;
use crate::position::{Position, Stamp};
use crate::recent::{PastChange, Recent};
use crate::slots::Slots;
use crate::spot::Spot;
use crate::table::Table;

/// So many changes of tags, keys and everything are remembered, for explanations.
const RECENT: usize = 256;

/// So many logs that were left are remembered, for the sessions of clients that wrote then.
const MOST_LEFT: usize = 16;

/// With more tables than this, a change of one that nothing here has read is one of everything.
const MOST_TABLES: usize = 16 * 1024;

/// A node's state: how far it has applied the bus, and what changed last where.
///
/// Only a [`Bus`](crate::bus::Bus) moves it.
pub struct Node {
    watermark: AtomicU64,
    pub(crate) slots: Slots,
    tables: RwLock<HashMap<TableName, Arc<Table>>>,
    pub(crate) everything: AtomicU64,
    /// The highest position of a change of any tag or key.
    pub(crate) named: AtomicU64,
    /// The last changes that are of no table.
    pub(crate) recent: Recent,
    pub(crate) names: Names,
    pub(crate) pending: PendingCounts,
    heard_at: AtomicU64,
    incarnation: AtomicU64,
    /// The last logs that this node was on before.
    left: Mutex<VecDeque<u64>>,
    /// Those who wait for the watermark; told only if there are any.
    waiting: AtomicUsize,
    moved: Notify,
    /// The highest position of any soft change.
    soft_latest: AtomicU64,
    soft: OnceLock<Soft>,
    slot_count: usize,
    max_staleness: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observers: Observers,
}

/// What soft changes touched, and when. Not there before the first one.
struct Soft {
    positions: Slots,
    times: Slots,
    everything: AtomicU64,
    everything_at: AtomicU64,
}

impl Node {
    pub(crate) fn new(
        slot_count: usize,
        max_staleness: Duration,
        clock: Arc<dyn Clock>,
        observers: Observers,
        names: Names,
    ) -> Self {
        Self {
            watermark: AtomicU64::new(1),
            slots: Slots::new(slot_count),
            tables: RwLock::default(),
            everything: AtomicU64::new(0),
            named: AtomicU64::new(0),
            recent: Recent::new(RECENT),
            names,
            pending: PendingCounts::new(),
            heard_at: AtomicU64::new(0),
            incarnation: AtomicU64::new(0),
            left: Mutex::default(),
            waiting: AtomicUsize::new(0),
            moved: Notify::new(),
            soft_latest: AtomicU64::new(0),
            soft: OnceLock::new(),
            slot_count,
            max_staleness,
            clock,
            observers,
        }
    }

    /// Returns the position below which every change is applied here.
    pub fn watermark(&self) -> Position {
        Position::new(self.watermark.load(Ordering::Acquire))
    }

    /// Returns when the bus was last asked and answered to its end; [`Moment::ZERO`] if never.
    pub fn heard_at(&self) -> Moment {
        Moment::from_nanos(self.heard_at.load(Ordering::Acquire))
    }

    /// Returns the clock on which this node hears of the bus.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Returns which log the watermark belongs to.
    pub fn incarnation(&self) -> u64 {
        self.incarnation.load(Ordering::Acquire)
    }

    /// Takes the stamp of a load: call it before the first statement is sent.
    pub fn stamp(&self) -> Stamp {
        // The incarnation first: with an older one, the entry is a miss, never a stale hit.
        let incarnation = self.incarnation();
        Stamp {
            position: self.watermark(),
            as_of: self.clock.now(),
            incarnation,
        }
    }

    /// Applies changes at `position`: idempotent, in any order. Does not move the watermark.
    pub fn apply(&self, position: Position, changes: &[Change]) {
        let now = self.clock.now();
        for change in changes {
            let named = change.what.table().map(|name| self.table_of_others(name));
            let (change, table) = match named {
                Some(None) => (&change.widened(), None),
                Some(Some(table)) => (change, Some(table)),
                None => (change, None),
            };
            let recent = table.as_deref().map_or(&self.recent, |table| &table.recent);
            recent.note(PastChange {
                change: change.clone(),
                position: position.get(),
                at: now,
            });
            if change.soft {
                self.apply_soft(position.get(), change, now);
            } else if let Some(table) = table {
                table.apply(&change.what, self, position.get());
            } else {
                Spot::of_name(&change.what, &mut |spot| spot.raise(self, position.get()));
            }
        }
    }

    /// Moves the watermark up to `position`: all changes below it must have been applied.
    pub fn advance(&self, position: Position) {
        self.watermark.fetch_max(position.get(), Ordering::AcqRel);
        self.tell_who_waits();
    }

    /// Waits until `holds` of the watermark and the incarnation.
    pub(crate) async fn wait_until(&self, holds: impl Fn() -> bool) {
        let _waiting = Waiting::of(&self.waiting);
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            if holds() {
                return;
            }
            moved.await;
        }
    }

    fn tell_who_waits(&self) {
        // Whoever is not seen waiting sees the new watermark.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.moved.notify_waiters();
        }
    }

    /// Says that the bus, asked at `moment`, answered to its end and was applied.
    pub fn set_heard(&self, moment: Moment) {
        self.heard_at.fetch_max(moment.as_nanos(), Ordering::AcqRel);
        self.tell_who_waits();
    }

    /// Begins another log: what is stamped with the old one is invalid.
    pub fn set_incarnation(&self, incarnation: u64) {
        self.incarnation.store(incarnation, Ordering::Release);
    }

    /// Takes over a log at its head, after a gap: changes up to `head` may have been missed.
    ///
    /// All entries of before are invalid; those loaded from now on may live. The watermark becomes
    /// the place behind `head`, lower than it was if the log lost its end. Slots are never reset:
    /// a load that began before may still end.
    pub fn adopt(&self, incarnation: u64, head: Position) {
        // Before the watermark: whoever is stamped with the new one finds `everything` below it.
        self.everything.fetch_max(head.get(), Ordering::AcqRel);
        self.watermark.store(head.next().get(), Ordering::Release);
        // Last: a stamp of the new incarnation has the new watermark.
        let before = self.incarnation.swap(incarnation, Ordering::AcqRel);
        if before != incarnation {
            self.leave(before);
        }
        self.tell_who_waits();
    }

    /// Remembers a log that was left.
    fn leave(&self, incarnation: u64) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() == MOST_LEFT {
            left.pop_front();
        }
        left.push_back(incarnation);
    }

    /// Tells whether this node was on this log before, and is no more.
    pub(crate) fn has_left(&self, incarnation: u64) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.contains(&incarnation) && self.incarnation() != incarnation
    }

    /// Makes invalid what was loaded before `position`, and what is loaded until the watermark is past it.
    pub fn outdate(&self, position: Position) {
        self.everything.fetch_max(position.get(), Ordering::AcqRel);
    }

    /// Begins at the head of a log whose changes from `oldest` on were applied here.
    ///
    /// What was loaded before the oldest of them is invalid. A log without changes has the place behind
    /// its head as its oldest: what stood at the head was not applied.
    pub fn start(&self, incarnation: u64, oldest: Position, head: Position) {
        let below = oldest.get().saturating_sub(1);
        self.everything.fetch_max(below, Ordering::AcqRel);
        self.watermark.store(head.next().get(), Ordering::Release);
        self.incarnation.store(incarnation, Ordering::Release);
        self.tell_who_waits();
    }

    /// Tells observers of changes that have been applied. Call it without holding a lock.
    pub fn notify(&self, position: Position, changes: &[Change]) {
        self.observers.changed(position, changes);
    }

    /// Returns this node's clocks of a table, made when first asked for.
    pub(crate) fn table(&self, name: &TableName) -> Arc<Table> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(name) {
            return Arc::clone(table);
        }
        drop(tables);
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let table = tables
            .entry(name.clone())
            .or_insert_with(|| Arc::new(Table::new(name.clone())));
        Arc::clone(table)
    }

    /// Like [`table`](Self::table), for a name that another node may have sent: `None` for a new one
    /// once there are very many.
    pub(crate) fn table_of_others(&self, name: &TableName) -> Option<Arc<Table>> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(name) {
            return Some(Arc::clone(table));
        }
        let is_full = tables.len() >= MOST_TABLES;
        drop(tables);
        (!is_full).then(|| self.table(name))
    }

    /// Returns how many tables are known here.
    #[cfg(test)]
    pub(crate) fn table_count(&self) -> usize {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.len()
    }

    /// Returns the position of the last change of everything, zero before the first.
    pub fn everything(&self) -> u64 {
        self.everything.load(Ordering::Acquire)
    }

    pub(crate) fn named(&self) -> u64 {
        self.named.load(Ordering::Acquire)
    }

    pub(crate) fn soft_latest(&self) -> u64 {
        self.soft_latest.load(Ordering::Acquire)
    }

    pub(crate) fn is_pending(&self, named: u64) -> bool {
        self.pending.named(named)
    }

    /// Returns how old an answer may be behind a silent bus.
    pub fn max_staleness(&self) -> Duration {
        self.max_staleness
    }

    /// Returns when the latest soft change at or after `position` touched one of `hashes`.
    pub(crate) fn soft_since(
        &self,
        position: u64,
        hashes: impl Iterator<Item = u64>,
    ) -> Option<Moment> {
        let soft = self.soft.get()?;
        let everything = (soft.everything.load(Ordering::Acquire) >= position)
            .then(|| soft.everything_at.load(Ordering::Acquire));
        hashes
            .filter(|hash| !soft.positions.untouched_since(*hash, position))
            .map(|hash| soft.times.get(hash))
            .chain(everything)
            .max()
            .map(Moment::from_nanos)
    }

    fn apply_soft(&self, position: u64, change: &Change, now: Moment) {
        let now = now.as_nanos();
        let soft = self.soft.get_or_init(|| Soft {
            positions: Slots::new(self.slot_count),
            times: Slots::new(self.slot_count),
            everything: AtomicU64::new(0),
            everything_at: AtomicU64::new(0),
        });
        // The time before the position: who sees the position finds its time. What was heard before was aged then.
        let touch = |hash| {
            if soft.positions.untouched_since(hash, position) {
                soft.times.touch(hash, now);
                soft.positions.touch(hash, position);
            }
        };
        if change.what == What::Everything {
            if soft.everything.load(Ordering::Acquire) >= position {
                return;
            }
            soft.everything_at.fetch_max(now, Ordering::AcqRel);
            soft.everything.fetch_max(position, Ordering::AcqRel);
        } else {
            self.soft_hashes(&change.what, touch);
        }
        self.soft_latest.fetch_max(position, Ordering::AcqRel);
    }

    /// Calls `touch` with the hashes that a soft change, but of everything, touches.
    pub(crate) fn soft_hashes(&self, what: &What, mut touch: impl FnMut(u64)) {
        match what {
            What::Row(row) => {
                touch(row.key.hash_in(&row.table));
                touch(self.table(&row.table).any_hash);
            }
            What::Table(name) | What::Rows(RowsChange { table: name, .. }) => {
                let table = self.table(name);
                touch(table.any_hash);
                touch(table.wide_hash);
            }
            What::Tag(name) => touch(tag_hash(name)),
            What::Key(region, scope, key) => {
                touch(key_hash(region, &scope.encoded(), key.as_bytes()));
            }
            What::Everything => {}
        }
    }
}

/// Counts one who waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("watermark", &self.watermark())
            .field("incarnation", &self.incarnation())
            .finish_non_exhaustive()
    }
}
