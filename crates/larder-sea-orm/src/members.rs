//! The rows of an answer that its entry depends on, told by the answer itself.

use std::sync::Arc;

use larder_core::{Dependency, KeyPart, Member, NULL_HASH, RowKey, Shape, TableName};
use sea_orm::QueryResult;
use smallvec::SmallVec;

use crate::canonical::{ColumnClass, is_null, key_part, part_hash, row_value_at};

/// How the rows of one table are told by the rows of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) table: TableName,
    pub(crate) shape: Arc<Shape>,
    pub(crate) key: SmallVec<[KeyAt; 1]>,
}

/// Where a column of a primary key stands in an answer.
#[derive(Clone, Debug)]
pub(crate) struct KeyAt {
    at: At,
    class: ColumnClass,
}

/// One column of a key in an answer; `None` is NULL.
struct Part(Option<KeyPart>);

/// A number in an answer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Number(i64),
    Null,
}

#[derive(Clone, Debug)]
enum At {
    Index(usize),
    Name(Arc<str>),
}

impl KeyAt {
    /// At this place, from 0.
    pub(crate) fn index(index: usize, class: ColumnClass) -> Self {
        Self {
            at: At::Index(index),
            class,
        }
    }

    /// Under this name.
    pub(crate) fn named(name: &str, class: ColumnClass) -> Self {
        Self {
            at: At::Name(name.into()),
            class,
        }
    }
}

impl Members {
    /// Returns the row of this table that a row of the answer is made of; `None` if there is none.
    ///
    /// A row that cannot be told makes the answer depend on the whole table.
    pub(crate) fn dependency(&self, row: &QueryResult) -> Option<Dependency> {
        let parts: Option<SmallVec<[Part; 2]>> =
            self.key.iter().map(|column| column.read(row)).collect();
        match parts {
            Some(parts) if parts.iter().all(|part| part.0.is_none()) => None,
            Some(parts) if parts.iter().all(|part| part.0.is_some()) => {
                let key = RowKey::new(parts.into_iter().filter_map(|part| part.0));
                let shape = Arc::clone(&self.shape);
                Some(Dependency::Member(
                    self.table.clone(),
                    Member { shape, key },
                ))
            }
            _ => Some(Dependency::Table(self.table.clone())),
        }
    }
}

impl KeyAt {
    /// Returns the hash of what stands there, that of NULL too; `None` is what cannot be told.
    pub(crate) fn hash(&self, row: &QueryResult) -> Option<u64> {
        match self.read(row)?.0 {
            Some(part) => part_hash(&part),
            None => Some(NULL_HASH),
        }
    }

    /// Returns the number that stands there; `None` is what cannot be told.
    pub(crate) fn number(&self, row: &QueryResult) -> Option<Shown> {
        match self.read(row)?.0 {
            Some(KeyPart::Int(number)) => Some(Shown::Number(number)),
            Some(_) => None,
            None => Some(Shown::Null),
        }
    }

    /// Reads this part of the key; `None` is what cannot be told.
    fn read(&self, row: &QueryResult) -> Option<Part> {
        let value = match &self.at {
            At::Index(index) => row_value_at(row, *index, self.class),
            At::Name(name) => row_value_at(row, &**name, self.class),
        }?;
        if is_null(&value) {
            return Some(Part(None));
        }
        key_part(&value, self.class).map(|part| Part(Some(part)))
    }
}
