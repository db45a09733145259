//! What is kept apart in one store: services, deployments, databases, forms, policies, logs.

use larder_core::test_util::{ManualClock, MemoryStore};
use larder_core::{Builder, Larder, Policy};

use super::{Node, Number};
use crate::faulty_bus::Log;
use crate::scene::{NO_VARIABLES, S, builder, long};

struct Scene {
    log: Log,
    clock: ManualClock,
    store: MemoryStore,
}

impl Scene {
    fn new() -> Self {
        let clock = ManualClock::new();
        Self {
            log: Log::default(),
            store: MemoryStore::with_clock(clock.clone()),
            clock,
        }
    }

    fn node(&self, builder: Builder, policy: Policy) -> Node {
        let builder = builder.store(self.store.clone()).clock(self.clock.clone());
        Node::build(&self.log, builder, policy)
    }

    fn plain(&self) -> Node {
        self.node(builder(), long())
    }

    /// Has one node store a value, and tells whether the other is served it.
    async fn shares(&self, one: &Node, other: &Node) -> bool {
        one.read("x", 1).await;
        one.stored(&self.store, 1).await;
        other.read("x", 2).await == 1
    }
}

#[tokio::test]
async fn two_services_never_share_a_value() {
    let scene = Scene::new();
    let other = Larder::builder("other").environment(NO_VARIABLES);
    let other = scene.node(other, long());
    assert!(!scene.shares(&scene.plain(), &other).await);
    assert!(scene.shares(&scene.plain(), &scene.plain()).await);
}

/// Fails without the identity in `Remote::key`.
#[tokio::test]
async fn two_deployments_under_one_name_never_share_a_value() {
    let scene = Scene::new();
    let (one, other) = (scene.plain(), scene.plain());
    one.larder.identify_domain("main", "a database");
    other.larder.identify_domain("main", "another database");
    assert!(!scene.shares(&one, &other).await);
    let named = scene.node(builder().deployment("staging"), long());
    assert!(!scene.shares(&scene.plain(), &named).await);
}

#[tokio::test]
async fn another_form_is_a_miss_and_a_counter() {
    let scene = Scene::new();
    let (one, other) = (scene.plain(), scene.plain());
    let other = Node {
        numbers: other.numbers.with_codec(Number { fingerprint: 2 }),
        ..other
    };
    assert!(!scene.shares(&one, &other).await);
    assert_eq!(other.unreadable(), [("schema", 1)]);
}

#[tokio::test]
async fn another_policy_is_another_form() {
    for policy in [
        Policy::ttl(5 * S),
        long().grace(S),
        long().invalidated_by("prices"),
    ] {
        let scene = Scene::new();
        let other = scene.node(builder(), policy);
        assert!(!scene.shares(&scene.plain(), &other).await);
    }
}

/// Fails without the incarnation in the envelope's check.
#[tokio::test]
async fn what_was_stored_under_another_log_is_a_miss() {
    let scene = Scene::new();
    let (one, other) = (scene.plain(), scene.plain());
    other.larder.node().set_incarnation(9);
    assert!(!scene.shares(&one, &other).await);
    assert_eq!(other.unreadable(), [("incarnation", 1)]);
}

#[tokio::test]
async fn without_the_secret_nothing_is_believed() {
    let scene = Scene::new();
    let sealed = |key| scene.node(builder().seal_key([key; 32]), long());
    assert!(scene.shares(&sealed(1), &sealed(1)).await);
    let other = sealed(2);
    assert!(!scene.shares(&sealed(1), &other).await);
    assert_eq!(other.unreadable(), [("unauthenticated", 1)]);
    let scene = Scene::new();
    let sealed = scene.node(builder().seal_key([1; 32]), long());
    assert!(!scene.shares(&scene.plain(), &sealed).await);
}

#[tokio::test]
async fn a_value_put_under_another_key_is_not_believed() {
    let scene = Scene::new();
    let (one, other) = (scene.plain(), scene.plain());
    one.read("x", 1).await;
    one.stored(&scene.store, 1).await;
    one.read("y", 2).await;
    one.stored(&scene.store, 2).await;
    let held = scene.store.dump();
    let swapped = held.iter().zip(held.iter().rev());
    for ((key, _), (_, bytes)) in swapped {
        scene.store.plant(key.clone(), bytes.clone());
    }
    assert_eq!(other.read("x", 3).await, 3);
    assert_eq!(other.unreadable(), [("key", 1)]);
}
