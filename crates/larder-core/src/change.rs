//! One thing that changed.

use std::fmt;
use std::sync::Arc;

use crate::key::Key;
use crate::name::{RowKey, TableName};
use crate::scope::Scope;
use crate::shape::Columns;

/// A change of data, as it travels on the bus. What it does not know makes it wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub(crate) what: What,
    pub(crate) soft: bool,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// One row was inserted, updated or deleted.
    Row(RowChange),
    /// Rows of a table that are known by what they have in common only.
    Rows(RowsChange),
    /// Rows of a table, it is not known which.
    Table(TableName),
    /// A tag.
    Tag(Arc<str>),
    /// An entry: region, scope and key.
    Key(Arc<str>, Scope, Key),
    /// Everything.
    Everything,
}

impl What {
    /// Returns the table it is in, if it is in one.
    pub(crate) fn table(&self) -> Option<&TableName> {
        match self {
            Self::Row(row) => Some(&row.table),
            Self::Rows(rows) => Some(&rows.table),
            Self::Table(table) => Some(table),
            Self::Tag(_) | Self::Key(..) | Self::Everything => None,
        }
    }
}

/// The change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// The table.
    pub table: TableName,
    /// The row's primary key.
    pub key: RowKey,
    /// The columns that may have changed, if the row was there before and is there after.
    pub columns: Columns,
    /// The row before the change.
    pub before: Image,
    /// The row after the change.
    pub after: Image,
}

/// The change of rows whose keys are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowsChange {
    /// The table.
    pub table: TableName,
    /// The columns that may have changed, if the rows were there before and are there after.
    pub columns: Columns,
    /// What every one of the rows was before the change.
    pub before: Image,
    /// What every one of the rows is after the change.
    pub after: Image,
}

/// A row before or after a change: hashes of canonical values by column.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Image {
    /// Nothing is known: it may have matched anything.
    #[default]
    Unknown,
    /// There was no such row (before an insert, after a delete).
    Absent,
    /// These columns are known; one that is missing may have held anything.
    Known(Arc<[(Arc<str>, u64)]>),
}

impl Image {
    /// Returns the hash of `column`'s value, if it is known.
    pub fn value(&self, column: &str) -> Option<u64> {
        match self {
            Self::Known(columns) => columns
                .iter()
                .find(|(name, _)| **name == *column)
                .map(|(_, hash)| *hash),
            Self::Unknown | Self::Absent => None,
        }
    }
}

impl Change {
    /// A row changed; its columns and images are unknown until told.
    pub fn row(table: &TableName, key: impl Into<RowKey>) -> Self {
        Self::hard(What::Row(RowChange {
            table: table.clone(),
            key: key.into(),
            columns: Columns::All,
            before: Image::Unknown,
            after: Image::Unknown,
        }))
    }

    /// Rows of `table` changed of which only what all have in common can be told.
    ///
    /// Without [`columns`](Self::columns) and [`images`](Self::images) it is as wide as
    /// [`table`](Self::table).
    pub fn rows(table: &TableName) -> Self {
        Self::hard(What::Rows(RowsChange {
            table: table.clone(),
            columns: Columns::All,
            before: Image::Unknown,
            after: Image::Unknown,
        }))
    }

    /// Rows of `table` changed, it is not known which.
    pub fn table(table: &TableName) -> Self {
        Self::hard(What::Table(table.clone()))
    }

    /// What the user calls `name` changed.
    pub fn tag(name: impl Into<Arc<str>>) -> Self {
        Self::hard(What::Tag(name.into()))
    }

    /// An entry of a region changed.
    pub fn key(region: impl Into<Arc<str>>, scope: Scope, key: impl Into<Key>) -> Self {
        Self::hard(What::Key(region.into(), scope, key.into()))
    }

    /// Anything may have changed.
    pub fn everything() -> Self {
        Self::hard(What::Everything)
    }

    /// Returns a change of everything, as soft as this one.
    pub(crate) fn widened(&self) -> Self {
        Self {
            what: What::Everything,
            soft: self.soft,
        }
    }

    /// Tells the row, or the rows, before and after; without effect on other changes.
    #[must_use]
    pub fn images(mut self, before: Image, after: Image) -> Self {
        match &mut self.what {
            What::Row(row) => (row.before, row.after) = (before, after),
            What::Rows(rows) => (rows.before, rows.after) = (before, after),
            _ => {}
        }
        self
    }

    /// Tells the only columns that may have changed of rows that were there before and are there
    /// after; without effect on other changes.
    ///
    /// Not for rows that may have been inserted or deleted: of those every column changed.
    #[must_use]
    pub fn columns(mut self, columns: Columns) -> Self {
        match &mut self.what {
            What::Row(row) => row.columns = columns,
            What::Rows(rows) => rows.columns = columns,
            _ => {}
        }
        self
    }

    /// Lets entries made of this be served within their grace while one refresh runs.
    ///
    /// The only change after which an old value may still be served: the user asks for it.
    #[must_use]
    pub fn soft(mut self) -> Self {
        self.soft = true;
        self
    }

    /// Returns what changed.
    pub fn what(&self) -> &What {
        &self.what
    }

    /// Tells whether entries may be served within their grace after this.
    pub fn is_soft(&self) -> bool {
        self.soft
    }

    fn hard(what: What) -> Self {
        Self { what, soft: false }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Row(row) => write!(f, "row {} of {}", row.key, row.table),
            What::Rows(rows) => write!(f, "rows of {}", rows.table),
            What::Table(table) => write!(f, "table {table}"),
            What::Tag(name) => write!(f, "tag {name}"),
            What::Key(region, _, key) => write!(f, "entry {key} of {region}"),
            What::Everything => f.write_str("everything"),
        }
    }
}
