//! What the targets have in common: an input may take so long, and no longer.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// So long may the processor work for one input. LibFuzzer's own limit counts in seconds.
const MOST_TIME: Duration = Duration::from_millis(50);

/// Runs a target over an input.
///
/// # Panics
/// If it takes too long: time that others had the processor for does not count.
pub fn cheaply(data: &[u8], target: impl FnOnce(&[u8])) {
    let began = worked();
    target(data);
    let took = worked().saturating_sub(began);
    assert!(took <= MOST_TIME, "{took:?} for {} bytes", data.len());
}

fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
