//! Which loads wait for which: two that wait for each other would do so for ever.
//!
//! One list for the process: a circle may run through several `Larder`s.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use smallvec::SmallVec;

use crate::flight::Flight;

/// What each load waits for, by the address of its flight.
static WAITS: Mutex<BTreeMap<usize, Vec<Arc<Flight>>>> = Mutex::new(BTreeMap::new());

/// The flights of loads, innermost first.
pub(crate) type Loads = SmallVec<[Arc<Flight>; 2]>;

/// Loads that wait for a flight, until this is dropped.
pub(crate) struct Waiting {
    loads: Loads,
    landing: Arc<Flight>,
}

impl Waiting {
    /// Notes that `loads` wait for `landing`; `None` if it waits for one of them, at however many
    /// removes.
    pub(crate) fn begin(loads: Loads, landing: &Arc<Flight>) -> Option<Self> {
        let landing = Arc::clone(landing);
        if loads.is_empty() {
            return Some(Self { loads, landing });
        }
        let mut waits = WAITS.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reached = vec![Arc::clone(&landing)];
        let mut next = 0;
        while let Some(flight) = reached.get(next).map(Arc::clone) {
            if contains(&loads, &flight) {
                return None;
            }
            for further in waits.get(&address(&flight)).into_iter().flatten() {
                if !contains(&reached, further) {
                    reached.push(Arc::clone(further));
                }
            }
            next += 1;
        }
        for load in &loads {
            waits
                .entry(address(load))
                .or_default()
                .push(Arc::clone(&landing));
        }
        drop(waits);
        Some(Self { loads, landing })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.loads.is_empty() {
            return;
        }
        let mut waits = WAITS.lock().unwrap_or_else(PoisonError::into_inner);
        for load in &self.loads {
            let key = address(load);
            let Some(landings) = waits.get_mut(&key) else {
                continue;
            };
            if let Some(index) = landings
                .iter()
                .position(|one| Arc::ptr_eq(one, &self.landing))
            {
                landings.swap_remove(index);
            }
            if landings.is_empty() {
                waits.remove(&key);
            }
        }
    }
}

fn address(flight: &Arc<Flight>) -> usize {
    Arc::as_ptr(flight).addr()
}

fn contains(flights: &[Arc<Flight>], flight: &Arc<Flight>) -> bool {
    flights.iter().any(|one| Arc::ptr_eq(one, flight))
}
