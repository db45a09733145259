//! One table that a statement writes: which rows, and what is known of them before and after.

use larder_core::{Change, Image, KeyPart, RowKey, TableName};
use sea_orm::{DbBackend, QueryResult};

use super::images::{Images, Told};
use super::pins::MOST_ROWS;
use super::writing::Written;
use super::written_rows::{self, Returned};
use super::{RelationName, Returning, Write, WriteKind};
use crate::canonical::{key_part, row_value_at};
use crate::catalog::{Cascade, Catalog, KeyColumn, Table};

/// One table that is written.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a write"
)]
pub(super) struct Target {
    pub(super) table: TableName,
    /// Its rows change in a way that cannot be told.
    pub(super) wide: bool,
    /// How many rows the statement touches says whether anything has changed: no code runs beside it.
    pub(super) counted: bool,
    pub(super) key: Vec<KeyColumn>,
    /// An UPDATE or DELETE of rows that keep their keys, and that a SELECT just before finds too.
    pub(super) exact: bool,
    pub(super) images: Images,
    /// The only rows that may be written, each with what is known of it after an INSERT.
    pub(super) known: Option<Vec<(RowKey, Option<Image>)>>,
    /// The rows returned tell their keys; `most`: there are no more than so many.
    pub(super) returned: Option<Returned>,
    /// One row is inserted, with the last insert id in the place that is empty.
    pub(super) inserted: Option<Vec<Option<KeyPart>>>,
    /// Rows of other tables that follow.
    pub(super) cascades: Vec<Cascade>,
    /// What the rows are that are inserted, as the statement tells; empty if it does not.
    pub(super) given: Vec<Image>,
    /// As the statement calls it, if rows of these keys and no others are written.
    pub(super) by_key: Option<RelationName>,
    /// It writes one row, of which the database counts two if one was there and is changed.
    pub(super) counted_twice: bool,
}

/// A row that was written, and one way in which it may have changed.
pub(super) type WrittenRow = (RowKey, Told);

impl Target {
    /// Returns the changes of its rows, as far as the answer tells.
    pub(super) fn changes(&self, written: &Written<'_>) -> Vec<Change> {
        if self.wide {
            return vec![Change::table(&self.table)];
        }
        let rows = self
            .returned_rows(written)
            .or_else(|| self.known_rows())
            .or_else(|| self.inserted_row(written));
        let Some(rows) = rows else {
            return self.rows_in_common();
        };
        rows.into_iter().map(|row| self.change(row)).collect()
    }

    /// Returns the change of a row.
    pub(super) fn change(&self, (key, told): WrittenRow) -> Change {
        Change::row(&self.table, key)
            .columns(told.columns)
            .images(told.before, told.after)
    }

    /// Returns the changes of rows whose keys are not known.
    fn rows_in_common(&self) -> Vec<Change> {
        let ways = self.givens().into_iter();
        let mut changes: Vec<Change> = Vec::new();
        for told in ways.flat_map(|given| self.images.common(given)) {
            let change = Change::rows(&self.table)
                .columns(told.columns)
                .images(told.before, told.after);
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
        changes
    }

    fn returned_rows(&self, written: &Written<'_>) -> Option<Vec<WrittenRow>> {
        let rows = self.keyed(written)?;
        let few = rows.len() * self.given.len() <= MOST_ROWS;
        let mut all = Vec::with_capacity(rows.len());
        for (key, row) in rows {
            let givens = match self.given(&key) {
                Some(given) => vec![Some(given)],
                // Which row got which key is not told.
                None if few => self.givens(),
                None => vec![None],
            };
            let ways = givens.into_iter();
            let ways = ways.flat_map(|given| self.images.returned(row, given));
            all.extend(ways.map(|told| (key.clone(), told)));
        }
        Some(all)
    }

    /// Tells whether the row of an upsert was not there before, or is what it was: `MySQL` counts it once.
    pub(super) fn was_not_there(&self, written: &Written<'_>) -> bool {
        self.counted_twice && written.rows_affected == Some(1)
    }

    /// Returns the rows returned with their keys, if they are all that were written.
    pub(super) fn keyed<'r>(
        &self,
        written: &Written<'r>,
    ) -> Option<Vec<(RowKey, &'r QueryResult)>> {
        let Returned { most } = self.returned.as_ref()?;
        let rows = written.rows;
        let all = written.all_rows || most.is_some_and(|most| most <= rows.len());
        if !all || rows.len() > MOST_ROWS {
            return None;
        }
        let keyed = |row| Some((written_key(&self.key, row)?, row));
        rows.iter().map(keyed).collect()
    }

    fn known_rows(&self) -> Option<Vec<WrittenRow>> {
        let ways = |(key, own): &(RowKey, Option<Image>)| self.in_common(key, own.as_ref());
        Some(self.known.as_ref()?.iter().flat_map(ways).collect())
    }

    /// Returns what is known of a row by its key and what all rows have in common.
    pub(super) fn in_common(&self, key: &RowKey, given: Option<&Image>) -> Vec<WrittenRow> {
        let with_key = |image| self.images.with_key(image, key);
        let told = |told: Told| Told {
            before: with_key(told.before),
            after: with_key(told.after),
            ..told
        };
        let ways = self.images.common(given).into_iter();
        ways.map(|it| (key.clone(), told(it))).collect()
    }

    fn inserted_row(&self, written: &Written<'_>) -> Option<Vec<WrittenRow>> {
        let id = written.last_insert_id.and_then(|id| i64::try_from(id).ok());
        let id = id.filter(|id| *id != 0).map(KeyPart::Int);
        let parts = self.inserted.as_ref()?;
        let parts = parts.iter().map(|part| part.clone().or_else(|| id.clone()));
        let key = RowKey::new(parts.collect::<Option<Vec<_>>>()?);
        Some(self.in_common(&key, self.given.first()))
    }

    /// Returns each row that may have been inserted, as the statement tells; `None` for one it does not tell.
    fn givens(&self) -> Vec<Option<&Image>> {
        if self.given.is_empty() {
            return vec![None];
        }
        self.given.iter().map(Some).collect()
    }

    /// Returns what the statement itself tells of an inserted row.
    fn given(&self, key: &RowKey) -> Option<&Image> {
        let known = self.known.iter().flatten();
        let mut own = known.filter(|(known, _)| known == key);
        // Of two with one key only the database knows which was inserted.
        match (own.next(), own.next()) {
            (Some((_, Some(image))), None) => Some(image),
            _ => None,
        }
    }
}

/// Returns the key of a row that came back, by the names of its columns.
pub(super) fn written_key(key: &[KeyColumn], row: &QueryResult) -> Option<RowKey> {
    let part = |column: &KeyColumn| {
        let value = row_value_at(row, column.name.as_str(), column.class)?;
        key_part(&value, column.class)
    };
    let parts = key.iter().map(part).collect::<Option<Vec<_>>>()?;
    Some(RowKey::new(parts))
}

/// Returns what a write tells of the table it writes.
pub(super) fn target(table: &Table, write: &Write, catalog: &Catalog) -> Target {
    let named = written_rows::named(table, write);
    let write = &*written_rows::without_update(table, named, catalog);
    let wide = match write.kind {
        WriteKind::Replace => !written_rows::replaces_by_key(table, write, catalog),
        WriteKind::Merge | WriteKind::Truncate => true,
        _ => false,
    };
    let mut target = Target {
        table: table.name().clone(),
        wide,
        counted: !wide && !table.has_code() && is_counted(&write.returning, catalog.backend),
        key: table.key().to_vec(),
        exact: false,
        images: Images::of(table, write, catalog.backend),
        known: None,
        returned: None,
        inserted: None,
        cascades: Vec::new(),
        given: Vec::new(),
        by_key: None,
        counted_twice: false,
    };
    // The row had another key before, or none that is known.
    let moved = match &write.kind {
        WriteKind::Update | WriteKind::Upsert(_) => {
            written_rows::sets_key(table, &write.columns, catalog)
        }
        _ => wide,
    };
    if moved && write.kind != WriteKind::Update {
        target.images.forget();
    }
    if moved {
        return target;
    }
    target.given = written_rows::given(write, &target.images, catalog);
    if table.key().is_empty() {
        return target;
    }
    target.exact = matches!(write.kind, WriteKind::Update | WriteKind::Delete);
    target.returned = written_rows::returned(table, write, catalog);
    if !written_rows::conflicts_elsewhere(table, write, catalog) {
        target.known = written_rows::known(table, write, &target.images, catalog);
        target.inserted = written_rows::last_insert(table, write, catalog);
        let found = !matches!(write.kind, WriteKind::Insert) && !table.has_policies();
        target.by_key = (found && target.known.is_some()).then(|| write.table.clone());
        let upserts = matches!(write.kind, WriteKind::Upsert(_) | WriteKind::Replace);
        let one = target.known.as_ref().is_some_and(|known| known.len() == 1);
        target.counted_twice =
            upserts && one && target.counted && catalog.backend == DbBackend::MySql;
    }
    target
}

/// Tells whether the count of rows that a statement answers is that of those it wrote.
///
/// `MariaDB` answers to one that returns rows by those rows, and counts none.
fn is_counted(returning: &Returning, backend: DbBackend) -> bool {
    match returning {
        Returning::Nothing => true,
        Returning::All | Returning::Columns(_) => backend != DbBackend::MySql,
        Returning::Elsewhere => false,
    }
}
