//! The remote tier as a `Larder` uses it: keys, asking within bounds, and what is counted.

mod lease;
mod writer;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

pub(crate) use self::lease::{Lease, LeaseState};
pub(crate) use self::writer::{Job, Writer};
use crate::envelope::{Sealing, Unreadable};
use crate::key::Key;
use crate::read_scope::ReadScope;
use crate::region::RegionState;
use crate::statistics::{RemoteSnapshot, bump};
use crate::store::{Store, StoreError, StoreHealth, StoreKey};

/// The store of a `Larder`, and all that is known of it.
pub(crate) struct Remote {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sealing: Sealing,
    pub(crate) writer: Writer,
    pub(crate) counters: RemoteCounters,
    identity: RwLock<Identity>,
}

/// Whose entries these are: two deployments that share a store by mistake differ in it.
struct Identity {
    service: Arc<str>,
    deployment: String,
    domains: BTreeMap<String, String>,
    hash: blake3::Hash,
}

/// What was done with the store, all regions together.
#[derive(Default)]
pub(crate) struct RemoteCounters {
    pub(crate) errors: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) unreadable: [AtomicU64; Unreadable::ALL.len()],
}

impl Remote {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        sealing: Sealing,
        service: &str,
        deployment: String,
    ) -> Self {
        let mut identity = Identity {
            service: service.into(),
            deployment,
            domains: BTreeMap::new(),
            hash: blake3::hash(&[]),
        };
        identity.renew();
        Self {
            store,
            sealing,
            writer: Writer::default(),
            counters: RemoteCounters::default(),
            identity: RwLock::new(identity),
        }
    }

    /// Says which database a domain is; entries made before it was said are not found again.
    pub(crate) fn identify(&self, domain: &str, database: &str) {
        let mut identity = self
            .identity
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        identity
            .domains
            .insert(domain.to_owned(), database.to_owned());
        identity.renew();
    }

    /// Returns the key of an entry: a hash of whose it is, its region, its scope and its own key.
    pub(crate) fn key(&self, region: &RegionState, scope: &[u8], key: &Key) -> StoreKey {
        let identity = self.identity.read().unwrap_or_else(PoisonError::into_inner);
        let mut hasher = blake3::Hasher::new();
        hasher.update(identity.hash.as_bytes());
        drop(identity);
        [region.name.as_bytes(), scope, key.as_bytes()]
            .iter()
            .for_each(|part| add(&mut hasher, part));
        StoreKey::new(Arc::clone(&region.full_name), *hasher.finalize().as_bytes())
    }

    /// Asks for the bytes under `keys`; none of them if the store does not answer.
    ///
    /// A request whose scope has met a store that did not answer asks no more.
    pub(crate) async fn ask(&self, keys: &[StoreKey]) -> Vec<Option<Bytes>> {
        if self.is_given_up() {
            bump(&self.counters.skipped);
            return Vec::new();
        }
        match self.store.get(keys).await {
            Ok(found) if found.len() == keys.len() => found,
            answer => {
                self.failed(answer.err().as_ref());
                give_up();
                Vec::new()
            }
        }
    }

    /// Tells whether the store is not to be asked: it is down, or did not answer this request before.
    pub(crate) fn is_given_up(&self) -> bool {
        let scope = ReadScope::current();
        let given_up = scope.as_ref().is_some_and(ReadScope::has_given_up);
        given_up || self.store.health() == StoreHealth::Down
    }

    /// Counts a store that failed, or that was not asked.
    pub(crate) fn failed(&self, error: Option<&StoreError>) {
        bump(match error {
            Some(StoreError::Open) => &self.counters.skipped,
            _ => &self.counters.errors,
        });
        if let Some(error) = error {
            tracing::debug!(error = error as &dyn std::error::Error, "the store failed");
        }
    }

    pub(crate) fn count_unreadable(&self, why: Unreadable) {
        bump(&self.counters.unreadable[why as usize]);
    }

    pub(crate) fn snapshot(&self) -> RemoteSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let unreadable = Unreadable::ALL.iter().map(|why| {
            let count = get(&self.counters.unreadable[*why as usize]);
            (why.as_str(), count)
        });
        RemoteSnapshot {
            up: self.store.health() == StoreHealth::Up,
            errors: get(&self.counters.errors),
            skipped: get(&self.counters.skipped),
            dropped: get(&self.counters.dropped),
            queued: self.writer.queued(),
            unreadable: unreadable.filter(|(_, count)| *count > 0).collect(),
        }
    }

    pub(crate) fn reset(&self) {
        let counters = &self.counters;
        [&counters.errors, &counters.skipped, &counters.dropped]
            .into_iter()
            .chain(&counters.unreadable)
            .for_each(|counter| counter.store(0, Ordering::Relaxed));
    }
}

impl Identity {
    fn renew(&mut self) {
        let mut hasher = blake3::Hasher::new();
        add(&mut hasher, b"larder 1");
        add(&mut hasher, self.service.as_bytes());
        add(&mut hasher, self.deployment.as_bytes());
        for (domain, database) in &self.domains {
            add(&mut hasher, domain.as_bytes());
            add(&mut hasher, database.as_bytes());
        }
        self.hash = hasher.finalize();
    }
}

/// Has the current request ask the store no more.
pub(crate) fn give_up() {
    if let Some(scope) = ReadScope::current() {
        scope.give_up();
    }
}

/// Adds a part behind its length, so that no two sequences run into each other.
fn add(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
}
