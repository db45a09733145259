//! Faults of a server: what callers wait, what is served meanwhile, how soon all is well again.

use std::time::Duration;

use larder_core::{Store as _, StoreHealth, StoreKey, StoreValue};
use tokio::task::block_in_place;

use crate::node::Node;
use crate::server::{Server, eventually, within};
use crate::world::{RECOVERY, TRUSTED, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_comes_back_empty() {
    let Some(world) = World::begin().await else {
        return;
    };
    let kill = |world: &mut World| world.servers[0].kill();
    let restart = |world: &mut World| world.servers[0].restart();
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
    let stop = |world: &mut World| world.servers[0].stop();
    let go_on = |world: &mut World| world.servers[0].go_on();
    let world = world
        .bears("SIGSTOP", stop, Duration::from_secs(2), go_on)
        .await;
    assert_eq!(world.two.bus().gaps, 0, "nothing was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_while_large_values_are_on_their_way() {
    let Some(world) = World::begin().await else {
        return;
    };
    let stop = |world: &mut World| {
        world.servers[0].stop();
        // More than the sockets hold: the client is stuck in the middle of a write.
        for number in 0..40 {
            let store = world.one.redis.store();
            tokio::spawn(async move {
                let value = StoreValue {
                    key: StoreKey::new("shop.pictures", [number; 32]),
                    bytes: vec![number; 1024 * 1024].into(),
                    ttl: Duration::from_mins(1),
                };
                store.put(&[value]).await
            });
        }
    };
    let go_on = |world: &mut World| world.servers[0].go_on();
    let lasts = Duration::from_secs(7);
    let world = world.bears("SIGSTOP with 40 MiB", stop, lasts, go_on).await;
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
        world.servers[0].ask(&["CLIENT", "PAUSE", "1500", "ALL"]);
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
        world.servers[0].ask(&["CLIENT", "KILL", "TYPE", "normal"]);
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
        world.servers[0].ask(&["FLUSHALL"]);
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
        block_in_place(|| world.servers[0].kill());
        world.one.write(7).await;
        assert_eq!(world.one.served(7).await, None, "round {round}");
        block_in_place(|| world.servers[0].restart());
        let up = || world.one.redis.store().health() == StoreHealth::Up;
        if round % 2 == 0 {
            within(RECOVERY, "values", up).await;
        }
    }
    let heard = || world.one.is_heard() && world.two.is_heard() && world.one.bus().published > 0;
    let trusted = within(TRUSTED, "trusted", heard).await;
    println!(
        "restart loop: trusted after {trusted:.2?}; {}",
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
        let value = StoreValue {
            key: StoreKey::new("shop.prices", hash),
            bytes: vec![1; 50_000].into(),
            ttl: Duration::from_mins(1),
        };
        store.put(&[value]).await.unwrap();
    }
    let evicted = server.ask(&["INFO", "stats"]);
    assert!(
        !evicted.text().contains("evicted_keys:0\r"),
        "nothing had to go"
    );
    let position = one.publish(7).await;
    two.until_applied(position).await;
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
    let position = one.publish(7).await;
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
    one.publish(7).await;
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
