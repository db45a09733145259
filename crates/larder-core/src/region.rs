//! Regions: the named parts of the cache, and how values are read from them.

mod batch;
mod change;
mod lease;
mod load;
mod news;
mod peek;
mod refresh;
mod remote;
mod state;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::Moment;
use crate::dependency::key_hash;
use crate::entry::{Entry, Serving, Unservable};
use crate::explain::{Asked, Explanation, culprit, explain};
use crate::hash::stable_hash;
use crate::history::Past;
use crate::key::Key;
use crate::larder::Larder;
use crate::local::Probe;
use crate::observer::CacheEventKind;
use crate::policy::{Freshness, Policy};
use crate::read_scope::ReadScope;
use crate::scope::Scope;
use crate::session::is_past_the_cache;
use crate::statistics::bump;

pub use self::news::{Heard, Witness};
pub use self::peek::{Peek, Peeked};
use self::remote::Encoding;
pub(crate) use self::state::RegionState;

/// A named part of the cache that holds values of type `V` under one policy.
///
/// Cheap to clone. The same name gives the same region, whatever the type; a value of another
/// type under a key is a miss, so give each type keys of its own.
pub struct Region<V> {
    pub(crate) larder: Larder,
    pub(crate) state: Arc<RegionState>,
    pub(crate) scope: Scope,
    scope_bytes: Arc<[u8]>,
    space: u64,
    pub(crate) weigher: fn(&V) -> usize,
    encoding: Option<Arc<Encoding<V>>>,
}

/// What the local tier holds under a key.
#[derive(Debug)]
pub enum Lookup<V> {
    /// A switch is off for this key: load it by [`Region::alone`], which keeps nothing.
    Off,
    /// An entry that may be served; it is counted and recorded in the current read scope.
    Hit(Hit<V>),
    /// Nothing that may be served.
    Miss,
}

/// An entry that is served.
#[derive(Debug)]
#[non_exhaustive]
pub struct Hit<V> {
    /// The value; `None` if it is known that there is none.
    pub value: Option<Arc<V>>,
    /// How usable it is by time; never [`Freshness::Expired`].
    pub freshness: Freshness,
    /// The time since its load began; zero if another node loaded it.
    pub age: Duration,
    /// Another node loaded it, and this one had it from the remote tier.
    pub elsewhere: bool,
    /// How long it will still be fresh; zero if it is stale.
    pub ttl_left: Duration,
    /// How long it has been stale; zero if it is fresh.
    pub stale_for: Duration,
    /// When it was found.
    pub at: Moment,
}

/// An entry found servable, not yet served.
pub(crate) struct Found {
    pub(crate) entry: Arc<Entry>,
    pub(crate) serving: Serving,
    pub(crate) now: Moment,
}

/// What a key leads to.
pub(crate) enum Find {
    Off,
    Found(Found),
    Nothing,
}

impl<V: Send + Sync + 'static> Region<V> {
    pub(crate) fn new(larder: Larder, state: Arc<RegionState>, weigher: fn(&V) -> usize) -> Self {
        let space = larder.local().hasher.space(state.id, &[]);
        Self {
            larder,
            state,
            scope: Scope::Public,
            scope_bytes: Arc::default(),
            space,
            weigher,
            encoding: None,
        }
    }

    /// Returns this region for entries of one tenant or user only.
    ///
    /// The scope is part of the key, and of everything made of such an entry.
    #[must_use]
    pub fn scoped(&self, scope: Scope) -> Self {
        let scope_bytes: Arc<[u8]> = scope.encoded().as_slice().into();
        let space = self
            .larder
            .local()
            .hasher
            .space(self.state.id, &scope_bytes);
        Self {
            scope,
            scope_bytes,
            space,
            ..self.clone()
        }
    }

    /// Returns the region's name.
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Returns the region's policy.
    pub fn policy(&self) -> &Policy {
        &self.state.policy
    }

    /// Returns the `Larder` this is a region of.
    pub fn larder(&self) -> &Larder {
        &self.larder
    }

    /// Looks a key up in the local tier, without waiting; for integrators.
    pub fn lookup(&self, key: &Key) -> Lookup<V> {
        match self.find(key) {
            Find::Off => Lookup::Off,
            Find::Found(found) => match self.serve(key, &found) {
                Some(hit) => Lookup::Hit(hit),
                None => self.missed(key),
            },
            Find::Nothing => self.missed(key),
        }
    }

    /// Says why `key` is served or not: what its entry was made of, and what last happened to it.
    ///
    /// For people and tools, not for the path of a request. Serves, counts and drops nothing, and
    /// tells no values. What is past is told of the last thousand keys or so to which something
    /// happened.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use larder_core::{Change, Dependency, Key, Larder, Policy, TableName, explain::State};
    /// # let larder = Larder::builder("shop").build()?;
    /// # let policy = Policy::ttl(std::time::Duration::from_secs(600));
    /// let prices = larder.region::<u64>("prices", policy)?;
    /// let fruit = TableName::new("main", "fruit");
    /// prices.get_or_load("apple", || async {
    ///     larder.reading(None, &[Dependency::row(&fruit, 7)]);
    ///     Ok::<_, std::io::Error>(42)
    /// }).await?;
    /// larder.publish(Change::row(&fruit, 7)).await?;
    ///
    /// let explanation = prices.explain(&Key::from("apple"));
    /// assert_eq!(explanation.state, State::Invalid);
    /// let text = explanation.to_string();
    /// assert!(text.starts_with("apple of prices (public): invalid, not served"));
    /// assert!(text.contains("made of 1 row of main.fruit: changed"));
    /// assert!(text.contains("ago by a change of row 7 of main.fruit, at position 1"));
    /// # Ok(()) }
    /// ```
    pub fn explain(&self, key: &Key) -> Explanation {
        explain(&Asked {
            larder: &self.larder,
            region: &self.state,
            scope: &self.scope,
            key,
            probe: self.probe(key),
        })
    }

    /// Like [`explain`](Self::explain), where an entry may lead to another key; for integrators.
    ///
    /// What is held under `key`, servable or not, is shown to `lead_on`, once.
    pub fn explain_through(
        &self,
        key: &Key,
        lead_on: impl FnOnce(&V) -> Option<Key>,
    ) -> Explanation {
        let held = self.larder.local().get(&self.probe(key));
        let value = held.as_deref().and_then(|entry| entry.value.as_deref());
        match value.and_then(|any| any.downcast_ref()).and_then(lead_on) {
            Some(other) => self.explain(&other),
            None => self.explain(key),
        }
    }

    /// Explains something that the cache is not asked for; for integrators.
    pub fn explain_bypass(&self, key: impl Into<String>, reason: &'static str) -> Explanation {
        let watermark = self.larder.node().watermark().get();
        Explanation::of_bypass(self.name(), key.into(), &self.scope, reason, watermark)
    }

    /// Drops one entry of this node; publishes nothing, so other nodes keep theirs.
    pub fn evict(&self, key: &Key) {
        self.larder.local().remove(&self.probe(key));
    }

    fn missed(&self, key: &Key) -> Lookup<V> {
        self.count_miss(key);
        Lookup::Miss
    }

    pub(crate) fn count_miss(&self, key: &Key) {
        bump(&self.state.counters.misses);
        self.observe(key, CacheEventKind::Miss);
    }

    pub(crate) fn observe(&self, key: &Key, kind: CacheEventKind) {
        self.larder
            .node()
            .observers
            .observed(&self.state.name, Some(key), kind);
    }

    #[inline]
    pub(crate) fn probe<'a>(&'a self, key: &'a Key) -> Probe<'a> {
        Probe {
            hash: self.larder.local().hasher.hash(self.space, key.as_bytes()),
            region: self.state.id,
            scope: &self.scope_bytes,
            key: key.as_bytes(),
        }
    }

    /// Tells whether the switches let this key into the cache.
    #[inline]
    pub(crate) fn is_on(&self, key: &Key) -> bool {
        self.state.share().admits(|| stable_hash(key.as_bytes())) && !is_past_the_cache()
    }

    #[inline]
    pub(crate) fn find(&self, key: &Key) -> Find {
        if !self.is_on(key) {
            return Find::Off;
        }
        let probe = self.probe(key);
        let Some(entry) = self.larder.local().get(&probe) else {
            return Find::Nothing;
        };
        let now = self.larder.clock().now();
        match entry.servable(self.larder.node(), now) {
            Ok(serving) => Find::Found(Found {
                entry,
                serving,
                now,
            }),
            Err(reason) => {
                self.retire(key, &probe, &entry, reason);
                Find::Nothing
            }
        }
    }

    /// Drops an entry that can never be served again.
    #[cold]
    fn retire(&self, key: &Key, probe: &Probe<'_>, entry: &Entry, reason: Unservable) {
        if reason == Unservable::Unheard || entry.retired.swap(true, Ordering::Relaxed) {
            return;
        }
        self.larder.local().remove(probe);
        if reason == Unservable::Invalid {
            self.note_invalid(probe, entry);
            bump(&self.state.counters.invalidations);
            self.observe(key, CacheEventKind::Invalidated);
        } else {
            let now = self.larder.clock().now();
            let history = &self.larder.local().history;
            history.note(probe.hash, now, |past| past.expired = Some(now));
        }
    }

    /// Notes what made an entry invalid, while that can be told.
    pub(crate) fn note_invalid(&self, probe: &Probe<'_>, entry: &Entry) {
        let (now, local) = (self.larder.clock().now(), self.larder.local());
        let culprit = culprit(entry, self.larder.node());
        let note = |past: &mut Past| past.invalidated = Some((now, culprit));
        local.history.note(probe.hash, now, note);
    }

    /// Serves what was found: counts it and records it in the current read scope.
    ///
    /// `None` if the value is of another type.
    pub(crate) fn serve(&self, key: &Key, found: &Found) -> Option<Hit<V>> {
        let hit = self.hand_out(found)?;
        self.count_hit(key, found);
        Some(hit)
    }

    #[inline]
    fn count_hit(&self, key: &Key, found: &Found) {
        bump(&self.state.counters.hits);
        if found.serving.freshness == Freshness::Stale {
            bump(&self.state.counters.stale_hits);
            self.observe(key, CacheEventKind::StaleHit);
        } else {
            self.observe(key, CacheEventKind::Hit);
        }
    }

    /// Hands out what was found, to a read that is counted already.
    pub(crate) fn hand_out(&self, found: &Found) -> Option<Hit<V>> {
        let hit = Self::hit_of(found)?;
        self.record(found);
        Some(hit)
    }

    /// Records what was found in the current read scope.
    fn record(&self, found: &Found) {
        if let Some(scope) = ReadScope::current() {
            scope.served(
                self.larder.node(),
                &found.entry,
                &found.serving,
                &self.scope,
            );
        }
    }

    /// Returns what was found as a hit, recorded nowhere; `None` for a value of another type.
    fn hit_of(found: &Found) -> Option<Hit<V>> {
        let Found {
            entry,
            serving,
            now,
        } = found;
        let value = match entry.value.clone() {
            Some(any) => Some(any.downcast::<V>().ok()?),
            None => None,
        };
        let elsewhere = entry.as_of == Moment::ZERO;
        let age = if elsewhere {
            Duration::ZERO
        } else {
            now.since(entry.as_of)
        };
        Some(Hit {
            value,
            freshness: serving.freshness,
            age,
            elsewhere,
            ttl_left: serving.expires.since(*now),
            stale_for: now.since(serving.expires),
            at: *now,
        })
    }
}

impl<V> Region<V> {
    /// Has the key remembered as what an entry made of this one depends on, if names are kept.
    pub(crate) fn learn(&self, key: &Key, own: u64) {
        let names = &self.larder.node().names;
        names.learn(own, || format!("entry {key} of {}", self.state.name));
    }

    /// Returns the hash of an entry's own key as a dependency.
    pub(crate) fn own(&self, key: &Key) -> u64 {
        key_hash(&self.state.name, &self.scope_bytes, key.as_bytes())
    }
}

impl<V> Clone for Region<V> {
    fn clone(&self) -> Self {
        Self {
            larder: self.larder.clone(),
            state: Arc::clone(&self.state),
            scope: self.scope.clone(),
            scope_bytes: Arc::clone(&self.scope_bytes),
            space: self.space,
            weigher: self.weigher,
            encoding: self.encoding.as_ref().map(Arc::clone),
        }
    }
}

impl<V> fmt::Debug for Region<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region")
            .field("name", &self.state.name)
            .field("scope", &format_args!("{}", self.scope))
            .finish_non_exhaustive()
    }
}

/// Keeps an entry from being retired, and counted, twice.
pub(crate) type Retired = AtomicBool;
