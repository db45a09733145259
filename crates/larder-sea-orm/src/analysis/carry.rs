//! Equalities with values, table by table, carried along equalities of columns.
//!
//! An equality is *strict* if every row of the join that gets past WHERE fulfils it, and otherwise only about which
//! rows of its own table find a partner: what the ON of a LEFT JOIN says of the table joined.
//!
//! 1. WHERE `t.c = v`: strict; NULL in the place of `t` does not fulfil it either.
//! 2. INNER JOIN .. ON `t.c = v`: strict. LEFT JOIN t ON `t.c = v`: not strict, and of no other table.
//! 3. `IS NULL` only of tables that no join fills with NULLs.
//! 4. `a.c = b.d` in WHERE or INNER JOIN .. ON carries both ways, and what it carries is strict.
//! 5. LEFT JOIN b ON `a.c = b.d` carries from `a` to `b`, not strict; from `b` to `a` only what is strict of `b`.
//! 6. Into a subquery carries what is strict outside, by an equality in its WHERE or INNER JOIN .. ON.
//! 7. With a RIGHT or FULL JOIN in the block only WHERE counts.

use sea_orm::sea_query::Value;
use smallvec::{SmallVec, smallvec};

use super::remembered::mark;
use super::seats::{Seat, Seats};
use super::{BlockAtom, ColumnOf, Join, Link, Place};
use crate::canonical::{ColumnClass, is_null};
use crate::catalog::Column;

/// Rounds of carrying: longer chains of joins are left aside.
const ROUNDS: usize = 4;

/// Columns of one table that, taken together, have one of these values.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) columns: SmallVec<[usize; 1]>,
    /// The values, each alternative as long as the columns.
    pub(super) values: SmallVec<[Compared; 2]>,
    pub(super) strict: bool,
    /// It is the value NULL, which equals nothing.
    null: bool,
}

impl Candidate {
    /// Returns how many alternatives there are.
    pub(super) fn alternatives(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// Returns its column and the values, if it is of one column and not NULL.
    pub(super) fn of_one(&self) -> Option<(usize, &SmallVec<[Compared; 2]>)> {
        match self.columns.as_slice() {
            [column] if !self.null => Some((*column, &self.values)),
            _ => None,
        }
    }

    fn is_of(&self, column: usize) -> bool {
        self.columns.as_slice() == [column] && !self.null
    }
}

/// What a column is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// The value of this hash.
    Hash(u64),
    /// The value bound at this place, from 0.
    Bound(u16),
}

impl Compared {
    /// Returns the hash of the value; `None` if it cannot be told or is NULL.
    pub(super) fn hash(&self, column: &Column, bound: &[Value]) -> Option<u64> {
        match self {
            Self::Hash(hash) => Some(*hash),
            Self::Bound(place) => {
                let value = bound.get(usize::from(*place))?;
                (!is_null(value)).then(|| column.compared(value))?
            }
        }
    }
}

type Candidates = SmallVec<[Candidate; 2]>;

/// Returns the equalities with values of each seat, in their order.
pub(super) fn candidates(seats: &Seats<'_>) -> SmallVec<[Candidates; 4]> {
    let mut all: SmallVec<[Candidates; 4]> = smallvec![Candidates::new(); seats.list.len()];
    for (block, it) in seats.blocks.iter().enumerate() {
        for atom in &it.atoms {
            if let Some((seat, candidate)) = candidate(seats, block, atom) {
                all[seat].push(candidate);
            }
        }
    }
    let links: SmallVec<[Carrier; 4]> = seats
        .blocks
        .iter()
        .enumerate()
        .flat_map(|(block, it)| {
            it.links
                .iter()
                .filter_map(move |link| carrier(seats, block, link))
        })
        .collect();
    for _ in 0..ROUNDS {
        let before: usize = all.iter().map(SmallVec::len).sum();
        for link in &links {
            link.carry(seats, &mut all);
        }
        if all.iter().map(SmallVec::len).sum::<usize>() == before {
            break;
        }
    }
    all
}

fn candidate(seats: &Seats<'_>, block: usize, atom: &BlockAtom) -> Option<(usize, Candidate)> {
    let mut columns = SmallVec::new();
    let mut seat = None;
    for column in &atom.columns {
        let (at, own) = seats.locate(block, column)?;
        // `(a, a) IN ((1, 1))` says the same of one column twice, or nothing can be it.
        if *seat.get_or_insert(at) != at || columns.contains(&own) {
            return None;
        }
        columns.push(own);
    }
    let at = seat?;
    let strict = seats.strictness(block, &seats.list[at], atom)?;
    let values = compared(seats, &seats.list[at], &columns, atom)?;
    let candidate = Candidate {
        columns,
        values,
        strict,
        null: atom.is_null,
    };
    Some((at, candidate))
}

fn compared(
    seats: &Seats<'_>,
    seat: &Seat<'_>,
    columns: &[usize],
    atom: &BlockAtom,
) -> Option<SmallVec<[Compared; 2]>> {
    let mut compared = SmallVec::new();
    for alternative in atom.values.chunks_exact(columns.len()) {
        if !atom.is_null && alternative.iter().any(is_null) {
            continue;
        }
        for (column, value) in columns.iter().zip(alternative) {
            compared.push(seats.compared_with(&seat.table.columns()[*column], value)?);
        }
    }
    Some(compared)
}

impl Seats<'_> {
    /// Returns what a column is compared with.
    pub(super) fn compared_with(&self, column: &Column, value: &Value) -> Option<Compared> {
        match self.bound_by_mark.then(|| mark::place(value)).flatten() {
            Some(place) if column.class != ColumnClass::Other => Some(Compared::Bound(place)),
            _ => Some(Compared::Hash(column.compared(value)?)),
        }
    }

    /// Returns the seat and the column of a name, if it is certain.
    pub(super) fn locate(&self, block: usize, column: &ColumnOf) -> Option<(usize, usize)> {
        let sources = &self.blocks[block].sources;
        let Some(qualifier) = &column.qualifier else {
            let mut found = (0..self.list.len()).filter_map(|at| {
                let own = (self.list[at].block == block).then(|| self.column(at, column))?;
                Some((at, own?))
            });
            let only = found.next()?;
            return found.next().is_none().then_some(only);
        };
        let ours = |source: &super::Source| source.goes_by(qualifier, self.backend);
        if sources.iter().filter(|source| ours(source)).count() != 1 {
            return None;
        }
        let seat = self
            .list
            .iter()
            .position(|seat| seat.block == block && ours(&sources[seat.source]))?;
        Some((seat, self.column(seat, column)?))
    }

    fn column(&self, seat: usize, column: &ColumnOf) -> Option<usize> {
        self.list[seat].table.column(&column.name, self.backend)
    }

    pub(super) fn has_outer_joins(&self, block: usize) -> bool {
        let mut sources = self.blocks[block].sources.iter();
        sources.any(|source| source.join == Join::Other)
    }

    /// Returns whether an equality is strict; `None` if it does not hold for the rows of the seat.
    fn strictness(&self, block: usize, seat: &Seat<'_>, atom: &BlockAtom) -> Option<bool> {
        let outer = self.has_outer_joins(block);
        let filled = outer || seat.join == Join::Left;
        match atom.place {
            Place::Where => (!atom.is_null || !filled).then_some(true),
            Place::On(_) if outer => None,
            Place::On(at) => match self.blocks[block].sources.get(usize::from(at))?.join {
                Join::Inner => (!atom.is_null || !filled).then_some(true),
                Join::Left => (usize::from(at) == seat.source).then_some(false),
                Join::Other => None,
            },
        }
    }
}

/// An equality of two columns, with the ways it carries.
struct Carrier {
    left: End,
    right: End,
    /// From left to right, from right to left.
    ways: [Option<Way>; 2],
}

#[derive(Clone, Copy)]
struct End {
    seat: usize,
    column: usize,
}

/// What may be carried, and what it is then.
#[derive(Clone, Copy)]
struct Way {
    only_strict: bool,
    strict: bool,
}

const BOTH: Way = Way {
    only_strict: false,
    strict: true,
};

fn carrier(seats: &Seats<'_>, block: usize, link: &Link) -> Option<Carrier> {
    let end = |column: &ColumnOf| {
        let (at, (seat, column)) = seats
            .seen_from(block)
            .find_map(|at| seats.end(at, column).map(|end| (at, end)))?;
        Some((
            at,
            End {
                seat,
                column: column?,
            },
        ))
    };
    let ((left_block, left), (right_block, right)) = (end(&link.left)?, end(&link.right)?);
    let class = |end: End| seats.list[end.seat].table.columns()[end.column].class;
    if class(left) != class(right) || class(left) == ColumnClass::Other {
        return None;
    }
    let ways = if left_block == right_block && left_block == block {
        ways_within(seats, block, link.place, left, right)?
    } else {
        ways_into(seats, block, link.place, left_block, right_block)?
    };
    Some(Carrier { left, right, ways })
}

impl Seats<'_> {
    /// Returns what a column is in a block; an inner `None` for one that is found but not certain.
    pub(super) fn end(&self, block: usize, column: &ColumnOf) -> Option<(usize, Option<usize>)> {
        if let Some((seat, own)) = self.locate(block, column) {
            return Some((seat, Some(own)));
        }
        let sources = &self.blocks[block].sources;
        let hidden = match &column.qualifier {
            Some(qualifier) => sources
                .iter()
                .any(|source| source.goes_by(qualifier, self.backend)),
            // It may be any table's that is not known here, or of several.
            None => true,
        };
        hidden.then_some((0, None))
    }
}

fn ways_within(
    seats: &Seats<'_>,
    block: usize,
    place: Place,
    left: End,
    right: End,
) -> Option<[Option<Way>; 2]> {
    let Place::On(at) = place else {
        return Some([Some(BOTH), Some(BOTH)]);
    };
    if seats.has_outer_joins(block) {
        return None;
    }
    let at = usize::from(at);
    match seats.blocks[block].sources.get(at)?.join {
        Join::Inner => Some([Some(BOTH), Some(BOTH)]),
        Join::Left => {
            let joined = |end: End| seats.list[end.seat].source == at;
            let into = Some(Way {
                only_strict: false,
                strict: false,
            });
            let back = Some(Way {
                only_strict: true,
                strict: true,
            });
            match (joined(left), joined(right)) {
                (false, true) => Some([into, back]),
                (true, false) => Some([back, into]),
                _ => None,
            }
        }
        Join::Other => None,
    }
}

fn ways_into(
    seats: &Seats<'_>,
    block: usize,
    place: Place,
    left_block: usize,
    right_block: usize,
) -> Option<[Option<Way>; 2]> {
    let certain = match place {
        Place::Where => true,
        Place::On(at) => {
            !seats.has_outer_joins(block)
                && seats.blocks[block].sources.get(usize::from(at))?.join == Join::Inner
        }
    };
    let inwards = Some(Way {
        only_strict: true,
        strict: true,
    });
    match (left_block == block, right_block == block) {
        (false, true) if certain => Some([inwards, None]),
        (true, false) if certain => Some([None, inwards]),
        _ => None,
    }
}

impl Carrier {
    fn carry(&self, seats: &Seats<'_>, all: &mut [Candidates]) {
        let ends = [(self.left, self.right), (self.right, self.left)];
        for ((from, to), way) in ends.into_iter().zip(self.ways) {
            let Some(way) = way else { continue };
            let carried = all[from.seat]
                .iter()
                .filter(|it| it.is_of(from.column) && (it.strict || !way.only_strict))
                .min_by_key(|it| it.values.len())
                .map(|it| Candidate {
                    columns: smallvec![to.column],
                    strict: way.strict,
                    ..it.clone()
                });
            let Some(carried) = carried else { continue };
            let known = all[to.seat].iter().any(|it| {
                it.is_of(to.column)
                    && it.values.len() <= carried.values.len()
                    && (it.strict || !carried.strict)
            });
            if !known && !seats.list[to.seat].table.columns().is_empty() {
                all[to.seat].push(carried);
            }
        }
    }
}
