//! The contract of a remote tier: bytes by key, with a ttl.
//!
//! Nothing a store does can make a stale answer: what it hands out carries the position and the
//! dependencies it was stored with, and is compared by the node that reads it. It may lose values,
//! keep them too long, or bring old ones back; that costs a load.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::bus::BoxFuture;

/// A remote tier: a shared place for the bytes of entries.
///
/// # Contract
/// * Every call ends within the store's own remote timeout, with an answer or an error; nothing
///   waits around it. A store that is known to be gone answers at once.
/// * A value is handed out whole or not at all; an empty one is none.
/// * A value may be gone at any time; after its ttl it should be.
///
/// # Cancellation
/// A call that is dropped may still be done.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Returns what is under each of `keys`, in their order, in as few round trips as it takes.
    ///
    /// # Errors
    /// None of them could be read.
    fn get<'a>(
        &'a self,
        keys: &'a [StoreKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Bytes>>, StoreError>>;

    /// Puts values, each for its ttl; called in the background.
    ///
    /// # Errors
    /// Some of them may not be there.
    fn put<'a>(&'a self, values: &'a [StoreValue]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Puts a value if nothing is under its key, and tells whether it did: [leases] are taken so.
    ///
    /// By default it is not put, and `true`: without it every node loads for itself. A caller waits for
    /// its end, as it does for that of [`get`](Self::get).
    ///
    /// # Errors
    /// It may be there or not.
    ///
    /// [leases]: crate::Policy::lease
    fn add<'a>(&'a self, value: &'a StoreValue) -> BoxFuture<'a, Result<bool, StoreError>> {
        let _ = value;
        Box::pin(std::future::ready(Ok(true)))
    }

    /// Removes what is under `keys`; to give room back, not for coherence.
    ///
    /// # Errors
    /// Some of them may be there still.
    fn remove<'a>(&'a self, keys: &'a [StoreKey]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Returns the state of the store, without asking it.
    fn health(&self) -> StoreHealth;

    /// Returns the bytes of the largest value it takes. Default: 1 MiB.
    fn largest_value(&self) -> usize {
        1024 * 1024
    }
}

/// What identifies a value in a store: the region's full name, and a hash of all the rest.
///
/// Its `Display` is the key as a store writes it: `shop.prices:` and 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StoreKey {
    region: Arc<str>,
    hash: [u8; 32],
}

/// A value on its way into a store.
#[derive(Clone, Debug)]
pub struct StoreValue {
    /// Where it goes.
    pub key: StoreKey,
    /// The envelope.
    pub bytes: Bytes,
    /// After which the store may forget it.
    pub ttl: Duration,
}

/// Whether a store answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreHealth {
    /// It answers.
    Up,
    /// It is not asked, because it did not answer.
    Down,
}

impl StoreKey {
    /// Makes a key of the region's full name (`shop.prices`) and the hash of what it holds.
    pub fn new(region: impl Into<Arc<str>>, hash: [u8; 32]) -> Self {
        Self {
            region: region.into(),
            hash,
        }
    }

    /// Returns the region's full name, such as `shop.prices`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the key of the lease on loading what is under this one.
    pub(crate) fn lease(&self) -> Self {
        let hash = blake3::derive_key("larder 1 lease", &self.hash);
        Self::new(Arc::clone(&self.region), hash)
    }

    /// Returns the hash, of which `Display` shows the first half.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.region)?;
        self.hash[..16]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKey({self})")
    }
}

/// A store could not do what it was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It did not answer in time.
    #[error("the store did not answer in time")]
    Timeout,
    /// It is known not to answer, and was not asked.
    #[error("the store is not asked: it did not answer before")]
    Open,
    /// It failed.
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Wraps what the store failed with.
    pub fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}
