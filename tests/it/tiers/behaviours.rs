//! What holds whatever a `Larder` is made of.

use std::convert::Infallible;
use std::sync::atomic::Ordering;

use larder::Scope;
use tokio::sync::watch;

use super::{everywhere, until, until_read};

#[tokio::test]
async fn a_value_is_loaded_once_and_found_again() {
    everywhere(async |scene| {
        assert_eq!(scene.a.read("x").await, 0, "{}", scene.name);
        assert_eq!(scene.a.read("x").await, 0, "{}", scene.name);
        assert_eq!(scene.a.loads(), 1, "{}", scene.name);
    })
    .await;
}

#[tokio::test]
async fn who_wrote_reads_what_was_written() {
    everywhere(async |scene| {
        for value in 1..=20 {
            scene.a.read("x").await;
            scene.write(value).await;
            assert_eq!(scene.a.read("x").await, value, "{}", scene.name);
        }
    })
    .await;
}

#[tokio::test]
async fn a_write_reaches_the_other_node() {
    everywhere(async |scene| {
        for value in 1..=10 {
            scene.b.read("x").await;
            scene.write(value).await;
            until_read(&scene.name, &scene.b, "x", value).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_put_and_removed_by_hand_reaches_the_other_node() {
    everywhere(async |scene| {
        scene.b.read("x").await;
        scene.a.numbers.put("x", 7).await.unwrap();
        assert_eq!(scene.a.read("x").await, 7, "{}", scene.name);
        let heard = async {
            while scene.b.numbers.get("x").await.as_deref() == Some(&0) {
                tokio::task::yield_now().await;
            }
        };
        assert!(
            tokio::time::timeout(super::DEADLINE, heard).await.is_ok(),
            "{}",
            scene.name
        );
        scene.a.numbers.remove("x").await.unwrap();
        assert_eq!(scene.a.numbers.get("x").await, None, "{}", scene.name);
        until_read(&scene.name, &scene.b, "x", 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_tag_reaches_all_that_depends_on_it() {
    everywhere(async |scene| {
        let load = || async {
            scene.b.larder.depend_on("prices");
            Ok::<_, Infallible>(scene.truth.load(Ordering::SeqCst))
        };
        let read = async || *scene.b.numbers.get_or_load("t", load).await.unwrap();
        assert_eq!(read().await, 0);
        scene.truth.store(1, Ordering::SeqCst);
        scene.a.larder.invalidate("prices").await.unwrap();
        let wait = async { while read().await != 1 {} };
        assert!(
            tokio::time::timeout(super::DEADLINE, wait).await.is_ok(),
            "{}",
            scene.name
        );
    })
    .await;
}

/// The stamp is from before the load, whoever loads and wherever it is kept.
#[tokio::test]
async fn a_load_that_a_write_overtook_is_not_kept() {
    everywhere(async |scene| {
        let (open, gate) = watch::channel(false);
        let load = || async {
            let value = scene.b.load().await;
            gate.clone().wait_for(|open| *open).await.unwrap();
            value
        };
        let slow = scene.b.numbers.get_or_load("x", load);
        let overtaken = async {
            until(&scene.name, || scene.b.loads() == 1).await;
            scene.write(1).await;
            open.send_replace(true);
        };
        let (value, ()) = tokio::join!(slow, overtaken);
        assert_eq!(*value.unwrap(), 0, "the load had begun before");
        until_read(&scene.name, &scene.b, "x", 1).await;
        assert_eq!(scene.a.read("x").await, 1, "{}", scene.name);
    })
    .await;
}

#[tokio::test]
async fn many_callers_have_it_loaded_once() {
    everywhere(async |scene| {
        let load = || async {
            tokio::task::yield_now().await;
            scene.a.load().await
        };
        let read = || Box::pin(scene.a.numbers.get_or_load("x", load));
        let (first, ..) = tokio::join!(read(), read(), read(), read(), read(), read());
        assert_eq!(*first.unwrap(), 0, "{}", scene.name);
        assert_eq!(scene.a.loads(), 1, "{}", scene.name);
    })
    .await;
}

#[tokio::test]
async fn a_batch_loads_only_what_is_missing() {
    everywhere(async |scene| {
        scene.a.read(1_u64).await;
        let load = |keys: Vec<u64>| async move {
            let pairs = keys.into_iter().map(|key| (key, key)).collect();
            Ok::<Vec<(u64, u64)>, Infallible>(pairs)
        };
        let found = scene.a.numbers.get_many_or_load(vec![1, 2, 3], load).await;
        let found: Vec<u64> = found
            .unwrap()
            .iter()
            .flatten()
            .map(|value| **value)
            .collect();
        assert_eq!(found, [0, 2, 3], "{}", scene.name);
    })
    .await;
}

#[tokio::test]
async fn that_there_is_nothing_is_remembered_until_it_is_there() {
    everywhere(async |scene| {
        let nothing = || async {
            scene.b.load().await?;
            Ok::<Option<u64>, Infallible>(None)
        };
        let asked = async || scene.b.numbers.get_or_load_optional("n", nothing).await;
        assert_eq!(asked().await.unwrap(), None);
        assert_eq!(asked().await.unwrap(), None);
        assert_eq!(scene.b.loads(), 1, "{}", scene.name);
        scene.write(1).await;
        until_read(&scene.name, &scene.b, "n", 1).await;
    })
    .await;
}

#[tokio::test]
async fn one_users_value_is_no_others() {
    everywhere(async |scene| {
        for (user, value) in [("ann", 1), ("bob", 2)] {
            let numbers = scene.a.numbers.scoped(Scope::user(user));
            let load = || async { Ok::<u64, Infallible>(value) };
            assert_eq!(*numbers.get_or_load("x", load).await.unwrap(), value);
        }
        for (user, value) in [("ann", 1), ("bob", 2)] {
            let numbers = scene.b.numbers.scoped(Scope::user(user));
            let load = || async { Ok::<u64, Infallible>(value) };
            let found = numbers.get_or_load("x", load).await.unwrap();
            assert_eq!(*found, value, "{}", scene.name);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_made_of_an_entry_goes_with_it_on_both_nodes() {
    everywhere(async |scene| {
        let page = async |node: &super::Node| {
            let pages = node
                .larder
                .region::<u64>("pages", node.numbers.policy().clone());
            let pages = pages.unwrap().with_codec(super::Number);
            let load = || async { Ok::<u64, Infallible>(node.read("x").await + 100) };
            *pages.get_or_load("p", load).await.unwrap()
        };
        assert_eq!((page(&scene.a).await, page(&scene.b).await), (100, 100));
        scene.write(1).await;
        assert_eq!(page(&scene.a).await, 101, "{}", scene.name);
        let wait = async { while page(&scene.b).await != 101 {} };
        assert!(
            tokio::time::timeout(super::DEADLINE, wait).await.is_ok(),
            "{}",
            scene.name
        );
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_switched_off_keeps_and_reads_nothing_and_still_publishes() {
    everywhere(async |scene| {
        scene.b.read("x").await;
        scene.a.larder.switches().set_service(larder::Share::OFF);
        scene.a.read("x").await;
        scene.a.read("x").await;
        assert_eq!(scene.a.loads(), 2, "{}", scene.name);
        scene.write(1).await;
        until_read(&scene.name, &scene.b, "x", 1).await;
    })
    .await;
}

/// The traffic of a miss: a load a node, and under a lease one in all where both have one remote tier.
#[tokio::test]
async fn nodes_that_miss_one_key_at_once_load_it_once_under_a_lease() {
    everywhere(async |scene| {
        for round in 0..20 {
            let key = format!("round {round}");
            let before = scene.a.loads() + scene.b.loads();
            let leased = async |node: &super::Node| {
                let policy = node.numbers.policy().clone();
                let policy = policy.lease(super::DEADLINE);
                let region = node.larder.region::<u64>("leased", policy).unwrap();
                let region = region.with_codec(super::Number);
                let load = || async {
                    tokio::task::yield_now().await;
                    node.load().await
                };
                *region.get_or_load(key.as_str(), load).await.unwrap()
            };
            assert_eq!(tokio::join!(leased(&scene.a), leased(&scene.b)), (0, 0));
            let loads = scene.a.loads() + scene.b.loads() - before;
            let expected = if scene.shares() { 1 } else { 2 };
            assert_eq!(loads, expected, "{}, round {round}", scene.name);
        }
    })
    .await;
}
