//! Larder for `SeaORM`: a connection that sees every statement, and repositories that are cached.
//!
//! A pool becomes a [`CachedConnection`]. Any `SeaORM` code runs on it unchanged: what it reads becomes
//! dependencies of whatever is being made of it (an HTTP response, a cached function), what it writes becomes
//! changes, published when they are committed and before the call returns. Through a [`CachedRepository`] the
//! rows and the answers of queries are cached themselves.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use larder_core::Larder;
//! use larder_sea_orm::{CachedRepository as _, Connect as _};
//! use sea_orm::{ActiveModelTrait as _, ConnectionTrait as _, Database, Set};
//!
//! mod article {
//!     use larder_sea_orm::CachedEntity;
//!     use sea_orm::entity::prelude::*;
//!
//!     #[sea_orm::model]
//!     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, CachedEntity)]
//!     #[sea_orm(table_name = "article")]
//!     #[cached(ttl = "10m", grace = "1m", crate = "larder_sea_orm")]
//!     pub struct Model {
//!         #[sea_orm(primary_key)]
//!         pub id: i32,
//!         pub title: String,
//!     }
//!
//!     impl ActiveModelBehavior for ActiveModel {}
//! }
//!
//! let pool = Database::connect("sqlite::memory:").await?;
//! pool.execute_unprepared("CREATE TABLE article (id INTEGER PRIMARY KEY, title TEXT NOT NULL)").await?;
//! let larder = Larder::builder("blog").build()?;
//! let db = larder.connect("main", pool).await?;
//!
//! let articles = db.repository::<article::Entity>();
//! assert!(articles.find_by_id(1).await?.is_none());
//! article::ActiveModel { id: Set(1), title: Set("first".into()) }.insert(&db).await?;
//! assert_eq!(articles.find_by_id(1).await?.unwrap().title, "first");
//! assert_eq!(articles.find_by_id(1).await?.unwrap().title, "first");   // asks the database nothing
//! larder.close().await;
//! # Ok(()) }
//! ```
//!
//! # Writes
//! A write outside a transaction runs in a task of its own, together with its publication: a caller that goes
//! away, say a request that is cancelled, loses neither. It is carried out all the same, even if it was still
//! waiting for a connection. What is bound to the caller's task is not there while the statement runs.
//! `COMMIT` and `ROLLBACK` run in such tasks too. A panic in one is the caller's.
//!
//! A write the server refuses publishes nothing. If its outcome is unknown (the connection broke), its changes are
//! published at once and again later, and what they touch is not kept in between; a COMMIT likewise.
//!
//! What is made with the *answer* of a write (`RETURNING`, the number of rows) is not kept: serving it would not
//! write again. A handler that only counts its visits, and means to be cached, writes inside
//! [`ReadScope::untracked`](larder_core::ReadScope::untracked) or in a task of its own.
//!
//! # Transactions
//! Changes are held until COMMIT; a savepoint that is rolled back or dropped takes its own with it. A transaction
//! that has written, even in a savepoint undone since, is not served from the cache, and nothing it reads is kept.
//! One that may hold locks (`FOR UPDATE` and all that is no plain read) is not served either. Any other is served only under READ COMMITTED: by default on `PostgreSQL`, if asked for on `MySQL`, never on
//! `SQLite`. What it reads from a snapshot is stamped, and ages, from its BEGIN.
//!
//! One connection serves one statement at a time. A transaction that is dropped while another handle of its
//! connection is busy is rolled back when that statement, or stream, has ended. After an error that may have ended
//! a transaction (a deadlock on `MySQL`, almost any on `SQLite`), what it writes is published at once as well, since it
//! may not be in a transaction any more.
//!
//! # Who reads
//! A connection is everybody's unless it is [scoped](CachedConnection::scoped) to a tenant or a user. What is kept
//! over a scoped one is kept for that scope, and what is made of it, too. Only over a scoped one are tables under
//! row-level security kept (`PostgreSQL`), and anything read in a transaction that was told who reads
//! (`SET LOCAL app.tenant = ..`); the scope must then say all that the session says.
//!
//! An entity of a tenant's or a user's rows can demand a scope: `#[cached(ttl = "10m", scope = "tenant")]`. Over a
//! wider connection its repository keeps and serves nothing.
//!
//! Under `SeaORM`'s role-based access control (feature `rbac`), `db.restricted_for(user)` authorises every read,
//! also one the cache answers. Other rights are not checked where the cache serves.
//!
//! # Where it ends
//! * **Other writers.** What another program writes is not seen: entries live until their ttl. Publish it by hand.
//! * **The raw pool.** What this program writes through [`CachedConnection::inner`], or a clone of the pool that is
//!   under a [`Watch`], is noticed when it has ended: it is counted (`Snapshot::bypasses`), warned about once a
//!   table, and invalidated now and again five seconds later, for its transaction may commit after it. A read
//!   scope in which the raw pool is read keeps nothing. [`OnBypass::Panic`] finds such places in tests. Not
//!   noticed: `execute_unprepared`, statements whose caller goes away, clones made before the watch.
//! * **Transactions by hand.** `BEGIN` sent to a *pool* as text meets one of its connections, nobody knows which.
//!   Until as many transactions have ended as were begun, nothing is served or kept, and every write is a change
//!   of everything. Inside a transaction of `SeaORM`'s, `COMMIT` as text publishes everything at once and again at
//!   the transaction's end. Use [`begin`](sea_orm::TransactionTrait::begin).
//! * **Settings of the session.** `SET search_path`, `PRAGMA case_sensitive_like` and the like, sent to a pool, change
//!   what later statements mean on some connection: from then on nothing is cached, with a warning. Set them where
//!   connections are made (`ConnectOptions`), before `connect`. `SET LOCAL` in a transaction ends with it.
//! * **The default isolation** of `PostgreSQL` is taken to be READ COMMITTED, that of `MySQL` to be no less. A
//!   server with another default needs the level asked for in
//!   [`begin_with_config`](sea_orm::TransactionTrait::begin_with_config).
//! * **Schema changes** over this connection are noticed: the schema is read anew and everything is invalid.
//!   Those of others are not: connect after the migrations, or call [`CachedConnection::refresh_catalog`].
//! * **Views, functions** and all that cannot be traced to tables is read from the database each time, and what is made
//!   of it is not kept; [`analysis`] and [`catalog`] say what can.
//! * **Read replicas** must not be connected: they lag behind what was published.
//! * **Tokio** must be the runtime: writes are spawned on it.

pub mod analysis;
mod by_hand;
mod bypass;
pub mod canonical;
pub mod catalog;
mod connect;
mod connection;
mod domain;
mod entity;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz;
mod identity;
mod landings;
mod members;
mod outcome;
mod reader;
mod repository;
mod restricted;
mod row_codec;
mod session;
mod settings;
mod statement;
mod view;

pub use larder_macros::CachedEntity;

pub use self::bypass::{OnBypass, Watch};
pub use self::connect::{Connect, ConnectError, DomainOptions, ForeignKeys};
pub use self::connection::{CachedConnection, CachedStream};
pub use self::entity::{Bulk, CachedEntity, fingerprint};
pub use self::repository::{CachedRepository, IdOf, Page, Repository, RowOf, RowsOf};

/// What the derive macro names.
#[doc(hidden)]
pub mod __private {
    pub use larder_core::{Policy, ScopeKind, Tiers};

    pub use crate::entity::Bulk;
    pub use sea_orm::ModelTrait;
    pub use std::time::Duration;
}
