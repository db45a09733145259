//! What all views of a region share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::dependency::tag_hash;
use crate::patterns::Patterns;
use crate::policy::Policy;
use crate::statistics::Counters;
use crate::switches::Share;

/// What all views of a region share.
pub(crate) struct RegionState {
    pub(crate) id: u32,
    pub(crate) name: Arc<str>,
    /// The service's name and the region's: `shop.prices`.
    pub(crate) full_name: Arc<str>,
    pub(crate) policy: Policy,
    /// The name of the tag every entry of the region depends on.
    pub(crate) tag_name: Arc<str>,
    tag: u64,
    pub(crate) policy_tags: Vec<u64>,
    percent: Arc<AtomicU8>,
    pub(crate) counters: Counters,
    pub(crate) patterns: Patterns,
}

impl RegionState {
    pub(crate) fn new(
        id: u32,
        service: &str,
        name: &str,
        policy: Policy,
        percent: Arc<AtomicU8>,
    ) -> Self {
        let tag_name: Arc<str> = format!("larder:region:{service}.{name}").into();
        Self {
            id,
            name: name.into(),
            full_name: format!("{service}.{name}").into(),
            tag: tag_hash(&tag_name),
            tag_name,
            policy_tags: policy
                .invalidated_by
                .iter()
                .map(|tag| tag_hash(tag))
                .collect(),
            policy,
            percent,
            counters: Counters::default(),
            patterns: Patterns::default(),
        }
    }

    pub(crate) fn tag(&self) -> u64 {
        self.tag
    }

    /// Returns what the tag of this hash is called, if the region depends on it.
    pub(crate) fn tag_words(&self, hash: u64) -> Option<String> {
        if hash == self.tag {
            return Some(format!("region {}", self.name));
        }
        let of_policy = self.policy_tags.iter().position(|tag| *tag == hash)?;
        let name = self.policy.invalidated_by.get(of_policy)?;
        Some(format!("tag {name}"))
    }

    pub(crate) fn early_refresh(&self) -> Duration {
        self.policy.early_refresh
    }

    #[inline]
    pub(crate) fn share(&self) -> Share {
        Share::percent(self.percent.load(Ordering::Relaxed)).unwrap_or(Share::ON)
    }
}
