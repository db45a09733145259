//! What a statement changes, before it runs and after it has answered.

use larder_core::{Change, KeyPart, RowKey, TableName};
use sea_orm::sea_query::Value;
use sea_orm::{DbBackend, QueryResult};

use super::pins::MOST_ROWS;
use super::{
    Analysis, Cell, Columns, KeyKnowledge, Name, Nature, Pins, Returning, Write, WriteKind,
};
use crate::canonical::{ColumnClass, key_part};
use crate::catalog::{Catalog, Effect, KeyColumn, Relation, Table};

/// What a statement changes.
#[derive(Clone, Debug)]
pub struct Writing {
    everything: bool,
    targets: Vec<Target>,
    /// Tables of which any row may change: by foreign keys, by replacing.
    wide: Vec<TableName>,
}

/// One table that is written.
#[derive(Clone, Debug)]
struct Target {
    table: TableName,
    key: Vec<KeyColumn>,
    rows: Rows,
}

/// Which rows of a table are written.
#[derive(Clone, Debug)]
enum Rows {
    /// These, or fewer.
    Known(Vec<RowKey>),
    /// Any.
    Wide,
    /// Those that are returned with their keys; `None`: any number, else at most so many.
    Returned(Option<usize>),
    /// One, with the last insert id in the place that is empty.
    Inserted(Vec<Option<KeyPart>>),
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
}

impl Writing {
    /// Tells whether rows returned would tell which rows were written.
    pub fn wants_rows(&self) -> bool {
        self.targets
            .iter()
            .any(|target| matches!(target.rows, Rows::Returned(_)))
    }

    /// Tells whether the last insert id would tell which row was written.
    ///
    /// `SeaORM` panics when it is asked for one by `PostgreSQL`, where this is never true.
    pub fn wants_last_insert_id(&self) -> bool {
        self.targets
            .iter()
            .any(|target| matches!(target.rows, Rows::Inserted(_)))
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
        let mut changes: Vec<Change> = self.wide.iter().map(Change::table).collect();
        for target in &self.targets {
            let rows = if self.wide.contains(&target.table) {
                None
            } else {
                target.rows(written)
            };
            let target_changes = match rows {
                Some(rows) => rows
                    .into_iter()
                    .map(|row| Change::row(&target.table, row))
                    .collect(),
                None => vec![Change::table(&target.table)],
            };
            for change in target_changes {
                if !changes.contains(&change) {
                    changes.push(change);
                }
            }
        }
        changes
    }
}

impl Target {
    fn rows(&self, written: &Written<'_>) -> Option<Vec<RowKey>> {
        match &self.rows {
            Rows::Known(rows) => Some(rows.clone()),
            Rows::Wide => None,
            Rows::Returned(most) => {
                let all = written.all_rows || most.is_some_and(|most| most <= written.rows.len());
                let few = written.rows.len() <= MOST_ROWS;
                (all && few).then(|| self.returned(written.rows))?
            }
            Rows::Inserted(parts) => {
                let id = written.last_insert_id.and_then(|id| i64::try_from(id).ok());
                let id = id.filter(|id| *id != 0).map(KeyPart::Int);
                let parts = parts.iter().map(|part| part.clone().or_else(|| id.clone()));
                Some(vec![RowKey::new(parts.collect::<Option<Vec<_>>>()?)])
            }
        }
    }

    fn returned(&self, rows: &[QueryResult]) -> Option<Vec<RowKey>> {
        let part = |row, column: &KeyColumn| key_part(&returned(row, column)?, column.class);
        let key = |row| {
            self.key
                .iter()
                .map(|column| part(row, column))
                .collect::<Option<Vec<_>>>()
        };
        rows.iter().map(|row| key(row).map(RowKey::new)).collect()
    }
}

/// Reads a key's column from a row returned, in whatever type the driver takes for it.
fn returned(row: &QueryResult, column: &KeyColumn) -> Option<Value> {
    let name = column.name.as_str();
    let text = || row.try_get::<String>("", name).ok().map(Value::from);
    let bytes = || row.try_get::<Vec<u8>>("", name).ok().map(Value::from);
    match column.class {
        ColumnClass::Int => {
            let wide = row.try_get::<i64>("", name).ok().map(Value::from);
            wide.or_else(|| row.try_get::<i32>("", name).ok().map(Value::from))
                .or_else(|| row.try_get::<i16>("", name).ok().map(Value::from))
                .or_else(|| row.try_get::<u64>("", name).ok().map(Value::from))
        }
        ColumnClass::Bool => row.try_get::<bool>("", name).ok().map(Value::from),
        ColumnClass::Text | ColumnClass::Exact => text(),
        ColumnClass::TextOrBlob => text().or_else(bytes),
        ColumnClass::Uuid => row
            .try_get::<sea_orm::prelude::Uuid>("", name)
            .ok()
            .map(Value::from),
        ColumnClass::Bytes => bytes(),
        ColumnClass::Other => None,
    }
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
    };
    let unknown = misread
        || analysis.unknown_writes
        || analysis.ddl
        || analysis
            .functions
            .iter()
            .any(|name| nature(name) == Nature::Unknown);
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
        let Relation::Table(table) = catalog.resolve(&write.table) else {
            writing.everything = true;
            break;
        };
        let effects = catalog.effects(table, &effect(write));
        writing.everything |= effects.everything;
        writing.wide.extend(effects.tables);
        writing.targets.push(Target {
            table: table.name().clone(),
            key: table.key().to_vec(),
            rows: rows(table, write, catalog),
        });
    }
    Some(writing)
}

fn effect(write: &Write) -> Effect {
    match &write.kind {
        WriteKind::Insert => Effect::Insert,
        WriteKind::Update | WriteKind::Upsert(_) => Effect::Update(write.columns.clone()),
        WriteKind::Delete => Effect::Delete,
        WriteKind::Replace | WriteKind::Merge => Effect::Any,
        WriteKind::Truncate => Effect::Truncate,
    }
}

fn rows(table: &Table, write: &Write, catalog: &Catalog) -> Rows {
    if table.key().is_empty() {
        return Rows::Wide;
    }
    match &write.kind {
        WriteKind::Replace | WriteKind::Merge | WriteKind::Truncate => Rows::Wide,
        // The row had another key before.
        WriteKind::Update | WriteKind::Upsert(_) if sets_key(table, &write.columns, catalog) => {
            Rows::Wide
        }
        WriteKind::Upsert(target) if !is_key(table, target.as_deref(), catalog) => {
            returned_rows(table, write, catalog).unwrap_or(Rows::Wide)
        }
        _ => told(table, write, catalog),
    }
}

fn told(table: &Table, write: &Write, catalog: &Catalog) -> Rows {
    let known = match &write.key {
        KeyKnowledge::Pinned(pins) => pinned(table, pins, catalog),
        KeyKnowledge::Inserted { columns, rows } => inserted(table, columns, rows, catalog),
        KeyKnowledge::Unknown => None,
    };
    known
        .map(Rows::Known)
        .or_else(|| returned_rows(table, write, catalog))
        .or_else(|| last_insert(table, write, catalog))
        .unwrap_or(Rows::Wide)
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
        Some(cell) => {
            let part = column.stored(cell.value()?)?;
            // MySQL makes a value for 0 too, depending on its mode.
            let zero = column.automatic && part == KeyPart::Int(0);
            (!zero || catalog.backend != DbBackend::MySql).then_some(Some(part))
        }
    };
    table.key().iter().map(part).collect()
}

/// Returns whether the rows returned tell the keys.
fn returned_rows(table: &Table, write: &Write, catalog: &Catalog) -> Option<Rows> {
    let told = match &write.returning {
        Returning::Nothing | Returning::Elsewhere => false,
        Returning::All => true,
        Returning::Columns(names) => table.key().iter().all(|column| {
            names
                .iter()
                .any(|name| name.is_column(&column.name, catalog.backend))
        }),
    };
    let most = match &write.key {
        KeyKnowledge::Inserted { rows, .. } => Some(rows.len()),
        _ => None,
    };
    told.then_some(Rows::Returned(most))
}

/// Returns whether the last insert id completes the key of a single row.
fn last_insert(table: &Table, write: &Write, catalog: &Catalog) -> Option<Rows> {
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
    let elsewhere = write.returning == Returning::Elsewhere;
    (missing == 1 && automatic == 1 && !elsewhere).then_some(Rows::Inserted(parts))
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
    table.key().iter().any(is_set)
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

fn is_null(value: &Value) -> bool {
    *value == value.as_null()
}
