//! The last row of a page: what is sorted behind it does not count while the page is full.

use std::sync::Arc;

use larder_core::{Condition, Image, NULL_HASH};
use sea_orm::{DbBackend, QueryResult};
use smallvec::SmallVec;

use super::checks::Number;
use super::seats::{Seat, Seats};
use super::tells::never;
use super::{Block, Join, OrderBy};
use crate::canonical::ColumnClass;
use crate::catalog::Column;
use crate::members::{KeyAt, Shown};

/// The last row of a page.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) limit: Number,
    order: SmallVec<[Sorted; 1]>,
    /// A join may put NULL in the place of a row.
    filled: bool,
}

#[derive(Clone, Debug)]
struct Sorted {
    column: usize,
    descending: bool,
    nulls_first: bool,
    at: KeyAt,
}

impl Seats<'_> {
    /// Returns the columns by which the last row of a page is compared, if they are those of a seat.
    pub(super) fn edge(&self, seat: &Seat<'_>, answer: &Block) -> Option<Edge> {
        let limit = self.limit(answer)?;
        let own = |by: &OrderBy| {
            let (at, column) = self.locate(0, &by.column)?;
            let ours = self.is_seat(at, seat);
            let numbers = ours && seat.table.columns()[column].class == ColumnClass::Int;
            let at = numbers.then(|| self.told_column(seat, column))??;
            Some(Sorted {
                column,
                descending: by.descending,
                // PostgreSQL takes NULL for the greatest value, the others for the least.
                nulls_first: by.descending == (self.backend == DbBackend::Postgres),
                at,
            })
        };
        let is_absent = |by: &&OrderBy| {
            let found = self.locate(0, &by.column);
            found.is_some_and(|(at, _)| self.list[at].is_absent())
        };
        // What is not there is NULL in all rows.
        let order = answer.order.iter().filter(|by| !is_absent(by));
        let order: SmallVec<[Sorted; 1]> = order.map_while(own).collect();
        (!order.is_empty() && !seat.is_absent()).then_some(Edge {
            limit,
            order,
            filled: seat.join == Join::Left,
        })
    }
}

impl Edge {
    /// Returns what a row meets that is not sorted behind the last one of a full page.
    pub(super) fn condition(
        &self,
        rows: &[QueryResult],
        limit: Option<i64>,
        columns: &[Column],
    ) -> Option<Condition> {
        let full = usize::try_from(limit?).ok()? == rows.len();
        let last = rows.last().filter(|_| full)?;
        let mut behind = Vec::with_capacity(self.order.len());
        for sorted in &self.order {
            behind.push((sorted, sorted.at.number(last)?));
        }
        // From the last column to the first: less, or equal and so on.
        let mut condition = None;
        for (sorted, last) in behind.into_iter().rev() {
            let name = &columns[sorted.column].name;
            let equal = equal(name, last);
            let equal = match condition {
                Some(rest) => Condition::All(Arc::new([equal, rest])),
                None => equal,
            };
            condition = Some(Condition::Any(Arc::new([sorted.less(name, last), equal])));
        }
        let condition = condition?;
        let nulls = columns.iter().map(|it| (Arc::clone(&it.name), NULL_HASH));
        let nulls = Image::Known(nulls.collect());
        (!self.filled || !condition.may_hold(&nulls)).then_some(condition)
    }
}

impl Sorted {
    /// Returns the condition that a value is sorted before the last one.
    fn less(&self, name: &Arc<str>, last: Shown) -> Condition {
        let number = |least, most| Condition::Within(Arc::clone(name), least, most);
        let last = match last {
            Shown::Number(last) => last,
            Shown::Null if self.nulls_first => return never(),
            Shown::Null => return number(i64::MIN, i64::MAX),
        };
        let less = if self.descending {
            last.checked_add(1).map(|least| number(least, i64::MAX))
        } else {
            last.checked_sub(1).map(|most| number(i64::MIN, most))
        };
        let less = less.unwrap_or_else(never);
        if self.nulls_first {
            Condition::Any(Arc::new([less, Condition::Null(Arc::clone(name))]))
        } else {
            less
        }
    }
}

fn equal(name: &Arc<str>, last: Shown) -> Condition {
    match last {
        Shown::Number(last) => Condition::Within(Arc::clone(name), last, last),
        Shown::Null => Condition::Null(Arc::clone(name)),
    }
}
