//! How time ages an entry: ttl, grace, jitter, early refresh, soft invalidation, failed refreshes.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::test_util::ManualClock;
use larder_core::{Clock, Freshness, Key, Larder, Lifetime, Lookup, Policy, Region, Turn};

use crate::faulty_bus::{Log, LogBus};
use crate::gate::{Gate, all, begun, poll, settled, until, within};
use crate::scene::{S, Truth, builder, long, read, timed};

fn with_policy(policy: Policy) -> (Larder, ManualClock, Region<u64>) {
    let (larder, clock) = timed();
    let region = larder.region("offers", policy).unwrap();
    (larder, clock, region)
}

/// Reads `a` and refreshes it in the background with `loader`'s answer.
async fn refreshed<E: Send + Sync + 'static>(region: &Region<u64>, answer: Result<u64, E>) -> u64 {
    *region
        .get_or_refresh("a", move || async move { answer })
        .await
        .ok()
        .unwrap()
}

#[tokio::test]
async fn an_entry_is_served_within_its_ttl_and_not_beyond() {
    let (_larder, clock, region) = with_policy(Policy::ttl(10 * S));
    read(&region, "a", 1).await;
    clock.advance((10 * S).saturating_sub(Duration::from_nanos(1)));
    assert_eq!(region.get("a").await.as_deref(), Some(&1));
    clock.advance(Duration::from_nanos(1));
    assert_eq!(region.get("a").await, None);
    assert_eq!(read(&region, "a", 2).await, 2);
}

#[tokio::test]
async fn a_ttl_runs_from_the_start_of_the_load() {
    let (_larder, clock, region) = with_policy(Policy::ttl(10 * S));
    let load = region.get_or_load("a", || async {
        clock.advance(4 * S);
        Ok::<_, Infallible>(1)
    });
    load.await.unwrap();
    let Lookup::Hit(hit) = region.lookup(&Key::from("a")) else {
        panic!("should be served")
    };
    assert_eq!((hit.age, hit.ttl_left), (4 * S, 6 * S));
    clock.advance(6 * S);
    assert_eq!(region.get("a").await, None);
}

#[tokio::test]
async fn a_value_that_was_put_lives_as_long_as_one_that_was_loaded() {
    let (_larder, clock, region) = with_policy(Policy::ttl(10 * S).grace(5 * S));
    region.put("a", 1).await.unwrap();
    clock.advance(14 * S);
    assert_eq!(region.get("a").await.as_deref(), Some(&1));
    clock.advance(S);
    assert_eq!(region.get("a").await, None);
}

#[tokio::test]
async fn within_grace_one_caller_loads_and_the_others_are_served() {
    let (_larder, clock, region) = with_policy(Policy::ttl(10 * S).grace(5 * S));
    let (truth, gate) = (Truth::of(2), Gate::closed());
    read(&region, "a", 1).await;
    clock.advance(11 * S);
    let load = || async {
        gate.passed().await;
        truth.load()
    };
    let leader = begun(region.get_or_load("a", load));
    for _ in 0..20 {
        let stale = within("a stale answer", region.get_or_load("a", load))
            .await
            .unwrap();
        assert_eq!(*stale, 1);
    }
    gate.open();
    assert_eq!(*within("the leader", leader).await.unwrap(), 2);
    assert_eq!(truth.through(&region, "a").await, 2);
    assert_eq!(truth.reads(), 1);
}

#[tokio::test]
async fn past_its_grace_an_entry_is_not_served_at_all() {
    let (_larder, clock, region) =
        with_policy(Policy::ttl(10 * S).grace(5 * S).stale_on_error(true));
    read(&region, "a", 1).await;
    clock.advance(15 * S);
    assert_eq!(region.get("a").await, None);
    let failed = region
        .get_or_load("a", || async { Err::<u64, _>("down") })
        .await;
    assert_eq!(*failed.unwrap_err(), "down");
}

#[tokio::test]
async fn a_background_refresh_serves_the_stale_value_at_once_and_loads_once() {
    let (larder, clock, region) = with_policy(Policy::ttl(10 * S).grace(5 * S));
    let (truth, gate) = (Truth::of(2), Gate::closed());
    read(&region, "a", 1).await;
    clock.advance(11 * S);
    for _ in 0..20 {
        let (truth, gate) = (truth.clone(), gate.clone());
        let loader = move || async move {
            gate.passed().await;
            truth.load()
        };
        assert_eq!(
            *within("a hit", region.get_or_refresh("a", loader))
                .await
                .unwrap(),
            1
        );
    }
    gate.open();
    until("the refresh", || truth.reads() > 0).await;
    larder.close().await;
    assert_eq!(region.get("a").await.as_deref(), Some(&2));
    assert_eq!(truth.reads(), 1);
}

#[tokio::test]
async fn an_early_refresh_begins_before_the_ttl_ends() {
    let (_larder, clock, region) = with_policy(Policy::ttl(10 * S).early_refresh(2 * S));
    read(&region, "a", 1).await;
    clock.advance(7 * S);
    assert_eq!(refreshed(&region, Ok::<_, Infallible>(2)).await, 1);
    settled().await;
    assert_eq!(
        region.get("a").await.as_deref(),
        Some(&1),
        "it is too early"
    );
    clock.advance(S);
    assert_eq!(refreshed(&region, Ok::<_, Infallible>(2)).await, 1);
    let held = || match region.lookup(&Key::from("a")) {
        Lookup::Hit(hit) => hit.value.as_deref().copied(),
        _ => None,
    };
    until("the refresh", || held() == Some(2)).await;
    clock.advance(9 * S);
    assert_eq!(
        region.get("a").await.as_deref(),
        Some(&2),
        "it lives from its own load"
    );
}

/// Its ttl promises that it is served, and nothing it was made of has changed.
#[tokio::test]
async fn a_failed_early_refresh_leaves_the_fresh_entry() {
    let (larder, clock, region) = with_policy(Policy::ttl(10 * S).early_refresh(2 * S));
    read(&region, "a", 1).await;
    clock.advance(9 * S);
    assert_eq!(refreshed(&region, Err::<u64, _>("down")).await, 1);
    larder.close().await;
    assert_eq!(region.get("a").await.as_deref(), Some(&1));
}

#[tokio::test]
async fn a_failed_refresh_drops_the_stale_entry_unless_the_policy_keeps_it() {
    for keep in [false, true] {
        let policy = Policy::ttl(10 * S).grace(50 * S).stale_on_error(keep);
        let (larder, clock, region) = with_policy(policy);
        read(&region, "a", 1).await;
        clock.advance(11 * S);
        assert_eq!(refreshed(&region, Err::<u64, _>("down")).await, 1);
        larder.close().await;
        assert_eq!(region.get("a").await.is_some(), keep);
    }
}

#[tokio::test]
async fn a_failed_reload_in_the_foreground_serves_stale_only_if_the_policy_says_so() {
    for keep in [false, true] {
        let policy = Policy::ttl(10 * S).grace(50 * S).stale_on_error(keep);
        let (_larder, clock, region) = with_policy(policy);
        read(&region, "a", 1).await;
        clock.advance(11 * S);
        let answer = region
            .get_or_load("a", || async { Err::<u64, _>("down") })
            .await;
        assert_eq!(answer.is_ok(), keep);
        assert_eq!(region.get("a").await.is_some(), keep);
    }
}

#[tokio::test]
async fn a_refresh_that_panics_is_a_refresh_that_failed() {
    for keep in [false, true] {
        let policy = Policy::ttl(10 * S).grace(50 * S).stale_on_error(keep);
        let (larder, clock, region) = with_policy(policy);
        read(&region, "a", 1).await;
        clock.advance(11 * S);
        let loader = || async { panic!("as told") };
        let stale: Result<_, Arc<Infallible>> = region.get_or_refresh("a", loader).await;
        assert_eq!(*stale.unwrap(), 1);
        larder.close().await;
        assert_eq!(region.get("a").await.is_some(), keep);
        assert_eq!(within("the next", read(&region, "a", 2)).await, 2);
    }
}

#[tokio::test]
async fn an_invalid_entry_is_served_neither_within_grace_nor_on_error() {
    let policy = Policy::ttl(10 * S).grace(50 * S).stale_on_error(true);
    let (_larder, clock, region) = with_policy(policy);
    for age in [S, 20 * S] {
        read(&region, "a", 1).await;
        clock.advance(age);
        region.remove("a").await.unwrap();
        assert_eq!(region.get("a").await, None);
        let failed = region
            .get_or_load("a", || async { Err::<u64, _>("down") })
            .await;
        assert!(failed.is_err());
    }
}

#[tokio::test]
async fn an_entry_that_becomes_invalid_during_its_reload_is_not_served_on_error() {
    let policy = Policy::ttl(10 * S).grace(50 * S).stale_on_error(true);
    let (_larder, clock, region) = with_policy(policy);
    let gate = Gate::closed();
    read(&region, "a", 1).await;
    clock.advance(11 * S);
    let reload = begun(region.get_or_load("a", || async {
        gate.passed().await;
        Err::<u64, _>("down")
    }));
    region.remove("a").await.unwrap();
    gate.open();
    assert!(within("the reload", reload).await.is_err());
}

/// An integrator may give absence a grace of its own.
#[tokio::test]
async fn a_stale_absence_and_a_failed_reload_do_not_panic() {
    let (_larder, clock, region) = with_policy(long().stale_on_error(true));
    let Turn::Lead(lead) = region.join(&Key::from("a")).await else {
        panic!("should lead")
    };
    let lifetime = Lifetime {
        ttl: S,
        grace: 60 * S,
    };
    assert!(lead.finish(None, lifetime).kept.is_ok());
    clock.advance(2 * S);
    let answer = region
        .get_or_load("a", || async { Err::<u64, _>("down") })
        .await;
    assert_eq!(*answer.unwrap_err(), "down");
}

#[tokio::test]
async fn absence_is_kept_for_the_negative_ttl_and_ends_at_once_with_a_put() {
    let (_larder, clock, region) = with_policy(long().negative_ttl(5 * S));
    let loads = AtomicU64::new(0);
    let absent = || async {
        loads.fetch_add(1, Ordering::SeqCst);
        Ok::<Option<u64>, Infallible>(None)
    };
    for _ in 0..3 {
        assert_eq!(region.get_or_load_optional("a", absent).await, Ok(None));
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    clock.advance(6 * S);
    region.get_or_load_optional("a", absent).await.unwrap();
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    region.put("a", 7).await.unwrap();
    assert_eq!(
        region
            .get_or_load_optional("a", absent)
            .await
            .unwrap()
            .as_deref(),
        Some(&7)
    );
    assert_eq!(loads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn absence_is_not_kept_without_a_negative_ttl() {
    let (_larder, _clock, region) = with_policy(long());
    let absent = || async { Ok::<Option<u64>, Infallible>(None) };
    assert_eq!(region.get_or_load_optional("a", absent).await, Ok(None));
    assert!(matches!(region.lookup(&Key::from("a")), Lookup::Miss));
    assert_eq!(read(&region, "a", 1).await, 1);
}

#[tokio::test]
async fn who_wants_a_value_loads_it_whatever_is_known_of_its_absence() {
    let (_larder, _clock, region) = with_policy(long().negative_ttl(60 * S));
    let absent = || async { Ok::<Option<u64>, Infallible>(None) };
    region.get_or_load_optional("a", absent).await.unwrap();
    assert_eq!(read(&region, "a", 1).await, 1);
}

#[tokio::test]
async fn jitter_spreads_the_ends_of_entries_and_never_beyond_the_ttl() {
    let (_larder, clock, region) = with_policy(Policy::ttl(100 * S).jitter(0.5));
    for key in 0..400_u64 {
        read(&region, key, key).await;
    }
    let held = || {
        (0..400_u64)
            .filter(|key| matches!(region.lookup(&(*key).into()), Lookup::Hit(_)))
            .count()
    };
    clock.advance(49 * S);
    assert_eq!(held(), 400);
    clock.advance(26 * S);
    let half = held();
    assert!(
        (120..280).contains(&half),
        "{half} of 400 left after three quarters of the ttl"
    );
    clock.advance(25 * S);
    assert_eq!(held(), 0);
}

#[tokio::test]
async fn what_was_aged_is_served_within_grace_while_one_refresh_runs() {
    let (larder, clock, region) = with_policy(long().grace(10 * S).invalidated_by("prices"));
    let (truth, gate) = (Truth::of(2), Gate::closed());
    read(&region, "a", 1).await;
    larder.invalidate_soft("prices").await.unwrap();
    clock.advance(9 * S);
    let load = || async {
        gate.passed().await;
        truth.load()
    };
    let leader = begun(region.get_or_load("a", load));
    for _ in 0..5 {
        assert_eq!(
            *within("a stale answer", region.get_or_load("a", load))
                .await
                .unwrap(),
            1
        );
    }
    gate.open();
    assert_eq!(*within("the refresh", leader).await.unwrap(), 2);
    let Lookup::Hit(hit) = region.lookup(&Key::from("a")) else {
        panic!("should be served")
    };
    assert_eq!(hit.freshness, Freshness::Fresh);
    assert_eq!(truth.reads(), 1);
}

#[tokio::test]
async fn what_was_aged_is_gone_after_its_grace() {
    for soft in ["tag", "region", "key", "pattern"] {
        let (larder, clock, region) = with_policy(long().grace(10 * S).invalidated_by("prices"));
        read(&region, "a", 1).await;
        match soft {
            "tag" => drop(larder.invalidate_soft("prices").await.unwrap()),
            "region" => region.invalidate_all_soft().await.unwrap(),
            "key" => region.remove_soft("a").await.unwrap(),
            _ => drop(region.invalidate_matching_soft("*").await.unwrap()),
        }
        clock.advance((10 * S).saturating_sub(Duration::from_nanos(1)));
        assert!(region.get("a").await.is_some(), "{soft}");
        clock.advance(Duration::from_nanos(1));
        assert_eq!(region.get("a").await, None, "{soft}");
    }
}

#[tokio::test]
async fn without_grace_what_was_aged_is_gone() {
    let (larder, _clock, region) = with_policy(long().invalidated_by("prices"));
    read(&region, "a", 1).await;
    larder.invalidate_soft("prices").await.unwrap();
    assert_eq!(region.get("a").await, None);
}

#[tokio::test]
async fn ageing_does_not_lengthen_a_life() {
    let (larder, clock, region) =
        with_policy(Policy::ttl(10 * S).grace(5 * S).invalidated_by("prices"));
    read(&region, "a", 1).await;
    clock.advance(14 * S);
    larder.invalidate_soft("prices").await.unwrap();
    assert!(region.get("a").await.is_some());
    clock.advance(S);
    assert_eq!(region.get("a").await, None);
}

#[tokio::test]
async fn a_load_that_began_before_the_ageing_ends_as_an_aged_entry() {
    let (larder, clock, region) = with_policy(long().grace(10 * S).invalidated_by("prices"));
    let gate = Gate::closed();
    let load = begun(region.get_or_load("a", || async {
        gate.passed().await;
        Ok::<_, Infallible>(1)
    }));
    larder.invalidate_soft("prices").await.unwrap();
    gate.open();
    within("the load", load).await.unwrap();
    let Lookup::Hit(hit) = region.lookup(&Key::from("a")) else {
        panic!("should be served")
    };
    assert_eq!(hit.freshness, Freshness::Stale);
    clock.advance(10 * S);
    assert_eq!(region.get("a").await, None);
}

#[tokio::test]
async fn a_hard_change_ends_what_was_aged() {
    let (larder, _clock, region) = with_policy(long().grace(10 * S).invalidated_by("prices"));
    read(&region, "a", 1).await;
    larder.invalidate_soft("prices").await.unwrap();
    larder.invalidate("prices").await.unwrap();
    assert_eq!(region.get("a").await, None);
}

#[tokio::test]
async fn a_ttl_of_zero_with_grace_is_always_stale_and_always_served() {
    let (_larder, _clock, region) = with_policy(Policy::ttl(Duration::ZERO).grace(10 * S));
    let (truth, gate) = (Truth::of(2), Gate::closed());
    read(&region, "a", 1).await;
    let load = || async {
        gate.passed().await;
        truth.load()
    };
    let mut callers: Vec<_> = (0..5)
        .map(|_| Box::pin(region.get_or_load("a", load)))
        .collect();
    let served: Vec<_> = callers.iter_mut().filter_map(poll).collect();
    assert_eq!(served.len(), 4, "all but the one that loads");
    assert!(served.into_iter().all(|answer| *answer.unwrap() == 1));
    gate.open();
    drop(all(vec![callers.remove(0)]).await);
    assert_eq!(region.get("a").await.as_deref(), Some(&2));
}

/// P2: knowledge of the bus older than the bound serves nothing.
#[tokio::test]
async fn behind_a_silent_bus_nothing_older_than_the_bound_is_served() {
    let (clock, log) = (ManualClock::new(), Log::default());
    let bus = LogBus::on(&log);
    let larder = builder()
        .clock(clock.clone())
        .bus(bus.clone())
        .max_staleness(S)
        .build()
        .unwrap();
    let (inner, outer) = (
        crate::scene::region::<u64>(&larder, "rows"),
        crate::scene::region::<u64>(&larder, "pages"),
    );
    let page = || async { Ok::<_, Infallible>(read(&inner, "a", 1).await) };
    bus.poll();
    bus.heard(clock.now());
    outer.get_or_load("page", page).await.unwrap();
    clock.advance(S);
    assert!(outer.get("page").await.is_some());
    clock.advance(Duration::from_nanos(1));
    assert_eq!(inner.get("a").await, None);
    assert_eq!(outer.get("page").await, None);
    // Heard of again, it may be served again: nothing has changed.
    bus.heard(clock.now());
    assert!(outer.get("page").await.is_some());
    // What is made of a row that lives by its own load lives no longer than that.
    clock.advance(2 * S);
    read(&inner, "a", 1).await;
    clock.advance(S / 2);
    outer.get_or_load("page", page).await.unwrap();
    clock.advance(S / 2 + Duration::from_nanos(1));
    assert_eq!(
        outer.get("page").await,
        None,
        "made of what was read more than a second ago"
    );
}
