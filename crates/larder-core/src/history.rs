//! What last happened to keys that are not served: kept when it happens, on the way of a miss.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Moment;
use crate::explain::Culprit;
use crate::refusal::Refusal;

/// Keys are spread over this many sets by their hash.
const SETS: usize = 256;
/// So many keys a set; the one nothing happened to for longest goes.
const WAYS: usize = 4;

/// The pasts of the last thousand keys or so to which something happened.
pub(crate) struct History([Mutex<Vec<Past>>; SETS]);

/// What last happened to one key, each with its moment.
#[derive(Clone, Default)]
pub(crate) struct Past {
    key: u64,
    latest: Moment,
    pub(crate) invalidated: Option<(Moment, Culprit)>,
    pub(crate) refused: Option<(Moment, Refusal, Option<Arc<str>>)>,
    pub(crate) failed: Option<Moment>,
    pub(crate) expired: Option<Moment>,
    pub(crate) evicted: Option<Moment>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }

    /// Notes something of the key with this hash.
    pub(crate) fn note(&self, key: u64, now: Moment, note: impl FnOnce(&mut Past)) {
        let mut set = self.set(key);
        let known = set.iter().position(|past| past.key == key);
        let index = known.unwrap_or_else(|| {
            if set.len() >= WAYS {
                let oldest = (0..set.len()).min_by_key(|index| set[*index].latest);
                set.swap_remove(oldest.unwrap_or_default());
            }
            set.push(Past {
                key,
                ..Past::default()
            });
            set.len() - 1
        });
        set[index].latest = now;
        note(&mut set[index]);
    }

    /// Returns what is remembered of the key with this hash.
    pub(crate) fn of(&self, key: u64) -> Past {
        let set = self.set(key);
        let known = set.iter().find(|past| past.key == key);
        known.cloned().unwrap_or_default()
    }

    fn set(&self, key: u64) -> MutexGuard<'_, Vec<Past>> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are taken"
        )]
        let index = key as usize % SETS;
        self.0[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_keys_are_remembered_and_no_more() {
        let history = History::new();
        for key in 0..100_000 {
            let now = Moment::from_nanos(key + 1);
            history.note(key, now, |past| past.failed = Some(now));
        }
        let known = (0..100_000).filter(|key| history.of(*key).failed.is_some());
        assert!(known.eq(100_000 - 1024..100_000));
    }

    #[test]
    fn one_key_does_not_push_out_the_others() {
        let history = History::new();
        for round in 1..=1000 {
            for key in [7, 7 + 256] {
                let now = Moment::from_nanos(if key == 7 { 1 } else { round });
                history.note(key, now, |past| past.failed = Some(now));
            }
        }
        assert_eq!(history.of(7).failed, Some(Moment::from_nanos(1)));
    }
}
