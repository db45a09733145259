//! The local tier: entries in this process, within one budget of bytes.
//!
//! moka only holds them. It fences no invalidation during a load, and its clock is its own:
//! flights, validity and expiry are ours. Another engine would stand beside moka here.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use moka::Equivalent;
use moka::notification::RemovalCause;
use moka::sync::Cache;
use smallvec::SmallVec;

use crate::entry::Entry;
use crate::hash::{BuildPassThrough, KeyHasher};
use crate::key::Key;
use crate::observer::{CacheEventKind, Observers};
use crate::statistics::bump;

/// What an entry takes beyond its key, value and dependencies: moka's nodes and our own.
pub(crate) const ENTRY_OVERHEAD: usize = 320 + size_of::<Entry>();

/// The key of an entry in the local tier: region, scope and key, hashed once.
#[derive(Clone, Debug)]
pub(crate) struct LocalKey {
    hash: u64,
    region: u32,
    scope: u32,
    /// The encoded scope, then the key; in place as long as it is short.
    bytes: SmallVec<[u8; 56]>,
}

/// A [`LocalKey`] that borrows its parts.
#[derive(Clone, Copy)]
pub(crate) struct Probe<'a> {
    pub(crate) hash: u64,
    pub(crate) region: u32,
    pub(crate) scope: &'a [u8],
    pub(crate) key: &'a [u8],
}

impl LocalKey {
    pub(crate) fn region(&self) -> u32 {
        self.region
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn weight(&self) -> usize {
        let heap = if self.bytes.spilled() {
            self.bytes.capacity()
        } else {
            0
        };
        size_of::<Self>() + heap
    }

    pub(crate) fn scope_bytes(&self) -> &[u8] {
        &self.bytes[..self.scope as usize]
    }

    pub(crate) fn key(&self) -> Key {
        Key::from_encoded(&self.bytes[self.scope as usize..])
    }

    pub(crate) fn probe(&self) -> Probe<'_> {
        let (scope, key) = self.bytes.split_at(self.scope as usize);
        Probe {
            hash: self.hash,
            region: self.region,
            scope,
            key,
        }
    }
}

impl Probe<'_> {
    pub(crate) fn to_key(self) -> LocalKey {
        let mut bytes = SmallVec::with_capacity(self.scope.len() + self.key.len());
        bytes.extend_from_slice(self.scope);
        bytes.extend_from_slice(self.key);
        LocalKey {
            hash: self.hash,
            region: self.region,
            scope: u32::try_from(self.scope.len()).unwrap_or(u32::MAX),
            bytes,
        }
    }
}

impl PartialEq for LocalKey {
    fn eq(&self, other: &Self) -> bool {
        other.probe().equivalent(self)
    }
}

impl Eq for LocalKey {}

impl Hash for LocalKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for Probe<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<LocalKey> for Probe<'_> {
    fn equivalent(&self, key: &LocalKey) -> bool {
        let scope = self.scope.len();
        self.hash == key.hash
            && self.region == key.region
            && scope == key.scope as usize
            && key.bytes.len() == scope + self.key.len()
            && key.bytes[..scope] == *self.scope
            && key.bytes[scope..] == *self.key
    }
}

/// All entries of a `Larder` in this process.
pub(crate) struct Local {
    entries: Cache<LocalKey, Arc<Entry>, BuildPassThrough>,
    pub(crate) hasher: KeyHasher,
}

impl Local {
    pub(crate) fn new(capacity: u64, observers: Observers) -> Self {
        let entries = Cache::builder()
            .max_capacity(capacity)
            .weigher(|_, entry: &Arc<Entry>| entry.weight)
            .eviction_listener(move |key: Arc<LocalKey>, entry: Arc<Entry>, cause| {
                let counters = &entry.region.counters;
                counters.entries.fetch_sub(1, Ordering::Relaxed);
                counters
                    .bytes
                    .fetch_sub(entry.weight.into(), Ordering::Relaxed);
                if cause == RemovalCause::Size {
                    bump(&counters.evictions);
                    observers.observed(
                        &entry.region.name,
                        Some(&key.key()),
                        CacheEventKind::Evicted,
                    );
                }
            })
            .build_with_hasher(BuildPassThrough);
        Self {
            entries,
            hasher: KeyHasher::new(),
        }
    }

    pub(crate) fn get(&self, key: &Probe<'_>) -> Option<Arc<Entry>> {
        self.entries.get(key)
    }

    pub(crate) fn put(&self, key: LocalKey, entry: Arc<Entry>) {
        let counters = &entry.region.counters;
        counters.entries.fetch_add(1, Ordering::Relaxed);
        counters
            .bytes
            .fetch_add(entry.weight.into(), Ordering::Relaxed);
        self.entries.insert(key, entry);
    }

    pub(crate) fn remove(&self, key: &Probe<'_>) {
        self.entries.invalidate(key);
    }

    /// Returns the keys held for which `keep` holds. Reads the whole tier.
    pub(crate) fn keys(&self, keep: impl Fn(&LocalKey) -> bool) -> Vec<LocalKey> {
        self.entries
            .iter()
            .filter(|(key, _)| keep(key))
            .map(|(key, _)| (*key).clone())
            .collect()
    }

    /// Does the housekeeping that is due, so that counts are exact.
    pub(crate) fn settle(&self) {
        self.entries.run_pending_tasks();
    }
}
