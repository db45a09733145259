//! The rows a write is about to change, read before it by their keys.
//!
//! No other rows are written, whatever else the statement says: some of those read may not be either, which does no
//! harm. A row that was not found may have come to be since, unless nobody else can write: a transaction of `SQLite`
//! that holds the right to. Of an upsert `MySQL` tells by its count that no row was there which it changed.

use larder_core::{Change, KeyPart, RowKey};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{
    Alias, Asterisk, Condition, Expr, ExprTrait as _, IntoTableRef as _, LockType, Query,
    SelectStatement, TableRef, Value,
};
use sea_orm::{DbBackend, QueryResult};

use super::RelationName;
use super::following::Followed;
use super::target::{WrittenRow, written_key};
use super::writing::{Writing, Written};
use crate::canonical::ColumnClass;
use crate::catalog::KeyColumn;

impl Writing {
    /// Returns the table whose rows, read by their keys before they are written, would tell what changes, and the
    /// SELECT of them, locked where the database can.
    pub(crate) fn by_key(
        &self,
        backend: DbBackend,
    ) -> Option<(&larder_core::TableName, SelectStatement)> {
        let target = self.target()?;
        let relation = target.by_key.as_ref()?;
        let known = target.known.as_deref()?;
        let apart = |at: usize| !known[..at].iter().any(|(key, _)| *key == known[at].0);
        // Rows of MyISAM's and the like cannot be locked.
        let unlocked = backend == DbBackend::MySql && self.may_be_partial();
        let told = !known.is_empty()
            && !unlocked
            && (0..known.len()).all(apart)
            && !target.wide
            && !self.is_wide(&target.table);
        if !told {
            return None;
        }
        let mut any = Condition::any();
        for (key, _) in known {
            any = any.add(is_row(&target.key, key, backend)?);
        }
        let mut select = Query::select();
        select
            .column(Asterisk)
            .from(table(relation, backend)?)
            .cond_where(any);
        if backend != DbBackend::Sqlite {
            select.lock(LockType::Update);
        }
        Some((&target.table, select))
    }

    /// Returns the changes of rows that were read by their keys before they were written.
    ///
    /// `alone`: nobody else could write in between. `None` if a row's key cannot be told.
    pub(crate) fn changes_by_key(
        &self,
        found: &[QueryResult],
        followed: &Followed,
        written: &Written<'_>,
        alone: bool,
    ) -> Option<Vec<Change>> {
        let target = self.target()?;
        if written.rows_affected == Some(0) && target.counted {
            return Some(Vec::new());
        }
        let keyed = |row| Some((written_key(&target.key, row)?, row));
        let found: Vec<(RowKey, &QueryResult)> = found.iter().map(keyed).collect::<Option<_>>()?;
        let returned = target.keyed(written);
        let known = target.known.as_deref()?;
        let is_known = |(key, _): &(RowKey, _)| known.iter().any(|(own, _)| own == key);
        if !found.iter().chain(returned.iter().flatten()).all(is_known) {
            return None;
        }
        let mut rows: Vec<WrittenRow> = Vec::with_capacity(known.len());
        for (key, given) in known {
            let after = match &returned {
                None => None,
                Some(returned) => match row_of(returned, key) {
                    // It was not written.
                    None => continue,
                    row => row,
                },
            };
            let given = given.as_ref();
            match row_of(&found, key) {
                Some(row) => {
                    let told = target.images.found(row, after, given);
                    rows.extend(told.map(|told| (key.clone(), told)));
                }
                None if alone || target.was_not_there(written) => {
                    let told = target.images.not_found(after, given);
                    rows.extend(told.map(|told| (key.clone(), told)));
                }
                None => rows.extend(target.in_common(key, given)),
            }
        }
        Some(self.of_rows(target, rows, followed))
    }
}

fn row_of<'r>(rows: &[(RowKey, &'r QueryResult)], key: &RowKey) -> Option<&'r QueryResult> {
    let row = rows.iter().find(|(own, _)| own == key);
    row.map(|(_, row)| *row)
}

fn table(name: &RelationName, backend: DbBackend) -> Option<TableRef> {
    let own = Alias::new(name.name.folded(backend));
    match (&name.database, &name.schema) {
        (Some(_), _) => None,
        (None, Some(schema)) => Some((Alias::new(schema.folded(backend)), own).into_table_ref()),
        (None, None) => Some(own.into_table_ref()),
    }
}

/// Returns the condition that picks the row of a key; `None` if its canonical form does not tell its values.
fn is_row(columns: &[KeyColumn], key: &RowKey, backend: DbBackend) -> Option<Condition> {
    let mut all = Condition::all();
    for (column, part) in columns.iter().zip(key.parts()) {
        let value = value(part, column.class, backend)?;
        all = all.add(Expr::col(Alias::new(&column.name)).eq(value));
    }
    Some(all)
}

/// Returns the value of a canonical form that is not coarser than the column.
///
/// Always of one type, whatever was bound: a text that was prepared is not prepared again for other types.
fn value(part: &KeyPart, class: ColumnClass, backend: DbBackend) -> Option<Value> {
    match (class, part) {
        (ColumnClass::Int, KeyPart::Int(number)) => Some((*number).into()),
        (ColumnClass::Uuid, KeyPart::Bytes(bytes)) if backend == DbBackend::Postgres => {
            // Zeros at the end are not part of the form.
            let mut whole = [0; 16];
            whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(Uuid::from_bytes(whole).into())
        }
        _ => None,
    }
}
