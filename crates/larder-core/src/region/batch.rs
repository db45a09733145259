//! Many keys at once: only the missing ones are loaded, in one call.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use crate::dependency::Dependency;
use crate::flight::Boarding;
use crate::key::Key;
use crate::lead::{Lead, Turn};
use crate::marks::Marks;
use crate::read_scope::ReadScope;
use crate::region::{Find, Hit, Region};

/// What each key of a batch depends on, if that is known.
type DependsOn<'a, K> = Option<&'a (dyn Fn(&K) -> Dependency + Sync)>;

/// A key that is not answered yet.
struct Missing<K> {
    index: usize,
    asked: K,
    key: Key,
}

impl<V: Send + Sync + 'static> Region<V> {
    /// Returns the values under `keys`, in their order; `None` where there is none.
    ///
    /// `loader` is called once with the keys the cache cannot serve and nobody else is loading,
    /// and gives pairs in any order; keys it leaves out are absent, and kept as such for the
    /// negative ttl. Keys that others are loading are waited for. A key given twice is loaded
    /// once. If another's load is lost or cannot be shared, `loader` is called once more.
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
        let mut answers: Vec<Option<Arc<V>>> = vec![None; keys.len()];
        let mut off = Vec::new();
        let mut missing = Vec::new();
        let mut twins: HashMap<K, usize> = HashMap::with_capacity(keys.len());
        let mut copies = Vec::new();
        for (index, asked) in keys.into_iter().enumerate() {
            if let Some(first) = twins.insert(asked.clone(), index) {
                twins.insert(asked, first);
                copies.push((index, first));
                continue;
            }
            let key: Key = asked.clone().into();
            match self.find(&key) {
                Find::Off => off.push((index, asked)),
                Find::Found(found) => match self.serve(&key, &found) {
                    Some(hit) => answers[index] = hit.value,
                    None => missing.push(Missing { index, asked, key }),
                },
                Find::Nothing => missing.push(Missing { index, asked, key }),
            }
        }
        missing
            .iter()
            .for_each(|missing| self.count_miss(&missing.key));
        self.load_off(off, &mut loader, &mut answers).await?;
        let followed = self
            .load_missing(missing, depends_on, &mut loader, &mut answers)
            .await?;
        self.follow_all(followed, depends_on, &mut loader, &mut answers)
            .await?;
        for (index, first) in copies {
            let value = answers[first].clone();
            answers[index] = value;
        }
        Ok(answers)
    }

    /// Loads keys that a switch keeps out of the cache.
    async fn load_off<K, Fut, E>(
        &self,
        off: Vec<(usize, K)>,
        loader: &mut impl FnMut(Vec<K>) -> Fut,
        answers: &mut [Option<Arc<V>>],
    ) -> Result<(), Arc<E>>
    where
        K: Clone + Eq + Hash,
        Fut: Future<Output = Result<Vec<(K, V)>, E>>,
    {
        if off.is_empty() {
            return Ok(());
        }
        let asked = off.iter().map(|(_, key)| key.clone()).collect();
        let mut loaded: HashMap<K, V> =
            loader(asked).await.map_err(Arc::new)?.into_iter().collect();
        for (index, key) in off {
            answers[index] = loaded.remove(&key).map(Arc::new);
        }
        Ok(())
    }

    /// Leads what nobody loads and loads it in one call; returns what others load.
    async fn load_missing<K, Fut, E>(
        &self,
        missing: Vec<Missing<K>>,
        depends_on: DependsOn<'_, K>,
        loader: &mut impl FnMut(Vec<K>) -> Fut,
        answers: &mut [Option<Arc<V>>],
    ) -> Result<Vec<Missing<K>>, Arc<E>>
    where
        K: Clone + Eq + Hash,
        Fut: Future<Output = Result<Vec<(K, V)>, E>>,
        E: Send + Sync + 'static,
    {
        let mut leads = Vec::new();
        let mut followed = Vec::new();
        for missing in missing {
            match self.larder.flights().board(&self.probe(&missing.key)) {
                Boarding::Leader(seat) => {
                    let parent = ReadScope::current();
                    let lead = Lead::begin(self, &missing.key, Some(seat), parent);
                    leads.push((missing, lead));
                }
                Boarding::Follower(_) => followed.push(missing),
            }
        }
        self.load_batch(leads, depends_on, loader, answers).await?;
        Ok(followed)
    }

    /// Waits for what others load; what they cannot share is loaded in one more call.
    async fn follow_all<K, Fut, E>(
        &self,
        followed: Vec<Missing<K>>,
        depends_on: DependsOn<'_, K>,
        loader: &mut impl FnMut(Vec<K>) -> Fut,
        answers: &mut [Option<Arc<V>>],
    ) -> Result<(), Arc<E>>
    where
        K: Clone + Eq + Hash,
        Fut: Future<Output = Result<Vec<(K, V)>, E>>,
        E: Send + Sync + 'static,
    {
        let mut leads = Vec::new();
        for missing in followed {
            // A batch never waits while it leads: two batches would wait for each other.
            let turn = if leads.is_empty() {
                self.join(&missing.key).await
            } else {
                Turn::Alone(self.alone(&missing.key))
            };
            match turn {
                Turn::Hit(Hit { value, .. }) => answers[missing.index] = value,
                Turn::Lead(lead) | Turn::Alone(lead) => leads.push((missing, lead)),
                Turn::Failed(error) => {
                    if let Ok(error) = error.downcast::<E>() {
                        return Err(error);
                    }
                    let lead = self.alone(&missing.key);
                    leads.push((missing, lead));
                }
            }
        }
        self.load_batch(leads, depends_on, loader, answers).await
    }

    async fn load_batch<K, Fut, E>(
        &self,
        leads: Vec<(Missing<K>, Lead<V>)>,
        depends_on: DependsOn<'_, K>,
        loader: &mut impl FnMut(Vec<K>) -> Fut,
        answers: &mut [Option<Arc<V>>],
    ) -> Result<(), Arc<E>>
    where
        K: Clone + Eq + Hash,
        Fut: Future<Output = Result<Vec<(K, V)>, E>>,
        E: Send + Sync + 'static,
    {
        if leads.is_empty() {
            return Ok(());
        }
        if let Some(depends_on) = depends_on {
            leads
                .iter()
                .for_each(|(missing, lead)| lead.depend(depends_on(&missing.asked)));
        }
        let asked = leads
            .iter()
            .map(|(missing, _)| missing.asked.clone())
            .collect();
        let flights = leads.iter().filter_map(|(_, lead)| lead.flight()).collect();
        let node = self.larder.node();
        let scope = ReadScope::of_load(node, ReadScope::current(), flights, node.stamp());
        let loaded = scope.run(async { loader(asked).await }).await;
        let mut shared = scope.take();
        if depends_on.is_some() {
            shared.marks = Marks::default();
        }
        leads.iter().for_each(|(_, lead)| lead.read_with(&shared));
        match loaded {
            Ok(pairs) => {
                let mut loaded: HashMap<K, V> = pairs.into_iter().collect();
                for (missing, lead) in leads {
                    let value = loaded.remove(&missing.asked).map(Arc::new);
                    let lifetime = self.lifetime_of(value.is_some());
                    answers[missing.index] = lead.finish(value, lifetime).value;
                }
                Ok(())
            }
            Err(error) => {
                let error = Arc::new(error);
                for (_, lead) in leads {
                    lead.fail(Arc::clone(&error));
                }
                Err(error)
            }
        }
    }
}
