//! What a statement does, told from its syntax tree or, for raw SQL, from its text.
//!
//! 1. [`analyse`] takes a `SeaORM` statement apart with a `QueryBuilder` that records instead of printing;
//!    no SQL is parsed. [`analyse_raw`] parses raw SQL in the connection's dialect.
//! 2. The [`Analysis`] speaks of names as they were written. What they mean (views, keys, triggers, cascades,
//!    functions of the user's) stands in the [`Catalog`].
//! 3. [`plan()`] puts both together: the dependencies of a read, the changes of a write.
//!
//! What is not known widens: a read is refused or depends on whole tables, a write changes whole tables or
//! everything. Nothing here narrows on a guess.

pub(crate) mod bits;
mod block;
mod by_key;
mod carry;
mod checks;
mod counted;
mod derived;
mod edges;
mod equalities;
mod expressions;
mod following;
mod fragment;
mod frame;
mod functions;
mod generations;
mod images;
mod memory;
mod name;
mod narrow;
mod parameters;
mod partners;
mod pins;
mod plan;
mod precision;
mod preimage;
mod raw;
mod raw_blocks;
mod raw_checks;
mod raw_columns;
mod raw_from;
mod raw_gives;
mod raw_order;
mod raw_preimage;
mod raw_walk;
mod raw_where;
mod raw_write;
mod recorder;
mod recorder_parts;
mod recorder_state;
mod recorder_writers;
mod references;
mod remembered;
mod scan;
mod seats;
mod statement;
mod target;
mod tells;
mod uncacheable;
mod utility;
mod writing;
mod written_rows;

use std::borrow::Cow;

use sea_orm::sea_query::{Value, Values};
use sea_orm::{DbBackend, StatementBuilder};

use crate::catalog::Catalog;

pub use block::{
    Asked, Block, BlockAtom, BlockCheck, Check, ColumnOf, Comparison, Gives, Join, Link, Mention,
    OrderBy, Place, Role, Source,
};
pub(crate) use following::{Followed, Following};
pub use functions::Nature;
pub use name::{Name, RelationName};
pub use pins::{Atom, Pins};
pub use plan::{Plan, plan};
pub use precision::Reads;
pub(crate) use preimage::{MOST_EXACT, preimage};
pub(crate) use raw_preimage::raw_preimage;
pub(crate) use remembered::Remembered;
pub use statement::{Kind, OwnedStatement, kind_of, own};
pub use uncacheable::{Uncacheable, Unresolved};
pub use writing::{Writing, Written};

pub(crate) use functions::{nature, unqualified};

/// What a statement, or several in one text, does.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a statement"
)]
pub struct Analysis {
    /// The relations it reads anywhere: joins, subqueries, the bodies of CTEs, but not the CTEs themselves.
    pub reads: Vec<RelationName>,
    /// Its queries, outer ones first; empty if they are not told apart: then `reads` is all that is known.
    pub blocks: Vec<Block>,
    /// What it writes.
    pub writes: Vec<Write>,
    /// The equalities of a plain SELECT of one table: no row but those they pick has a part in the answer.
    pub pins: Option<Pins>,
    /// The functions it calls, lower-case, with their schemas if written.
    pub functions: Vec<Cow<'static, str>>,
    /// Why its answer must not be kept, whatever the catalog says. The first reason met.
    pub refusal: Option<Uncacheable>,
    /// It is one statement of text, which has changed nothing if the database refuses it.
    pub all_or_nothing: bool,
    /// It may write what cannot be told: `CALL`, `DO`, `COPY`, text that does not parse.
    pub unknown_writes: bool,
    /// It begins, ends or splits a transaction by hand.
    pub transaction_control: bool,
    /// It changes the session: from now on names or values may mean something else on this connection.
    pub session_change: bool,
    /// It changes the schema, so the catalog is out of date afterwards.
    pub ddl: bool,
    /// It is raw text with a backslash or a double quote, which some sessions read differently.
    pub ambiguous_quoting: bool,
}

impl Analysis {
    /// Tells whether the statement may change data, as far as its text tells.
    ///
    /// The [`Plan`] knows more: the catalog may know a function that writes.
    pub fn may_write(&self, backend: DbBackend) -> bool {
        !self.writes.is_empty()
            || self.unknown_writes
            || self.ddl
            || self
                .functions
                .iter()
                .any(|name| nature(name, backend) == Nature::Unknown)
    }

    /// Gives a reason why the answer must not be kept; the first one stays, but for that it writes.
    pub(crate) fn refuse(&mut self, reason: Uncacheable) {
        if matches!(self.refusal, None | Some(Uncacheable::Write)) {
            self.refusal = Some(reason);
        }
    }

    /// Notes a call of the function of that name, schema and all.
    pub(crate) fn call(&mut self, name: Cow<'static, str>, backend: DbBackend) {
        let name = match name {
            Cow::Borrowed(name) if !name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                name.into()
            }
            name => Cow::Owned(name.to_ascii_lowercase()),
        };
        if nature(&name, backend) == Nature::Volatile {
            self.refuse(Uncacheable::Volatile(name.clone().into_owned()));
            // It changes a setting, which policies and names may depend on.
            self.session_change |= unqualified(&name) == "set_config";
        }
        // A function of the user's may have the name of a pure one.
        if !self.functions.contains(&name) {
            self.functions.push(name);
        }
    }

    /// Adds what another part of the same text does.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.reads.extend(other.reads);
        self.writes.extend(other.writes);
        for name in other.functions {
            if !self.functions.contains(&name) {
                self.functions.push(name);
            }
        }
        if let Some(reason) = other.refusal {
            self.refuse(reason);
        }
        self.unknown_writes |= other.unknown_writes;
        self.transaction_control |= other.transaction_control;
        self.session_change |= other.session_change;
        self.ddl |= other.ddl;
        self.ambiguous_quoting |= other.ambiguous_quoting;
    }
}

/// A write to one table.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The table, as it was written.
    pub table: RelationName,
    /// How it is written.
    pub kind: WriteKind,
    /// The columns of rows that were there before which the write sets.
    pub columns: Columns,
    /// What an UPDATE, or that of an upsert, sets the columns named to, in their order; empty where it does not count.
    pub assigned: Vec<Cell>,
    /// Which rows, as far as the statement tells.
    pub key: KeyKnowledge,
    /// What the statement returns of the rows it wrote.
    pub returning: Returning,
}

impl Write {
    /// A write of `table` of which nothing else is known.
    pub(crate) fn wide(table: RelationName, kind: WriteKind) -> Self {
        Self {
            table,
            kind,
            columns: Columns::Unknown,
            assigned: Vec::new(),
            key: KeyKnowledge::Unknown,
            returning: Returning::Nothing,
        }
    }

    /// The same write inside another statement, whose answer is not its own.
    pub(crate) fn inside(self) -> Self {
        Self {
            returning: Returning::Elsewhere,
            ..self
        }
    }
}

/// How a table is written.
#[derive(Clone, Debug, PartialEq)]
pub enum WriteKind {
    /// Rows are inserted, or nothing happens (`ON CONFLICT DO NOTHING`).
    Insert,
    /// Rows are updated.
    Update,
    /// Rows are deleted.
    Delete,
    /// Rows are inserted, or others updated that conflict in the columns named (`None`: in any key).
    Upsert(Option<Vec<Name>>),
    /// Rows are inserted or updated, and those that conflict deleted: `REPLACE`, `OR REPLACE`.
    Replace,
    /// All rows are removed, and those of other tables that refer to them.
    Truncate,
    /// Any of these: `MERGE`.
    Merge,
}

/// Columns that a write sets.
#[derive(Clone, Debug, PartialEq)]
pub enum Columns {
    /// These.
    Named(Vec<Name>),
    /// Any.
    Unknown,
}

/// Which rows a write touches.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyKnowledge {
    /// The rows inserted: the columns given, and the cells of each row.
    Inserted {
        /// The columns, in the order of the cells.
        columns: Vec<Name>,
        /// One list of cells a row.
        rows: Vec<Vec<Cell>>,
    },
    /// No row but those these equalities pick.
    Pinned(Pins),
    /// Any row.
    Unknown,
}

/// One cell of an inserted row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// This value.
    Value(Value),
    /// The column's default.
    Default,
    /// The value an upsert would have inserted in the same column: `excluded.c`, `VALUES (c)`.
    Proposed,
    /// The value of an expression.
    Unknown,
}

/// What a write returns of the rows it wrote.
#[derive(Clone, Debug, PartialEq)]
pub enum Returning {
    /// Nothing.
    Nothing,
    /// The rows that come back, or the last insert id, may be another statement's.
    Elsewhere,
    /// Every column.
    All,
    /// These columns, under their own names, and perhaps expressions.
    Columns(Vec<Name>),
}

/// Tells what a `SeaORM` statement does, and clones it if it may have to run in a task of its own.
///
/// The clone is `None` for what can only read. Statements of other types (DDL, a builder of the user's) are
/// built and analysed as text.
pub fn analyse<S: StatementBuilder>(
    statement: &S,
    backend: DbBackend,
) -> (Analysis, Option<OwnedStatement>) {
    statement::analyse(statement, backend)
}

/// Returns what the answer of a text depends on that was asked for before; `None`: analyse and plan it.
///
/// A text is remembered when it is asked for the second time, with whatever values.
pub fn recall(
    sql: &str,
    values: Option<&Values>,
    catalog: &Catalog,
) -> Option<Result<Reads, Uncacheable>> {
    catalog.remembered.reads(sql, values, catalog)
}

/// Tells what raw SQL does; `values` are its bound parameters, if it has any.
pub fn analyse_raw(sql: &str, values: Option<&Values>, backend: DbBackend) -> Analysis {
    memory::analyse(sql, values.map_or(&[], |values| &values.0), backend)
}
