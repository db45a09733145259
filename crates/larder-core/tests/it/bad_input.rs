//! What cannot be, refused with its name; what goes wrong, without a trace in the cache.

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use larder_core::{BuildError, DomainError, Key, Larder, Lookup, Policy, RegionError};

use crate::gate::{Gate, begun, within};
use crate::scene::{S, builder, larder, long, read, region};

fn chain(error: &dyn Error) -> String {
    let source = error.source().map(chain).unwrap_or_default();
    format!("{error}: {source}")
}

#[test]
fn a_malformed_switch_in_the_environment_names_its_variable_and_its_part() {
    for (variable, value, part) in [
        (
            "LARDER_PERCENT",
            "conduit.article=250",
            "conduit.article=250",
        ),
        (
            "LARDER_PERCENT",
            "conduit.user=5,conduit.article=x",
            "conduit.article=x",
        ),
        ("LARDER_PERCENT", "conduit.article=-5", "conduit.article=-5"),
        ("LARDER_PERCENT", "conduit.article", "conduit.article"),
        ("LARDER_PERCENT", "=5", "=5"),
        ("LARDER_PERCENT", "conduit.=5", "conduit.=5"),
        ("LARDER_DISABLE", "conduit.user,.article", ".article"),
        ("LARDER_DISABLE", "conduit.", "conduit."),
        ("LARDER_DISABLE", "conduit.user,,conduit.article", "``"),
        ("LARDER_ENABLED", "perhaps", "perhaps"),
    ] {
        let built = Larder::builder("conduit")
            .environment([(variable, value)])
            .build();
        let error = chain(&built.unwrap_err());
        assert!(
            error.contains(variable) && error.contains(part),
            "{variable}={value}: {error}"
        );
    }
}

#[test]
fn switches_of_another_service_are_ignored() {
    let variables = [
        ("LARDER_PERCENT", "other.article=5"),
        ("LARDER_DISABLE", "other.http,other"),
        ("LARDER_NOTHING", "x"),
    ];
    let larder = Larder::builder("conduit")
        .environment(variables)
        .build()
        .unwrap();
    assert!(larder.snapshot().unknown_regions.is_empty());
    assert!(larder.snapshot().enabled);
}

#[test]
fn a_setting_of_the_builder_that_cannot_be_is_named() {
    let name = |built: Result<Larder, BuildError>| match built.unwrap_err() {
        BuildError::Setting { setting, .. } => setting,
        other => panic!("{other}"),
    };
    assert_eq!(name(builder().local_capacity(0).build()), "local_capacity");
    assert_eq!(
        name(builder().max_staleness(Duration::ZERO).build()),
        "max_staleness"
    );
    assert_eq!(name(builder().slots(0).build()), "slots");
    assert_eq!(name(builder().slots(usize::MAX).build()), "slots");
    for service in ["", "a.b", "a=b", "a,b", "a b"] {
        assert_eq!(
            name(Larder::builder(service).environment([("", "")]).build()),
            "service",
            "{service}"
        );
    }
}

#[test]
fn a_setting_of_a_policy_that_cannot_be_is_named_with_its_region() {
    let larder = larder();
    for (policy, wrong) in [
        (Policy::ttl(Duration::ZERO), "ttl"),
        (long().jitter(1.01), "jitter"),
        (long().jitter(-0.1), "jitter"),
        (long().jitter(f64::NAN), "jitter"),
        (long().early_refresh(600 * S), "early_refresh"),
        (long().invalidated_by(""), "invalidated_by"),
    ] {
        let error = larder.region::<u64>("offers", policy).unwrap_err();
        assert!(
            matches!(&error, RegionError::Setting { setting, .. } if *setting == wrong),
            "{error}"
        );
        assert!(error.to_string().contains("`offers`") && error.to_string().contains(wrong));
    }
    assert!(
        larder
            .region::<u64>("offers", Policy::ttl(Duration::ZERO).grace(S))
            .is_ok()
    );
    for name in ["", "a=b", "a,b", "a b"] {
        assert!(larder.region::<u64>(name, long()).is_err(), "{name}");
    }
}

#[test]
fn a_region_declared_twice_with_another_policy_names_the_setting() {
    let larder = larder();
    region::<u64>(&larder, "offers");
    for (policy, differs) in [
        (Policy::ttl(S), "ttl"),
        (long().grace(S), "grace"),
        (long().jitter(0.1), "jitter"),
        (long().negative_ttl(S), "negative_ttl"),
        (long().early_refresh(S), "early_refresh"),
        (long().stale_on_error(true), "stale_on_error"),
        (long().invalidated_by("x"), "invalidated_by"),
    ] {
        let error = larder.region::<u64>("offers", policy.clone()).unwrap_err();
        assert!(
            matches!(&error, RegionError::Redeclared { setting, .. } if *setting == differs),
            "{error}"
        );
        assert!(
            larder
                .region_weighed::<String>("offers", policy, String::len)
                .is_err()
        );
    }
    assert!(
        larder.region::<String>("offers", long()).is_ok(),
        "the same policy"
    );
}

#[test]
fn a_domain_is_claimed_once() {
    let larder = larder();
    larder.claim_domain("main").unwrap();
    larder.claim_domain("second").unwrap();
    assert!(matches!(larder.claim_domain("main"), Err(DomainError::Taken(name)) if name == "main"));
    for name in ["", "a.b", "a b"] {
        assert!(
            matches!(larder.claim_domain(name), Err(DomainError::Name(_))),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_loader_that_panics_stores_nothing_and_the_next_caller_loads() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let its_region = region.clone();
    let caller = tokio::spawn(async move {
        let loader = || async {
            tokio::task::yield_now().await;
            panic!("as told")
        };
        its_region
            .get_or_load("a", loader)
            .await
            .map_err(|error: std::sync::Arc<Infallible>| *error)
    });
    assert!(caller.await.unwrap_err().is_panic());
    assert!(matches!(region.lookup(&Key::from("a")), Lookup::Miss));
    assert_eq!(within("the next", read(&region, "a", 7)).await, 7);
}

#[tokio::test]
async fn a_client_that_goes_away_mid_flight_stores_nothing_and_the_next_caller_loads() {
    let region = region::<u64>(&larder(), "offers");
    let gate = Gate::closed();
    let client = begun(region.get_or_load("a", || async {
        gate.passed().await;
        Ok::<_, Infallible>(1)
    }));
    drop(client);
    gate.open();
    assert!(matches!(region.lookup(&Key::from("a")), Lookup::Miss));
    assert_eq!(within("the next", read(&region, "a", 7)).await, 7);
}

#[tokio::test]
async fn a_loader_that_fails_stores_nothing() {
    let region = region::<u64>(&larder(), "offers");
    for _ in 0..3 {
        assert!(
            region
                .get_or_load("a", || async { Err::<u64, _>("down") })
                .await
                .is_err()
        );
        assert!(matches!(region.lookup(&Key::from("a")), Lookup::Miss));
    }
    assert_eq!(read(&region, "a", 7).await, 7);
}

#[tokio::test]
async fn a_value_larger_than_the_tier_is_answered_and_not_kept() {
    let larder = builder().local_capacity(64 * 1024).build().unwrap();
    let region = region::<Vec<u8>>(&larder, "offers");
    read(&region, "small", vec![0; 100]).await;
    assert_eq!(
        read(&region, "large", vec![0; 1 << 20]).await.len(),
        1 << 20
    );
    larder.snapshot();
    assert!(region.get("large").await.is_none());
    assert!(
        region.get("small").await.is_some(),
        "it takes nobody with it"
    );
}

#[tokio::test]
async fn a_weigher_that_says_anything_breaks_nothing() {
    let larder = larder();
    let region = larder
        .region_weighed::<u64>("offers", long(), |_| usize::MAX)
        .unwrap();
    assert_eq!(read(&region, "a", 1).await, 1);
    region.put("b", 1).await.unwrap();
    larder.snapshot();
    assert!(
        region.get("a").await.is_none(),
        "it is heavier than the tier"
    );
    let region = larder.region_weighed::<u64>("zero", long(), |_| 0).unwrap();
    assert_eq!(read(&region, "a", 1).await, 1);
}

#[tokio::test]
async fn a_weigher_that_panics_holds_nobody_up() {
    let larder = larder();
    let region = larder
        .region_weighed::<u64>("offers", long(), |_| panic!("as told"))
        .unwrap();
    for _ in 0..2 {
        let region = region.clone();
        let caller = tokio::spawn(async move { read(&region, "a", 1).await });
        assert!(within("the caller", caller).await.unwrap_err().is_panic());
    }
}

#[tokio::test]
async fn the_longest_times_do_not_overflow() {
    let larder = larder();
    let ever = Duration::MAX;
    for (name, policy) in [
        ("a", Policy::ttl(ever).grace(ever).negative_ttl(ever)),
        (
            "b",
            Policy::ttl(ever).early_refresh(Duration::MAX.saturating_sub(S)),
        ),
        ("c", Policy::ttl(ever).jitter(1.0)),
        ("d", Policy::ttl(ever).jitter(1e-20)),
        ("e", Policy::ttl(Duration::ZERO).grace(ever)),
    ] {
        let region = larder.region::<u64>(name, policy).unwrap();
        assert_eq!(read(&region, "a", 1).await, 1);
        region.put("b", 1).await.unwrap();
        assert!(region.get("b").await.is_some(), "{name}");
    }
}

#[tokio::test]
async fn keys_of_any_length_are_keys() {
    let region = region::<usize>(&larder(), "offers");
    for length in [0, 1, 55, 56, 57, 63, 64, 65, 1000, 1_000_000] {
        let key = "k".repeat(length);
        assert_eq!(read(&region, key.as_str(), length).await, length);
        assert_eq!(region.get(key).await.as_deref(), Some(&length));
    }
}
