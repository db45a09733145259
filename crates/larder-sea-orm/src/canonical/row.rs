//! Values read back from rows, in whatever type the driver takes for them.

use sea_orm::prelude::Uuid;
use sea_orm::sea_query::Value;
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable};

use super::ColumnClass;
use crate::catalog::Column;

/// Reads a column by its name; NULL is a value too, `None` is what cannot be read for certain.
///
/// Of a column of class [`Other`](ColumnClass::Other) only NULL can be told.
pub fn row_value(row: &QueryResult, column: &Column) -> Option<Value> {
    row_value_at(row, &*column.name, column.class)
}

/// Like [`row_value`], of the column at this place or of this name.
pub(crate) fn row_value_at<I: ColIdx + Copy>(
    row: &QueryResult,
    at: I,
    class: ColumnClass,
) -> Option<Value> {
    let reader = Reader { row, at };
    let integer = || {
        reader
            .get::<i64>()
            .or_else(|| reader.get::<i32>())
            .or_else(|| reader.get::<i16>())
            .or_else(|| reader.get::<i8>())
            .or_else(|| reader.get::<u64>())
    };
    let text = || reader.get::<String>();
    let bytes = || reader.get::<Vec<u8>>();
    match class {
        ColumnClass::Int => integer(),
        ColumnClass::Bool => reader.get::<bool>(),
        ColumnClass::Text | ColumnClass::Exact => text(),
        ColumnClass::TextOrBlob => text().or_else(bytes),
        ColumnClass::Uuid => reader.get::<Uuid>(),
        ColumnClass::Bytes => bytes(),
        ColumnClass::Other => reader
            .get::<i64>()
            .filter(|value| *value == Value::BigInt(None)),
    }
}

/// One column of one row.
struct Reader<'a, I> {
    row: &'a QueryResult,
    at: I,
}

impl<I: ColIdx + Copy> Reader<'_, I> {
    fn get<T: TryGetable + Into<Value>>(&self) -> Option<Value> {
        // Not `Option<T>`: it takes a column that is not there for NULL.
        match T::try_get_by(self.row, self.at) {
            Ok(value) => Some(value.into()),
            Err(TryGetError::Null(_)) if self.tells_null() => Some(Value::BigInt(None)),
            Err(_) => None,
        }
    }

    /// Tells whether the row says NULL of nothing else: those of mocks and proxies say it of any mistake.
    fn tells_null(&self) -> bool {
        !matches!(
            i64::try_get_by(self.row, "\u{1}no such column"),
            Err(TryGetError::Null(_))
        )
    }
}
