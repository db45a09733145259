//! Counts that a connection keeps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::Moment;

use crate::breaker::Circuit;
use crate::statistics::ConnectionSnapshot;

/// What a connection did.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) calls: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) failures: AtomicU64,
    /// Not sent, the circuit being open.
    pub(crate) refused: AtomicU64,
    /// Not sent, too many being under way.
    pub(crate) crowded: AtomicU64,
    pub(crate) opened: AtomicU64,
    pub(crate) connects: AtomicU64,
    pub(crate) replaced: AtomicU64,
    longest_nanos: AtomicU64,
    answered_at: AtomicU64,
}

pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    /// Somebody waited for an answer.
    pub(crate) fn waited(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.longest_nanos.fetch_max(nanos, Ordering::Relaxed);
    }

    pub(crate) fn last_answer(&self, at: Moment) {
        self.answered_at.fetch_max(at.as_nanos(), Ordering::Relaxed);
    }

    /// Returns when Redis last answered, [`Moment::ZERO`] if never.
    pub(crate) fn answered_at(&self) -> Moment {
        Moment::from_nanos(get(&self.answered_at))
    }

    pub(crate) fn read(&self, circuit: Circuit, in_flight: usize) -> ConnectionSnapshot {
        ConnectionSnapshot {
            circuit,
            in_flight,
            calls: get(&self.calls),
            timeouts: get(&self.timeouts),
            failures: get(&self.failures),
            refused: get(&self.refused),
            crowded: get(&self.crowded),
            opened: get(&self.opened),
            connects: get(&self.connects),
            replaced: get(&self.replaced),
            longest_wait: Duration::from_nanos(get(&self.longest_nanos)),
        }
    }
}
