//! Rows whose partner is in the answer, or is not: of a table joined by LEFT JOIN, and of subqueries.
//!
//! The partner is told by one integer, which the answer shows. What lets a row in, or keeps it out, must be a matter of
//! that integer alone: then it is one for all rows that have it.

use std::sync::Arc;

use larder_core::{Condition, NULL_HASH};
use sea_orm::QueryResult;
use smallvec::SmallVec;

use super::checks::Number;
use super::seats::{Seat, Seats};
use super::{Asked, Block, ColumnOf, Join, Link, Place, Role};
use crate::canonical::ColumnClass;
use crate::catalog::Column;
use crate::members::KeyAt;

/// Of an answer with more rows nothing is told of partners.
pub(super) const MOST_PARTNERS: usize = 1024;

/// A column that equals one of a row of the answer.
#[derive(Clone, Debug)]
pub(super) struct Partners {
    column: usize,
    of: KeyAt,
    how: How,
    /// The answer has no more rows than this.
    pub(super) limit: Option<Number>,
}

/// What a row does that has a partner in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// It stands beside it.
    Beside,
    /// It stands beside it, and may do so before the last row of a full page.
    BesideUnlessFull,
    /// It lets it in.
    LetsIn,
    /// It keeps it out.
    KeepsOut,
}

impl Seats<'_> {
    /// Returns what rows of a seat are partners of rows in the answer.
    pub(super) fn partners(&self, seat: &Seat<'_>, answer: &Block) -> Option<Partners> {
        if !answer.tells_rows() {
            return None;
        }
        let (column, of, how) = if seat.block == 0 {
            self.left_joined(seat, answer)?
        } else {
            self.asked_for(seat)?
        };
        let limit = self.limit(answer);
        Some(Partners {
            column,
            of,
            how,
            limit,
        })
    }

    /// Returns the column by which a seat is joined LEFT, that of its partner, and what its rows do.
    fn left_joined(&self, seat: &Seat<'_>, answer: &Block) -> Option<(usize, KeyAt, How)> {
        if seat.join != Join::Left {
            return None;
        }
        let on = Place::On(u16::try_from(seat.source).ok()?);
        let mut links = answer.links.iter().filter(|link| link.place == on);
        let (column, (other, theirs)) = links.find_map(|link| self.link(0, seat, 0, link))?;
        let of = self.told_column(&self.list[other], theirs)?;
        if seat.is_absent() {
            let only = self.blocks.len() == 1 && self.on_names_only(seat, (other, theirs), answer);
            return only.then_some((column, of, How::KeepsOut));
        }
        let beside = if self.sorts_first_by(other, seat, answer) {
            How::Beside
        } else {
            How::BesideUnlessFull
        };
        (!seat.is_filtered()).then_some((column, of, beside))
    }

    /// Tells whether rows are sorted by the key of one seat before any column of another, if they are cut off.
    fn sorts_first_by(&self, first: usize, later: &Seat<'_>, answer: &Block) -> bool {
        if !answer.limited {
            return true;
        }
        let located = answer.order.iter().map(|by| self.locate(0, &by.column));
        let before = located.map_while(|found| found.filter(|(at, _)| !self.is_seat(*at, later)));
        let before: SmallVec<[(usize, usize); 4]> = before.collect();
        let first_seat = &self.list[first];
        let mut key = first_seat.table.key().iter();
        !first_seat.table.key().is_empty()
            && key.all(|key| {
                let mut columns = first_seat.table.columns().iter();
                let place = columns.position(|it| *it.name == *key.name);
                place.is_some_and(|place| before.contains(&(first, place)))
            })
    }

    /// Tells whether the ON of a seat names nothing of other tables but one column.
    fn on_names_only(&self, seat: &Seat<'_>, other: (usize, usize), answer: &Block) -> bool {
        let on = |role: Role| matches!(role, Role::On(at) if usize::from(at) == seat.source);
        let mut mentions = answer.mentions.iter().filter(|mention| on(mention.role));
        mentions.all(|mention| {
            let Some(name) = mention.column.clone() else {
                return false;
            };
            let qualifier = mention.qualifier.clone();
            let found = self.locate(0, &ColumnOf { qualifier, name });
            found.is_some_and(|(at, column)| self.is_seat(at, seat) || (at, column) == other)
        })
    }

    /// Returns the column by which a seat of a subquery is tied to a row of the answer, that row's, and what it does.
    fn asked_for(&self, seat: &Seat<'_>) -> Option<(usize, KeyAt, How)> {
        let block = &self.blocks[seat.block];
        let plain = block.outer == Some(0)
            && block.ungrouped
            && !block.limited
            && block.offset.is_none()
            && seat.join == Join::Inner
            && self.blocks.iter().all(|it| it.outer != Some(seat.block))
            && block.sources.iter().all(|it| it.relation.is_some());
        if !plain {
            return None;
        }
        let how = match block.asked.as_ref()? {
            Asked::ExistsNot => How::KeepsOut,
            Asked::Exists | Asked::In(..) => How::LetsIn,
        };
        let (column, other) = match block.asked.as_ref()? {
            Asked::In(outer, inner) => {
                let (at, column) = self.locate(seat.block, inner)?;
                let own = self.is_seat(at, seat);
                let other = self.locate(0, outer)?;
                (own && self.is_comparable((at, column), other)).then_some((column, Some(other)))?
            }
            Asked::Exists | Asked::ExistsNot => {
                let mut links = block.links.iter().filter(|link| link.place == Place::Where);
                let (column, other) =
                    links.find_map(|link| self.link(seat.block, seat, 0, link))?;
                (column, Some(other))
            }
        };
        let tied = other.filter(|_| matches!(block.asked, Some(Asked::Exists | Asked::ExistsNot)));
        if !self.names_outside_only(seat.block, tied) {
            return None;
        }
        let (at, theirs) = other?;
        let of = self.told_column(&self.list[at], theirs)?;
        Some((column, of, how))
    }

    /// Tells whether a subquery names nothing of the query around it but this column.
    fn names_outside_only(&self, block: usize, other: Option<(usize, usize)>) -> bool {
        self.blocks[block].mentions.iter().all(|mention| {
            let Some(name) = mention.column.clone() else {
                // `*` is of its own tables, and so may `t.*` be.
                return mention.qualifier.is_none();
            };
            let qualifier = mention.qualifier.clone();
            let column = ColumnOf { qualifier, name };
            match self.end(block, &column) {
                Some((_, own)) => own.is_some(),
                None => self.locate(0, &column).is_some_and(|it| Some(it) == other),
            }
        })
    }

    /// Returns the ends of an equality between a seat of `inner` and a table of `outer`, both of numbers.
    fn link(
        &self,
        inner: usize,
        seat: &Seat<'_>,
        outer: usize,
        link: &Link,
    ) -> Option<(usize, (usize, usize))> {
        let sides = [(&link.left, &link.right), (&link.right, &link.left)];
        sides.into_iter().find_map(|(own, other)| {
            let (at, column) = self.locate(inner, own)?;
            // What the subquery knows by that name is not the outer one's.
            let hidden = inner != outer && self.end(inner, other).is_some();
            let other = self.locate(outer, other).filter(|_| !hidden)?;
            let apart = other.0 != at && self.is_seat(at, seat);
            (apart && self.is_comparable((at, column), other)).then_some((column, other))
        })
    }

    pub(super) fn is_seat(&self, at: usize, seat: &Seat<'_>) -> bool {
        std::ptr::eq(&raw const self.list[at], seat)
    }

    fn is_comparable(&self, own: (usize, usize), other: (usize, usize)) -> bool {
        let [own, other] = [own, other].map(|(at, column)| &self.list[at].table.columns()[column]);
        own.class == ColumnClass::Int && other.class == ColumnClass::Int
    }
}

impl Partners {
    /// Returns what rows must have been, and be, to count.
    pub(super) fn conditions(
        &self,
        rows: &[QueryResult],
        limit: Option<i64>,
        columns: &[Column],
    ) -> Option<[Option<Condition>; 2]> {
        let most = limit.and_then(|limit| usize::try_from(limit).ok());
        let full = most.is_none_or(|most| rows.len() >= most);
        if rows.len() > MOST_PARTNERS || (full && self.how == How::BesideUnlessFull) {
            return None;
        }
        let hashes = rows.iter().map(|row| self.of.hash(row));
        let mut hashes = hashes.collect::<Option<Vec<u64>>>()?;
        hashes.retain(|hash| *hash != NULL_HASH);
        hashes.sort_unstable();
        hashes.dedup();
        let name = Arc::clone(&columns[self.column].name);
        let there = Condition::Among(name, hashes.into(), true);
        let elsewhere = || Condition::Not(Arc::new(there.clone()));
        Some(match self.how {
            How::Beside | How::BesideUnlessFull => [Some(there.clone()), Some(there)],
            How::LetsIn => [Some(there.clone()), Some(elsewhere())],
            How::KeepsOut => [Some(elsewhere()), Some(there)],
        })
    }
}
