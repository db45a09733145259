//! The two hashes: one that is the same in every process, one that is not.

use std::hash::{BuildHasher, Hasher, RandomState};

use rapidhash::v3::{RapidSecrets, rapidhash_v3, rapidhash_v3_seeded};

/// Hashes `bytes` the same way in every process and version.
///
/// Shares of keys and dependencies use it. Someone who forges collisions gains misses, nothing else.
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    rapidhash_v3(bytes)
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
