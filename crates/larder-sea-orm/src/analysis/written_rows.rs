//! Which rows a write touches, as far as the statement and the keys of its table tell.

use std::borrow::Cow;

use larder_core::{Image, KeyPart, RowKey};
use sea_orm::DbBackend;
use sea_orm::sea_query::Value;

use super::images::Images;
use super::pins::MOST_ROWS;
use super::{Cell, Columns, KeyKnowledge, Name, Pins, Returning, Write, WriteKind};
use crate::canonical::{is_null, key_part};
use crate::catalog::{Catalog, KeyColumn, Table};

/// More rows than this that a statement inserts are told by what they have in common.
const MOST_GIVEN: usize = 32;

/// Returns a write that names the columns it inserts.
///
/// Without a list they are all the table has, in their order; the heirs of a table may have another.
pub(super) fn named<'w>(table: &Table, write: &'w Write) -> Cow<'w, Write> {
    let KeyKnowledge::Inserted { columns, rows } = &write.key else {
        return Cow::Borrowed(write);
    };
    if !columns.is_empty() || rows.iter().all(Vec::is_empty) {
        return Cow::Borrowed(write);
    }
    let own = table.columns();
    let each =
        !table.is_family() && !table.computes() && rows.iter().all(|row| row.len() == own.len());
    let key = if each {
        KeyKnowledge::Inserted {
            columns: own
                .iter()
                .map(|column| Name::quoted(column.name.to_string()))
                .collect(),
            rows: rows.clone(),
        }
    } else {
        KeyKnowledge::Unknown
    };
    Cow::Owned(Write {
        key,
        ..write.clone()
    })
}

/// Makes an upsert an INSERT if it changes no row that is there.
///
/// It sets no column, which is how `MySQL` is told to do nothing; or nothing can conflict: its key is one that `SQLite`
/// makes, which is not there yet. What a sequence of `PostgreSQL` or a counter of `MySQL` gives may be there.
pub(super) fn without_update<'w>(
    table: &Table,
    write: Cow<'w, Write>,
    catalog: &Catalog,
) -> Cow<'w, Write> {
    let KeyKnowledge::Inserted { columns, rows } = &write.key else {
        return write;
    };
    let is_new = |row: &Vec<Cell>| {
        let parts = parts(table, columns, row, catalog);
        parts.is_some_and(|parts| {
            let mut made = parts.iter().zip(table.key());
            made.any(|(part, column)| part.is_none() && column.automatic)
        })
    };
    let keeps = write.columns == Columns::Named(Vec::new()) && !table.has_code();
    let none = catalog.backend == DbBackend::Sqlite
        && !conflicts_elsewhere(table, &write, catalog)
        && columns
            .iter()
            .all(|name| table.column(name, catalog.backend).is_some())
        && rows.iter().all(is_new);
    if !matches!(write.kind, WriteKind::Upsert(_)) || !(keeps || none) {
        return write;
    }
    Cow::Owned(Write {
        kind: WriteKind::Insert,
        columns: Columns::Named(Vec::new()),
        assigned: Vec::new(),
        ..write.into_owned()
    })
}

/// Returns what the rows are that a statement inserts, each once; nothing if that is not certain.
pub(super) fn given(write: &Write, images: &Images, catalog: &Catalog) -> Vec<Image> {
    let KeyKnowledge::Inserted { columns, rows } = &write.key else {
        return Vec::new();
    };
    if rows.len() > MOST_ROWS {
        return Vec::new();
    }
    let image = |cells: &Vec<Cell>| images.inserted(columns, cells, catalog.backend);
    let Some(all) = rows.iter().map(image).collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    let mut given: Vec<Image> = Vec::with_capacity(all.len());
    for image in all {
        if !given.contains(&image) {
            given.push(image);
        }
    }
    if given.len() > MOST_GIVEN {
        let common = given.into_iter().reduce(|one, other| shared(&one, &other));
        return common.into_iter().collect();
    }
    given
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

/// Tells whether no row goes but those of the keys that are inserted: a REPLACE by the only key there is.
pub(super) fn replaces_by_key(table: &Table, write: &Write, catalog: &Catalog) -> bool {
    let KeyKnowledge::Inserted { columns, .. } = &write.key else {
        return false;
    };
    // `rowid` is a key of a table of SQLite's under a name no catalog lists.
    let is_known = |name: &Name| table.column(name, catalog.backend).is_some();
    write.kind == WriteKind::Replace && table.has_one_key() && columns.iter().all(is_known)
}

/// Tells whether the row that an upsert finds may be one of another key than that of the row it would insert.
pub(super) fn conflicts_elsewhere(table: &Table, write: &Write, catalog: &Catalog) -> bool {
    let WriteKind::Upsert(target) = &write.kind else {
        return false;
    };
    let only = target.is_none() && table.has_one_key();
    !only && !is_key(table, target.as_deref(), catalog)
}

/// What rows returned by a write tell.
#[derive(Clone, Debug)]
pub(super) struct Returned {
    /// There are no more rows than this.
    pub(super) most: Option<usize>,
}

/// Returns the keys of the only rows that may be written, each with what is known of it after an INSERT.
pub(super) fn known(
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
pub(super) fn returned(table: &Table, write: &Write, catalog: &Catalog) -> Option<Returned> {
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
    told.then_some(Returned { most })
}

/// Returns whether the last insert id completes the key of a single row.
pub(super) fn last_insert(
    table: &Table,
    write: &Write,
    catalog: &Catalog,
) -> Option<Vec<Option<KeyPart>>> {
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
    (missing == 1 && automatic == 1 && !elsewhere).then_some(parts)
}

pub(super) fn sets_key(table: &Table, columns: &Columns, catalog: &Catalog) -> bool {
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
