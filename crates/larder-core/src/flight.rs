//! Flights: one load a key at a time; the others wait for it.

use std::any::Any;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use smallvec::SmallVec;
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
    waits: Mutex<Vec<Wait>>,
}

/// A load that waits for another one.
struct Wait {
    waiting: Arc<Flight>,
    landing: Arc<Flight>,
}

/// One load, and the followers that wait for it.
#[derive(Default)]
pub(crate) struct Flight {
    outcome: OnceLock<Outcome>,
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

    /// Notes that loads wait for `landing`; `None` if it waits for one of them, at however many
    /// removes: that would be for ever.
    pub(crate) fn wait(
        self: &Arc<Self>,
        waiting: SmallVec<[Arc<Flight>; 2]>,
        landing: &Arc<Flight>,
    ) -> Option<Waiting> {
        if waiting.is_empty() {
            return Some(Waiting {
                flights: Arc::clone(self),
                loads: waiting,
                landing: Arc::clone(landing),
            });
        }
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reached = vec![Arc::clone(landing)];
        let mut next = 0;
        while let Some(flight) = reached.get(next).map(Arc::clone) {
            if waiting.iter().any(|own| Arc::ptr_eq(own, &flight)) {
                return None;
            }
            for wait in waits
                .iter()
                .filter(|wait| Arc::ptr_eq(&wait.waiting, &flight))
            {
                if !reached
                    .iter()
                    .any(|known| Arc::ptr_eq(known, &wait.landing))
                {
                    reached.push(Arc::clone(&wait.landing));
                }
            }
            next += 1;
        }
        waits.extend(waiting.iter().map(|waiting| Wait {
            waiting: Arc::clone(waiting),
            landing: Arc::clone(landing),
        }));
        drop(waits);
        Some(Waiting {
            flights: Arc::clone(self),
            loads: waiting,
            landing: Arc::clone(landing),
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

    fn shard(&self, key: &LocalKey) -> MutexGuard<'_, Shard> {
        let index = (key.hash() >> 48) as usize % SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Loads that wait for a flight, until this is dropped.
pub(crate) struct Waiting {
    flights: Arc<Flights>,
    loads: SmallVec<[Arc<Flight>; 2]>,
    landing: Arc<Flight>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.loads.is_empty() {
            return;
        }
        let mut waits = self
            .flights
            .waits
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for own in &self.loads {
            let this = |wait: &Wait| {
                Arc::ptr_eq(&wait.waiting, own) && Arc::ptr_eq(&wait.landing, &self.landing)
            };
            if let Some(index) = waits.iter().position(this) {
                waits.swap_remove(index);
            }
        }
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
