//! What a leader tells its followers before its load has ended; for integrators.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use crate::entry::Entry;
use crate::flight::Outcome;
use crate::key::Key;
use crate::lead::Lead;
use crate::marks::MarkSet;
use crate::position::Stamp;
use crate::read_scope::ReadScope;
use crate::region::{Found, Hit, Region};
use crate::waits::Waiting;

/// Tells of a load under way whether what it has read so far still stands.
pub struct Witness<V> {
    region: Region<V>,
    key: Key,
    scope: ReadScope,
    stamp: Stamp,
}

/// What one hears of a load under way.
#[derive(Debug)]
pub enum Heard<V> {
    /// What its leader announced. It is the leader's: ask its [`Witness`] before it is taken, and
    /// nothing of it flows into the current read scope.
    News(Arc<dyn Any + Send + Sync>),
    /// It ended with an entry that may be served.
    Hit(Hit<V>),
    /// It failed, with its error.
    Failed(Arc<dyn Any + Send + Sync>),
    /// Its answer is not shared: load it, for yourself.
    Released,
    /// Nobody loads it, or what came of it cannot be taken: [`join`](Region::join).
    Nothing,
}

impl<V: Send + Sync + 'static> Region<V> {
    /// Waits for what the leader of a load under way announces, or for its end.
    pub async fn hear(&self, key: &Key) -> Heard<V> {
        let Some(flight) = self.larder.flights().of(&self.probe(key)) else {
            return Heard::Nothing;
        };
        let parent = ReadScope::current();
        let enclosing = parent.as_ref().map(ReadScope::flights).unwrap_or_default();
        // Waiting for the flight one is part of would be for ever.
        let Some(_waiting) = Waiting::begin(enclosing, &flight) else {
            return Heard::Nothing;
        };
        match flight.news().await {
            Ok(news) => Heard::News(news),
            Err(Outcome::Released) => Heard::Released,
            Err(Outcome::Abandoned) => Heard::Nothing,
            Err(Outcome::Failed(error, record)) => match self.taken(record) {
                Some(_) => Heard::Failed(error),
                None => Heard::Nothing,
            },
            Err(Outcome::Entry(entry)) => self.taken(entry).map_or(Heard::Nothing, Heard::Hit),
        }
    }

    fn taken(&self, entry: Arc<Entry>) -> Option<Hit<V>> {
        let now = self.larder.clock().now();
        let serving = entry.servable(self.larder.node(), now).ok()?;
        self.hand_out(&Found {
            entry,
            serving,
            now,
        })
    }
}

impl<V: Send + Sync + 'static> Lead<V> {
    /// Tells those who wait, and those who come, what is known before the end.
    pub fn announce(&self, news: Arc<dyn Any + Send + Sync>) {
        if let Some(flight) = self.flight() {
            flight.announce(news);
        }
    }

    /// Returns what tells others whether what was read so far still stands.
    pub fn witness(&self) -> Witness<V> {
        let (region, key, stamp) = self.parts();
        Witness {
            region: region.clone(),
            key: key.clone(),
            scope: self.scope().clone(),
            stamp,
        }
    }
}

impl<V: Send + Sync + 'static> Witness<V> {
    /// Tells whether an entry made of what was read so far might be served now, under this key.
    ///
    /// False once the load has ended: then its entry tells.
    pub fn stands(&self) -> bool {
        let Some(provenance) = self.scope.so_far() else {
            return false;
        };
        let Region { larder, state, .. } = &self.region;
        let mut marks = MarkSet::default();
        marks.add_all(&provenance.marks);
        state
            .policy_tags
            .iter()
            .for_each(|tag| marks.add_named(*tag));
        let entry = Entry {
            value: None,
            marks: marks.take(),
            own: self.region.own(&self.key),
            position: AtomicU64::new(provenance.position.min(self.stamp.position).get()),
            incarnation: self.stamp.incarnation,
            as_of: provenance.as_of.min(self.stamp.as_of),
            expires: provenance.expires,
            stale_until: provenance.expires,
            region: Arc::clone(state),
            weight: 0,
            retired: AtomicBool::new(false),
        };
        provenance.refusal.is_none()
            && self.region.scope.admits(&provenance.scope).is_ok()
            && entry.servable(larder.node(), larder.clock().now()).is_ok()
    }
}

impl<V> fmt::Debug for Witness<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}
