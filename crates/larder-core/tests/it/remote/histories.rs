//! Random histories of two nodes over one store, step by step, against what each node has heard.
//!
//! Loads wait where the history wants them to, puts into the store happen late, the store fails as told.
//! The rule for every read, whatever became of it: it is not older than what its node had heard, or
//! written itself, before the read began. `LARDER_SEED` replays a run.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::test_util::{FaultyStore, ManualClock, MemoryStore, StoreFault};
use larder_core::{Change, Dependency, Key, Region};
use tokio::task::JoinHandle;

use super::{Node, Number, offers};
use crate::faulty_bus::Log;
use crate::gate::{Gate, settled, within};
use crate::oracle::chaos::Chance;
use crate::oracle::seed;
use crate::scene::{builder, long};

const ROWS: usize = 3;
const STEPS: usize = 60;
const HISTORIES: u64 = 300;

const FAULTS: [StoreFault; 8] = [
    StoreFault::Fails,
    StoreFault::TimesOut,
    StoreFault::Down,
    StoreFault::LosesPuts,
    StoreFault::DelaysPuts,
    StoreFault::BringsBackOld,
    StoreFault::Corrupts,
    StoreFault::MixesUp,
];

/// What the database holds: a version a row.
type Truth = Arc<[AtomicU64; ROWS]>;

/// The versions of all rows that a reader must not be behind.
type Floor = [u64; ROWS];

/// A read that waits in its load.
struct Slow {
    read: JoinHandle<Vec<(usize, u64)>>,
    gate: Gate,
    floor: Floor,
    step: usize,
}

struct History {
    nodes: [Node; 2],
    pages: [Region<u64>; 2],
    truth: Truth,
    /// What has been published by now.
    log: Floor,
    heard: [Floor; 2],
    faulty: FaultyStore,
    clock: ManualClock,
    slow: Vec<Slow>,
    random: Chance,
    seed: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Chance::new(seed);
        let (log, clock) = (Log::default(), ManualClock::new());
        let faulty = FaultyStore::over(MemoryStore::with_clock(clock.clone()));
        let lease = Duration::from_millis(if random.once_in(2) { 20 } else { 0 });
        let nodes = [(); 2].map(|()| {
            let builder = builder().store(faulty.clone()).clock(clock.clone());
            Node::build(&log, builder, long().lease(lease))
        });
        let pages = nodes.each_ref().map(|node| {
            let pages = node.larder.region("pages", long()).unwrap();
            pages.with_codec(Number { fingerprint: 2 })
        });
        Self {
            nodes,
            pages,
            truth: Arc::default(),
            log: [0; ROWS],
            heard: [[0; ROWS]; 2],
            faulty,
            clock,
            slow: Vec::new(),
            random,
            seed,
        }
    }

    /// Begins a read on a node: of one row, of a page of two, or of a batch. Its load may have to wait.
    fn begin(&mut self, gate: Gate, step: usize) -> Slow {
        let at = self.random.index(2);
        let loader = Loader {
            numbers: self.nodes[at].numbers.clone(),
            truth: Arc::clone(&self.truth),
            gate: gate.clone(),
        };
        let (one, other) = (self.random.index(ROWS), self.random.index(ROWS));
        let (pages, kind) = (self.pages[at].clone(), self.random.below(4));
        let read = tokio::spawn(async move {
            match kind {
                0 | 1 => vec![(one, loader.row(one).await)],
                2 => loader.page(&pages, one, other).await,
                _ => loader.batch().await,
            }
        });
        let floor = self.heard[at];
        Slow {
            read,
            gate,
            floor,
            step,
        }
    }

    fn check(&self, step: usize, floor: &Floor, read: &[(usize, u64)]) {
        for (row, version) in read {
            assert!(
                *version >= floor[*row],
                "LARDER_SEED={}: at step {step} row {row} was read as {version}, {} had been heard",
                self.seed,
                floor[*row],
            );
        }
    }

    async fn end(&mut self, slow: Slow) {
        slow.gate.open();
        let read = self.ended(slow.read).await;
        self.check(slow.step, &slow.floor, &read);
    }

    /// Waits for a read, and lets time pass for those that wait for a lease.
    async fn ended(&self, mut read: JoinHandle<Vec<(usize, u64)>>) -> Vec<(usize, u64)> {
        let ended = async {
            loop {
                tokio::select! {
                    biased;
                    read = &mut read => return read.unwrap(),
                    () = settled() => self.clock.advance(Duration::from_millis(1)),
                }
            }
        };
        within("a read", ended).await
    }

    /// Commits a row and publishes it, on one node.
    async fn write(&mut self) {
        let (at, row) = (self.random.index(2), self.random.index(ROWS));
        let version = self.truth[row].fetch_add(1, Ordering::SeqCst) + 1;
        let change = match self.random.below(8) {
            0 => Change::table(&offers()),
            1 => Change::everything(),
            _ => Change::row(&offers(), key_of(row)),
        };
        // Between commit and publication anybody may load.
        if self.random.once_in(2) {
            settled().await;
        }
        self.nodes[at].larder.publish(change).await.unwrap();
        self.log[row] = version;
        // Its own change is applied; what others have published it hears when it polls.
        self.heard[at][row] = version;
    }

    async fn step(&mut self, step: usize) {
        match self.random.below(14) {
            0..=3 => {
                let open = Gate::closed();
                open.open();
                let read = self.begin(open, step);
                settled().await;
                // It may follow a load that waits.
                if read.read.is_finished() {
                    self.end(read).await;
                } else {
                    self.slow.push(read);
                }
            }
            4 | 5 => {
                let read = self.begin(Gate::closed(), step);
                settled().await;
                self.slow.push(read);
            }
            6 | 7 if !self.slow.is_empty() => {
                let at = self.random.index(self.slow.len());
                self.slow[at].gate.open();
                settled().await;
            }
            8 | 9 => self.write().await,
            10 | 11 => {
                let at = self.random.index(2);
                self.nodes[at].hear();
                self.heard[at] = self.log;
            }
            12 => {
                let row = self.random.index(ROWS);
                self.nodes[self.random.index(2)].numbers.evict(&name(row));
            }
            13 => {
                let fault = self.random.index(2 * FAULTS.len());
                let fault = FAULTS.get(fault).copied();
                self.faulty.set(fault.unwrap_or(StoreFault::None));
            }
            _ => settled().await,
        }
    }

    async fn run(mut self) {
        for step in 0..STEPS {
            self.step(step).await;
        }
        self.slow.iter().for_each(|slow| slow.gate.open());
        for slow in std::mem::take(&mut self.slow) {
            self.end(slow).await;
        }
    }
}

/// Reads rows from the truth, and waits at its gate with what it has read.
#[derive(Clone)]
struct Loader {
    numbers: Region<u64>,
    truth: Truth,
    gate: Gate,
}

impl Loader {
    async fn load(&self, row: usize) -> u64 {
        let read = [Dependency::row(&offers(), key_of(row))];
        self.numbers.larder().reading(None, &read);
        let version = self.truth[row].load(Ordering::SeqCst);
        self.gate.passed().await;
        version
    }

    async fn row(&self, row: usize) -> u64 {
        let load = || async { Ok::<_, Infallible>(self.load(row).await) };
        *self.numbers.get_or_load(name(row), load).await.unwrap()
    }

    /// A page made of two rows, each of them an entry of its own.
    async fn page(&self, pages: &Region<u64>, one: usize, other: usize) -> Vec<(usize, u64)> {
        let load = || async {
            let (first, second) = (self.row(one).await, self.row(other).await);
            Ok::<_, Infallible>(first << 32 | second)
        };
        let key = format!("{one} {other}");
        let page = *Box::pin(pages.get_or_load(key, load)).await.unwrap();
        vec![(one, page >> 32), (other, page & u64::from(u32::MAX))]
    }

    async fn batch(&self) -> Vec<(usize, u64)> {
        let load = |rows: Vec<String>| async move {
            let mut loaded = Vec::new();
            for row in rows {
                let number = row.strip_prefix("row ").unwrap().parse().unwrap();
                loaded.push((row, self.load(number).await));
            }
            Ok::<_, Infallible>(loaded)
        };
        let rows: Vec<String> = (0..ROWS).map(|row| format!("row {row}")).collect();
        let found = Box::pin(self.numbers.get_many_or_load(rows, load)).await;
        let versions = found.unwrap().into_iter().map(|found| *found.unwrap());
        versions.enumerate().collect()
    }
}

fn name(row: usize) -> Key {
    Key::from(format!("row {row}"))
}

fn key_of(row: usize) -> i64 {
    i64::try_from(row).unwrap()
}

/// Seen failing without the check in `Region::promote`, and with entries of the store stamped when they are
/// fetched.
#[tokio::test]
async fn no_read_is_behind_what_its_node_had_heard_when_it_began() {
    let seed = seed();
    for history in 0..HISTORIES {
        History::new(seed.wrapping_add(history)).run().await;
    }
}
