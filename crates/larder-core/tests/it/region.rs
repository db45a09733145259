//! Regions: what they hold and how it is reached.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use larder_core::{Change, Freshness, Key, Lookup, Policy, Region, Scope};

use crate::scene::{S, Truth, builder, larder, long, read, region, timed};

#[tokio::test]
async fn a_value_is_loaded_once_and_served_from_then_on() {
    let region = region::<u64>(&larder(), "offers");
    let truth = Truth::of(7);
    for _ in 0..5 {
        assert_eq!(truth.through(&region, "a").await, 7);
    }
    assert_eq!(truth.reads(), 1);
    assert_eq!(truth.through(&region, "b").await, 7);
    assert_eq!(truth.reads(), 2);
}

#[tokio::test]
async fn get_loads_nothing() {
    let region = region::<u64>(&larder(), "offers");
    assert_eq!(region.get("a").await, None);
    read(&region, "a", 1).await;
    assert_eq!(region.get("a").await.as_deref(), Some(&1));
}

#[tokio::test]
async fn a_value_is_never_copied() {
    struct NotClone(u64);
    let region = region::<NotClone>(&larder(), "offers");
    let load = || async { Ok::<_, Infallible>(NotClone(7)) };
    let loaded = region.get_or_load("a", load).await.unwrap();
    assert!(Arc::ptr_eq(&loaded, &region.get("a").await.unwrap()));
    assert!(Arc::ptr_eq(
        &loaded,
        &region.get_or_load("a", load).await.unwrap()
    ));
    let put = Arc::new(NotClone(8));
    region.put("a", Arc::clone(&put)).await.unwrap();
    assert!(Arc::ptr_eq(&put, &region.get("a").await.unwrap()));
    assert_eq!(put.0, 8);
}

#[tokio::test]
async fn what_was_removed_is_loaded_again() {
    let region = region::<u64>(&larder(), "offers");
    region.put("a", 1).await.unwrap();
    assert_eq!(read(&region, "a", 2).await, 1);
    region.remove("a").await.unwrap();
    region.remove("never there").await.unwrap();
    assert_eq!(read(&region, "a", 2).await, 2);
}

#[tokio::test]
async fn an_evicted_key_is_gone_here_and_nothing_is_published() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    read(&region, "a", 1).await;
    let before = larder.snapshot().position;
    region.evict(&Key::from("a"));
    assert_eq!(region.get("a").await, None);
    assert_eq!(larder.snapshot().position, before);
}

#[tokio::test]
async fn the_same_name_is_the_same_region() {
    let larder = larder();
    let (one, two) = (
        region::<u64>(&larder, "offers"),
        region::<u64>(&larder, "offers"),
    );
    read(&one, "a", 1).await;
    assert_eq!(two.get("a").await.as_deref(), Some(&1));
    assert_eq!(larder.snapshot().regions.len(), 1);
}

#[tokio::test]
async fn a_value_of_another_type_is_a_miss_and_no_panic() {
    let larder = larder();
    let numbers = region::<u64>(&larder, "offers");
    let texts = region::<String>(&larder, "offers");
    read(&numbers, "a", 1).await;
    assert_eq!(texts.get("a").await, None);
    assert!(matches!(texts.lookup(&Key::from("a")), Lookup::Miss));
    assert_eq!(read(&texts, "a", "one".to_owned()).await, "one");
    let many = texts.get_many_or_load(vec!["a"], |_| async {
        Ok::<_, Infallible>(vec![("a", "two".to_owned())])
    });
    assert_eq!(
        many.await.unwrap()[0].as_deref().map(String::as_str),
        Some("one")
    );
    assert_eq!(numbers.get("a").await, None);
    assert_eq!(read(&numbers, "a", 3).await, 3);
}

#[tokio::test]
async fn each_scope_has_entries_of_its_own() {
    let region = region::<u64>(&larder(), "offers");
    let scopes = [
        Scope::Public,
        Scope::user("ann"),
        Scope::user("bob"),
        Scope::tenant("ann"),
        Scope::user(""),
        Scope::tenant(""),
    ];
    let views: Vec<Region<u64>> = scopes
        .iter()
        .map(|scope| region.scoped(scope.clone()))
        .collect();
    for (value, view) in (0..).zip(&views) {
        assert_eq!(read(view, "a", value).await, value);
    }
    views[1].remove("a").await.unwrap();
    for (value, view) in (0..).zip(&views) {
        assert_eq!(
            view.get("a").await.as_deref().copied(),
            (value != 1).then_some(value)
        );
    }
    region.invalidate_all().await.unwrap();
    for view in &views {
        assert_eq!(view.get("a").await, None);
    }
}

#[tokio::test]
async fn invalidating_a_region_leaves_the_others() {
    let larder = larder();
    let (offers, other) = (
        region::<u64>(&larder, "offers"),
        region::<u64>(&larder, "other"),
    );
    for key in 0..10_u64 {
        read(&offers, key, 1).await;
        read(&other, key, 1).await;
    }
    offers.put("put", 1).await.unwrap();
    offers.invalidate_all().await.unwrap();
    for key in 0..10_u64 {
        assert_eq!(offers.get(key).await, None);
        assert!(other.get(key).await.is_some());
    }
    assert_eq!(offers.get("put").await, None);
    assert_eq!(read(&offers, 1_u64, 2).await, 2, "it serves on");
    assert!(offers.get(1_u64).await.is_some());
}

#[tokio::test]
async fn services_on_one_bus_keep_separate_regions() {
    let bus = larder_core::LocalBus::new();
    let make = |service: &str| {
        let builder = larder_core::Larder::builder(service).environment(crate::scene::NO_VARIABLES);
        builder.bus(bus.clone()).build().unwrap()
    };
    let (shop, blog) = (make("shop"), make("blog"));
    let (offers, posts) = (region::<u64>(&shop, "pages"), region::<u64>(&blog, "pages"));
    read(&offers, "a", 1).await;
    assert_eq!(read(&posts, "a", 2).await, 2);
    offers.invalidate_all().await.unwrap();
    assert!(
        posts.get("a").await.is_some(),
        "a region of another service"
    );
    shop.publish(Change::everything()).await.unwrap();
    assert_eq!(posts.get("a").await, None);
}

#[tokio::test]
async fn a_lookup_tells_age_and_time_left() {
    let (larder, clock) = timed();
    let region = larder
        .region::<u64>("offers", Policy::ttl(10 * S).grace(10 * S))
        .unwrap();
    read(&region, "a", 1).await;
    clock.advance(4 * S);
    let Lookup::Hit(hit) = region.lookup(&Key::from("a")) else {
        panic!("should be served")
    };
    assert_eq!(
        (hit.age, hit.ttl_left, hit.freshness),
        (4 * S, 6 * S, Freshness::Fresh)
    );
    clock.advance(8 * S);
    let Lookup::Hit(hit) = region.lookup(&Key::from("a")) else {
        panic!("should be served")
    };
    assert_eq!(
        (hit.age, hit.ttl_left, hit.freshness),
        (12 * S, Duration::ZERO, Freshness::Stale)
    );
    assert_eq!(hit.value.as_deref(), Some(&1));
}

/// Polls a future that needs nothing to run on.
fn without_a_runtime<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..1000 {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
    panic!("should need no runtime");
}

#[test]
fn reads_and_writes_need_no_runtime() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    without_a_runtime(async {
        assert_eq!(read(&region, "a", 1).await, 1);
        region.put("a", 2).await.unwrap();
        assert_eq!(region.get("a").await.as_deref(), Some(&2));
        region.remove("a").await.unwrap();
        larder.invalidate("x").await.unwrap();
        region.invalidate_matching("*").await.unwrap();
        assert_eq!(region.get("a").await, None);
        larder.close().await;
    });
}

#[test]
fn a_stale_entry_is_refreshed_even_without_a_runtime() {
    let (larder, clock) = timed();
    let region = larder
        .region::<u64>("offers", Policy::ttl(S).grace(10 * S))
        .unwrap();
    without_a_runtime(async {
        read(&region, "a", 1).await;
        clock.advance(2 * S);
        // There is nothing to run in the background on: no cache failure fails a request.
        let read = region
            .get_or_refresh("a", || async { Ok::<_, Infallible>(2) })
            .await;
        assert!([1, 2].contains(&*read.unwrap()));
    });
}

#[tokio::test]
async fn a_larder_that_is_dropped_lets_go_of_its_values_and_its_bus() {
    let bus = larder_core::LocalBus::new();
    let larder = builder().bus(bus.clone()).build().unwrap();
    let region = larder.region::<Arc<()>>("offers", long()).unwrap();
    let token = Arc::new(());
    for key in 0..100_u64 {
        read(&region, key, Arc::clone(&token)).await;
    }
    let node = Arc::downgrade(larder.node());
    drop((larder, region));
    assert!(node.upgrade().is_none(), "the bus holds no node");
    // The tier frees its memory with a delay of its own, in the course of other work.
    let other = crate::scene::region::<u64>(&builder().build().unwrap(), "other");
    for key in 0..10_000_u64 {
        read(&other, key, 1).await;
        if Arc::strong_count(&token) == 1 {
            return;
        }
    }
    panic!("{} values are still held", Arc::strong_count(&token) - 1);
}
