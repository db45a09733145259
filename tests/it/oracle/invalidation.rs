//! How writes make entries invalid: as Larder does it, and in coarser ways to compare that with.

use std::sync::Arc;
use std::time::Duration;

use larder::bus::BoxFuture;
use larder::test_util::ManualClock;
use larder::{Bus, BusError, Change, Larder, LocalBus, Node, Position, What};

/// How long an entry is served where nothing but time makes it go.
const TTL: Duration = Duration::from_mins(1);

/// What a write makes invalid. What reads depend on is the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalidation {
    /// What Larder derives from the statements.
    Precise,
    /// The rows written, and every query of their tables, as a second-level cache does it.
    Rows,
    /// Everything made of the tables written, rows too.
    Table,
    /// Nothing: entries go a minute after what they were made of was read.
    Ttl,
}

impl Invalidation {
    pub(crate) const ALL: [Self; 4] = [Self::Precise, Self::Rows, Self::Table, Self::Ttl];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Precise => "precise",
            Self::Rows => "rows",
            Self::Table => "table",
            Self::Ttl => "ttl",
        }
    }

    /// Whether no answer may be older than a write it came after.
    pub(crate) fn is_fresh(self) -> bool {
        self != Self::Ttl
    }

    /// Makes the cache of a Conduit whose writes make entries invalid so.
    pub(crate) fn larder(self, clock: &ManualClock) -> Larder {
        let builder = Larder::builder("conduit")
            .environment([("", "")])
            .clock(clock.clone());
        let builder = match self {
            Self::Precise => builder,
            Self::Rows => builder.bus(Coarse::new(without_images)),
            Self::Table => builder.bus(Coarse::new(whole_table)),
            Self::Ttl => builder.bus(Deaf).max_staleness(TTL),
        };
        builder.build().unwrap()
    }
}

/// Makes the cache of a Conduit that caches nothing.
pub(crate) fn no_cache(clock: &ManualClock) -> Larder {
    let builder = Larder::builder("conduit").clock(clock.clone());
    builder
        .environment([("LARDER_ENABLED", "false")])
        .build()
        .unwrap()
}

/// A bus that tells less of each change than it was told.
#[derive(Debug)]
struct Coarse {
    inner: LocalBus,
    told: fn(&Change) -> Change,
}

impl Coarse {
    fn new(told: fn(&Change) -> Change) -> Self {
        let inner = LocalBus::new();
        Self { inner, told }
    }
}

impl Bus for Coarse {
    fn attach(&self, node: &Arc<Node>) {
        self.inner.attach(node);
    }

    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        let told: Vec<Change> = changes.iter().map(self.told).collect();
        self.inner.publish(told.into())
    }
}

fn without_images(change: &Change) -> Change {
    match change.what() {
        What::Row(row) => Change::row(&row.table, row.key.clone()),
        What::Rows(rows) => Change::table(&rows.table),
        _ => change.clone(),
    }
}

fn whole_table(change: &Change) -> Change {
    match change.what() {
        What::Row(row) => Change::table(&row.table),
        What::Rows(rows) => Change::table(&rows.table),
        _ => change.clone(),
    }
}

/// A bus that hears nothing and tells nothing: what is served is as old as `max_staleness` lets it be.
#[derive(Debug)]
struct Deaf;

impl Bus for Deaf {
    fn attach(&self, node: &Arc<Node>) {
        node.set_incarnation(1);
    }

    fn publish(&self, _: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async { Ok(Position::ZERO) })
    }
}
