//! What a statement changes, before it runs and after it has answered.

use std::sync::Arc;

use larder_core::{Change, Image, KeyPart, RowKey, TableName, What};
use sea_orm::{DbBackend, QueryResult};

use super::images::{Images, Told};
use super::pins::MOST_ROWS;
use super::written_rows::{self, Returned};
use super::{Analysis, Nature, RelationName, Returning, Write, WriteKind};
use crate::canonical::{key_part, row_value_at};
use crate::catalog::{Cascade, Catalog, KeyColumn, Relation, Table, effect};

/// What a statement changes.
#[derive(Clone, Debug)]
pub struct Writing {
    everything: bool,
    targets: Vec<Target>,
    /// Tables of which any row may change: by foreign keys, by replacing.
    wide: Vec<TableName>,
    /// It is one write: the count of rows touched is that of its target.
    single: bool,
    /// Being refused does not take back what was written before.
    partial: bool,
}

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
    exact: bool,
    pub(super) images: Images,
    /// The only rows that may be written, each with what is known of it after an INSERT.
    pub(super) known: Option<Vec<(RowKey, Option<Image>)>>,
    /// The rows returned tell their keys; `most`: there are no more than so many.
    returned: Option<Returned>,
    /// One row is inserted, with the last insert id in the place that is empty.
    inserted: Option<Vec<Option<KeyPart>>>,
    /// Rows of other tables that follow.
    cascades: Vec<Cascade>,
    /// What the rows are that are inserted, as the statement tells; empty if it does not.
    given: Vec<Image>,
    /// As the statement calls it, if rows of these keys and no others are written.
    pub(super) by_key: Option<RelationName>,
    /// It writes one row, of which the database counts two if one was there and is changed.
    counted_twice: bool,
}

/// A row that was written, and one way in which it may have changed.
pub(super) type WrittenRow = (RowKey, Told);

/// What is known of the rows written once the database has answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'a> {
    /// The rows returned.
    pub rows: &'a [QueryResult],
    /// The statement has succeeded, and no row it returned was left unfetched.
    pub all_rows: bool,
    /// The last insert id of the statement's own answer.
    pub last_insert_id: Option<u64>,
    /// How many rows the statement touched; `None` if it may be another statement's count.
    pub rows_affected: Option<u64>,
}

impl Writing {
    /// Tells whether rows returned would tell which rows were written.
    pub fn wants_rows(&self) -> bool {
        self.targets.iter().any(|target| target.returned.is_some())
    }

    /// Tells whether the last insert id would tell which row was written.
    ///
    /// `SeaORM` panics when it is asked for one by `PostgreSQL`, where this is never true.
    pub fn wants_last_insert_id(&self) -> bool {
        self.targets.iter().any(|target| target.inserted.is_some())
    }

    /// Returns the table whose rows, read before they are written, would tell all that changes.
    pub(crate) fn wants_preimage(&self) -> Option<&TableName> {
        let [target] = self.targets.as_slice() else {
            return None;
        };
        let told = target.wide || !target.exact;
        (!told && self.single && !self.everything && !self.wide.contains(&target.table))
            .then_some(&target.table)
    }

    /// Returns the changes of rows that were read before they were written, and perhaps returned.
    ///
    /// `None` if a row's key cannot be told.
    pub(crate) fn changes_of(
        &self,
        rows: &[QueryResult],
        written: &Written<'_>,
    ) -> Option<Vec<Change>> {
        let [target] = self.targets.as_slice() else {
            return None;
        };
        let returned = target.keyed(written).unwrap_or_default();
        let mut own = Vec::with_capacity(rows.len());
        for row in rows {
            let key = written_key(&target.key, row)?;
            let after = returned.iter().find(|(own, _)| *own == key);
            let told = target.images.found(row, after.map(|(_, row)| *row), None);
            own.extend(told.map(|told| (key, told)));
        }
        Some(self.of_rows(target, own))
    }

    /// Returns the changes of rows of a target, with those of all that goes with them.
    pub(super) fn of_rows(&self, target: &Target, rows: Vec<WrittenRow>) -> Vec<Change> {
        let own = rows.into_iter().map(|row| target.change(row)).collect();
        let mut changes = self.wide.iter().map(Change::table).collect();
        self.add(target, own, &mut changes);
        changes
    }

    /// Returns its target, if it has but one.
    pub(super) fn target(&self) -> Option<&Target> {
        match self.targets.as_slice() {
            [target] if self.single && !self.everything => Some(target),
            _ => None,
        }
    }

    /// Tells whether any row of a table may change.
    pub(super) fn is_wide(&self, table: &TableName) -> bool {
        self.wide.contains(table)
    }

    /// Tells whether a statement that is refused may have written rows before: `FAIL` of `SQLite`.
    pub(crate) fn may_be_partial(&self) -> bool {
        self.partial
    }

    /// Tells whether anything may change.
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    /// Returns the changes, as far as the answer tells; without one, tables where it would have told rows.
    pub fn changes(&self, written: &Written<'_>) -> Vec<Change> {
        if self.everything {
            return vec![Change::everything()];
        }
        if let ([target], Some(0)) = (self.targets.as_slice(), written.rows_affected)
            && target.counted
            && self.single
        {
            return Vec::new();
        }
        let mut changes: Vec<Change> = self.wide.iter().map(Change::table).collect();
        for target in &self.targets {
            let own = target.changes(written);
            self.add(target, own, &mut changes);
        }
        changes
    }

    /// Adds the changes of one table's rows, with those of the rows that follow them.
    fn add(&self, target: &Target, own: Vec<Change>, changes: &mut Vec<Change>) {
        let following: Vec<Change> = own
            .iter()
            .flat_map(|change| target.cascades.iter().map(|it| follow(it, change)))
            .collect();
        for change in own.into_iter().chain(following) {
            let change = self.widened(change);
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
    }

    /// Widens a change in a table that changes as a whole.
    fn widened(&self, change: Change) -> Change {
        let table = match change.what() {
            What::Row(row) => &row.table,
            What::Rows(rows) => &rows.table,
            _ => return change,
        };
        if self.wide.contains(table) {
            return Change::table(table);
        }
        change
    }
}

/// Returns the change of the rows that follow a row which changed, or rows.
fn follow(cascade: &Cascade, change: &Change) -> Change {
    let (before, after) = match change.what() {
        What::Row(row) => (&row.before, &row.after),
        What::Rows(rows) => (&rows.before, &rows.after),
        _ => return Change::table(&cascade.table),
    };
    let referring = |image: &Image| -> Option<Image> {
        let value = |(referred, own): &(Arc<str>, Arc<str>)| {
            Some((Arc::clone(own), image.value(referred)?))
        };
        let values: Option<Arc<[_]>> = cascade.columns.iter().map(value).collect();
        values.map(Image::Known)
    };
    let Some(before) = referring(before) else {
        return Change::table(&cascade.table);
    };
    if cascade.deleted {
        return Change::rows(&cascade.table).images(before, Image::Absent);
    }
    let after = referring(after).unwrap_or(Image::Unknown);
    Change::rows(&cascade.table)
        .columns(cascade.changed.clone())
        .images(before, after)
}

impl Target {
    fn changes(&self, written: &Written<'_>) -> Vec<Change> {
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

    fn change(&self, (key, told): WrittenRow) -> Change {
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

/// Returns what a statement changes; `None` if it can change nothing.
pub(super) fn of(
    analysis: &Analysis,
    catalog: &Catalog,
    misread: bool,
    nature: &impl Fn(&str) -> Nature,
) -> Option<Writing> {
    let everything = Writing {
        everything: true,
        targets: Vec::new(),
        wide: Vec::new(),
        single: analysis.writes.len() == 1,
        partial: catalog.may_fail_half_way(),
    };
    let unknown = misread
        || analysis.unknown_writes
        || analysis.ddl
        || analysis
            .functions
            .iter()
            .any(|name| nature(name) == Nature::Unknown)
        || analysis
            .reads
            .iter()
            .any(|name| catalog.writes_when_read(name));
    if unknown {
        return Some(everything);
    }
    if analysis.writes.is_empty() {
        return None;
    }
    let mut writing = Writing {
        everything: false,
        ..everything
    };
    for write in &analysis.writes {
        let table = match catalog.resolve(&write.table) {
            Relation::Table(table) => table,
            Relation::View(view) => {
                let effects = catalog.view_effects(view, &effect(write));
                writing.everything |= effects.everything;
                writing.wide.extend(effects.tables);
                continue;
            }
            Relation::Unresolved(_) => {
                writing.everything = true;
                break;
            }
        };
        let effects = catalog.effects(table, &effect(write));
        writing.everything |= effects.everything;
        writing.wide.extend(effects.tables);
        let mut target = target(table, write, catalog);
        target.exact &= picks_what_is_read(table, analysis, catalog);
        target.cascades = effects.cascades;
        writing.targets.push(target);
    }
    Some(writing)
}

/// Tells whether a SELECT with a write's WHERE, its rows locked, finds the rows the write picks a moment later.
///
/// Rows that come to be in between make more rows written than read. No count tells when a trigger leaves others out,
/// or when a WHERE that is asked twice answers differently: it reads tables that are not locked, or calls `random()`.
fn picks_what_is_read(table: &Table, analysis: &Analysis, catalog: &Catalog) -> bool {
    let alone = catalog.backend == DbBackend::Sqlite;
    let same = alone || analysis.reads.is_empty();
    let all = catalog.backend != DbBackend::Postgres || !table.has_code();
    // Rows of MyISAM's and the like cannot be locked.
    let locked = catalog.backend != DbBackend::MySql || !catalog.may_fail_half_way();
    same && all && locked && !table.has_policies() && analysis.refusal.is_none()
}

fn target(table: &Table, write: &Write, catalog: &Catalog) -> Target {
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
