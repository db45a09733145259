//! The cache of one service in this process.

mod publishing;
mod reading;

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
use crate::clock::Clock;
use crate::error::{DomainError, RegionError};
use crate::explain::{Explanation, explain_matching};
use crate::flight::Flights;
use crate::local::Local;
use crate::node::Node;
use crate::observer::Observer;
use crate::policy::Policy;
use crate::publication::Unpublished;
use crate::region::{Region, RegionState};
use crate::remote::Remote;
use crate::session::Luggage;
use crate::statistics::Snapshot;
use crate::switches::Switches;
use crate::weight;

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
