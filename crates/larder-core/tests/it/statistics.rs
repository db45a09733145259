//! Counts of what a region did.

use std::convert::Infallible;

use larder_core::{Key, Larder, Policy, RegionSnapshot, Turn};

use crate::gate::{Gate, all, begun, within};
use crate::scene::{S, builder, larder, long, read, region, timed};

fn of(larder: &Larder, region: &str) -> RegionSnapshot {
    larder.snapshot().region(region).unwrap().clone()
}

#[tokio::test]
async fn hits_misses_and_loads_are_counted_by_region() {
    let larder = larder();
    let (offers, other) = (
        region::<u64>(&larder, "offers"),
        region::<u64>(&larder, "other"),
    );
    assert_eq!(offers.get("a").await, None);
    read(&offers, "a", 1).await;
    read(&offers, "a", 1).await;
    offers.get("a").await;
    read(&other, "a", 1).await;
    let counts = of(&larder, "offers");
    assert_eq!((counts.hits, counts.misses, counts.loads), (2, 2, 1));
    assert!((counts.hit_ratio() - 0.5).abs() < f64::EPSILON);
    assert_eq!(of(&larder, "other").misses, 1);
}

/// A read is answered from the cache or it is not: never both.
#[tokio::test]
async fn every_read_is_one_hit_or_one_miss() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let gate = Gate::closed();
    let load = || async {
        gate.passed().await;
        Ok::<_, Infallible>(1)
    };
    let callers: Vec<_> = (0..10)
        .map(|_| begun(region.get_or_load("a", load)))
        .collect();
    gate.open();
    all(callers).await;
    let counts = of(&larder, "offers");
    assert_eq!(counts.hits + counts.misses, 10, "{counts:?}");
    assert_eq!(counts.loads, 1);
}

#[tokio::test]
async fn a_batch_counts_each_key_once() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let gate = Gate::closed();
    read(&region, 1_u64, 1).await;
    let single = begun(region.get_or_load(2_u64, || async {
        gate.passed().await;
        Ok::<_, Infallible>(2)
    }));
    larder.reset_statistics();
    let batch = begun(
        region.get_many_or_load(vec![1_u64, 2, 3], |keys| async move {
            Ok::<_, Infallible>(keys.into_iter().map(|key| (key, key)).collect::<Vec<_>>())
        }),
    );
    gate.open();
    within("the single load", single).await.unwrap();
    within("the batch", batch).await.unwrap();
    let counts = of(&larder, "offers");
    assert_eq!(counts.hits + counts.misses, 3, "{counts:?}");
}

#[tokio::test]
async fn a_read_that_reloads_what_is_stale_is_counted_too() {
    let (larder, clock) = timed();
    let region = larder
        .region::<u64>("offers", Policy::ttl(10 * S).grace(10 * S))
        .unwrap();
    read(&region, "a", 1).await;
    clock.advance(11 * S);
    larder.reset_statistics();
    region.get("a").await;
    let counts = of(&larder, "offers");
    assert_eq!((counts.hits, counts.stale_hits, counts.misses), (1, 1, 0));
    read(&region, "a", 2).await;
    let counts = of(&larder, "offers");
    assert_eq!(counts.hits + counts.misses, 2, "{counts:?}");
    assert_eq!(counts.loads, 1);
}

#[tokio::test]
async fn failed_loads_and_the_time_of_all_loads_are_counted() {
    let (larder, clock) = timed();
    let region = region::<u64>(&larder, "offers");
    let slow = |answer: Result<u64, &'static str>| {
        let clock = clock.clone();
        move || async move {
            clock.advance(3 * S);
            answer
        }
    };
    assert!(region.get_or_load("a", slow(Err("down"))).await.is_err());
    region.get_or_load("a", slow(Ok(1))).await.unwrap();
    let counts = of(&larder, "offers");
    assert_eq!(
        (counts.loads, counts.load_errors, counts.load_time),
        (2, 1, 6 * S)
    );
}

#[tokio::test]
async fn invalidations_refusals_and_what_is_held_are_counted() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    for key in 0..10_u64 {
        read(&region, key, key).await;
    }
    let full = of(&larder, "offers");
    assert_eq!(full.entries, 10);
    assert!(
        full.bytes >= 10 * 8 && full.bytes < 10 * 4096,
        "{}",
        full.bytes
    );
    region.remove(0_u64).await.unwrap();
    larder
        .publish(larder_core::Change::everything())
        .await
        .unwrap();
    for key in 0..10_u64 {
        assert_eq!(region.get(key).await, None);
    }
    let empty = of(&larder, "offers");
    assert_eq!(
        (empty.invalidations, empty.entries, empty.bytes),
        (10, 0, 0)
    );
    let Turn::Lead(lead) = region.join(&Key::from("a")).await else {
        panic!("should lead")
    };
    lead.refuse(larder_core::Refusal::Volatile);
    drop(lead.finish(Some(std::sync::Arc::new(1)), long().lifetime()));
    assert_eq!(of(&larder, "offers").refused, 1);
}

#[tokio::test]
async fn evictions_are_counted_and_entries_replaced_are_not() {
    let larder = builder().local_capacity(64 * 1024).build().unwrap();
    let region = region::<Vec<u8>>(&larder, "offers");
    for _ in 0..10 {
        region.put("a", vec![0; 1024]).await.unwrap();
    }
    let counts = of(&larder, "offers");
    assert_eq!((counts.entries, counts.evictions), (1, 0));
    for key in 0..1000_u64 {
        read(&region, key, vec![0; 1024]).await;
    }
    let counts = of(&larder, "offers");
    assert!(counts.bytes <= 64 * 1024, "{} bytes", counts.bytes);
    assert_eq!(counts.evictions, 1001 - counts.entries);
}

#[tokio::test]
async fn a_reset_sets_counts_to_zero_and_leaves_what_is_held() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    read(&region, "a", 1).await;
    read(&region, "a", 1).await;
    region.remove("b").await.unwrap();
    let before = of(&larder, "offers");
    larder.reset_statistics();
    let after = of(&larder, "offers");
    assert_eq!(
        (after.hits, after.misses, after.loads, after.invalidations),
        (0, 0, 0, 0)
    );
    assert!(after.load_time.is_zero());
    assert_eq!((after.entries, after.bytes), (before.entries, before.bytes));
}

#[tokio::test]
async fn a_snapshot_names_the_service_its_regions_and_its_position() {
    let larder = larder();
    let (_b, a) = (region::<u64>(&larder, "b"), region::<u64>(&larder, "a"));
    let before = larder.snapshot();
    assert_eq!(before.service, "shop");
    assert!(before.enabled);
    let names: Vec<_> = before
        .regions
        .iter()
        .map(|region| region.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
    a.remove("x").await.unwrap();
    assert_eq!(larder.snapshot().position, before.position + 1);
}

#[tokio::test]
async fn a_read_of_a_statement_outside_of_any_scope_is_counted() {
    let larder = larder();
    larder.reading(None, &[]);
    assert_eq!(larder.snapshot().unscoped_reads, 1);
    larder
        .read_scope()
        .run(async { larder.reading(None, &[]) })
        .await;
    larder_core::ReadScope::untracked()
        .run(async { larder.reading(None, &[]) })
        .await;
    assert_eq!(larder.snapshot().unscoped_reads, 1);
    larder.reset_statistics();
    assert_eq!(larder.snapshot().unscoped_reads, 0);
}

#[tokio::test]
async fn what_a_switch_keeps_out_is_not_counted() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    larder.switches().set("shop.offers=0").unwrap();
    read(&region, "a", 1).await;
    assert!(
        region
            .get_or_load("a", || async { Err::<u64, _>("down") })
            .await
            .is_err()
    );
    let counts = of(&larder, "offers");
    assert_eq!(
        (counts.hits, counts.misses, counts.loads, counts.load_errors),
        (0, 0, 0, 0)
    );
}
