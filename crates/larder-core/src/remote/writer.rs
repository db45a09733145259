//! Entries on their way into the remote tier: in the background, within bounds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::larder::Larder;
use crate::remote::{Lease, Remote};
use crate::statistics::bump;
use crate::store::{StoreHealth, StoreKey, StoreValue};

/// With more entries than this in the queue, further ones stay local.
const MOST_QUEUED: usize = 1024;
/// With more bytes than this in the queue, further ones stay local.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// So many values are put at once.
const BATCH: usize = 64;

/// An entry to be stored.
pub(crate) struct Job {
    /// Makes the bytes, if it is still worth it. Called by the task that tends the queue.
    make: Box<dyn FnOnce() -> Option<StoreValue> + Send>,
    /// What it was loaded under: given back once it is stored.
    lease: Option<Box<Lease>>,
}

impl Job {
    pub(crate) fn new(
        make: impl FnOnce() -> Option<StoreValue> + Send + 'static,
        lease: Option<Box<Lease>>,
    ) -> Self {
        let make = Box::new(make);
        Self { make, lease }
    }
}

/// What waits to be stored.
#[derive(Default)]
pub(crate) struct Writer(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    jobs: VecDeque<(usize, Job)>,
    bytes: usize,
    /// A task is at it.
    tended: bool,
}

impl Writer {
    /// Queues a job of roughly `bytes`; it is dropped, and counted, if there is no room.
    pub(crate) fn add(&self, larder: &Larder, remote: &Arc<Remote>, bytes: usize, job: Job) {
        let down = remote.store.health() == StoreHealth::Down;
        if down || tokio::runtime::Handle::try_current().is_err() {
            return bump(&remote.counters.dropped);
        }
        let mut queue = self.lock();
        let is_full = queue.jobs.len() >= MOST_QUEUED || queue.bytes + bytes > MOST_BYTES;
        // A single large one is let through where there is nothing else.
        if is_full && !queue.jobs.is_empty() {
            drop(queue);
            return bump(&remote.counters.dropped);
        }
        queue.bytes += bytes;
        queue.jobs.push_back((bytes, job));
        let untended = !std::mem::replace(&mut queue.tended, true);
        drop(queue);
        if untended {
            let remote = Arc::clone(remote);
            larder.spawn(async move { tend(&remote).await });
        }
    }

    /// Returns how many entries wait.
    pub(crate) fn queued(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Takes the next jobs; none ends the tending.
    fn take(&self) -> Vec<Job> {
        let mut queue = self.lock();
        let count = queue.jobs.len().min(BATCH);
        let mut taken = Vec::with_capacity(count);
        for (bytes, job) in queue.jobs.drain(..count).collect::<Vec<_>>() {
            queue.bytes = queue.bytes.saturating_sub(bytes);
            taken.push(job);
        }
        queue.tended = !taken.is_empty();
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores what is queued until nothing is.
async fn tend(remote: &Remote) {
    // A job is user code, a codec's: should it panic, the next entry has the queue tended anew.
    let untended = Untended(&remote.writer);
    loop {
        let jobs = remote.writer.take();
        if jobs.is_empty() {
            break;
        }
        let count = jobs.len() as u64;
        if remote.store.health() == StoreHealth::Down {
            let dropped = &remote.counters.dropped;
            dropped.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
            continue;
        }
        let (mut values, mut leases) = (Vec::with_capacity(jobs.len()), Vec::new());
        for Job { make, lease } in jobs {
            if let Some(value) = make() {
                values.push(value);
                leases.extend(lease.map(|lease| *lease));
            }
        }
        if !values.is_empty() {
            store(remote, &values, leases).await;
        }
        tokio::task::yield_now().await;
    }
    std::mem::forget(untended);
}

/// Stores values, and gives the leases they were loaded under back; those of what is lost open.
async fn store(remote: &Remote, values: &[StoreValue], leases: Vec<Lease>) {
    if let Err(error) = remote.store.put(values).await {
        remote.failed(Some(&error));
        let dropped = &remote.counters.dropped;
        dropped.fetch_add(values.len() as u64, std::sync::atomic::Ordering::Relaxed);
        return;
    }
    let keys: Vec<StoreKey> = leases.into_iter().filter_map(Lease::give_back).collect();
    if !keys.is_empty()
        && let Err(error) = remote.store.remove(&keys).await
    {
        remote.failed(Some(&error));
    }
}

/// Says that nobody tends the queue any more, when a job panicked.
struct Untended<'a>(&'a Writer);

impl Drop for Untended<'_> {
    fn drop(&mut self) {
        self.0.lock().tended = false;
    }
}
