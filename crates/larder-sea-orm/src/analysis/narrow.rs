//! Which of the equalities of a table an entry is kept by.
//!
//! 1. What several say of one column holds at once. If they leave nothing, no row of the table has a part in the
//!    answer; if they are strict, no row of any table of the block has. That the values bound decide too.
//! 2. The key comes first, if they give it: of any write that names it a row's key is known, what else the row was
//!    before often is not. Then those that leave the fewest alternatives.

use std::sync::Arc;

use smallvec::SmallVec;

use super::carry::{Candidate, Compared};
use super::pins::MOST_ROWS;
use crate::catalog::Table;

/// More alternatives than this a table, and some of its equalities are left aside; one list alone may be longer.
const MOST_ALTERNATIVES: usize = 32;

/// More equalities than this a table are left aside: of changes that tell only some of the columns the core
/// compares no more.
const MOST_EQUALITIES: usize = 3;

/// Equalities that an entry is kept by.
type Chosen<'c> = SmallVec<[&'c Candidate; 2]>;

/// What else is said of columns by which an entry is kept: each has one of these values too.
pub(super) type Also = Arc<[(usize, SmallVec<[Compared; 2]>)]>;

/// Returns what others of a table's equalities say of the columns of those chosen, and whether all are strict.
pub(super) fn also(chosen: &Chosen<'_>, candidates: &[Candidate]) -> (Also, bool) {
    let mut strict = chosen.iter().all(|it| it.strict);
    let mut also = Vec::new();
    for candidate in candidates {
        let [column] = candidate.columns.as_slice() else {
            continue;
        };
        let is_other = !chosen.iter().any(|it| std::ptr::eq(*it, candidate));
        let covered = chosen.iter().any(|it| it.columns.contains(column));
        if is_other && covered && candidate.alternatives() > 0 {
            strict &= candidate.strict;
            also.push((*column, candidate.values.clone()));
        }
    }
    (also.into(), strict)
}

/// Returns the equalities an entry is not kept by.
pub(super) fn left_aside<'c>(
    chosen: &Chosen<'c>,
    candidates: &'c [Candidate],
) -> SmallVec<[&'c Candidate; 2]> {
    let is_other = |it: &&Candidate| !chosen.iter().any(|own| std::ptr::eq(*own, *it));
    candidates.iter().filter(is_other).collect()
}

/// Returns the equalities an entry is kept by, as long as their alternatives are few.
pub(super) fn chosen<'c>(table: &Table, candidates: &'c [Candidate]) -> Chosen<'c> {
    let first = of_key(table, candidates).unwrap_or_default();
    extended(first, candidates)
}

/// Returns the equalities that give the whole primary key, if there are such and their alternatives are few.
fn of_key<'c>(table: &Table, candidates: &'c [Candidate]) -> Option<Chosen<'c>> {
    let mut chosen: Chosen<'c> = SmallVec::new();
    for key in table.key() {
        let column = table
            .columns()
            .iter()
            .position(|it| *it.name == *key.name)?;
        let own = candidates
            .iter()
            .filter(|it| it.columns.as_slice() == [column] && it.alternatives() > 0);
        chosen.push(own.min_by_key(|it| it.alternatives())?);
    }
    let product: usize = chosen.iter().map(|it| it.alternatives()).product();
    (!chosen.is_empty() && product <= MOST_ALTERNATIVES).then_some(chosen)
}

/// Adds the equalities that tell rows apart best.
fn extended<'c>(first: Chosen<'c>, candidates: &'c [Candidate]) -> Chosen<'c> {
    let mut sorted: SmallVec<[&Candidate; 4]> = candidates
        .iter()
        .filter(|candidate| candidate.alternatives() > 0)
        .collect();
    sorted.sort_by_key(|candidate| candidate.alternatives());
    let mut product: usize = first.iter().map(|it| it.alternatives()).product();
    let mut chosen = first;
    for candidate in sorted {
        let covered = chosen
            .iter()
            .flat_map(|it| &it.columns)
            .any(|column| candidate.columns.contains(column));
        let columns: usize = chosen.iter().map(|it| it.columns.len()).sum();
        let narrow = columns + candidate.columns.len() <= MOST_EQUALITIES;
        let few = product * candidate.alternatives() <= MOST_ALTERNATIVES
            || (chosen.is_empty() && candidate.alternatives() <= MOST_ROWS);
        if !covered && narrow && few {
            product *= candidate.alternatives();
            chosen.push(candidate);
        }
    }
    chosen
}
