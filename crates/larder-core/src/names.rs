//! What dependencies are called: entries keep hashes, an explanation wants words.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::hash::BuildPassThrough;

/// The names of rows, tags and entries that were read, as many as were asked for.
pub(crate) struct Names {
    most: usize,
    known: Mutex<Generations>,
}

type Known = HashMap<u64, Box<str>, BuildPassThrough>;

/// When the young ones are too many they become the old ones, which go.
#[derive(Default)]
struct Generations {
    young: Known,
    old: Known,
}

impl Names {
    /// Remembers up to `most` names; none, at no cost, if that is 0.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            known: Mutex::default(),
        }
    }

    /// Remembers what the dependency of this hash is called.
    pub(crate) fn learn(&self, hash: u64, words: impl FnOnce() -> String) {
        if self.most == 0 {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.young.contains_key(&hash) {
            return;
        }
        let words = match known.old.remove(&hash) {
            Some(words) => words,
            None => words().into(),
        };
        if known.young.len() >= self.most.div_ceil(2) {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert(hash, words);
    }

    /// Returns what the dependency of this hash is called, if that is remembered.
    pub(crate) fn get(&self, hash: u64) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let words = known.young.get(&hash).or_else(|| known.old.get(&hash));
        words.map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_the_last_ones_stay() {
        let names = Names::new(10);
        (0..1000).for_each(|hash| names.learn(hash, || hash.to_string()));
        let known = (0..1000).filter(|hash| names.get(*hash).is_some());
        let known: Vec<_> = known.collect();
        assert!(
            known.len() <= 10 && known.ends_with(&[996, 997, 998, 999]),
            "{known:?}"
        );
    }

    #[test]
    fn without_being_asked_nothing_is_remembered() {
        let names = Names::new(0);
        names.learn(7, || unreachable!("nobody wants to know"));
        assert_eq!(names.get(7), None);
    }
}
