//! One behaviour over every make-up: {local, local + memory, local + Redis} x {`LocalBus`, `RedisBus`}.

mod behaviours;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use larder::redis::Redis;
use larder::test_util::MemoryStore;
use larder::{Codec, CodecError, Dependency, Key, Larder, LocalBus, Policy, Region, TableName};
use larder_test_servers::Redis as RedisServer;

const DEADLINE: Duration = Duration::from_secs(20);

/// What two nodes have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remote {
    None,
    Memory,
    Redis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Local,
    Redis,
}

/// Two nodes of one service, and the truth they read.
struct Scene {
    name: String,
    a: Node,
    b: Node,
    truth: Arc<AtomicU64>,
}

struct Node {
    larder: Larder,
    /// Its connection, if there is one.
    _redis: Option<Redis>,
    numbers: Region<u64>,
    loads: AtomicU64,
    truth: Arc<AtomicU64>,
}

struct Number;

impl Codec<u64> for Number {
    fn fingerprint(&self) -> u64 {
        1
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

fn row() -> TableName {
    TableName::new("main", "number")
}

impl Node {
    fn new(larder: Larder, redis: Option<Redis>, truth: &Arc<AtomicU64>) -> Self {
        let policy = Policy::ttl(Duration::from_mins(10)).negative_ttl(Duration::from_mins(1));
        let numbers = larder.region("numbers", policy).unwrap();
        Self {
            numbers: numbers.with_codec(Number),
            larder,
            _redis: redis,
            loads: AtomicU64::new(0),
            truth: Arc::clone(truth),
        }
    }

    #[expect(clippy::unused_async, reason = "a loader is")]
    async fn load(&self) -> Result<u64, Infallible> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.larder.reading(None, &[Dependency::row(&row(), 1)]);
        Ok(self.truth.load(Ordering::SeqCst))
    }

    async fn read(&self, key: impl Into<Key>) -> u64 {
        *self.numbers.get_or_load(key, || self.load()).await.unwrap()
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }
}

impl Scene {
    async fn of(remote: Remote, order: Order, redis: Option<&RedisServer>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let nothing: [(&str, &str); 0] = [];
        let prefix = format!("tiers{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let connect = |redis: &RedisServer| {
            let builder = Redis::builder(redis.url());
            builder.prefix(prefix.clone()).build().unwrap()
        };
        let (memory, local) = (MemoryStore::new(), LocalBus::new());
        let truth = Arc::<AtomicU64>::default();
        let node = || {
            let builder = Larder::builder("tiers").environment(nothing);
            let redis = redis.map(connect);
            let builder = match (remote, &redis) {
                (Remote::None, _) | (Remote::Redis, None) => builder,
                (Remote::Memory, _) => builder.store(memory.clone()),
                (Remote::Redis, Some(redis)) => builder.store(redis.store()),
            };
            let builder = match (order, &redis) {
                (Order::Redis, Some(redis)) => builder.bus(redis.bus()),
                _ => builder.bus(local.clone()),
            };
            Node::new(builder.build().unwrap(), redis, &truth)
        };
        let scene = Self {
            name: format!("{remote:?}, {order:?}"),
            a: node(),
            b: node(),
            truth,
        };
        scene.ready().await;
        scene
    }

    /// Tells whether one node finds what the other has stored.
    fn shares(&self) -> bool {
        !self.name.starts_with("None")
    }

    /// Waits until both nodes hear their bus and have their store.
    async fn ready(&self) {
        until(&self.name, || {
            [&self.a, &self.b].iter().all(|node| {
                let snapshot = node.larder.snapshot();
                let heard = node.larder.node().heard_at() != larder::Moment::ZERO;
                heard && snapshot.remote.is_none_or(|remote| remote.up)
            })
        })
        .await;
    }

    /// Changes the truth on node `a`, as a committed write does.
    async fn write(&self, value: u64) {
        self.truth.store(value, Ordering::SeqCst);
        let change = larder::Change::row(&row(), 1);
        self.a.larder.publish(change).await.unwrap();
    }
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        tokio::time::timeout(DEADLINE, wait).await.is_ok(),
        "it did not come about: {what}"
    );
}

/// Waits until a read gives what it should.
async fn until_read(what: &str, node: &Node, key: &str, value: u64) {
    let wait = async {
        while node.read(key).await != value {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        tokio::time::timeout(DEADLINE, wait).await.is_ok(),
        "it was not read: {what}"
    );
}

/// Runs a behaviour over every make-up; those with Redis are left out where it is not installed.
async fn everywhere<F: AsyncFn(&Scene)>(behaviour: F) {
    let server = RedisServer::start(&[]);
    for remote in [Remote::None, Remote::Memory, Remote::Redis] {
        for order in [Order::Local, Order::Redis] {
            let needs = remote == Remote::Redis || order == Order::Redis;
            if needs && server.is_none() {
                continue;
            }
            let scene = Scene::of(remote, order, server.as_ref().filter(|_| needs)).await;
            behaviour(&scene).await;
        }
    }
}
