//! Names of data: a table of a domain, the key of a row.

use std::fmt;
use std::sync::Arc;

use crate::hash::stable_hash;

/// The name of a table, domain first: `main.article`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    full: Arc<str>,
    domain: usize,
}

impl TableName {
    /// Names `table` of `domain`. A schema that is not the default one is part of `table`.
    pub fn new(domain: &str, table: &str) -> Self {
        Self {
            full: format!("{domain}.{table}").into(),
            domain: domain.len(),
        }
    }

    /// Returns the domain, such as `main`.
    pub fn domain(&self) -> &str {
        &self.full[..self.domain]
    }

    /// Returns the table without its domain, such as `article`.
    pub fn table(&self) -> &str {
        &self.full[self.domain + 1..]
    }

    /// Returns domain and table, as in `main.article`.
    pub fn as_str(&self) -> &str {
        &self.full
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl fmt::Debug for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableName({})", self.full)
    }
}

/// One column of a primary key, canonical: equal for all values the database takes as equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyPart {
    /// An integer of any width; booleans are 0 and 1.
    Int(i64),
    /// A string, folded at least as coarsely as the database compares it.
    Text(Arc<str>),
    /// Bytes, compared as they are (also UUIDs).
    Bytes(Arc<[u8]>),
}

impl From<i64> for KeyPart {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for KeyPart {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

/// The primary key of a row, in the order of the key's columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(Arc<[KeyPart]>);

impl RowKey {
    /// Makes a key of its columns.
    pub fn new(parts: impl IntoIterator<Item = KeyPart>) -> Self {
        Self(parts.into_iter().collect())
    }

    /// Returns the key's columns.
    pub fn parts(&self) -> &[KeyPart] {
        &self.0
    }

    /// Returns the hash of this row of `table`, the same in every process.
    pub(crate) fn hash_in(&self, table: &TableName) -> u64 {
        let mut bytes: smallvec::SmallVec<[u8; 96]> = smallvec::SmallVec::new();
        bytes.push(b'r');
        push_counted(&mut bytes, table.as_str().as_bytes());
        for part in &*self.0 {
            match part {
                KeyPart::Int(value) => {
                    bytes.push(b'i');
                    bytes.extend_from_slice(&value.to_le_bytes());
                }
                KeyPart::Text(value) => {
                    bytes.push(b't');
                    push_counted(&mut bytes, value.as_bytes());
                }
                KeyPart::Bytes(value) => {
                    bytes.push(b'b');
                    push_counted(&mut bytes, value);
                }
            }
        }
        stable_hash(&bytes)
    }
}

impl<T: Into<KeyPart>> From<T> for RowKey {
    fn from(value: T) -> Self {
        Self::new([value.into()])
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            match part {
                KeyPart::Int(value) => write!(f, "{value}")?,
                KeyPart::Text(value) => f.write_str(value)?,
                KeyPart::Bytes(value) => {
                    for byte in &**value {
                        write!(f, "{byte:02x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Appends `bytes` behind their length, so that no two sequences run into each other.
pub(crate) fn push_counted<A: smallvec::Array<Item = u8>>(
    into: &mut smallvec::SmallVec<A>,
    bytes: &[u8],
) {
    into.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    into.extend_from_slice(bytes);
}
