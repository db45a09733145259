//! Reading through the cache: look up, wait for a flight, or load.

use std::future::Future;
use std::sync::Arc;

use crate::flight::{Boarding, Flight, Outcome};
use crate::key::Key;
use crate::lead::{Lead, Turn};
use crate::policy::{Freshness, Lifetime};
use crate::read_scope::ReadScope;
use crate::region::lease::Leased;
use crate::region::remote::Fetched;
use crate::region::{Find, Found, Hit, Lookup, Region};
use crate::waits::Waiting;

/// How a value that was waited for may be used.
enum Followed<V> {
    Hit(Hit<V>),
    Failed(Arc<dyn std::any::Any + Send + Sync>),
    Alone,
    Again,
}

/// What it means to a reader that there is no value.
#[derive(Clone, Copy)]
pub(crate) enum Absence {
    /// It is an answer.
    Known,
    /// The reader's loader would give a value: it is to be asked.
    Unknown,
}

impl Absence {
    /// Tells whether an entry answers this reader.
    pub(crate) fn answers(self, present: bool) -> bool {
        present || matches!(self, Self::Known)
    }
}

impl<V: Send + Sync + 'static> Region<V> {
    /// Returns the value under `key`, if the cache may serve it; loads nothing.
    pub async fn get(&self, key: impl Into<Key>) -> Option<Arc<V>> {
        let key = key.into();
        // Before the look: a put that comes after it must be above what is made of its absence.
        let scope = ReadScope::current().map(|scope| (scope, self.larder.stamp()));
        match self.lookup(&key) {
            Lookup::Hit(hit) => return hit.value,
            Lookup::Miss => {
                if let Fetched::Hit(hit, _) = self.fetch(&key, Absence::Known).await {
                    return hit.value;
                }
            }
            Lookup::Off => {}
        }
        if let Some((scope, stamp)) = scope {
            let names = [self.own(&key), self.state.tag()];
            self.learn(&key, names[0]);
            scope.missed(self.larder.node(), stamp, names, &self.scope);
        }
        None
    }

    /// Returns the value under `key`, loaded by `loader` if the cache cannot serve it.
    ///
    /// One caller a key loads, the others wait for it. Past the ttl but within grace one caller
    /// loads in the foreground while the others are served the stale value; see
    /// [`get_or_refresh`](Self::get_or_refresh) for a load in the background.
    ///
    /// # Errors
    /// What `loader` failed with, the same for all that waited for it.
    ///
    /// # Cancellation
    /// A caller that goes away takes nobody with it: one that waits runs its own loader.
    pub async fn get_or_load<F, Fut, E>(
        &self,
        key: impl Into<Key>,
        loader: F,
    ) -> Result<Arc<V>, Arc<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, E>>,
        E: Send + Sync + 'static,
    {
        let key = key.into();
        let load = || {
            let loading = loader();
            async move { loading.await.map(|value| Some(Arc::new(value))) }
        };
        match self.read_through(&key, Absence::Unknown, load).await? {
            Some(value) => Ok(value),
            None => {
                unreachable!("absence was not taken for an answer, and the loader gave a value")
            }
        }
    }

    /// Returns the value under `key` or the knowledge that there is none, loaded if need be.
    ///
    /// That there is none is kept for the policy's negative ttl. See
    /// [`get_or_load`](Self::get_or_load).
    ///
    /// # Errors
    /// What `loader` failed with, the same for all that waited for it.
    pub async fn get_or_load_optional<F, Fut, E>(
        &self,
        key: impl Into<Key>,
        loader: F,
    ) -> Result<Option<Arc<V>>, Arc<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Option<V>, E>>,
        E: Send + Sync + 'static,
    {
        let load = || {
            let loading = loader();
            async move { loading.await.map(|value| value.map(Arc::new)) }
        };
        self.read_through(&key.into(), Absence::Known, load).await
    }

    /// Like [`get_or_load`](Self::get_or_load), but refreshes in the background.
    ///
    /// An entry past its ttl but within grace, or near the end of its ttl under a policy with
    /// early refresh, is served at once while one spawned task loads it anew.
    ///
    /// # Errors
    /// What `loader` failed with, the same for all that waited for it.
    pub async fn get_or_refresh<F, Fut, E>(
        &self,
        key: impl Into<Key>,
        loader: F,
    ) -> Result<Arc<V>, Arc<E>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<V, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let key = key.into();
        if let Some(found) = self
            .refreshable(&key)
            .filter(|found| found.entry.value.is_some())
            && let Some(value) = self.serve(&key, &found).and_then(|hit| hit.value)
        {
            self.refresh(&key, move || async move {
                loader().await.map(|value| Some(Arc::new(value)))
            });
            return Ok(value);
        }
        self.get_or_load(key, loader).await
    }

    /// Like [`get_or_load_optional`](Self::get_or_load_optional), but refreshes in the background.
    ///
    /// # Errors
    /// What `loader` failed with, the same for all that waited for it.
    pub async fn get_or_refresh_optional<F, Fut, E>(
        &self,
        key: impl Into<Key>,
        loader: F,
    ) -> Result<Option<Arc<V>>, Arc<E>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<V>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let key = key.into();
        if let Some(found) = self.refreshable(&key)
            && let Some(hit) = self.serve(&key, &found)
        {
            self.refresh(&key, move || async move {
                loader().await.map(|value| value.map(Arc::new))
            });
            return Ok(hit.value);
        }
        self.get_or_load_optional(key, loader).await
    }

    /// Takes a turn at loading `key`, after a miss; for integrators.
    ///
    /// Waits while another loads it. A follower takes an answer only if it may be served when it
    /// arrives; otherwise it boards the next flight, which began after it came, and takes that
    /// one's answer as it is.
    pub async fn join(&self, key: &Key) -> Turn<V> {
        self.join_for(key, Absence::Known).await
    }

    async fn join_for(&self, key: &Key, absence: Absence) -> Turn<V> {
        let parent = ReadScope::current();
        let mut second = false;
        loop {
            let flight = match self.larder.flights().board(&self.probe(key)) {
                Boarding::Leader(seat) => {
                    let lead = Lead::begin(self, key, Some(seat), parent);
                    let turn = self.lead_unless_landed(key, absence, lead);
                    return self.fetch_first(key, absence, turn).await;
                }
                Boarding::Follower(flight) => flight,
            };
            // Waiting for the flight one is part of, or that waits for it, would be for ever.
            let enclosing = parent.as_ref().map(ReadScope::flights).unwrap_or_default();
            let Some(_waiting) = Waiting::begin(enclosing, &flight) else {
                return Turn::Alone(Lead::begin(self, key, None, parent));
            };
            match self.follow(&flight, absence, second).await {
                Followed::Hit(hit) => return Turn::Hit(hit),
                Followed::Failed(error) => return Turn::Failed(error),
                Followed::Alone => return Turn::Alone(Lead::begin(self, key, None, parent)),
                Followed::Again => second = true,
            }
        }
    }

    /// Has the remote tier asked before a leader loads.
    async fn fetch_first(&self, key: &Key, absence: Absence, turn: Turn<V>) -> Turn<V> {
        let Turn::Lead(lead) = turn else { return turn };
        if self.remote().is_none() {
            return Turn::Lead(lead);
        }
        let mut unanswered = false;
        let leased = match self.fetch(key, absence).await {
            Fetched::Hit(hit, entry) => Leased::Hit(hit, entry),
            // Boxed, as a load is: most have no lease.
            Fetched::Nothing => Box::pin(self.lease(key, absence)).await,
            Fetched::Unanswered => {
                unanswered = true;
                Leased::Free
            }
        };
        match leased {
            Leased::Held(lease) => Turn::Lead(lead.anew().under(lease)),
            Leased::Free => {
                let lead = lead.anew();
                if unanswered && ReadScope::current().is_none() {
                    // No scope around it remembers that: what is read in this load must not wait again.
                    lead.scope().give_up();
                }
                Turn::Lead(lead)
            }
            Leased::Hit(hit, entry) => {
                lead.land_with(entry);
                Turn::Hit(hit)
            }
        }
    }

    /// Somebody may have landed between the miss and the boarding.
    pub(crate) fn lead_unless_landed(&self, key: &Key, absence: Absence, lead: Lead<V>) -> Turn<V> {
        if let Find::Found(found) = self.find(key)
            && found.serving.freshness != Freshness::Stale
            && absence.answers(found.entry.value.is_some())
            && let Some(hit) = self.hand_out(&found)
        {
            lead.land_with(found.entry);
            return Turn::Hit(hit);
        }
        Turn::Lead(lead)
    }

    async fn follow(&self, flight: &Flight, absence: Absence, second: bool) -> Followed<V> {
        let (entry, error) = match flight.outcome().await {
            Outcome::Entry(entry) => (entry, None),
            Outcome::Failed(error, record) => (record, Some(error)),
            Outcome::Released => return Followed::Alone,
            Outcome::Abandoned => return Followed::Again,
        };
        let now = self.larder.clock().now();
        let serving = match entry.servable(self.larder.node(), now) {
            Ok(serving) => serving,
            // The flight began after this caller came: its answer is as good as an own load's.
            Err(_) if second => entry.as_loaded(),
            Err(_) => return Followed::Again,
        };
        if error.is_none() && !absence.answers(entry.value.is_some()) {
            return if second {
                Followed::Alone
            } else {
                Followed::Again
            };
        }
        let hit = self.hand_out(&Found {
            entry,
            serving,
            now,
        });
        match (error, hit) {
            (Some(error), _) => Followed::Failed(error),
            (None, Some(hit)) => Followed::Hit(hit),
            (None, None) => Followed::Alone,
        }
    }

    async fn read_through<E: Send + Sync + 'static, Fut>(
        &self,
        key: &Key,
        absence: Absence,
        load: impl FnOnce() -> Fut,
    ) -> Result<Option<Arc<V>>, Arc<E>>
    where
        Fut: Future<Output = Result<Option<Arc<V>>, E>>,
    {
        // A load is boxed: one future in many places would be held in each of them.
        match self.find(key) {
            Find::Off => return Box::pin(self.load(self.alone(key), load)).await,
            Find::Found(found) if absence.answers(found.entry.value.is_some()) => {
                let stale = found.serving.freshness == Freshness::Stale;
                if stale && let Some(lead) = self.try_lead_here(key) {
                    self.count_miss(key);
                    return Box::pin(self.reload(key, lead, &found, load)).await;
                }
                if let Some(hit) = self.serve(key, &found) {
                    return Ok(hit.value);
                }
            }
            Find::Found(_) | Find::Nothing => {}
        }
        self.count_miss(key);
        match self.join_for(key, absence).await {
            Turn::Hit(hit) => Ok(hit.value),
            Turn::Lead(lead) | Turn::Alone(lead) => Box::pin(self.load(lead, load)).await,
            Turn::Failed(error) => match error.downcast::<E>() {
                Ok(error) => Err(error),
                Err(_) => Box::pin(self.load(self.alone(key), load)).await,
            },
        }
    }

    /// Runs a loader in the foreground.
    pub(super) async fn load<E: Send + Sync + 'static, Fut>(
        &self,
        lead: Lead<V>,
        load: impl FnOnce() -> Fut,
    ) -> Result<Option<Arc<V>>, Arc<E>>
    where
        Fut: Future<Output = Result<Option<Arc<V>>, E>>,
    {
        // The loader is called inside the scope too: it may read before its first await.
        match lead.run(async move { load().await }).await {
            Ok(value) => {
                let lifetime = self.lifetime_of(value.is_some());
                Ok(lead.finish(value, lifetime).value)
            }
            Err(error) => {
                let error = Arc::new(error);
                lead.fail(Arc::clone(&error));
                Err(error)
            }
        }
    }

    /// Reloads a stale entry in the foreground, falling back on it as the policy says.
    async fn reload<E: Send + Sync + 'static, Fut>(
        &self,
        key: &Key,
        lead: Lead<V>,
        found: &Found,
        load: impl FnOnce() -> Fut,
    ) -> Result<Option<Arc<V>>, Arc<E>>
    where
        Fut: Future<Output = Result<Option<Arc<V>>, E>>,
    {
        // Another node may have loaded it anew.
        let lead = match self
            .fetch_first(key, Absence::Unknown, Turn::Lead(lead))
            .await
        {
            Turn::Hit(hit) => return Ok(hit.value),
            Turn::Lead(lead) | Turn::Alone(lead) => lead,
            Turn::Failed(_) => self.alone(key),
        };
        let loaded = self.load(lead, load).await;
        match loaded
            .is_err()
            .then(|| self.fall_back(key, Some(found)))
            .flatten()
        {
            Some(hit) => Ok(hit.value),
            None => loaded,
        }
    }

    /// Returns what may be served though it could not be loaded anew; drops it if the policy
    /// says so.
    pub(crate) fn fall_back(&self, key: &Key, stale: Option<&Found>) -> Option<Hit<V>> {
        let found = stale?;
        if !self.state.policy.stale_on_error {
            self.evict(key);
            return None;
        }
        let now = self.larder.clock().now();
        found.entry.servable(self.larder.node(), now).ok()?;
        self.hand_out(found)
    }

    /// Takes the lead of a reload whose value is for the current read scope.
    fn try_lead_here(&self, key: &Key) -> Option<Lead<V>> {
        match self.larder.flights().board(&self.probe(key)) {
            Boarding::Leader(seat) => {
                Some(Lead::begin(self, key, Some(seat), ReadScope::current()))
            }
            Boarding::Follower(_) => None,
        }
    }

    /// Begins a load that nobody waits for, as one does where a switch is off; for integrators.
    pub fn alone(&self, key: &Key) -> Lead<V> {
        Lead::begin(self, key, None, ReadScope::current())
    }

    /// Returns how long a value, or the knowledge that there is none, is kept.
    pub fn lifetime_of(&self, present: bool) -> Lifetime {
        let policy = &self.state.policy;
        if present {
            policy.lifetime()
        } else {
            Lifetime {
                ttl: policy.negative_ttl,
                ..Lifetime::default()
            }
        }
    }
}
