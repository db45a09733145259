//! Figures for `docs/measurements.md`; left out unless `LARDER_REDIS_FIGURES` is set.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fred::interfaces::ClientLike as _;
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::{
    Change, Clock as _, Moment, Observer, Position, Store as _, StoreKey, StoreValue, SystemClock,
};

use crate::node::{Node, table};
use crate::server::{Server, eventually};

fn wanted() -> Option<Server> {
    std::env::var_os("LARDER_REDIS_FIGURES")?;
    Server::start()
}

fn print(what: &str, mut waits: Vec<Duration>) {
    waits.sort_unstable();
    let at = |part: usize| waits[(waits.len() * part / 1000).min(waits.len() - 1)];
    println!(
        "{what:<44} n {:>6}  p50 {:>9.1?}  p99 {:>9.1?}  max {:>9.1?}",
        waits.len(),
        at(500),
        at(990),
        at(1000)
    );
}

/// A client of fred's with no guard around it.
async fn raw(server: &Server) -> fred::clients::Client {
    let config = fred::types::config::Config {
        server: fred::types::config::ServerConfig::new_centralized(
            "127.0.0.1",
            server.address().port(),
        ),
        version: fred::types::RespVersion::RESP3,
        ..fred::types::config::Config::default()
    };
    let client = fred::clients::Client::new(config, None, None, None);
    drop(client.init().await.unwrap());
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_of_the_store_beside_one_of_fred() {
    let Some(server) = wanted() else {
        return;
    };
    let node = Node::heard(server.url()).await;
    let (store, raw, clock) = (node.redis.store(), raw(&server).await, SystemClock::new());
    let keys: Vec<_> = (0..100)
        .map(|n| StoreKey::new("shop.prices", [n; 32]))
        .collect();
    let value = |key: &StoreKey| StoreValue {
        key: key.clone(),
        bytes: vec![7; 1024].into(),
        ttl: Duration::from_mins(10),
    };
    let values: Vec<_> = keys.iter().map(value).collect();
    store.put(&values).await.unwrap();
    let names: Vec<Value> = keys
        .iter()
        .map(|key| format!("larder:{key}").into())
        .collect();
    for (what, count, rounds) in [
        ("one value of 1 KiB", 1, 20_000),
        ("100 values of 1 KiB", 100, 3_000),
    ] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let began = clock.now();
            let command = if count == 1 { "GET" } else { "MGET" };
            let command = CustomCommand::new_static(command, ClusterHash::FirstKey, false);
            let _: Value = raw.custom(command, names[..count].to_vec()).await.unwrap();
            theirs.push(clock.now().since(began));
            let began = clock.now();
            store.get(&keys[..count]).await.unwrap();
            ours.push(clock.now().since(began));
        }
        print(&format!("{what}, fred"), theirs);
        print(&format!("{what}, RedisStore"), ours);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publication_and_its_way_to_the_other_node() {
    let Some(server) = wanted() else {
        return;
    };
    let clock = SystemClock::new();
    let (one, two) = tokio::join!(Node::heard(server.url()), Node::heard(server.url()));
    let ear = Stopwatch::new(clock);
    two.larder.observe(ear.clone());
    let (mut waits, mut began_at) = (Vec::new(), Vec::new());
    for row in 0..5_000 {
        let began = clock.now();
        let published = one.larder.publish(Change::row(&table(), row)).await;
        // On a crowded machine one in some thousands takes longer than the remote timeout.
        let Ok(position) = published else {
            continue;
        };
        waits.push(clock.now().since(began));
        began_at.push((position, began));
    }
    eventually("all is heard", || ear.heard().len() >= began_at.len()).await;
    let heard: HashMap<_, _> = ear.heard().into_iter().collect();
    let ways = began_at
        .iter()
        .map(|(position, began)| heard[position].since(*began));
    print("publish, one after the other", waits);
    print("from the call to the other node's observer", ways.collect());

    let began = clock.now();
    let one = Arc::new(one);
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let one = Arc::clone(&one);
            tokio::spawn(async move {
                let mut waits = Vec::new();
                for row in 0..500 {
                    let began = clock.now();
                    let change = Change::row(&table(), number * 1000 + row);
                    let _ = one.larder.publish(change).await;
                    waits.push(clock.now().since(began));
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    let took = clock.now().since(began);
    println!("32,000 publications by 64 tasks took {took:.2?}");
    print("publish, 64 at once", waits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_of_a_node_while_redis_is_down() {
    let Some(mut server) = wanted() else {
        return;
    };
    let clock = SystemClock::new();
    let node = Arc::new(Node::heard(server.url()).await);
    server.kill();
    let seconds = std::env::var("LARDER_REDIS_DOWN").map_or(30, |text| text.parse().unwrap());
    let callers: Vec<_> = (0..16)
        .map(|number| {
            let node = Arc::clone(&node);
            tokio::spawn(async move {
                let store = node.redis.store();
                loop {
                    for row in 0..100 {
                        let _ = store
                            .get(&[StoreKey::new("shop.prices", [number; 32])])
                            .await;
                        let _ = node.larder.publish(Change::row(&table(), row)).await;
                    }
                    clock.sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    for part in 0..=6 {
        let kilobytes = memory();
        println!(
            "down for {:>4.0?}: {kilobytes} kB, {} reads of the log tried",
            Duration::from_secs(seconds * part / 6),
            node.bus().missed
        );
        clock.sleep(Duration::from_secs(seconds) / 6).await;
    }
    callers.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Returns what this process holds in memory, in kilobytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Notes when it hears of a change.
#[derive(Clone, Debug)]
struct Stopwatch {
    clock: SystemClock,
    heard: Arc<Mutex<Vec<(Position, Moment)>>>,
}

impl Stopwatch {
    fn new(clock: SystemClock) -> Self {
        let heard = Arc::default();
        Self { clock, heard }
    }

    fn heard(&self) -> Vec<(Position, Moment)> {
        self.heard.lock().unwrap().clone()
    }
}

impl Observer for Stopwatch {
    fn changed(&self, position: Position, _change: &Change) {
        let now = self.clock.now();
        self.heard.lock().unwrap().push((position, now));
    }
}
