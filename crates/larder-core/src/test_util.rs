//! What a service needs to test itself: a clock that stands still until it is moved.

mod faulty_store;
mod memory_store;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

pub use self::faulty_store::{FaultyStore, StoreFault};
pub use self::memory_store::MemoryStore;
use crate::clock::{Clock, Moment, Sleep};

/// A clock that a test moves; clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    now: Mutex<Moment>,
    moved: Notify,
}

impl Default for Hands {
    fn default() -> Self {
        // Not at zero, which is "never".
        Self {
            now: Mutex::new(Moment::from_nanos(1_000_000_000)),
            moved: Notify::new(),
        }
    }
}

impl ManualClock {
    /// Makes a clock that stands still.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock, and wakes who sleeps until then.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.after(by);
        drop(now);
        self.0.moved.notify_waiters();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        *self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.now().as_nanos())
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let (clock, until) = (self.clone(), self.now().after(duration));
        Box::pin(async move {
            loop {
                let mut moved = std::pin::pin!(clock.0.moved.notified());
                moved.as_mut().enable();
                if clock.now() >= until {
                    return;
                }
                moved.await;
            }
        })
    }
}
