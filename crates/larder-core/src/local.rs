//! The local tier: entries in this process, within one budget of bytes.
//!
//! moka only holds them. It fences no invalidation during a load, and its clock is its own:
//! flights, validity and expiry are ours. Another engine would stand beside moka here.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use moka::Equivalent;
use moka::notification::RemovalCause;
use moka::sync::Cache;
use smallvec::SmallVec;

use crate::clock::Clock;
use crate::entry::Entry;
use crate::hash::{BuildPassThrough, KeyHasher};
use crate::history::History;
use crate::key::Key;
use crate::marks::Marks;
use crate::observer::{CacheEventKind, Observers};
use crate::region::RegionState;
use crate::statistics::bump;

/// What an entry takes beyond its key, value and dependencies: moka's nodes and our own.
const ENTRY_OVERHEAD: usize = 320 + size_of::<Entry>();

/// Returns what an entry weighs, as moka counts it.
pub(crate) fn entry_weight(key: &LocalKey, value: usize, marks: &Marks) -> u32 {
    let bytes = [value, marks.weight(), key.weight(), ENTRY_OVERHEAD];
    let bytes = bytes.into_iter().fold(0_usize, usize::saturating_add);
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

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
    pub(crate) history: Arc<History>,
    evicted: Arc<Evicted>,
    /// Bytes put since the last housekeeping.
    unsettled: AtomicU64,
    capacity: u64,
}

/// Evictions to tell observers of, once moka has let go of its locks.
struct Evicted {
    observers: Observers,
    keys: Mutex<Vec<(Arc<RegionState>, Key)>>,
}

impl Local {
    pub(crate) fn new(capacity: u64, observers: Observers, clock: Arc<dyn Clock>) -> Self {
        let history = Arc::new(History::new());
        let ended = Arc::clone(&history);
        let evicted = Arc::new(Evicted {
            observers,
            keys: Mutex::default(),
        });
        let listener = Arc::clone(&evicted);
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
                    let now = clock.now();
                    ended.note(LocalKey::hash(&key), now, |past| past.evicted = Some(now));
                    bump(&counters.evictions);
                    listener.note(&entry.region, &key);
                }
            })
            .build_with_hasher(BuildPassThrough);
        Self {
            entries,
            hasher: KeyHasher::new(),
            history,
            evicted,
            unsettled: AtomicU64::new(0),
            capacity,
        }
    }

    pub(crate) fn get(&self, key: &Probe<'_>) -> Option<Arc<Entry>> {
        self.entries.get(key)
    }

    pub(crate) fn put(&self, key: LocalKey, entry: Arc<Entry>) {
        let weight = u64::from(entry.weight);
        let counters = &entry.region.counters;
        counters.entries.fetch_add(1, Ordering::Relaxed);
        counters.bytes.fetch_add(weight, Ordering::Relaxed);
        self.entries.insert(key, entry);
        // moka evicts after some dozens of puts; large values would pile up until then.
        let unsettled = self.unsettled.fetch_add(weight, Ordering::Relaxed) + weight;
        if unsettled > self.capacity / 32 {
            self.settle();
        }
        self.evicted.tell();
    }

    pub(crate) fn remove(&self, key: &Probe<'_>) {
        self.entries.invalidate(key);
        self.evicted.tell();
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
        self.unsettled.store(0, Ordering::Relaxed);
        self.entries.run_pending_tasks();
        self.evicted.tell();
    }
}

impl Evicted {
    fn note(&self, region: &Arc<RegionState>, key: &LocalKey) {
        if self.observers.any() {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.push((Arc::clone(region), key.key()));
        }
    }

    fn tell(&self) {
        if !self.observers.any() {
            return;
        }
        let keys = std::mem::take(&mut *self.keys.lock().unwrap_or_else(PoisonError::into_inner));
        for (region, key) in keys {
            self.observers
                .observed(&region.name, Some(&key), CacheEventKind::Evicted);
        }
    }
}
