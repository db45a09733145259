//! The queries of a statement, taken apart: tables, equalities, columns.
//!
//! A [`Block`] is one SELECT: the statement itself, a subquery, one side of a UNION, the body of a CTE. It speaks of
//! names as they were written; what they mean is asked of the catalog afterwards (`precision.rs`).
//!
//! Whoever fills a block keeps to these rules. What is left out of `atoms`, `links` and `checks` costs precision only; what is
//! left out of `sources` and `mentions` costs freshness:
//! 1. Every relation read stands in `sources` of its block, in the order of FROM; a CTE and a derived table stand
//!    there without a name of a relation, their own queries are blocks.
//! 2. Every column named anywhere in the block's own clauses stands in `mentions`. What names columns in a way that
//!    is not understood (raw text, USING, NATURAL) makes the block `opaque`.
//! 3. An atom, a link or a check is one that the AND at the top of a WHERE or ON says for certain.
//! 4. `rows_told` only if each row of the answer stands for one row of each table: nothing grouped, counted,
//!    combined, ranked or skipped.

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use smallvec::SmallVec;

use super::{Name, RelationName};

/// One SELECT of a statement.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a query"
)]
pub struct Block {
    /// The block around it, by its place in the statement: its columns can be used here.
    pub outer: Option<usize>,
    /// What stands in FROM, in its order.
    pub sources: SmallVec<[Source; 2]>,
    /// The columns named in it, in no order.
    pub mentions: Vec<Mention>,
    /// Names given to parts of the select list.
    pub aliases: SmallVec<[Name; 2]>,
    /// Equalities with values.
    pub atoms: SmallVec<[BlockAtom; 2]>,
    /// Equalities of two columns.
    pub links: SmallVec<[Link; 1]>,
    /// Other conditions on columns and values.
    pub checks: SmallVec<[BlockCheck; 1]>,
    /// Its rows are the answer, each of one row of each table; `false` if they are told in no other way.
    pub rows_told: bool,
    /// So many rows are skipped, if a value that is bound tells; its rows are told only if it is zero.
    pub offset: Option<Value>,
    /// Its WHERE holds for no row: `1 = 2`, which an empty IN list is printed as.
    pub never: bool,
    /// It has a LIMIT.
    pub limited: bool,
    /// How many rows that is, if it is told.
    pub limit: Option<Value>,
    /// What its rows are sorted by first, as long as that is plain columns; of an answer's rows only.
    pub order: SmallVec<[OrderBy; 1]>,
    /// Nothing is grouped, made distinct or ranked: one row more in a table gives no row less. Of the statement's own
    /// block also that its rows are the answer.
    pub ungrouped: bool,
    /// It stands in the AND of the WHERE of the block around it.
    pub asked: Option<Asked>,
    /// What the answer is, if not the rows of this block.
    pub gives: Gives,
    /// Some part of it may use any column of any table that can be seen here.
    pub opaque: bool,
}

/// One relation in FROM.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The relation; `None` for a CTE, a derived table or a function.
    pub relation: Option<RelationName>,
    /// The name it goes by, if another was given.
    pub alias: Option<Name>,
    /// How it is joined to those before it.
    pub join: Join,
}

/// How a source is joined to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// It is the first one, or joined by a comma, CROSS or INNER JOIN.
    Inner,
    /// LEFT JOIN: rows without a partner stay, with NULLs in its place.
    Left,
    /// RIGHT or FULL JOIN, or one that is not known: anything may be NULL.
    Other,
}

/// A column named in a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Mention {
    /// The column as it is written; `None` in its name: every column, `*` or `t.*`.
    pub qualifier: Option<Name>,
    /// The column; `None`: every column.
    pub column: Option<Name>,
    /// What it is named for.
    pub role: Role,
}

/// What a column is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is the answer's column at this place, from 0, as it is.
    Output(u16),
    /// It has a part in the select list.
    Selected,
    /// It has a part in WHERE.
    Where,
    /// It has a part in the ON of the source at this place.
    On(u16),
    /// It has a part in ORDER BY, GROUP BY, HAVING or a window.
    Order,
}

/// Where an equality stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In WHERE.
    Where,
    /// In the ON of the source at this place.
    On(u16),
}

/// A column with the name of its table, if that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnOf {
    /// The table's name or alias.
    pub qualifier: Option<Name>,
    /// The column.
    pub name: Name,
}

/// The columns, taken together, have one of these values.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockAtom {
    /// One for `a = 1`, several for `(a, b) IN ((1, 2), (3, 4))`.
    pub columns: SmallVec<[ColumnOf; 1]>,
    /// The alternatives one after the other, each as long as the columns.
    pub values: SmallVec<[Value; 1]>,
    /// `IS NULL`: the value is NULL; in any other atom a NULL matches nothing.
    pub is_null: bool,
    /// Where it stands.
    pub place: Place,
}

/// Two columns are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// One side.
    pub left: ColumnOf,
    /// The other.
    pub right: ColumnOf,
    /// Where it stands.
    pub place: Place,
}

/// A column that rows are sorted by.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderBy {
    /// The column.
    pub column: ColumnOf,
    /// Its greatest values come first.
    pub descending: bool,
}

/// What a condition asks of a subquery.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// Whether it has rows.
    Exists,
    /// Whether it has none.
    ExistsNot,
    /// Whether the first column, of the block around it, is among the values of the second one, its own.
    In(ColumnOf, ColumnOf),
}

/// What the answer of a statement is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gives {
    /// Anything else.
    #[default]
    Rows,
    /// Whether the block at this place has rows.
    Exists(usize),
    /// How many rows the block at this place has.
    Count(usize),
}

/// A condition that is no equality, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockCheck {
    /// What it says.
    pub check: Check,
    /// Where it stands.
    pub place: Place,
}

/// A condition on columns, taken apart as far as it compares them with values.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// The column is less than the value, or more.
    Compare(ColumnOf, Comparison, Value),
    /// The column is one of the values.
    In(ColumnOf, SmallVec<[Value; 1]>),
    /// The column is NULL.
    Null(ColumnOf),
    /// All of these.
    All(Vec<Check>),
    /// One of these.
    Any(Vec<Check>),
    /// This is false.
    Not(Box<Check>),
    /// Anything else.
    Unknown,
}

/// How a column is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// Returns what it is with its sides exchanged.
    pub(super) fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}

impl Check {
    /// Takes a condition for one that is worth something; `None` for one of which nothing is known.
    pub(super) fn worth(self) -> Option<Self> {
        match self {
            Self::Unknown => None,
            Self::Any(any) if any.contains(&Self::Unknown) => None,
            Self::Not(inner) if *inner == Self::Unknown => None,
            other => Some(other),
        }
    }

    /// Shows every column it names.
    pub(super) fn each_column<'c>(&'c self, show: &mut impl FnMut(&'c ColumnOf)) {
        match self {
            Self::Compare(column, ..) | Self::In(column, _) | Self::Null(column) => show(column),
            Self::All(inner) | Self::Any(inner) => {
                inner.iter().for_each(|check| check.each_column(show));
            }
            Self::Not(inner) => inner.each_column(show),
            Self::Unknown => {}
        }
    }

    /// Shows every value in it.
    pub(super) fn each_value(&mut self, show: &mut impl FnMut(&mut Value)) {
        match self {
            Self::Compare(_, _, value) => show(value),
            Self::In(_, values) => values.iter_mut().for_each(show),
            Self::All(inner) | Self::Any(inner) => {
                inner.iter_mut().for_each(|check| check.each_value(show));
            }
            Self::Not(inner) => inner.each_value(show),
            Self::Null(_) | Self::Unknown => {}
        }
    }
}

impl Block {
    /// A block inside another one.
    pub fn inside(outer: Option<usize>) -> Self {
        Self {
            outer,
            ..Self::default()
        }
    }
}

impl Block {
    /// Tells whether it has no rows, whatever its tables hold.
    pub(super) fn is_empty(&self) -> bool {
        let nothing = |atom: &BlockAtom| atom.place == Place::Where && atom.values.is_empty();
        self.never || self.atoms.iter().any(nothing)
    }

    /// Tells whether its answer's rows tell the rows it is made of.
    pub(super) fn tells_rows(&self) -> bool {
        self.rows_told && self.offset.as_ref().is_none_or(is_zero)
    }
}

/// Tells whether a value is the number zero.
///
/// Of type `u32` are the marks of parameters in analyses that are remembered (`parameters.rs`), and no OFFSET.
pub(super) fn is_zero(value: &Value) -> bool {
    matches!(
        value,
        Value::Int(Some(0)) | Value::BigInt(Some(0)) | Value::BigUnsigned(Some(0))
    )
}

impl Source {
    /// Tells whether it is known by which name it goes.
    pub(super) fn has_name(&self) -> bool {
        self.alias.is_some() || self.relation.is_some()
    }

    /// Tells whether `name` may be the one this source goes by.
    pub fn goes_by(&self, name: &Name, backend: DbBackend) -> bool {
        let own = self
            .alias
            .as_ref()
            .or(self.relation.as_ref().map(|relation| &relation.name));
        own.is_none_or(|own| own.may_be(name, backend))
    }
}
