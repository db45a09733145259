//! A remote tier in memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::bus::BoxFuture;
use crate::clock::{Clock, Moment, SystemClock};
use crate::store::{Store, StoreError, StoreHealth, StoreKey, StoreValue};

/// A [`Store`] in memory: several `Larder`s of a test share it as nodes share Redis.
///
/// Clones are the same store.
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    values: Mutex<HashMap<StoreKey, (Bytes, Moment)>>,
    gets: AtomicU64,
    puts: AtomicU64,
}

impl MemoryStore {
    /// Makes an empty store on the machine's clock.
    pub fn new() -> Self {
        Self::with_clock(SystemClock::new())
    }

    /// Makes an empty store whose values end by this clock.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self(Arc::new(Inner {
            clock: Arc::new(clock),
            values: Mutex::default(),
            gets: AtomicU64::new(0),
            puts: AtomicU64::new(0),
        }))
    }

    /// Returns how many values it holds, those past their ttl included.
    pub fn len(&self) -> usize {
        self.values().len()
    }

    /// Tells whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.values().is_empty()
    }

    /// Returns how often it was asked: calls, not keys.
    pub fn gets(&self) -> u64 {
        self.0.gets.load(Ordering::SeqCst)
    }

    /// Returns how many values were put.
    pub fn puts(&self) -> u64 {
        self.0.puts.load(Ordering::SeqCst)
    }

    /// Forgets everything, as `FLUSHALL` does.
    pub fn clear(&self) {
        self.values().clear();
    }

    /// Returns all it holds, to be looked at or to be brought back later.
    pub fn dump(&self) -> Vec<(StoreKey, Bytes)> {
        let values = self.values();
        let each = values.iter();
        each.map(|(key, (bytes, _))| (key.clone(), bytes.clone()))
            .collect()
    }

    /// Puts bytes under a key for ever, whatever they are.
    pub fn plant(&self, key: StoreKey, bytes: impl Into<Bytes>) {
        self.values().insert(key, (bytes.into(), Moment::MAX));
    }

    fn values(&self) -> MutexGuard<'_, HashMap<StoreKey, (Bytes, Moment)>> {
        self.0.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore")
    }
}

impl Store for MemoryStore {
    fn get<'a>(
        &'a self,
        keys: &'a [StoreKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Bytes>>, StoreError>> {
        Box::pin(async move {
            self.0.gets.fetch_add(1, Ordering::SeqCst);
            let now = self.0.clock.now();
            let values = self.values();
            let living = |key| values.get(key).filter(|(_, end)| now < *end);
            Ok(keys
                .iter()
                .map(|key| living(key).map(|(bytes, _)| bytes.clone()))
                .collect())
        })
    }

    fn put<'a>(&'a self, values: &'a [StoreValue]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let now = self.0.clock.now();
            for value in values {
                self.0.puts.fetch_add(1, Ordering::SeqCst);
                let kept = (value.bytes.clone(), now.after(value.ttl));
                self.values().insert(value.key.clone(), kept);
            }
            Ok(())
        })
    }

    fn add<'a>(&'a self, value: &'a StoreValue) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let now = self.0.clock.now();
            let mut values = self.values();
            let taken = values.get(&value.key).is_some_and(|(_, end)| now < *end);
            if !taken {
                let kept = (value.bytes.clone(), now.after(value.ttl));
                values.insert(value.key.clone(), kept);
            }
            Ok(!taken)
        })
    }

    fn remove<'a>(&'a self, keys: &'a [StoreKey]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut values = self.values();
            keys.iter().for_each(|key| drop(values.remove(key)));
            Ok(())
        })
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Up
    }
}
