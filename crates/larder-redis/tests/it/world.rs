//! Two nodes that go through a fault together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::{Clock as _, Moment, Store as _, StoreHealth, StoreKey, SystemClock};
use larder_redis::Redis;
use tokio::task::{JoinSet, block_in_place};

use crate::node::Node;
use crate::proxy::Proxy;
use crate::server::Server;

const REMOTE_TIMEOUT: Duration = Duration::from_millis(25);
const CALLERS: u8 = 16;
/// What a caller may wait beyond it, on a machine that has a processor to spare.
const SLACK: Duration = Duration::from_millis(5);
/// `max_staleness`, as a `Larder` has it by default.
const STALENESS: Duration = Duration::from_secs(1);
/// Redis is used again within this of its being back.
pub(crate) const RECOVERY: Duration = Duration::from_secs(2);
/// The recovery window, and what is needed to notice that Redis is back.
pub(crate) const TRUSTED: Duration = Duration::from_millis(3500);

/// What is loaded is kept again within this of the bus being trusted.
const SETTLED: Duration = Duration::from_millis(500);

/// Two nodes on one server, of which the first is asked all the time.
pub(crate) struct World {
    pub(crate) servers: Vec<Server>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) one: Node,
    pub(crate) two: Node,
    clock: SystemClock,
    _callers: JoinSet<()>,
    _noise: JoinSet<()>,
    late: Arc<AtomicU64>,
}

impl World {
    pub(crate) async fn begin() -> Option<Self> {
        let server = Server::start()?;
        let url = server.url().to_owned();
        Some(Self::over(vec![server], &url).await)
    }

    pub(crate) async fn behind_a_proxy() -> Option<Self> {
        let server = Server::start()?;
        let proxy = Proxy::to(server.address()).await;
        let url = proxy.url();
        let mut world = Self::over(vec![server], &url).await;
        world.proxy = Some(proxy);
        Some(world)
    }

    /// Starts the nodes, on servers that run already.
    pub(crate) async fn over(servers: Vec<Server>, url: &str) -> Self {
        let (one, two) = tokio::join!(Node::heard(url), Node::heard(url));
        let clock = SystemClock::new();
        let late = Arc::default();
        Self {
            _callers: callers(&one.redis),
            _noise: noise(clock, &late),
            servers,
            proxy: None,
            one,
            two,
            clock,
            late,
        }
    }

    /// Goes through a fault: a write at its height, and what everybody sees of it until all is
    /// well.
    pub(crate) async fn bears(
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
            "{name}: values after {up:.2?}, trusted after {trusted:.2?}; {}",
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

    pub(crate) async fn is_well_again(&self, name: &str) {
        assert_eq!(
            self.two.served(7).await,
            None,
            "{name}: the write was heard"
        );
        for node in [&self.one, &self.two] {
            let deadline = self.clock.now().after(SETTLED);
            // All of before is invalid until the log is past the end of the silence.
            while node.served(7).await != Some(2) {
                assert_eq!(node.read(7, 2).await, 2, "{name}");
                assert!(self.clock.now() < deadline, "{name}: not kept again");
                self.clock.sleep(Duration::from_millis(1)).await;
            }
        }
        let longest = self.one.redis.statistics();
        let late = Duration::from_nanos(self.late.load(Ordering::Relaxed));
        for connection in [&longest.values, &longest.bus.as_ref().unwrap().publisher] {
            let waited = connection.longest_wait;
            // The processor may be lost before the timer starts and after it fires.
            assert!(
                waited <= REMOTE_TIMEOUT + SLACK + late * 2,
                "{name}: a caller waited {waited:?}, with timers up to {late:?} late"
            );
        }
    }
}

/// Callers that read values one after the other.
fn callers(redis: &Redis) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
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

/// As many as there are callers, so that they meet the same crowd on the processors.
fn noise(clock: SystemClock, late: &Arc<AtomicU64>) -> JoinSet<()> {
    let mut noise = JoinSet::new();
    for _ in 0..CALLERS {
        noise.spawn(watch_noise(clock, Arc::clone(late)));
    }
    noise
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
