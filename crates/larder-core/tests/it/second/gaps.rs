//! Single holes, each with the rule it breaks.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use larder_core::bus::BoxFuture;
use larder_core::test_util::{FaultyStore, ManualClock, MemoryStore, StoreFault};
use larder_core::{
    Change, Clock as _, Larder, Moment, Policy, Reached, Region, Share, Store, StoreError,
    StoreHealth, StoreKey, StoreValue, Writes, past_the_cache,
};

use super::log::{Course, End, Fate};
use super::world::Seen;
use crate::faulty_bus::Log;
use crate::gate::{Gate, begun, poll, settled, until, within};
use crate::oracle::chaos::unless_cancelled;
use crate::remote::Node;
use crate::scene::{S, builder, long};

/// Seen failing with the store asked for no keys: a store that hangs would be waited for.
#[tokio::test]
async fn a_batch_that_no_cache_may_answer_does_not_ask_the_store() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let store = FaultyStore::over(MemoryStore::with_clock(clock.clone()));
    let node = Node::with(&log, store.clone(), &clock);
    let batch = || async {
        let load = |keys: Vec<u64>| async move {
            Ok::<_, Infallible>(keys.into_iter().map(|key| (key, key)).collect())
        };
        node.numbers
            .get_many_or_load(vec![1, 2], load)
            .await
            .unwrap()
    };
    past_the_cache(batch()).await;
    assert_eq!(store.calls(), 0, "past the cache");
    node.larder
        .switches()
        .set_region("numbers", Share::OFF)
        .unwrap();
    batch().await;
    assert_eq!(store.calls(), 0, "switched off");
}

fn value(whose: &str, number: u64) -> Seen {
    Seen {
        whose: whose.into(),
        cells: vec![(0, number)],
    }
}

/// A node of a log that fails as told, with one region.
fn site(course: &Course, clock: &ManualClock) -> (End, Larder, Region<Seen>) {
    let end = End::of(course);
    let larder = builder()
        .bus(end.clone())
        .clock(clock.clone())
        .build()
        .unwrap();
    let region = larder.region("prices", long().grace(5 * S)).unwrap();
    end.poll(usize::MAX, true, false);
    (end, larder, region)
}

/// What a node puts is as old as its publication, not as the answer to it. Seen failing with the time taken when the
/// bus has answered.
#[tokio::test]
async fn a_put_whose_answer_was_late_is_not_served_past_the_staleness_allowed() {
    let clock = ManualClock::new();
    let course = Course::new(&clock);
    let (a_end, _a, a) = site(&course, &clock);
    let (_b_end, _b, b) = site(&course, &clock);
    let gate = Gate::closed();
    a_end.set(Fate::Answers(gate.clone()));
    let late = begun(a.put("apple", value("a", 1)));
    b.put("apple", value("b", 2)).await.unwrap();
    clock.advance(Duration::from_millis(900));
    gate.open();
    late.await.unwrap();
    // The bus is silent: what was acknowledged more than a second ago must be seen all the same.
    clock.advance(Duration::from_millis(900));
    assert_eq!(a.get("apple").await, None);
}

/// Applying is idempotent. Seen failing with the time of a soft change moved by each copy of it.
#[tokio::test]
async fn a_soft_change_that_is_heard_twice_does_not_begin_grace_anew() {
    for everything in [false, true] {
        let clock = ManualClock::new();
        let course = Course::new(&clock);
        let (end, larder, region) = site(&course, &clock);
        region.put("apple", value("a", 1)).await.unwrap();
        end.poll(usize::MAX, true, false);
        if everything {
            larder.publish(Change::everything().soft()).await.unwrap();
        } else {
            region.remove_soft("apple").await.unwrap();
        }
        clock.advance(4 * S);
        end.poll(usize::MAX, true, false);
        end.replay();
        assert!(region.get("apple").await.is_some(), "within its grace");
        clock.advance(2 * S);
        end.poll(usize::MAX, true, false);
        assert_eq!(region.get("apple").await, None, "aged six seconds ago");
    }
}

/// Positions begin again below where the old log ended: its end was lost.
#[tokio::test]
async fn a_session_is_kept_by_a_node_that_has_not_heard_of_the_log_its_write_is_on() {
    let clock = ManualClock::new();
    let course = Course::new(&clock);
    let (a_end, a, _) = site(&course, &clock);
    let (b_end, b, _) = site(&course, &clock);
    for _ in 0..10 {
        a.publish(Change::tag("other")).await.unwrap();
    }
    b_end.poll(usize::MAX, true, false);
    course.lock().fail_over(5, true);
    a_end.poll(usize::MAX, true, false);
    let writes = Writes::new();
    writes.run(a.publish(Change::tag("apple"))).await.unwrap();
    let session = writes.position().unwrap();
    let mut reach = begun(b.reach(session, S));
    b_end.poll(usize::MAX, true, false);
    assert_eq!(poll(&mut reach), Some(Reached::Applied));
}

/// The other way round: a position of an old log says nothing once the node knows that it is on the log of now.
#[tokio::test]
async fn a_session_of_a_log_that_is_gone_is_not_waited_for_longer_than_until_the_bus_is_heard() {
    let clock = ManualClock::new();
    let course = Course::new(&clock);
    let (end, larder, _) = site(&course, &clock);
    let writes = Writes::new();
    writes
        .run(larder.publish(Change::tag("apple")))
        .await
        .unwrap();
    let session = writes.position().unwrap();
    course.lock().fail_over(0, false);
    end.poll(usize::MAX, true, false);
    clock.advance(S);
    assert_eq!(
        larder.reach(session, S).await,
        Reached::Ignored,
        "of a log it has left"
    );
    let (new_end, new, _) = site(&course, &clock);
    clock.advance(S);
    let mut reach = begun(new.reach(session, S));
    clock.advance(Duration::from_millis(1));
    new_end.poll(usize::MAX, true, false);
    assert_eq!(
        poll(&mut reach),
        Some(Reached::Ignored),
        "of a log that was before it"
    );
    clock.advance(S);
    let silent = begun(new.reach(session, S));
    clock.advance(S);
    assert_eq!(within("the bound", silent).await, Reached::Behind);
}

/// Seen failing where only the scope around the outermost load remembers that the store did not answer.
#[tokio::test]
async fn a_nested_load_waits_once_for_a_store_that_does_not_answer_also_outside_of_any_scope() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let store = FaultyStore::over(MemoryStore::with_clock(clock.clone()));
    let node = Node::with(&log, store.clone(), &clock);
    store.set(StoreFault::TimesOut);
    let outer = node.numbers.get_or_load("outer", || async {
        Ok::<_, Infallible>(node.read("one", 1).await + node.read("two", 2).await)
    });
    assert_eq!(*Box::pin(outer).await.unwrap(), 3);
    assert_eq!(store.calls(), 1);
}

/// A clock that runs ahead where it was stored. Seen failing with the ttl of values as the bound.
#[tokio::test]
async fn that_there_is_nothing_is_not_kept_past_its_own_ttl_elsewhere() {
    let (log, ahead, clock) = (Log::default(), ManualClock::new(), ManualClock::new());
    ahead.advance(300 * S);
    let store = MemoryStore::with_clock(clock.clone());
    let node = |clock: &ManualClock| {
        let builder = builder().store(store.clone()).clock(clock.clone());
        Node::build(&log, builder, long().grace(60 * S).negative_ttl(2 * S))
    };
    let (a, b) = (node(&ahead), node(&clock));
    let read = async |node: &Node, found: Option<u64>| {
        let load = || async move { Ok::<_, Infallible>(found) };
        node.numbers
            .get_or_load_optional("gone", load)
            .await
            .unwrap()
    };
    assert_eq!(read(&a, None).await, None);
    a.stored(&store, 1).await;
    assert_eq!(read(&b, Some(1)).await, None, "had from the store");
    clock.advance(3 * S);
    b.hear();
    // What the store holds says three hundred seconds yet.
    store.clear();
    assert_eq!(read(&b, Some(1)).await.as_deref(), Some(&1));
}

/// Seen failing with every entry counted that could be served.
#[tokio::test]
async fn what_the_store_has_and_does_not_answer_with_is_no_hit() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let store = MemoryStore::with_clock(clock.clone());
    let builder = builder().store(store.clone()).clock(clock.clone());
    let policy = Policy::ttl(10 * S).early_refresh(5 * S).grace(60 * S);
    let node = Node::build(&log, builder, policy);
    node.read("x", 1).await;
    node.stored(&store, 1).await;
    clock.advance(6 * S);
    node.hear();
    let load = || async { Ok::<_, Infallible>(2) };
    node.numbers.get_or_refresh("x", load).await.unwrap();
    settled().await;
    assert_eq!(node.read("x", 3).await, 2, "loaded, not had from the store");
    node.numbers.evict(&"x".into());
    clock.advance(12 * S);
    node.hear();
    assert_eq!(
        node.read("x", 4).await,
        4,
        "what is stale elsewhere is loaded anew"
    );
    let numbers = node.larder.snapshot();
    let numbers = numbers.region("numbers").unwrap();
    assert_eq!((numbers.remote_hits, numbers.remote_invalid), (0, 2));
}

/// Every await of a read under a lease is left once: no flight and no lease stays behind.
#[tokio::test]
async fn a_read_that_goes_away_anywhere_leaves_nothing_that_others_wait_for() {
    for polls in 1..40 {
        let (log, clock) = (Log::default(), ManualClock::new());
        let store = FaultyStore::over(Slow(MemoryStore::with_clock(clock.clone())));
        let node = || {
            let builder = builder().store(store.clone()).clock(clock.clone());
            Node::build(&log, builder, long().lease(5 * S))
        };
        let (a, b) = (node(), node());
        let left = a.numbers.get_or_load("x", || async {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(1)
        });
        let ended = unless_cancelled(Some(polls), left).await.is_some();
        settled().await;
        let others = async { (a.read("x", 1).await, b.read("x", 1).await) };
        let mut others = Box::pin(others);
        // A second at most, of a lease of five: what was left open is read at the next look.
        for _ in 0..40 {
            if poll(&mut others).is_some() {
                break;
            }
            clock.advance(Duration::from_millis(25));
            settled().await;
            assert!(
                clock.now() < Moment::from_nanos(2_500_000_000),
                "left after {polls} polls"
            );
        }
        if ended && polls > 30 {
            return;
        }
    }
}

/// Every await of a put is left once: it is published, nothing stays pending, and the old value is not served.
#[tokio::test]
async fn a_writer_that_goes_away_anywhere_publishes_all_the_same() {
    for polls in 1..6 {
        for held in 0..3 {
            let clock = ManualClock::new();
            let course = Course::new(&clock);
            let (a_end, a_larder, a) = site(&course, &clock);
            let (b_end, _b, b) = site(&course, &clock);
            b.put("apple", value("b", 1)).await.unwrap();
            a_end.poll(usize::MAX, true, false);
            let gate = Gate::closed();
            a_end.set(match held {
                0 => Fate::Waits(gate.clone()),
                1 => Fate::Answers(gate.clone()),
                _ => Fate::Lost,
            });
            let mut left = Box::pin(a.remove("apple"));
            let _ = (0..polls).find_map(|_| poll(&mut left));
            drop(left);
            settled().await;
            until("it is published", || {
                clock.advance(Duration::from_millis(100));
                a_larder.snapshot().unpublished == 0
            })
            .await;
            b_end.poll(usize::MAX, true, false);
            a_end.poll(usize::MAX, true, false);
            assert_eq!(b.get("apple").await, None, "{held} {polls}");
            a.put("apple", value("a", 3)).await.unwrap();
            assert!(
                a.get("apple").await.is_some(),
                "nothing is pending: {held} {polls}"
            );
        }
    }
}

/// A store whose calls take a few polls.
#[derive(Debug)]
struct Slow(MemoryStore);

async fn slowly<T>(call: impl Future<Output = T>) -> T {
    tokio::task::yield_now().await;
    let answer = call.await;
    tokio::task::yield_now().await;
    answer
}

impl Store for Slow {
    fn get<'a>(
        &'a self,
        keys: &'a [StoreKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Bytes>>, StoreError>> {
        Box::pin(slowly(self.0.get(keys)))
    }

    fn put<'a>(&'a self, values: &'a [StoreValue]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(slowly(self.0.put(values)))
    }

    fn add<'a>(&'a self, value: &'a StoreValue) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(slowly(self.0.add(value)))
    }

    fn remove<'a>(&'a self, keys: &'a [StoreKey]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(slowly(self.0.remove(keys)))
    }

    fn health(&self) -> StoreHealth {
        self.0.health()
    }
}
