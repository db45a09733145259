//! The cache of one service in this process.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::builder::Builder;
use crate::bus::Bus;
use crate::change::Change;
use crate::clock::Clock;
use crate::dependency::Dependency;
use crate::error::{DomainError, PublishError, RegionError};
use crate::explain::{Explanation, explain_matching};
use crate::flight::Flights;
use crate::local::Local;
use crate::node::Node;
use crate::observer::Observer;
use crate::pending::Pending;
use crate::policy::Policy;
use crate::position::{Position, Stamp};
use crate::publication::{Publication, Unpublished};
use crate::read_scope::ReadScope;
use crate::refusal::Refusal;
use crate::region::{Region, RegionState};
use crate::remote::Remote;
use crate::session::Luggage;
use crate::statistics::Snapshot;
use crate::switches::Switches;
use crate::weight;

/// How long after a commit of unknown outcome its changes are published again.
const SECOND_PUBLICATION: Duration = Duration::from_secs(5);

/// The cache of one service; cheap to clone.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use larder_core::{Larder, Policy};
/// use std::time::Duration;
///
/// let larder = Larder::builder("shop").build()?;
/// let prices = larder.region::<u64>("prices", Policy::ttl(Duration::from_secs(60)))?;
/// let price = prices.get_or_load("apple", || async { Ok::<_, std::io::Error>(42) }).await?;
/// assert_eq!(*price, 42);
/// prices.put("apple", 43).await?;
/// assert_eq!(prices.get("apple").await.as_deref(), Some(&43));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Larder(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) service: Arc<str>,
    pub(crate) node: Arc<Node>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) local: Local,
    pub(crate) local_capacity: u64,
    pub(crate) remote: Option<Arc<Remote>>,
    pub(crate) flights: Arc<Flights>,
    pub(crate) regions: RwLock<HashMap<String, Arc<RegionState>>>,
    pub(crate) switches: Switches,
    pub(crate) domains: Mutex<HashSet<String>>,
    pub(crate) unpublished: Unpublished,
    pub(crate) tasks: TaskTracker,
    pub(crate) closing: CancellationToken,
    pub(crate) strict_scopes: bool,
    /// Somebody opened a read scope: a read outside one may have lost it.
    pub(crate) scopes_in_use: AtomicBool,
    pub(crate) unscoped_reads: AtomicU64,
    pub(crate) bypasses: AtomicU64,
}

impl Larder {
    /// Begins to configure the cache of `service`; the name stands in switches and keys.
    pub fn builder(service: impl Into<String>) -> Builder {
        Builder::new(service.into())
    }

    pub(crate) fn from_shared(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Returns the service's name.
    pub fn service(&self) -> &str {
        &self.0.service
    }

    /// Returns the region of this name, declared by its first call.
    ///
    /// Entries are weighed by `size_of::<V>()`, plus what strings and byte vectors hold; give
    /// other types that own memory to [`region_weighed`](Self::region_weighed).
    ///
    /// # Errors
    /// A policy that cannot be, a name that cannot stand in a switch, or another policy than the
    /// region was declared with.
    pub fn region<V: Send + Sync + 'static>(
        &self,
        name: &str,
        policy: Policy,
    ) -> Result<Region<V>, RegionError> {
        self.region_weighed(name, policy, weight::of::<V>)
    }

    /// Like [`region`](Self::region); `weigher` gives the bytes a value takes.
    ///
    /// # Errors
    /// As [`region`](Self::region).
    pub fn region_weighed<V: Send + Sync + 'static>(
        &self,
        name: &str,
        policy: Policy,
        weigher: fn(&V) -> usize,
    ) -> Result<Region<V>, RegionError> {
        let state = self.declare(name, policy)?;
        Ok(Region::new(self.clone(), state, weigher))
    }

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

    /// Takes the stamp of a read: call it before its first statement is sent.
    pub fn stamp(&self) -> Stamp {
        self.0.node.stamp()
    }

    /// Records what a statement that is about to be sent will read; for integrators.
    ///
    /// Without a stamp it is taken here. Without a read scope nothing can depend on the
    /// statement: it is counted, warned about once if scopes are in use, and panics under
    /// [`strict_scopes`](Builder::strict_scopes).
    ///
    /// # Panics
    /// Under strict scopes, outside of any scope.
    pub fn reading(&self, stamp: Option<Stamp>, dependencies: &[Dependency]) {
        let Some(scope) = ReadScope::current() else {
            return self.unscoped();
        };
        scope.read(
            &self.0.node,
            stamp.unwrap_or_else(|| self.stamp()),
            dependencies,
        );
    }

    /// Makes what encloses the current read uncacheable.
    pub fn refuse(&self, refusal: Refusal) {
        if let Some(scope) = ReadScope::current() {
            scope.refuse(refusal);
        }
    }

    /// Like [`refuse`](Self::refuse), with the reason in more words for
    /// [`explain`](Region::explain).
    pub fn refuse_with(&self, refusal: Refusal, details: impl FnOnce() -> String) {
        if let Some(scope) = ReadScope::current() {
            scope.refuse_with(refusal, details);
        }
    }

    /// Counts a statement that was noticed past the cache; for integrators.
    pub fn count_bypass(&self) {
        self.0.bypasses.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds a dependency on a tag to what is being made: `invalidate(tag)` will reach it.
    pub fn depend_on(&self, tag: impl Into<Arc<str>>) {
        self.reading(None, &[Dependency::tag(tag)]);
    }

    /// Opens a read scope of its own.
    pub fn read_scope(&self) -> ReadScope {
        self.0.scopes_in_use.store(true, Ordering::Relaxed);
        ReadScope::root(&self.0.node)
    }

    /// Takes a domain's name; for integrators that connect a database.
    ///
    /// # Errors
    /// The name is taken, or cannot be part of a key.
    pub fn claim_domain(&self, name: &str) -> Result<(), DomainError> {
        if !is_plain(name) {
            return Err(DomainError::Name(name.to_owned()));
        }
        let mut domains = self
            .0
            .domains
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if domains.insert(name.to_owned()) {
            Ok(())
        } else {
            Err(DomainError::Taken(name.to_owned()))
        }
    }

    /// Tells whether there is a remote tier; for integrators.
    pub fn has_store(&self) -> bool {
        self.0.remote.is_some()
    }

    /// Says which database a domain is, in words that no other database has; for integrators.
    ///
    /// Entries of the remote tier are found only by those who said the same of all their domains, so
    /// that two deployments that share a store by mistake never read each other's.
    pub fn identify_domain(&self, domain: &str, database: &str) {
        if let Some(remote) = &self.0.remote {
            remote.identify(domain, database);
        }
    }

    /// Adds an observer of changes and cache events.
    pub fn observe(&self, observer: impl Observer) {
        self.0.node.observers.add(Arc::new(observer));
    }

    /// Spawns a task that [`close`](Self::close) waits for. Needs a Tokio runtime.
    ///
    /// What it publishes counts as the current task's ([`Writes`](crate::Writes)).
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.tasks.spawn(Luggage::packed().carried(future))
    }

    /// Returns the switches, which can be set while serving.
    pub fn switches(&self) -> &Switches {
        &self.0.switches
    }

    /// Returns the clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.node.clock
    }

    /// Returns this node's state in the order of changes.
    pub fn node(&self) -> &Arc<Node> {
        &self.0.node
    }

    /// Returns what was done since the start or the last reset.
    pub fn snapshot(&self) -> Snapshot {
        self.0.local.settle();
        let regions = self.regions();
        let mut regions: Vec<_> = regions
            .values()
            .map(|region| region.counters.read(&region.name, region.share().get()))
            .collect();
        regions.sort_by(|a, b| a.name.cmp(&b.name));
        Snapshot {
            service: self.0.service.to_string(),
            enabled: self.0.switches.enabled(),
            regions,
            unknown_regions: self.0.switches.unknown(),
            unscoped_reads: self.0.unscoped_reads.load(Ordering::Relaxed),
            bypasses: self.0.bypasses.load(Ordering::Relaxed),
            position: self.0.node.watermark().get(),
            unpublished: self.0.unpublished.queued() as u64,
            local_capacity: self.0.local_capacity,
            remote: self.0.remote.as_ref().map(|remote| remote.snapshot()),
        }
    }

    /// Sets all counts to zero; entries and bytes stay what they are.
    pub fn reset_statistics(&self) {
        let regions = self.regions();
        regions.values().for_each(|region| region.counters.reset());
        self.0.unscoped_reads.store(0, Ordering::Relaxed);
        self.0.bypasses.store(0, Ordering::Relaxed);
        if let Some(remote) = &self.0.remote {
            remote.reset();
        }
    }

    /// Waits for what runs in the background: commits, publications, refreshes.
    ///
    /// Reads and writes still work afterwards; call it when no requests come any more.
    pub async fn close(&self) {
        self.0.closing.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.switches.unknown();
    }

    /// Explains entries of a region whose key in words matches `pattern`, `most` at most.
    ///
    /// As in [`invalidate_matching`](Region::invalidate_matching) `*` stands for any characters, `?`
    /// for one. Reads every key this node holds: an operator's tool. None of a region not declared.
    pub fn explain_matching(&self, region: &str, pattern: &str, most: usize) -> Vec<Explanation> {
        let regions = self.regions();
        let Some(state) = regions.get(region).map(Arc::clone) else {
            return Vec::new();
        };
        drop(regions);
        explain_matching(self, &state, pattern, most)
    }

    /// Returns what the tag of this hash is called, if regions have it.
    pub(crate) fn tag_words(&self, hash: u64) -> Option<String> {
        self.regions()
            .values()
            .find_map(|region| region.tag_words(hash))
    }

    fn regions(&self) -> RwLockReadGuard<'_, HashMap<String, Arc<RegionState>>> {
        self.0
            .regions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn local(&self) -> &Local {
        &self.0.local
    }

    pub(crate) fn remote(&self) -> Option<&Arc<Remote>> {
        self.0.remote.as_ref()
    }

    pub(crate) fn flights(&self) -> &Arc<Flights> {
        &self.0.flights
    }

    fn declare(&self, name: &str, policy: Policy) -> Result<Arc<RegionState>, RegionError> {
        if name.is_empty() || name.contains(['=', ',']) || name.contains(char::is_whitespace) {
            let trouble = "a name is not empty and holds no `=`, `,` or white space";
            return Err(RegionError::Name {
                region: name.to_owned(),
                trouble,
            });
        }
        policy
            .check()
            .map_err(|(setting, trouble)| RegionError::Setting {
                region: name.to_owned(),
                setting,
                trouble,
            })?;
        let mut regions = self
            .0
            .regions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = regions.get(name) {
            return match known.policy.difference(&policy) {
                None => Ok(Arc::clone(known)),
                Some(setting) => Err(RegionError::Redeclared {
                    region: name.to_owned(),
                    setting,
                }),
            };
        }
        let id = u32::try_from(regions.len()).unwrap_or(u32::MAX);
        let percent = self.0.switches.declare(name);
        let state = Arc::new(RegionState::new(id, &self.0.service, name, policy, percent));
        regions.insert(name.to_owned(), Arc::clone(&state));
        Ok(state)
    }

    fn unscoped(&self) {
        assert!(
            !self.0.strict_scopes,
            "a statement was read outside of any read scope: spawn tasks by `ReadScope::spawn`"
        );
        let before = self.0.unscoped_reads.fetch_add(1, Ordering::Relaxed);
        if before == 0 && self.0.scopes_in_use.load(Ordering::Relaxed) {
            tracing::warn!(
                service = &*self.0.service,
                "a statement was read outside of any read scope: no response can depend on it"
            );
        }
    }

    pub(crate) fn bus(&self) -> &dyn Bus {
        &*self.0.bus
    }

    pub(crate) fn unpublished(&self) -> &Unpublished {
        &self.0.unpublished
    }

    /// Tells whether [`close`](Self::close) was called: what waits in the background waits no longer.
    pub fn is_closing(&self) -> bool {
        self.0.closing.is_cancelled()
    }

    /// Waits, but not past the closing.
    pub(crate) async fn pause(&self, duration: Duration) {
        let sleep = self.clock().sleep(duration);
        let _ = self.0.closing.run_until_cancelled(sleep).await;
    }
}

impl fmt::Debug for Larder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Larder")
            .field("service", &self.0.service)
            .finish_non_exhaustive()
    }
}

/// Tells whether a name is letters, digits, `-` and `_` only.
pub(crate) fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.chars().all(plain)
}
