//! A process of a service, as far as its cache goes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder_core::{
    Change, Dependency, Larder, Observer, Plain, Policy, Position, Region, TableName,
};
use larder_redis::{BusSnapshot, Redis};

use crate::server::eventually;

/// A `Larder` on a bus, with a region of numbers that depend on rows of one table.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) redis: Redis,
    pub(crate) larder: Larder,
    pub(crate) numbers: Region<u64>,
    loads: AtomicU64,
}

impl Node {
    /// Starts a node, whose bus need not answer.
    pub(crate) fn start(url: &str) -> Self {
        Self::on(Redis::builder(url).build().unwrap())
    }

    /// Starts a node that waits longer, so that no publication has to be made again.
    pub(crate) async fn patient(url: &str) -> Self {
        let redis = Redis::builder(url).remote_timeout(Duration::from_millis(100));
        let node = Self::on(redis.build().unwrap());
        node.until_heard().await;
        node
    }

    /// Starts a node and waits until its bus is trusted.
    pub(crate) async fn heard(url: &str) -> Self {
        let node = Self::start(url);
        node.until_heard().await;
        node
    }

    /// Starts a node that shares what it loads, and waits until its bus is trusted.
    pub(crate) async fn sharing(url: &str, deployment: &str, ttl: Duration) -> Self {
        let redis = Redis::builder(url).remote_timeout(Duration::from_millis(100));
        let redis = redis.build().unwrap();
        let larder = Larder::builder("shop")
            .environment([("", "")])
            .deployment(deployment)
            .store(redis.store())
            .bus(redis.bus())
            .build()
            .unwrap();
        let numbers = larder.region("numbers", Policy::ttl(ttl)).unwrap();
        let node = Self {
            redis,
            numbers: numbers.with_codec(Plain),
            larder,
            loads: AtomicU64::new(0),
        };
        node.redis.connect().await.unwrap();
        node.until_heard().await;
        node
    }

    pub(crate) fn on(redis: Redis) -> Self {
        let larder = Larder::builder("shop")
            .environment([("", "")])
            .bus(redis.bus())
            .build()
            .unwrap();
        let policy = Policy::ttl(Duration::from_mins(10));
        Self {
            redis,
            numbers: larder.region("numbers", policy).unwrap(),
            larder,
            loads: AtomicU64::new(0),
        }
    }

    /// Reads a row's number; a miss loads what the database has.
    pub(crate) async fn read(&self, row: i64, database: u64) -> u64 {
        let load = async || {
            self.loads.fetch_add(1, Ordering::Relaxed);
            self.larder.reading(None, &[Dependency::row(&table(), row)]);
            Ok::<_, std::io::Error>(database)
        };
        *self.numbers.get_or_load(row, load).await.unwrap()
    }

    /// Returns what is served of a row, nothing where it would be loaded.
    pub(crate) async fn served(&self, row: i64) -> Option<u64> {
        self.numbers.get(row).await.as_deref().copied()
    }

    /// Publishes a write of a row; tells whether it is on the log.
    pub(crate) async fn write(&self, row: i64) -> bool {
        self.larder
            .publish(Change::row(&table(), row))
            .await
            .is_ok()
    }

    /// Publishes a write of a row until it is on the log.
    ///
    /// On a crowded machine one publication in some thousands takes longer than the remote timeout.
    pub(crate) async fn publish(&self, row: i64) -> Position {
        let deadline = self.larder.clock().now().after(Duration::from_secs(10));
        loop {
            match self.larder.publish(Change::row(&table(), row)).await {
                Ok(position) => return position,
                Err(error) => assert!(self.larder.clock().now() < deadline, "{error}"),
            }
        }
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    pub(crate) fn bus(&self) -> BusSnapshot {
        self.redis.bus().snapshot()
    }

    /// Waits until the bus is trusted, and publishes.
    pub(crate) async fn until_heard(&self) {
        eventually("the bus is heard", || self.is_heard()).await;
    }

    pub(crate) fn is_heard(&self) -> bool {
        let bus = self.bus();
        let recent = |heard: Duration| heard < Duration::from_millis(300);
        !bus.recovering
            && bus.adopted
            && bus.heard.is_some_and(recent)
            && bus.publisher.circuit == larder_redis::Circuit::Closed
    }

    /// Waits until this node has applied what is at `position`.
    pub(crate) async fn until_applied(&self, position: Position) {
        let node = self.larder.node();
        eventually("the change is applied", || node.watermark() > position).await;
    }
}

pub(crate) fn table() -> TableName {
    TableName::new("main", "article")
}

/// Writes down what it hears.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ear(Arc<Mutex<Vec<Position>>>);

impl Ear {
    pub(crate) fn heard(&self) -> Vec<Position> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Ear {
    fn changed(&self, position: Position, _change: &Change) {
        self.0.lock().unwrap().push(position);
    }
}
