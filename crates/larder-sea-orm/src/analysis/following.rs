//! Rows of other tables that a foreign key takes along, read before the rows they follow are written.
//!
//! The rows they refer to are locked by then, so that no others come to refer to them; those that do are locked as well,
//! so that nobody changes them before they follow. Where all of them are known, each is told by itself, and where
//! there are none, nothing goes with them either.

use std::sync::Arc;

use larder_core::{Change, Columns, Image, TableName};
use sea_orm::sea_query::{
    Alias, Asterisk, Condition, Expr, ExprTrait as _, IntoTableRef as _, LockType, Query,
    SelectStatement, Value,
};
use sea_orm::{DbBackend, QueryResult};

use super::preimage::MOST_EXACT;
use super::target::{Target, written_key};
use super::writing::Writing;
use crate::canonical::{is_null, row_value};
use crate::catalog::{Cascade, Column};

/// The rows that follow by each of a target's foreign keys; `None`: it is not known which do.
pub(crate) type Followed = Vec<Option<Vec<QueryResult>>>;

/// How the rows are found that follow by a foreign key.
#[derive(Debug)]
pub(crate) enum Following {
    /// They are not.
    Unknown,
    /// There are none.
    Nothing,
    /// By this SELECT.
    Rows(Box<SelectStatement>),
}

/// More rows than this are not followed: their number decides how long the SELECT of the others is.
const MOST_FOLLOWED: usize = 64;

impl Writing {
    /// Returns how to find the rows that follow `rows` by each foreign key, with their tables.
    ///
    /// `rows` are all that may be written.
    pub(crate) fn following(
        &self,
        rows: &[QueryResult],
        backend: DbBackend,
    ) -> Vec<(&TableName, Following)> {
        let Some(target) = self.target() else {
            return Vec::new();
        };
        let following = |cascade| following(target, cascade, rows, backend);
        let cascades = target.cascades.iter();
        cascades
            .map(|it| (&it.table, following(it).unwrap_or(Following::Unknown)))
            .collect()
    }

    /// Returns the tables of which any row may change, where it is known which rows follow.
    pub(super) fn wide_with(&self, target: &Target, followed: &Followed) -> Vec<TableName> {
        let mut wide = self.direct.clone();
        for (cascade, rows) in target.cascades.iter().zip(followed) {
            if rows.as_ref().is_none_or(|rows| !rows.is_empty()) {
                wide.extend(cascade.further.iter().cloned());
            }
        }
        wide
    }
}

/// Returns how to find the rows that follow; `None` if they cannot be told.
fn following(
    target: &Target,
    cascade: &Cascade,
    rows: &[QueryResult],
    backend: DbBackend,
) -> Option<Following> {
    let follower = cascade.follower.as_ref()?;
    if rows.len() > MOST_FOLLOWED {
        return None;
    }
    let mut any = Condition::any();
    for row in rows {
        any = with_referring(any, target, cascade, row)?;
    }
    if any.is_empty() {
        return Some(Following::Nothing);
    }
    let (schema, name) = &follower.path;
    let mut select = Query::select();
    select
        .column(Asterisk)
        .from((Alias::new(schema), Alias::new(name)).into_table_ref())
        .cond_where(any)
        .limit(MOST_EXACT + 1);
    if backend != DbBackend::Sqlite {
        select.lock(LockType::Update);
    }
    Some(Following::Rows(Box::new(select)))
}

/// Adds the condition of rows that refer to this one, if any can; `None` if that is not known.
fn with_referring(
    any: Condition,
    target: &Target,
    cascade: &Cascade,
    row: &QueryResult,
) -> Option<Condition> {
    let mut all = Condition::all();
    for (referred, own) in &cascade.columns {
        let columns = target.images.columns();
        let column = columns.iter().find(|it| it.name == *referred)?;
        let value: Value = row_value(row, column)?;
        if is_null(&value) {
            return Some(any);
        }
        all = all.add(Expr::col(Alias::new(&**own)).eq(value));
    }
    Some(any.add(all))
}

/// Returns the changes of rows that follow; `None` if one cannot be told.
pub(super) fn changes(cascade: &Cascade, rows: &[QueryResult]) -> Option<Vec<Change>> {
    let follower = cascade.follower.as_ref()?;
    if u64::try_from(rows.len()).unwrap_or(u64::MAX) > MOST_EXACT {
        return None;
    }
    let change = |row| {
        let change = Change::row(&cascade.table, written_key(&follower.key, row)?);
        let before = image(&follower.columns, row, |_| true);
        Some(if cascade.deleted {
            change.images(before, Image::Absent)
        } else {
            let own = |column: &Column| Columns::named([Arc::clone(&column.name)]);
            let stays = |column: &Column| !cascade.changed.meets(&own(column));
            let after = image(&follower.columns, row, stays);
            change
                .columns(cascade.changed.clone())
                .images(before, after)
        })
    };
    rows.iter().map(change).collect()
}

fn image(columns: &[Column], row: &QueryResult, counts: impl Fn(&Column) -> bool) -> Image {
    let columns = columns.iter().filter(|column| counts(column));
    let values = columns.filter_map(|it| Some((Arc::clone(&it.name), it.read(row)?)));
    let values: Vec<_> = values.collect();
    if values.is_empty() {
        return Image::Unknown;
    }
    Image::Known(values.into())
}
