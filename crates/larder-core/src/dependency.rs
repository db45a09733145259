//! What an entry was made of.

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::hash::stable_hash;
use crate::key::Key;
use crate::name::{RowKey, TableName, push_counted};
use crate::scope::Scope;

/// One thing an entry was made of; when it changes, the entry is invalid.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dependency {
    /// A row, there or not: a row that is missing may be inserted.
    Row(TableName, RowKey),
    /// The rows of a table that match equalities.
    Match(TableName, Match),
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

/// Equalities that pick a set of rows: `{author_id = 7}`.
///
/// Values are hashes of canonical values: equal for all the database takes as equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Match(Arc<[(Arc<str>, u64)]>);

impl Match {
    /// Makes a match of columns and the hashes of their values, in any order.
    pub fn new(columns: impl IntoIterator<Item = (Arc<str>, u64)>) -> Self {
        let mut columns: Vec<_> = columns.into_iter().collect();
        columns.sort();
        columns.dedup();
        Self(columns.into())
    }

    /// Returns the columns and the hashes of their values, sorted.
    pub fn columns(&self) -> &[(Arc<str>, u64)] {
        &self.0
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
                write!(f, "rows of {table} by")?;
                rows.0
                    .iter()
                    .try_for_each(|(column, _)| write!(f, " {column}"))
            }
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

pub(crate) fn match_hash(table: &TableName, columns: &[(Arc<str>, u64)]) -> u64 {
    let mut bytes: SmallVec<[u8; 128]> = SmallVec::new();
    bytes.push(b'm');
    push_counted(&mut bytes, table.as_str().as_bytes());
    for (column, value) in columns {
        push_counted(&mut bytes, column.as_bytes());
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    stable_hash(&bytes)
}
