//! From the queries of a statement to what its answer depends on (`coherence.md`, section 4).
//!
//! 1. Each table a block reads is a [`Seat`]. The columns named in the block are attributed to the seats they may
//!    belong to: those are *used*, and those of conditions and orders decide whether a row *enters*.
//! 2. An equality with values holds for the rows of a seat that have a part in the answer. It is carried along
//!    equalities of columns, as far as joins allow (`carry.rs`).
//! 3. If the answer tells the keys of a seat's rows, it depends on those rows and on rows that enter; otherwise on all
//!    rows that match, before a change or after it.
//!
//! A column too many costs precision, and an equality too few. Never the other way round.

use std::sync::Arc;

use larder_core::{Dependency, Filter, Match, Shape, TableName};
use sea_orm::sea_query::Value;
use smallvec::{SmallVec, smallvec};

use super::carry::{self, Candidate, Compared};
use super::checks::{self, Checks};
use super::narrow::{self, Also};
use super::references;
use super::seats::{Seat, Seats};
use super::tells::{self, Tells, Waiting};
use super::{Block, Uncacheable};
use crate::catalog::{Catalog, Column, Relation, Table};
use crate::members::Members;

/// What an answer depends on.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    /// Known before the statement is sent.
    pub dependencies: Vec<Dependency>,
    /// How the answer tells the rows it also depends on.
    pub(crate) members: Vec<Members>,
    /// Filters that wait for the answer.
    pub(crate) waiting: Vec<Waiting>,
    /// The answer has no more rows than a LIMIT says.
    pub(crate) limited: bool,
}

impl Reads {
    /// Depends on these and nothing else.
    pub(crate) fn of(dependencies: Vec<Dependency>) -> Self {
        Self {
            dependencies,
            ..Self::default()
        }
    }

    /// Makes them those of an answer of which the first row alone is looked at.
    pub(crate) fn of_first(&mut self) {
        if self.limited {
            // Of a longer page the rows that follow are not seen.
            let one = |limit: &i64| *limit == 1;
            let waiting = self.waiting.iter_mut();
            waiting.for_each(|it| it.limit = it.limit.filter(one));
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.untold();
        self.waiting = waiting;
        self.waiting.retain_mut(|it| {
            let tells = it.tells.of_first();
            tells.map(|tells| it.tells = tells).is_some()
        });
    }

    /// Makes them those of an answer whose rows are not looked at.
    pub(crate) fn untold(&mut self) {
        self.waiting.clear();
        for members in self.members.drain(..) {
            let set = Shape::of_set(
                members.shape.equalities().iter().map(Arc::clone),
                members.shape.uses().clone(),
            );
            for dependency in &mut self.dependencies {
                match dependency {
                    Dependency::Match(table, rows)
                        if *table == members.table && Arc::ptr_eq(rows.shape(), &members.shape) =>
                    {
                        let filter = rows.filter().map(Arc::clone);
                        *rows = Match::of(&set, rows.values().iter().copied());
                        if let Some(filter) = filter {
                            *rows = rows.clone().filtered(filter);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

/// What an answer depends on, as far as it does not depend on the values bound.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// Tables that are depended on as a whole: those of views.
    tables: Vec<TableName>,
    matches: Vec<Matching>,
    members: Vec<Members>,
    limited: bool,
}

/// Values as hashes.
type Hashes = SmallVec<[u64; 4]>;

/// Which rows are asked for.
enum Asked {
    /// Those of these values.
    Rows(Hashes),
    /// None: what is said of a column contradicts itself.
    None,
    /// A value cannot be told, or is NULL.
    Untold,
}

/// Columns by their places, and what each is compared with.
type Alternative = SmallVec<[(usize, Compared); 2]>;

/// Rows of a table, picked by values some of which may be bound.
#[derive(Clone, Debug)]
struct Matching {
    table: TableName,
    columns: Arc<[Column]>,
    shape: Arc<Shape>,
    /// The columns, in the order of the shape's equalities, and what each is compared with.
    values: Alternative,
    /// What the columns are compared with as well.
    also: Also,
    /// What rows must be beside that.
    checks: Arc<Checks>,
    /// What the answer tells of them.
    tells: Option<Arc<Tells>>,
    /// No row of the block is there unless one of these is.
    strict: bool,
    block: usize,
    /// The place of the table among those of the statement.
    seat: usize,
}

impl Reading {
    /// Returns the dependencies for the values bound; `None` if one of them cannot be told or is NULL.
    pub(super) fn with(&self, bound: &[Value]) -> Option<Reads> {
        let mut dependencies = whole(self.tables.iter().cloned()).dependencies;
        let mut possible: SmallVec<[(&Matching, Hashes); 4]> = SmallVec::new();
        for matching in &self.matches {
            match matching.with(bound) {
                Asked::Rows(values) => possible.push((matching, values)),
                Asked::None => {}
                Asked::Untold => return None,
            }
        }
        // Of a table none of whose alternatives is possible no row is there, so there is none of its block.
        let never = |block: usize| {
            let mut of_block = self.matches.iter().filter(|it| it.block == block);
            of_block.any(|it| it.strict && !possible.iter().any(|(one, _)| one.seat == it.seat))
        };
        let mut waiting = Vec::new();
        for (matching, values) in &possible {
            if never(matching.block) {
                continue;
            }
            let mut rows = Match::of(&matching.shape, values.iter().copied());
            if let Some(filter) = matching.filter(bound, &mut waiting) {
                rows = rows.filtered(filter);
            }
            let dependency = Dependency::Match(matching.table.clone(), rows);
            if !dependencies.contains(&dependency) {
                dependencies.push(dependency);
            }
        }
        Some(Reads {
            dependencies,
            members: self.members.clone(),
            waiting,
            limited: self.limited,
        })
    }
}

impl Matching {
    /// Returns the filter of its rows; one that waits for the answer is noted.
    fn filter(&self, bound: &[Value], waiting: &mut Vec<Waiting>) -> Option<Arc<Filter>> {
        let filter = self.checks.with(&self.columns, bound);
        let Some(tells) = &self.tells else {
            return filter;
        };
        let filter = Arc::new(filter.unwrap_or_default().of_one_answer());
        waiting.push(Waiting {
            filter: Arc::clone(&filter),
            tells: Arc::clone(tells),
            limit: tells.limit(bound),
        });
        Some(filter)
    }

    /// Returns which rows are asked for by the values bound.
    fn with(&self, bound: &[Value]) -> Asked {
        let hash = |(column, compared): &(usize, Compared)| self.hash(*column, compared, bound);
        let Some(values) = self.values.iter().map(hash).collect::<Option<Hashes>>() else {
            return Asked::Untold;
        };
        for (column, alternatives) in &*self.also {
            let own = alternatives.iter();
            let own = own.map(|alternative| self.hash(*column, alternative, bound));
            let Some(own) = own.collect::<Option<Hashes>>() else {
                return Asked::Untold;
            };
            let at = self.values.iter().position(|(known, _)| known == column);
            if at.is_some_and(|at| !own.contains(&values[at])) {
                return Asked::None;
            }
        }
        Asked::Rows(values)
    }

    fn hash(&self, column: usize, compared: &Compared, bound: &[Value]) -> Option<u64> {
        compared.hash(&self.columns[column], bound)
    }
}

/// Returns what the answer of a statement of these blocks depends on.
///
/// `bound_by_mark`: the values bound are marks of their places.
pub(super) fn reading(
    blocks: &[Block],
    catalog: &Catalog,
    bound_by_mark: bool,
) -> Result<Reading, Uncacheable> {
    let mut reading = Reading {
        limited: blocks.first().is_some_and(|block| block.limited),
        ..Reading::default()
    };
    let mut seats = Seats {
        blocks,
        backend: catalog.backend,
        bound_by_mark,
        list: SmallVec::new(),
    };
    seats.take(catalog, &mut reading)?;
    seats.settle_joins();
    seats.attribute();
    // A policy may ask for any column of its table.
    seats
        .list
        .iter_mut()
        .filter(|seat| seat.table.has_policies())
        .for_each(Seat::name_all);
    let candidates = carry::candidates(&seats).into_iter();
    let referred = references::referred(&seats, catalog);
    let seated = seats.list.iter().zip(candidates.zip(checks::of(&seats)));
    for (place, (seat, (candidates, mut checks))) in seated.enumerate() {
        if blocks[seat.block].is_empty() {
            continue;
        }
        let key = seats.told_key(seat);
        let equalities = narrow::chosen(seat.table, &candidates);
        let (also, strict) = narrow::also(&equalities, &candidates);
        checks.add(&narrow::left_aside(&equalities, &candidates));
        if referred.contains(&place) {
            checks.refer();
        }
        checks.finish(seat.table.columns());
        let checks = Arc::new(checks);
        let tells = tells::of(&seats, seat, key.is_some());
        let shape = seat.shape(&equalities, key.is_some(), catalog);
        for values in alternatives(&equalities, seat.table) {
            reading.matches.push(Matching {
                table: seat.table.name().clone(),
                columns: seat.table.shared_columns(),
                shape: Arc::clone(&shape),
                values,
                also: Arc::clone(&also),
                checks: Arc::clone(&checks),
                tells: tells.clone(),
                strict,
                block: seat.block,
                seat: place,
            });
        }
        if let Some(key) = key {
            reading.members.push(Members {
                table: seat.table.name().clone(),
                shape,
                key,
            });
        }
    }
    Ok(reading)
}

impl<'a> Seats<'a> {
    /// Takes the tables that the blocks read; those of views are depended on as a whole.
    fn take(&mut self, catalog: &'a Catalog, reading: &mut Reading) -> Result<(), Uncacheable> {
        let blocks = self.blocks;
        for (block, source, relation) in relations(blocks) {
            match catalog.resolve(relation) {
                Relation::Table(table) => match table.guard() {
                    Some(reason) => return Err(unresolved(relation, reason)),
                    None => self.list.push(Seat::new(table, block, source, blocks)),
                },
                Relation::View(view) => match view.guard() {
                    Some(reason) => return Err(unresolved(relation, reason)),
                    None => reading.tables.extend_from_slice(view.tables()),
                },
                Relation::Unresolved(reason) => return Err(unresolved(relation, reason)),
            }
        }
        Ok(())
    }
}

/// Returns whole tables as dependencies, each once.
pub(super) fn whole(names: impl IntoIterator<Item = TableName>) -> Reads {
    let mut dependencies = Vec::new();
    for name in names {
        let dependency = Dependency::Table(name);
        if !dependencies.contains(&dependency) {
            dependencies.push(dependency);
        }
    }
    Reads::of(dependencies)
}

fn relations(blocks: &[Block]) -> impl Iterator<Item = (usize, usize, &super::RelationName)> {
    blocks.iter().enumerate().flat_map(|(block, it)| {
        it.sources
            .iter()
            .enumerate()
            .filter_map(move |(at, source)| Some((block, at, source.relation.as_ref()?)))
    })
}

fn unresolved(name: &super::RelationName, reason: super::Unresolved) -> Uncacheable {
    // The parser takes the word for a table, the catalog for none.
    if reason == super::Unresolved::System && name.name.text().eq_ignore_ascii_case("only") {
        return Uncacheable::Opaque("ONLY");
    }
    Uncacheable::Unresolved(name.to_string(), reason)
}

/// Returns the values of each alternative, in the order of the columns' names.
fn alternatives(equalities: &[&Candidate], table: &Table) -> SmallVec<[Alternative; 1]> {
    let mut rows: SmallVec<[Alternative; 1]> = smallvec![SmallVec::new()];
    for candidate in equalities {
        let width = candidate.columns.len();
        let extended = rows.iter().flat_map(|row| {
            candidate.values.chunks_exact(width).map(move |values| {
                let mut row = row.clone();
                row.extend(
                    candidate
                        .columns
                        .iter()
                        .copied()
                        .zip(values.iter().copied()),
                );
                row
            })
        });
        rows = extended.collect();
    }
    for row in &mut rows {
        row.sort_by(|(a, _), (b, _)| table.columns()[*a].name.cmp(&table.columns()[*b].name));
    }
    rows
}
