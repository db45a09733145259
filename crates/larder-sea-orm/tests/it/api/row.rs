//! What a row of the table is.

use futures_util::future::LocalBoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, StreamTrait, TransactionTrait};

use crate::harness::Db;

/// What `SeaORM`'s methods ask of a connection.
pub(super) trait Conn:
    ConnectionTrait
    + StreamTrait
    + TransactionTrait<Transaction: StreamTrait + Sync>
    + Send
    + Sync
    + 'static
{
}

impl<C> Conn for C where
    C: ConnectionTrait
        + StreamTrait
        + TransactionTrait<Transaction: StreamTrait + Sync>
        + Send
        + Sync
        + 'static
{
}

/// What a method answers, written out.
pub(super) type Answer<'a> = LocalBoxFuture<'a, Result<String, DbErr>>;

/// A method of `SeaORM`'s, called the same way over two connections.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) raw: for<'a> fn(&'a DatabaseConnection) -> Answer<'a>,
    pub(super) cached: for<'a> fn(&'a Db) -> Answer<'a>,
}

/// A method that reads.
pub(super) struct Read {
    pub(super) method: Method,
    /// What an entry made of the answer depends on.
    pub(super) depends: &'static str,
    /// A write that leaves the answer as it is, and must leave the entry.
    pub(super) spares: &'static str,
    /// A write that changes the answer.
    pub(super) touches: &'static str,
}

/// A method that writes.
pub(super) struct Write {
    pub(super) method: Method,
    /// The changes that are published.
    pub(super) changes: &'static str,
    /// Where `PostgreSQL`, without a last insert id, tells other ones.
    pub(super) postgres: Option<&'static str>,
    /// Where `MariaDB`, without RETURNING, tells other ones.
    pub(super) mariadb: Option<&'static str>,
}

/// One method, generic over the connection.
macro_rules! method {
    ($name:expr, |$db:ident| $body:expr) => {{
        async fn run<C: $crate::api::row::Conn>($db: &C) -> Result<String, ::sea_orm::DbErr> {
            let answer = $body;
            Ok(format!("{answer:?}"))
        }
        $crate::api::row::Method {
            name: $name,
            raw: |db| Box::pin(run(db)),
            cached: |db| Box::pin(run(db)),
        }
    }};
}

/// Rows of methods that read.
macro_rules! reads {
    ($($name:literal: $depends:expr, spares $spares:expr, touches $touches:expr,
       |$db:ident| $body:expr;)*) => {
        vec![$($crate::api::row::Read {
            method: $crate::api::row::method!($name, |$db| $body),
            depends: $depends,
            spares: $spares,
            touches: $touches,
        }),*]
    };
}

/// Rows of methods that write.
macro_rules! writes {
    (@or_not) => { None };
    (@or_not $changes:expr) => { Some($changes) };
    ($($name:literal: $changes:expr, $(postgres $postgres:expr,)? $(mariadb $mariadb:expr,)? |$db:ident| $body:expr;)*) => {
        vec![$($crate::api::row::Write {
            method: $crate::api::row::method!($name, |$db| $body),
            changes: $changes,
            postgres: $crate::api::row::writes!(@or_not $($postgres)?),
            mariadb: $crate::api::row::writes!(@or_not $($mariadb)?),
        }),*]
    };
}

pub(super) use {method, reads, writes};
