//! Why a key is served or not: what its entry was made of, and what last happened to it.
//!
//! 1. Nothing is kept for it on a hit. A lookup that finds an invalid entry, a load that ends
//!    refused or failed, and an eviction each note it under the key's hash (`history`): a thousand
//!    keys or so.
//! 2. Which change made an entry invalid is found among the last ones of its tables (`recent`), by
//!    the spots that applying them raised (`spot`), at the moment the entry is found invalid: later
//!    the change might be forgotten.
//! 3. Entries keep hashes of what they depend on. Tables and shapes are known by handles; rows,
//!    tags and entries are counted, or named if [`Builder::explain_names`](crate::Builder::explain_names)
//!    has their names kept.

mod culprit;
mod gather;
mod told;
mod words;

use std::time::Duration;

pub(crate) use self::culprit::{Culprit, culprit};
pub(crate) use self::gather::{Asked, explain, explain_matching};
use crate::scope::Scope;

/// What is known of a key, right now, on this node.
///
/// Its `Display` is a text for people, in lines.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Explanation {
    /// The region's name.
    pub region: String,
    /// The key in words, as patterns see it.
    pub key: String,
    /// For whom it is: `public`, `tenant` or `user`. Who that is is not told: it may be a secret.
    pub scope: String,
    /// What a read would meet.
    pub state: State,
    /// It is being loaded.
    pub is_loading: bool,
    /// The entry in the local tier, servable or not.
    pub entry: Option<KeptEntry>,
    /// The position below which every change is applied here.
    pub watermark: u64,
    /// When and by what its entry last became invalid.
    pub invalidated: Option<Invalidation>,
    /// When and by what its entry was last made to age, if it still is there.
    pub aged: Option<Invalidation>,
    /// Why what was loaded for it was last not kept.
    pub refused: Option<RefusedLoad>,
    /// The time since a load of it last failed.
    pub failed: Option<Duration>,
    /// The time since its entry was last found to be past its grace.
    pub expired: Option<Duration>,
    /// The time since its entry last went by capacity.
    pub evicted: Option<Duration>,
}

impl Explanation {
    pub(crate) fn of_bypass(
        region: &str,
        key: String,
        scope: &Scope,
        reason: &'static str,
        watermark: u64,
    ) -> Self {
        Self {
            region: region.to_owned(),
            key,
            scope: scope.to_string(),
            state: State::PassedBy(reason),
            is_loading: false,
            entry: None,
            watermark,
            invalidated: None,
            aged: None,
            refused: None,
            failed: None,
            expired: None,
            evicted: None,
        }
    }
}

/// What a read of a key would meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum State {
    /// An entry within its ttl: it is served.
    Fresh,
    /// An entry past its ttl or made to age, within its grace: it is served while one refresh runs.
    Stale,
    /// An entry past its grace: it is loaded anew.
    Expired,
    /// An entry of which something has changed: it is loaded anew.
    Invalid,
    /// An entry that may be invalid: the bus has been silent for too long. That may pass.
    Unheard,
    /// No entry.
    Absent,
    /// A switch keeps the key out of the cache.
    SwitchedOff,
    /// The cache is not asked for it, for the reason given by who would ask.
    PassedBy(&'static str),
}

/// An entry of the local tier.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeptEntry {
    /// Whether it holds a value, or the knowledge that there is none.
    pub has_value: bool,
    /// What it was made of, besides its own key and its region.
    pub dependencies: Vec<ToldDependency>,
    /// Every change below this position was visible to what it was made of.
    pub position: u64,
    /// The time since its load began; `None` if another node loaded it.
    pub age: Option<Duration>,
    /// How long it is still within its ttl; zero if it is past it.
    pub ttl_left: Duration,
    /// How long it is still within its ttl and grace together.
    pub grace_left: Duration,
    /// The bytes it is taken to use.
    pub bytes: u64,
}

/// Something an entry was made of, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ToldDependency {
    /// Such as `rows of main.article by author_id (uses author_id, title)` or `3 rows of main.tag`.
    pub words: String,
    /// Whether it, or one of them, has changed since the entry's position.
    pub has_changed: bool,
}

/// When and by what an entry became invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Invalidation {
    /// The time since the change was applied here; if it is not known, since the entry was met.
    pub ago: Duration,
    /// By what.
    pub cause: Cause,
}

/// What made an entry invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Cause {
    /// A change.
    Change {
        /// The change in words.
        change: String,
        /// Its position.
        position: u64,
        /// Nothing it changed was the entry's: two hashes share a slot.
        is_collision: bool,
        /// An earlier one may have been first: not all are remembered that far.
        may_be_later: bool,
    },
    /// A change of this node that is committed and was not yet on the bus.
    Pending,
    /// The bus began a new log.
    NewLog,
    /// A change of something else whose hash shares a slot with one of the entry's.
    Collision,
    /// A change that is no longer remembered.
    Forgotten,
}

/// Why and when something was loaded and not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RefusedLoad {
    /// The time since then.
    pub ago: Duration,
    /// The reason as one word, as counters and headers show it.
    pub reason: String,
    /// The reason in more words, where there are: the function nothing is known of, say.
    pub details: Option<String>,
}
