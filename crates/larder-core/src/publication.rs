//! Publications that must not be lost: what the bus does not take is queued and tried again.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::change::Change;
use crate::error::PublishError;
use crate::larder::Larder;
use crate::node::Node;
use crate::pending::Pending;
use crate::position::Position;

/// How long to wait before a bus that failed is tried again.
const RETRY: Duration = Duration::from_millis(100);
/// More changes than this in the queue become one of everything.
const MOST_QUEUED: usize = 4096;

/// One publication. Dropped before the bus has answered, it goes on in the background.
pub(crate) struct Publication {
    larder: Larder,
    changes: Arc<[Change]>,
    pending: Option<Pending>,
}

/// What the bus has not taken yet; one task publishes it again until it does.
#[derive(Default)]
pub(crate) struct Unpublished(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    changes: Vec<Change>,
    pending: Vec<Pending>,
    /// A task is at it.
    tended: bool,
}

impl Publication {
    /// Marks the changes as pending.
    pub(crate) fn new(larder: &Larder, changes: Arc<[Change]>) -> Self {
        let pending = Some(Pending::mark(larder.node(), &changes));
        Self {
            larder: larder.clone(),
            changes,
            pending,
        }
    }

    pub(crate) async fn run(mut self) -> Result<Position, PublishError> {
        let published = self.larder.bus().publish(Arc::clone(&self.changes)).await;
        self.larder.note_written(published.as_ref().ok().copied());
        let position = published?;
        self.pending = None;
        Ok(position)
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        if tokio::runtime::Handle::try_current().is_err() {
            // Nothing can run in the background: what is pending stays so, and is never served.
            return pending.for_good();
        }
        let node = self.larder.node();
        let untended = self.larder.unpublished().add(node, &self.changes, pending);
        if untended {
            let larder = self.larder.clone();
            self.larder.spawn(async move { tend(&larder).await });
        }
    }
}

impl Unpublished {
    /// Queues changes; tells whether a task must be made to tend the queue.
    fn add(&self, node: &Arc<Node>, changes: &[Change], pending: Pending) -> bool {
        let mut queue = self.lock();
        queue.merge(node, changes.to_vec(), vec![pending]);
        !std::mem::replace(&mut queue.tended, true)
    }

    /// Returns how many changes are queued.
    pub(crate) fn queued(&self) -> usize {
        self.lock().changes.len()
    }

    /// Takes all that is queued; `None` ends the tending.
    fn take(&self) -> Option<(Vec<Change>, Vec<Pending>)> {
        let mut queue = self.lock();
        queue.tended = !queue.changes.is_empty();
        let queued = queue.tended;
        queued.then(|| {
            (
                std::mem::take(&mut queue.changes),
                std::mem::take(&mut queue.pending),
            )
        })
    }

    /// Puts back what the bus has not taken.
    fn put_back(&self, node: &Arc<Node>, changes: Vec<Change>, pending: Vec<Pending>) {
        self.lock().merge(node, changes, pending);
    }

    /// Leaves what is queued pending for good.
    fn give_up(&self) {
        let mut queue = self.lock();
        queue.changes.clear();
        queue.pending.drain(..).for_each(Pending::for_good);
        queue.tended = false;
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn merge(&mut self, node: &Arc<Node>, changes: Vec<Change>, pending: Vec<Pending>) {
        for change in changes {
            if !self.changes.contains(&change) {
                self.changes.push(change);
            }
        }
        self.pending.extend(pending);
        if self.changes.len() > MOST_QUEUED || self.pending.len() > MOST_QUEUED {
            // Everything is pending before what it stands for ends.
            let everything: Arc<[Change]> = Arc::new([Change::everything()]);
            let pending = Pending::mark(node, &everything);
            self.changes = vec![Change::everything()];
            self.pending = vec![pending];
        }
    }
}

/// Publishes what is queued until nothing is, or the `Larder` is closed and the bus gone.
async fn tend(larder: &Larder) {
    let unpublished = larder.unpublished();
    while let Some((changes, pending)) = unpublished.take() {
        let again = larder.clone();
        let attempt: Arc<[Change]> = changes.clone().into();
        // In a task of its own: a bus that panics is a bus that fails.
        let attempt = tokio::spawn(async move { again.bus().publish_again(attempt).await });
        match attempt.await {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => {
                let error = &error as &dyn Error;
                tracing::debug!(error, "changes are not published yet");
            }
            Err(_) => tracing::warn!("the bus panicked"),
        }
        unpublished.put_back(larder.node(), changes, pending);
        if larder.is_closing() {
            tracing::warn!(
                service = larder.service(),
                "changes are lost: the bus is gone"
            );
            return unpublished.give_up();
        }
        larder.pause(RETRY).await;
    }
}
