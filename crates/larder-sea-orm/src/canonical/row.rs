//! Values read back from rows, in whatever type the driver takes for them.

use sea_orm::prelude::Uuid;
use sea_orm::sea_query::Value;
use sea_orm::{QueryResult, TryGetError, TryGetable};

use super::ColumnClass;
use crate::catalog::Column;

/// Reads a column by its name; NULL is a value too, `None` is what cannot be read for certain.
///
/// Of a column of class [`Other`](ColumnClass::Other) only NULL can be told.
pub fn row_value(row: &QueryResult, column: &Column) -> Option<Value> {
    let reader = Reader {
        row,
        name: &column.name,
    };
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
    match column.class {
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
struct Reader<'a> {
    row: &'a QueryResult,
    name: &'a str,
}

impl Reader<'_> {
    fn get<T: TryGetable + Into<Value>>(&self) -> Option<Value> {
        // Not `Option<T>`: it takes a column that is not there for NULL.
        match T::try_get_by(self.row, self.name) {
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
