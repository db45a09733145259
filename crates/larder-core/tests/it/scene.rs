//! What most tests begin with.

use std::any::Any;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use larder_core::test_util::{ManualClock, MemoryStore};
use larder_core::{Builder, Codec, CodecError, Key, Larder, Policy, Region, TableName};

pub(crate) const S: Duration = Duration::from_secs(1);

/// Switches are read from here: from nowhere.
pub(crate) const NO_VARIABLES: [(&str, &str); 0] = [];

/// Begins a cache: of the local tier alone, or, if `LARDER_TEST_TIERS` is `memory`, with a remote one.
pub(crate) fn builder() -> Builder {
    let builder = Larder::builder("shop").environment(NO_VARIABLES);
    match std::env::var("LARDER_TEST_TIERS").as_deref() {
        Err(_) | Ok("local") => builder,
        Ok("memory") => builder.store(MemoryStore::new()),
        Ok(other) => panic!("LARDER_TEST_TIERS is {other}: it can be local or memory"),
    }
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
    larder.region(name, long()).unwrap().with_codec(Plain)
}

/// Numbers and texts as bytes; what is of another type stays in the local tier.
pub(crate) struct Plain;

impl<V: Send + Sync + 'static> Codec<V> for Plain {
    fn fingerprint(&self) -> u64 {
        0
    }

    fn encode(&self, value: &V, into: &mut Vec<u8>) -> Result<(), CodecError> {
        let value: &dyn Any = value;
        if let Some(number) = value.downcast_ref::<u64>() {
            into.extend_from_slice(&number.to_le_bytes());
        } else if let Some(text) = value.downcast_ref::<String>() {
            into.extend_from_slice(text.as_bytes());
        } else {
            return Err(CodecError::new("neither a number nor a text"));
        }
        Ok(())
    }

    fn decode(&self, bytes: Bytes) -> Result<V, CodecError> {
        let text = || String::from_utf8(bytes.to_vec()).ok();
        let number = || Some(u64::from_le_bytes(bytes[..].try_into().ok()?));
        let mut values: [Option<Box<dyn Any>>; 2] = [
            number().map(|number| Box::new(number) as Box<dyn Any>),
            text().map(|text| Box::new(text) as Box<dyn Any>),
        ];
        let mut values = values.iter_mut().filter_map(Option::take);
        let value = values.find_map(|value| value.downcast::<V>().ok());
        value
            .map(|value| *value)
            .ok_or_else(|| CodecError::new("neither a number nor a text"))
    }
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
