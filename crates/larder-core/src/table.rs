//! The clocks of one table, and the equality shapes its entries were read by.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::change::{Image, RowChange};
use crate::dependency::{Match, match_hash, table_hash};
use crate::interleave;
use crate::name::TableName;
use crate::slots::Slots;

/// More shapes than this a table, and further ones depend on the whole table.
const MOST_SHAPES: usize = 64;

/// A table as this node knows it.
pub(crate) struct Table {
    pub(crate) name: TableName,
    /// The highest position of any change in this table.
    any: AtomicU64,
    /// The highest position of a change whose rows are not known.
    wide: AtomicU64,
    /// Committed changes of this node that are not on the bus yet.
    pending: AtomicU32,
    /// Applying a change reads the list, registering a shape writes it: they exclude each other.
    shapes: RwLock<Vec<Arc<Shape>>>,
    pub(crate) any_hash: u64,
    pub(crate) wide_hash: u64,
}

/// A set of columns that entries were picked by.
pub(crate) struct Shape {
    columns: Box<[Arc<str>]>,
    /// Trusted only for entries stamped at or after this.
    pub(crate) since: u64,
    /// The highest position of a change whose values of these columns are not known.
    pub(crate) unknown: AtomicU64,
}

impl Table {
    pub(crate) fn new(name: TableName) -> Self {
        Self {
            any: AtomicU64::new(0),
            wide: AtomicU64::new(0),
            pending: AtomicU32::new(0),
            shapes: RwLock::default(),
            any_hash: table_hash(&name, b'a'),
            wide_hash: table_hash(&name, b'w'),
            name,
        }
    }

    pub(crate) fn any(&self) -> u64 {
        self.any.load(Ordering::Acquire)
    }

    pub(crate) fn wide(&self) -> u64 {
        self.wide.load(Ordering::Acquire)
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

    pub(crate) fn apply_wide(&self, position: u64) {
        let _shapes = self.shapes.read().unwrap_or_else(PoisonError::into_inner);
        self.wide.fetch_max(position, Ordering::AcqRel);
        self.any.fetch_max(position, Ordering::AcqRel);
    }

    pub(crate) fn apply_row(&self, row: &RowChange, slots: &Slots, position: u64) {
        let shapes = self.shapes.read().unwrap_or_else(PoisonError::into_inner);
        slots.touch(row.key.hash_in(&self.name), position);
        for shape in shapes.iter() {
            for image in [&row.before, &row.after] {
                shape.apply(&self.name, image, slots, position);
            }
        }
        interleave::point("table: shapes applied");
        self.any.fetch_max(position, Ordering::AcqRel);
    }

    /// Returns the shape of `rows`, registered if it is new; `None` if there are too many.
    ///
    /// Must be called before the statement that reads by it is sent.
    pub(crate) fn shape(&self, rows: &Match, watermark: impl Fn() -> u64) -> Option<Arc<Shape>> {
        let known = |shapes: &[Arc<Shape>]| {
            shapes
                .iter()
                .find(|shape| shape.is_of(rows))
                .map(Arc::clone)
        };
        if let Some(shape) = known(&self.shapes.read().unwrap_or_else(PoisonError::into_inner)) {
            return Some(shape);
        }
        let mut shapes = self.shapes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(shape) = known(&shapes) {
            return Some(shape);
        }
        if shapes.len() >= MOST_SHAPES {
            return None;
        }
        // Changes applied so far did not touch this shape's slots.
        let since = watermark().max(self.any().saturating_add(1));
        let columns = rows
            .columns()
            .iter()
            .map(|(column, _)| Arc::clone(column))
            .collect();
        let shape = Arc::new(Shape {
            columns,
            since,
            unknown: AtomicU64::new(0),
        });
        shapes.push(Arc::clone(&shape));
        Some(shape)
    }
}

impl Shape {
    fn is_of(&self, rows: &Match) -> bool {
        self.columns
            .iter()
            .eq(rows.columns().iter().map(|(column, _)| column))
    }

    fn apply(&self, table: &TableName, image: &Image, slots: &Slots, position: u64) {
        if *image == Image::Absent {
            return;
        }
        let values: Option<Vec<_>> = self
            .columns
            .iter()
            .map(|column| Some((Arc::clone(column), image.column(column)?)))
            .collect();
        match values {
            Some(values) => slots.touch(match_hash(table, &values), position),
            None => {
                self.unknown.fetch_max(position, Ordering::AcqRel);
            }
        }
    }
}
