//! A store that fails, hangs, loses, mixes up or brings back: counters, and never an old answer.

use larder_core::test_util::{FaultyStore, ManualClock, MemoryStore, StoreFault};
use larder_core::{Change, ReadScope};

use super::{Node, offers};
use crate::faulty_bus::Log;
use crate::gate::{begun, until, within};

const FAULTS: [StoreFault; 9] = [
    StoreFault::Fails,
    StoreFault::TimesOut,
    StoreFault::Down,
    StoreFault::LosesPuts,
    StoreFault::BringsBackOld,
    StoreFault::Corrupts,
    StoreFault::Truncates,
    StoreFault::MixesUp,
    StoreFault::AnswersShort,
];

struct Scene {
    a: Node,
    b: Node,
    faulty: FaultyStore,
    memory: MemoryStore,
}

fn scene() -> Scene {
    let (log, clock) = (Log::default(), ManualClock::new());
    let memory = MemoryStore::with_clock(clock.clone());
    let faulty = FaultyStore::over(memory.clone());
    Scene {
        a: Node::with(&log, faulty.clone(), &clock),
        b: Node::with(&log, faulty.clone(), &clock),
        faulty,
        memory,
    }
}

#[tokio::test]
async fn whatever_the_store_does_the_loader_answers_and_nothing_is_old() {
    for fault in FAULTS {
        let Scene {
            a,
            b,
            faulty,
            memory,
        } = scene();
        for key in ["x", "y"] {
            a.read(key, 1).await;
        }
        a.stored(&memory, 2).await;
        faulty.set(fault);
        a.larder.publish(Change::row(&offers(), 7)).await.unwrap();
        a.hear();
        b.hear();
        for key in ["x", "y"] {
            assert_eq!(b.read(key, 2).await, 2, "{fault:?}");
            assert_eq!(a.read(key, 2).await, 2, "{fault:?}");
        }
        faulty.set(StoreFault::None);
        assert_eq!(b.read("x", 3).await, 2, "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_given_wrong_is_a_miss_and_a_counter() {
    for (fault, reason) in [
        (StoreFault::Corrupts, "corrupt"),
        (StoreFault::MixesUp, "key"),
    ] {
        let Scene {
            a,
            b,
            faulty,
            memory,
        } = scene();
        let keys: Vec<u64> = vec![1, 2];
        let load = |value: u64| {
            move |keys: Vec<u64>| async move {
                let pairs = keys.into_iter().map(|key| (key, key + value)).collect();
                Ok::<Vec<(u64, u64)>, std::convert::Infallible>(pairs)
            }
        };
        a.numbers
            .get_many_or_load(keys.clone(), load(10))
            .await
            .unwrap();
        a.stored(&memory, 2).await;
        faulty.set(fault);
        let found = b.numbers.get_many_or_load(keys, load(20)).await.unwrap();
        let found: Vec<u64> = found.iter().flatten().map(|value| **value).collect();
        assert_eq!(found, [21, 22], "{fault:?}");
        let unreadable = b.unreadable();
        assert!(
            unreadable.contains(&(reason, 2)) || fault == StoreFault::Corrupts,
            "{fault:?}: {unreadable:?}"
        );
        assert_eq!(unreadable.iter().map(|(_, count)| count).sum::<u64>(), 2);
    }
}

/// A fill that comes late carries its own position. Fails without the check in `Region::promote`.
#[tokio::test]
async fn a_value_stored_late_does_not_bring_the_old_one_back() {
    let Scene {
        a,
        b,
        faulty,
        memory,
    } = scene();
    faulty.set(StoreFault::DelaysPuts);
    a.read("x", 1).await;
    until("it was asked for, and put", || faulty.calls() == 2).await;
    a.larder.publish(Change::row(&offers(), 7)).await.unwrap();
    a.hear();
    b.hear();
    // What was held back is done with the next one.
    a.read("y", 2).await;
    a.stored(&memory, 1).await;
    assert_eq!(b.read("x", 2).await, 2);
}

/// Fails without `ReadScope::give_up`.
#[tokio::test]
async fn one_request_waits_once_for_a_store_that_does_not_answer() {
    let Scene { b, faulty, .. } = scene();
    faulty.set(StoreFault::TimesOut);
    let request = b.larder.read_scope();
    let nested = ReadScope::current();
    assert!(nested.is_none());
    request
        .run(async {
            for key in 0..10_u64 {
                assert_eq!(b.read(key, key).await, key);
            }
        })
        .await;
    assert_eq!(faulty.calls(), 1);
    assert_eq!(b.larder.snapshot().remote.unwrap().skipped, 9);
}

#[tokio::test]
async fn a_store_that_is_down_is_not_asked() {
    let Scene { b, faulty, .. } = scene();
    faulty.set(StoreFault::Down);
    for key in 0..10_u64 {
        b.read(key, key).await;
    }
    b.larder.close().await;
    assert_eq!(faulty.calls(), 0);
    let remote = b.larder.snapshot().remote.unwrap();
    assert_eq!((remote.up, remote.skipped, remote.dropped), (false, 10, 10));
}

/// Fails without the bounds in `Writer::add`.
#[tokio::test]
async fn what_waits_for_a_hanging_store_is_bounded() {
    let Scene { b, faulty, .. } = scene();
    let region = b
        .larder
        .region::<u64>("made", crate::scene::long())
        .unwrap();
    let made = region.with_codec(super::Number { fingerprint: 1 });
    faulty.set(StoreFault::Hangs);
    for key in 0..3000_u64 {
        made.put(key, key).await.unwrap();
    }
    let remote = b.larder.snapshot().remote.unwrap();
    assert!(remote.queued <= 1024, "{}", remote.queued);
    assert!(remote.dropped > 1500, "{}", remote.dropped);
    faulty.set(StoreFault::None);
    until("the queue is empty", || {
        b.larder.snapshot().remote.unwrap().queued == 0
    })
    .await;
}

#[tokio::test]
async fn a_leader_who_goes_away_while_the_store_is_asked_leaves_the_others_to_go_on() {
    let Scene { b, faulty, .. } = scene();
    faulty.set(StoreFault::Hangs);
    let leader = begun(b.read("x", 1));
    let follower = begun(b.read("x", 2));
    drop(leader);
    faulty.set(StoreFault::None);
    assert_eq!(within("the follower", follower).await, 2);
}
