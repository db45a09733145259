//! Time: the only place Larder takes it from.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

/// A point on the clock's monotonic time line, in nanoseconds since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The beginning of time; also "never seen".
    pub const ZERO: Self = Self(0);
    /// The end of time; also "for ever".
    pub const MAX: Self = Self(u64::MAX);

    /// Takes a moment from nanoseconds since the clock's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the clock's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns this moment plus `duration`, at most [`Moment::MAX`].
    #[must_use]
    #[inline]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// Returns this moment minus `duration`, at least [`Moment::ZERO`].
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }

    /// Returns the time from `earlier` to this moment, zero if `earlier` is later.
    #[inline]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Returns a duration in nanoseconds, at most what fits. In 64 bits throughout: this is on every hit.
#[inline]
fn nanos(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(duration.subsec_nanos().into())
}

/// A future that ends when a clock's time has come.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time; a test's clock stands still until it is moved.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the monotonic time. Called once a hit, so it should be cheap.
    fn now(&self) -> Moment;

    /// Returns the wall clock's time, for what is shown to others.
    fn wall(&self) -> SystemTime;

    /// Returns a future that ends once `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The machine's clock; sleeping needs a Tokio runtime with time enabled.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts a clock.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        // One nanosecond in, so that `Moment::ZERO` stays "never".
        Moment::ZERO
            .after(self.start.elapsed())
            .after(Duration::from_nanos(1))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}
