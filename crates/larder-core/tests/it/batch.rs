//! Many keys at once.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use larder_core::{Change, Dependency, Key, Larder, Lookup, Policy, Region, Share};
use tokio::task::JoinSet;

use crate::gate::{Gate, all, begun, until, within};
use crate::scene::{S, larder, long, read, region, table, timed};

/// A loader of `key * 10` for each key, and what it was asked for.
#[derive(Clone, Default)]
struct Tens(Arc<Mutex<Vec<Vec<u64>>>>);

impl Tens {
    fn load(&self, keys: &[u64]) -> Vec<(u64, u64)> {
        self.0.lock().unwrap().push(keys.to_vec());
        keys.iter().rev().map(|key| (*key, key * 10)).collect()
    }

    async fn read(&self, region: &Region<u64>, keys: &[u64]) -> Vec<Option<u64>> {
        let loaded = region.get_many_or_load(keys.to_vec(), |missing: Vec<u64>| async move {
            Ok::<_, Infallible>(self.load(&missing))
        });
        loaded
            .await
            .unwrap()
            .into_iter()
            .map(|value| value.map(|value| *value))
            .collect()
    }

    fn asked(&self) -> Vec<Vec<u64>> {
        self.0.lock().unwrap().clone()
    }
}

fn tens(keys: &[u64]) -> Vec<Option<u64>> {
    keys.iter().map(|key| Some(key * 10)).collect()
}

#[tokio::test]
async fn only_the_missing_keys_are_loaded_in_one_call_and_answered_in_order() {
    let region = region::<u64>(&larder(), "rows");
    let source = Tens::default();
    source.read(&region, &[3, 1]).await;
    read(&region, 5_u64, 50).await;
    let keys = [1, 2, 3, 4, 5, 6];
    assert_eq!(source.read(&region, &keys).await, tens(&keys));
    assert_eq!(source.asked(), [vec![3, 1], vec![2, 4, 6]]);
    assert_eq!(source.read(&region, &keys).await, tens(&keys));
    assert_eq!(source.asked().len(), 2, "all are there");
    assert_eq!(region.get(6_u64).await.as_deref(), Some(&60));
}

#[tokio::test]
async fn no_keys_ask_for_nothing() {
    let region = region::<u64>(&larder(), "rows");
    let source = Tens::default();
    assert!(source.read(&region, &[]).await.is_empty());
    assert!(source.asked().is_empty());
}

#[tokio::test]
async fn a_key_given_twice_is_loaded_once_and_answered_twice() {
    let region = region::<u64>(&larder(), "rows");
    let source = Tens::default();
    assert_eq!(
        source.read(&region, &[7, 8, 7, 7]).await,
        tens(&[7, 8, 7, 7])
    );
    assert_eq!(source.asked(), [vec![7, 8]]);
}

/// Different to the caller, one to the cache.
#[tokio::test]
async fn two_names_of_one_key_do_not_wait_for_each_other() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Named(&'static str, u64);
    impl From<Named> for Key {
        fn from(named: Named) -> Self {
            named.1.into()
        }
    }
    let region = region::<u64>(&larder(), "rows");
    let load = region.get_many_or_load(vec![Named("x", 1), Named("y", 1)], |keys| async move {
        Ok::<_, Infallible>(
            keys.into_iter()
                .map(|key: Named| (key.clone(), key.1))
                .collect::<Vec<_>>(),
        )
    });
    let answers = within("the batch", load).await.unwrap();
    assert_eq!(answers, vec![Some(Arc::new(1)), Some(Arc::new(1))]);
}

#[tokio::test]
async fn a_key_the_loader_leaves_out_is_absent_and_known_to_be() {
    let (larder, clock) = timed();
    let region = larder
        .region::<u64>("rows", long().negative_ttl(5 * S))
        .unwrap();
    let calls = AtomicU64::new(0);
    let load = |_: Vec<u64>| {
        calls.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(vec![(2, 20), (9, 90)]) }
    };
    let expected = vec![None, Some(Arc::new(20))];
    for _ in 0..3 {
        assert_eq!(
            region.get_many_or_load(vec![1, 2], load).await.unwrap(),
            expected
        );
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(region.get(9_u64).await, None, "nobody asked for it");
    clock.advance(6 * S);
    region.get_many_or_load(vec![1, 2], load).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_batch_waits_for_the_keys_that_others_load() {
    let region = region::<u64>(&larder(), "rows");
    let (source, gate) = (Tens::default(), Gate::closed());
    let single = begun(region.get_or_load(1_u64, || async {
        gate.passed().await;
        Ok::<_, Infallible>(10)
    }));
    let batch = begun(source.read(&region, &[1, 2]));
    assert_eq!(
        source.asked(),
        [vec![2]],
        "what nobody loads is loaded at once"
    );
    gate.open();
    within("the single load", single).await.unwrap();
    assert_eq!(within("the batch", batch).await, tens(&[1, 2]));
    assert_eq!(source.asked().len(), 1);
}

#[tokio::test]
async fn a_single_load_waits_for_a_batch() {
    let region = region::<u64>(&larder(), "rows");
    let gate = Gate::closed();
    let batch = begun(region.get_many_or_load(vec![1_u64, 2], |keys| {
        let gate = &gate;
        async move {
            gate.passed().await;
            Ok::<_, Infallible>(
                keys.into_iter()
                    .map(|key| (key, key * 10))
                    .collect::<Vec<_>>(),
            )
        }
    }));
    let single = begun(read(&region, 1_u64, 0));
    gate.open();
    within("the batch", batch).await.unwrap();
    assert_eq!(within("the single load", single).await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_with_the_same_keys_in_any_order_do_not_wait_for_each_other_for_ever() {
    let larder = larder();
    for round in 0..200_u64 {
        let region = region::<u64>(&larder, "rows");
        let mut batches = JoinSet::new();
        for caller in 0..8_usize {
            let region = region.clone();
            batches.spawn(async move {
                let mut keys: Vec<u64> = (round * 10..round * 10 + 8).collect();
                keys.rotate_left(caller);
                if caller % 2 == 1 {
                    keys.reverse();
                }
                let load = region.get_many_or_load(keys.clone(), |missing| async move {
                    tokio::task::yield_now().await;
                    let pairs = missing.into_iter().map(|key| (key, key * 10));
                    Ok::<_, Infallible>(pairs.collect::<Vec<_>>())
                });
                let answers = load.await.unwrap();
                keys.iter()
                    .zip(answers)
                    .all(|(key, value)| value.as_deref() == Some(&(key * 10)))
            });
        }
        assert!(
            within("the batches", batches.join_all())
                .await
                .into_iter()
                .all(|right| right)
        );
    }
}

#[tokio::test]
async fn two_batches_in_opposite_order_share_what_each_leads() {
    let region = region::<u64>(&larder(), "rows");
    let gate = Gate::closed();
    let calls = AtomicU64::new(0);
    let batch = |keys: Vec<u64>| {
        let (region, gate, calls) = (&region, &gate, &calls);
        async move {
            let loaded = region.get_many_or_load(keys, |missing: Vec<u64>| async move {
                calls.fetch_add(missing.len() as u64, Ordering::SeqCst);
                gate.passed().await;
                let pairs = missing.into_iter().map(|key| (key, key * 10));
                Ok::<_, Infallible>(pairs.collect::<Vec<_>>())
            });
            loaded.await.unwrap()
        }
    };
    let both = vec![begun(batch(vec![1, 2, 3])), begun(batch(vec![4, 3, 2, 1]))];
    gate.open();
    let answers = all(both).await;
    assert_eq!(answers[0], [10, 20, 30].map(|value| Some(Arc::new(value))));
    assert_eq!(
        answers[1],
        [40, 30, 20, 10].map(|value| Some(Arc::new(value)))
    );
    assert_eq!(calls.load(Ordering::SeqCst), 4, "each key is loaded once");
}

#[tokio::test]
async fn a_batch_goes_on_when_the_leader_of_one_of_its_keys_is_cancelled() {
    let region = region::<u64>(&larder(), "rows");
    let source = Tens::default();
    let never = || async {
        std::future::pending::<()>().await;
        Ok::<u64, Infallible>(0)
    };
    let (first, second) = (
        begun(region.get_or_load(1_u64, never)),
        begun(region.get_or_load(2_u64, never)),
    );
    let batch = begun(source.read(&region, &[1, 2, 3]));
    drop((first, second));
    assert_eq!(within("the batch", batch).await, tens(&[1, 2, 3]));
    assert!(
        source.asked().len() <= 2,
        "one more call: {:?}",
        source.asked()
    );
}

#[tokio::test]
async fn followers_go_on_when_a_batch_is_cancelled_or_panics() {
    let region = region::<u64>(&larder(), "rows");
    let batch = begun(region.get_many_or_load(vec![1_u64, 2], |_| async {
        std::future::pending::<()>().await;
        Ok::<Vec<(u64, u64)>, Infallible>(Vec::new())
    }));
    let follower = begun(read(&region, 2_u64, 7));
    drop(batch);
    assert_eq!(within("the follower", follower).await, 7);
    let its_region = region.clone();
    let panicking = tokio::spawn(async move {
        let load = its_region.get_many_or_load(vec![3_u64, 4], |_| async {
            panic!("as told");
            #[expect(unreachable_code, reason = "it gives the loader its type")]
            Ok::<Vec<(u64, u64)>, Infallible>(Vec::new())
        });
        load.await.unwrap()
    });
    assert!(panicking.await.unwrap_err().is_panic());
    assert_eq!(within("the next", read(&region, 3_u64, 8)).await, 8);
}

#[tokio::test]
async fn a_failing_batch_fails_its_followers_once() {
    let region = region::<u64>(&larder(), "rows");
    let gate = Gate::closed();
    let batch = begun(region.get_many_or_load(vec![1_u64, 2], |_| {
        let gate = &gate;
        async move {
            gate.passed().await;
            Err::<Vec<(u64, u64)>, _>("down")
        }
    }));
    let follower = begun(region.get_or_load(2_u64, || async { Ok::<_, &str>(7) }));
    gate.open();
    assert_eq!(*within("the batch", batch).await.unwrap_err(), "down");
    assert_eq!(*within("the follower", follower).await.unwrap_err(), "down");
    assert_eq!(read(&region, 1_u64, 1).await, 1, "nothing is kept");
}

#[tokio::test]
async fn a_batch_against_a_write_does_not_bring_the_old_value_back() {
    let region = region::<u64>(&larder(), "rows");
    let gate = Gate::closed();
    let batch = begun(region.get_many_or_load(vec![1_u64, 2], |keys| {
        let gate = &gate;
        async move {
            gate.passed().await;
            Ok::<_, Infallible>(keys.into_iter().map(|key| (key, 1)).collect::<Vec<_>>())
        }
    }));
    region.remove(2_u64).await.unwrap();
    gate.open();
    within("the batch", batch).await.unwrap();
    assert_eq!(region.get(1_u64).await.as_deref(), Some(&1));
    assert_eq!(region.get(2_u64).await, None);
}

async fn rows(larder: &Larder, region: &Region<u64>, keys: Vec<u64>) {
    let row = |key: &u64| Dependency::row(&table("offer"), i64::try_from(*key).unwrap());
    let load = region.get_many_or_load_by(keys, row, |missing: Vec<u64>| async move {
        // One statement for all of them: it depends on each row.
        let rows: Vec<_> = missing.iter().map(row).collect();
        larder.reading(None, &rows);
        Ok::<_, Infallible>(
            missing
                .into_iter()
                .map(|key| (key, key))
                .collect::<Vec<_>>(),
        )
    });
    load.await.unwrap();
}

#[tokio::test]
async fn each_entry_of_a_batch_depends_on_its_own_row() {
    let larder = larder();
    let region = region::<u64>(&larder, "rows");
    rows(&larder, &region, vec![1, 2, 3]).await;
    larder
        .publish(Change::row(&table("offer"), 2))
        .await
        .unwrap();
    assert!(region.get(1_u64).await.is_some());
    assert_eq!(region.get(2_u64).await, None);
    assert!(region.get(3_u64).await.is_some());
}

#[tokio::test]
async fn what_is_made_of_a_batch_depends_on_all_its_rows() {
    let larder = larder();
    let (inner, outer) = (
        region::<u64>(&larder, "rows"),
        region::<u64>(&larder, "pages"),
    );
    for cached in [vec![], vec![1], vec![1, 2]] {
        inner.invalidate_all().await.unwrap();
        rows(&larder, &inner, cached).await;
        let page = || async {
            rows(&larder, &inner, vec![1, 2]).await;
            Ok::<_, Infallible>(1)
        };
        for row in [1, 2] {
            outer.get_or_load("page", page).await.unwrap();
            assert!(outer.get("page").await.is_some());
            larder
                .publish(Change::row(&table("offer"), row))
                .await
                .unwrap();
            assert_eq!(outer.get("page").await, None, "row {row}");
        }
    }
}

#[tokio::test]
async fn without_a_dependency_of_their_own_the_entries_share_what_the_loader_read() {
    let larder = larder();
    let region = region::<u64>(&larder, "rows");
    let load = region.get_many_or_load(vec![1_u64, 2], |keys| async {
        larder.reading(None, &[Dependency::row(&table("offer"), 7)]);
        Ok::<_, Infallible>(keys.into_iter().map(|key| (key, key)).collect::<Vec<_>>())
    });
    load.await.unwrap();
    larder
        .publish(Change::row(&table("offer"), 7))
        .await
        .unwrap();
    assert_eq!(region.get(1_u64).await, None);
    assert_eq!(region.get(2_u64).await, None);
}

/// A stale entry is served while one refresh runs: whoever reads it must see to that.
#[tokio::test]
async fn a_batch_loads_anew_what_is_stale() {
    let (larder, clock) = timed();
    let region = larder
        .region::<u64>("rows", Policy::ttl(10 * S).grace(50 * S))
        .unwrap();
    let source = Tens::default();
    source.read(&region, &[1, 2]).await;
    clock.advance(11 * S);
    read(&region, 2_u64, 20).await;
    source.read(&region, &[1, 2]).await;
    let Lookup::Hit(hit) = region.lookup(&Key::from(1_u64)) else {
        panic!("should be there")
    };
    assert_eq!(
        hit.freshness,
        larder_core::Freshness::Fresh,
        "asked for: {:?}",
        source.asked()
    );
}

/// Keys in and out of the share are still one call.
#[tokio::test]
async fn a_batch_of_which_a_part_is_switched_off_is_one_call() {
    let larder = larder();
    let region = region::<u64>(&larder, "rows");
    larder
        .switches()
        .set_region("rows", Share::percent(50).unwrap())
        .unwrap();
    let source = Tens::default();
    let keys: Vec<u64> = (0..100).collect();
    assert_eq!(source.read(&region, &keys).await, tens(&keys));
    assert_eq!(source.asked().len(), 1, "{:?}", source.asked());
    assert_eq!(source.read(&region, &keys).await, tens(&keys));
    let again = source.asked()[1].len();
    assert!(
        (20..80).contains(&again),
        "{again} of 100 are out of the share"
    );
}

#[tokio::test]
async fn a_batch_that_waits_for_others_still_waits_for_all_of_them() {
    let region = region::<u64>(&larder(), "rows");
    let gates: Vec<_> = (0..3).map(|_| Gate::closed()).collect();
    let singles: Vec<_> = (0..3_u64)
        .map(|key| {
            let gate = gates[usize::try_from(key).unwrap()].clone();
            begun(region.get_or_load(key, move || async move {
                gate.passed().await;
                Ok::<_, Infallible>(key * 10)
            }))
        })
        .collect();
    let source = Tens::default();
    let batch = begun(source.read(&region, &[0, 1, 2]));
    gates.iter().rev().for_each(Gate::open);
    until("the loads begin", || true).await;
    assert_eq!(all(singles).await.len(), 3);
    assert_eq!(within("the batch", batch).await, tens(&[0, 1, 2]));
    assert!(source.asked().is_empty());
}

/// One row a key is what its value is made of; a failure is made of all that was read.
#[tokio::test]
async fn a_failure_of_a_batch_is_too_old_when_any_of_its_rows_has_changed() {
    let larder = larder();
    let region = region::<u64>(&larder, "rows");
    let gate = Gate::closed();
    let row = |key: &u64| Dependency::row(&table("offer"), i64::try_from(*key).unwrap());
    let batch = begun(region.get_many_or_load_by(vec![1_u64, 2], row, |_| async {
        gate.passed().await;
        Err::<Vec<(u64, u64)>, _>("offer 1 cannot be read")
    }));
    // It can be read again, and that is acknowledged.
    larder
        .publish(Change::row(&table("offer"), 1))
        .await
        .unwrap();
    let follower = begun(region.get_or_load(2_u64, || async { Ok::<_, &str>(20) }));
    gate.open();
    assert!(within("the batch", batch).await.is_err());
    assert_eq!(within("the follower", follower).await.as_deref(), Ok(&20));
}
