//! Larder for `SeaORM`: a connection that sees every statement, and repositories that are cached.

pub mod analysis;
mod by_hand;
pub mod canonical;
pub mod catalog;
mod connect;
mod connection;
mod domain;
mod entity;
mod outcome;
mod repository;
mod session;
mod statement;
mod view;

pub use larder_macros::CachedEntity;

pub use self::connect::{Connect, ConnectError};
pub use self::connection::{CachedConnection, CachedStream};
pub use self::entity::{CachedEntity, fingerprint};
pub use self::repository::{CachedRepository, IdOf, Page, Repository, RowOf, RowsOf};

/// What the derive macro names.
#[doc(hidden)]
pub mod __private {
    pub use larder_core::Policy;
    pub use sea_orm::ModelTrait;
    pub use std::time::Duration;
}
