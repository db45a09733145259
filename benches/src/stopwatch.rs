//! The processor time of this thread: what other programs take does not count.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Tells how much processor time has gone by since it was started.
///
/// Every contestant does all its work on the thread that measures: the runtime has no other.
pub(crate) struct Stopwatch(Duration);

impl Stopwatch {
    /// Starts at zero.
    pub(crate) fn start() -> Self {
        Self(now())
    }

    /// Returns the processor time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        now().saturating_sub(self.0)
    }
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("processor time is not negative")
}
