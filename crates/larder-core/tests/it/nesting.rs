//! What flows outward from inner entries to the one made of them.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder_core::{
    Change, Dependency, Key, Larder, LocalBus, Lookup, Policy, ReadScope, Refusal, Region, Scope,
    Turn,
};

use crate::gate::{Gate, begun, settled, within};
use crate::scene::{S, Truth, builder, larder, long, read, region, table, timed};

/// Loads `value` by `load` and tells why it is not kept.
pub(crate) async fn kept<T>(
    region: &Region<u64>,
    key: &str,
    load: impl Future<Output = T>,
) -> Result<(), Refusal> {
    let Turn::Lead(lead) = region.join(&Key::from(key)).await else {
        panic!("should lead")
    };
    lead.run(load).await;
    lead.finish(Some(Arc::new(1)), region.policy().lifetime())
        .kept
}

pub(crate) fn regions(larder: &Larder) -> (Region<u64>, Region<u64>) {
    (region(larder, "rows"), region(larder, "pages"))
}

#[tokio::test]
async fn what_is_made_of_an_entry_is_invalid_with_what_that_was_made_of() {
    for cached in [false, true] {
        for change in [
            Change::row(&table("offer"), 7),
            Change::table(&table("offer")),
            Change::tag("prices"),
            Change::tag("imported"),
            Change::key("rows", Scope::Public, "a"),
            Change::everything(),
        ] {
            let larder = larder();
            let inner = larder
                .region::<u64>("rows", long().invalidated_by("imported"))
                .unwrap();
            let outer = region::<u64>(&larder, "pages");
            let row = || async {
                larder.reading(None, &[Dependency::row(&table("offer"), 7)]);
                larder.depend_on("prices");
                Ok::<_, Infallible>(1)
            };
            if cached {
                inner.get_or_load("a", row).await.unwrap();
            }
            let page = outer.get_or_load("page", || async {
                inner.get_or_load("a", row).await.map(|row| *row)
            });
            assert!(page.await.is_ok());
            assert!(outer.get("page").await.is_some());
            larder.publish(change.clone()).await.unwrap();
            assert_eq!(outer.get("page").await, None, "{change}, cached: {cached}");
        }
    }
}

#[tokio::test]
async fn removing_putting_or_sweeping_the_inner_entry_invalidates_the_outer_one() {
    for cached in [false, true] {
        for way in 0..4 {
            let larder = larder();
            let (inner, outer) = regions(&larder);
            if cached {
                read(&inner, "a", 1).await;
            }
            let page = || async { Ok::<_, Infallible>(read(&inner, "a", 1).await) };
            outer.get_or_load("page", page).await.unwrap();
            match way {
                0 => inner.remove("a").await.unwrap(),
                1 => inner.put("a", 2).await.unwrap(),
                2 => inner.invalidate_all().await.unwrap(),
                _ => drop(inner.invalidate_matching("a").await.unwrap()),
            }
            assert_eq!(outer.get("page").await, None, "way {way}, cached: {cached}");
        }
    }
}

/// Loads the outermost of `levels`, which is made of the next, and so on.
async fn load(larder: &Larder, levels: &[Region<u64>]) -> u64 {
    let Some((outermost, inner)) = levels.split_first() else {
        larder.reading(None, &[Dependency::row(&table("offer"), 7)]);
        return 1;
    };
    let deeper = || async { Ok::<_, Infallible>(Box::pin(load(larder, inner)).await + 1) };
    *outermost.get_or_load("a", deeper).await.unwrap()
}

#[tokio::test]
async fn it_flows_through_any_number_of_levels() {
    let larder = larder();
    let levels: Vec<_> = (0..6)
        .map(|level| region::<u64>(&larder, &format!("level{level}")))
        .collect();
    for held in (0..6).rev() {
        assert_eq!(load(&larder, &levels).await, 7);
        levels[held].evict(&Key::from("a"));
        assert_eq!(load(&larder, &levels).await, 7);
        larder
            .publish(Change::row(&table("offer"), 7))
            .await
            .unwrap();
        for level in &levels {
            assert_eq!(
                level.get("a").await,
                None,
                "{} while {held} was reloaded",
                level.name()
            );
        }
    }
}

/// A change between the inner load and the end of the outer one.
#[tokio::test]
async fn a_change_of_an_inner_entry_during_the_outer_load_is_not_missed() {
    for cached in [false, true] {
        let larder = larder();
        let (inner, outer) = regions(&larder);
        let (truth, gate) = (Truth::of(1), Gate::closed());
        if cached {
            truth.through(&inner, "a").await;
        }
        let page = begun(outer.get_or_load("page", || async {
            let row = truth.through(&inner, "a").await;
            gate.passed().await;
            Ok::<_, Infallible>(row)
        }));
        truth.write(2);
        inner.remove("a").await.unwrap();
        // The inner entry is there again, newer than what the page was made of.
        assert_eq!(truth.through(&inner, "a").await, 2);
        gate.open();
        assert_eq!(*within("the page", page).await.unwrap(), 1);
        assert_eq!(truth.through(&outer, "page").await, 2, "cached: {cached}");
    }
}

#[tokio::test]
async fn an_entry_made_of_one_with_five_seconds_left_expires_with_it() {
    let (larder, clock) = timed();
    let inner = larder.region::<u64>("rows", Policy::ttl(60 * S)).unwrap();
    let outer = larder
        .region::<u64>("pages", long().grace(100 * S))
        .unwrap();
    read(&inner, "a", 1).await;
    clock.advance(55 * S);
    let page = || async { Ok::<_, Infallible>(read(&inner, "a", 1).await) };
    outer.get_or_load("page", page).await.unwrap();
    let Lookup::Hit(hit) = outer.lookup(&Key::from("page")) else {
        panic!("should be kept")
    };
    assert_eq!(hit.ttl_left, 5 * S);
    clock.advance(4 * S);
    assert!(outer.get("page").await.is_some());
    clock.advance(S);
    assert_eq!(
        outer.get("page").await,
        None,
        "grace is its own, the end is the row's"
    );
}

#[tokio::test]
async fn the_earliest_end_of_all_that_was_read_counts() {
    let (larder, clock) = timed();
    let outer = larder.region::<u64>("pages", long()).unwrap();
    let inner: Vec<_> = [30, 10, 20]
        .iter()
        .map(|ttl| {
            larder
                .region::<u64>(&format!("rows{ttl}"), Policy::ttl(*ttl * S))
                .unwrap()
        })
        .collect();
    for region in &inner {
        read(region, "a", 1).await;
    }
    let page = outer.get_or_load("page", || async {
        for region in &inner {
            read(region, "a", 1).await;
        }
        Ok::<_, Infallible>(1)
    });
    page.await.unwrap();
    clock.advance(9 * S);
    assert!(outer.get("page").await.is_some());
    clock.advance(S);
    assert_eq!(outer.get("page").await, None);
}

#[tokio::test]
async fn what_is_made_of_a_stale_or_aged_entry_is_not_kept() {
    let (larder, clock) = timed();
    let policy = Policy::ttl(10 * S).grace(100 * S).invalidated_by("prices");
    let inner = larder.region::<u64>("rows", policy).unwrap();
    let outer = larder.region::<u64>("pages", long()).unwrap();
    read(&inner, "stale", 1).await;
    clock.advance(11 * S);
    read(&inner, "aged", 1).await;
    larder.invalidate_soft("prices").await.unwrap();
    for key in ["stale", "aged"] {
        assert_eq!(
            kept(&outer, key, inner.get(key)).await,
            Err(Refusal::Expired),
            "{key}"
        );
    }
}

#[tokio::test]
async fn what_is_made_of_a_users_entry_is_not_kept_for_others() {
    let (ann, bob, acme) = (
        Scope::user("ann"),
        Scope::user("bob"),
        Scope::tenant("acme"),
    );
    for (read_under, kept_under, expected) in [
        (&ann, &Scope::Public, Err(Refusal::WiderScope)),
        (&acme, &Scope::Public, Err(Refusal::WiderScope)),
        (&ann, &acme, Err(Refusal::WiderScope)),
        (&ann, &bob, Err(Refusal::MixedScopes)),
        (&acme, &Scope::tenant("other"), Err(Refusal::MixedScopes)),
        (&ann, &ann, Ok(())),
        (&acme, &ann, Ok(())),
        (&Scope::Public, &ann, Ok(())),
    ] {
        for cached in [false, true] {
            let larder = larder();
            let (inner, outer) = regions(&larder);
            let (inner, outer) = (
                inner.scoped(read_under.clone()),
                outer.scoped(kept_under.clone()),
            );
            if cached {
                read(&inner, "a", 1).await;
            }
            let verdict = kept(&outer, "page", read(&inner, "a", 1)).await;
            assert_eq!(
                verdict, expected,
                "{read_under:?} under {kept_under:?}, cached: {cached}"
            );
            assert_eq!(outer.get("page").await.is_some(), expected.is_ok());
        }
    }
}

#[tokio::test]
async fn a_users_entry_between_the_levels_is_not_forgotten() {
    let larder = larder();
    let (inner, outer) = regions(&larder);
    let middle = region::<u64>(&larder, "middle");
    let ann = inner.scoped(Scope::user("ann"));
    let verdict = kept(&outer, "page", async {
        let why = kept(&middle, "a", read(&ann, "a", 1)).await;
        assert_eq!(why, Err(Refusal::WiderScope));
    });
    assert_eq!(verdict.await, Err(Refusal::WiderScope));
}

#[tokio::test]
async fn entries_of_two_users_make_an_entry_of_nobody() {
    let larder = larder();
    let (inner, outer) = regions(&larder);
    let (ann, bob) = (
        inner.scoped(Scope::user("ann")),
        inner.scoped(Scope::user("bob")),
    );
    for scope in [Scope::Public, Scope::user("ann"), Scope::user("bob")] {
        let outer = outer.scoped(scope);
        let verdict = kept(&outer, "page", async {
            read(&ann, "a", 1).await;
            read(&bob, "a", 2).await;
        });
        assert_eq!(verdict.await, Err(Refusal::MixedScopes));
    }
}

#[tokio::test]
async fn what_was_narrowed_by_hand_is_narrow() {
    let larder = larder();
    let (_, outer) = regions(&larder);
    let verdict = kept(&outer, "page", async {
        ReadScope::current().unwrap().narrow(&Scope::user("ann"));
    });
    assert_eq!(verdict.await, Err(Refusal::WiderScope));
}

#[tokio::test]
async fn a_refusal_makes_all_that_encloses_it_uncacheable() {
    let larder = larder();
    let (inner, outer) = regions(&larder);
    let page = outer.get_or_load("page", || async {
        let row = inner.get_or_load("a", || async {
            larder.refuse(Refusal::Volatile);
            larder.refuse(Refusal::UnknownTables);
            Ok::<_, Infallible>(1)
        });
        row.await.map(|row| *row)
    });
    assert_eq!(*page.await.unwrap(), 1);
    assert_eq!(inner.get("a").await, None);
    assert_eq!(outer.get("page").await, None);
    let why = kept(&outer, "page", async {
        larder.refuse(Refusal::Uncacheable("mine"));
    });
    assert_eq!(why.await, Err(Refusal::Uncacheable("mine")));
}

#[tokio::test]
async fn a_refused_load_that_is_cancelled_or_fails_is_still_refused() {
    let larder = larder();
    let (inner, outer) = regions(&larder);
    let refusing = || async {
        larder.refuse(Refusal::Volatile);
        tokio::task::yield_now().await;
        Err::<u64, _>("down")
    };
    let failed = kept(&outer, "page", async {
        inner.get_or_load("a", refusing).await
    });
    assert_eq!(failed.await, Err(Refusal::Volatile));
    let cancelled = kept(&outer, "page", async {
        drop(begun(inner.get_or_load("a", refusing)));
    });
    assert_eq!(cancelled.await, Err(Refusal::Volatile));
}

#[tokio::test]
async fn what_a_background_refresh_reads_does_not_flow_into_its_caller() {
    let (larder, clock) = timed();
    let inner = larder
        .region::<u64>("rows", Policy::ttl(10 * S).early_refresh(5 * S))
        .unwrap();
    let outer = larder.region::<u64>("pages", long()).unwrap();
    read(&inner, "a", 1).await;
    clock.advance(6 * S);
    let (its_larder, done) = (larder.clone(), Arc::new(AtomicU64::new(0)));
    let its_done = Arc::clone(&done);
    let verdict = kept(&outer, "page", async {
        let loader = move || async move {
            its_larder.refuse(Refusal::Volatile);
            its_done.store(1, Ordering::SeqCst);
            Ok::<_, Infallible>(2)
        };
        inner.get_or_refresh("a", loader).await.unwrap();
        settled().await;
    });
    assert_eq!(verdict.await, Ok(()));
    assert_eq!(done.load(Ordering::SeqCst), 1, "it ran");
}

#[tokio::test]
async fn what_an_untracked_scope_reads_is_dropped_and_not_counted() {
    let larder = builder().strict_scopes(true).build().unwrap();
    let (inner, outer) = regions(&larder);
    let verdict = kept(&outer, "page", async {
        ReadScope::untracked()
            .run(async {
                larder.depend_on("prices");
                larder.refuse(Refusal::Volatile);
                read(&inner, "a", 1).await;
            })
            .await;
    });
    assert_eq!(verdict.await, Ok(()));
    larder.invalidate("prices").await.unwrap();
    assert!(outer.get("page").await.is_some());
}

#[tokio::test]
async fn entries_of_another_larder_make_an_entry_of_neither() {
    let bus = LocalBus::new();
    for shared in [false, true] {
        let make = || {
            if shared {
                builder().bus(bus.clone())
            } else {
                builder()
            }
        };
        let (one, two) = (make().build().unwrap(), make().build().unwrap());
        let (inner, outer) = (region::<u64>(&two, "rows"), region::<u64>(&one, "pages"));
        for round in ["loaded", "hit"] {
            let verdict = kept(&outer, "page", read(&inner, "a", 1));
            assert_eq!(
                verdict.await,
                Err(Refusal::ForeignLarder),
                "{round}, shared: {shared}"
            );
            assert!(inner.get("a").await.is_some(), "the inner one is kept");
        }
        let verdict = kept(&outer, "page", async { two.depend_on("prices") });
        assert_eq!(verdict.await, Err(Refusal::ForeignLarder));
    }
}

#[tokio::test]
async fn siblings_in_one_scope_keep_their_own_dependencies() {
    let larder = larder();
    let (inner, outer) = regions(&larder);
    let load = |tag: &'static str| {
        let (inner, larder) = (&inner, &larder);
        async move {
            let row = inner.get_or_load(tag, || async {
                tokio::task::yield_now().await;
                larder.depend_on(tag);
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(1)
            });
            row.await.unwrap();
        }
    };
    let both = outer.get_or_load("page", || async {
        crate::gate::all(vec![Box::pin(load("x")), Box::pin(load("y"))]).await;
        Ok::<_, Infallible>(1)
    });
    both.await.unwrap();
    larder.invalidate("x").await.unwrap();
    assert_eq!(inner.get("x").await, None);
    assert!(inner.get("y").await.is_some());
    assert_eq!(outer.get("page").await, None);
}
