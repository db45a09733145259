//! Looking at what is held before it is decided whether to serve it; for integrators.

use std::fmt;

use crate::key::Key;
use crate::lead::Lead;
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
pub struct Peeked<V> {
    hit: Hit<V>,
    found: Found,
}

impl<V> Peeked<V> {
    /// Returns what would be served.
    pub fn hit(&self) -> &Hit<V> {
        &self.hit
    }
}

impl<V: Send + Sync + 'static> Region<V> {
    /// Looks at what is held under a key; serve it by [`serve_peeked`](Self::serve_peeked), or
    /// [pass it over](Self::pass_over).
    pub fn peek(&self, key: &Key) -> Peek<V> {
        match self.find(key) {
            Find::Off => Peek::Off,
            Find::Found(found) => match Self::hit_of(&found) {
                Some(hit) => Peek::Found(Peeked { hit, found }),
                None => Peek::Nothing,
            },
            Find::Nothing => Peek::Nothing,
        }
    }

    /// Serves what was looked at: counts it and records it in the current read scope.
    pub fn serve_peeked(&self, key: &Key, peeked: &Peeked<V>) {
        self.serve(key, &peeked.found);
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
            .field("freshness", &self.hit.freshness)
            .finish_non_exhaustive()
    }
}
