//! An oracle: random reads and writes by many, each read checked against the writes before it.
//!
//! P1: a read that began after a write was acknowledged never returns what was there before. At
//! quiet points what is cached is what is there. Interleavings are the scheduler's, so a seed
//! repeats the operations, not the run: `LARDER_SEED=7 cargo test -p larder-core --test it oracle`.

mod chaos;
mod database;
mod service;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use larder_core::test_util::ManualClock;
use larder_core::{Bus, LocalBus, Moment};
use tokio::task::JoinSet;

use self::chaos::{Chance, ChaoticBus, unless_cancelled};
use self::database::{Answer, Database, ROWS, State};
use self::service::{Query, Service};
use crate::faulty_bus::{Log, LogBus};
use crate::gate::within;
use crate::scene::builder;

const TASKS: usize = 8;
const ROUNDS: u64 = 5;

/// How often operations are tried in all; more by `LARDER_OPERATIONS`.
fn operations() -> u64 {
    std::env::var("LARDER_OPERATIONS").map_or(25_000, |text| text.parse().unwrap())
}

fn seed() -> u64 {
    let given = std::env::var("LARDER_SEED").ok();
    let seed = given.map_or_else(
        || u64::from(std::process::id()),
        |text| text.parse().unwrap(),
    );
    println!("LARDER_SEED={seed}");
    seed
}

/// What a read must not fall behind: taken before it begins.
fn floors(database: &Database, node: usize) -> [State; ROWS] {
    std::array::from_fn(|row| database.rows[row].floor(node))
}

/// Checks an answer to a read that began at `floors`.
fn check(query: Query, answer: &Answer, floors: &[State; ROWS], database: &Database) {
    for (row, state) in answer {
        let floor = floors[*row];
        assert!(
            state.version >= floor.version,
            "{query:?}: row {row}: {state:?} after {floor:?}"
        );
    }
    let Some(group) = query.group() else { return };
    for (row, floor) in floors.iter().enumerate() {
        // Untouched from before the read to now: it must be in the answer if it is in the group.
        if database.rows[row].state() == *floor {
            let listed = answer.iter().any(|(listed, _)| *listed == row);
            assert_eq!(
                listed,
                floor.group == group,
                "{query:?}: row {row} is {floor:?}"
            );
        }
    }
}

async fn operate(service: Service, database: Arc<Database>, mut chance: Chance, count: u64) {
    for _ in 0..count {
        match chance.below(100) {
            0..12 => service.write(chance.index(ROWS), &mut chance).await,
            12 => service.stir(&mut chance).await,
            _ => {
                let query = Query::any(&mut chance);
                let cancelled = chance.once_in(25).then(|| chance.below(6));
                let before = floors(&database, service.node);
                let (service, mut its_chance) = (service.clone(), chance.fork());
                // A task of its own, so that a panic of a loader ends nothing else.
                let read = tokio::spawn(async move {
                    unless_cancelled(cancelled, Box::pin(service.read(query, &mut its_chance)))
                        .await
                });
                if let Ok(Some(Ok(answer))) = within("a read", read).await {
                    check(query, &answer, &before, &database);
                }
            }
        }
    }
}

/// With nobody writing, what is cached must be what is there.
async fn compare(services: &[Service], database: &Database, chance: &mut Chance) {
    for service in services {
        for query in Query::all() {
            for _ in 0..2 {
                let answer = loop {
                    let (service, mut chance) = (service.clone(), chance.fork());
                    let read = async move { Box::pin(service.read(query, &mut chance)).await };
                    if let Ok(Ok(answer)) = within("a quiet read", tokio::spawn(read)).await {
                        break answer;
                    }
                };
                let mut answer = answer;
                answer.sort_by_key(|(row, _)| *row);
                assert_eq!(
                    answer,
                    query.truth(database),
                    "{query:?} on node {}",
                    service.node
                );
            }
        }
    }
}

/// A run: some nodes, and what has to be done for one to hear of the others' writes.
struct Run {
    seed: u64,
    clock: ManualClock,
    database: Arc<Database>,
    services: Vec<Service>,
}

impl Run {
    fn on<B: Bus>(buses: Vec<B>) -> Self {
        let (clock, database) = (ManualClock::new(), Database::new());
        let alone = buses.len() == 1;
        let make = |(node, bus)| {
            let larder = builder()
                .bus(bus)
                .clock(clock.clone())
                .local_capacity(256 * 1024);
            Service::new(node, alone, larder.slots(1024).build().unwrap(), &database)
        };
        let services = buses.into_iter().enumerate().map(make).collect();
        Self {
            seed: seed(),
            clock: clock.clone(),
            database,
            services,
        }
    }

    /// Runs all rounds; `hear` is called all the time for each node.
    async fn run(
        self,
        hear: impl Fn(usize, &Database) + Send + Sync + 'static,
        calm: impl Fn(bool),
    ) {
        let (hear, mut chance) = (Arc::new(hear), Chance::new(self.seed));
        for _ in 0..ROUNDS {
            calm(false);
            let done = Arc::new(AtomicBool::new(false));
            let background = tokio::spawn({
                let (hear, done, clock) =
                    (Arc::clone(&hear), Arc::clone(&done), self.clock.clone());
                let (database, nodes) = (Arc::clone(&self.database), self.services.len());
                async move {
                    while !done.load(Ordering::SeqCst) {
                        (0..nodes).for_each(|node| hear(node, &database));
                        clock.advance(Duration::from_millis(5));
                        tokio::task::yield_now().await;
                    }
                }
            });
            let mut tasks = JoinSet::new();
            for task in 0..TASKS {
                let service = self.services[task % self.services.len()].clone();
                let count = operations() / ROUNDS / TASKS as u64;
                tasks.spawn(operate(
                    service,
                    Arc::clone(&self.database),
                    chance.fork(),
                    count,
                ));
            }
            while let Some(task) = tasks.join_next().await {
                task.unwrap();
            }
            done.store(true, Ordering::SeqCst);
            background.await.unwrap();
            calm(true);
            self.clock.advance(Duration::from_secs(1));
            for service in &self.services {
                ["rows", "groups", "pages", "by-hand"]
                    .iter()
                    .for_each(|region| {
                        service
                            .larder
                            .switches()
                            .set_region(region, larder_core::Share::ON)
                            .unwrap();
                    });
            }
            (0..self.services.len()).for_each(|node| hear(node, &self.database));
            compare(&self.services, &self.database, &mut chance).await;
        }
        for service in &self.services {
            let (hits, misses) = service.figures();
            println!("node {}: {hits} hits, {misses} misses", service.node);
            assert!(
                hits > misses / 4,
                "a cache that holds nothing is never stale"
            );
            within("the closing", service.larder.close()).await;
        }
    }
}

fn nothing_to_hear(_: usize, _: &Database) {}

/// After a publication that was acknowledged, every node on the bus in this process shows it.
fn heard_at_once(node: usize, database: &Database) {
    for row in &database.rows {
        row.raise_floor(node, row.published());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_a_write_acknowledged_before_it() {
    Run::on(vec![LocalBus::new()])
        .run(nothing_to_hear, |_| ())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_a_write_acknowledged_before_it_on_a_bus_that_fails() {
    let bus = ChaoticBus::new(7);
    let calm = Arc::clone(&bus.calm);
    Run::on(vec![bus])
        .run(nothing_to_hear, move |on| calm.store(on, Ordering::SeqCst))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_shared_bus_no_read_is_older_on_either_node() {
    let bus = LocalBus::new();
    Run::on(vec![bus.clone(), bus])
        .run(heard_at_once, |_| ())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_bus_with_delay_no_read_is_older_than_what_its_node_has_heard_of() {
    let log = Log::default();
    let buses = vec![LogBus::on(&log), LogBus::on(&log)];
    let run = Run::on(buses.clone());
    buses.iter().for_each(|bus| bus.heard(Moment::MAX));
    let hear = move |node: usize, database: &Database| {
        let published: Vec<_> = database.rows.iter().map(database::Row::published).collect();
        buses[node].poll();
        for (row, published) in database.rows.iter().zip(published) {
            row.raise_floor(node, published);
        }
    };
    run.run(hear, |_| ()).await;
}
