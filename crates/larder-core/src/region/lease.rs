//! One load for all nodes: who holds the lease loads, who does not waits for what it stores.
//!
//! 1. Only after the remote tier said that it has nothing: where it does not answer, each node loads
//!    for itself at once.
//! 2. Who gets the lease asks the remote tier once more: another may have stored and given it back
//!    between the two questions.
//! 3. Who does not get it asks for the entry and the lease together, less and less often, until there
//!    is an entry that may be served here, loading is open to all, or the lease's length is over.
//!    What is stored but may not be served here - this node has heard of a later change - is waited
//!    past: the lease comes free, and one of those who wait takes it.

use std::sync::Arc;
use std::time::Duration;

use crate::entry::Entry;
use crate::key::Key;
use crate::region::load::Absence;
use crate::region::remote::{Encoding, Fetched};
use crate::region::{Hit, Region};
use crate::remote::{Lease, LeaseState, Remote};
use crate::statistics::bump;
use crate::store::StoreKey;

/// The first pause between two questions, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(25);

/// What a leader may do after the remote tier had nothing.
pub(crate) enum Leased<V> {
    /// Load, for all nodes.
    Held(Box<Lease>),
    /// Another node has loaded it.
    Hit(Hit<V>, Arc<Entry>),
    /// Load, for this node.
    Free,
}

impl<V: Send + Sync + 'static> Region<V> {
    /// Takes the lease on `key`, or waits for what its holder loads.
    pub(crate) async fn lease(&self, key: &Key, absence: Absence) -> Leased<V> {
        let length = self.state.policy.lease;
        let Some((remote, encoding)) = self.remote().filter(|_| !length.is_zero()) else {
            return Leased::Free;
        };
        let entry = self.store_key(remote, key);
        let names = [entry.lease(), entry];
        let clock = self.larder.clock();
        let end = clock.now().after(length);
        let mut pause = FIRST_PAUSE;
        loop {
            match Lease::take(&self.larder, remote, &names[0], length).await {
                Err(()) => return Leased::Free,
                Ok(Some(held)) => return self.hold(key, absence, held).await,
                Ok(None) => {}
            }
            loop {
                let left = end.since(clock.now());
                if left.is_zero() {
                    return Leased::Free;
                }
                clock.sleep(pause.min(left)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                match self.look((remote, encoding), key, absence, &names).await {
                    Looked::Hit(hit, entry) => return Leased::Hit(hit, entry),
                    Looked::Lease(LeaseState::Held) => {}
                    Looked::Lease(LeaseState::Free) => break,
                    Looked::Lease(LeaseState::Open) | Looked::Nothing => return Leased::Free,
                }
            }
        }
    }

    /// Rule 2.
    async fn hold(&self, key: &Key, absence: Absence, held: Lease) -> Leased<V> {
        match self.fetch(key, absence).await {
            Fetched::Hit(hit, entry) => {
                held.give_back_soon();
                Leased::Hit(hit, entry)
            }
            Fetched::Nothing | Fetched::Unanswered => Leased::Held(Box::new(held)),
        }
    }

    /// Rule 3: one look at the entry and the lease.
    async fn look(
        &self,
        (remote, encoding): (&Remote, &Encoding<V>),
        key: &Key,
        absence: Absence,
        names: &[StoreKey; 2],
    ) -> Looked<V> {
        // The lease first: once it is given back the entry is there.
        let mut answers = remote.ask(names).await.into_iter();
        let (Some(state), Some(bytes)) = (answers.next(), answers.next()) else {
            return Looked::Nothing;
        };
        if bytes.is_some()
            && let Some(found) = self.examine(remote, encoding, key, &names[1], bytes)
            && let Some((hit, entry)) = self.take_fetched(key, found, absence)
        {
            bump(&self.state.counters.lease_hits);
            return Looked::Hit(hit, entry);
        }
        Looked::Lease(LeaseState::of(state.as_ref()))
    }
}

/// What one look showed.
enum Looked<V> {
    Hit(Hit<V>, Arc<Entry>),
    Lease(LeaseState),
    /// The store did not answer.
    Nothing,
}
