//! What a statement changes, before it runs and after it has answered.

use std::sync::Arc;

use larder_core::{Change, Image, TableName, What};
use sea_orm::{DbBackend, QueryResult};

use super::following::{self, Followed};
use super::target::{Target, WrittenRow, target, written_key};
use super::{Analysis, Nature, Uncacheable};
use crate::catalog::{Cascade, Catalog, Relation, Table, effect};

/// What a statement changes.
#[derive(Clone, Debug)]
pub struct Writing {
    everything: bool,
    targets: Vec<Target>,
    /// Tables of which any row may change: by foreign keys, by replacing.
    wide: Vec<TableName>,
    /// Those of them that change whether rows follow by a foreign key or not.
    pub(super) direct: Vec<TableName>,
    /// It is one write: the count of rows touched is that of its target.
    single: bool,
    /// Being refused does not take back what was written before.
    partial: bool,
}

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
        followed: &Followed,
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
        Some(self.of_rows(target, own, followed))
    }

    /// Returns the changes of rows of a target, with those of all that goes with them.
    pub(super) fn of_rows(
        &self,
        target: &Target,
        rows: Vec<WrittenRow>,
        followed: &Followed,
    ) -> Vec<Change> {
        let own: Vec<Change> = rows.into_iter().map(|row| target.change(row)).collect();
        if followed.len() != target.cascades.len() {
            let mut changes = self.wide.iter().map(Change::table).collect();
            add(&self.wide, follow_all(&target.cascades, own), &mut changes);
            return changes;
        }
        if own.is_empty() {
            return self.direct.iter().map(Change::table).collect();
        }
        let wide = self.wide_with(target, followed);
        let mut changes = wide.iter().map(Change::table).collect();
        let mut all = own.clone();
        for (cascade, rows) in target.cascades.iter().zip(followed) {
            let rows = rows
                .as_ref()
                .and_then(|rows| following::changes(cascade, rows));
            all.extend(rows.unwrap_or_else(|| own.iter().map(|it| follow(cascade, it)).collect()));
        }
        add(&wide, all, &mut changes);
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
            let all = follow_all(&target.cascades, target.changes(written));
            add(&self.wide, all, &mut changes);
        }
        changes
    }
}

/// Returns the changes of one table's rows, with those of the rows that follow them.
fn follow_all(cascades: &[Cascade], own: Vec<Change>) -> Vec<Change> {
    let following = own
        .iter()
        .flat_map(|change| cascades.iter().map(|it| follow(it, change)));
    let following: Vec<Change> = following.collect();
    own.into_iter().chain(following).collect()
}

/// Adds changes, each once; `wide`: the tables that change as a whole.
fn add(wide: &[TableName], all: Vec<Change>, changes: &mut Vec<Change>) {
    for change in all {
        let change = widened(change, wide);
        if !changes.contains(&change) {
            changes.push(change);
        }
    }
}

/// Widens a change in a table that changes as a whole.
fn widened(change: Change, wide: &[TableName]) -> Change {
    let table = match change.what() {
        What::Row(row) => &row.table,
        What::Rows(rows) => &rows.table,
        _ => return change,
    };
    if wide.contains(table) {
        return Change::table(table);
    }
    change
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
        direct: Vec::new(),
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
                writing.direct.extend(effects.direct);
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
        writing.direct.extend(effects.direct);
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
    // Of raw SQL that writes the table written is among those read, and that it writes is why it is not kept.
    let (refused, own) = match &analysis.refusal {
        None => (false, 0),
        Some(Uncacheable::Write) => (false, 1),
        Some(_) => (true, 0),
    };
    let same = alone || analysis.reads.len() <= own;
    let all = catalog.backend != DbBackend::Postgres || !table.has_code();
    // Rows of MyISAM's and the like cannot be locked.
    let locked = catalog.backend != DbBackend::MySql || !catalog.may_fail_half_way();
    same && all && locked && !table.has_policies() && !refused
}
