//! The same promises among threads that run at once: what a step by step history cannot meet.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use larder_core::test_util::{ManualClock, MemoryStore};
use larder_core::{Change, Dependency, Larder, Region};

use super::log::{Course, End};
use crate::oracle::chaos::Chance;
use crate::remote::{Number, offers};
use crate::scene::{builder, long};

const ROWS: usize = 3;
/// Writes of each node, unless `LARDER_WRITES` says how many.
const WRITES: u64 = 1_500;

type Versions = Arc<[AtomicU64; ROWS]>;

#[derive(Clone)]
struct Site {
    end: End,
    larder: Larder,
    rows: Region<u64>,
    /// What no read on this node may be behind.
    floor: Versions,
}

impl Site {
    fn build(course: &Course, clock: &ManualClock, store: &MemoryStore) -> Self {
        let end = End::of(course);
        let builder = builder().store(store.clone()).clock(clock.clone());
        let larder = builder.bus(end.clone()).build().unwrap();
        let rows = larder.region("rows", long()).unwrap();
        let rows = rows.with_codec(Number { fingerprint: 3 });
        end.poll(usize::MAX, true, false);
        Self {
            end,
            larder,
            rows,
            floor: Versions::default(),
        }
    }

    fn read(&self, truth: &Versions, done: &AtomicBool, mut chance: Chance) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut reads = 0;
        while !done.load(Ordering::SeqCst) {
            let row = chance.index(ROWS);
            let floor = self.floor[row].load(Ordering::SeqCst);
            let load = || async {
                let depends = [Dependency::row(&offers(), i64::try_from(row).unwrap())];
                self.larder.reading(None, &depends);
                Ok::<_, Infallible>(truth[row].load(Ordering::SeqCst))
            };
            let key = u64::try_from(row).unwrap();
            let read = *runtime.block_on(self.rows.get_or_load(key, load)).unwrap();
            assert!(
                read >= floor,
                "row {row} was read as {read}, behind {floor}"
            );
            reads += 1;
        }
        reads
    }

    fn hears(&self, published: &Versions) {
        let before = published
            .each_ref()
            .map(|version| version.load(Ordering::SeqCst));
        self.end.poll(usize::MAX, true, false);
        for (floor, version) in self.floor.iter().zip(before) {
            floor.fetch_max(version, Ordering::SeqCst);
        }
    }
}

fn write(site: &Site, truth: &Versions, published: &Versions, course: &Course, mut chance: Chance) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let writes = std::env::var("LARDER_WRITES").map_or(WRITES, |count| count.parse().unwrap());
    for _ in 0..writes {
        let row = chance.index(ROWS);
        let version = truth[row].fetch_add(1, Ordering::SeqCst) + 1;
        let change = if chance.once_in(2) {
            Change::everything()
        } else {
            Change::row(&offers(), i64::try_from(row).unwrap())
        };
        runtime.block_on(site.larder.publish(change)).unwrap();
        site.floor[row].fetch_max(version, Ordering::SeqCst);
        published[row].fetch_max(version, Ordering::SeqCst);
        if chance.once_in(20) {
            course.lock().trim(0);
        }
        thread::yield_now();
    }
}

/// Seen failing without the second look at `everything` in `Entry::validity`, in two of three runs of 30 000 writes.
#[test]
fn nothing_that_was_written_or_heard_is_unseen_by_threads_that_read_meanwhile() {
    let (seed, clock) = (crate::oracle::seed(), ManualClock::new());
    let (course, store) = (Course::new(&clock), MemoryStore::with_clock(clock.clone()));
    let sites = [(); 2].map(|()| Site::build(&course, &clock, &store));
    let (truth, published) = (Versions::default(), Versions::default());
    let done = AtomicBool::new(false);
    let reads: u64 = thread::scope(|scope| {
        let reader = |(at, site)| {
            let (truth, done) = (&truth, &done);
            let chance = Chance::new(seed.wrapping_add(at));
            scope.spawn(move || Site::read(site, truth, done, chance))
        };
        let readers: Vec<_> = (0..).zip(sites.iter().chain(&sites)).map(reader).collect();
        let (heard, until) = (&published, &done);
        let polled = &sites;
        scope.spawn(move || {
            while !until.load(Ordering::SeqCst) {
                polled.iter().for_each(|site| site.hears(heard));
                thread::yield_now();
            }
        });
        let writers: Vec<_> = (7..)
            .zip(&sites)
            .map(|(at, site)| {
                let (truth, published, course) = (&truth, &published, &course);
                let chance = Chance::new(seed.wrapping_add(at));
                scope.spawn(move || write(site, truth, published, course, chance))
            })
            .collect();
        let wrote: Vec<_> = writers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::SeqCst);
        wrote.into_iter().for_each(|ended| ended.unwrap());
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .sum()
    });
    println!("{reads} reads");
}
