//! What most tests begin with.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::test_util::ManualClock;
use larder_core::{Builder, Key, Larder, Policy, Region, TableName};

pub(crate) const S: Duration = Duration::from_secs(1);

/// Switches are read from here: from nowhere.
pub(crate) const NO_VARIABLES: [(&str, &str); 0] = [];

pub(crate) fn builder() -> Builder {
    Larder::builder("shop").environment(NO_VARIABLES)
}

pub(crate) fn larder() -> Larder {
    builder().build().unwrap()
}

/// A cache whose time stands still.
pub(crate) fn timed() -> (Larder, ManualClock) {
    let clock = ManualClock::new();
    (builder().clock(clock.clone()).build().unwrap(), clock)
}

pub(crate) fn long() -> Policy {
    Policy::ttl(600 * S)
}

pub(crate) fn region<V: Send + Sync + 'static>(larder: &Larder, name: &str) -> Region<V> {
    larder.region(name, long()).unwrap()
}

/// Reads `key`, with a loader that gives `value`.
pub(crate) async fn read<V>(region: &Region<V>, key: impl Into<Key>, value: V) -> V
where
    V: Clone + Send + Sync + 'static,
{
    let loaded = region
        .get_or_load(key, || async { Ok::<_, Infallible>(value) })
        .await;
    (*loaded.unwrap()).clone()
}

pub(crate) fn table(name: &str) -> TableName {
    TableName::new("main", name)
}

/// A value outside of the cache that can be read and written: the truth.
#[derive(Clone, Default)]
pub(crate) struct Truth {
    value: Arc<AtomicU64>,
    reads: Arc<AtomicU64>,
}

impl Truth {
    pub(crate) fn of(value: u64) -> Self {
        let truth = Self::default();
        truth.write(value);
        truth
    }

    pub(crate) fn write(&self, value: u64) {
        self.value.store(value, Ordering::SeqCst);
    }

    /// Reads it, as a loader does, and counts that.
    #[expect(clippy::unnecessary_wraps, reason = "a loader gives a `Result`")]
    pub(crate) fn load(&self) -> Result<u64, Infallible> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Ok(self.value.load(Ordering::SeqCst))
    }

    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    /// Reads it through the cache.
    pub(crate) async fn through(&self, region: &Region<u64>, key: impl Into<Key>) -> u64 {
        *region
            .get_or_load(key, || async { self.load() })
            .await
            .unwrap()
    }
}
