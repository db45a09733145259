//! What a hit costs in allocations, and a load in room: nothing, and little.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use larder_core::{Dependency, Key, Lookup};

use crate::allocator;
use crate::scene::{larder, read, region, table};

/// Polls a future that is ready at once.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("should be ready at once"),
    }
}

const HITS: u64 = 10_000;

/// What the engine of the local tier may allocate meanwhile: it puts its record of reads in order
/// after 64 of them, or when time has passed. One allocation a hit would be 50 times as many.
const ENGINE: u64 = HITS / 50;

/// Returns the allocations of many calls of `hit`, after some to warm up.
fn allocations(mut hit: impl FnMut()) -> u64 {
    (0..1000).for_each(|_| hit());
    let before = allocator::calls();
    (0..HITS).for_each(|_| hit());
    allocator::calls() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(
        allocations(|| drop(std::hint::black_box(Box::new(7)))),
        HITS
    );
}

#[test]
fn a_hit_outside_of_a_scope_allocates_nothing() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let load = || async {
        larder.reading(
            None,
            &[
                Dependency::row(&table("offer"), 7),
                Dependency::tag("prices"),
            ],
        );
        Ok::<_, Infallible>(1)
    };
    now(region.get_or_load(("article", 7, "en"), load)).unwrap();
    let got = allocations(|| assert!(now(region.get(("article", 7, "en"))).is_some()));
    assert!(got <= ENGINE, "get: {got} of {HITS}");
    let loaded =
        allocations(|| assert!(now(region.get_or_load(("article", 7, "en"), load)).is_ok()));
    assert!(loaded <= ENGINE, "get_or_load: {loaded} of {HITS}");
    let optional = || async { Ok::<_, Infallible>(Some(1)) };
    let optional = allocations(|| {
        assert!(now(region.get_or_load_optional(("article", 7, "en"), optional)).is_ok());
    });
    assert!(
        optional <= ENGINE,
        "get_or_load_optional: {optional} of {HITS}"
    );
    let refreshed = allocations(|| {
        let load = || async { Ok::<_, Infallible>(1) };
        assert!(now(region.get_or_refresh(("article", 7, "en"), load)).is_ok());
    });
    assert!(refreshed <= ENGINE, "get_or_refresh: {refreshed} of {HITS}");
    let key = Key::from(("article", 7, "en"));
    let looked_up = allocations(|| assert!(matches!(region.lookup(&key), Lookup::Hit(_))));
    assert!(looked_up <= ENGINE, "lookup: {looked_up} of {HITS}");
}

/// While other rows of its table change, an entry is checked by its own dependencies.
#[test]
fn a_hit_that_has_to_be_checked_in_full_allocates_nothing() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let load = || async {
        larder.reading(None, &[Dependency::row(&table("offer"), 7)]);
        Ok::<_, Infallible>(1)
    };
    now(region.get_or_load("a", load)).unwrap();
    let change = || larder_core::Change::row(&table("offer"), 8);
    let mut hits = 0;
    for _ in 0..HITS {
        now(larder.publish(change())).unwrap();
        let before = allocator::calls();
        assert!(now(region.get("a")).is_some());
        hits += allocator::calls() - before;
    }
    assert!(hits <= ENGINE, "{hits} of {HITS}");
}

#[test]
fn keys_of_up_to_64_bytes_are_built_without_an_allocation() {
    let built = allocations(|| {
        std::hint::black_box(Key::from((
            "article",
            1_234_567,
            "a-slug-of-some-thirty-letters",
        )));
    });
    assert_eq!(built, 0);
}

/// In a scope a hit is recorded: room for it is made now and then, not for each.
#[test]
fn a_hit_in_a_scope_allocates_only_now_and_then() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    for key in 0..1000_u64 {
        now(read(&region, key, key));
    }
    let scope = larder.read_scope();
    let before = allocator::calls();
    now(scope.run(async {
        for key in 0..1000_u64 {
            assert!(region.get(key).await.is_some());
        }
    }));
    let first = allocator::calls() - before;
    assert!(
        first <= 40,
        "{first} for 1000 entries: doubling a list and a set"
    );
    let again = allocations(|| {
        now(scope.run(async { assert!(region.get(7_u64).await.is_some()) }));
    });
    assert!(again <= ENGINE, "{again} of {HITS}: it is recorded already");
}

/// A future that holds its loader's in many places is many times as large, and so is each level.
#[test]
fn loads_inside_of_loads_do_not_grow_with_each_level() {
    let region = region::<u64>(&larder(), "offers");
    let load = || async { Ok::<_, Infallible>(1) };
    let one = size_of_val(&region.get_or_load("a", load));
    let three = size_of_val(&region.get_or_load("a", || async {
        let two = region.get_or_load("b", || async {
            region.get_or_load("c", load).await.map(|value| *value)
        });
        Ok::<_, Infallible>(two.await.map_or(0, |value| *value))
    }));
    assert!(
        three <= 2 * one,
        "one level: {one} bytes, three levels: {three}"
    );
    let batch = |_: Vec<u64>| async {
        let two = region.get_or_load("b", || async {
            region.get_or_load("c", load).await.map(|value| *value)
        });
        Ok::<_, Infallible>(two.await.map_or(Vec::new(), |value| vec![(7, *value)]))
    };
    let plain = |_: Vec<u64>| async { Ok::<_, Infallible>(Vec::<(u64, u64)>::new()) };
    let one = size_of_val(&region.get_many_or_load(vec![1], plain));
    let three = size_of_val(&region.get_many_or_load(vec![1], batch));
    assert!(
        three <= 2 * one,
        "a batch: {one} bytes, around two levels: {three}"
    );
}
