//! What is known of texts, as long as they are asked for.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use rapidhash::fast::RandomState;

type Texts<V> = HashMap<Box<str>, V, RandomState>;

/// Values by text, in two generations: when the young one is full, the old one is forgotten and the young one grows
/// old. What is asked for while it is old becomes young again.
#[derive(Debug)]
pub(super) struct Generations<V> {
    most: usize,
    texts: RwLock<Two<V>>,
}

#[derive(Debug)]
struct Two<V> {
    young: Texts<V>,
    old: Texts<V>,
}

impl<V: Clone> Generations<V> {
    /// Keeps up to `most` texts in each generation.
    pub(super) fn new(most: usize) -> Self {
        let texts = Two {
            young: Texts::default(),
            old: Texts::default(),
        };
        Self {
            most,
            texts: RwLock::new(texts),
        }
    }

    pub(super) fn get(&self, text: &str) -> Option<V> {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = texts.young.get(text) {
            return Some(value.clone());
        }
        let value = texts.old.get(text)?.clone();
        drop(texts);
        self.insert(text, value.clone());
        Some(value)
    }

    pub(super) fn insert(&self, text: &str, value: V) {
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        if texts.young.len() >= self.most {
            texts.old = std::mem::take(&mut texts.young);
        }
        texts.young.insert(text.into(), value);
    }
}
