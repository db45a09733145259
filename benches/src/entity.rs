//! A hit on a row, Zipf-distributed over many, beside the bare caches of the registry.

use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState as StdHasher};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder_core::{Larder, Policy};
use rapidhash::fast::RandomState;
use tokio::runtime::Runtime;

use crate::rounds::{Contestant, Lane, compare};
use crate::zipf;

const KEYS: i32 = 100_000;
const EXPONENT: f64 = 0.99;
/// Twice the keys: nothing is evicted while it is measured.
const CAPACITY: u64 = 200_000;
const GIB: u64 = 1 << 30;
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
pub(crate) fn measure(runtime: &Rc<Runtime>, rounds: usize) -> Vec<Lane> {
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
        quick_cache(walk.clone()),
        region(runtime, walk),
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
        cache.insert(id, Arc::new(row(id)));
    }
    cache.run_pending_tasks();
    gets(name, walk, move |id| cache.get(&id))
}

fn quick_cache(walk: Walk) -> Contestant {
    let cache = quick_cache::sync::Cache::new(2 * KEYS.unsigned_abs() as usize);
    for id in 1..=KEYS {
        cache.insert(id, Arc::new(row(id)));
    }
    gets("bare quick_cache `get`", walk, move |id| cache.get(&id))
}

fn region(runtime: &Rc<Runtime>, walk: Walk) -> Contestant {
    let larder = Larder::builder("bench").local_capacity(GIB).build();
    let larder = larder.expect("the settings are sound");
    let region = larder
        .region::<Row>("rows", Policy::ttl(Duration::from_hours(1)))
        .expect("the region is new");
    // Loaded, not put: a `put` is a change, and a hundred thousand of them collide in the slots.
    runtime.block_on(async {
        for id in 1..=KEYS {
            let load = || async move { Ok::<_, Infallible>(row(id)) };
            region.get_or_load(id, load).await.expect("a row is made");
        }
    });
    awaited(
        "Larder `Region::get`",
        runtime,
        walk,
        async move |walk, times| {
            for _ in 0..times {
                let id = walk.next();
                let row = region.get(id).await.expect("every key was put");
                assert_eq!(row.id, id);
            }
        },
    )
}

/// Makes a contestant of lookups that are awaited; `get` does so many of them.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn awaited(
    name: &str,
    runtime: &Rc<Runtime>,
    mut walk: Walk,
    get: impl AsyncFn(&mut Walk, u64) + 'static,
) -> Contestant {
    let runtime = Rc::clone(runtime);
    Contestant::new(name, move |times| {
        runtime.block_on(async {
            get(&mut walk, times / WARM_UP).await;
            let start = Instant::now();
            get(&mut walk, times).await;
            start.elapsed()
        })
    })
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

fn row(id: i32) -> Row {
    let text = |what: &str| format!("{what} of the article with the number {id}");
    Row {
        id,
        texts: [
            text("slug"),
            text("title"),
            text("description"),
            text("body"),
        ],
    }
}
