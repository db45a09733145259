//! What an answer tells of the changes that can alter it.
//!
//! An answer that is as it is says more than its query does. Each of these holds of any state of the database in which
//! the query has this answer; so it holds of all the changes that come until one of them alters it.
//!
//! 1. A full page alters by no row that is sorted behind its last one.
//! 2. No row goes from an answer without rows, a count of none, or what does not exist; and nothing comes by one more
//!    where something exists, or where a page of nothing but constants is full. Only of tables that are joined inner.
//! 3. No row goes but one whose values the answer shows. Of tables that are joined inner.
//! 4. Of a table joined by LEFT JOIN count rows whose partner is in the answer. Where only rows without a partner are
//!    asked for, one that comes counts if its partner is in the answer, one that goes if it is not.
//! 5. The same of a subquery of which is asked whether it has rows for a row: one that comes counts only if the row is
//!    not in the answer yet, one that goes only if it is. Of one that must have none, the other way round.

use std::sync::Arc;

use larder_core::{Condition, Filter, NULL_HASH};
use sea_orm::QueryResult;
use sea_orm::sea_query::Value;
use smallvec::SmallVec;

use super::checks::{Number, number};
use super::edges::Edge;
use super::partners::{MOST_PARTNERS, Partners};
use super::remembered::mark;
use super::seats::{Seat, Seats};
use super::{Block, Gives, Join, Role};
use crate::canonical::ColumnClass;
use crate::catalog::Column;
use crate::members::{KeyAt, Shown};

/// What an answer tells of the rows of one table.
#[derive(Clone, Debug)]
pub(crate) struct Tells {
    columns: Arc<[Column]>,
    all: SmallVec<[Tell; 1]>,
}

/// One thing an answer tells.
#[derive(Clone, Debug)]
enum Tell {
    /// What stands in a row that comes before its last one.
    Edge(Edge),
    /// The rows that it has, or would have, as partners.
    Partners(Partners),
    /// That it has no rows; `full`: or that it has as many as it may have.
    Rows { full: Option<Number> },
    /// What its rows hold in these columns.
    Values(SmallVec<[(usize, KeyAt); 2]>),
    /// That something exists or not.
    Exists,
    /// That it counts no row.
    Count,
}

/// A filter that waits for what the answer tells.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) filter: Arc<Filter>,
    pub(crate) tells: Arc<Tells>,
    /// The values bound.
    pub(crate) limit: Option<i64>,
}

type Conditions = SmallVec<[Condition; 2]>;

/// Nothing meets it.
pub(super) fn never() -> Condition {
    Condition::Any(Arc::new([]))
}

/// Returns what the answer will tell of the rows of a seat.
///
/// `told`: it also tells which rows it is made of.
pub(super) fn of(seats: &Seats<'_>, seat: &Seat<'_>, told: bool) -> Option<Arc<Tells>> {
    let mut all = SmallVec::new();
    let answer = seats.blocks.first()?;
    let plain = |at: usize| {
        let block = &seats.blocks[at];
        !block.opaque && !seats.has_outer_joins(at)
    };
    if seat.table.has_policies() || !plain(0) || !plain(seat.block) {
        return None;
    }
    let inner = seat.join == Join::Inner;
    match answer.gives {
        Gives::Exists(at) if inner && at == seat.block && seats.blocks[at].ungrouped => {
            all.push(Tell::Exists);
        }
        Gives::Count(at)
            if inner && at == seat.block && (at == 0 || seats.blocks[at].ungrouped) =>
        {
            all.push(Tell::Count);
        }
        Gives::Rows if answer.ungrouped => {
            if seat.block == 0 {
                all.extend(seats.rows(answer, told).filter(|_| inner));
                all.extend(seats.edge(seat, answer).map(Tell::Edge));
                let values = seats.values(seat, answer).filter(|_| inner && !told);
                all.extend(values.map(Tell::Values));
            }
            all.extend(seats.partners(seat, answer).map(Tell::Partners));
        }
        _ => {}
    }
    (!all.is_empty()).then(|| {
        Arc::new(Tells {
            columns: seat.table.shared_columns(),
            all,
        })
    })
}

impl Seats<'_> {
    fn rows(&self, answer: &Block, told: bool) -> Option<Tell> {
        let selects = |role| matches!(role, Role::Output(_) | Role::Selected);
        let constant = !answer.mentions.iter().any(|mention| selects(mention.role));
        let mut others = self.blocks.iter().skip(1);
        let alone = others.all(|block| block.outer != Some(0) || block.asked.is_some())
            && answer
                .sources
                .iter()
                .all(|source| source.relation.is_some());
        let full = self.limit(answer).filter(|_| constant && alone);
        (full.is_some() || !told).then_some(Tell::Rows { full })
    }

    /// Returns the columns of a seat whose values the answer shows.
    fn values(&self, seat: &Seat<'_>, answer: &Block) -> Option<SmallVec<[(usize, KeyAt); 2]>> {
        let columns = 0..seat.table.columns().len();
        let told = columns.filter_map(|at| Some((at, self.told_column(seat, at)?)));
        let told: SmallVec<[_; 2]> = told
            .filter(|(at, _)| seat.table.columns()[*at].class != ColumnClass::Other)
            .collect();
        (!told.is_empty() && answer.tells_rows()).then_some(told)
    }

    /// Returns how many rows the answer has at most, if that is told.
    pub(super) fn limit(&self, answer: &Block) -> Option<Number> {
        let limit = answer.limit.as_ref()?;
        match self.bound_by_mark.then(|| mark::place(limit)).flatten() {
            Some(place) => Some(Number::Bound(place)),
            None => number(limit).map(Number::Written),
        }
    }
}

impl Tells {
    /// Returns the value of the limit that is asked about, if it is told.
    pub(crate) fn limit(&self, bound: &[Value]) -> Option<i64> {
        self.all.iter().find_map(|tell| match tell {
            Tell::Edge(Edge { limit, .. })
            | Tell::Rows { full: Some(limit) }
            | Tell::Partners(Partners {
                limit: Some(limit), ..
            }) => limit.with(Some(bound)),
            _ => None,
        })
    }

    /// Leaves what the first row of an answer tells that may have more.
    pub(crate) fn of_first(&self) -> Option<Arc<Self>> {
        let whole = |tell: &&Tell| match tell {
            Tell::Exists | Tell::Count | Tell::Rows { full: None } => true,
            Tell::Edge(_) | Tell::Partners(_) | Tell::Values(_) | Tell::Rows { full: Some(_) } => {
                false
            }
        };
        let all: SmallVec<[Tell; 1]> = self.all.iter().filter(whole).cloned().collect();
        (!all.is_empty()).then(|| {
            Arc::new(Self {
                columns: Arc::clone(&self.columns),
                all,
            })
        })
    }
}

impl Waiting {
    /// Takes what an answer tells.
    pub(crate) fn tell(&self, rows: &[QueryResult]) {
        let (mut before, mut after) = (Conditions::new(), Conditions::new());
        for tell in &self.tells.all {
            match tell {
                Tell::Rows { full } => {
                    let most = full.and(self.limit).and_then(|it| usize::try_from(it).ok());
                    if rows.is_empty() {
                        before.push(never());
                    } else if most == Some(rows.len()) {
                        after.push(never());
                    }
                }
                Tell::Values(values) if rows.len() <= MOST_PARTNERS => {
                    let shown = values.iter().filter_map(|(column, at)| {
                        let name = &self.tells.columns[*column].name;
                        shown(rows, name, at)
                    });
                    before.extend(shown);
                }
                Tell::Values(_) => {}
                Tell::Exists => match truth(rows) {
                    Some(true) => after.push(never()),
                    Some(false) => before.push(never()),
                    None => {}
                },
                Tell::Count => {
                    let count = KeyAt::index(0, ColumnClass::Int);
                    if rows.first().and_then(|row| count.number(row)) == Some(Shown::Number(0)) {
                        before.push(never());
                    }
                }
                Tell::Edge(edge) => {
                    if let Some(edge) = edge.condition(rows, self.limit, &self.tells.columns) {
                        before.push(edge.clone());
                        after.push(edge);
                    }
                }
                Tell::Partners(partners) => {
                    if let Some([own_before, own_after]) =
                        partners.conditions(rows, self.limit, &self.tells.columns)
                    {
                        before.extend(own_before);
                        after.extend(own_after);
                    }
                }
            }
        }
        self.filter.tell(before, after);
    }
}

/// Returns what a row meets that holds in a column what a row of the answer does; `None` if that cannot be told.
fn shown(rows: &[QueryResult], name: &Arc<str>, at: &KeyAt) -> Option<Condition> {
    let hashes = rows.iter().map(|row| at.hash(row));
    let mut hashes = hashes.collect::<Option<Vec<u64>>>()?;
    hashes.sort_unstable();
    hashes.dedup();
    let null = hashes.binary_search(&NULL_HASH).is_ok();
    let one = Condition::Among(Arc::clone(name), hashes.into(), false);
    Some(if null {
        Condition::Any(Arc::new([one, Condition::Null(Arc::clone(name))]))
    } else {
        one
    })
}

/// Returns the truth that an answer of one value is.
fn truth(rows: &[QueryResult]) -> Option<bool> {
    let row = rows.first()?;
    let is = |class| match KeyAt::index(0, class).number(row) {
        Some(Shown::Number(number)) => Some(number != 0),
        Some(Shown::Null) | None => None,
    };
    is(ColumnClass::Int).or_else(|| is(ColumnClass::Bool))
}
