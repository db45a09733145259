//! Changing a region by hand: put, remove, and invalidation by region or pattern.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use wildmatch::WildMatch;

use crate::change::{Change, What};
use crate::entry::{Entry, Validity};
use crate::error::PublishError;
use crate::key::Key;
use crate::local::{LocalKey, entry_weight};
use crate::marks::MarkSet;
use crate::observer::CacheEventKind;
use crate::policy::Tiers;
use crate::region::Region;
use crate::scope::Scope;
use crate::statistics::bump;

impl<V: Send + Sync + 'static> Region<V> {
    /// Puts a value under `key`, as a change: what was made of the old value is invalid.
    ///
    /// A load that began before cannot bring the old value back. Of two concurrent puts the one
    /// later on the bus stays. While a switch is off the change is published and nothing kept.
    ///
    /// # Errors
    /// The change is queued: `key` is not served from this node's cache until it is published.
    pub async fn put(
        &self,
        key: impl Into<Key>,
        value: impl Into<Arc<V>>,
    ) -> Result<(), PublishError> {
        let (key, value) = (key.into(), value.into());
        // Before the publication: with an older log's, the entry is a miss, never a stale hit.
        let incarnation = self.larder.node().incarnation();
        // And what is later on the bus may be acknowledged while the answer is awaited.
        let as_of = self.larder.clock().now();
        let position = self.larder.publish(self.own_change(&key)).await?;
        if !self.is_on(&key) {
            return Ok(());
        }
        let mut marks = MarkSet::default();
        self.state
            .policy_tags
            .iter()
            .for_each(|tag| marks.add_named(*tag));
        let marks = marks.take();
        let local_key = self.probe(&key).to_key();
        let weight = entry_weight(&local_key, (self.weigher)(&value), &marks);
        let expires = as_of.after(self.state.policy.ttl);
        let own = self.own(&key);
        self.learn(&key, own);
        let entry = Arc::new(Entry {
            value: Some(value),
            marks,
            own,
            // Right behind the own change: a put that is later on the bus makes this one invalid.
            position: AtomicU64::new(position.next().get()),
            incarnation,
            as_of,
            expires,
            stale_until: expires.after(self.state.policy.grace),
            region: Arc::clone(&self.state),
            weight,
            retired: AtomicBool::new(false),
        });
        self.send(&key, &entry, None);
        if self.state.policy.tiers != Tiers::Remote {
            self.larder.local().put(local_key, entry);
        }
        Ok(())
    }

    /// Removes what is under `key`, as a change: on every node, and against loads under way.
    ///
    /// # Errors
    /// The change is queued: `key` is not served from this node's cache until it is published.
    pub async fn remove(&self, key: impl Into<Key>) -> Result<(), PublishError> {
        let key = key.into();
        self.larder.publish(self.own_change(&key)).await?;
        let probe = self.probe(&key);
        if let Some(entry) = self.larder.local().get(&probe) {
            // Another may have loaded it anew already.
            if entry.validity(self.larder.node()) == Validity::Invalid {
                self.note_invalid(&probe, &entry);
            }
            self.larder.local().remove(&probe);
        }
        bump(&self.state.counters.invalidations);
        self.observe(&key, CacheEventKind::Invalidated);
        Ok(())
    }

    /// Ages what is under `key`: served within grace while one refresh runs.
    ///
    /// # Errors
    /// The change is queued until the bus takes it.
    pub async fn remove_soft(&self, key: impl Into<Key>) -> Result<(), PublishError> {
        self.larder
            .publish(self.own_change(&key.into()).soft())
            .await
            .map(drop)
    }

    /// Invalidates all entries of the region, of every scope, at the cost of one change.
    ///
    /// # Errors
    /// The change is queued: the region is not served from this node's cache until then.
    pub async fn invalidate_all(&self) -> Result<(), PublishError> {
        self.larder
            .publish(Change::tag(Arc::clone(&self.state.tag_name)))
            .await
            .map(drop)
    }

    /// Ages all entries of the region: served within grace while one refresh a key runs.
    ///
    /// # Errors
    /// The change is queued until the bus takes it.
    pub async fn invalidate_all_soft(&self) -> Result<(), PublishError> {
        self.larder
            .publish(Change::tag(Arc::clone(&self.state.tag_name)).soft())
            .await
            .map(drop)
    }

    /// Invalidates entries whose key in words matches `pattern`; returns how many.
    ///
    /// `*` stands for any characters, `?` for one; a key's parts are joined by `/`, as its
    /// `Display` shows them: `article/*`. Reads every key this node holds, of all regions, and
    /// those being loaded: an operator's tool, not for the path of a request. A key only another
    /// node holds is not found: use a tag or [`invalidate_all`](Self::invalidate_all) for those.
    ///
    /// # Errors
    /// The changes are queued: the keys are not served from this node's cache until then.
    pub async fn invalidate_matching(&self, pattern: &str) -> Result<usize, PublishError> {
        self.publish_matching(pattern, false).await
    }

    /// Ages entries whose key matches, as [`invalidate_matching`](Self::invalidate_matching) does.
    ///
    /// # Errors
    /// The changes are queued until the bus takes them.
    pub async fn invalidate_matching_soft(&self, pattern: &str) -> Result<usize, PublishError> {
        self.publish_matching(pattern, true).await
    }

    async fn publish_matching(&self, pattern: &str, soft: bool) -> Result<usize, PublishError> {
        let search = self.state.patterns.begin();
        let pattern = WildMatch::new(pattern);
        let matches = |key: &LocalKey| {
            key.region() == self.state.id && pattern.matches(&key.key().to_string())
        };
        // Loads under way first: one that lands meanwhile is in the tier by then.
        let mut keys = self.larder.flights().keys(matches);
        let held = self.larder.local().keys(matches);
        let count = held.len();
        keys.extend(held);
        let changes = keys.iter().map(|key| Change {
            what: What::Key(
                Arc::clone(&self.state.name),
                Scope::decoded(key.scope_bytes()),
                key.key(),
            ),
            soft,
        });
        let published = self.larder.publish_all(changes.collect()).await;
        drop(search);
        published.map(|_| count)
    }

    fn own_change(&self, key: &Key) -> Change {
        Change::key(
            Arc::clone(&self.state.name),
            self.scope.clone(),
            key.clone(),
        )
    }
}
