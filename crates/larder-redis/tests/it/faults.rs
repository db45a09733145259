//! Faults of a server: what callers wait, what is served meanwhile, how soon all is well again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::{Clock as _, Moment, Store as _, StoreHealth, StoreKey, SystemClock};
use larder_redis::Redis;
use tokio::task::{JoinHandle, JoinSet, block_in_place};

use crate::node::Node;
use crate::proxy::Proxy;
use crate::server::{Server, eventually, within};

const REMOTE_TIMEOUT: Duration = Duration::from_millis(25);
/// What a caller may wait beyond it, on a machine that has a processor to spare.
const SLACK: Duration = Duration::from_millis(5);
/// `max_staleness`, as a `Larder` has it by default.
const STALENESS: Duration = Duration::from_secs(1);
/// Redis is used again within this of its being back.
const RECOVERY: Duration = Duration::from_secs(2);
/// The recovery window, and what is needed to notice that Redis is back.
const TRUSTED: Duration = Duration::from_millis(3500);

/// Two nodes on one server, of which the first is asked all the time.
struct World {
    server: Server,
    proxy: Option<Proxy>,
    one: Node,
    two: Node,
    clock: SystemClock,
    _callers: JoinSet<()>,
    noise: JoinHandle<()>,
    late: Arc<AtomicU64>,
}

impl World {
    async fn begin() -> Option<Self> {
        let server = Server::start()?;
        let url = server.url().to_owned();
        Some(Self::over(server, None, &url).await)
    }

    async fn behind_a_proxy() -> Option<Self> {
        let server = Server::start()?;
        let proxy = Proxy::to(server.address()).await;
        let url = proxy.url();
        Some(Self::over(server, Some(proxy), &url).await)
    }

    async fn over(server: Server, proxy: Option<Proxy>, url: &str) -> Self {
        let (one, two) = tokio::join!(Node::heard(url), Node::heard(url));
        let clock = SystemClock::new();
        let late = Arc::default();
        Self {
            _callers: callers(&one.redis),
            noise: tokio::spawn(watch_noise(clock, Arc::clone(&late))),
            server,
            proxy,
            one,
            two,
            clock,
            late,
        }
    }

    /// Goes through a fault: a write at its height, and what everybody sees of it until all is
    /// well.
    async fn bears(
        mut self,
        name: &str,
        begin: impl FnOnce(&mut Self),
        lasts: Duration,
        end: impl FnOnce(&mut Self),
    ) -> Self {
        for node in [&self.one, &self.two] {
            assert_eq!(node.read(7, 1).await, 1);
        }
        // So that no caller waits for this thread.
        block_in_place(|| begin(&mut self));
        let began = self.clock.now();
        self.one.write(7).await;
        let written = self.clock.now();
        assert_eq!(self.one.served(7).await, None, "{name}: read your writes");
        while self.clock.now() < began.after(lasts) {
            self.look(name, written).await;
        }
        block_in_place(|| end(&mut self));
        let ended = self.clock.now();
        let store = self.one.redis.store();
        let mut up = None;
        while !self.is_over().await {
            self.look(name, written).await;
            let now = self.clock.now();
            if store.health() == StoreHealth::Up {
                up.get_or_insert(now.since(ended));
            }
            let bus = self.two.bus();
            assert!(
                now < ended.after(TRUSTED),
                "{name}: not trusted again: {bus}"
            );
        }
        let trusted = self.clock.now().since(ended);
        let up = up.unwrap_or_default();
        println!(
            "{name}: values after {up:.0?}, trusted after {trusted:.0?}; {}",
            self.one.redis.statistics()
        );
        assert!(up < RECOVERY, "{name}: values only after {up:?}");
        self.is_well_again(name).await;
        self
    }

    /// Both nodes trust the bus, on which the write is.
    async fn is_over(&self) -> bool {
        let heard = self.one.is_heard() && self.two.is_heard();
        let published = self.one.bus().published > 0;
        heard && published && self.two.served(7).await.is_none()
    }

    /// Nothing older than the bound is served, and nothing that this node has overwritten.
    async fn look(&self, name: &str, written: Moment) {
        let now = self.clock.now();
        let served = (self.one.served(7).await, self.two.served(7).await);
        assert_eq!(served.0, None, "{name}: read your writes");
        if now > written.after(STALENESS) {
            assert_eq!(served.1, None, "{name}: older than max_staleness");
        }
        self.clock.sleep(Duration::from_millis(1)).await;
    }

    async fn is_well_again(&self, name: &str) {
        assert_eq!(
            self.two.served(7).await,
            None,
            "{name}: the write was heard"
        );
        for node in [&self.one, &self.two] {
            assert_eq!(node.read(7, 2).await, 2, "{name}");
            assert_eq!(
                node.served(7).await,
                Some(2),
                "{name}: kept and served again"
            );
        }
        let longest = self.one.redis.statistics();
        let late = Duration::from_nanos(self.late.load(Ordering::Relaxed));
        for connection in [&longest.values, &longest.bus.as_ref().unwrap().publisher] {
            let waited = connection.longest_wait;
            assert!(
                waited <= REMOTE_TIMEOUT + SLACK + late,
                "{name}: a caller waited {waited:?}, with timers up to {late:?} late"
            );
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.noise.abort();
    }
}

/// Sixteen callers that read values one after the other.
fn callers(redis: &Redis) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for number in 0..16 {
        let store = redis.store();
        callers.spawn(async move {
            let clock = SystemClock::new();
            let keys = [StoreKey::new("shop.prices", [number; 32])];
            loop {
                let _ = store.get(&keys).await;
                clock.sleep(Duration::from_millis(5)).await;
            }
        });
    }
    callers
}

/// Notes how much later than it should a timer of the remote timeout fires here.
async fn watch_noise(clock: SystemClock, late: Arc<AtomicU64>) {
    loop {
        let due = clock.now().after(REMOTE_TIMEOUT);
        clock.sleep(REMOTE_TIMEOUT).await;
        let by = u64::try_from(clock.now().since(due).as_nanos()).unwrap();
        late.fetch_max(by, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_comes_back_empty() {
    let Some(world) = World::begin().await else {
        return;
    };
    let kill = |world: &mut World| world.server.kill();
    let restart = |world: &mut World| world.server.restart();
    let world = world
        .bears("kill -9", kill, Duration::from_millis(1500), restart)
        .await;
    assert_eq!(world.two.bus().gaps, 1, "a log that is gone is a gap");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs() {
    let Some(world) = World::begin().await else {
        return;
    };
    let stop = |world: &mut World| world.server.stop();
    let go_on = |world: &mut World| world.server.go_on();
    let world = world
        .bears("SIGSTOP", stop, Duration::from_secs(2), go_on)
        .await;
    assert_eq!(world.two.bus().gaps, 0, "nothing was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_everything() {
    let Some(world) = World::behind_a_proxy().await else {
        return;
    };
    let swallow = |world: &mut World| world.proxy.as_ref().unwrap().swallow();
    let pass = |world: &mut World| world.proxy.as_ref().unwrap().pass();
    let world = world
        .bears("black hole", swallow, Duration::from_secs(2), pass)
        .await;
    assert_eq!(world.two.bus().gaps, 0, "nothing was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_paused() {
    let Some(world) = World::begin().await else {
        return;
    };
    let pause = |world: &mut World| {
        world.server.ask(&["CLIENT", "PAUSE", "1500", "ALL"]);
    };
    let world = world
        .bears("CLIENT PAUSE", pause, Duration::from_millis(1500), |_| {})
        .await;
    assert_eq!(world.two.bus().gaps, 0, "nothing was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut() {
    let Some(world) = World::begin().await else {
        return;
    };
    let cut = |world: &mut World| {
        world.server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    };
    let world = world
        .bears("CLIENT KILL", cut, Duration::ZERO, |_| {})
        .await;
    assert_eq!(world.two.bus().gaps, 0, "nothing was lost");
    assert!(world.two.bus().windows >= 2, "a missed read opens a window");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_flushed() {
    let Some(world) = World::begin().await else {
        return;
    };
    let flush = |world: &mut World| {
        world.server.ask(&["FLUSHALL"]);
    };
    let world = world.bears("FLUSHALL", flush, Duration::ZERO, |_| {}).await;
    assert_eq!((world.one.bus().gaps, world.two.bus().gaps), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_again_and_again() {
    let Some(mut world) = World::begin().await else {
        return;
    };
    for node in [&world.one, &world.two] {
        assert_eq!(node.read(7, 1).await, 1);
    }
    for round in 0..8 {
        block_in_place(|| world.server.kill());
        world.one.write(7).await;
        assert_eq!(world.one.served(7).await, None, "round {round}");
        block_in_place(|| world.server.restart());
        let up = || world.one.redis.store().health() == StoreHealth::Up;
        if round % 2 == 0 {
            within(RECOVERY, "values", up).await;
        }
    }
    let heard = || world.one.is_heard() && world.two.is_heard() && world.one.bus().published > 0;
    let trusted = within(TRUSTED, "trusted", heard).await;
    println!(
        "restart loop: trusted after {trusted:.0?}; {}",
        world.one.redis.statistics()
    );
    world.is_well_again("restart loop").await;
}

#[tokio::test]
async fn memory_that_runs_out_takes_values_and_never_the_log() {
    let arguments = ["--maxmemory", "8mb", "--maxmemory-policy", "volatile-lru"];
    let Some(server) = Server::start_with(&arguments) else {
        return;
    };
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    assert_eq!(two.read(7, 1).await, 1);
    let store = one.redis.store();
    for number in 0..400_u16 {
        let mut hash = [0; 32];
        hash[..2].copy_from_slice(&number.to_le_bytes());
        let value = larder_core::StoreValue {
            key: StoreKey::new("shop.prices", hash),
            bytes: vec![1; 50_000].into(),
            ttl: Duration::from_secs(60),
        };
        store.put(&[value]).await.unwrap();
    }
    let evicted = server.ask(&["INFO", "stats"]);
    assert!(
        !evicted.text().contains("evicted_keys:0\r"),
        "nothing had to go"
    );
    let position = one
        .larder
        .publish(larder_core::Change::row(&crate::node::table(), 7))
        .await;
    two.until_applied(position.unwrap()).await;
    assert_eq!(two.served(7).await, None);
    assert_eq!((one.bus().gaps, two.bus().gaps), (0, 0));
}

#[tokio::test]
async fn a_cursor_that_was_trimmed_is_a_gap() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    for row in 0..10 {
        assert_eq!(two.read(row, 1).await, 1);
    }
    // In one go, so that the change is added and lost between two reads.
    let stream = "larder:{larder}:changes";
    let script = "redis.call('XADD', KEYS[1], '*', 'c', 'x') redis.call('XADD', KEYS[1], '*', 'n', '1') \
        redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', '1')";
    server.ask(&["EVAL", script, "1", stream]);
    eventually("the gap is noticed", || two.bus().gaps == 1).await;
    for row in 0..10 {
        assert_eq!(two.served(row).await, None);
        assert_eq!(two.read(row, 2).await, 2);
        assert_eq!(two.served(row).await, Some(2), "what is loaded now lives");
    }
    drop(one);
}

#[tokio::test]
async fn a_server_that_loses_the_end_of_its_log_is_another_log() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    server.ask(&["SAVE"]);
    let position = one
        .larder
        .publish(larder_core::Change::row(&crate::node::table(), 7))
        .await
        .unwrap();
    two.until_applied(position).await;
    assert_eq!(two.read(7, 2).await, 2);
    let incarnation = two.larder.node().incarnation();
    server.kill();
    server.restart();
    eventually("the gap is noticed", || {
        one.bus().gaps + two.bus().gaps == 2
    })
    .await;
    tokio::join!(one.until_heard(), two.until_heard());
    assert_ne!(two.larder.node().incarnation(), incarnation);
    assert_eq!(two.bus().gaps, 1);
    let node = two.larder.node();
    eventually("positions are as high as they were", || {
        node.watermark() > position
    })
    .await;
    assert_eq!(two.read(7, 2).await, 2);
    assert_eq!(two.served(7).await, Some(2), "what is loaded now lives");
    assert!(one.write(7).await);
    eventually("heard", || two.bus().foreign > 0).await;
}

#[tokio::test]
async fn ids_made_up_by_hand_stop_the_bus_and_say_so() {
    let Some(server) = Server::start() else {
        return;
    };
    let node = Node::heard(server.url()).await;
    let stream = "larder:{larder}:changes";
    server.ask(&["XADD", stream, "18446744073709551000-0", "c", "x"]);
    let told = || {
        node.bus()
            .last_error
            .is_some_and(|error| error.contains("remove the stream"))
    };
    eventually("it is said", told).await;
    assert!(!node.write(7).await);
    assert_eq!(node.served(7).await, None);
    server.ask(&["DEL", stream]);
    eventually("the gap is noticed", || node.bus().gaps == 1).await;
    node.until_heard().await;
    assert_eq!(node.read(7, 2).await, 2);
    assert_eq!(node.served(7).await, Some(2));
}
