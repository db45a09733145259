//! Bytes that nobody should have written, and what reading them may cost.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use proptest::test_runner::{RngAlgorithm, TestRng};

use proptest::prelude::Rng;
use rustix::time::{ClockId, clock_gettime};

use crate::allocator;

/// So much may be allocated for one input.
pub(crate) const MOST_TAKEN: u64 = 4 * 1024 * 1024;

/// So long may one input take; five times that where the compiler did not optimise.
const MOST_TIME: Duration = Duration::from_millis(if cfg!(debug_assertions) { 250 } else { 50 });

/// Bytes made by chance from those of `seeds`; the seed of the chance is printed if a test fails.
pub(crate) struct Mutations {
    random: TestRng,
    seeds: Vec<Vec<u8>>,
}

impl Mutations {
    pub(crate) fn of(seeds: Vec<Vec<u8>>) -> Self {
        let given = std::env::var("LARDER_SEED").ok();
        let seed = given.and_then(|seed| seed.parse().ok());
        let seed: u64 = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        println!("LARDER_SEED={seed}");
        let bytes = [seed.to_le_bytes(); 4].concat();
        Self {
            random: TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
            seeds,
        }
    }

    /// Returns one of the seeds with a few changes, or bytes by pure chance.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let pick = self.below(self.seeds.len() + 1);
        let Some(seed) = self.seeds.get(pick) else {
            let mut bytes = vec![0; self.below(300)];
            self.random.fill_bytes(&mut bytes);
            return bytes;
        };
        let mut bytes = seed.clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return bytes.push(0);
        }
        let (place, other) = (self.below(bytes.len()), self.below(bytes.len()));
        match self.below(7) {
            0 => bytes[place] ^= 1 << self.below(8),
            1 => bytes[place] = self.random.next_u32().to_le_bytes()[0],
            2 => bytes[place] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
            3 => bytes.truncate(place),
            4 => drop(bytes.splice(place..place, [0xff; 9])),
            5 => drop(bytes.drain(place.min(other)..place.max(other))),
            _ => {
                let piece = bytes[place.min(other)..place.max(other)].to_vec();
                drop(bytes.splice(place..place, piece));
            }
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random.next_u64() % limit.max(1) as u64).unwrap()
    }
}

/// Reads `bytes`, and makes sure that it cost little memory, and little of the processor's time: a
/// machine under load may stop a thread for as long as it likes.
pub(crate) fn cheaply<T>(bytes: &[u8], read: impl FnOnce(&[u8]) -> T) -> T {
    let (taken, began) = (allocator::taken(), worked());
    let answer = read(bytes);
    let (took, taken) = (worked().saturating_sub(began), allocator::taken() - taken);
    assert!(taken <= MOST_TAKEN, "{taken} bytes for {}", shown(bytes));
    assert!(took <= MOST_TIME, "{took:?} for {}", shown(bytes));
    answer
}

/// Returns how long the processor has worked for this thread.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

fn shown(bytes: &[u8]) -> String {
    let first = &bytes[..bytes.len().min(400)];
    format!("{} bytes: {}", bytes.len(), hex(first))
}

/// Returns bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes {
        write!(digits, "{byte:02x}").unwrap();
    }
    digits
}
