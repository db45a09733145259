//! How a query reads a table: by which equalities, in which columns.

use std::fmt;
use std::sync::Arc;

use crate::hash::stable_hash;
use crate::name::push_counted;

/// Some columns of a table, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Columns {
    /// All there are, or some of which it is not known which.
    All,
    /// These, sorted, each once.
    Named(Arc<[Arc<str>]>),
}

impl Columns {
    /// These columns, in any order.
    pub fn named(columns: impl IntoIterator<Item = Arc<str>>) -> Self {
        let mut columns: Vec<Arc<str>> = columns.into_iter().collect();
        columns.sort();
        columns.dedup();
        Self::Named(columns.into())
    }

    /// Tells whether a column may be in both.
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(own), Self::Named(other)) => {
                own.iter().any(|column| other.contains(column))
            }
            _ => true,
        }
    }

    fn encode(&self, into: &mut smallvec::SmallVec<[u8; 256]>) {
        match self {
            Self::All => into.push(b'*'),
            Self::Named(columns) => {
                into.push(b'n');
                columns
                    .iter()
                    .for_each(|column| push_counted(into, column.as_bytes()));
                into.push(b'.');
            }
        }
    }
}

/// How a query reads a table; what differs only in the values it asks for has one shape.
///
/// Of a change it tells which part concerns the query. What is not known of the change concerns it.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    equalities: Box<[Arc<str>]>,
    uses: Columns,
    entering: Option<Columns>,
    hash: u64,
    uses_hash: u64,
}

impl Shape {
    /// Any row that matches the equalities, before a change or after it, in the columns used.
    ///
    /// For counts, aggregates, pages with an offset, subqueries: whatever is not told by its rows.
    pub fn of_set(equalities: impl IntoIterator<Item = Arc<str>>, uses: Columns) -> Arc<Self> {
        Self::new(equalities, uses, None)
    }

    /// The rows of an answer, each named by a [`Dependency::Member`](crate::Dependency::Member), and
    /// rows that enter it.
    ///
    /// A row enters when it matches the equalities after a change that inserted it or met `entering`:
    /// the columns of predicates and orders. Changes whose rows are not known are compared as in
    /// [`of_set`](Self::of_set).
    pub fn of_rows(
        equalities: impl IntoIterator<Item = Arc<str>>,
        uses: Columns,
        entering: Columns,
    ) -> Arc<Self> {
        Self::new(equalities, uses, Some(entering))
    }

    /// Returns the columns of the equalities, sorted.
    pub fn equalities(&self) -> &[Arc<str>] {
        &self.equalities
    }

    /// Returns the columns the query uses: of all that it reads, compares and sorts by.
    pub fn uses(&self) -> &Columns {
        &self.uses
    }

    /// Returns the columns by which a row enters the answer; `None` if its rows are not told.
    pub fn entering(&self) -> Option<&Columns> {
        self.entering.as_ref()
    }

    /// Returns a hash that differs for shapes that differ.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn uses_hash(&self) -> u64 {
        self.uses_hash
    }

    fn new(
        equalities: impl IntoIterator<Item = Arc<str>>,
        uses: Columns,
        entering: Option<Columns>,
    ) -> Arc<Self> {
        let mut equalities: Vec<Arc<str>> = equalities.into_iter().collect();
        equalities.sort();
        equalities.dedup();
        let mut bytes = smallvec::SmallVec::new();
        uses.encode(&mut bytes);
        let uses_hash = stable_hash(&bytes);
        equalities
            .iter()
            .for_each(|column| push_counted(&mut bytes, column.as_bytes()));
        bytes.push(b';');
        if let Some(entering) = &entering {
            entering.encode(&mut bytes);
        }
        Arc::new(Self {
            equalities: equalities.into(),
            uses,
            entering,
            hash: stable_hash(&bytes),
            uses_hash,
        })
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all columns"),
            Self::Named(columns) if columns.is_empty() => f.write_str("no column"),
            Self::Named(columns) => f.write_str(&columns.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(columns: &[&'static str]) -> Columns {
        Columns::named(columns.iter().map(|column| Arc::from(*column)))
    }

    #[test]
    fn what_is_not_known_meets_everything() {
        assert!(Columns::All.meets(&named(&[])) && named(&[]).meets(&Columns::All));
        assert!(named(&["a", "b"]).meets(&named(&["b", "c"])));
        assert!(!named(&["a"]).meets(&named(&["b"])) && !named(&[]).meets(&named(&["a"])));
    }

    #[test]
    fn shapes_that_differ_in_anything_have_different_hashes() {
        let a = || [Arc::from("a")];
        let shapes = [
            Shape::of_set(a(), Columns::All),
            Shape::of_set(a(), named(&["a"])),
            Shape::of_set([], named(&["a"])),
            Shape::of_set([], named(&[])),
            Shape::of_rows(a(), Columns::All, Columns::All),
            Shape::of_rows(a(), Columns::All, named(&["a"])),
            Shape::of_rows(a(), Columns::All, named(&[])),
        ];
        for (at, one) in shapes.iter().enumerate() {
            for other in &shapes[at + 1..] {
                assert_ne!(one.hash(), other.hash(), "{one:?} {other:?}");
            }
        }
    }
}
