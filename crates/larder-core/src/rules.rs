//! The rules of the protocol, each with the test that fails without it.
//!
//! Each test says which line was removed or changed once to see it fail.

mod load;
mod log;
mod order;
mod own;
mod pending;
mod served;
mod shapes;
mod valid;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::bus::BoxFuture;
use crate::change::Change;
use crate::clock::Clock as _;
use crate::dependency::{Dependency, Match};
use crate::entry::{Entry, Validity};
use crate::error::BusError;
use crate::lead::Lead;
use crate::name::TableName;
use crate::node::Node;
use crate::policy::Policy;
use crate::position::Position;
use crate::{Bus, Key, Larder, LocalBus, Region};

const S: Duration = Duration::from_secs(1);

fn larder() -> Larder {
    Larder::builder("rules")
        .environment([("", "")])
        .build()
        .unwrap()
}

fn region(larder: &Larder) -> Region<u64> {
    larder.region("numbers", Policy::ttl(60 * S)).unwrap()
}

fn table() -> TableName {
    TableName::new("main", "article")
}

fn row(key: i64) -> Dependency {
    Dependency::row(&table(), key)
}

fn by_author(author: u64) -> Dependency {
    Dependency::Match(table(), Match::new([("author".into(), author)]))
}

/// Makes an entry of `dependencies` through a whole load and returns it from the local tier.
fn keep(region: &Region<u64>, key: &str, dependencies: &[Dependency]) -> Arc<Entry> {
    let key = Key::from(key);
    let lead = Lead::begin(region, &key, None, None);
    lead.scope()
        .read(region.larder.node(), region.larder.stamp(), dependencies);
    let lifetime = region.lifetime_of(true);
    lead.finish(Some(Arc::new(1)), lifetime).kept.unwrap();
    region.larder.local().get(&region.probe(&key)).unwrap()
}

fn validity(region: &Region<u64>, entry: &Entry) -> Validity {
    entry.validity(region.larder.node())
}

/// A bus that takes changes only when it is let, as one over a network does.
#[derive(Clone, Debug, Default)]
struct SlowBus(Arc<Slow>);

#[derive(Debug, Default)]
struct Slow {
    inner: LocalBus,
    let_through: Notify,
    failures: AtomicU64,
    hold_answers: AtomicBool,
}

impl Bus for SlowBus {
    fn attach(&self, node: &Arc<Node>) {
        self.0.inner.attach(node);
    }

    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async move {
            self.0.let_through.notified().await;
            if self.0.failures.load(Ordering::Relaxed) > 0 {
                self.0.failures.fetch_sub(1, Ordering::Relaxed);
                return Err(BusError::new("no answer"));
            }
            let published = self.0.inner.publish(changes).await;
            if self.0.hold_answers.load(Ordering::Relaxed) {
                self.0.let_through.notified().await;
            }
            published
        })
    }
}

/// Polls a future once.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

/// Lets other tasks run until `done`, for ten seconds at most.
async fn until(mut done: impl FnMut() -> bool) {
    let clock = crate::SystemClock::new();
    let deadline = clock.now().after(10 * S);
    while !done() {
        assert!(
            clock.now() < deadline,
            "it did not come about in ten seconds"
        );
        tokio::task::yield_now().await;
    }
}
