//! What a bus did, counted.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use larder_core::{Clock as _, Moment, SystemClock};

use crate::counters::get;
use crate::statistics::{BusSnapshot, ConnectionSnapshot};

#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) published: AtomicU64,
    pub(crate) unpublished: AtomicU64,
    pub(crate) foreign: AtomicU64,
    pub(crate) own: AtomicU64,
    pub(crate) polls: AtomicU64,
    pub(crate) missed: AtomicU64,
    pub(crate) connects: AtomicU64,
    pub(crate) gaps: AtomicU64,
    pub(crate) windows: AtomicU64,
    pub(crate) recovering: AtomicBool,
    lag_millis: AtomicU64,
    heard: AtomicU64,
    contact: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl Figures {
    pub(crate) fn lag(&self, lag: Duration) {
        let millis = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        self.lag_millis.store(millis, Ordering::Relaxed);
    }

    /// A read sent at `sent` was answered; and counts, or does not.
    pub(crate) fn answered(&self, sent: Moment, counts: bool) {
        self.contact.fetch_max(sent.as_nanos(), Ordering::Relaxed);
        if counts {
            self.heard.fetch_max(sent.as_nanos(), Ordering::Relaxed);
        }
    }

    pub(crate) fn note_error(&self, error: &impl ToString) {
        let mut last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = Some(error.to_string());
    }

    pub(crate) fn last_error(&self) -> Option<String> {
        let last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    pub(crate) fn read(
        &self,
        publisher: ConnectionSnapshot,
        adopted: bool,
        clock: &SystemClock,
    ) -> BusSnapshot {
        let ago = |moment: &AtomicU64| {
            let moment = Moment::from_nanos(get(moment));
            (moment != Moment::ZERO).then(|| clock.now().since(moment))
        };
        BusSnapshot {
            publisher,
            adopted,
            heard: ago(&self.heard),
            contact: ago(&self.contact),
            recovering: self.recovering.load(Ordering::Relaxed),
            lag: Duration::from_millis(get(&self.lag_millis)),
            published: get(&self.published),
            unpublished: get(&self.unpublished),
            foreign: get(&self.foreign),
            own: get(&self.own),
            polls: get(&self.polls),
            missed: get(&self.missed),
            connects: get(&self.connects),
            gaps: get(&self.gaps),
            windows: get(&self.windows),
            last_error: self.last_error(),
        }
    }
}
