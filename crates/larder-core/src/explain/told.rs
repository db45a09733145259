//! What an entry was made of, in words.

use std::fmt::Write as _;

use crate::dependency::Dependency;
use crate::entry::Entry;
use crate::explain::ToldDependency;
use crate::larder::Larder;
use crate::marks::Mark;
use crate::shape::{Columns, Shape};
use crate::spot::Spot;

/// What is said of dependencies that have no words of their own.
#[derive(PartialEq, Eq)]
enum Counted {
    /// Rows of a table, in these columns if not in all.
    Rows(u32, Option<Columns>),
    Names,
}

/// Returns what `entry` was made of; if it is `invalid`, with what of it has changed.
pub(super) fn told(entry: &Entry, larder: &Larder, invalid: bool) -> Vec<ToldDependency> {
    let (mut told, mut counts) = (
        Vec::<ToldDependency>::new(),
        Vec::<(Counted, usize, bool)>::new(),
    );
    for mark in &entry.marks.list {
        let has_changed = invalid && has_changed(mark, entry, larder);
        if matches!(mark, Mark::Part(..)) && !has_changed {
            continue;
        }
        match words(mark, entry, larder) {
            Ok(words) => match told.iter_mut().find(|known| known.words == words) {
                Some(known) => known.has_changed |= has_changed,
                None => told.push(ToldDependency { words, has_changed }),
            },
            Err(counted) => match counts.iter_mut().find(|(known, ..)| *known == counted) {
                Some((_, count, changed)) => {
                    *count += 1;
                    *changed |= has_changed;
                }
                None => counts.push((counted, 1, has_changed)),
            },
        }
    }
    let counts = counts
        .into_iter()
        .map(|(counted, count, has_changed)| ToldDependency {
            words: counted.words(count, entry),
            has_changed,
        });
    told.extend(counts);
    told
}

fn has_changed(mark: &Mark, entry: &Entry, larder: &Larder) -> bool {
    let (node, position, marks) = (larder.node(), entry.position(), &entry.marks);
    let wide = |table: u32| Spot::Wide(marks.table(table)).latest(node) >= position;
    !mark.untouched_since(position, marks, node) || mark.table().is_some_and(wide)
}

/// Returns the words of a dependency, or what it is counted as.
fn words(mark: &Mark, entry: &Entry, larder: &Larder) -> Result<String, Counted> {
    let name = |table: u32| &entry.marks.table(table).name;
    let node = larder.node();
    match mark {
        Mark::Table(table) => Ok(Dependency::table(name(*table)).to_string()),
        Mark::Match(table, _, shape) | Mark::Part(table, _, shape) => {
            Ok(matched(name(*table).as_str(), &shape.shape))
        }
        Mark::Filtered(table, filtered) => {
            Ok(matched(name(*table).as_str(), &filtered.clock.shape))
        }
        Mark::Row(table, hash) => {
            let known = node.names.get(*hash);
            known.ok_or(Counted::Rows(*table, None))
        }
        Mark::Member(table, hash, shape) => {
            let uses = shape.shape.uses();
            let part = matches!(uses, Columns::Named(_)).then(|| uses.clone());
            match node.names.get(*hash) {
                Some(words) => Ok(words + &in_columns(part.as_ref())),
                None => Err(Counted::Rows(*table, part)),
            }
        }
        Mark::Named(hash) => {
            let known = larder.tag_words(*hash);
            known
                .or_else(|| node.names.get(*hash))
                .ok_or(Counted::Names)
        }
    }
}

impl Counted {
    fn words(&self, count: usize, entry: &Entry) -> String {
        match self {
            Self::Rows(table, columns) => {
                let rows = if count == 1 { "row" } else { "rows" };
                let table = &entry.marks.table(*table).name;
                format!("{count} {rows} of {table}{}", in_columns(columns.as_ref()))
            }
            Self::Names if count == 1 => "1 tag or entry".to_owned(),
            Self::Names => format!("{count} tags or entries"),
        }
    }
}

fn in_columns(columns: Option<&Columns>) -> String {
    columns.map_or_else(String::new, |columns| format!(" (uses {columns})"))
}

fn matched(table: &str, shape: &Shape) -> String {
    let mut words = format!("rows of {table}");
    if !shape.equalities().is_empty() {
        let _ = write!(words, " by {}", shape.equalities().join(", "));
    }
    let _ = write!(words, " (uses {}", shape.uses());
    if let Some(entering) = shape.entering() {
        let _ = match entering {
            Columns::Named(columns) if columns.is_empty() => write!(words, "; enters by insertion"),
            columns => write!(words, "; enters by {columns}"),
        };
    }
    words.push(')');
    words
}
