//! Conduit under load, every answer checked: no read may be older than a write it came after.
//!
//! Clients create, change, delete, like, follow, comment, list, filter and page. Each read notes
//! what had been acknowledged when it began and what had been begun when it ended, and its answer
//! must lie between. At quiet points every answer of the cached server must equal that of an
//! uncached server on the same database.
//!
//! `LARDER_ORACLE_OPS`, `LARDER_ORACLE_SEED`, `LARDER_ORACLE_CLIENTS`, `LARDER_ORACLE_WRITES` (in
//! percent) set how much, how, by how many and how much of it writes.

mod act;
mod check;
mod quiet;
mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use conduit::{Config, Server, serve};
use tokio::sync::Barrier;

use crate::client::Client;
use act::Actor;
use world::World;

/// How often all clients stop to compare cached and uncached answers.
const QUIET_POINTS: u64 = 5;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

async fn start(directory: &std::path::Path, switches: &[(&str, &str)]) -> Server {
    let config = Config {
        listen: "127.0.0.1:0".to_owned(),
        directory: Some(directory.to_owned()),
        secret: Some("of the oracle".to_owned()),
        hash_memory: 8,
        hash_passes: 1,
        switches: Some(
            switches
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
        ),
        ..Config::default()
    };
    serve(&config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_older_than_a_write_it_came_after() {
    let seed = setting("LARDER_ORACLE_SEED", fastrand::u64(1..1 << 32));
    let clients = usize::try_from(setting("LARDER_ORACLE_CLIENTS", 8)).unwrap();
    let operations = setting("LARDER_ORACLE_OPS", 8_000);
    let writes = setting("LARDER_ORACLE_WRITES", 20);
    println!(
        "LARDER_ORACLE_SEED={seed} operations={operations} clients={clients} writes={writes}%"
    );

    let directory = tempfile::tempdir().unwrap();
    let cached = start(directory.path(), &[]).await;
    let uncached = start(directory.path(), &[("LARDER_ENABLED", "false")]).await;
    let (cached_client, truth) = (
        Client::new(cached.address()),
        Client::new(uncached.address()),
    );

    let world = Arc::new(World::new(seed, clients));
    let mut people = Vec::new();
    for name in world.names() {
        people.push(cached_client.register(name).await);
    }
    let barrier = Arc::new(Barrier::new(clients + 1));
    let rounds = operations / clients as u64 / QUIET_POINTS;
    let tasks: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(me, client)| {
            let mut actor = Actor::new(me, client.clone(), Arc::clone(&world), seed, writes);
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                for _ in 0..QUIET_POINTS {
                    for _ in 0..rounds {
                        actor.act().await;
                    }
                    barrier.wait().await;
                    barrier.wait().await;
                }
            })
        })
        .collect();
    for _ in 0..QUIET_POINTS {
        barrier.wait().await;
        quiet::compare(&world, &people, &cached_client, &truth).await;
        barrier.wait().await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    report(&world, &cached_client).await;
    drop((cached_client, truth, people));
    cached.stop().await.unwrap();
    uncached.stop().await.unwrap();
}

async fn report(world: &World, cached: &Client) {
    let stats = cached.get("/stats").await.body;
    for region in stats["regions"].as_array().into_iter().flatten() {
        let count = |name: &str| region[name].as_u64().unwrap_or(0);
        let (hits, misses) = (count("hits"), count("misses"));
        println!(
            "{:<12} hits {hits:>8} misses {misses:>8} hit ratio {:>3} % invalidations {:>8} refused {}",
            region["name"].as_str().unwrap_or("?"),
            100 * hits / (hits + misses).max(1),
            count("invalidations"),
            count("refused"),
        );
    }
    let counts = &world.counts;
    println!(
        "reads {} writes {} compared {}",
        counts.reads.load(Ordering::Relaxed),
        counts.writes.load(Ordering::Relaxed),
        counts.compared.load(Ordering::Relaxed)
    );
    let violations = world.violations.lock().unwrap();
    assert!(
        violations.is_empty(),
        "{} stale or wrong answers with LARDER_ORACLE_SEED={}, the first:\n{}",
        violations.len(),
        world.seed,
        violations
            .iter()
            .take(10)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}
