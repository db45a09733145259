//! Which statement reads many rows, and what each row depends on.

use sea_orm::sea_query::{Expr, ExprTrait as _, ValueTuple};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn,
    QueryFilter, QueryTrait, Select,
};

use crate::CachedEntity;
use crate::analysis::Reads;
use crate::catalog::{Catalog, Relation};
use crate::domain::Domain;
use crate::entity::relation;
use crate::reader::Reader;
use crate::repository::loads::by_id;
use crate::statement::{Intent, Read};

/// Every database takes this many parameters: `SQLite` 32,766, the others 65,535.
const MOST_PARAMETERS: usize = 32_766;

/// `SQLite` nests alternatives in each other, 1,000 deep at most.
const MOST_ALTERNATIVES: usize = 900;

/// Returns how many rows one statement may ask for.
pub(super) fn most_rows<E: EntityTrait>(backend: DbBackend) -> usize {
    match (backend, E::PrimaryKey::iter().count().max(1)) {
        (DbBackend::Sqlite, 2..) => MOST_ALTERNATIVES,
        (_, columns) => MOST_PARAMETERS / columns,
    }
}

/// Selects the rows with these keys.
pub(super) fn by_ids<E: EntityTrait>(ids: &[&ValueTuple], backend: DbBackend) -> Select<E> {
    let columns: Vec<E::Column> = E::PrimaryKey::iter()
        .map(PrimaryKeyToColumn::into_column)
        .collect();
    let rows = match (columns.as_slice(), backend) {
        ([column], _) => {
            let values = ids.iter().filter_map(|id| id.iter().next().cloned());
            Condition::all().add(column.is_in(values))
        }
        // SQLite compares tuples with each other, but not with a list of them.
        (_, DbBackend::Sqlite) => ids
            .iter()
            .fold(Condition::any(), |any, id| any.add(equals(&columns, id))),
        _ => {
            let names = columns
                .iter()
                .map(|column| Expr::col(column.as_column_ref()));
            let rows = ids.iter().map(|id| Expr::tuple(saved(&columns, id)));
            Condition::all().add(Expr::tuple(names).is_in(rows))
        }
    };
    E::find().filter(rows)
}

fn equals<C: ColumnTrait>(columns: &[C], id: &ValueTuple) -> Condition {
    let pairs = columns.iter().zip(id.iter());
    pairs.fold(Condition::all(), |all, (column, value)| {
        all.add(column.eq(value.clone()))
    })
}

fn saved<C: ColumnTrait>(columns: &[C], id: &ValueTuple) -> Vec<Expr> {
    let pairs = columns.iter().zip(id.iter());
    pairs
        .map(|(column, value)| column.save_as(Expr::val(value.clone())))
        .collect()
}

/// Returns for each key what the row with it, there or not, depends on.
///
/// The rows of one statement, told apart: together they would depend on all of them.
pub(super) fn reads<E: CachedEntity>(
    ids: &[&ValueTuple],
    domain: &Domain,
    reader: &Reader,
) -> Vec<Read> {
    let stamp = domain.larder.stamp();
    let catalog = domain.catalog_for(reader);
    ids.iter()
        .map(
            |id| match catalog.as_deref().and_then(|catalog| row::<E>(id, catalog)) {
                Some(row) => Read {
                    stamp,
                    dependencies: Ok(Reads::of(vec![row])),
                    tells: None,
                },
                None => read_alone::<E>(id, domain, reader),
            },
        )
        .collect()
}

/// Returns the dependency on one row, if the catalog can tell it.
fn row<E: CachedEntity>(id: &ValueTuple, catalog: &Catalog) -> Option<larder_core::Dependency> {
    let name = relation::<E>();
    let Relation::Table(table) = catalog.resolve(&name) else {
        return None;
    };
    if table.guard().is_some() {
        return None;
    }
    let columns: Vec<E::Column> = E::PrimaryKey::iter()
        .map(PrimaryKeyToColumn::into_column)
        .collect();
    let place = |column: &str| columns.iter().position(|own| own.as_str() == column);
    let key = table.row_key(|column| id.iter().nth(place(column)?))?;
    Some(larder_core::Dependency::row(table.name(), key))
}

/// Asks what a statement for this row alone would depend on.
fn read_alone<E: CachedEntity>(id: &ValueTuple, domain: &Domain, reader: &Reader) -> Read {
    match Intent::of(by_id::<E>(id).as_query(), domain, reader) {
        Intent::Read(read) => read,
        Intent::Write(write) => Read {
            stamp: domain.larder.stamp(),
            dependencies: Err(write.refusal),
            tells: None,
        },
    }
}
