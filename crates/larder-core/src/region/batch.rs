//! Many keys at once: only the missing ones are loaded, in one call.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use crate::dependency::Dependency;
use crate::flight::Boarding;
use crate::key::Key;
use crate::lead::{Lead, Turn};
use crate::marks::Marks;
use crate::policy::Freshness;
use crate::read_scope::ReadScope;
use crate::region::load::Absence;
use crate::region::{Find, Found, Region};

/// What each key of a batch depends on, if that is known.
type DependsOn<'a, K> = Option<&'a (dyn Fn(&K) -> Dependency + Sync)>;

/// A key that is not answered yet.
struct Wanted<K> {
    index: usize,
    asked: K,
    key: Key,
    /// What may be served if it cannot be loaded anew.
    stale: Option<Found>,
}

/// A key that this batch loads.
struct Loading<K, V> {
    wanted: Wanted<K>,
    lead: Lead<V>,
}

/// The state of one call.
struct Batch<'a, K, V> {
    region: &'a Region<V>,
    depends_on: DependsOn<'a, K>,
    answers: Vec<Option<Arc<V>>>,
    loading: Vec<Loading<K, V>>,
    followed: Vec<Wanted<K>>,
    /// Which answer is that of an earlier one.
    copies: Vec<(usize, usize)>,
}

impl<V: Send + Sync + 'static> Region<V> {
    /// Returns the values under `keys`, in their order; `None` where there is none.
    ///
    /// `loader` is called once with the keys the cache cannot serve and nobody else is loading,
    /// and gives pairs in any order; keys it leaves out are absent, and kept as such for the
    /// negative ttl. Keys that others are loading are waited for. A key given twice is loaded
    /// once. If another's load is lost or cannot be shared, `loader` is called once more. Stale entries
    /// are loaded anew in the same call, and served if others do so already.
    ///
    /// # Errors
    /// What `loader` failed with, or the load of another that was waited for.
    pub async fn get_many_or_load<K, F, Fut, E>(
        &self,
        keys: Vec<K>,
        loader: F,
    ) -> Result<Vec<Option<Arc<V>>>, Arc<E>>
    where
        K: Clone + Eq + Hash + Into<Key>,
        F: FnMut(Vec<K>) -> Fut,
        Fut: Future<Output = Result<Vec<(K, V)>, E>>,
        E: Send + Sync + 'static,
    {
        self.get_many(keys, None, loader).await
    }

    /// Like [`get_many_or_load`](Self::get_many_or_load), with what each key depends on.
    ///
    /// What `loader` reads is taken for exactly that, so it must read no more: one row a key.
    ///
    /// # Errors
    /// What `loader` failed with, or the load of another that was waited for.
    pub async fn get_many_or_load_by<K, F, Fut, E>(
        &self,
        keys: Vec<K>,
        depends_on: impl Fn(&K) -> Dependency + Sync,
        loader: F,
    ) -> Result<Vec<Option<Arc<V>>>, Arc<E>>
    where
        K: Clone + Eq + Hash + Into<Key>,
        F: FnMut(Vec<K>) -> Fut,
        Fut: Future<Output = Result<Vec<(K, V)>, E>>,
        E: Send + Sync + 'static,
    {
        self.get_many(keys, Some(&depends_on), loader).await
    }

    async fn get_many<K, F, Fut, E>(
        &self,
        keys: Vec<K>,
        depends_on: DependsOn<'_, K>,
        mut loader: F,
    ) -> Result<Vec<Option<Arc<V>>>, Arc<E>>
    where
        K: Clone + Eq + Hash + Into<Key>,
        F: FnMut(Vec<K>) -> Fut,
        Fut: Future<Output = Result<Vec<(K, V)>, E>>,
        E: Send + Sync + 'static,
    {
        let mut batch = Batch {
            region: self,
            depends_on,
            answers: vec![None; keys.len()],
            loading: Vec::new(),
            followed: Vec::new(),
            copies: Vec::new(),
        };
        batch.look_up(keys);
        batch.fetch().await;
        batch.load(&mut loader).await?;
        batch.follow().await?;
        batch.load(&mut loader).await?;
        Ok(batch.finish())
    }
}

impl<K: Clone + Eq + Hash, V: Send + Sync + 'static> Batch<'_, K, V> {
    /// Answers what the cache can, and takes its turn at the rest.
    fn look_up(&mut self, keys: Vec<K>)
    where
        K: Into<Key>,
    {
        let mut twins: HashMap<K, usize> = HashMap::with_capacity(keys.len());
        for (index, asked) in keys.into_iter().enumerate() {
            match twins.entry(asked.clone()) {
                Entry::Occupied(first) => self.copies.push((index, *first.get())),
                Entry::Vacant(vacant) => {
                    vacant.insert(index);
                    let key = asked.clone().into();
                    self.look_at(Wanted {
                        index,
                        asked,
                        key,
                        stale: None,
                    });
                }
            }
        }
    }

    fn look_at(&mut self, mut wanted: Wanted<K>) {
        match self.region.find(&wanted.key) {
            Find::Off => return self.load_alone(wanted),
            Find::Found(found) if found.serving.freshness == Freshness::Stale => {
                wanted.stale = Some(found);
            }
            Find::Found(found) => {
                if let Some(hit) = self.region.serve(&wanted.key, &found) {
                    self.answers[wanted.index] = hit.value;
                    return;
                }
            }
            Find::Nothing => {}
        }
        self.board(wanted);
    }

    fn board(&mut self, wanted: Wanted<K>) {
        let (region, key) = (self.region, &wanted.key);
        match (
            region.larder.flights().board(&region.probe(key)),
            &wanted.stale,
        ) {
            (Boarding::Leader(seat), stale) => {
                let lead = Lead::begin(region, key, Some(seat), ReadScope::current());
                let turn = match stale {
                    Some(_) => Turn::Lead(lead),
                    None => region.lead_unless_landed(key, Absence::Known, lead),
                };
                region.count_miss(key);
                self.take(wanted, turn);
            }
            (Boarding::Follower(_), Some(found)) => match region.serve(key, found) {
                Some(hit) => self.answers[wanted.index] = hit.value,
                None => self.load_alone(wanted),
            },
            (Boarding::Follower(_), None) => {
                region.count_miss(key);
                self.followed.push(wanted);
            }
        }
    }

    fn take(&mut self, wanted: Wanted<K>, turn: Turn<V>) {
        match turn {
            Turn::Hit(hit) => self.answers[wanted.index] = hit.value,
            Turn::Lead(lead) | Turn::Alone(lead) => self.loading.push(Loading { wanted, lead }),
            Turn::Failed(_) => self.load_alone(wanted),
        }
    }

    fn load_alone(&mut self, wanted: Wanted<K>) {
        let lead = self.region.alone(&wanted.key);
        self.loading.push(Loading { wanted, lead });
    }

    /// Waits for what others load; what they cannot share is left to be loaded.
    async fn follow<E: Send + Sync + 'static>(&mut self) -> Result<(), Arc<E>> {
        for wanted in std::mem::take(&mut self.followed) {
            // A batch never waits while it leads: two batches would wait for each other.
            if !self.loading.is_empty() {
                self.load_alone(wanted);
                continue;
            }
            let turn = match self.region.join(&wanted.key).await {
                Turn::Failed(error) => match error.downcast::<E>() {
                    Ok(error) => return Err(error),
                    Err(error) => Turn::Failed(error),
                },
                turn => turn,
            };
            self.take(wanted, turn);
        }
        Ok(())
    }

    /// Asks the remote tier at once for all that is to be loaded, but not for what a switch keeps out.
    async fn fetch(&mut self) {
        if self.region.remote().is_none() {
            return;
        }
        let (leading, alone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.loading)
            .into_iter()
            .partition(|one| one.lead.flight().is_some());
        self.loading = alone;
        if leading.is_empty() {
            return;
        }
        let keys: Vec<Key> = leading.iter().map(|one| one.wanted.key.clone()).collect();
        // Boxed, as every load: a caller holds this in two places.
        let mut found = Box::pin(self.region.fetch_many(&keys)).await.into_iter();
        for Loading { wanted, lead } in leading {
            let fetched = found.next().flatten();
            match fetched
                .and_then(|found| self.region.take_fetched(&wanted.key, found, Absence::Known))
            {
                Some((hit, entry)) => {
                    lead.land_with(entry);
                    self.answers[wanted.index] = hit.value;
                }
                None => self.loading.push(Loading {
                    wanted,
                    lead: lead.anew(),
                }),
            }
        }
    }

    /// Loads in one call what is to be loaded.
    async fn load<Fut, E>(&mut self, loader: &mut impl FnMut(Vec<K>) -> Fut) -> Result<(), Arc<E>>
    where
        Fut: Future<Output = Result<Vec<(K, V)>, E>>,
        E: Send + Sync + 'static,
    {
        if self.loading.is_empty() {
            return Ok(());
        }
        let loading = std::mem::take(&mut self.loading);
        if let Some(depends_on) = self.depends_on {
            loading
                .iter()
                .for_each(|one| one.lead.depend(depends_on(&one.wanted.asked)));
        }
        let asked = loading.iter().map(|one| one.wanted.asked.clone()).collect();
        let flights = loading.iter().filter_map(|one| one.lead.flight()).collect();
        let node = self.region.larder.node();
        let scope = ReadScope::of_load(node, ReadScope::current(), flights, node.stamp());
        if let Some(depends_on) = self.depends_on {
            // A failure tells of all of them.
            let all: Vec<_> = loading
                .iter()
                .map(|one| depends_on(&one.wanted.asked))
                .collect();
            scope.read(node, node.stamp(), &all);
        }
        // Boxed, as every load: a caller holds this in two places.
        let loaded = Box::pin(scope.run(async { loader(asked).await })).await;
        let mut shared = scope.take();
        if self.depends_on.is_some() && loaded.is_ok() {
            shared.marks = Marks::default();
        }
        loading.iter().for_each(|one| one.lead.read_with(&shared));
        match loaded {
            Ok(pairs) => {
                self.land(loading, pairs.into_iter().collect());
                Ok(())
            }
            Err(error) => self.fail(loading, Arc::new(error)),
        }
    }

    fn land(&mut self, loading: Vec<Loading<K, V>>, mut loaded: HashMap<K, V>) {
        for Loading { wanted, lead } in loading {
            let value = loaded.remove(&wanted.asked).map(Arc::new);
            let lifetime = self.region.lifetime_of(value.is_some());
            self.answers[wanted.index] = lead.finish(value, lifetime).value;
        }
    }

    /// Fails, unless all that was to be loaded is stale and the policy serves it then.
    fn fail<E: Send + Sync + 'static>(
        &mut self,
        loading: Vec<Loading<K, V>>,
        error: Arc<E>,
    ) -> Result<(), Arc<E>> {
        let mut failed = false;
        for Loading { wanted, lead } in loading {
            lead.fail(Arc::clone(&error));
            match self.region.fall_back(&wanted.key, wanted.stale.as_ref()) {
                Some(hit) => self.answers[wanted.index] = hit.value,
                None => failed = true,
            }
        }
        if failed { Err(error) } else { Ok(()) }
    }

    fn finish(mut self) -> Vec<Option<Arc<V>>> {
        for (index, first) in self.copies {
            let value = self.answers[first].clone();
            self.answers[index] = value;
        }
        self.answers
    }
}
