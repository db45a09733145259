//! A Redis, connected to in the background.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use larder_core::Clock as _;
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::breaker::Circuit;
use crate::bus::RedisBus;
use crate::config::{Builder, Settings};
use crate::doctor::{Report, examine};
use crate::error::{ConfigError, ConnectError};
use crate::guard::Guard;
use crate::recipe::Recipe;
use crate::statistics::Statistics;
use crate::store::RedisStore;
use crate::supervisor::supervise;
use crate::tuning::Tuning;

/// How long [`Redis::connect`] waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// A Redis: one, a cluster, or one under Sentinel. Clones share their connections.
///
/// What was handed out keeps the connections; with the last of it they end.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

struct Shared {
    settings: Arc<Settings>,
    runtime: Handle,
    values: Arc<Guard>,
    bus: OnceLock<RedisBus>,
    closing: CancellationToken,
    _closes: DropGuard,
}

impl Redis {
    /// Begins to configure a connection.
    ///
    /// `redis://user:password@host:6379/0`; `redis-cluster://host:6379?node=other:6379`;
    /// `redis-sentinel://host:26379?node=other:26379&sentinelServiceName=main`; by TLS with
    /// `rediss` for `redis`.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }

    pub(crate) fn start(settings: Settings) -> Result<Self, ConfigError> {
        let runtime = Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
        let tuning = Tuning::values(settings.remote_timeout);
        let recipe = Recipe::lasting(settings.config.clone(), tuning);
        let values = Arc::new(Guard::new("values", recipe, settings.in_flight));
        let closing = CancellationToken::new();
        let (guard, until) = (Arc::clone(&values), closing.clone());
        runtime.spawn(async move { supervise(&guard, until).await });
        Ok(Self(Arc::new(Shared {
            settings: Arc::new(settings),
            runtime,
            values,
            bus: OnceLock::new(),
            _closes: closing.clone().drop_guard(),
            closing,
        })))
    }

    /// Returns the remote tier.
    pub fn store(&self) -> RedisStore {
        RedisStore::new(self.clone())
    }

    /// Returns the bus, begun by the first call: one for all `Larder`s of the process.
    pub fn bus(&self) -> RedisBus {
        let shared = &self.0;
        let begin = || RedisBus::start(&shared.settings, &shared.runtime);
        shared.bus.get_or_init(begin).clone()
    }

    /// Waits until Redis answers, five seconds at most.
    ///
    /// For those who would rather not start than start without it: a service that does not call
    /// this serves without Redis until it is there.
    ///
    /// # Errors
    /// It did not answer; what the last attempt failed with.
    pub async fn connect(&self) -> Result<(), ConnectError> {
        let guard = self.values();
        let deadline = guard.clock.now().after(PATIENCE);
        while guard.circuit() != Circuit::Closed {
            if guard.clock.now() >= deadline {
                let last = guard.last_error();
                let within = PATIENCE;
                return Err(ConnectError { within, last });
            }
            guard.clock.sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Looks into the connection and says what is wrong with it.
    ///
    /// Connects anew, apart from all others, and takes a few seconds where something is wrong.
    /// Writes a key and a stream under the prefix, and removes them.
    pub async fn doctor(&self) -> Report {
        examine(&self.0.settings).await
    }

    /// Returns what was done since the start.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            values: self.values().snapshot(),
            bus: self.0.bus.get().map(RedisBus::snapshot),
        }
    }

    /// Ends the connections. Nothing is asked afterwards: the store is down, the bus silent.
    pub fn close(&self) {
        self.0.closing.cancel();
        if let Some(bus) = self.0.bus.get() {
            bus.close();
        }
    }

    pub(crate) fn values(&self) -> &Guard {
        &self.0.values
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("prefix", &self.settings().prefix)
            .field("circuit", &self.values().circuit())
            .finish_non_exhaustive()
    }
}
