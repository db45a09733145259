//! Columns: how their values are compared, and what they can hold.

use std::sync::Arc;

use larder_core::KeyPart;
use sea_orm::QueryResult;
use sea_orm::sea_query::Value;

use crate::canonical::{ColumnClass, is_null, key_part, part_hash, row_value, value_hash};

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name as the database has it.
    pub name: Arc<str>,
    /// How its values are compared.
    pub class: ColumnClass,
    /// What it can hold without changing it.
    pub room: Room,
    /// The database computes it from other columns, or sets it when a row is updated.
    pub generated: bool,
    /// It can hold NULL; otherwise the database may put something else in its place.
    pub nullable: bool,
    /// Where no value is given for it, NULL is put there.
    pub empty: bool,
}

/// A column of a primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name as the database has it.
    pub name: String,
    /// How its values are compared.
    pub class: ColumnClass,
    /// The database makes a value when none is given, and tells it as the last insert id.
    pub automatic: bool,
    /// What it can hold without changing it.
    pub room: Room,
}

/// What a column can hold without changing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Whatever is stored there, or refused.
    Any,
    /// Integers of this range; others may be bent into it.
    Range(i64, i64),
    /// Strings or bytes of at most this length; others may be cut.
    Length(usize),
}

impl Column {
    /// Hashes a value this column is compared with; `None` if it has no canonical form that is certain.
    ///
    /// Whatever [`stored`](Self::stored) or [`read`](Self::read) hashes to another number is not equal to it.
    pub fn compared(&self, value: &Value) -> Option<u64> {
        // MySQL finds other things by `IS NULL` in a column that cannot hold it: a day zero, the last id.
        (self.nullable || !is_null(value)).then(|| value_hash(value, self.class))?
    }

    /// Hashes a value that a statement stores here, as a later read would; `None` if it may become another.
    pub fn stored(&self, value: &Value) -> Option<u64> {
        if is_null(value) {
            return self.compared(value);
        }
        part_hash(&stored(value, self.class, self.room)?)
    }

    /// Hashes the value of this column in a row that came back; `None` if it is not known.
    pub fn read(&self, row: &QueryResult) -> Option<u64> {
        value_hash(&row_value(row, self)?, self.class)
    }
}

impl KeyColumn {
    /// Returns the canonical form of a value that is stored, not compared: it must fit.
    pub(crate) fn stored(&self, value: &Value) -> Option<KeyPart> {
        stored(value, self.class, self.room)
    }
}

fn stored(value: &Value, class: ColumnClass, room: Room) -> Option<KeyPart> {
    let part = key_part(value, class)?;
    let fits = match (room, &part) {
        (Room::Any, _) => true,
        (Room::Range(least, most), KeyPart::Int(value)) => (least..=most).contains(value),
        (Room::Length(most), _) => length(value).is_some_and(|length| length <= most),
        (Room::Range(..), _) => false,
    };
    fits.then_some(part)
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(Some(text)) => Some(text.len()),
        Value::Bytes(Some(bytes)) => Some(bytes.len()),
        Value::Uuid(Some(_)) => Some(16),
        _ => None,
    }
}
