//! An ordered log that loses its end, its beginning and its connection, and whose readers fall behind.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use larder_core::bus::BoxFuture;
use larder_core::test_util::ManualClock;
use larder_core::{Bus, BusError, Change, Clock as _, Moment, Node, Position, TableName, What};

use crate::gate::Gate;
use crate::scene::table;

/// The log that all nodes read.
#[derive(Clone)]
pub(super) struct Course(Arc<Mutex<Kept>>);

pub(super) struct Kept {
    pub(super) incarnation: u64,
    pub(super) head: u64,
    /// The highest position that was trimmed away.
    trimmed: u64,
    entries: Vec<(u64, Arc<[Change]>)>,
    /// Nobody reaches it.
    pub(super) down: bool,
    /// When each write was placed.
    pub(super) placed: HashMap<u64, Moment>,
    clock: ManualClock,
}

/// What becomes of the next publication of a node.
#[derive(Clone)]
pub(super) enum Fate {
    Works,
    /// It waits before it is placed.
    Waits(Gate),
    /// It is placed, and the answer waits.
    Answers(Gate),
    /// It is placed, and the answer is lost.
    Lost,
}

/// One node's end of it.
#[derive(Clone)]
pub(super) struct End {
    course: Course,
    node: Arc<OnceLock<Arc<Node>>>,
    cursor: Arc<Mutex<u64>>,
    pub(super) cut: Arc<AtomicBool>,
    fate: Arc<Mutex<Fate>>,
}

/// Each write changes a row of this table too, by which it is told on the log.
pub(super) fn writes() -> TableName {
    table("write")
}

/// Returns the numbers of the writes that these changes are of.
pub(super) fn numbers(changes: &[Change]) -> Vec<u64> {
    let own = |change: &Change| match change.what() {
        What::Row(row) if row.table == writes() => row.key.to_string().parse().ok(),
        _ => None,
    };
    changes.iter().filter_map(own).collect()
}

impl Course {
    pub(super) fn new(clock: &ManualClock) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            incarnation: 1,
            head: 0,
            trimmed: 0,
            entries: Vec::new(),
            down: false,
            placed: HashMap::new(),
            clock: clock.clone(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }
}

impl Kept {
    /// Forgets all but the last `keep` entries.
    pub(super) fn trim(&mut self, keep: usize) {
        let gone = self.entries.len().saturating_sub(keep);
        for (position, _) in self.entries.drain(..gone) {
            self.trimmed = self.trimmed.max(position);
        }
    }

    /// Becomes another log, without the last `lost` entries; positions go on, or begin again below.
    pub(super) fn fail_over(&mut self, lost: usize, lower: bool) {
        self.incarnation += 1;
        let left = self.entries.len().saturating_sub(lost);
        self.entries.truncate(left);
        self.head = if lower {
            self.entries
                .last()
                .map_or(self.trimmed, |(position, _)| *position)
        } else {
            self.head + 5
        };
    }

    fn place(&mut self, changes: &Arc<[Change]>) -> u64 {
        self.head += 1;
        self.entries.push((self.head, Arc::clone(changes)));
        let now = self.clock.now();
        for number in numbers(changes) {
            self.placed.entry(number).or_insert(now);
        }
        self.head
    }
}

impl End {
    pub(super) fn of(course: &Course) -> Self {
        Self {
            course: course.clone(),
            node: Arc::default(),
            cursor: Arc::default(),
            cut: Arc::default(),
            fate: Arc::new(Mutex::new(Fate::Works)),
        }
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        self.node.get().unwrap()
    }

    pub(super) fn set(&self, fate: Fate) {
        *self.fate.lock().unwrap() = fate;
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst) || self.course.lock().down
    }

    /// Reads up to `most` entries; says that it was heard if that was all and `counts`.
    ///
    /// Returns the numbers of the writes it applied; `None` if it could not read.
    pub(super) fn poll(&self, most: usize, counts: bool, mix: bool) -> Option<Vec<u64>> {
        if self.is_cut() {
            return None;
        }
        let kept = self.course.lock();
        let (node, mut cursor) = (self.node(), self.cursor.lock().unwrap());
        let sent = kept.clock.now();
        let gap =
            node.incarnation() != kept.incarnation || *cursor < kept.trimmed || kept.head < *cursor;
        let mut heard = Vec::new();
        if gap {
            *cursor = kept.head;
            node.adopt(kept.incarnation, Position::new(kept.head));
        } else {
            let new = kept
                .entries
                .iter()
                .filter(|(position, _)| *position > *cursor);
            let new: Vec<_> = new.take(most).cloned().collect();
            if mix {
                // Applied in any order and twice; the watermark moves when all below are.
                for (position, changes) in new.iter().rev() {
                    node.apply(Position::new(*position), changes);
                }
            }
            for (position, changes) in new {
                node.apply(Position::new(position), &changes);
                node.advance(Position::new(position + 1));
                *cursor = position;
                heard.extend(numbers(&changes));
            }
        }
        let at_end = kept.entries.last().is_none_or(|(last, _)| *last <= *cursor);
        if at_end && counts {
            node.set_heard(sent);
        }
        Some(heard)
    }

    /// Applies what was applied before once more.
    pub(super) fn replay(&self) {
        let kept = self.course.lock();
        let cursor = *self.cursor.lock().unwrap();
        if self.node().incarnation() == kept.incarnation {
            let old = kept
                .entries
                .iter()
                .filter(|(position, _)| *position <= cursor);
            old.for_each(|(position, changes)| {
                self.node().apply(Position::new(*position), changes);
            });
        }
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("End")
    }
}

impl Bus for End {
    fn attach(&self, node: &Arc<Node>) {
        assert!(self.node.set(Arc::clone(node)).is_ok());
        let kept = self.course.lock();
        for (position, changes) in &kept.entries {
            node.apply(Position::new(*position), changes);
        }
        let oldest = kept
            .entries
            .first()
            .map_or(kept.head, |(position, _)| *position);
        node.start(
            kept.incarnation,
            Position::new(oldest),
            Position::new(kept.head),
        );
        *self.cursor.lock().unwrap() = kept.head;
    }

    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async move {
            let fate = std::mem::replace(&mut *self.fate.lock().unwrap(), Fate::Works);
            if let Fate::Waits(gate) = &fate {
                gate.passed().await;
            }
            if self.is_cut() {
                return Err(BusError::new("not reached"));
            }
            let (position, incarnation) = {
                let mut kept = self.course.lock();
                (kept.place(&changes), kept.incarnation)
            };
            match &fate {
                Fate::Answers(gate) => gate.passed().await,
                Fate::Lost => return Err(BusError::new("the answer is lost")),
                _ => {}
            }
            if incarnation != self.node().incarnation() {
                return Err(BusError::new("another log"));
            }
            self.node().apply(Position::new(position), &changes);
            Ok(Position::new(position))
        })
    }
}
