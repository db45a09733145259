//! Tables whose rows follow others by a foreign key, as they are read before they do.

use std::sync::Arc;

use sea_orm::DbBackend;

use super::{Catalog, Column, KeyColumn, Table};
use crate::canonical::ColumnClass;

/// A table whose rows follow others by a foreign key of integers or UUIDs, and nothing else happens then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Its schema and its name.
    pub path: (String, String),
    /// Its primary key.
    pub key: Vec<KeyColumn>,
    /// Its columns.
    pub columns: Arc<[Column]>,
}

/// Returns how rows that follow are read; `columns`: those referred to, and those that refer.
pub(super) fn follower(
    catalog: &Catalog,
    table: &Table,
    columns: &[(Arc<str>, Arc<str>)],
) -> Option<Follower> {
    let is_compared = |class| match class {
        ColumnClass::Int => true,
        ColumnClass::Uuid => catalog.backend == DbBackend::Postgres,
        // Texts that a key takes for equal may not be to a query, and its types differ.
        _ => false,
    };
    let own = |name: &Arc<str>| table.columns.iter().find(|it| it.name == *name);
    let compared = columns
        .iter()
        .all(|(_, name)| own(name).is_some_and(|it| is_compared(it.class)));
    let hidden = table.policies || table.secured || table.guard.is_some();
    let alone = table.code.is_empty() && !table.family && !table.key.is_empty();
    (compared && alone && !hidden && !catalog.may_fail_half_way()).then(|| Follower {
        path: table.path.clone(),
        key: table.key.clone(),
        columns: Arc::clone(&table.columns),
    })
}
