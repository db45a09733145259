//! Pseudo-random choices, the same for the same seed everywhere.

/// A generator of choices (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// Starts from a seed; neighbouring seeds have nothing in common.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `sides`.
    pub(super) fn below(&mut self, sides: usize) -> usize {
        let sides = u64::try_from(sides).expect("it fits");
        usize::try_from(self.next() % sides).expect("it fits")
    }

    /// A number of this range, both ends included.
    pub(super) fn within(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    /// True once in so many times.
    pub(super) fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    /// True as often as not.
    pub(super) fn coin(&mut self) -> bool {
        self.one_in(2)
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// One of these; the number beside each says how often.
    pub(super) fn weighed<T: Copy>(&mut self, from: &[(usize, T)]) -> T {
        let mut left = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in from {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *choice,
            }
        }
        unreachable!("the weights add up")
    }

    /// Some of these, in their order, at least `least`.
    pub(super) fn some<T: Copy>(&mut self, from: &[T], least: usize) -> Vec<T> {
        let mut wanted = self.within(least.min(from.len()), from.len());
        let mut some = Vec::with_capacity(wanted);
        for (at, item) in from.iter().enumerate() {
            if self.below(from.len() - at) < wanted {
                some.push(*item);
                wanted -= 1;
            }
        }
        some
    }
}
