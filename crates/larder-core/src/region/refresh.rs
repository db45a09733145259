//! Loading anew, in the background, what is served meanwhile.

use std::future::Future;
use std::sync::Arc;

use crate::flight::Boarding;
use crate::key::Key;
use crate::lead::{Lead, Turn};
use crate::policy::Freshness;
use crate::region::{Find, Found, Region};

impl<V: Send + Sync + 'static> Region<V> {
    /// Takes the lead of a refresh; `None` if a load is under way or done. For integrators.
    ///
    /// What it reads does not flow into the current read scope: the answer is another one's.
    pub fn try_lead(&self, key: &Key) -> Option<Lead<V>> {
        let Boarding::Leader(seat) = self.larder.flights().board(&self.probe(key)) else {
            return None;
        };
        let lead = Lead::begin(self, key, Some(seat), None);
        match self.find(key) {
            Find::Found(found) if found.serving.freshness == Freshness::Fresh => {
                lead.land_with(found.entry);
                None
            }
            _ => Some(lead),
        }
    }

    /// Loads `key` anew in a spawned task, unless somebody is loading it; for integrators.
    ///
    /// What it reads does not flow into the current read scope. If it fails, the entry is dropped
    /// unless the policy keeps stale entries on errors.
    pub fn refresh<E: Send + Sync + 'static, Fut>(
        &self,
        key: &Key,
        load: impl FnOnce() -> Fut + Send + 'static,
    ) where
        Fut: Future<Output = Result<Option<Arc<V>>, E>> + Send + 'static,
    {
        let Some(lead) = self.try_lead(key) else {
            return;
        };
        let (region, key) = (self.clone(), key.clone());
        self.larder.spawn(async move {
            // Dropped by a panic too, which is a refresh that failed.
            let mut failed = DropStale(Some((region.clone(), key.clone())));
            let loaded = match lead.fetch_first().await {
                Turn::Lead(lead) | Turn::Alone(lead) => region.load(lead, load).await.is_ok(),
                Turn::Hit(_) => true,
                Turn::Failed(_) => false,
            };
            if loaded {
                failed.0 = None;
            }
        });
    }

    /// Returns what is under `key` if it can and should be loaded anew in the background.
    pub(super) fn refreshable(&self, key: &Key) -> Option<Found> {
        tokio::runtime::Handle::try_current().ok()?;
        self.aging(key)
    }

    /// Returns what is under `key` if it should be loaded anew, soon or now.
    fn aging(&self, key: &Key) -> Option<Found> {
        match self.find(key) {
            Find::Found(found) if found.serving.freshness != Freshness::Fresh => Some(found),
            Find::Off | Find::Found(_) | Find::Nothing => None,
        }
    }
}

impl<V: Send + Sync + 'static> Lead<V> {
    /// Has the remote tier asked before a refresh loads: another node may have loaded it anew. For integrators.
    ///
    /// What is fresh there, and needs no refresh itself, ends this load as a [`Turn::Hit`], for its followers
    /// too. Otherwise it is a [`Turn::Lead`] with a stamp of now: call it before anything is read.
    pub async fn fetch_first(self) -> Turn<V> {
        let (region, key, _) = self.parts();
        if region.remote().is_none() {
            return Turn::Lead(self);
        }
        match region.fetch_newer(key).await {
            Some((hit, entry)) => {
                self.land_with(entry);
                Turn::Hit(hit)
            }
            None => Turn::Lead(self.anew()),
        }
    }
}

/// Drops what is stale after its refresh failed, unless the policy keeps it.
struct DropStale<V: Send + Sync + 'static>(Option<(Region<V>, Key)>);

impl<V: Send + Sync + 'static> Drop for DropStale<V> {
    fn drop(&mut self) {
        if let Some((region, key)) = self.0.take()
            && !region.state.policy.stale_on_error
            && region
                .aging(&key)
                .is_some_and(|found| found.serving.freshness == Freshness::Stale)
        {
            region.evict(&key);
        }
    }
}
