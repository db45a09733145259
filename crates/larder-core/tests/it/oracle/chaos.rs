//! Chance, from a seed, and the trouble it makes.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

use larder_core::bus::BoxFuture;
use larder_core::{Bus, BusError, Change, LocalBus, Node, Position};
use tokio::task::yield_now;

/// A sequence of random numbers (xorshift64*).
#[derive(Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }

    /// True once in `of` times.
    pub(crate) fn once_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    /// Yields a few times, or not at all.
    pub(crate) async fn dawdle(&mut self) {
        for _ in 0..self.below(4) {
            yield_now().await;
        }
    }
}

/// Polls `future` to its end, or drops it after so many polls.
pub(crate) async fn unless_cancelled<F: Future>(
    polls: Option<u64>,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(move |context| {
        if let Some(left) = &mut left {
            if *left == 0 {
                return Poll::Ready(None);
            }
            *left -= 1;
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// A bus in this process that dawdles, and fails before or after it has taken a change.
#[derive(Clone)]
pub(crate) struct ChaoticBus {
    inner: LocalBus,
    seed: Arc<AtomicU64>,
    pub(crate) calm: Arc<AtomicBool>,
}

impl ChaoticBus {
    pub(crate) fn new(seed: u64) -> Self {
        let seed = Arc::new(AtomicU64::new(seed));
        Self {
            inner: LocalBus::new(),
            seed,
            calm: Arc::default(),
        }
    }
}

impl fmt::Debug for ChaoticBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChaoticBus")
    }
}

impl Bus for ChaoticBus {
    fn attach(&self, node: &Arc<Node>) {
        self.inner.attach(node);
    }

    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async move {
            if self.calm.load(Ordering::SeqCst) {
                return self.inner.publish(changes).await;
            }
            let mut chance = Chance::new(self.seed.fetch_add(1, Ordering::SeqCst));
            chance.dawdle().await;
            if chance.once_in(30) {
                return Err(BusError::new("not taken"));
            }
            let position = self.inner.publish(changes).await?;
            chance.dawdle().await;
            if chance.once_in(30) {
                return Err(BusError::new("the answer is lost"));
            }
            Ok(position)
        })
    }
}
