//! Listeners for changes and for what happens in the cache.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::change::Change;
use crate::key::Key;
use crate::position::Position;
use crate::refusal::Refusal;

/// Something that happened to an entry.
#[derive(Clone, Debug)]
pub struct CacheEvent<'a> {
    /// The region's name.
    pub region: &'a str,
    /// The entry's key; `None` where only the region is known.
    pub key: Option<&'a Key>,
    /// What happened.
    pub kind: CacheEventKind,
}

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheEventKind {
    /// It was served.
    Hit,
    /// It was served past its ttl, within its grace.
    StaleHit,
    /// It was not there, or could not be served.
    Miss,
    /// The remote tier had it, after it was missed here.
    RemoteHit,
    /// A load ended and its value is kept.
    Loaded,
    /// A load ended and its value is not kept.
    Refused(Refusal),
    /// A load failed.
    LoadFailed,
    /// It was found invalid, or removed.
    Invalidated,
    /// It went by capacity.
    Evicted,
}

/// Hears of changes and cache events, to warm, log or purge elsewhere.
///
/// Called in place, often on a hit: be quick, do not block, hand on what takes time. A panic is
/// caught and warned about.
pub trait Observer: Send + Sync + 'static {
    /// A change was applied on this node, whoever made it.
    fn changed(&self, position: Position, change: &Change) {
        let _ = (position, change);
    }

    /// Something happened to an entry.
    fn observed(&self, event: &CacheEvent<'_>) {
        let _ = event;
    }
}

/// The observers of a node.
#[derive(Clone, Default)]
pub(crate) struct Observers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Without observers an event costs one load.
    any: AtomicBool,
    list: RwLock<Vec<Arc<dyn Observer>>>,
}

impl Observers {
    pub(crate) fn add(&self, observer: Arc<dyn Observer>) {
        self.0
            .list
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(observer);
        self.0.any.store(true, Ordering::Release);
    }

    pub(crate) fn changed(&self, position: Position, changes: &[Change]) {
        self.each(|observer| {
            for change in changes {
                observer.changed(position, change);
            }
        });
    }

    pub(crate) fn any(&self) -> bool {
        self.0.any.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn observed(&self, region: &str, key: Option<&Key>, kind: CacheEventKind) {
        if self.any() {
            let event = CacheEvent { region, key, kind };
            self.each(|observer| observer.observed(&event));
        }
    }

    /// Tells each observer; one that panics harms neither the others nor the read it watched.
    fn each(&self, tell: impl Fn(&dyn Observer)) {
        for observer in self.all() {
            if catch_unwind(AssertUnwindSafe(|| tell(&*observer))).is_err() {
                tracing::warn!("an observer panicked");
            }
        }
    }

    /// A copy, so that an observer may add others.
    fn all(&self) -> Vec<Arc<dyn Observer>> {
        if !self.0.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.0
            .list
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observers")
    }
}
