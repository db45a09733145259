//! Times of the three connections, all made of the remote timeout.
//!
//! The figures for 25 ms were measured fault by fault; a slower network scales them.

use std::time::Duration;

use fred::types::config::ReconnectPolicy;

/// How long core waits before it publishes again what a bus did not take.
const PUBLISHED_AGAIN: Duration = Duration::from_millis(100);
/// How long the server holds back the answer to a read of the log that finds nothing.
pub(crate) const BLOCK: Duration = Duration::from_millis(100);
/// Nothing was answered for so long: a new client takes over.
pub(crate) const REPLACE_AFTER: Duration = Duration::from_secs(5);

/// The times of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Tuning {
    /// A call fails after this.
    pub(crate) timeout: Duration,
    /// A call for which nobody waits fails after this.
    pub(crate) patience: Duration,
    /// So many failures in a row, and nothing is asked for a while.
    pub(crate) failures: u32,
    /// A TCP or TLS connection must stand within this, and greet within this.
    pub(crate) connect: Duration,
    /// A connection on which nothing is answered for this long is dropped.
    pub(crate) unresponsive: Duration,
    /// Shortest and longest pause between attempts to connect.
    pub(crate) pauses: (Duration, Duration),
}

impl Tuning {
    /// The connection for values.
    pub(crate) fn values(timeout: Duration) -> Self {
        Self {
            timeout,
            patience: timeout,
            failures: 5,
            connect: at_least(500, timeout * 10),
            unresponsive: at_least(300, timeout * 4),
            pauses: (Duration::from_millis(20), Duration::from_millis(500)),
        }
    }

    /// The connection that publishes: back soon, because others wait for what is queued.
    pub(crate) fn publisher(timeout: Duration) -> Self {
        let unresponsive = at_least(200, timeout * 4);
        Self {
            timeout,
            // As long as readers are patient: what they are told late, they must be told.
            patience: unresponsive,
            // A connection that died unnoticed is found dead only in the silence that follows.
            failures: 3,
            connect: at_least(300, timeout * 6),
            unresponsive,
            pauses: (Duration::from_millis(20), Duration::from_millis(20)),
        }
    }

    /// The connection that reads the log: no more patient than the one that publishes.
    ///
    /// A server that answers readers, and publishers too late, would be vouched for while nothing is published.
    pub(crate) fn reader(timeout: Duration) -> Self {
        let publisher = Self::publisher(timeout);
        Self {
            timeout: BLOCK + publisher.patience,
            ..publisher
        }
    }

    /// Returns how long nothing is asked after failures.
    ///
    /// Longer than `unresponsive`: a connection counts as that only while nothing is sent on it.
    pub(crate) fn silence(&self) -> Duration {
        self.unresponsive * 3 / 2
    }

    pub(crate) fn policy(&self) -> ReconnectPolicy {
        let millis = |pause: Duration| u32::try_from(pause.as_millis()).unwrap_or(u32::MAX);
        ReconnectPolicy::Exponential {
            attempts: 0,
            max_attempts: 0,
            min_delay: millis(self.pauses.0),
            max_delay: millis(self.pauses.1),
            base: 2,
            jitter: 20,
        }
    }
}

/// Returns within which time of Redis being back a node has published what it had queued.
///
/// An attempt to connect that was under way is lost, the next one stands, and core tries again.
pub(crate) fn drained_within(timeout: Duration) -> Duration {
    let publisher = Tuning::publisher(timeout);
    publisher.connect * 2 + publisher.pauses.1 * 2 + PUBLISHED_AGAIN + timeout
}

fn at_least(millis: u64, duration: Duration) -> Duration {
    duration.max(Duration::from_millis(millis))
}
