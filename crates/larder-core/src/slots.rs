//! A fixed array of positions, found by hash; a collision only costs a miss.

use std::sync::atomic::{AtomicU64, Ordering};

use zerocopy::FromZeros;

/// The highest position of a change that touched each dependency, by its hash.
pub(crate) struct Slots {
    positions: Box<[AtomicU64]>,
    mask: usize,
}

impl Slots {
    /// Makes at least `count` slots, a power of two.
    ///
    /// Zeroed by the system: what no change ever touches takes neither memory nor time.
    pub(crate) fn new(count: usize) -> Self {
        let count = count.next_power_of_two();
        let zeroed = <[AtomicU64]>::new_box_zeroed_with_elems(count);
        let one_by_one = |_| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            positions: zeroed.unwrap_or_else(one_by_one),
            mask: count - 1,
        }
    }

    pub(crate) fn touch(&self, hash: u64, position: u64) {
        self.slot(hash).fetch_max(position, Ordering::AcqRel);
    }

    /// Tells whether nothing with this hash was touched at or after `position`.
    pub(crate) fn untouched_since(&self, hash: u64, position: u64) -> bool {
        self.slot(hash).load(Ordering::Acquire) < position
    }

    pub(crate) fn get(&self, hash: u64) -> u64 {
        self.slot(hash).load(Ordering::Acquire)
    }

    /// Tells whether two hashes have one slot.
    pub(crate) fn share(&self, a: u64, b: u64) -> bool {
        std::ptr::eq(self.slot(a), self.slot(b))
    }

    fn slot(&self, hash: u64) -> &AtomicU64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are taken"
        )]
        let index = hash as usize & self.mask;
        &self.positions[index]
    }
}
