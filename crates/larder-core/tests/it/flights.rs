//! One load a key at a time, and what becomes of those who wait for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder_core::{Freshness, Key, Lookup, ReadScope, Refusal, Region, Turn};
use tokio::task::JoinSet;

use crate::gate::{Gate, all, begun, poll, until, within};
use crate::scene::{S, Truth, larder, long, read, region, timed};

tokio::task_local! {
    static CALLER: u64;
}

fn lead(turn: Turn<u64>) -> larder_core::Lead<u64> {
    match turn {
        Turn::Lead(lead) => lead,
        other => panic!("should lead, but: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_callers_at_once_load_a_key_once() {
    let region = region::<u64>(&larder(), "offers");
    for round in 0..20_u64 {
        let (truth, gate) = (Truth::of(round), Gate::closed());
        let mut callers = JoinSet::new();
        for _ in 0..50 {
            let (region, truth, gate) = (region.clone(), truth.clone(), gate.clone());
            callers.spawn(async move {
                let loader = || async {
                    gate.passed().await;
                    truth.load()
                };
                *region.get_or_load(round, loader).await.unwrap()
            });
        }
        until("a loader runs", || gate.waiting() > 0).await;
        gate.open();
        let answers = within("the callers", callers.join_all()).await;
        assert_eq!(answers, vec![round; 50]);
        assert_eq!(truth.reads(), 1, "round {round}");
    }
}

#[tokio::test]
async fn keys_do_not_wait_for_each_other() {
    let region = region::<u64>(&larder(), "offers");
    let gate = Gate::closed();
    let _slow = begun(region.get_or_load("a", || async {
        gate.passed().await;
        Ok::<_, Infallible>(1)
    }));
    assert_eq!(within("another key", read(&region, "b", 2)).await, 2);
    let ann = region.scoped(larder_core::Scope::user("ann"));
    assert_eq!(
        within("the same key of another scope", read(&ann, "a", 3)).await,
        3
    );
}

#[tokio::test]
async fn followers_go_on_when_the_leader_is_cancelled() {
    let region = region::<u64>(&larder(), "offers");
    let (truth, gate) = (Truth::of(7), Gate::closed());
    let load = || async {
        gate.passed().await;
        truth.load()
    };
    let leader = begun(region.get_or_load("a", load));
    let followers: Vec<_> = (0..10)
        .map(|_| begun(region.get_or_load("a", load)))
        .collect();
    drop(leader);
    gate.open();
    let answers = all(followers).await;
    assert!(answers.into_iter().all(|answer| *answer.unwrap() == 7));
    assert_eq!(truth.reads(), 1, "one of the followers leads the others");
}

#[tokio::test]
async fn followers_go_on_when_every_leader_in_turn_is_cancelled() {
    let region = region::<u64>(&larder(), "offers");
    let (truth, gate) = (Truth::of(7), Gate::closed());
    let load = || async {
        gate.passed().await;
        truth.load()
    };
    let mut callers: Vec<_> = (0..10)
        .map(|_| begun(region.get_or_load("a", load)))
        .collect();
    while callers.len() > 1 {
        drop(callers.remove(0));
        // The next one takes the lead.
        assert!(callers.iter_mut().all(|caller| poll(caller).is_none()));
        assert_eq!(gate.waiting(), 1, "one loads");
    }
    gate.open();
    assert_eq!(*all(callers).await.remove(0).unwrap(), 7);
}

#[tokio::test]
async fn followers_go_on_when_the_leader_panics() {
    let region = region::<u64>(&larder(), "offers");
    let (truth, gate, panics) = (Truth::of(7), Gate::closed(), Gate::closed());
    let (its_region, its_gate) = (region.clone(), panics.clone());
    let leader = tokio::spawn(async move {
        let loader = || async {
            its_gate.passed().await;
            panic!("as told");
        };
        its_region
            .get_or_load("a", loader)
            .await
            .map_err(|error: Arc<Infallible>| *error)
            .unwrap()
    });
    until("the leader loads", || panics.waiting() > 0).await;
    let load = || async {
        gate.passed().await;
        truth.load()
    };
    let followers: Vec<_> = (0..10)
        .map(|_| begun(region.get_or_load("a", load)))
        .collect();
    panics.open();
    assert!(within("the leader", leader).await.unwrap_err().is_panic());
    gate.open();
    assert!(
        all(followers)
            .await
            .into_iter()
            .all(|answer| *answer.unwrap() == 7)
    );
    assert_eq!(truth.reads(), 1);
}

#[tokio::test]
async fn followers_go_on_when_the_loader_panics_before_its_first_await() {
    let region = region::<u64>(&larder(), "offers");
    let its_region = region.clone();
    let caller = tokio::spawn(async move {
        let loader = || -> std::future::Ready<Result<u64, Infallible>> { panic!("as told") };
        its_region.get_or_load("a", loader).await.unwrap()
    });
    assert!(within("the caller", caller).await.unwrap_err().is_panic());
    assert_eq!(within("the next", read(&region, "a", 7)).await, 7);
}

#[tokio::test]
async fn a_follower_that_takes_over_loads_by_itself_with_its_own_task_locals() {
    let region = region::<u64>(&larder(), "offers");
    let gate = Gate::closed();
    let load = || async {
        gate.passed().await;
        Ok::<_, Infallible>(CALLER.get())
    };
    let leader = begun(CALLER.scope(1, region.get_or_load("a", load)));
    let follower = begun(CALLER.scope(2, region.get_or_load("a", load)));
    drop(leader);
    gate.open();
    assert_eq!(*within("the follower", follower).await.unwrap(), 2);
}

#[tokio::test]
async fn a_failing_loader_runs_once_for_the_waiters_it_has() {
    let region = region::<u64>(&larder(), "offers");
    let (gate, runs) = (Gate::closed(), AtomicU64::new(0));
    let load = || async {
        gate.passed().await;
        Err::<u64, _>(runs.fetch_add(1, Ordering::SeqCst))
    };
    let callers: Vec<_> = (0..20)
        .map(|_| begun(region.get_or_load("a", load)))
        .collect();
    gate.open();
    assert!(
        all(callers)
            .await
            .into_iter()
            .all(|answer| *answer.unwrap_err() == 0)
    );
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    // Who comes later does not wait: the failure is not kept.
    assert_eq!(read(&region, "a", 7).await, 7);
}

#[tokio::test]
async fn a_follower_with_another_error_type_loads_by_itself() {
    let region = region::<u64>(&larder(), "offers");
    let gate = Gate::closed();
    let leader = begun(region.get_or_load("a", || async {
        gate.passed().await;
        Err::<u64, _>("text")
    }));
    let follower = begun(region.get_or_load("a", || async { Err::<u64, _>(7_u8) }));
    gate.open();
    assert_eq!(*within("the leader", leader).await.unwrap_err(), "text");
    assert_eq!(*within("the follower", follower).await.unwrap_err(), 7);
}

#[tokio::test]
async fn a_follower_takes_the_answer_only_if_it_may_be_served_when_it_arrives() {
    let region = region::<u64>(&larder(), "offers");
    let (truth, gate) = (Truth::of(1), Gate::closed());
    let leader = begun(region.get_or_load("a", || async {
        let value = truth.load();
        gate.passed().await;
        value
    }));
    truth.write(2);
    region.remove("a").await.unwrap();
    // This one begins after the write: the leader's answer is too old for it.
    let follower = begun(truth.through(&region, "a"));
    gate.open();
    assert_eq!(*within("the leader", leader).await.unwrap(), 1);
    assert_eq!(within("the follower", follower).await, 2);
    assert_eq!(truth.through(&region, "a").await, 2);
}

#[tokio::test]
async fn a_follower_does_not_take_what_expired_under_way() {
    let (larder, clock) = timed();
    let region = larder
        .region::<u64>("offers", larder_core::Policy::ttl(5 * S))
        .unwrap();
    let (truth, gate) = (Truth::of(1), Gate::closed());
    let leader = begun(region.get_or_load("a", || async {
        let value = truth.load();
        gate.passed().await;
        value
    }));
    let follower = begun(truth.through(&region, "a"));
    clock.advance(6 * S);
    truth.write(2);
    gate.open();
    assert_eq!(*within("the leader", leader).await.unwrap(), 1);
    assert_eq!(within("the follower", follower).await, 2);
}

/// A failure is an answer too: what it was made of may have changed before the follower came.
#[tokio::test]
async fn a_follower_does_not_take_a_failure_from_before_a_write_it_began_after() {
    let region = region::<u64>(&larder(), "offers");
    let gate = Gate::closed();
    let leader = begun(region.get_or_load("a", || async {
        gate.passed().await;
        Err::<u64, _>("there is no offer")
    }));
    // The offer is made, and that is acknowledged.
    region.remove("a").await.unwrap();
    let follower = begun(region.get_or_load("a", || async { Ok::<_, &str>(7) }));
    gate.open();
    assert!(within("the leader", leader).await.is_err());
    assert_eq!(within("the follower", follower).await.as_deref(), Ok(&7));
}

#[tokio::test]
async fn under_constant_writes_a_follower_is_answered_after_two_loads() {
    let region = region::<u64>(&larder(), "offers");
    let truth = Truth::of(0);
    let gates: Vec<_> = (0..4).map(|_| Gate::closed()).collect();
    let load = |gate: usize| {
        let (truth, gate) = (truth.clone(), gates[gate].clone());
        move || async move {
            let value = truth.load();
            gate.passed().await;
            value
        }
    };
    let first = begun(region.get_or_load("a", load(0)));
    let mut follower = begun(region.get_or_load("a", load(1)));
    region.remove("a").await.unwrap();
    gates[0].open();
    within("the first", first).await.unwrap();
    let second = begun(region.get_or_load("a", load(2)));
    assert!(poll(&mut follower).is_none(), "waits for the second flight");
    region.remove("a").await.unwrap();
    gates[2].open();
    within("the second", second).await.unwrap();
    within("the follower", follower).await.unwrap();
    assert_eq!(truth.reads(), 2);
}

#[tokio::test]
async fn recursion_into_the_same_key_does_not_hang() {
    let region = region::<u64>(&larder(), "numbers");
    let inner = region.clone();
    let outer = region.get_or_load("a", || async move {
        let inside = inner
            .get_or_load("a", || async { Ok::<_, Infallible>(1) })
            .await
            .unwrap();
        Ok::<_, Infallible>(*inside + 1)
    });
    assert_eq!(*within("the recursion", outer).await.unwrap(), 2);
}

#[tokio::test]
async fn recursion_through_other_keys_and_spawned_tasks_does_not_hang() {
    let region = region::<u64>(&larder(), "numbers");
    let (b, a) = (region.clone(), region.clone());
    let outer = region.get_or_load("a", || async move {
        let middle = b.get_or_load("b", || async move {
            let inside = ReadScope::spawn(async move { read(&a, "a", 1).await });
            Ok::<_, Infallible>(inside.await.unwrap() + 1)
        });
        Ok::<_, Infallible>(*middle.await.unwrap() + 1)
    });
    assert_eq!(*within("the recursion", outer).await.unwrap(), 3);
}

#[tokio::test]
async fn recursion_out_of_a_batch_does_not_hang() {
    let region = region::<u64>(&larder(), "numbers");
    let inner = region.clone();
    let outer = region.get_many_or_load(vec![1, 2], |keys: Vec<u64>| {
        let inner = inner.clone();
        async move {
            let inside = inner.get_many_or_load(vec![2, 1], |keys| async move {
                Ok::<_, Infallible>(keys.into_iter().map(|key| (key, key)).collect::<Vec<_>>())
            });
            let sum: u64 = inside
                .await
                .unwrap()
                .into_iter()
                .flatten()
                .map(|value| *value)
                .sum();
            Ok::<_, Infallible>(keys.into_iter().map(|key| (key, sum)).collect::<Vec<_>>())
        }
    });
    let sums = within("the recursion", outer).await.unwrap();
    assert_eq!(sums, vec![Some(Arc::new(3)), Some(Arc::new(3))]);
}

/// An untracked scope drops what it is told, but the load around it is still there.
#[tokio::test]
async fn recursion_through_an_untracked_scope_does_not_hang() {
    let region = region::<u64>(&larder(), "numbers");
    let inner = region.clone();
    let outer = region.get_or_load("a", || async move {
        let inside = ReadScope::untracked().run(read(&inner, "a", 1)).await;
        Ok::<_, Infallible>(inside + 1)
    });
    assert_eq!(*within("the recursion", outer).await.unwrap(), 2);
}

/// A root scope is one of its own, but the load around it is still there.
#[tokio::test]
async fn recursion_through_a_root_scope_does_not_hang() {
    let larder = larder();
    let region = region::<u64>(&larder, "numbers");
    let inner = region.clone();
    let outer = region.get_or_load("a", || async move {
        let inside = larder.read_scope().run(read(&inner, "a", 1)).await;
        Ok::<_, Infallible>(inside + 1)
    });
    assert_eq!(*within("the recursion", outer).await.unwrap(), 2);
}

/// Each task alone would end: the inner load would find its key free, or its own.
#[tokio::test]
async fn two_loads_that_need_each_others_key_do_not_wait_for_each_other() {
    let region = region::<u64>(&larder(), "numbers");
    let gate = Gate::closed();
    let load = |own: &'static str, other: &'static str| {
        let (region, gate) = (region.clone(), gate.clone());
        async move {
            let inner = region.clone();
            let loader = || async move {
                gate.passed().await;
                Ok::<_, Infallible>(read(&inner, other, 1).await + 1)
            };
            *region.get_or_load(own, loader).await.unwrap()
        }
    };
    let (a, b) = (begun(load("a", "b")), begun(load("b", "a")));
    gate.open();
    let answers = all(vec![a, b]).await;
    assert!(
        answers.iter().all(|answer| (2..=3).contains(answer)),
        "{answers:?}"
    );
}

#[tokio::test]
async fn what_is_not_shared_is_loaded_by_each_follower_at_once() {
    let region = region::<u64>(&larder(), "offers");
    let key = Key::from("a");
    let leader = lead(region.join(&key).await);
    let followers: Vec<_> = (0..5).map(|_| begun(region.join(&key))).collect();
    leader.release();
    let turns = all(followers).await;
    assert!(
        turns.iter().all(|turn| matches!(turn, Turn::Alone(_))),
        "{turns:?}"
    );
}

#[tokio::test]
async fn what_is_refused_is_not_given_to_followers() {
    let region = region::<u64>(&larder(), "offers");
    let key = Key::from("a");
    let leader = lead(region.join(&key).await);
    let follower = begun(region.join(&key));
    leader.refuse(Refusal::WroteInTransaction);
    let finished = leader.finish(Some(Arc::new(1)), long().lifetime());
    assert_eq!(finished.kept, Err(Refusal::WroteInTransaction));
    assert_eq!(finished.value.as_deref(), Some(&1));
    assert!(matches!(
        within("the follower", follower).await,
        Turn::Alone(_)
    ));
    assert!(matches!(region.lookup(&key), Lookup::Miss));
}

#[tokio::test]
async fn a_lead_that_is_dropped_leaves_the_key_to_the_next() {
    let region = region::<u64>(&larder(), "offers");
    let key = Key::from("a");
    drop(lead(region.join(&key).await));
    let second = lead(within("the next", region.join(&key)).await);
    let follower = begun(region.join(&key));
    drop(second);
    drop(lead(within("the follower", follower).await));
}

#[tokio::test]
async fn an_answer_that_landed_between_the_miss_and_the_turn_is_taken() {
    let region = region::<u64>(&larder(), "offers");
    let key = Key::from("a");
    assert!(matches!(region.lookup(&key), Lookup::Miss));
    read(&region, "a", 1).await;
    let Turn::Hit(hit) = region.join(&key).await else {
        panic!("should be served")
    };
    assert_eq!(
        (hit.value.as_deref(), hit.freshness),
        (Some(&1), Freshness::Fresh)
    );
}

#[tokio::test]
async fn a_refresh_is_led_by_one_and_by_none_once_it_is_done() {
    let (larder, clock) = timed();
    let policy = larder_core::Policy::ttl(10 * S).grace(10 * S);
    let region = larder.region::<u64>("offers", policy.clone()).unwrap();
    let key = Key::from("a");
    read(&region, "a", 1).await;
    assert!(region.try_lead(&key).is_none(), "it is fresh");
    clock.advance(11 * S);
    let refresh = region.try_lead(&key).unwrap();
    assert!(region.try_lead(&key).is_none(), "a refresh is under way");
    assert!(
        refresh
            .finish(Some(Arc::new(2)), policy.lifetime())
            .kept
            .is_ok()
    );
    assert!(region.try_lead(&key).is_none(), "it is fresh again");
}

#[tokio::test]
async fn a_lead_can_be_carried_to_another_task() {
    fn is_static_and_sendable<T: Send + 'static>(_: &T) {}
    let region: Region<u64> = region(&larder(), "offers");
    let lead = lead(region.join(&Key::from("a")).await);
    is_static_and_sendable(&lead);
    let done = tokio::spawn(async move {
        let value = lead.run(async { 7 }).await;
        lead.finish(Some(Arc::new(value)), long().lifetime()).kept
    });
    assert_eq!(done.await.unwrap(), Ok(()));
    assert_eq!(region.get("a").await.as_deref(), Some(&7));
}

/// Who knows of the absence only keeps those away who would take it for an answer.
#[tokio::test]
async fn callers_who_want_a_value_load_it_once_though_its_absence_is_known() {
    let larder = larder();
    let region = larder
        .region::<u64>("offers", long().negative_ttl(60 * S))
        .unwrap();
    let absent = || async { Ok::<Option<u64>, Infallible>(None) };
    region.get_or_load_optional("a", absent).await.unwrap();
    let (truth, gate) = (Truth::of(7), Gate::closed());
    let load = || async {
        gate.passed().await;
        truth.load()
    };
    let callers: Vec<_> = (0..10)
        .map(|_| begun(region.get_or_load("a", load)))
        .collect();
    gate.open();
    assert!(
        all(callers)
            .await
            .into_iter()
            .all(|answer| *answer.unwrap() == 7)
    );
    assert_eq!(truth.reads(), 1);
}

/// A circle that passes through two caches is a circle all the same.
#[tokio::test]
async fn loads_of_two_larders_that_need_each_other_do_not_wait_for_each_other() {
    let (one, two) = (larder(), larder());
    let regions = [
        region::<u64>(&one, "numbers"),
        region::<u64>(&two, "numbers"),
    ];
    let gate = Gate::closed();
    let load = |own: usize| {
        let (own, other) = (regions[own].clone(), regions[1 - own].clone());
        let gate = gate.clone();
        async move {
            let loader = || async move {
                gate.passed().await;
                Ok::<_, Infallible>(read(&other, "a", 1).await + 1)
            };
            *own.get_or_load("a", loader).await.unwrap()
        }
    };
    let both = vec![begun(load(0)), begun(load(1))];
    gate.open();
    let answers = all(both).await;
    assert!(
        answers.iter().all(|answer| (2..=3).contains(answer)),
        "{answers:?}"
    );
}

#[tokio::test]
async fn a_circle_of_many_loads_is_noticed_however_long_it_is() {
    let region = region::<u64>(&larder(), "numbers");
    let gate = Gate::closed();
    let load = |own: u64, next: u64| {
        let (region, gate) = (region.clone(), gate.clone());
        async move {
            let inner = region.clone();
            let loader = || async move {
                gate.passed().await;
                Ok::<_, Infallible>(read(&inner, next, 1).await + 1)
            };
            *region.get_or_load(own, loader).await.unwrap()
        }
    };
    let circle: Vec<_> = (0..20)
        .map(|own| begun(load(own, (own + 1) % 20)))
        .collect();
    gate.open();
    assert_eq!(all(circle).await.len(), 20);
}
