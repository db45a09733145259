//! What an entry was made of.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::filter::Filter;
use crate::hash::stable_hash;
use crate::key::Key;
use crate::name::{RowKey, TableName, push_counted};
use crate::scope::Scope;
use crate::shape::{Columns, Shape};

/// One thing an entry was made of; when it changes, the entry is invalid.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dependency {
    /// A row, there or not: a row that is missing may be inserted.
    Row(TableName, RowKey),
    /// The rows of a table that match equalities.
    Match(TableName, Match),
    /// A row of an answer that also depends on a [`Match`] of the same shape, in the columns used.
    Member(TableName, Member),
    /// Anything in a table.
    Table(TableName),
    /// A name given by the user.
    Tag(Arc<str>),
    /// An entry: the region's name, its scope and its key.
    Key(Arc<str>, Scope, Key),
    /// Everything. Every entry has this one anyway.
    Everything,
}

impl Dependency {
    /// Depends on a row.
    pub fn row(table: &TableName, key: impl Into<RowKey>) -> Self {
        Self::Row(table.clone(), key.into())
    }

    /// Depends on anything in a table.
    pub fn table(table: &TableName) -> Self {
        Self::Table(table.clone())
    }

    /// Depends on a tag.
    pub fn tag(name: impl Into<Arc<str>>) -> Self {
        Self::Tag(name.into())
    }
}

/// The rows of a table that a query reads: its shape, and the values of its equalities.
///
/// Values are hashes of canonical values: equal for all the database takes as equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    shape: Arc<Shape>,
    values: SmallVec<[u64; 2]>,
    filter: Option<Arc<Filter>>,
}

impl Match {
    /// Makes a match of columns and the hashes of their values, in any order; all columns are used.
    pub fn new(columns: impl IntoIterator<Item = (Arc<str>, u64)>) -> Self {
        let mut columns: Vec<_> = columns.into_iter().collect();
        columns.sort();
        columns.dedup_by(|a, b| a.0 == b.0);
        let names = columns.iter().map(|(name, _)| Arc::clone(name));
        Self {
            shape: Shape::of_set(names, Columns::All),
            values: columns.iter().map(|(_, value)| *value).collect(),
            filter: None,
        }
    }

    /// Makes a match of a shape and the hashes of the values, in the order of its equalities.
    ///
    /// # Panics
    /// If there are more values than equalities, or fewer.
    pub fn of(shape: &Arc<Shape>, values: impl IntoIterator<Item = u64>) -> Self {
        let values: SmallVec<[u64; 2]> = values.into_iter().collect();
        assert_eq!(
            values.len(),
            shape.equalities().len(),
            "one value for each equality"
        );
        Self {
            shape: Arc::clone(shape),
            values,
            filter: None,
        }
    }

    /// Leaves out rows that the query does not read although they match.
    #[must_use]
    pub fn filtered(mut self, filter: Arc<Filter>) -> Self {
        self.filter = (!filter.is_empty()).then_some(filter);
        self
    }

    /// Returns which of the rows that match the query reads, if not all.
    pub fn filter(&self) -> Option<&Arc<Filter>> {
        self.filter.as_ref()
    }

    /// Returns how the query reads the table.
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// Returns the hashes of the values, in the order of the shape's equalities.
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    pub(crate) fn hash_in(&self, table: &TableName) -> u64 {
        match_hash(table, &self.shape, &self.values)
    }

    /// Returns the hashes of what changes touch of which only some of the equalities' columns are known.
    pub(crate) fn parts_in<'a>(&'a self, table: &'a TableName) -> impl Iterator<Item = u64> + 'a {
        let count = self.values.len();
        let masks = if (2..=MOST_PARTS).contains(&count) {
            1..(1 << count) - 1
        } else {
            0..0
        };
        masks.map(move |mask: u8| {
            let known = self.values.iter().enumerate();
            let known = known.filter(|(place, _)| mask & (1 << place) != 0);
            part_hash(table, &self.shape, mask, known.map(|(_, value)| *value))
        })
    }
}

impl Hash for Match {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shape.hash().hash(state);
        self.values.hash(state);
        self.filter.hash(state);
    }
}

/// A row of an answer, as far as the query uses it.
///
/// Of changes whose rows are not known only the match tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// How the query reads the table.
    pub shape: Arc<Shape>,
    /// The row's primary key.
    pub key: RowKey,
}

impl Hash for Member {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shape.hash().hash(state);
        self.key.hash(state);
    }
}

/// Hashes canonical bytes of a value, the same in every process.
pub fn hash_value(canonical: &[u8]) -> u64 {
    stable_hash(canonical)
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(table, key) => write!(f, "row {key} of {table}"),
            Self::Match(table, rows) => {
                write!(f, "rows of {table}")?;
                match rows.shape.equalities() {
                    [] => Ok(()),
                    columns => write!(f, " by {}", columns.join(", ")),
                }
            }
            Self::Member(table, member) => write!(f, "row {} of {table}", member.key),
            Self::Table(table) => write!(f, "table {table}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Key(region, _, key) => write!(f, "entry {key} of {region}"),
            Self::Everything => f.write_str("everything"),
        }
    }
}

pub(crate) fn tag_hash(name: &str) -> u64 {
    let mut bytes: SmallVec<[u8; 64]> = SmallVec::new();
    bytes.push(b'g');
    bytes.extend_from_slice(name.as_bytes());
    stable_hash(&bytes)
}

/// Hashes the dependency on one entry: `scoped` is the encoded scope.
pub(crate) fn key_hash(region: &str, scoped: &[u8], key: &[u8]) -> u64 {
    let mut bytes: SmallVec<[u8; 160]> = SmallVec::new();
    bytes.push(b'k');
    push_counted(&mut bytes, region.as_bytes());
    push_counted(&mut bytes, scoped);
    bytes.extend_from_slice(key);
    stable_hash(&bytes)
}

/// Hashes what a soft change of a whole table touches.
pub(crate) fn table_hash(table: &TableName, what: u8) -> u64 {
    let mut bytes: SmallVec<[u8; 64]> = SmallVec::new();
    bytes.push(what);
    bytes.extend_from_slice(table.as_str().as_bytes());
    stable_hash(&bytes)
}

pub(crate) fn match_hash(table: &TableName, shape: &Shape, values: &[u64]) -> u64 {
    let mut bytes: SmallVec<[u8; 128]> = SmallVec::new();
    bytes.push(b'm');
    push_counted(&mut bytes, table.as_str().as_bytes());
    bytes.extend_from_slice(&shape.hash().to_le_bytes());
    for value in values {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    stable_hash(&bytes)
}

/// With more equalities than this, a change of which only some of their columns are known touches all values.
pub(crate) const MOST_PARTS: usize = 3;

/// Hashes the values of some of a shape's equalities: those whose places are set in `mask`.
pub(crate) fn part_hash(
    table: &TableName,
    shape: &Shape,
    mask: u8,
    values: impl Iterator<Item = u64>,
) -> u64 {
    let mut bytes: SmallVec<[u8; 128]> = SmallVec::new();
    bytes.extend_from_slice(&[b'p', mask]);
    push_counted(&mut bytes, table.as_str().as_bytes());
    bytes.extend_from_slice(&shape.hash().to_le_bytes());
    values.for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    stable_hash(&bytes)
}

/// Hashes a row in the columns that a shape uses; `row` is the hash of the whole row.
pub(crate) fn member_hash(row: u64, shape: &Shape) -> u64 {
    if *shape.uses() == Columns::All {
        return row;
    }
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&row.to_le_bytes());
    bytes[8..].copy_from_slice(&shape.uses_hash().to_le_bytes());
    stable_hash(&bytes)
}
