//! The right of one node to load a key while the others wait for what it stores.
//!
//! A lease is a value of one byte in the store, beside the entry's own. It makes no answer right or
//! wrong - what the holder stores is checked by each node as any entry is -, it only spares loads:
//! one that is lost or held twice costs a load, one that is never given back the wait of its length.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::clock::Moment;
use crate::larder::Larder;
use crate::remote::{Job, Remote, give_up};
use crate::store::{StoreError, StoreHealth, StoreKey, StoreValue};

/// Somebody loads: wait.
const HELD: &[u8] = b"h";
/// Somebody has loaded what is not kept: load for yourself.
const OPEN: &[u8] = b"o";
/// For so long at most those who come read that loading is free for all.
const LONGEST_OPEN: Duration = Duration::from_secs(1);

/// A lease that is held. Dropped before its load is stored, it opens loading to all who wait.
pub(crate) struct Lease {
    larder: Larder,
    remote: Arc<Remote>,
    key: StoreKey,
    length: Duration,
    /// After which it may be another's.
    until: Moment,
    given_back: bool,
}

/// What a lease's key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeaseState {
    /// Nobody loads.
    Free,
    /// Somebody loads.
    Held,
    /// Everybody may load.
    Open,
}

impl LeaseState {
    pub(crate) fn of(bytes: Option<&Bytes>) -> Self {
        match bytes {
            None => Self::Free,
            Some(bytes) if bytes == OPEN => Self::Open,
            Some(_) => Self::Held,
        }
    }
}

impl Lease {
    /// Tries to take a lease; an error if the store does not answer.
    pub(crate) async fn take(
        larder: &Larder,
        remote: &Arc<Remote>,
        key: &StoreKey,
        length: Duration,
    ) -> Result<Option<Self>, ()> {
        if remote.store.health() == StoreHealth::Down {
            return Err(());
        }
        let asking = Self {
            larder: larder.clone(),
            remote: Arc::clone(remote),
            key: key.clone(),
            length,
            // The end before the question: the store counts from when it hears it.
            until: larder.clock().now().after(length),
            given_back: false,
        };
        // A task of its own: a caller that goes away meanwhile leaves no lease that nobody holds.
        let Ok(asked) = larder.spawn(asking.ask()).await else {
            return Err(());
        };
        asked.map_err(|error| {
            remote.failed(Some(&error));
            give_up();
        })
    }

    /// Asks the store for it; `None` if another has it.
    async fn ask(mut self) -> Result<Option<Self>, StoreError> {
        let value = StoreValue {
            key: self.key.clone(),
            bytes: Bytes::from_static(HELD),
            ttl: self.length,
        };
        // Whatever becomes of it, it is not this node's to open.
        self.given_back = true;
        let taken = self.remote.store.add(&value).await?;
        self.given_back = !taken;
        Ok(taken.then_some(self))
    }

    /// Gives it back behind a value that is stored; returns the key to be removed, if it is still its own.
    pub(crate) fn give_back(mut self) -> Option<StoreKey> {
        self.given_back = true;
        self.is_own().then(|| self.key.clone())
    }

    /// Gives it back without a load, in the background.
    pub(crate) fn give_back_soon(self) {
        let (larder, remote) = (self.larder.clone(), Arc::clone(&self.remote));
        let Some(key) = self.give_back() else { return };
        if tokio::runtime::Handle::try_current().is_ok() {
            larder.spawn(async move {
                if let Err(error) = remote.store.remove(&[key]).await {
                    remote.failed(Some(&error));
                }
            });
        }
    }

    fn is_own(&self) -> bool {
        self.larder.clock().now() < self.until
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.given_back || !self.is_own() {
            return;
        }
        let open = StoreValue {
            key: self.key.clone(),
            bytes: Bytes::from_static(OPEN),
            ttl: self.length.min(LONGEST_OPEN),
        };
        let (larder, until) = (self.larder.clone(), self.until);
        // The queue may be long: by then it may be another's, who loads for all.
        let job = Job::new(move || (larder.clock().now() < until).then_some(open), None);
        self.remote.writer.add(&self.larder, &self.remote, 1, job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_state_of_a_lease_keeps_waiting() {
        let state = |bytes: &'static [u8]| LeaseState::of(Some(&Bytes::from_static(bytes)));
        assert_eq!(LeaseState::of(None), LeaseState::Free);
        assert_eq!(state(OPEN), LeaseState::Open);
        assert_eq!(state(HELD), LeaseState::Held);
        assert_eq!(state(b"what is this"), LeaseState::Held);
    }
}
