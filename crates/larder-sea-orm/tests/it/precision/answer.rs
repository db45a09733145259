//! Answers of queries in a form that can be compared.

use std::fmt::Write as _;

use sea_orm::QueryResult;
use sea_orm::sqlx::decode::Decode;
use sea_orm::sqlx::mysql::MySqlRow;
use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::sqlite::{Sqlite, SqliteRow};
use sea_orm::sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

use super::values::{folded, hex};

/// The rows of an answer, each as one text.
pub(super) type Answer = Vec<String>;

/// What of an answer SQL defines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defined {
    /// The order of the rows.
    pub(super) order: bool,
    /// Of values that are equal under a collation, only that it is one of them.
    pub(super) folded: bool,
}

/// Returns an answer without what SQL leaves open.
pub(super) fn answer(rows: &[QueryResult], defined: Defined) -> Answer {
    let mut answer: Answer = rows.iter().map(|row| line(row, defined.folded)).collect();
    if !defined.order {
        answer.sort_unstable();
    }
    answer
}

fn line(row: &QueryResult, fold: bool) -> String {
    let mut line = Line {
        text: String::new(),
        fold,
    };
    if let Some(row) = row.try_as_sqlite_row() {
        line.sqlite(row);
    } else if let Some(row) = row.try_as_pg_row() {
        line.postgres(row);
    } else if let Some(row) = row.try_as_mysql_row() {
        line.mysql(row);
    }
    line.text
}

struct Line {
    text: String,
    fold: bool,
}

impl Line {
    fn string(&mut self, text: &str) {
        let _ = if self.fold {
            write!(self.text, "{:?} ", folded(text))
        } else {
            write!(self.text, "{text:?} ")
        };
    }

    fn other(&mut self, value: impl std::fmt::Display) {
        let _ = write!(self.text, "{value} ");
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.text += "x";
        self.other(hex(bytes));
    }

    fn sqlite(&mut self, row: &SqliteRow) {
        for at in 0..row.len() {
            let value = row.try_get_raw(at).unwrap();
            if value.is_null() {
                self.other("NULL");
                continue;
            }
            let kind = value.type_info().into_owned();
            match kind.name() {
                "INTEGER" => self.other(<i64 as Decode<'_, Sqlite>>::decode(value).unwrap()),
                "TEXT" => self.string(<&str as Decode<'_, Sqlite>>::decode(value).unwrap()),
                "REAL" => {
                    let _ = write!(
                        self.text,
                        "{:?} ",
                        <f64 as Decode<'_, Sqlite>>::decode(value).unwrap()
                    );
                }
                _ => self.bytes(<&[u8] as Decode<'_, Sqlite>>::decode(value).unwrap()),
            }
        }
    }

    fn postgres(&mut self, row: &PgRow) {
        for at in 0..row.len() {
            if row.try_get_raw(at).unwrap().is_null() {
                self.other("NULL");
                continue;
            }
            match row.column(at).type_info().name() {
                "BOOL" => self.other(row.get::<bool, _>(at)),
                "INT2" => self.other(row.get::<i16, _>(at)),
                "INT4" => self.other(row.get::<i32, _>(at)),
                "INT8" => self.other(row.get::<i64, _>(at)),
                "TEXT" | "VARCHAR" | "CHAR" => self.string(row.get(at)),
                _ => self.bytes(&row.get_unchecked::<Vec<u8>, _>(at)),
            }
        }
    }

    fn mysql(&mut self, row: &MySqlRow) {
        for at in 0..row.len() {
            if row.try_get_raw(at).unwrap().is_null() {
                self.other("NULL");
                continue;
            }
            let name = row.column(at).type_info().name();
            if name.contains("UNSIGNED") {
                self.other(row.get_unchecked::<u64, _>(at));
            } else if name.contains("INT") || name == "BOOLEAN" {
                self.other(row.get_unchecked::<i64, _>(at));
            } else if name.contains("CHAR") || name.contains("TEXT") {
                self.string(&row.get_unchecked::<String, _>(at));
            } else {
                self.bytes(&row.get_unchecked::<Vec<u8>, _>(at));
            }
        }
    }
}
