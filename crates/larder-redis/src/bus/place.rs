//! Places on the log: ids of a Redis stream, and the positions they are.

use std::fmt;

use larder_core::Position;

/// The bits of a position that tell entries of one millisecond apart.
const SEQUENCE_BITS: u32 = 20;
/// The first sequence that does not fit; one less than the bits hold, so that each has a next.
const SEQUENCES: u64 = (1 << SEQUENCE_BITS) - 1;
/// The first millisecond that does not fit, in the year 2527.
const MILLIS: u64 = 1 << (u64::BITS - SEQUENCE_BITS);

/// An id of a stream: milliseconds of the server's clock, and a sequence within them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    millis: u64,
    sequence: u64,
}

impl Place {
    /// Before every entry.
    pub(crate) const ZERO: Self = Self {
        millis: 0,
        sequence: 0,
    };

    /// Reads an id as Redis writes it.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let (millis, sequence) = id.split_once('-')?;
        Some(Self {
            millis: millis.parse().ok()?,
            sequence: sequence.parse().ok()?,
        })
    }

    /// Returns the position, which orders as places do; `None` if the id was made up by hand and
    /// does not fit.
    pub(crate) fn position(self) -> Option<Position> {
        let fits = self.millis < MILLIS && self.sequence < SEQUENCES;
        fits.then(|| Position::new((self.millis << SEQUENCE_BITS) | self.sequence))
    }

    /// Returns the time at which a position was given, in milliseconds since 1970.
    pub(crate) fn millis_of(position: Position) -> u64 {
        position.get() >> SEQUENCE_BITS
    }

    pub(crate) fn millis(self) -> u64 {
        self.millis
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(id: &str) -> Option<Position> {
        Place::parse(id).unwrap().position()
    }

    #[test]
    fn positions_are_in_the_order_of_ids() {
        let ids = [
            "0-1",
            "0-1048574",
            "1-0",
            "1764530000000-0",
            "1764530000000-7",
            "1764530000001-0",
        ];
        let positions: Vec<_> = ids.iter().map(|id| position(id).unwrap()).collect();
        assert!(positions.is_sorted(), "{positions:?}");
        let next: Vec<_> = positions
            .windows(2)
            .map(|pair| pair[0].next() <= pair[1])
            .collect();
        assert!(
            next.iter().all(|fits| *fits),
            "the place behind one is not behind the next"
        );
    }

    #[test]
    fn ids_that_do_not_fit_are_no_positions() {
        assert_eq!(position("17592186044416-0"), None);
        assert_eq!(position("1-1048575"), None);
        assert_eq!(position("18446744073709551615-18446744073709551615"), None);
        assert_eq!(Place::parse("7"), None);
        assert_eq!(Place::parse("a-b"), None);
    }

    #[test]
    fn an_id_is_written_as_it_was_read() {
        for id in ["0-0", "1764530000000-12"] {
            assert_eq!(Place::parse(id).unwrap().to_string(), id);
        }
    }
}
