//! One load for all nodes, and nobody held up for longer than the lease.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use larder_core::bus::BoxFuture;
use larder_core::test_util::{FaultyStore, ManualClock, MemoryStore, StoreFault};
use larder_core::{Change, Refusal, Store, StoreError, StoreHealth, StoreKey, StoreValue};

use super::{Node, offers};
use crate::faulty_bus::Log;
use crate::gate::{Gate, begun, poll, settled, within};
use crate::scene::{builder, long};

const LEASE: Duration = Duration::from_secs(2);

struct Scene {
    nodes: Vec<Node>,
    store: MemoryStore,
    clock: ManualClock,
}

fn scene(nodes: usize) -> Scene {
    let (log, clock) = (Log::default(), ManualClock::new());
    let store = MemoryStore::with_clock(clock.clone());
    let nodes = (0..nodes).map(|_| node(&log, store.clone(), &clock));
    Scene {
        nodes: nodes.collect(),
        store,
        clock,
    }
}

fn node(log: &Log, store: impl Store, clock: &ManualClock) -> Node {
    let builder = builder().store(store).clock(clock.clone());
    Node::build(log, builder, long().lease(LEASE))
}

impl Scene {
    /// Moves the clock until `future` ends, and returns what it gave and how long it took.
    async fn wait<F: Future>(&self, future: &mut Pin<Box<F>>) -> (F::Output, Duration) {
        let mut waited = Duration::ZERO;
        let waiting = async {
            loop {
                settled().await;
                if let Some(output) = poll(future) {
                    return (output, waited);
                }
                self.clock.advance(Duration::from_millis(1));
                waited += Duration::from_millis(1);
            }
        };
        within("a wait for a lease", waiting).await
    }
}

impl Node {
    /// Reads "x", with a loader that waits at a gate.
    async fn read_behind(&self, gate: Gate, value: u64) -> u64 {
        let load = || async {
            gate.passed().await;
            self.load(value).await
        };
        *self.numbers.get_or_load("x", load).await.unwrap()
    }

    fn lease_hits(&self) -> u64 {
        let snapshot = self.larder.snapshot();
        snapshot.region("numbers").unwrap().lease_hits
    }
}

/// Fails without the lease: three loads.
#[tokio::test]
async fn of_all_nodes_that_miss_a_key_at_once_one_loads() {
    let scene = scene(3);
    let [a, b, c] = &scene.nodes[..] else {
        unreachable!()
    };
    let gate = Gate::closed();
    let mut first = begun(a.read_behind(gate.clone(), 1));
    settled().await;
    let mut second = begun(b.read("x", 2));
    let mut third = begun(c.read("x", 3));
    gate.open();
    assert_eq!(within("the holder", &mut first).await, 1);
    assert_eq!(scene.wait(&mut second).await.0, 1);
    assert_eq!(scene.wait(&mut third).await.0, 1);
    assert_eq!([a.loads(), b.loads(), c.loads()], [1, 0, 0]);
    assert_eq!([a.lease_hits(), b.lease_hits(), c.lease_hits()], [0, 1, 1]);
    // It is given back: nothing but the entry is in the store.
    settled().await;
    assert_eq!(scene.store.len(), 1);
}

#[tokio::test]
async fn a_lease_that_is_given_back_is_there_for_the_next_load() {
    let scene = scene(2);
    let [a, b] = &scene.nodes[..] else {
        unreachable!()
    };
    a.read("x", 1).await;
    settled().await;
    b.larder.publish(Change::row(&offers(), 7)).await.unwrap();
    a.hear();
    b.hear();
    // No time passes: nobody is waited for.
    assert_eq!(within("a load", b.read("x", 2)).await, 2);
    settled().await;
    assert_eq!(within("a look", a.read("x", 3)).await, 2);
}

#[tokio::test]
async fn who_holds_it_and_fails_lets_the_others_go_on() {
    let scene = scene(2);
    let [a, b] = &scene.nodes[..] else {
        unreachable!()
    };
    let gate = Gate::closed();
    let fails = || async {
        gate.passed().await;
        Err::<u64, _>("the database is away")
    };
    let mut first = begun(a.numbers.get_or_load("x", fails));
    settled().await;
    let mut second = begun(b.read("x", 2));
    gate.open();
    assert!(within("the holder", &mut first).await.is_err());
    let (value, waited) = scene.wait(&mut second).await;
    assert_eq!(value, 2);
    assert!(waited < LEASE / 10, "{waited:?}");
}

#[tokio::test]
async fn who_holds_it_and_goes_away_lets_the_others_go_on() {
    let scene = scene(2);
    let [a, b] = &scene.nodes[..] else {
        unreachable!()
    };
    let first = begun(a.read_behind(Gate::closed(), 1));
    settled().await;
    let mut second = begun(b.read("x", 2));
    drop(first);
    let (value, waited) = scene.wait(&mut second).await;
    assert_eq!(value, 2);
    assert!(waited < LEASE / 10, "{waited:?}");
}

/// What is not kept is loaded by each, at once and not one after the other.
#[tokio::test]
async fn what_is_not_kept_is_waited_for_once() {
    let scene = scene(4);
    let gate = Gate::closed();
    let refused = |node: &'_ Node| {
        let (region, gate) = (node.numbers.clone(), gate.clone());
        async move {
            let load = || async {
                larder_core::ReadScope::current()
                    .unwrap()
                    .refuse(Refusal::Volatile);
                gate.passed().await;
                Ok::<_, Infallible>(1)
            };
            *region.get_or_load("x", load).await.unwrap()
        }
    };
    let mut first = begun(refused(&scene.nodes[0]));
    settled().await;
    let mut others: Vec<_> = scene.nodes[1..]
        .iter()
        .map(|node| begun(refused(node)))
        .collect();
    gate.open();
    within("the holder", &mut first).await;
    for other in &mut others {
        let (_, waited) = scene.wait(other).await;
        assert!(waited < LEASE / 10, "{waited:?}");
    }
}

#[tokio::test]
async fn a_holder_that_died_is_waited_for_as_long_as_its_lease() {
    let scene = scene(2);
    let [a, b] = &scene.nodes[..] else {
        unreachable!()
    };
    let _forever = begun(a.read_behind(Gate::closed(), 1));
    settled().await;
    let (value, waited) = scene.wait(&mut begun(b.read("x", 2))).await;
    assert_eq!((value, b.loads()), (2, 1));
    // The clock moves by a millisecond, and is looked at after that.
    let longest = LEASE + Duration::from_millis(2);
    assert!(waited <= longest && waited >= LEASE / 2, "{waited:?}");
}

/// They all end by then: what a read meets after the first is free.
#[tokio::test]
async fn a_node_that_stopped_with_many_leases_is_waited_for_once() {
    let scene = scene(2);
    let [a, b] = &scene.nodes[..] else {
        unreachable!()
    };
    let never = || async {
        Gate::closed().passed().await;
        Ok::<_, Infallible>(0)
    };
    let keys: Vec<_> = (0..20).map(|at| format!("{at}")).collect();
    let stopped = keys.iter().cloned();
    let _stopped: Vec<_> = stopped
        .map(|key| begun(a.numbers.get_or_load(key, never)))
        .collect();
    settled().await;
    let page = async {
        for key in keys {
            b.read(key, 1).await;
        }
    };
    let ((), waited) = scene.wait(&mut begun(page)).await;
    assert_eq!(b.loads(), 20);
    assert!(waited < LEASE + LEASE / 10, "{waited:?}");
}

/// Fails where only its queueing is within the lease: the next holder's opens, and all load.
#[tokio::test]
async fn a_lease_that_opens_late_is_not_the_next_holders() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let memory = MemoryStore::with_clock(clock.clone());
    let slow = Slow {
        store: memory.clone(),
        adds: Gate::opened(),
        puts: Gate::closed(),
    };
    let mut nodes = vec![node(&log, slow.clone(), &clock)];
    nodes.extend([(); 2].map(|()| node(&log, memory.clone(), &clock)));
    let scene = Scene {
        nodes,
        store: memory,
        clock,
    };
    let [a, b, c] = &scene.nodes[..] else {
        unreachable!()
    };
    a.numbers.get_or_load("y", || a.load(0)).await.unwrap();
    settled().await;
    let gone = begun(a.read_behind(Gate::closed(), 1));
    settled().await;
    // It has to queue behind "y".
    drop(gone);
    scene.clock.advance(LEASE);
    b.hear();
    c.hear();
    let gate = Gate::closed();
    let mut holder = begun(b.read_behind(gate.clone(), 2));
    settled().await;
    slow.puts.open();
    settled().await;
    let mut waits = begun(c.read("x", 3));
    settled().await;
    for _ in 0..20 {
        assert_eq!(poll(&mut waits), None, "should wait for the holder");
        settled().await;
        scene.clock.advance(Duration::from_millis(1));
    }
    gate.open();
    assert_eq!(within("the holder", &mut holder).await, 2);
    assert_eq!(scene.wait(&mut waits).await.0, 2);
}

/// The holder's load began before the change that this node has heard of.
#[tokio::test]
async fn what_the_holder_stored_too_early_is_not_served() {
    let scene = scene(2);
    let [a, b] = &scene.nodes[..] else {
        unreachable!()
    };
    let gate = Gate::closed();
    let mut first = begun(a.read_behind(gate.clone(), 1));
    settled().await;
    b.larder.publish(Change::row(&offers(), 7)).await.unwrap();
    b.hear();
    let mut second = begun(b.read("x", 2));
    // Node a has not heard of it, and stores what it has.
    gate.open();
    assert_eq!(within("the holder", &mut first).await, 1);
    assert_eq!(scene.wait(&mut second).await.0, 2);
    assert_eq!((a.loads(), b.loads()), (1, 1));
}

#[tokio::test]
async fn where_the_store_does_not_answer_each_loads_at_once() {
    for fault in [StoreFault::Fails, StoreFault::TimesOut, StoreFault::Down] {
        let (log, clock) = (Log::default(), ManualClock::new());
        let faulty = FaultyStore::over(MemoryStore::with_clock(clock.clone()));
        let a = node(&log, faulty.clone(), &clock);
        let b = node(&log, faulty.clone(), &clock);
        let _holder = begun(a.read_behind(Gate::closed(), 1));
        settled().await;
        faulty.set(fault);
        let before = faulty.calls();
        // The clock stands still: nothing is waited for.
        assert_eq!(within("a load", b.read("x", 2)).await, 2, "{fault:?}");
        settled().await;
        // A question, and what was loaded; nobody waits for the second, and no lease is asked for.
        let asked = faulty.calls() - before;
        assert!(asked <= 2, "{fault:?}: {asked}");
    }
}

#[tokio::test]
async fn who_waits_when_the_store_fails_loads() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let faulty = FaultyStore::over(MemoryStore::with_clock(clock.clone()));
    let a = node(&log, faulty.clone(), &clock);
    let b = node(&log, faulty.clone(), &clock);
    let _holder = begun(a.read_behind(Gate::closed(), 1));
    settled().await;
    let mut waits = begun(b.read("x", 2));
    faulty.set(StoreFault::TimesOut);
    clock.advance(Duration::from_millis(5));
    assert_eq!(within("a load", &mut waits).await, 2);
}

/// A value of the lease's key that nobody of ours has put there costs a wait, and nothing else.
#[tokio::test]
async fn a_foreign_value_in_its_place_is_waited_for_and_no_more() {
    let scene = scene(2);
    let [a, b] = &scene.nodes[..] else {
        unreachable!()
    };
    let holder = begun(a.read_behind(Gate::closed(), 1));
    settled().await;
    let (key, _) = scene.store.dump().pop().unwrap();
    drop(holder);
    settled().await;
    scene.store.plant(key, "what is this");
    let (value, waited) = scene.wait(&mut begun(b.read("x", 2))).await;
    assert_eq!(value, 2);
    assert!(waited <= LEASE, "{waited:?}");
}

/// Fails where the caller itself asks for the lease: the other waits for its whole length.
#[tokio::test]
async fn who_goes_away_while_asking_leaves_no_lease_behind() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let memory = MemoryStore::with_clock(clock.clone());
    let slow = Slow {
        store: memory.clone(),
        adds: Gate::closed(),
        puts: Gate::opened(),
    };
    let a = node(&log, slow.clone(), &clock);
    let b = node(&log, memory.clone(), &clock);
    let asks = begun(a.read("x", 1));
    settled().await;
    drop(asks);
    slow.adds.open();
    settled().await;
    let scene = Scene {
        nodes: vec![b],
        store: memory,
        clock,
    };
    let (value, waited) = scene.wait(&mut begun(scene.nodes[0].read("x", 2))).await;
    assert_eq!(value, 2);
    assert!(waited < LEASE / 10, "{waited:?}");
}

/// A store that takes a lease at once and says so late, and puts values late.
#[derive(Clone)]
struct Slow {
    store: MemoryStore,
    adds: Gate,
    puts: Gate,
}

impl std::fmt::Debug for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slow")
    }
}

impl Store for Slow {
    fn get<'a>(
        &'a self,
        keys: &'a [StoreKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Bytes>>, StoreError>> {
        self.store.get(keys)
    }

    fn put<'a>(&'a self, values: &'a [StoreValue]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.puts.passed().await;
            self.store.put(values).await
        })
    }

    fn add<'a>(&'a self, value: &'a StoreValue) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let added = self.store.add(value).await;
            self.adds.passed().await;
            added
        })
    }

    fn remove<'a>(&'a self, keys: &'a [StoreKey]) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.remove(keys)
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Up
    }
}
