//! A master that dies and a replica that takes its place, under Sentinel and in a cluster.

use std::time::Duration;

use larder_core::{Clock as _, Store as _, StoreKey, StoreValue, SystemClock};
use larder_redis::Redis;

use crate::doctor::documented_user;
use crate::server::{Server, eventually};
use crate::wire::{Reply, Wire};
use crate::world::World;

/// The slots of a cluster.
const SLOTS: u16 = 16_384;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_sentinel_the_nodes_follow_to_the_new_master() {
    let Some(master) = Server::start_with(&["--repl-diskless-sync-delay", "0"]) else {
        return;
    };
    let port = master.address().port().to_string();
    let replica = Server::start_with(&["--replicaof", "127.0.0.1", &port]).unwrap();
    eventually("the replica follows", || is_linked(&replica)).await;
    let sentinel = Server::sentinel(master.address()).unwrap();
    eventually("the replica is known", || {
        let info = sentinel.ask(&["INFO", "sentinel"]);
        info.text().contains("slaves=1")
    })
    .await;
    for server in [&master, &replica] {
        allow(server, &["+role"]);
    }
    let url = format!(
        "redis-sentinel://larder:password@{}?sentinelServiceName=main",
        sentinel.address()
    );
    let world = World::over(vec![master, replica, sentinel], &url).await;
    let report = world.one.redis.doctor().await;
    assert!(report.is_well(), "{report}");
    let kill = |world: &mut World| world.servers[0].kill();
    let until = |world: &mut World| until_named(&world.servers[2], &world.servers[1]);
    let world = world.bears("Sentinel", kill, Duration::ZERO, until).await;
    assert_eq!(world.two.bus().gaps, 1, "another master is another log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_the_nodes_follow_to_the_new_master_of_the_log() {
    let Some(servers) = cluster().await else {
        return;
    };
    for server in &servers {
        allow(server, &["+cluster|slots", "+cluster|info"]);
    }
    let url = format!(
        "redis-cluster://larder:password@{}?node={}&node={}",
        servers[0].address(),
        servers[1].address(),
        servers[2].address()
    );
    let world = World::over(servers, &url).await;
    let report = world.one.redis.doctor().await;
    assert!(report.is_well(), "{report}");
    let owner = owner_of(&world.servers, "larder:{larder}:changes");
    let kill = move |world: &mut World| world.servers[owner].kill();
    let until = move |world: &mut World| until_master(&world.servers[owner + 3]);
    let world = world.bears("Cluster", kill, Duration::ZERO, until).await;
    assert_eq!(world.two.bus().gaps, 1, "another master is another log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_spreads_a_region_and_answers_a_batch_whole() {
    let Some(servers) = cluster().await else {
        return;
    };
    let url = format!("redis-cluster://{}", servers[0].address());
    let redis = Redis::builder(url).build().unwrap();
    redis.connect().await.unwrap();
    let store = redis.store();
    let keys: Vec<_> = (0..100)
        .map(|n| StoreKey::new("shop.prices", [n; 32]))
        .collect();
    let value = |key: &StoreKey| StoreValue {
        key: key.clone(),
        bytes: key.to_string().into(),
        ttl: Duration::from_mins(1),
    };
    let values: Vec<_> = keys.iter().map(value).collect();
    store.put(&values).await.unwrap();
    let got = store.get(&keys).await.unwrap();
    for (got, value) in got.iter().zip(&values) {
        assert_eq!(got.as_ref(), Some(&value.bytes));
    }
    for server in &servers[..3] {
        let Reply::Number(held) = server.ask(&["DBSIZE"]) else {
            panic!("no number");
        };
        assert!(
            (15..=60).contains(&held),
            "{held} of 100 keys on one of three nodes"
        );
    }
    store.remove(&keys).await.unwrap();
    assert!(store.get(&keys).await.unwrap().iter().all(Option::is_none));
}

/// Starts three masters and, behind them in the same order, a replica of each.
async fn cluster() -> Option<Vec<Server>> {
    let arguments = [
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "1000",
        "--repl-diskless-sync-delay",
        "0",
    ];
    let servers: Option<Vec<_>> = (0..6).map(|_| Server::start_with(&arguments)).collect();
    let servers = servers?;
    let port = servers[0].address().port().to_string();
    for server in &servers[1..] {
        ok(&server.ask(&["CLUSTER", "MEET", "127.0.0.1", &port]));
    }
    for (number, server) in (0..).zip(&servers[..3]) {
        let first = (number * SLOTS / 3).to_string();
        let last = ((number + 1) * SLOTS / 3 - 1).to_string();
        ok(&server.ask(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]));
    }
    eventually("all know all", || {
        servers.iter().all(|server| knows(server, 6))
    })
    .await;
    for number in 0..3 {
        let id = servers[number].ask(&["CLUSTER", "MYID"]);
        ok(&servers[number + 3].ask(&["CLUSTER", "REPLICATE", id.text()]));
    }
    eventually("replicas follow", || servers[3..].iter().all(is_linked)).await;
    eventually("the cluster is well", || {
        servers.iter().all(|server| {
            let slots = server.ask(&["CLUSTER", "SLOTS"]);
            let with_replicas = |slots: &[Reply]| {
                slots
                    .iter()
                    .all(|range| matches!(range, Reply::List(range) if range.len() == 4))
            };
            let info = server.ask(&["CLUSTER", "INFO"]);
            info.text().contains("cluster_state:ok")
                && matches!(&slots, Reply::List(slots) if slots.len() == 3 && with_replicas(slots))
        })
    })
    .await;
    Some(servers)
}

/// Lets the documented user in, with what is needed besides where there are several servers.
fn allow(server: &Server, more: &[&str]) {
    let user = documented_user();
    let parts = user.iter().map(String::as_str).chain(more.iter().copied());
    ok(&server.ask(&parts.collect::<Vec<_>>()));
}

fn ok(reply: &Reply) {
    assert_eq!(*reply, Reply::Text("OK".to_owned()));
}

fn knows(server: &Server, count: usize) -> bool {
    let info = server.ask(&["CLUSTER", "INFO"]);
    info.text()
        .contains(&format!("cluster_known_nodes:{count}"))
}

fn is_linked(replica: &Server) -> bool {
    let info = replica.ask(&["INFO", "replication"]);
    info.text().contains("master_link_status:up")
}

/// Returns which of the three masters has a key.
fn owner_of(servers: &[Server], key: &str) -> usize {
    let has = |server: &Server| !matches!(server.ask(&["GET", key]), Reply::Error(said) if said.starts_with("MOVED"));
    servers[..3].iter().position(has).unwrap()
}

/// Waits until Sentinel names a replica as the master, before which no client can know; blocks.
fn until_named(sentinel: &Server, replica: &Server) {
    until_master(replica);
    let clock = SystemClock::new();
    let deadline = clock.now().after(Duration::from_secs(20));
    let port = replica.address().port().to_string();
    let named = || {
        let ask = ["SENTINEL", "get-master-addr-by-name", "main"];
        let Reply::List(address) = sentinel.ask(&ask) else {
            return false;
        };
        address.get(1).is_some_and(|named| named.text() == port)
    };
    while !named() {
        assert!(clock.now() < deadline, "Sentinel names no other master");
        std::thread::yield_now();
    }
}

/// Waits until a replica has become a master; blocks.
fn until_master(replica: &Server) {
    let clock = SystemClock::new();
    let deadline = clock.now().after(Duration::from_secs(20));
    // Who becomes a master cuts its connections.
    let info = || Wire::open(replica.address())?.ask(&["INFO", "replication"]);
    while !info().is_ok_and(|info| info.text().contains("role:master")) {
        assert!(clock.now() < deadline, "no failover");
        std::thread::yield_now();
    }
}
