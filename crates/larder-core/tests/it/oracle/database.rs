//! A database as simple as can be: rows with a version, in groups.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder_core::{Dependency, Image, Match, Moment, hash_value};
use tokio::sync::Mutex;

use crate::scene::table;

pub(crate) const ROWS: usize = 24;
pub(crate) const GROUPS: u64 = 4;
pub(crate) const NODES: usize = 2;

/// A row's version and the group it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) version: u64,
    pub(crate) group: u64,
}

impl State {
    /// Tells whether this version of a row is there, to those who ask whether it is.
    pub(crate) fn is_there(self) -> bool {
        self.version.is_multiple_of(2)
    }

    fn packed(self) -> u64 {
        self.version << 8 | self.group
    }

    fn unpacked(packed: u64) -> Self {
        Self {
            version: packed >> 8,
            group: packed & 0xff,
        }
    }
}

/// One row, and what is known of its writes.
#[derive(Default)]
pub(crate) struct Row {
    state: AtomicU64,
    /// What each node must show: the last write it has acknowledged, or has heard of.
    floors: [AtomicU64; NODES],
    /// The writes whose publication is acknowledged, and when: the last one, and those before it
    /// that may matter to somebody yet.
    published: std::sync::Mutex<Vec<(Moment, State)>>,
    /// One writer a row at a time, as in a database.
    pub(crate) writer: Mutex<()>,
}

impl Row {
    pub(crate) fn state(&self) -> State {
        State::unpacked(self.state.load(Ordering::SeqCst))
    }

    pub(crate) fn commit(&self, state: State) {
        self.state.store(state.packed(), Ordering::SeqCst);
    }

    pub(crate) fn floor(&self, node: usize) -> State {
        State::unpacked(self.floors[node].load(Ordering::SeqCst))
    }

    pub(crate) fn raise_floor(&self, node: usize, state: State) {
        self.floors[node].fetch_max(state.packed(), Ordering::SeqCst);
    }

    /// Returns the last write whose publication was acknowledged before `moment`.
    pub(crate) fn published_before(&self, moment: Moment) -> Option<State> {
        let mut published = self.published.lock().unwrap();
        let last = published.iter().rposition(|(at, _)| *at < moment)?;
        // Nobody will ask for what was before.
        published.drain(..last);
        published.first().map(|(_, state)| *state)
    }

    pub(crate) fn publish(&self, now: Moment, state: State) {
        self.published.lock().unwrap().push((now, state));
    }
}

/// Rows that a query gave.
pub(crate) type Answer = Vec<(usize, State)>;

pub(crate) struct Database {
    pub(crate) rows: [Row; ROWS],
}

impl Database {
    pub(crate) fn new() -> Arc<Self> {
        let rows: [Row; ROWS] = std::array::from_fn(|_| Row::default());
        Arc::new(Self { rows })
    }

    /// Returns the rows of a group, as they are now.
    pub(crate) fn group(&self, group: u64) -> Answer {
        let rows = self
            .rows
            .iter()
            .enumerate()
            .map(|(number, row)| (number, row.state()));
        rows.filter(|(_, state)| state.group == group).collect()
    }
}

pub(crate) fn row_of(number: usize) -> Dependency {
    Dependency::row(&table("row"), i64::try_from(number).unwrap())
}

fn columns(group: u64) -> [(Arc<str>, u64); 1] {
    [(Arc::from("group"), hash_value(&group.to_le_bytes()))]
}

pub(crate) fn group_of(group: u64) -> Dependency {
    Dependency::Match(table("row"), Match::new(columns(group)))
}

pub(crate) fn image(state: State) -> Image {
    Image::Known(Arc::from(columns(state.group)))
}
