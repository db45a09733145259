//! Flights: one load a key at a time; the others wait for it.

use std::any::Any;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use crate::entry::Entry;
use crate::hash::BuildPassThrough;
use crate::local::{LocalKey, Probe};

const SHARDS: usize = 16;

type Shard = HashMap<LocalKey, Arc<Flight>, BuildPassThrough>;

/// The loads under way.
#[derive(Default)]
pub(crate) struct Flights {
    shards: [Mutex<Shard>; SHARDS],
}

/// One load, and the followers that wait for it.
#[derive(Default)]
pub(crate) struct Flight {
    outcome: OnceLock<Outcome>,
    /// What the leader tells before the end.
    news: OnceLock<Arc<dyn Any + Send + Sync>>,
    landed: Notify,
}

/// How a flight ended.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// With an entry, kept or not: whether it may be taken is for each follower to check.
    Entry(Arc<Entry>),
    /// With an error, and a record of what it was made of, for the waiters who may have it.
    Failed(Arc<dyn Any + Send + Sync>, Arc<Entry>),
    /// With an answer that is not to be shared.
    Released,
    /// The leader was cancelled or panicked.
    Abandoned,
}

/// The place one gets on a flight.
pub(crate) enum Boarding {
    Leader(Seat),
    Follower(Arc<Flight>),
}

/// The leader's seat. Dropped before it has landed, the flight is abandoned.
pub(crate) struct Seat {
    flights: Arc<Flights>,
    key: LocalKey,
    pub(crate) flight: Arc<Flight>,
}

impl Flights {
    /// Returns the flight of this key, if it is being loaded.
    pub(crate) fn of(&self, key: &Probe<'_>) -> Option<Arc<Flight>> {
        let key = key.to_key();
        self.shard(&key).get(&key).map(Arc::clone)
    }

    pub(crate) fn board(self: &Arc<Self>, key: &Probe<'_>) -> Boarding {
        let key = key.to_key();
        let mut shard = self.shard(&key);
        if let Some(flight) = shard.get(&key) {
            return Boarding::Follower(Arc::clone(flight));
        }
        let flight = Arc::<Flight>::default();
        shard.insert(key.clone(), Arc::clone(&flight));
        drop(shard);
        Boarding::Leader(Seat {
            flights: Arc::clone(self),
            key,
            flight,
        })
    }

    /// Returns the keys under way for which `keep` holds.
    pub(crate) fn keys(&self, keep: impl Fn(&LocalKey) -> bool) -> Vec<LocalKey> {
        let lock = |shard| Mutex::lock(shard).unwrap_or_else(PoisonError::into_inner);
        self.shards
            .iter()
            .flat_map(|shard| {
                lock(shard)
                    .keys()
                    .filter(|key| keep(key))
                    .cloned()
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Tells whether this key is being loaded.
    pub(crate) fn is_under_way(&self, key: &Probe<'_>) -> bool {
        let key = key.to_key();
        self.shard(&key).contains_key(&key)
    }

    fn shard(&self, key: &LocalKey) -> MutexGuard<'_, Shard> {
        let index = (key.hash() >> 48) as usize % SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// Waits until the flight has ended.
    pub(crate) async fn outcome(&self) -> Outcome {
        loop {
            let mut landed = pin!(self.landed.notified());
            landed.as_mut().enable();
            if let Some(outcome) = self.outcome.get() {
                return outcome.clone();
            }
            landed.await;
        }
    }
}

impl Flight {
    /// Tells those who wait what is known before the end; the first news stay.
    pub(crate) fn announce(&self, news: Arc<dyn Any + Send + Sync>) {
        if self.news.set(news).is_ok() {
            self.landed.notify_waiters();
        }
    }

    /// Waits until there are news of the flight, or until it has ended.
    pub(crate) async fn news(&self) -> Result<Arc<dyn Any + Send + Sync>, Outcome> {
        loop {
            let mut landed = pin!(self.landed.notified());
            landed.as_mut().enable();
            if let Some(outcome) = self.outcome.get() {
                return Err(outcome.clone());
            }
            if let Some(news) = self.news.get() {
                return Ok(Arc::clone(news));
            }
            landed.await;
        }
    }
}

impl Seat {
    /// Ends the flight.
    pub(crate) fn land(self, outcome: Outcome) {
        self.end(outcome);
    }

    fn end(&self, outcome: Outcome) {
        // Off the map first: who boards from now on begins after this flight.
        let mut shard = self.flights.shard(&self.key);
        if shard
            .get(&self.key)
            .is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
        {
            shard.remove(&self.key);
        }
        drop(shard);
        if self.flight.outcome.set(outcome).is_ok() {
            self.flight.landed.notify_waiters();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.flight.outcome.get().is_none() {
            self.end(Outcome::Abandoned);
        }
    }
}
