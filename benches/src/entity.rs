//! A hit on a row, Zipf-distributed over many, beside the bare caches of the registry.

use std::hash::{BuildHasher, RandomState as StdHasher};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use rapidhash::fast::RandomState;

use crate::rounds::{Contestant, Lane, compare};
use crate::zipf;

const KEYS: i32 = 100_000;
const EXPONENT: f64 = 0.99;
/// Twice the keys: nothing is evicted while it is measured.
const CAPACITY: u64 = 200_000;
/// One part in so many is looked up before the clock runs.
const WARM_UP: u64 = 4;

/// The engine under the local tier, asked directly.
pub(crate) const MOKA: &str = "bare moka `get`";

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
}

/// A row of the size of an article.
struct Row {
    id: i32,
    #[expect(dead_code, reason = "gives the row its size")]
    texts: [String; 4],
}

/// Measures hits on rows.
pub(crate) fn measure(rounds: usize) -> Vec<Lane> {
    let walk = Walk {
        keys: zipf::sequence(KEYS, EXPONENT, 7).into(),
        at: 0,
    };
    let contestants = vec![
        moka(MOKA, RandomState::default(), walk.clone()),
        moka(
            "bare moka `get`, its default hasher",
            StdHasher::default(),
            walk.clone(),
        ),
        quick_cache(walk),
    ];
    compare(contestants, rounds)
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
        cache.insert(id, row(id));
    }
    cache.run_pending_tasks();
    gets(name, walk, move |id| cache.get(&id))
}

fn quick_cache(walk: Walk) -> Contestant {
    let cache = quick_cache::sync::Cache::new(2 * KEYS.unsigned_abs() as usize);
    for id in 1..=KEYS {
        cache.insert(id, row(id));
    }
    gets("bare quick_cache `get`", walk, move |id| cache.get(&id))
}

/// Makes a contestant of a synchronous lookup.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn gets(name: &str, mut walk: Walk, get: impl Fn(i32) -> Option<Arc<Row>> + 'static) -> Contestant {
    Contestant::new(name, move |times| {
        // The contestant before has filled the processor's cache with its own entries.
        for _ in 0..times / WARM_UP {
            black_box(get(walk.next()));
        }
        let start = Instant::now();
        for _ in 0..times {
            let key = walk.next();
            let row = get(key).expect("every key was put");
            assert_eq!(row.id, key);
        }
        start.elapsed()
    })
}

fn row(id: i32) -> Arc<Row> {
    let text = |what: &str| format!("{what} of the article with the number {id}");
    Arc::new(Row {
        id,
        texts: [
            text("slug"),
            text("title"),
            text("description"),
            text("body"),
        ],
    })
}
