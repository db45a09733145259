//! Places in the order of changes.

use std::fmt;

use crate::clock::Moment;

/// A place in the order of all changes of a bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Before every change.
    pub const ZERO: Self = Self(0);

    /// Takes a position from its number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number of this position.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the place right behind this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a load remembers from before its first statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The watermark: every change below it is visible to the statements that follow.
    pub position: Position,
    /// When the stamp was taken, on this node's clock.
    pub as_of: Moment,
    /// Which log the position belongs to.
    pub incarnation: u64,
}
