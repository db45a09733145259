//! A server that answers reads and takes no writes: nobody can publish, and everybody hears.

use std::time::Duration;

use crate::server::Server;
use crate::world::World;

/// Longer than `max_staleness`, so that what is vouched for wrongly is seen.
const LASTS: Duration = Duration::from_millis(2500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_are_paused_while_reads_go_on() {
    let Some(world) = World::begin().await else {
        return;
    };
    let pause = |world: &mut World| {
        world.servers[0].ask(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    };
    let go_on = |world: &mut World| {
        world.servers[0].ask(&["CLIENT", "UNPAUSE"]);
    };
    world.bears("CLIENT PAUSE WRITE", pause, LASTS, go_on).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_is_full_and_may_not_be_evicted() {
    let Some(world) = World::begin().await else {
        return;
    };
    let set = |world: &mut World, bytes: &str| {
        world.servers[0].ask(&["CONFIG", "SET", "maxmemory", bytes]);
    };
    world
        .bears(
            "noeviction",
            |world| set(world, "1"),
            LASTS,
            |world| set(world, "0"),
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_takes_no_writes_without_its_replicas() {
    let Some(world) = World::begin().await else {
        return;
    };
    let set = |world: &mut World, replicas: &str| {
        world.servers[0].ask(&["CONFIG", "SET", "min-replicas-to-write", replicas]);
    };
    world
        .bears(
            "min-replicas-to-write",
            |world| set(world, "1"),
            LASTS,
            |world| set(world, "0"),
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_to_write_that_is_taken_away() {
    let Some(world) = World::begin().await else {
        return;
    };
    let user = |world: &mut World, right: &str| {
        world.servers[0].ask(&["ACL", "SETUSER", "default", right]);
    };
    world
        .bears(
            "ACL -xadd",
            |world| user(world, "-xadd"),
            LASTS,
            |world| user(world, "+xadd"),
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full() {
    let Some(server) = Server::start_with(&["--save", "3600 1"]) else {
        return;
    };
    let url = server.url().to_owned();
    let world = World::over(vec![server], &url).await;
    let break_disk = |world: &mut World| {
        let server = &world.servers[0];
        server.spoil_snapshots();
        server.ask(&["BGSAVE"]);
        server.until_it_says("persistence", "rdb_last_bgsave_status:err");
    };
    let mend_disk = |world: &mut World| {
        let server = &world.servers[0];
        server.allow_snapshots();
        server.ask(&["BGSAVE"]);
        server.until_it_says("persistence", "rdb_last_bgsave_status:ok");
    };
    world.bears("MISCONF", break_disk, LASTS, mend_disk).await;
}
