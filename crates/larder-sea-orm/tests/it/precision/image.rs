//! What the tables hold, and which rows a write really changed: read past the cache.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use super::schema::{Column, Kind, Schema, Table};
use super::values::{Cell, folded};

/// A row: a cell a column.
pub(super) type Row = Vec<Cell>;

/// The rows of every table, in no order.
pub(super) type Images = Vec<Vec<Row>>;

/// The rows of one table that a write changed: as they were, as they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Changed {
    pub(super) rows: Vec<Row>,
}

/// A table in a query, and the equalities the query demands of its rows.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) table: usize,
    pub(super) equal: Vec<(usize, Vec<Cell>)>,
}

/// Reads all tables.
pub(super) async fn images(db: &DatabaseConnection, schema: &Schema) -> Images {
    let mut images = Vec::with_capacity(schema.tables.len());
    for table in &schema.tables {
        let statement = Statement::from_string(schema.backend, text(table, schema));
        let rows = db.query_all_raw(statement).await.unwrap();
        let width = table.columns.len();
        let row = |row: &sea_orm::QueryResult| -> Row {
            (0..width)
                .map(|at| row.try_get_by_index(at).unwrap())
                .collect()
        };
        images.push(rows.iter().map(row).collect());
    }
    images
}

fn text(table: &Table, schema: &Schema) -> String {
    let columns = table.columns.iter().map(|column| shown(column, schema));
    let columns = columns.collect::<Vec<_>>().join(", ");
    format!("SELECT {columns} FROM {}", schema.quoted(table.name))
}

/// A column as the text of its cell.
fn shown(column: &Column, schema: &Schema) -> String {
    let name = schema.quoted(column.name);
    match (column.kind, schema.backend) {
        (Kind::Bytes | Kind::Uuid, DbBackend::Postgres) => match column.kind {
            Kind::Uuid => format!("upper(replace({name}::text, '-', ''))"),
            _ => format!("upper(encode({name}, 'hex'))"),
        },
        (Kind::Bytes | Kind::Uuid, DbBackend::Sqlite) => {
            format!("CASE WHEN {name} IS NOT NULL THEN hex({name}) END")
        }
        (Kind::Bytes | Kind::Uuid, _) => format!("CAST(hex({name}) AS CHAR)"),
        (Kind::Bool, DbBackend::Postgres) => format!("{name}::int::text"),
        (_, DbBackend::Postgres) => format!("{name}::text"),
        (_, DbBackend::Sqlite) => format!("CAST({name} AS TEXT)"),
        _ => format!("CAST({name} AS CHAR)"),
    }
}

/// Returns the rows that are not in both, table by table.
pub(super) fn changes(before: &Images, after: &Images) -> Vec<Changed> {
    before
        .iter()
        .zip(after)
        .map(|(before, after)| {
            let mut counts: BTreeMap<&Row, isize> = BTreeMap::new();
            before
                .iter()
                .for_each(|row| *counts.entry(row).or_default() -= 1);
            after
                .iter()
                .for_each(|row| *counts.entry(row).or_default() += 1);
            let rows = counts.into_iter().filter(|(_, count)| *count != 0);
            Changed {
                rows: rows.map(|(row, _)| row.clone()).collect(),
            }
        })
        .collect()
}

/// Whole tables: any change of a table the query names.
pub(super) fn by_table(parts: &[Part], changed: &[Changed]) -> bool {
    parts
        .iter()
        .any(|part| !changed[part.table].rows.is_empty())
}

/// Equalities alone, as cacheops does: any changed row, old or new, that meets those of a table in the query.
pub(super) fn by_equality(parts: &[Part], changed: &[Changed], schema: &Schema) -> bool {
    parts.iter().any(|part| {
        let columns = &schema.tables[part.table].columns;
        let meets = |row: &Row| {
            part.equal
                .iter()
                .all(|(at, values)| values.iter().any(|it| same(it, &row[*at], &columns[*at])))
        };
        changed[part.table].rows.iter().any(meets)
    })
}

fn same(one: &Cell, other: &Cell, column: &Column) -> bool {
    match (one, other) {
        (Some(one), Some(other)) if column.folding || column.kind == Kind::Text => {
            folded(one) == folded(other)
        }
        _ => one == other,
    }
}
