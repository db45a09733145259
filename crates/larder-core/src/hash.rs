//! The two hashes: one that is the same in every process, one that is not.

use std::hash::{BuildHasher, Hasher, RandomState};

use rapidhash::v3::{RapidSecrets, rapidhash_v3, rapidhash_v3_seeded};

/// Hashes `bytes` the same way in every process and version.
///
/// Shares of keys and dependencies use it. Someone who forges collisions gains misses, nothing else.
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    rapidhash_v3(bytes)
}

/// The hash of NULL, in every column.
pub const NULL_HASH: u64 = mixed(i64::MIN);

/// Hashes a number so that it can be told from its hash; `None` for the least one, whose hash is that of NULL.
pub fn hash_number(number: i64) -> Option<u64> {
    (number != i64::MIN).then(|| mixed(number))
}

/// Returns the number of a hash of [`hash_number`].
pub(crate) fn number_of(hash: u64) -> i64 {
    let mut bits = hash;
    bits = (bits ^ (bits >> 31) ^ (bits >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    bits = (bits ^ (bits >> 27) ^ (bits >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    (bits ^ (bits >> 30) ^ (bits >> 60)).cast_signed()
}

/// Mixes the bits of a number: each has its own hash (the last steps of splitmix64).
const fn mixed(number: i64) -> u64 {
    let mut bits = number.cast_unsigned();
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Hashes keys of the local tier, seeded anew in each process.
#[derive(Clone)]
pub(crate) struct KeyHasher(RapidSecrets);

impl KeyHasher {
    pub(crate) fn new() -> Self {
        let seed = RandomState::new().build_hasher().finish();
        Self(RapidSecrets::seed(seed))
    }

    /// Hashes a key within what `space` (a region under a scope) already hashed to.
    #[inline]
    pub(crate) fn hash(&self, space: u64, key: &[u8]) -> u64 {
        let product = u128::from(rapidhash_v3_seeded(key, &self.0) ^ space)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves are folded")]
        {
            (product >> 64) as u64 ^ product as u64
        }
    }

    pub(crate) fn space(&self, region: u32, scope: &[u8]) -> u64 {
        rapidhash_v3_seeded(scope, &self.0) ^ rapidhash_v3_seeded(&region.to_le_bytes(), &self.0)
    }
}

/// Hands a finished hash on to a map.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PassThrough(u64);

impl Hasher for PassThrough {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 ^= hash;
    }
}

/// Builds [`PassThrough`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BuildPassThrough;

impl BuildHasher for BuildPassThrough {
    type Hasher = PassThrough;

    fn build_hasher(&self) -> PassThrough {
        PassThrough::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_from_its_hash() {
        let numbers = (0..64).flat_map(|bit| {
            [
                1_i64 << bit,
                (-1_i64) << bit,
                (1_i64 << bit).wrapping_sub(1),
            ]
        });
        for number in numbers.chain([i64::MIN, i64::MAX, 0, -1]) {
            match hash_number(number) {
                Some(hash) => assert_eq!(number_of(hash), number),
                None => assert_eq!(number, i64::MIN, "NULL has the hash of this one"),
            }
        }
        assert_eq!(number_of(NULL_HASH), i64::MIN);
    }
}
