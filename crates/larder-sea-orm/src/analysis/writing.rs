//! What a statement changes, before it runs and after it has answered.

use std::sync::Arc;

use larder_core::{Change, Image, KeyPart, RowKey, TableName, What};
use sea_orm::sea_query::Value;
use sea_orm::{DbBackend, QueryResult};

use super::images::Images;
use super::pins::MOST_ROWS;
use super::{Analysis, Cell, Columns, KeyKnowledge, Name, Nature, Pins, Write, WriteKind};
use crate::canonical::{is_null, key_part, row_value_at};
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
struct Target {
    table: TableName,
    /// Its rows change in a way that cannot be told.
    wide: bool,
    /// How many rows the statement touches says whether anything has changed: no code runs beside it.
    counted: bool,
    key: Vec<KeyColumn>,
    /// An UPDATE or DELETE of rows that keep their keys, and that a SELECT just before finds too.
    exact: bool,
    images: Images,
    /// The only rows that may be written, each with what is known of it after an INSERT.
    known: Option<Vec<(RowKey, Option<Image>)>>,
    /// The rows returned tell their keys; `most`: there are no more than so many.
    returned: Option<Returned>,
    /// One row is inserted, with the last insert id in the place that is empty.
    inserted: Option<Vec<Option<KeyPart>>>,
    /// Rows of other tables that follow.
    cascades: Vec<Cascade>,
    /// What all rows have in common that are inserted, as the statement tells.
    given: Option<Image>,
}

/// What rows returned by a write tell.
#[derive(Clone, Debug)]
struct Returned {
    /// There are no more rows than this.
    most: Option<usize>,
}

/// A row that was written: its key, and the row before and after.
type WrittenRow = (RowKey, Image, Image);

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
        let told = target.wide || target.returned.is_some() || !target.exact;
        (!told && self.single && !self.everything && !self.wide.contains(&target.table))
            .then_some(&target.table)
    }

    /// Returns the changes of rows that were read before they were written.
    ///
    /// `None` if a row's key cannot be told.
    pub(crate) fn changes_of(&self, rows: &[QueryResult]) -> Option<Vec<Change>> {
        let [target] = self.targets.as_slice() else {
            return None;
        };
        let change = |row| {
            let key = written_key(&target.key, row)?;
            let (before, after) = target.images.read_before(row);
            let change = Change::row(&target.table, key).columns(target.images.columns());
            Some(change.images(before, after))
        };
        let own: Vec<Change> = rows.iter().map(change).collect::<Option<_>>()?;
        let mut changes = self.wide.iter().map(Change::table).collect();
        self.add(target, own, &mut changes);
        Some(changes)
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
            let (before, after) = self.images.common();
            let after = self.given.clone().unwrap_or(after);
            return vec![
                Change::rows(&self.table)
                    .columns(self.images.columns())
                    .images(before, after),
            ];
        };
        let change = |(key, before, after)| {
            Change::row(&self.table, key)
                .columns(self.images.columns())
                .images(before, after)
        };
        rows.into_iter().map(change).collect()
    }

    fn returned_rows(&self, written: &Written<'_>) -> Option<Vec<WrittenRow>> {
        let Returned { most } = self.returned.as_ref()?;
        let rows = written.rows;
        let all = written.all_rows || most.is_some_and(|most| most <= rows.len());
        if !all || rows.len() > MOST_ROWS {
            return None;
        }
        let written = |row| {
            let key = written_key(&self.key, row)?;
            let (before, after) = self.images.returned(row);
            let after = match self.given(&key) {
                Some(given) => completed(after, given),
                None => after,
            };
            Some((key, before, after))
        };
        rows.iter().map(written).collect()
    }

    fn known_rows(&self) -> Option<Vec<WrittenRow>> {
        let (before, after) = self.images.common();
        let row = |(key, own): &(RowKey, Option<Image>)| {
            let after = own.as_ref().unwrap_or(&after).clone();
            let with_key = |image| self.images.with_key(image, key);
            (key.clone(), with_key(before.clone()), with_key(after))
        };
        Some(self.known.as_ref()?.iter().map(row).collect())
    }

    fn inserted_row(&self, written: &Written<'_>) -> Option<Vec<WrittenRow>> {
        let id = written.last_insert_id.and_then(|id| i64::try_from(id).ok());
        let id = id.filter(|id| *id != 0).map(KeyPart::Int);
        let parts = self.inserted.as_ref()?;
        let parts = parts.iter().map(|part| part.clone().or_else(|| id.clone()));
        let key = RowKey::new(parts.collect::<Option<Vec<_>>>()?);
        let (before, after) = self.images.common();
        let after = self.given.clone().unwrap_or(after);
        let after = self.images.with_key(after, &key);
        Some(vec![(key, before, after)])
    }

    /// Returns what the statement itself tells of an inserted row.
    fn given(&self, key: &RowKey) -> Option<&Image> {
        let known = self.known.iter().flatten();
        let mut own = known.filter(|(known, _)| known == key);
        // Of two with one key only the database knows which was inserted.
        match (own.next(), own.next()) {
            (Some((_, Some(image))), None) => Some(image),
            _ => self.given.as_ref(),
        }
    }
}

/// Returns an image with those columns of another that it does not have.
fn completed(image: Image, other: &Image) -> Image {
    match (image, other) {
        (Image::Known(own), Image::Known(other)) => {
            let missing = other
                .iter()
                .filter(|(name, _)| !own.iter().any(|(known, _)| known == name));
            Image::Known(own.iter().chain(missing).cloned().collect())
        }
        (Image::Unknown, other) => other.clone(),
        (image, _) => image,
    }
}

/// Returns the key of a row that came back, by the names of its columns.
fn written_key(key: &[KeyColumn], row: &QueryResult) -> Option<RowKey> {
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
        target.exact &= picks_what_is_read(table, analysis, catalog.backend);
        target.cascades = effects.cascades;
        writing.targets.push(target);
    }
    Some(writing)
}

/// Tells whether a SELECT with a write's WHERE, its rows locked, finds the rows the write picks a moment later.
///
/// Rows that come to be in between make more rows written than read. No count tells when a trigger leaves others out,
/// or when a WHERE that is asked twice answers differently: it reads tables that are not locked, or calls `random()`.
fn picks_what_is_read(table: &Table, analysis: &Analysis, backend: DbBackend) -> bool {
    let alone = backend == DbBackend::Sqlite;
    let same = alone || analysis.reads.is_empty();
    let all = backend != DbBackend::Postgres || !table.has_code();
    same && all && !table.has_policies() && analysis.refusal.is_none()
}

fn target(table: &Table, write: &Write, catalog: &Catalog) -> Target {
    let wide = matches!(
        write.kind,
        WriteKind::Replace | WriteKind::Merge | WriteKind::Truncate
    );
    let mut target = Target {
        table: table.name().clone(),
        wide,
        counted: !wide && !table.has_code() && write.returning != super::Returning::Elsewhere,
        key: table.key().to_vec(),
        exact: false,
        images: Images::of(table, write, catalog.backend),
        known: None,
        returned: None,
        inserted: None,
        cascades: Vec::new(),
        given: None,
    };
    // The row had another key before, or none that is known.
    let moved = match &write.kind {
        WriteKind::Update | WriteKind::Upsert(_) => sets_key(table, &write.columns, catalog),
        _ => wide,
    };
    if table.key().is_empty() || moved {
        return target;
    }
    target.exact = matches!(write.kind, WriteKind::Update | WriteKind::Delete);
    target.returned = returned(table, write, catalog);
    target.given = given(write, &target.images, catalog);
    let elsewhere =
        matches!(&write.kind, WriteKind::Upsert(key) if !is_key(table, key.as_deref(), catalog));
    if !elsewhere {
        target.known = known(table, write, &target.images, catalog);
        target.inserted = last_insert(table, write, catalog);
    }
    target
}

/// Returns what all rows have in common that a statement inserts.
fn given(write: &Write, images: &Images, catalog: &Catalog) -> Option<Image> {
    let KeyKnowledge::Inserted { columns, rows } = &write.key else {
        return None;
    };
    if rows.len() > MOST_ROWS {
        return None;
    }
    let mut rows = rows
        .iter()
        .map(|cells| images.inserted(columns, cells, catalog.backend));
    let first = rows.next()??;
    rows.try_fold(first, |common, row| Some(shared(&common, &row?)))
}

/// Returns the columns two images have in common.
fn shared(one: &Image, other: &Image) -> Image {
    match (one, other) {
        (Image::Known(one), Image::Known(other)) => {
            let both = one.iter().filter(|value| other.contains(value));
            Image::Known(both.cloned().collect())
        }
        _ => Image::Unknown,
    }
}

fn known(
    table: &Table,
    write: &Write,
    images: &Images,
    catalog: &Catalog,
) -> Option<Vec<(RowKey, Option<Image>)>> {
    match &write.key {
        KeyKnowledge::Pinned(pins) => {
            let rows = pinned(table, pins, catalog)?;
            Some(rows.into_iter().map(|row| (row, None)).collect())
        }
        KeyKnowledge::Inserted { columns, rows } => {
            let keys = inserted(table, columns, rows, catalog)?;
            let row = |(key, cells): (RowKey, &Vec<Cell>)| {
                let image = images.inserted(columns, cells, catalog.backend);
                (key, image)
            };
            Some(keys.into_iter().zip(rows).map(row).collect())
        }
        KeyKnowledge::Unknown => None,
    }
}

/// Returns the keys of the only rows that equalities pick.
pub(super) fn pinned(table: &Table, pins: &Pins, catalog: &Catalog) -> Option<Vec<RowKey>> {
    let key = table.key();
    // By far the most frequent: one column.
    if let [column] = key
        && let Some(values) = pins.alternatives(&column.name, catalog.backend)
    {
        let row = |value| key_part(value, column.class).map(|part| RowKey::new([part]));
        return values.iter().map(row).collect();
    }
    let names: Vec<&str> = key.iter().map(|column| column.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let canonical = |row: Vec<&Value>| {
        let parts = row.into_iter().zip(key);
        let parts = parts.map(|(value, column)| key_part(value, column.class));
        parts.collect::<Option<Vec<_>>>().map(RowKey::new)
    };
    let rows = pins.rows(&names, catalog.backend)?;
    rows.into_iter().map(canonical).collect()
}

fn inserted(
    table: &Table,
    columns: &[Name],
    rows: &[Vec<Cell>],
    catalog: &Catalog,
) -> Option<Vec<RowKey>> {
    if rows.len() > MOST_ROWS {
        return None;
    }
    let key = |row: &Vec<Cell>| {
        let parts: Option<Vec<KeyPart>> =
            parts(table, columns, row, catalog)?.into_iter().collect();
        parts.map(RowKey::new)
    };
    rows.iter().map(key).collect()
}

/// Returns the parts of an inserted row's key, empty where the database makes the value.
///
/// `None` when a value is given of which it is not known what is stored.
fn parts(
    table: &Table,
    columns: &[Name],
    row: &[Cell],
    catalog: &Catalog,
) -> Option<Vec<Option<KeyPart>>> {
    let given = |column: &KeyColumn| {
        let place = columns
            .iter()
            .position(|name| name.may_be_column(&column.name, catalog.backend));
        place.and_then(|place| row.get(place))
    };
    let part = |column: &KeyColumn| match given(column) {
        None | Some(Cell::Default) => Some(None),
        Some(Cell::Value(value)) if column.automatic && is_null(value) => Some(None),
        Some(cell) => column.stored(cell.value()?).map(Some),
    };
    table.key().iter().map(part).collect()
}

/// Returns what the rows returned tell, if they tell the keys.
fn returned(table: &Table, write: &Write, catalog: &Catalog) -> Option<Returned> {
    let told = match &write.returning {
        super::Returning::Nothing | super::Returning::Elsewhere => false,
        super::Returning::All => true,
        super::Returning::Columns(names) => table.key().iter().all(|column| {
            names
                .iter()
                .any(|name| name.is_column(&column.name, catalog.backend))
        }),
    };
    let most = match &write.key {
        KeyKnowledge::Inserted { rows, .. } => Some(rows.len()),
        _ => None,
    };
    told.then_some(Returned { most })
}

/// Returns whether the last insert id completes the key of a single row.
fn last_insert(table: &Table, write: &Write, catalog: &Catalog) -> Option<Vec<Option<KeyPart>>> {
    let KeyKnowledge::Inserted { columns, rows } = &write.key else {
        return None;
    };
    let ([row], WriteKind::Insert) = (rows.as_slice(), &write.kind) else {
        return None;
    };
    let parts = parts(table, columns, row, catalog)?;
    let made = |(part, column): &(&Option<KeyPart>, &KeyColumn)| part.is_none() && column.automatic;
    let missing = parts.iter().filter(|part| part.is_none()).count();
    let automatic = parts.iter().zip(table.key()).filter(made).count();
    let elsewhere = write.returning == super::Returning::Elsewhere;
    (missing == 1 && automatic == 1 && !elsewhere).then_some(parts)
}

fn sets_key(table: &Table, columns: &Columns, catalog: &Catalog) -> bool {
    let Columns::Named(names) = columns else {
        return true;
    };
    let is_set = |column: &KeyColumn| {
        names
            .iter()
            .any(|name| name.may_be_column(&column.name, catalog.backend))
    };
    // `rowid` is the key of a table of SQLite's under a name no catalog lists.
    let is_unknown = |name: &Name| table.column(name, catalog.backend).is_none();
    table.key().iter().any(is_set) || names.iter().any(is_unknown)
}

/// Tells whether a conflict in these columns is one of the primary key.
fn is_key(table: &Table, target: Option<&[Name]>, catalog: &Catalog) -> bool {
    let is = |name: &Name, column: &KeyColumn| name.is_column(&column.name, catalog.backend);
    target.is_some_and(|names| {
        names.len() == table.key().len()
            && table
                .key()
                .iter()
                .all(|column| names.iter().any(|name| is(name, column)))
    })
}
