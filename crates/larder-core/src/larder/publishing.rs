//! Saying what changed.

use std::sync::Arc;
use std::time::Duration;

use crate::change::Change;
use crate::error::PublishError;
use crate::larder::Larder;
use crate::pending::Pending;
use crate::position::Position;
use crate::publication::Publication;

/// How long after a commit of unknown outcome its changes are published again.
const SECOND_PUBLICATION: Duration = Duration::from_secs(5);

impl Larder {
    /// Publishes a change and returns once this node has applied it.
    ///
    /// # Errors
    /// The bus did not take it: it is published again until it is, and what it touches is not
    /// served from the cache of this node meanwhile.
    pub async fn publish(&self, change: Change) -> Result<Position, PublishError> {
        self.publish_all(vec![change]).await
    }

    /// Publishes changes under one position; see [`publish`](Self::publish).
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    ///
    /// # Cancellation
    /// Safe: the publication runs in a task of its own once it has to wait.
    pub async fn publish_all(&self, changes: Vec<Change>) -> Result<Position, PublishError> {
        if changes.is_empty() {
            return Ok(self.0.node.watermark());
        }
        Publication::new(self, changes.into()).run().await
    }

    /// Publishes the changes of a write that may or may not have happened.
    ///
    /// They are published now and once more after five seconds; what they touch is not served or
    /// kept in between. Runs in the background; [`close`](Self::close) does not wait the time out.
    /// Without a Tokio runtime it is never served or kept again.
    pub fn publish_unsure(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let changes: Arc<[Change]> = changes.into();
        let pending = Pending::mark(&self.0.node, &changes);
        if tokio::runtime::Handle::try_current().is_err() {
            return pending.for_good();
        }
        let larder = self.clone();
        self.spawn(async move {
            let _pending = pending;
            // What the bus does not take is queued, pending in its own right.
            let _ = Publication::new(&larder, Arc::clone(&changes)).run().await;
            larder.pause(SECOND_PUBLICATION).await;
            let _ = Publication::new(&larder, changes).run().await;
        });
    }

    /// Invalidates everything that depends on `tag`, on every node.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn invalidate(&self, tag: impl Into<Arc<str>>) -> Result<Position, PublishError> {
        self.publish(Change::tag(tag)).await
    }

    /// Ages everything that depends on `tag`: served within grace while one refresh runs.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn invalidate_soft(
        &self,
        tag: impl Into<Arc<str>>,
    ) -> Result<Position, PublishError> {
        self.publish(Change::tag(tag).soft()).await
    }
}
