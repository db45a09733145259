//! What is asked of the cache, and who asks.

use std::borrow::Cow;

use larder_core::{Key, Lead, Refusal};

use super::Repository;
use super::keys::Keys;
use crate::CachedEntity;
use crate::connection::CachedConnection;

/// A key, and under which conditions it may be served or kept.
pub(super) struct Asking {
    pub(super) key: Key,
    pub(super) terms: Terms,
}

/// The conditions under which a key stands for what is read.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Why nothing may be served or kept.
    pub(super) refusal: Option<Refusal>,
    /// The settings of the session the key was made under.
    epoch: u64,
}

impl Terms {
    /// Refuses what was loaded under other settings than its key says, or must not be kept at all.
    pub(super) fn hold<C, V>(self, db: &CachedConnection<C>, lead: &Lead<V>)
    where
        V: Send + Sync + 'static,
    {
        let now = db.settings().map_or(0, |told| told.epoch);
        let moved = (now != self.epoch).then_some(Refusal::Uncacheable("session-setting"));
        if let Some(refusal) = self.refusal.or(moved) {
            lead.refuse(refusal);
        }
    }
}

impl<E: CachedEntity, C> Repository<'_, E, C> {
    /// Makes the key of what is asked under the settings of the session.
    pub(super) fn ask(&self, key: impl FnOnce(&Keys) -> Key) -> Asking {
        let (keys, terms) = self.keys();
        Asking {
            key: key(&keys),
            terms,
        }
    }

    /// Returns what keys begin with under the settings of the session.
    pub(super) fn keys(&self) -> (Cow<'_, Keys>, Terms) {
        let told = self.db.settings().unwrap_or_default();
        let keys = match &told.settings {
            Some(settings) if !settings.is_empty() => Cow::Owned(self.regions.keys.under(settings)),
            // Not known: it is neither served nor kept.
            _ => Cow::Borrowed(&self.regions.keys),
        };
        let terms = Terms {
            refusal: self.refusal,
            epoch: told.epoch,
        };
        (keys, terms)
    }
}
