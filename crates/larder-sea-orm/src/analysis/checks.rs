//! Conditions that are no equalities, table by table: which rows certainly have no part in the answer.
//!
//! A condition counts for a table if a row of it that does not meet it might as well not be there: of a WHERE, or of the
//! ON of an INNER JOIN, whatever is false for it; of the ON of a LEFT JOIN, what is said of the table joined. Where a
//! join may fill the table with NULLs, those must not meet the condition either.
//!
//! An equality of two columns is such a condition of each: NULL equals nothing.
//!
//! What a condition says of other tables may be anything, and so may what is not understood.

use std::sync::Arc;

use larder_core::{Condition, Filter, Image, NULL_HASH};
use sea_orm::sea_query::Value;
use smallvec::SmallVec;

use super::carry::{Candidate, Compared};
use super::remembered::mark;
use super::seats::{Seat, Seats};
use super::{BlockCheck, Check, Comparison, Join, Link, Place};
use crate::canonical::{ColumnClass, is_null, key_part};
use crate::catalog::Column;

/// More conditions than this of a table are left aside.
const MOST_CHECKS: usize = 8;

/// What rows must be beside their equalities, some of it by values that are bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Checks {
    own: SmallVec<[Own; 1]>,
    /// Its rows come and go with those that refer to them.
    referred: bool,
    /// The filter, if no value bound has a part in it.
    made: Option<Arc<Filter>>,
}

/// A condition on the columns of one table, by their places.
#[derive(Clone, Debug, PartialEq)]
enum Own {
    Compare(usize, Comparison, Number),
    In(usize, SmallVec<[Compared; 2]>),
    Null(usize),
    All(Vec<Own>),
    Any(Vec<Own>),
    Not(Box<Own>),
    Unknown,
}

/// A number a column is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Written(i64),
    Bound(u16),
}

/// Returns what the rows of each seat must be beside their equalities.
pub(super) fn of(seats: &Seats<'_>) -> SmallVec<[Checks; 4]> {
    let mut all: SmallVec<[Checks; 4]> = seats.list.iter().map(|_| Checks::default()).collect();
    for (block, it) in seats.blocks.iter().enumerate() {
        for check in it
            .links
            .iter()
            .flat_map(not_null)
            .chain(it.checks.iter().cloned())
        {
            for (seat, checks) in seats.list.iter().zip(&mut all) {
                if seat.block == block && checks.own.len() < MOST_CHECKS {
                    let own = seats.check(seat, &check);
                    checks
                        .own
                        .extend(own.filter(|own| !checks.own.contains(own)));
                }
            }
        }
    }
    all
}

/// Returns what an equality of two columns says of each: NULL equals nothing.
fn not_null(link: &Link) -> [BlockCheck; 2] {
    [&link.left, &link.right].map(|column| BlockCheck {
        check: Check::Not(Box::new(Check::Null(column.clone()))),
        place: link.place,
    })
}

impl Seats<'_> {
    /// Returns what a condition says of a seat of its block; `None` if it says nothing that counts.
    fn check(&self, seat: &Seat<'_>, check: &BlockCheck) -> Option<Own> {
        let own = self.own(seat, &check.check);
        if own == Own::Unknown {
            return None;
        }
        let filled = self.has_outer_joins(seat.block) || seat.join == Join::Left;
        let certain = match check.place {
            Place::Where => !filled || own.is_false_of_nulls(seat),
            Place::On(_) if self.has_outer_joins(seat.block) => false,
            Place::On(at) => match self.blocks[seat.block].sources.get(usize::from(at))?.join {
                Join::Inner => !filled || own.is_false_of_nulls(seat),
                Join::Left => usize::from(at) == seat.source,
                Join::Other => false,
            },
        };
        certain.then_some(own)
    }

    /// Tells whether a condition of a WHERE holds for no row that has NULL in the place of a seat.
    pub(super) fn checks_for_value(&self, seat: &Seat<'_>) -> bool {
        let mut checks = self.blocks[seat.block].checks.iter();
        checks.any(|it| {
            let own = (it.place == Place::Where).then(|| self.own(seat, &it.check));
            own.is_some_and(|own| own.is_false_of_nulls(seat))
        })
    }

    fn own(&self, seat: &Seat<'_>, check: &Check) -> Own {
        let place = |column| {
            let (at, place) = self.locate(seat.block, column)?;
            std::ptr::eq(&raw const self.list[at], seat).then_some(place)
        };
        let inner = |all: &[Check]| all.iter().map(|it| self.own(seat, it)).collect::<Vec<_>>();
        match check {
            Check::Compare(column, comparison, value) => {
                let number = |place: usize| self.number(&seat.table.columns()[place], value);
                let found = place(column).and_then(|place| Some((place, number(place)?)));
                found.map_or(Own::Unknown, |(place, number)| {
                    Own::Compare(place, *comparison, number)
                })
            }
            Check::In(column, values) => {
                let compared = |place: usize| {
                    let column = &seat.table.columns()[place];
                    let compared =
                        |value| (!is_null(value)).then(|| self.compared_with(column, value))?;
                    let each = values.iter().map(compared);
                    each.collect::<Option<SmallVec<[Compared; 2]>>>()
                };
                let found = place(column).and_then(|place| Some((place, compared(place)?)));
                found.map_or(Own::Unknown, |(place, values)| Own::In(place, values))
            }
            Check::Null(column) => {
                let place = place(column).filter(|place| seat.table.columns()[*place].nullable);
                place.map_or(Own::Unknown, Own::Null)
            }
            Check::All(all) => Own::all(inner(all)),
            Check::Any(any) => Own::any(inner(any)),
            Check::Not(check) => match self.own(seat, check) {
                Own::Unknown => Own::Unknown,
                own => Own::Not(Box::new(own)),
            },
            Check::Unknown => Own::Unknown,
        }
    }

    fn number(&self, column: &Column, value: &Value) -> Option<Number> {
        if column.class != ColumnClass::Int {
            return None;
        }
        match self.bound_by_mark.then(|| mark::place(value)).flatten() {
            Some(place) => Some(Number::Bound(place)),
            None => number(value).map(Number::Written),
        }
    }
}

pub(super) fn number(value: &Value) -> Option<i64> {
    match key_part(value, ColumnClass::Int)? {
        larder_core::KeyPart::Int(number) => Some(number),
        _ => None,
    }
}

impl Own {
    fn all(mut inner: Vec<Self>) -> Self {
        if inner.iter().all(|it| *it == Self::Unknown) {
            return Self::Unknown;
        }
        match inner.len() {
            1 => inner.remove(0),
            _ => Self::All(inner),
        }
    }

    fn any(mut inner: Vec<Self>) -> Self {
        if inner.contains(&Self::Unknown) {
            return Self::Unknown;
        }
        match inner.len() {
            1 => inner.remove(0),
            _ => Self::Any(inner),
        }
    }

    fn is_false_of_nulls(&self, seat: &Seat<'_>) -> bool {
        let columns = seat.table.columns();
        let nulls = columns.iter().map(|it| (Arc::clone(&it.name), NULL_HASH));
        let nulls = Image::Known(nulls.collect());
        !self.condition(columns, None).may_hold(&nulls)
    }

    fn is_bound(&self) -> bool {
        match self {
            Self::Compare(_, _, number) => matches!(number, Number::Bound(_)),
            Self::In(_, values) => values.iter().any(|it| matches!(it, Compared::Bound(_))),
            Self::All(inner) | Self::Any(inner) => inner.iter().any(Self::is_bound),
            Self::Not(inner) => inner.is_bound(),
            Self::Null(_) | Self::Unknown => false,
        }
    }

    /// Returns the condition for the values bound; of those that are not given any may be.
    fn condition(&self, columns: &[Column], bound: Option<&[Value]>) -> Condition {
        let name = |place: &usize| Arc::clone(&columns[*place].name);
        let all = |inner: &[Self]| {
            inner
                .iter()
                .map(|it| it.condition(columns, bound))
                .collect()
        };
        match self {
            Self::Compare(place, comparison, number) => {
                let Some(number) = number.with(bound) else {
                    return of_any_number(name(place));
                };
                comparison.with(name(place), number)
            }
            Self::In(place, values) => {
                let column = &columns[*place];
                let hash = |compared: &Compared| compared.hash(column, bound?);
                let hashes: Option<Vec<u64>> = match bound {
                    Some(_) => values.iter().map(hash).collect(),
                    None => values
                        .iter()
                        .map(|it| match it {
                            Compared::Hash(hash) => Some(*hash),
                            Compared::Bound(_) => None,
                        })
                        .collect(),
                };
                hashes.map_or(Condition::Unknown, |mut hashes| {
                    hashes.sort_unstable();
                    let exact = column.class == ColumnClass::Int;
                    Condition::Among(name(place), hashes.into(), exact)
                })
            }
            Self::Null(place) => Condition::Null(name(place)),
            Self::All(inner) => Condition::All(all(inner)),
            Self::Any(inner) => Condition::Any(all(inner)),
            Self::Not(inner) => Condition::Not(Arc::new(inner.condition(columns, bound))),
            Self::Unknown => Condition::Unknown,
        }
    }
}

impl Number {
    pub(super) fn with(self, bound: Option<&[Value]>) -> Option<i64> {
        match self {
            Self::Written(number) => Some(number),
            Self::Bound(place) => number(bound?.get(usize::from(place))?),
        }
    }
}

impl Comparison {
    fn with(self, column: Arc<str>, number: i64) -> Condition {
        let (least, most) = match self {
            Self::Less => (Some(i64::MIN), number.checked_sub(1)),
            Self::LessOrEqual => (Some(i64::MIN), Some(number)),
            Self::Greater => (number.checked_add(1), Some(i64::MAX)),
            Self::GreaterOrEqual => (Some(number), Some(i64::MAX)),
        };
        match (least, most) {
            (Some(least), Some(most)) => Condition::Within(column, least, most),
            _ => Condition::Unknown,
        }
    }
}

/// Returns what is known of a comparison with a number that is not: it is not true of NULL.
fn of_any_number(column: Arc<str>) -> Condition {
    Condition::All(Arc::new([
        Condition::Within(column, i64::MIN, i64::MAX),
        Condition::Unknown,
    ]))
}

impl Checks {
    /// Adds equalities that entries are not kept by.
    pub(super) fn add(&mut self, others: &[&Candidate]) {
        for candidate in others {
            if let Some((column, values)) = candidate.of_one()
                && !values.is_empty()
                && self.own.len() < MOST_CHECKS
            {
                self.own.push(Own::In(column, values.clone()));
            }
        }
    }

    /// Says that rows come and go with those that refer to them.
    pub(super) fn refer(&mut self) {
        self.referred = true;
    }

    /// Makes the filter at once if nothing is bound.
    pub(super) fn finish(&mut self, columns: &[Column]) {
        if !self.is_empty() && !self.own.iter().any(Own::is_bound) {
            self.made = Some(Arc::new(self.filter(columns, &[])));
        }
    }

    /// Returns the filter for the values bound.
    pub(super) fn with(&self, columns: &[Column], bound: &[Value]) -> Option<Arc<Filter>> {
        match &self.made {
            Some(made) => Some(Arc::clone(made)),
            None if self.is_empty() => None,
            None => Some(Arc::new(self.filter(columns, bound))),
        }
    }

    fn filter(&self, columns: &[Column], bound: &[Value]) -> Filter {
        let own = self.own.iter();
        let conditions: Vec<Condition> = own.map(|it| it.condition(columns, Some(bound))).collect();
        let filter = Filter::new(conditions.clone(), conditions);
        if self.referred {
            return filter.of_existing();
        }
        filter
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty() && !self.referred
    }
}
