//! What a region did, from atomic counters that are kept at hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The counters of a region.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) stale_hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) loads: AtomicU64,
    pub(crate) load_errors: AtomicU64,
    pub(crate) load_nanos: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) invalidations: AtomicU64,
    pub(crate) evictions: AtomicU64,
    pub(crate) entries: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) remote_hits: AtomicU64,
    pub(crate) remote_misses: AtomicU64,
    pub(crate) remote_invalid: AtomicU64,
    pub(crate) remote_puts: AtomicU64,
    pub(crate) remote_unfit: AtomicU64,
    pub(crate) lease_hits: AtomicU64,
}

pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn loaded(&self, took: Duration) {
        bump(&self.loads);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.load_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, name: &str, percent: u8) -> RegionSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RegionSnapshot {
            name: name.to_owned(),
            percent,
            hits: get(&self.hits),
            stale_hits: get(&self.stale_hits),
            misses: get(&self.misses),
            loads: get(&self.loads),
            load_errors: get(&self.load_errors),
            load_time: Duration::from_nanos(get(&self.load_nanos)),
            refused: get(&self.refused),
            invalidations: get(&self.invalidations),
            evictions: get(&self.evictions),
            entries: get(&self.entries),
            bytes: get(&self.bytes),
            remote_hits: get(&self.remote_hits),
            remote_misses: get(&self.remote_misses),
            remote_invalid: get(&self.remote_invalid),
            remote_puts: get(&self.remote_puts),
            remote_unfit: get(&self.remote_unfit),
            lease_hits: get(&self.lease_hits),
        }
    }

    /// Sets to zero what counts; what is held stays.
    pub(crate) fn reset(&self) {
        let counters = [
            &self.hits,
            &self.stale_hits,
            &self.misses,
            &self.loads,
            &self.load_errors,
            &self.load_nanos,
            &self.refused,
            &self.invalidations,
            &self.evictions,
            &self.remote_hits,
            &self.remote_misses,
            &self.remote_invalid,
            &self.remote_puts,
            &self.remote_unfit,
            &self.lease_hits,
        ];
        for counter in counters {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

/// What a `Larder` did since its start or the last reset.
///
/// Counters are read one after the other while others count on: `hits + misses` need not be the
/// reads at any one moment, but no count is ever lost. Invalidations are counted when an invalid
/// entry is met, not when its row is written; an entry nobody asks for again is never counted.
/// Entries and bytes include expired and invalid ones that nobody has met yet, and follow the
/// local tier's own housekeeping with a delay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// The service's name.
    pub service: String,
    /// Whether the service caches at all.
    pub enabled: bool,
    /// The regions declared so far, by name.
    pub regions: Vec<RegionSnapshot>,
    /// Regions that switches name and this service has not declared.
    pub unknown_regions: Vec<String>,
    /// Statements that read outside any read scope: nothing can depend on them.
    pub unscoped_reads: u64,
    /// Statements that were sent past the cache and noticed.
    pub bypasses: u64,
    /// The position below which every change is applied here.
    pub position: u64,
    /// Changes that the bus has not taken; they are published until it does, and what they touch is not
    /// served here meanwhile.
    pub unpublished: u64,
    /// The bytes the local tier may take.
    pub local_capacity: u64,
    /// What was done with the store, if there is one.
    pub remote: Option<RemoteSnapshot>,
}

/// What was done with the remote tier, all regions together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RemoteSnapshot {
    /// Whether the store answers.
    pub up: bool,
    /// Calls that failed, or were not answered in time.
    pub errors: u64,
    /// Calls left out because the store did not answer before.
    pub skipped: u64,
    /// Entries that were not stored: the queue was full, or the store gone.
    pub dropped: u64,
    /// Entries that wait to be stored.
    pub queued: usize,
    /// Values that could not be read, by reason; each was a miss.
    pub unreadable: Vec<(&'static str, u64)>,
}

/// What a region did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RegionSnapshot {
    /// The region's name.
    pub name: String,
    /// The share of its keys that are cached.
    pub percent: u8,
    /// Reads answered from the cache, stale ones included.
    pub hits: u64,
    /// Reads answered within grace.
    pub stale_hits: u64,
    /// Reads that found nothing to serve in this process.
    pub misses: u64,
    /// Loads that ended, well or not.
    pub loads: u64,
    /// Loads that failed.
    pub load_errors: u64,
    /// The time all loads took together.
    pub load_time: Duration,
    /// Loads whose value was not kept.
    pub refused: u64,
    /// Entries that were met invalid, or removed.
    pub invalidations: u64,
    /// Entries that went by capacity.
    pub evictions: u64,
    /// Entries held.
    pub entries: u64,
    /// The bytes they are taken to use.
    pub bytes: u64,
    /// Misses and refreshes that the remote tier answered.
    pub remote_hits: u64,
    /// Keys asked of the remote tier that it does not have, or not in a form that can be read.
    pub remote_misses: u64,
    /// Keys asked of it whose entry is not served: something changed, its time is over, or it is not newer than what is
    /// to be refreshed.
    pub remote_invalid: u64,
    /// Entries given to it.
    pub remote_puts: u64,
    /// Entries that stay local: too large, or not to be written by their codec.
    pub remote_unfit: u64,
    /// Misses that waited for what another node loaded, and got it; see [`lease`](crate::Policy::lease).
    pub lease_hits: u64,
}

impl RegionSnapshot {
    /// Returns the share of reads answered from the cache, from 0 to 1; 0 without reads.
    pub fn hit_ratio(&self) -> f64 {
        let reads = self.hits + self.misses;
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        if reads == 0 {
            0.0
        } else {
            self.hits as f64 / reads as f64
        }
    }
}

impl Snapshot {
    /// Returns what the region of this name did.
    pub fn region(&self, name: &str) -> Option<&RegionSnapshot> {
        self.regions.iter().find(|region| region.name == name)
    }
}
