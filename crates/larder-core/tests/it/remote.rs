//! Several nodes over one store: what one has loaded others need not, and nothing a store does makes an
//! answer old.

mod apart;
mod faults;
mod histories;
mod leases;
mod sharing;

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use larder_core::test_util::{ManualClock, MemoryStore};
use larder_core::{
    Builder, Codec, CodecError, Dependency, Key, Larder, Policy, Region, Store, TableName,
};

use crate::faulty_bus::{Log, LogBus};
use crate::gate::until;
use crate::scene::{builder, long, table};

/// Numbers as eight bytes.
pub(crate) struct Number {
    pub(crate) fingerprint: u64,
}

impl Codec<u64> for Number {
    fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    fn encode(&self, value: &u64, into: &mut Vec<u8>) -> Result<(), CodecError> {
        into.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn decode(&self, bytes: Bytes) -> Result<u64, CodecError> {
        let bytes = bytes[..].try_into();
        bytes
            .map(u64::from_le_bytes)
            .map_err(|error| CodecError::caused_by("not eight bytes", error))
    }
}

/// One node: its cache, its end of the log, and how often it loads.
pub(crate) struct Node {
    pub(crate) larder: Larder,
    pub(crate) bus: LogBus,
    pub(crate) numbers: Region<u64>,
    loads: AtomicU64,
}

impl Node {
    pub(crate) fn build(log: &Log, builder: Builder, policy: Policy) -> Self {
        let bus = LogBus::on(log);
        let larder = builder.bus(bus.clone()).build().unwrap();
        let numbers = larder.region::<u64>("numbers", policy).unwrap();
        let node = Self {
            numbers: numbers.with_codec(Number { fingerprint: 1 }),
            larder,
            bus,
            loads: AtomicU64::new(0),
        };
        node.hear();
        node
    }

    pub(crate) fn with(log: &Log, store: impl Store, clock: &ManualClock) -> Self {
        Self::build(log, builder().store(store).clock(clock.clone()), long())
    }

    /// Reads the log to its end, now.
    pub(crate) fn hear(&self) {
        self.bus.poll();
        self.bus.heard(self.larder.clock().now());
    }

    /// Reads a number made of row 7, with a loader that gives `value`.
    pub(crate) async fn read(&self, key: impl Into<Key>, value: u64) -> u64 {
        let loaded = self.numbers.get_or_load(key, || self.load(value)).await;
        *loaded.unwrap()
    }

    #[expect(clippy::unused_async, reason = "a loader is")]
    async fn load(&self, value: u64) -> Result<u64, Infallible> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.larder.reading(None, &[Dependency::row(&offers(), 7)]);
        Ok(value)
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    /// Waits until nothing waits to be stored.
    pub(crate) async fn stored(&self, store: &MemoryStore, values: usize) {
        until("all is stored", || store.len() >= values).await;
    }

    pub(crate) fn remote_hits(&self) -> u64 {
        self.larder
            .snapshot()
            .region("numbers")
            .unwrap()
            .remote_hits
    }

    pub(crate) fn unreadable(&self) -> Vec<(&'static str, u64)> {
        self.larder.snapshot().remote.unwrap().unreadable
    }
}

pub(crate) fn offers() -> TableName {
    table("offer")
}

/// Two nodes over one log, one store and one clock.
pub(crate) struct Pair {
    pub(crate) a: Node,
    pub(crate) b: Node,
    pub(crate) store: MemoryStore,
    pub(crate) clock: ManualClock,
}

pub(crate) fn pair() -> Pair {
    let (log, clock) = (Log::default(), ManualClock::new());
    let store = MemoryStore::with_clock(clock.clone());
    Pair {
        a: Node::with(&log, store.clone(), &clock),
        b: Node::with(&log, store.clone(), &clock),
        store,
        clock,
    }
}
