//! A hit on a row, Zipf-distributed over many, beside the bare caches of the registry.

mod article;
mod larder;

use std::hash::{BuildHasher, RandomState as StdHasher};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use rapidhash::fast::RandomState;
use tokio::runtime::Runtime;

use self::article::{Model, article};
use crate::rounds::{Contestant, Lane, Plan, compare};
use crate::stopwatch::Stopwatch;
use crate::zipf;

const KEYS: i32 = 100_000;
const EXPONENT: f64 = 0.99;
/// Twice the keys: nothing is evicted while it is measured.
const CAPACITY: u64 = 200_000;
/// One part in so many is looked up before the clock runs.
const WARM_UP: u64 = 4;

/// The engine under the local tier, asked directly.
pub(crate) const MOKA: &str = "bare moka `get`";
const MOKA_DEFAULT: &str = "bare moka `get`, its default hasher";

/// The keys to ask for, walked round and round by each contestant on its own.
#[derive(Clone)]
struct Walk {
    keys: Rc<[i32]>,
    at: usize,
}

impl Walk {
    fn next(&mut self) -> i32 {
        let key = self.keys[self.at];
        self.at = (self.at + 1) % self.keys.len();
        key
    }

    /// # Panics
    /// When the row is not the one asked for.
    fn check(key: i32, row: Option<Arc<Model>>) {
        assert_eq!(row.map(|row| row.id), Some(key));
    }
}

/// Makes contestants, each with all rows in it.
type Build = fn(&Rc<Runtime>, &Walk) -> Vec<Contestant>;

const BUILDS: [Build; 5] = [
    |_, walk| vec![moka(MOKA, RandomState::default(), walk.clone())],
    |_, walk| vec![moka(MOKA_DEFAULT, StdHasher::default(), walk.clone())],
    |_, walk| vec![quick_cache(walk.clone())],
    |runtime, walk| vec![larder::region(runtime, walk.clone())],
    |runtime, walk| larder::repository(runtime, walk).into(),
];

/// Measures hits on rows.
///
/// Where in memory a cache happens to lie makes it a tenth faster or slower. So it is all built
/// anew several times, in another order each time.
pub(crate) fn measure(runtime: &Rc<Runtime>, plan: &Plan) -> Vec<Lane> {
    let walk = Walk {
        keys: zipf::sequence(KEYS, EXPONENT, 7).into(),
        at: 0,
    };
    let part = Plan {
        rounds: plan.rounds.div_ceil(BUILDS.len()),
        ..plan.clone()
    };
    let mut lanes: Vec<Lane> = Vec::new();
    for first in 0..BUILDS.len() {
        let mut contestants = Vec::new();
        for place in 0..BUILDS.len() {
            let place = (first + place) % BUILDS.len();
            contestants.push((place, BUILDS[place](runtime, &walk)));
        }
        contestants.sort_by_key(|(place, _)| *place);
        let contestants = contestants.into_iter().flat_map(|(_, built)| built);
        let more = compare(contestants.collect(), &part);
        Lane::join(&mut lanes, more);
    }
    lanes
}

/// Takes the hasher Larder takes: what is compared is the cache, not the hash.
fn moka<S>(name: &str, hasher: S, walk: Walk) -> Contestant
where
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    let cache = moka::sync::Cache::builder()
        .max_capacity(CAPACITY)
        .build_with_hasher(hasher);
    for id in 1..=KEYS {
        cache.insert(id, Arc::new(article(id)));
    }
    cache.run_pending_tasks();
    gets(name, walk, move |id| cache.get(&id))
}

fn quick_cache(walk: Walk) -> Contestant {
    let cache = quick_cache::sync::Cache::new(2 * KEYS.unsigned_abs() as usize);
    for id in 1..=KEYS {
        cache.insert(id, Arc::new(article(id)));
    }
    gets("bare quick_cache `get`", walk, move |id| cache.get(&id))
}

/// Makes a contestant of a synchronous lookup.
fn gets(
    name: &str,
    mut walk: Walk,
    get: impl Fn(i32) -> Option<Arc<Model>> + 'static,
) -> Contestant {
    Contestant::new(name, move |times| {
        // The contestant before has filled the processor's cache with its own entries.
        for _ in 0..times / WARM_UP {
            black_box(get(walk.next()));
        }
        let start = Stopwatch::start();
        for _ in 0..times {
            let key = walk.next();
            Walk::check(key, get(key));
        }
        start.elapsed()
    })
}
