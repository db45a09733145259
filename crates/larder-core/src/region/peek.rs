//! Looking at what is held before it is decided whether to serve it; for integrators.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::clock::Moment;
use crate::key::Key;
use crate::lead::Lead;
use crate::policy::Freshness;
use crate::region::{Find, Found, Hit, Region};

/// What the local tier holds under a key, looked at only.
#[derive(Debug)]
pub enum Peek<V> {
    /// A switch is off for this key.
    Off,
    /// An entry that may be served by all that is known here.
    Found(Peeked<V>),
    /// Nothing that may be served.
    Nothing,
}

/// An entry that was looked at: neither counted nor recorded in a read scope.
///
/// Small, and its value is borrowed: to look costs as little as can be.
pub struct Peeked<V> {
    found: Found,
    value: PhantomData<fn() -> V>,
}

impl<V: Send + Sync + 'static> Peeked<V> {
    /// Takes what was found; `None` if its value is of another type.
    #[inline]
    fn of(found: Found) -> Option<Self> {
        let fits = match found.entry.value.as_deref() {
            Some(any) => any.is::<V>(),
            None => true,
        };
        fits.then_some(Self {
            found,
            value: PhantomData,
        })
    }

    /// Returns the value; `None` if it is known that there is none.
    #[inline]
    pub fn value(&self) -> Option<&V> {
        self.found.entry.value.as_deref()?.downcast_ref()
    }

    /// Returns what would be served.
    pub fn hit(&self) -> Option<Hit<V>> {
        Region::hit_of(&self.found)
    }
}

impl<V> Peeked<V> {
    /// Returns how usable it is by time.
    #[inline]
    pub fn freshness(&self) -> Freshness {
        self.found.serving.freshness
    }

    /// Returns when it was found.
    #[inline]
    pub fn at(&self) -> Moment {
        self.found.now
    }

    /// Returns how long it will still be fresh; zero if it is stale.
    #[inline]
    pub fn ttl_left(&self) -> Duration {
        self.found.serving.expires.since(self.found.now)
    }

    /// Returns how long it has been stale; zero if it is fresh.
    #[inline]
    pub fn stale_for(&self) -> Duration {
        self.found.now.since(self.found.serving.expires)
    }
}

impl<V: Send + Sync + 'static> Region<V> {
    /// Looks at what is held under a key; serve it by [`serve_peeked`](Self::serve_peeked), or
    /// [pass it over](Self::pass_over).
    #[inline]
    pub fn peek(&self, key: &Key) -> Peek<V> {
        match self.find(key) {
            Find::Off => Peek::Off,
            Find::Found(found) => Peeked::of(found).map_or(Peek::Nothing, Peek::Found),
            Find::Nothing => Peek::Nothing,
        }
    }

    /// Serves what was looked at: counts it and records it in the current read scope.
    #[inline]
    pub fn serve_peeked(&self, key: &Key, peeked: &Peeked<V>) {
        self.count_hit(key, &peeked.found);
        self.record(&peeked.found);
    }

    /// Counts a miss: nothing was found, or what was found is not served.
    pub fn pass_over(&self, key: &Key) {
        self.count_miss(key);
    }
}

impl<V: Send + Sync + 'static> Lead<V> {
    /// Takes over what an entry was made of, but not when it ends: what is loaded confirms it.
    ///
    /// For an entry that its source says still stands: what is made of it depends on what it
    /// depended on, and on whatever is read in this load.
    pub fn confirm(&self, peeked: &Peeked<V>) {
        self.absorb_confirmed(&peeked.found.entry, &peeked.found.serving);
    }
}

impl<V> fmt::Debug for Peeked<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peeked")
            .field("freshness", &self.freshness())
            .finish_non_exhaustive()
    }
}
