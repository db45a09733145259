//! A seeded source of chance, and keys as real traffic asks for them.

/// How many keys are drawn; every contestant walks the same ones.
const SEQUENCE: usize = 1 << 20;

/// A small seeded generator (`SplitMix64`), so that a run can be repeated.
pub(crate) struct Random(u64);

impl Random {
    /// Starts at `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Returns a number in `0.0..1.0`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64")]
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a number below `bound`.
    #[expect(clippy::cast_possible_truncation, reason = "below a usize")]
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Puts the elements into an order of chance (Fisher-Yates).
    pub(crate) fn shuffle<T>(&mut self, elements: &mut [T]) {
        for last in (1..elements.len()).rev() {
            elements.swap(last, self.below(last + 1));
        }
    }
}

/// Returns a sequence over the keys `1..=keys`, Zipf-distributed with this exponent.
///
/// Which key is hot is a matter of chance: neighbours in number are not neighbours in heat.
pub(crate) fn sequence(keys: i32, exponent: f64, seed: u64) -> Vec<i32> {
    let mut random = Random::new(seed);
    let mut by_heat: Vec<i32> = (1..=keys).collect();
    random.shuffle(&mut by_heat);
    let mut sum = 0.0;
    let cumulative: Vec<f64> = (1..=keys)
        .map(|rank| {
            sum += f64::from(rank).powf(-exponent);
            sum
        })
        .collect();
    (0..SEQUENCE)
        .map(|_| {
            let target = random.share() * sum;
            let rank = cumulative.partition_point(|&upto| upto < target);
            by_heat[rank.min(by_heat.len() - 1)]
        })
        .collect()
}
