//! An oracle: random reads and writes by many, each read checked against the writes before it.
//!
//! P1: a read that began after a write was acknowledged never returns what was there before. At
//! quiet points what is cached is what is there. Interleavings are the scheduler's, so a seed
//! repeats the operations, not the run: `LARDER_SEED=7 cargo test -p larder-core --test it oracle`.

pub(crate) mod chaos;
mod database;
mod service;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder_core::test_util::ManualClock;
use larder_core::{Bus, Clock, LocalBus, Moment};
use tokio::task::JoinSet;

use self::chaos::{Chance, ChaoticBus, unless_cancelled};
use self::database::{Answer, Database, ROWS, State};
use self::service::{Query, Service};
use crate::faulty_bus::{Log, LogBus};
use crate::gate::within;
use crate::scene::builder;

const TASKS: usize = 8;
const ROUNDS: u64 = 4;
/// How much time passes at once.
const TICK: Duration = Duration::from_millis(5);
/// Nothing older is shown if the bus is silent.
const BOUND: Duration = Duration::from_millis(200);

/// How often operations are tried in all; more by `LARDER_OPERATIONS`.
fn operations() -> u64 {
    std::env::var("LARDER_OPERATIONS").map_or(25_000, |text| text.parse().unwrap())
}

pub(crate) fn seed() -> u64 {
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

/// Checks that nothing in an answer is older than the read that began at `floors`.
fn check_versions(query: Query, answer: &Answer, floors: &[State; ROWS]) {
    for (row, state) in answer {
        let floor = floors[*row];
        assert!(
            state.version >= floor.version,
            "{query:?}: row {row}: {state:?} after {floor:?}"
        );
    }
}

/// Checks that an answer holds the rows it must, and no others.
fn check_rows(query: Query, answer: &Answer, floors: &[State; ROWS], database: &Database) {
    for (row, floor) in floors.iter().enumerate() {
        let expected = match (query.group(), query.maybe()) {
            (Some(group), _) => floor.group == group,
            (_, Some(maybe)) if maybe == row => floor.is_there(),
            _ => continue,
        };
        // Untouched from before the read to now.
        if database.rows[row].state() == *floor {
            let listed = answer.iter().any(|(listed, _)| *listed == row);
            assert_eq!(listed, expected, "{query:?}: row {row} is {floor:?}");
        }
    }
}

/// Reads and writes; one operation in `writes` is a write.
async fn operate(service: Service, scene: Arc<Scene>, mut chance: Chance, count: u64, writes: u64) {
    let database = &scene.database;
    for _ in 0..count {
        match chance.below(100) {
            _ if chance.once_in(writes) => service.write(chance.index(ROWS), &mut chance).await,
            0 => service.stir(&mut chance).await,
            1..6 => scene.tick(),
            _ => {
                let query = Query::any(&mut chance);
                let cancelled = chance.once_in(25).then(|| chance.below(6));
                let before = floors(database, service.node);
                let (service, mut its_chance) = (service.clone(), chance.fork());
                // A task of its own, so that a panic of a loader ends nothing else.
                let read = tokio::spawn(async move {
                    unless_cancelled(cancelled, Box::pin(service.read(query, &mut its_chance)))
                        .await
                });
                match within("a read", read).await {
                    Ok(Some(Ok(answer))) => {
                        check_versions(query, &answer, &before);
                        check_rows(query, &answer, &before, database);
                    }
                    Ok(Some(Err(down))) => check_versions(query, &down.0, &before),
                    // Cancelled, or a loader panicked.
                    Ok(None) | Err(_) => {}
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

/// What is done now and then for each node: it may hear of the others' writes, and then it must
/// show them.
type Hear = dyn Fn(usize, &Database, Moment) + Send + Sync;

/// What all tasks of a run share.
struct Scene {
    clock: ManualClock,
    database: Arc<Database>,
    nodes: usize,
    hear: Box<Hear>,
}

impl Scene {
    /// Lets time pass, and nodes hear of each other.
    fn tick(&self) {
        self.clock.advance(TICK);
        (0..self.nodes).for_each(|node| (self.hear)(node, &self.database, self.clock.now()));
    }
}

/// A run: some nodes on a database.
struct Run {
    seed: u64,
    scene: Arc<Scene>,
    services: Vec<Service>,
}

impl Run {
    fn on<B: Bus>(buses: Vec<B>, seed: u64, hear: Box<Hear>) -> Self {
        let (clock, database, nodes) = (ManualClock::new(), Database::new(), buses.len());
        let make = |(node, bus)| {
            let larder = builder().bus(bus).clock(clock.clone()).slots(1024);
            let larder = larder.local_capacity(256 * 1024).max_staleness(BOUND);
            Service::new(node, nodes == 1, larder.build().unwrap(), &database)
        };
        let services = buses.into_iter().enumerate().map(make).collect();
        let scene = Arc::new(Scene {
            clock: clock.clone(),
            database,
            nodes,
            hear,
        });
        Self {
            seed,
            scene,
            services,
        }
    }

    /// Runs all rounds. `calm` is told whether faults should end.
    async fn run(self, calm: impl Fn(bool)) {
        let mut chance = Chance::new(self.seed);
        // Many writes, and few.
        for writes in [8, 30, 8, 100] {
            calm(false);
            self.round(writes, &mut chance).await;
            calm(true);
            // All that failed is tried again, and all hear of it.
            self.scene.clock.advance(BOUND);
            self.services.iter().for_each(Service::switch_on);
            self.scene.tick();
            compare(&self.services, &self.scene.database, &mut chance).await;
        }
        for service in &self.services {
            let (hits, misses) = service.figures();
            println!("node {}: {hits} hits, {misses} misses", service.node);
            assert!(
                hits > misses / 8,
                "a cache that holds nothing is never stale"
            );
            within("the closing", service.larder.close()).await;
        }
    }

    /// Lets all tasks read and write for a while.
    async fn round(&self, writes: u64, chance: &mut Chance) {
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let service = self.services[task % self.services.len()].clone();
            let count = operations() / ROUNDS / TASKS as u64;
            let scene = Arc::clone(&self.scene);
            tasks.spawn(operate(service, scene, chance.fork(), count, writes));
        }
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
    }
}

/// Each node must show what was acknowledged before `moment`, whoever wrote it.
fn show(node: usize, database: &Database, moment: Moment) {
    for row in &database.rows {
        if let Some(state) = row.published_before(moment) {
            row.raise_floor(node, state);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_a_write_acknowledged_before_it() {
    let run = Run::on(vec![LocalBus::new()], seed(), Box::new(|_, _, _| ()));
    run.run(|_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_a_write_acknowledged_before_it_on_a_bus_that_fails() {
    let seed = seed();
    let bus = ChaoticBus::new(seed);
    let calm = Arc::clone(&bus.calm);
    let run = Run::on(vec![bus], seed, Box::new(|_, _, _| ()));
    run.run(move |on| calm.store(on, Ordering::SeqCst)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_shared_bus_no_read_is_older_on_either_node() {
    let bus = LocalBus::new();
    // After a publication that was acknowledged, every node on the bus shows it.
    let hear = |node: usize, database: &Database, _| show(node, database, Moment::MAX);
    let run = Run::on(vec![bus.clone(), bus], seed(), Box::new(hear));
    run.run(|_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_bus_with_delay_no_read_is_older_than_what_its_node_has_heard_of() {
    let log = Log::default();
    let buses = vec![LogBus::on(&log), LogBus::on(&log)];
    let polled = buses.clone();
    let hear = move |node: usize, database: &Database, _| {
        let rows = || database.rows.iter();
        let published: Vec<_> = rows()
            .map(|row| row.published_before(Moment::MAX))
            .collect();
        polled[node].poll();
        for (row, published) in rows().zip(published) {
            published
                .into_iter()
                .for_each(|published| row.raise_floor(node, published));
        }
    };
    let run = Run::on(buses.clone(), seed(), Box::new(hear));
    buses.iter().for_each(|bus| bus.heard(Moment::MAX));
    run.run(|_| ()).await;
}

/// P2: a node that does not hear of the bus shows nothing older than the bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_bus_that_falls_silent_no_read_is_older_than_the_bound() {
    let (log, seed) = (Log::default(), seed());
    let buses = vec![LogBus::on(&log), LogBus::on(&log)];
    let polled = buses.clone();
    let heard = Mutex::new((Chance::new(seed), [Moment::ZERO; 2]));
    let calm = Arc::new(AtomicBool::new(false));
    let is_calm = Arc::clone(&calm);
    let hear = move |node: usize, database: &Database, now: Moment| {
        let mut heard = heard.lock().unwrap();
        let (chance, silent_until) = &mut *heard;
        if is_calm.load(Ordering::SeqCst) || now >= silent_until[node] {
            polled[node].poll();
            polled[node].heard(now);
        }
        if now >= silent_until[node] && chance.once_in(30) {
            silent_until[node] = now.after(BOUND * u32::try_from(chance.below(4)).unwrap());
        }
        show(node, database, now.before(BOUND));
    };
    let run = Run::on(buses, seed, Box::new(hear));
    run.run(move |on| calm.store(on, Ordering::SeqCst)).await;
}
