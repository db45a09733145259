//! A remote tier that fails as it is told to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::bus::BoxFuture;
use crate::store::{Store, StoreError, StoreHealth, StoreKey, StoreValue};

/// What a [`FaultyStore`] does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFault {
    /// It works.
    #[default]
    None,
    /// Every call fails at once.
    Fails,
    /// Every call ends as if its time were over.
    TimesOut,
    /// Calls wait until the fault is another one.
    Hangs,
    /// It says that it is down; a call that comes all the same fails.
    Down,
    /// Puts seem to work and are lost.
    LosesPuts,
    /// Puts come late: each is done when the next one comes.
    DelaysPuts,
    /// A key that was put twice gives its first value.
    BringsBackOld,
    /// One bit of every value it gives is another.
    Corrupts,
    /// Every value it gives is cut to half.
    Truncates,
    /// Each key of a call gets the value of the next one.
    MixesUp,
    /// It gives one value too few.
    AnswersShort,
}

/// Wraps a [`Store`] and fails as it is told to. Clones are the same store.
#[derive(Clone, Debug)]
pub struct FaultyStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Box<dyn Store>,
    fault: Mutex<StoreFault>,
    changed: Notify,
    calls: AtomicU64,
    late: Mutex<Vec<StoreValue>>,
    first: Mutex<HashMap<StoreKey, Bytes>>,
}

impl FaultyStore {
    /// Wraps a store that works.
    pub fn over(store: impl Store) -> Self {
        Self(Arc::new(Inner {
            store: Box::new(store),
            fault: Mutex::default(),
            changed: Notify::new(),
            calls: AtomicU64::new(0),
            late: Mutex::default(),
            first: Mutex::default(),
        }))
    }

    /// Has it fail like this from now on; what hangs goes on.
    pub fn set(&self, fault: StoreFault) {
        *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.0.changed.notify_waiters();
    }

    /// Returns how many calls came, whatever became of them.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    fn fault(&self) -> StoreFault {
        *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call: waits or fails as told, and returns what else is wrong.
    async fn begin(&self) -> Result<StoreFault, StoreError> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            match self.fault() {
                StoreFault::Fails => return Err(StoreError::failed("as told")),
                StoreFault::TimesOut => return Err(StoreError::Timeout),
                StoreFault::Down => return Err(StoreError::Open),
                StoreFault::Hangs => changed.await,
                other => return Ok(other),
            }
        }
    }

    /// Remembers the first value of each key.
    fn note(&self, values: &[StoreValue]) {
        let mut first = self.0.first.lock().unwrap_or_else(PoisonError::into_inner);
        for value in values {
            first
                .entry(value.key.clone())
                .or_insert_with(|| value.bytes.clone());
        }
    }

    /// Holds values back, and returns those that were held back before.
    fn delay(&self, values: &[StoreValue]) -> Vec<StoreValue> {
        let mut late = self.0.late.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *late, values.to_vec())
    }

    fn spoil(
        &self,
        fault: StoreFault,
        keys: &[StoreKey],
        mut values: Vec<Option<Bytes>>,
    ) -> Vec<Option<Bytes>> {
        match fault {
            StoreFault::Corrupts => values.iter_mut().flatten().for_each(flip),
            StoreFault::Truncates => values
                .iter_mut()
                .flatten()
                .for_each(|bytes| bytes.truncate(bytes.len() / 2)),
            StoreFault::MixesUp => values.rotate_left(1),
            StoreFault::AnswersShort => drop(values.pop()),
            StoreFault::BringsBackOld => {
                let first = self.0.first.lock().unwrap_or_else(PoisonError::into_inner);
                for (key, value) in keys.iter().zip(&mut values) {
                    *value = first.get(key).cloned();
                }
            }
            _ => {}
        }
        values
    }
}

impl Store for FaultyStore {
    fn get<'a>(
        &'a self,
        keys: &'a [StoreKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Bytes>>, StoreError>> {
        Box::pin(async move {
            let fault = self.begin().await?;
            let values = self.0.store.get(keys).await?;
            Ok(self.spoil(fault, keys, values))
        })
    }

    fn put<'a>(&'a self, values: &'a [StoreValue]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let fault = self.begin().await?;
            self.note(values);
            match fault {
                StoreFault::LosesPuts => Ok(()),
                StoreFault::DelaysPuts => self.0.store.put(&self.delay(values)).await,
                _ => self.0.store.put(values).await,
            }
        })
    }

    fn add<'a>(&'a self, value: &'a StoreValue) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            match self.begin().await? {
                StoreFault::LosesPuts | StoreFault::DelaysPuts => Ok(true),
                _ => self.0.store.add(value).await,
            }
        })
    }

    fn remove<'a>(&'a self, keys: &'a [StoreKey]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.begin().await?;
            self.0.store.remove(keys).await
        })
    }

    fn health(&self) -> StoreHealth {
        match self.fault() {
            StoreFault::Down => StoreHealth::Down,
            _ => self.0.store.health(),
        }
    }
}

fn flip(bytes: &mut Bytes) {
    let mut changed = bytes.to_vec();
    let middle = changed.len() / 2;
    if let Some(byte) = changed.get_mut(middle) {
        *byte ^= 0x10;
    }
    *bytes = changed.into();
}
