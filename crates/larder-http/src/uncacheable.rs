//! Remembers keys whose answers are not kept, so that nobody waits for one.
//!
//! A request for such a key neither leads nor follows: it goes on alone, at once. What it gets may be
//! kept, and then the key is forgotten. The room is fixed: a key is remembered until its time is over,
//! another one takes its place, or everything is invalidated.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::{Key, Moment};
use rapidhash::v3::rapidhash_v3;

/// How long a key is remembered.
const LASTS: Duration = Duration::from_secs(30);
/// How many keys are remembered at most.
const PLACES: usize = 4096;

/// Each place holds 32 bits of a key's hash and the second until which it counts.
pub(crate) struct Uncacheable {
    places: Box<[AtomicU64]>,
    /// The change of everything since which they count.
    since: AtomicU64,
}

impl Uncacheable {
    pub(crate) fn new() -> Self {
        Self {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            since: AtomicU64::new(0),
        }
    }

    /// Tells whether answers under this key were not kept a short time ago, and since `everything`.
    pub(crate) fn holds(&self, key: &Key, now: Moment, everything: u64) -> bool {
        if self.since.swap(everything, Ordering::Relaxed) != everything {
            self.clear();
        }
        let (place, mark) = self.find(key);
        let held = place.load(Ordering::Relaxed);
        held & MARK == mark && held & SECONDS > seconds(now)
    }

    /// Remembers that an answer under this key was not kept.
    pub(crate) fn remember(&self, key: &Key, now: Moment) {
        let (place, mark) = self.find(key);
        place.store(mark | seconds(now.after(LASTS)), Ordering::Relaxed);
    }

    /// Forgets a key: an answer under it was kept.
    pub(crate) fn forget(&self, key: &Key) {
        let (place, mark) = self.find(key);
        if place.load(Ordering::Relaxed) & MARK == mark {
            place.store(0, Ordering::Relaxed);
        }
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        for place in &self.places {
            place.store(0, Ordering::Relaxed);
        }
    }

    fn find(&self, key: &Key) -> (&AtomicU64, u64) {
        let hash = rapidhash_v3(key.as_bytes());
        let place = usize::try_from(hash & SECONDS).unwrap_or_default() % PLACES;
        (&self.places[place], hash & MARK)
    }
}

const SECONDS: u64 = u32::MAX as u64;
const MARK: u64 = !SECONDS;

fn seconds(moment: Moment) -> u64 {
    (moment.as_nanos() / 1_000_000_000).min(SECONDS)
}

impl fmt::Debug for Uncacheable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uncacheable")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_remembered_for_a_while_and_no_other_with_it() {
        let (keys, now) = (Uncacheable::new(), Moment::from_nanos(5_000_000_000));
        let (one, other) = (Key::from("one"), Key::from("other"));
        assert!(!keys.holds(&one, now, 0));
        keys.remember(&one, now);
        assert!(keys.holds(&one, now, 0) && !keys.holds(&other, now, 0));
        assert!(!keys.holds(&one, now.after(LASTS), 0));
        keys.forget(&other);
        assert!(keys.holds(&one, now, 0));
        assert!(!keys.holds(&one, now, 7));
        keys.remember(&one, now);
        assert!(keys.holds(&one, now, 7));
        keys.forget(&one);
        assert!(!keys.holds(&one, now, 7));
    }
}
