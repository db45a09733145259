//! Invalidation by pattern, against loads it could overlook.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock};

use larder_core::{CacheEvent, CacheEventKind, Key, Observer, Region, Turn};
use tokio::task::yield_now;

use crate::gate::{Gate, begun, until, within};
use crate::scene::{Truth, builder, larder, long, read, region};

#[tokio::test]
async fn a_pattern_reaches_the_keys_it_matches_and_no_others() {
    let larder = larder();
    let (offers, other) = (
        region::<u64>(&larder, "offers"),
        region::<u64>(&larder, "other"),
    );
    let ann = offers.scoped(larder_core::Scope::user("ann"));
    for key in ["fruit/apple", "fruit/pear", "bread/rye"] {
        read(&offers, key, 1).await;
        read(&other, key, 1).await;
    }
    read(&ann, "fruit/apple", 1).await;
    read(&offers, ("fruit", 7), 1).await;
    assert_eq!(offers.invalidate_matching("fruit/*").await.unwrap(), 4);
    assert_eq!(offers.get("fruit/apple").await, None);
    assert_eq!(offers.get("fruit/pear").await, None);
    assert_eq!(offers.get(("fruit", 7)).await, None);
    assert_eq!(ann.get("fruit/apple").await, None);
    assert!(offers.get("bread/rye").await.is_some());
    assert!(other.get("fruit/apple").await.is_some());
    assert_eq!(offers.invalidate_matching("nothing/*").await.unwrap(), 0);
}

#[tokio::test]
async fn a_pattern_reaches_a_load_under_way() {
    let region = region::<u64>(&larder(), "offers");
    let (truth, gate) = (Truth::of(1), Gate::closed());
    let load = begun(region.get_or_load("fruit/apple", || async {
        let value = truth.load();
        gate.passed().await;
        value
    }));
    truth.write(2);
    region.invalidate_matching("fruit/*").await.unwrap();
    gate.open();
    within("the load", load).await.unwrap();
    assert_eq!(truth.through(&region, "fruit/apple").await, 2);
}

#[tokio::test]
async fn a_pattern_reaches_a_load_that_nobody_follows() {
    let region = region::<u64>(&larder(), "offers");
    let key = Key::from("fruit/apple");
    let Turn::Lead(lead) = region.join(&key).await else {
        panic!("should lead")
    };
    let alone = begun(region.join(&key));
    lead.release();
    let Turn::Alone(alone) = within("the turn", alone).await else {
        panic!("should be alone")
    };
    let truth = Truth::of(1);
    let value = alone.run(async { truth.load() }).await.unwrap();
    truth.write(2);
    region.invalidate_matching("fruit/*").await.unwrap();
    alone.finish(Some(Arc::new(value)), long().lifetime());
    assert_eq!(truth.through(&region, "fruit/apple").await, 2);
}

/// A load lands while the tier is being searched: it must be found in the air or on the ground.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pattern_reaches_a_load_that_lands_during_the_search() {
    let larder = builder().local_capacity(1 << 30).build().unwrap();
    let (crowd, offers) = (
        region::<u64>(&larder, "crowd"),
        region::<u64>(&larder, "offers"),
    );
    for key in 0..20_000_u64 {
        read(&crowd, key, key).await;
    }
    for round in 0..40_u64 {
        let truth = Truth::of(1);
        let (read, searching) = (Gate::closed(), Gate::closed());
        let load = tokio::spawn({
            let (offers, truth) = (offers.clone(), truth.clone());
            let (read, searching) = (read.clone(), searching.clone());
            async move {
                let loader = || async {
                    let value = truth.load();
                    read.open();
                    searching.passed().await;
                    for _ in 0..round * 200 {
                        yield_now().await;
                    }
                    value
                };
                offers.get_or_load(round, loader).await.map(|value| *value)
            }
        });
        read.passed().await;
        until("the load waits", || searching.waiting() > 0).await;
        truth.write(2);
        searching.open();
        offers.invalidate_matching("*").await.unwrap();
        within("the load", load).await.unwrap().unwrap();
        assert_eq!(truth.through(&offers, round).await, 2, "round {round}");
    }
}

#[tokio::test]
async fn a_soft_pattern_ages_what_it_matches() {
    let (larder, clock) = crate::scene::timed();
    let policy = long().grace(10 * crate::scene::S);
    let region = larder.region::<u64>("offers", policy).unwrap();
    read(&region, "fruit/apple", 1).await;
    read(&region, "bread/rye", 1).await;
    assert_eq!(region.invalidate_matching_soft("fruit/*").await.unwrap(), 1);
    assert_eq!(
        region.get("fruit/apple").await.as_deref(),
        Some(&1),
        "within grace"
    );
    let again = region
        .get_or_load("fruit/apple", || async { Ok::<_, Infallible>(2) })
        .await;
    assert_eq!(again.as_deref(), Ok(&2), "one caller loads it anew");
    clock.advance(11 * crate::scene::S);
    assert_eq!(region.get("fruit/apple").await.as_deref(), Some(&2));
    assert_eq!(region.get("bread/rye").await.as_deref(), Some(&1));
}

/// Looks for a key whenever something is evicted, which is while another is put.
#[derive(Clone, Default)]
struct Peeping(Arc<OnceLock<Region<u64>>>, Arc<Mutex<Vec<u64>>>);

impl Observer for Peeping {
    fn observed(&self, event: &CacheEvent<'_>) {
        if event.kind == CacheEventKind::Evicted
            && let Some(region) = self.0.get()
            && let larder_core::Lookup::Hit(hit) = region.lookup(&Key::from("hot"))
        {
            self.1.lock().unwrap().extend(hit.value.as_deref());
        }
    }
}

#[tokio::test]
async fn what_a_pattern_reaches_is_not_even_shown_for_a_moment() {
    let peeping = Peeping::default();
    let larder = builder()
        .local_capacity(64 * 1024)
        .observer(peeping.clone())
        .build()
        .unwrap();
    let (crowd, region) = (
        region::<u64>(&larder, "crowd"),
        region::<u64>(&larder, "offers"),
    );
    let _ = peeping.0.set(region.clone());
    for key in 0..1000_u64 {
        read(&crowd, key, key).await;
        // Asked for so often that the tier lets others go for it.
        assert_eq!(region.get("hot").await, None);
    }
    for _ in 0..20 {
        let alone = region.alone(&Key::from("hot"));
        let value = alone.run(async { 1 }).await;
        region.invalidate_matching("*").await.unwrap();
        alone.finish(Some(Arc::new(value)), long().lifetime());
        assert_eq!(region.get("hot").await, None);
    }
    assert!(
        peeping.1.lock().unwrap().is_empty(),
        "the old value was there to be served"
    );
}

#[tokio::test]
async fn a_load_that_began_after_the_search_is_kept_with_or_without_followers() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    for key in ["a", "b"] {
        region.invalidate_matching("*").await.unwrap();
        let alone = region.alone(&Key::from(key));
        let value = alone.run(async { 1 }).await;
        let finished = alone.finish(Some(Arc::new(value)), long().lifetime());
        assert_eq!(finished.kept, Ok(()), "nothing has changed since it began");
        assert!(region.get(key).await.is_some());
    }
}
