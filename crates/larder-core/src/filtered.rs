//! Rows picked by equalities and a filter: a second look at what a change touched.
//!
//! A change touches whatever matches the equalities, in slots that others may share. An entry that was touched looks at
//! the changes remembered since its position, and is unconcerned if none of them is of rows that its filter lets
//! through. If one of them may be forgotten it is not.
//!
//! A change is remembered before it touches anything: who finds a slot touched finds the change too.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::change::{Image, What};
use crate::dependency::Match;
use crate::filter::Filter;
use crate::name::TableName;
use crate::spot::Spot;
use crate::table::{ShapeClock, Table};

/// Rows of a table, picked by equalities and a filter.
pub(crate) struct Filtered {
    pub(crate) clock: Arc<ShapeClock>,
    /// What tells it from others of its table.
    pub(crate) identity: u64,
    /// The slots of the values of all equalities, and of some of them.
    slots: SmallVec<[u64; 1]>,
    values: SmallVec<[u64; 2]>,
    filter: Arc<Filter>,
}

impl Filtered {
    /// Makes one of a match that has a filter.
    pub(crate) fn new(rows: &Match, table: &TableName, clock: Arc<ShapeClock>) -> Self {
        let mut hasher = DefaultHasher::new();
        rows.hash(&mut hasher);
        Self {
            clock,
            identity: hasher.finish(),
            slots: std::iter::once(rows.hash_in(table))
                .chain(rows.parts_in(table))
                .collect(),
            values: rows.values().iter().copied().collect(),
            filter: rows.filter().map(Arc::clone).unwrap_or_default(),
        }
    }

    /// Returns the slots of the values of all equalities, which come first, and of some of them.
    pub(crate) fn slots(&self) -> &[u64] {
        &self.slots
    }

    /// Tells whether `holds` of every spot where a change of its rows is left.
    pub(crate) fn every_spot<'a>(&'a self, holds: &mut impl FnMut(Spot<'a>) -> bool) -> bool {
        holds(Spot::Unknown(&self.clock)) && self.slots.iter().all(|hash| holds(Spot::Slot(*hash)))
    }

    /// Tells whether every change of `table` at or after `position` is remembered, and concerns none of its rows.
    pub(crate) fn is_unconcerned_since(&self, position: u64, table: &Table) -> bool {
        let since = table.recent.since(position);
        let concerns = |what: &What| self.is_concerned(what);
        let hard = |past: &&Arc<crate::recent::PastChange>| !past.change.is_soft();
        !since.incomplete
            && !since
                .changes
                .iter()
                .filter(hard)
                .any(|past| concerns(past.change.what()))
    }

    /// Tells whether a change of its table may be one of its rows.
    pub(crate) fn is_concerned(&self, what: &What) -> bool {
        let (images, before, after) = match what {
            What::Row(row) => (self.clock.images_of_row(row), &row.before, &row.after),
            What::Rows(rows) => (self.clock.images_of_rows(rows), &rows.before, &rows.after),
            _ => return true,
        };
        if self.filter.is_of_existing() && [before, after].contains(&&Image::Absent) {
            return false;
        }
        let mut images = images.into_iter();
        images.any(|(side, image)| self.matches(image) && self.filter.admits(side, image))
    }

    fn matches(&self, image: &Image) -> bool {
        let mut equalities = self.clock.shape.equalities().iter().zip(&self.values);
        equalities.all(|(column, value)| image.value(column).is_none_or(|own| own == *value))
    }

    /// Returns roughly the heap bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.filter.weight()
    }
}
