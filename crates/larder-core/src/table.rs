//! The clocks of one table, and the equality shapes its entries were read by.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use smallvec::SmallVec;

use crate::change::{Image, RowChange, RowsChange, What};
use crate::dependency::{MOST_PARTS, match_hash, member_hash, part_hash, table_hash};
use crate::filter::Side;
use crate::interleave;
use crate::name::TableName;
use crate::node::Node;
use crate::recent::Recent;
use crate::shape::{Columns, Shape};
use crate::spot::Spot;

/// More shapes than this a table, and further ones depend on the whole table.
const MOST_SHAPES: usize = 128;

/// So many changes of a table are remembered, for explanations.
const RECENT: usize = 64;

/// A table as this node knows it.
pub(crate) struct Table {
    pub(crate) name: TableName,
    /// The highest position of any change in this table.
    pub(crate) any: AtomicU64,
    /// The highest position of a change whose rows are not known.
    pub(crate) wide: AtomicU64,
    /// The highest position of a change of rows whose keys are not known.
    pub(crate) keyless: AtomicU64,
    /// Committed changes of this node that are not on the bus yet.
    pending: AtomicU32,
    /// Applying a change reads the list, registering a shape writes it: they exclude each other.
    shapes: RwLock<Vec<Arc<ShapeClock>>>,
    pub(crate) any_hash: u64,
    pub(crate) wide_hash: u64,
    pub(crate) recent: Recent,
}

/// A shape that entries of this table were read by.
pub(crate) struct ShapeClock {
    pub(crate) shape: Arc<Shape>,
    /// Trusted only for entries stamped at or after this.
    pub(crate) since: u64,
    /// The highest position of a change whose values of the equalities' columns are not known.
    pub(crate) unknown: AtomicU64,
}

impl Table {
    pub(crate) fn new(name: TableName) -> Self {
        Self {
            any: AtomicU64::new(0),
            wide: AtomicU64::new(0),
            keyless: AtomicU64::new(0),
            pending: AtomicU32::new(0),
            shapes: RwLock::default(),
            any_hash: table_hash(&name, b'a'),
            wide_hash: table_hash(&name, b'w'),
            recent: Recent::new(RECENT),
            name,
        }
    }

    pub(crate) fn any(&self) -> u64 {
        self.any.load(Ordering::Acquire)
    }

    pub(crate) fn wide(&self) -> u64 {
        self.wide.load(Ordering::Acquire)
    }

    pub(crate) fn keyless(&self) -> u64 {
        self.keyless.load(Ordering::Acquire)
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire) > 0
    }

    pub(crate) fn mark_pending(&self) {
        self.pending.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn unmark_pending(&self) {
        self.pending.fetch_sub(1, Ordering::AcqRel);
    }

    /// Applies a change of this table.
    pub(crate) fn apply(&self, what: &What, node: &Node, position: u64) {
        let shapes = self.shapes.read().unwrap_or_else(PoisonError::into_inner);
        let shapes = shapes.iter().map(|shape| &**shape);
        self.spots(what, shapes, &mut |spot| spot.raise(node, position));
    }

    /// Calls `at` with each spot where a change of this table leaves its position, the last one
    /// last; of shapes, with those of `shapes`.
    pub(crate) fn spots<'a>(
        &'a self,
        what: &What,
        shapes: impl Iterator<Item = &'a ShapeClock>,
        at: &mut impl FnMut(Spot<'a>),
    ) {
        match what {
            What::Row(row) => {
                let hash = row.key.hash_in(&self.name);
                at(Spot::Slot(hash));
                shapes.for_each(|shape| shape.spots_of_row(&self.name, row, hash, at));
                interleave::point("table: shapes applied");
            }
            What::Rows(rows) => {
                shapes.for_each(|shape| shape.spots_of_rows(&self.name, rows, at));
                interleave::point("table: shapes applied");
                at(Spot::Keyless(self));
            }
            What::Table(_) => at(Spot::Wide(self)),
            What::Tag(_) | What::Key(..) | What::Everything => return,
        }
        at(Spot::Any(self));
    }

    /// Returns the clock of a shape, registered if it is new; `None` if there are too many.
    ///
    /// Must be called before the statement that reads by it is sent.
    pub(crate) fn clock(
        &self,
        shape: &Arc<Shape>,
        watermark: impl Fn() -> u64,
    ) -> Option<Arc<ShapeClock>> {
        let known = |clocks: &[Arc<ShapeClock>]| {
            clocks
                .iter()
                .find(|clock| clock.is_of(shape))
                .map(Arc::clone)
        };
        if let Some(clock) = known(&self.shapes.read().unwrap_or_else(PoisonError::into_inner)) {
            return Some(clock);
        }
        let mut clocks = self.shapes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(clock) = known(&clocks) {
            return Some(clock);
        }
        if clocks.len() >= MOST_SHAPES {
            return None;
        }
        let clock = Arc::new(ShapeClock {
            shape: Arc::clone(shape),
            // Changes applied so far did not touch this shape's slots.
            since: watermark().max(self.any().saturating_add(1)),
            unknown: AtomicU64::new(0),
        });
        clocks.push(Arc::clone(&clock));
        Some(clock)
    }
}

/// Images that concern a query if they match it, and whether each was before the change or is after it.
pub(crate) type Concerned<'r> = SmallVec<[(Side, &'r Image); 2]>;

impl ShapeClock {
    fn is_of(&self, shape: &Arc<Shape>) -> bool {
        Arc::ptr_eq(&self.shape, shape)
            || (self.shape.hash() == shape.hash() && self.shape == *shape)
    }

    fn spots_of_row<'a>(
        &'a self,
        table: &TableName,
        row: &RowChange,
        hash: u64,
        at: &mut impl FnMut(Spot<'a>),
    ) {
        if updated(&row.columns, &row.before, &row.after) && !self.shape.uses().meets(&row.columns)
        {
            return;
        }
        if self.shape.entering().is_some() {
            at(Spot::Slot(member_hash(hash, &self.shape)));
        }
        for (_, image) in self.images_of_row(row) {
            self.spot_of(table, image, at);
        }
    }

    /// The spots of a change of rows of which none can be told to be a member.
    fn spots_of_rows<'a>(
        &'a self,
        table: &TableName,
        rows: &RowsChange,
        at: &mut impl FnMut(Spot<'a>),
    ) {
        for (_, image) in self.images_of_rows(rows) {
            self.spot_of(table, image, at);
        }
    }

    /// Returns those of a row's images that concern a query of this shape if they match it.
    pub(crate) fn images_of_row<'r>(&self, row: &'r RowChange) -> Concerned<'r> {
        let updated = updated(&row.columns, &row.before, &row.after);
        if updated && !self.shape.uses().meets(&row.columns) {
            return Concerned::new();
        }
        let before = (Side::Before, &row.before);
        let after = (Side::After, &row.after);
        match self.shape.entering() {
            None => there([before, after]),
            Some(entering) if !updated || entering.meets(&row.columns) => there([after]),
            Some(_) => Concerned::new(),
        }
    }

    /// The same of rows of which none can be told to be a member.
    pub(crate) fn images_of_rows<'r>(&self, rows: &'r RowsChange) -> Concerned<'r> {
        let updated = updated(&rows.columns, &rows.before, &rows.after);
        if updated && !self.shape.uses().meets(&rows.columns) {
            return Concerned::new();
        }
        let before = (Side::Before, &rows.before);
        let after = (Side::After, &rows.after);
        there([before, after])
    }

    fn spot_of<'a>(&'a self, table: &TableName, image: &Image, at: &mut impl FnMut(Spot<'a>)) {
        let equalities = self.shape.equalities();
        let values: SmallVec<[Option<u64>; 4]> = equalities
            .iter()
            .map(|column| image.value(column))
            .collect();
        let known = || values.iter().filter_map(|value| *value);
        let count = known().count();
        at(if count == equalities.len() {
            let values: SmallVec<[u64; 4]> = known().collect();
            Spot::Slot(match_hash(table, &self.shape, &values))
        } else if count > 0 && equalities.len() <= MOST_PARTS {
            let bit = |(place, value): (usize, &Option<u64>)| u8::from(value.is_some()) << place;
            let mask = values.iter().enumerate().map(bit).sum();
            Spot::Slot(part_hash(table, &self.shape, mask, known()))
        } else {
            Spot::Unknown(self)
        });
    }
}

/// Tells whether a change is certainly one of rows that were there before and are there after.
fn updated(columns: &Columns, before: &Image, after: &Image) -> bool {
    *columns != Columns::All && *before != Image::Absent && *after != Image::Absent
}

/// Leaves out images of no row.
fn there<const N: usize>(images: [(Side, &Image); N]) -> Concerned<'_> {
    let is_there = |(_, image): &(Side, &Image)| **image != Image::Absent;
    images.into_iter().filter(is_there).collect()
}
