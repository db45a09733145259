//! How a `Larder` is configured.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::{Bus, LocalBus};
use crate::clock::{Clock, SystemClock};
use crate::envelope::Sealing;
use crate::error::BuildError;
use crate::flight::Flights;
use crate::larder::{Larder, Shared, is_plain};
use crate::local::Local;
use crate::names::Names;
use crate::node::Node;
use crate::observer::{Observer, Observers};
use crate::publication::Unpublished;
use crate::remote::Remote;
use crate::store::Store;
use crate::switches::Switches;

/// Configures a [`Larder`].
pub struct Builder {
    service: String,
    local_capacity: u64,
    max_staleness: Duration,
    slots: usize,
    strict_scopes: bool,
    explain_names: usize,
    environment: Environment,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    observers: Observers,
    store: Option<Arc<dyn Store>>,
    seal_key: Option<[u8; 32]>,
    deployment: String,
}

/// Where switches are read from.
#[derive(Debug)]
enum Environment {
    Process,
    Given(Vec<(String, String)>),
}

impl Builder {
    pub(crate) fn new(service: String) -> Self {
        Self {
            service,
            local_capacity: 64 * 1024 * 1024,
            max_staleness: Duration::from_secs(1),
            slots: 1 << 20,
            strict_scopes: false,
            explain_names: 0,
            environment: Environment::Process,
            bus: Arc::new(LocalBus::new()),
            clock: Arc::new(SystemClock::new()),
            observers: Observers::default(),
            store: None,
            seal_key: None,
            deployment: String::new(),
        }
    }

    /// Keeps entries in this remote tier too, of regions that have a codec. Default: none.
    ///
    /// Entries are found by other nodes that share its bus: with a [`LocalBus`], whose log begins
    /// anew with each process, nobody reads what it stores.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Authenticates what is in the remote tier by this secret key. Default: none.
    ///
    /// What another writes there without it is a miss. All nodes of the service need the same key.
    #[must_use]
    pub fn seal_key(mut self, key: [u8; 32]) -> Self {
        self.seal_key = Some(key);
        self
    }

    /// Tells this deployment from others of the same service that share its store. Default: empty.
    ///
    /// Databases tell deployments apart already, where one is connected.
    #[must_use]
    pub fn deployment(mut self, name: impl Into<String>) -> Self {
        self.deployment = name.into();
        self
    }

    /// Gives the local tier this many bytes for all regions together. Default: 64 MiB.
    #[must_use]
    pub fn local_capacity(mut self, bytes: u64) -> Self {
        self.local_capacity = bytes;
        self
    }

    /// Orders changes by this bus. Default: a [`LocalBus`] of its own.
    #[must_use]
    pub fn bus(mut self, bus: impl Bus) -> Self {
        self.bus = Arc::new(bus);
        self
    }

    /// Takes the time from this clock. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Serves nothing older than this when the bus is silent. Default: 1 s.
    #[must_use]
    pub fn max_staleness(mut self, bound: Duration) -> Self {
        self.max_staleness = bound;
        self
    }

    /// Tells changes and cache events to this observer too. Default: nobody.
    #[must_use]
    pub fn observer(self, observer: impl Observer) -> Self {
        self.observers.add(Arc::new(observer));
        self
    }

    /// Remembers changes in this many slots of 8 bytes, rounded up to a power of two. Fewer
    /// mean more misses, never a stale hit. Default: 2^20; they take memory as changes touch them,
    /// 8 MiB at most.
    #[must_use]
    pub fn slots(mut self, slots: usize) -> Self {
        self.slots = slots;
        self
    }

    /// Panics on a statement read outside of any read scope; for tests. Default: off.
    #[must_use]
    pub fn strict_scopes(mut self, strict: bool) -> Self {
        self.strict_scopes = strict;
        self
    }

    /// Remembers the names of up to this many rows, tags and entries that are read, for
    /// [`explain`](crate::Region::explain): it then says `row 7 of main.article` and not `1 row of
    /// main.article`. Some 100 bytes each, and a lock a dependency when something is loaded.
    /// Default: 0.
    #[must_use]
    pub fn explain_names(mut self, names: usize) -> Self {
        self.explain_names = names;
        self
    }

    /// Reads switches from these pairs instead of the process's environment.
    #[must_use]
    pub fn environment<N: Into<String>, T: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        let pairs = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        self.environment = Environment::Given(pairs.collect());
        self
    }

    /// Builds the cache.
    ///
    /// # Errors
    /// Names the setting or the variable that cannot be, and what would be right.
    pub fn build(self) -> Result<Larder, BuildError> {
        self.check()?;
        let switches = Switches::new(&self.service);
        match &self.environment {
            Environment::Process => switches.read(|name| std::env::var(name).ok())?,
            Environment::Given(pairs) => switches.read(|name| {
                pairs
                    .iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, value)| value.clone())
            })?,
        }
        let observers = self.observers;
        let node = Node::new(
            self.slots,
            self.max_staleness,
            Arc::clone(&self.clock),
            observers.clone(),
            Names::new(self.explain_names),
        );
        let node = Arc::new(node);
        self.bus.attach(&node);
        let (key, deployment) = (self.seal_key, self.deployment);
        let remote = self.store.map(|store| {
            Arc::new(Remote::new(
                store,
                Sealing::new(key),
                &self.service,
                deployment,
            ))
        });
        Ok(Larder::from_shared(Shared {
            service: self.service.into(),
            node,
            bus: self.bus,
            local: Local::new(self.local_capacity, observers, self.clock),
            local_capacity: self.local_capacity,
            remote,
            flights: Arc::<Flights>::default(),
            regions: RwLock::default(),
            switches,
            domains: Mutex::default(),
            unpublished: Unpublished::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            strict_scopes: self.strict_scopes,
            scopes_in_use: AtomicBool::new(false),
            unscoped_reads: AtomicU64::new(0),
            bypasses: AtomicU64::new(0),
        }))
    }

    fn check(&self) -> Result<(), BuildError> {
        let wrong = |setting, trouble| Err(BuildError::Setting { setting, trouble });
        if !is_plain(&self.service) {
            return wrong("service", "must be one or more letters, digits, `-` or `_`");
        }
        if self.local_capacity == 0 {
            return wrong(
                "local_capacity",
                "is 0 bytes: to cache nothing, switch the service off (`LARDER_ENABLED=false`)",
            );
        }
        if self.max_staleness.is_zero() {
            return wrong("max_staleness", "is zero: nothing could ever be served");
        }
        if !(64..=1 << 28).contains(&self.slots) {
            return wrong("slots", "must be from 64 to 2^28");
        }
        Ok(())
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("service", &self.service)
            .field("bus", &self.bus)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
