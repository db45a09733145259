//! Which of `SeaORM`'s statements a builder is.

use std::any::TypeId;

use sea_orm::sea_query::{
    DeleteStatement, InsertStatement, SelectStatement, UpdateStatement, WithQuery,
};
use sea_orm::{DbBackend, Statement, StatementBuilder};

use super::{Analysis, analyse_raw, recorder};

/// What a statement is at first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A SELECT.
    Select,
    /// An INSERT or REPLACE.
    Insert,
    /// An UPDATE.
    Update,
    /// A DELETE.
    Delete,
    /// A statement behind a WITH clause.
    With,
    /// DDL, or a builder of the user's.
    Other,
}

/// A statement that belongs to its holder, so that a task of its own can run it.
#[derive(Clone, Debug)]
pub enum OwnedStatement {
    /// A SELECT.
    Select(Box<SelectStatement>),
    /// An INSERT or REPLACE.
    Insert(Box<InsertStatement>),
    /// An UPDATE.
    Update(Box<UpdateStatement>),
    /// A DELETE.
    Delete(Box<DeleteStatement>),
    /// A statement behind a WITH clause.
    With(Box<WithQuery>),
    /// Anything else, built to text and values.
    Built(Statement),
}

/// A borrowed statement of a known type.
enum Known<'a> {
    Select(&'a SelectStatement),
    Insert(&'a InsertStatement),
    Update(&'a UpdateStatement),
    Delete(&'a DeleteStatement),
    With(&'a WithQuery),
}

impl<'a> Known<'a> {
    fn of<S: StatementBuilder>(statement: &'a S) -> Option<Self> {
        cast(statement)
            .map(Self::Select)
            .or_else(|| cast(statement).map(Self::Insert))
            .or_else(|| cast(statement).map(Self::Update))
            .or_else(|| cast(statement).map(Self::Delete))
            .or_else(|| cast(statement).map(Self::With))
    }

    fn analyse(&self, backend: DbBackend) -> Analysis {
        match self {
            Self::Select(statement) => recorder::select(statement, backend),
            Self::Insert(statement) => recorder::insert(statement, backend),
            Self::Update(statement) => recorder::update(statement, backend),
            Self::Delete(statement) => recorder::delete(statement, backend),
            Self::With(statement) => recorder::with(statement, backend),
        }
    }

    fn own(&self) -> OwnedStatement {
        match self {
            Self::Select(statement) => OwnedStatement::Select(Box::new((*statement).clone())),
            Self::Insert(statement) => OwnedStatement::Insert(Box::new((*statement).clone())),
            Self::Update(statement) => OwnedStatement::Update(Box::new((*statement).clone())),
            Self::Delete(statement) => OwnedStatement::Delete(Box::new((*statement).clone())),
            Self::With(statement) => OwnedStatement::With(Box::new((*statement).clone())),
        }
    }
}

/// Tells what a statement is, by its type alone.
pub fn kind_of<S: StatementBuilder>(statement: &S) -> Kind {
    match Known::of(statement) {
        Some(Known::Select(_)) => Kind::Select,
        Some(Known::Insert(_)) => Kind::Insert,
        Some(Known::Update(_)) => Kind::Update,
        Some(Known::Delete(_)) => Kind::Delete,
        Some(Known::With(_)) => Kind::With,
        None => Kind::Other,
    }
}

/// Clones a statement, or builds it when its type is not one of `SeaORM`'s five.
pub fn own<S: StatementBuilder>(statement: &S, backend: DbBackend) -> OwnedStatement {
    match Known::of(statement) {
        Some(known) => known.own(),
        None => OwnedStatement::Built(statement.build(&backend)),
    }
}

pub(super) fn analyse<S: StatementBuilder>(
    statement: &S,
    backend: DbBackend,
) -> (Analysis, Option<OwnedStatement>) {
    if let Some(known) = Known::of(statement) {
        let analysis = known.analyse(backend);
        let owned = analysis.may_write(backend).then(|| known.own());
        (analysis, owned)
    } else {
        let built = statement.build(&backend);
        let analysis = analyse_raw(&built.sql, built.values.as_ref(), backend);
        (analysis, Some(OwnedStatement::Built(built)))
    }
}

/// Returns the statement as a `T` if it is one.
#[expect(
    unsafe_code,
    reason = "`StatementBuilder` is not `'static`, so `Any` cannot tell its type"
)]
fn cast<S: StatementBuilder, T: 'static>(statement: &S) -> Option<&T> {
    if typeid::of::<S>() != TypeId::of::<T>() {
        return None;
    }
    // SAFETY: `typeid::of` returns the `TypeId` of `S` with its lifetimes replaced by `'static`, so `S` and
    // `T` differ in lifetimes at most. Every `T` this is called with is one of sea-query's statements, which
    // have no lifetime parameters: `S` is `T`. The reference keeps its lifetime.
    Some(unsafe { &*std::ptr::from_ref(statement).cast::<T>() })
}
