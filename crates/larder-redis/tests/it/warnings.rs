//! What is told to the log: one warning a change of state, and nothing else.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;

use larder_core::{Store as _, StoreHealth, StoreKey};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::node::Node;
use crate::server::{Server, eventually};

thread_local! {
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Remembers the events of this thread, in words.
///
/// One subscriber for all threads: what a thread without one meets first is never told to those that have.
struct Listener;

/// What the threads say of which somebody listens.
struct Threads;

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Threads {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("larder_redis")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        HEARD.with_borrow_mut(|heard| {
            if let Some(heard) = heard {
                heard.push(words.0);
            }
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Listener {
    /// Listens to this thread.
    fn begin() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(Threads).unwrap());
        HEARD.set(Some(Vec::new()));
        Self
    }

    /// Takes what was heard since the last time.
    #[expect(
        clippy::unused_self,
        reason = "only one who listens has heard anything"
    )]
    fn heard(&self) -> Vec<String> {
        HEARD.replace(Some(Vec::new())).unwrap_or_default()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        HEARD.set(None);
    }
}

/// Asserts that each of these was said once, in any order, and no more.
fn assert_said(heard: &[String], wanted: &[&str]) {
    for words in wanted {
        let times = heard.iter().filter(|line| line.contains(words)).count();
        assert_eq!(times, 1, "`{words}` in {heard:#?}");
    }
    assert_eq!(heard.len(), wanted.len(), "{heard:#?}");
}

#[tokio::test]
async fn each_change_of_state_is_warned_of_once() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let listener = Listener::begin();
    let node = Node::heard(server.url()).await;
    let store = node.redis.store();
    eventually("the store is up", || store.health() == StoreHealth::Up).await;
    let begins = [
        "connection=\"values\"",
        "connection=\"bus\"",
        "the bus answers",
    ];
    assert_said(&listener.heard(), &begins);

    assert_eq!(node.bus().gaps, 0);
    server.kill();
    let clock = node.larder.clock();
    let began = clock.now();
    // Callers and writers all the while, of whom nobody is to fill the log.
    while clock.now().since(began) < std::time::Duration::from_secs(2) {
        let _ = store.get(&[StoreKey::new("shop.prices", [1; 32])]).await;
        node.write(7).await;
        tokio::task::yield_now().await;
    }
    let silent = [
        "Redis does not answer: it is left alone until a probe is answered connection=\"values\"",
        "Redis does not answer: it is left alone until a probe is answered connection=\"bus\"",
        "the bus is silent",
    ];
    assert_said(&listener.heard(), &silent);

    server.restart();
    eventually("the gap is noticed", || node.bus().gaps == 1).await;
    node.until_heard().await;
    eventually("the store is up", || store.health() == StoreHealth::Up).await;
    let again = [
        "Redis answers connection=\"values\"",
        "Redis answers connection=\"bus\"",
        "changes may have been missed",
        "the bus answers",
    ];
    assert_said(&listener.heard(), &again);
}

#[tokio::test]
async fn that_redis_is_not_there_at_the_start_is_said_once() {
    let Some(mut server) = Server::start() else {
        return;
    };
    server.kill();
    let listener = Listener::begin();
    let node = Node::start(server.url());
    let clock = node.larder.clock();
    let began = clock.now();
    eventually("three seconds have passed", || {
        clock.now().since(began) > std::time::Duration::from_secs(3)
    })
    .await;
    let said = [
        "the service goes on without it connection=\"values\"",
        "the service goes on without it connection=\"bus\"",
    ];
    assert_said(&listener.heard(), &said);
}
