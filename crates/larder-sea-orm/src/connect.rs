//! Connecting a database to a `Larder`.

use std::sync::Arc;

use larder_core::{DomainError, Larder};
use sea_orm::{ConnectionTrait, DbErr, TransactionTrait};
use thiserror::Error;

use crate::bypass::{OnBypass, Watch, own};
use crate::connection::{CachedConnection, exactly};
use crate::domain::Domain;
use crate::entity::Bulk;
use crate::identity::identity;

/// Connects databases to a [`Larder`]; bring it into scope and call `larder.connect(..)`.
pub trait Connect {
    /// Connects a pool under a name that is part of all keys and dependencies, such as `main`.
    ///
    /// Reads the database's schema: run the migrations first, or over the connection returned. Takes the place of
    /// the pool's metric callback; see [`Watch`].
    ///
    /// # Errors
    /// The name is taken or cannot be part of a key, or the schema cannot be read.
    fn connect<C>(
        &self,
        domain: &str,
        pool: C,
    ) -> impl Future<Output = Result<CachedConnection<C>, ConnectError>> + Send
    where
        C: ConnectionTrait + TransactionTrait + Clone + Send + Sync + 'static,
        C::Transaction: Sync + 'static,
        Self: Sync,
    {
        self.connect_with(domain, pool, DomainOptions::new())
    }

    /// Connects a pool as [`connect`](Self::connect) does, with options.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    fn connect_with<C>(
        &self,
        domain: &str,
        pool: C,
        options: DomainOptions,
    ) -> impl Future<Output = Result<CachedConnection<C>, ConnectError>> + Send
    where
        C: ConnectionTrait + TransactionTrait + Clone + Send + Sync + 'static,
        C::Transaction: Sync + 'static;
}

impl Connect for Larder {
    async fn connect_with<C>(
        &self,
        domain: &str,
        mut pool: C,
        options: DomainOptions,
    ) -> Result<CachedConnection<C>, ConnectError>
    where
        C: ConnectionTrait + TransactionTrait + Clone + Send + Sync + 'static,
        C::Transaction: Sync + 'static,
    {
        let watch = options.watch_over(&mut pool);
        let pool = Arc::new(pool);
        let exactly = exactly(&pool);
        let opened = Domain::open(self, domain, &pool, &options, exactly)
            .await
            .map_err(ConnectError::Schema)?;
        // Only now: a name is not used up by a database that did not answer.
        self.claim_domain(domain)?;
        if self.has_store() {
            let identity = match &options.identity {
                Some(identity) => identity.clone(),
                None => own(identity(&*pool)).await,
            };
            self.identify_domain(domain, &identity);
        }
        let opened = Arc::new(opened);
        if let Some(watch) = watch {
            watch.bind(&opened);
        }
        Ok(CachedConnection::pool(opened, pool))
    }
}

/// How a database is connected.
#[derive(Clone, Debug, Default)]
pub struct DomainOptions {
    pub(crate) on_bypass: OnBypass,
    pub(crate) bulk: Bulk,
    pub(crate) foreign_keys: ForeignKeys,
    watch: Option<Watch>,
    identity: Option<String>,
}

/// Whether every row refers to one that is there, as its foreign keys say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForeignKeys {
    /// Perhaps not: each database lets a session switch the checks off, and takes keys over rows that break them.
    #[default]
    Unchecked,
    /// At every commit. A row that comes then has no rows yet that refer to it, but those that come with it: an INNER
    /// or LEFT JOIN of a table by the integers or UUIDs that refer to it is left alone by its insertions and deletions.
    ///
    /// Where it does not hold an answer may stay old: a row that refers to nothing gets its partner unnoticed.
    Hold,
}

impl DomainOptions {
    /// Begins with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what a statement past the cache leads to. Default: [`OnBypass::Invalidate`].
    #[must_use]
    pub fn on_bypass(mut self, on_bypass: OnBypass) -> Self {
        self.on_bypass = on_bypass;
        self
    }

    /// Says how statements of many rows are published of tables whose entity does not say. Default:
    /// [`Bulk::Wide`].
    #[must_use]
    pub fn bulk(mut self, bulk: Bulk) -> Self {
        self.bulk = bulk;
        self
    }

    /// Says whether the foreign keys of the database may be relied on. Default: [`ForeignKeys::Unchecked`].
    #[must_use]
    pub fn foreign_keys(mut self, foreign_keys: ForeignKeys) -> Self {
        self.foreign_keys = foreign_keys;
        self
    }

    /// Tells the database from others in these words, to keep entries of the remote tier apart. Default: what the
    /// database itself tells (`identity.rs`).
    ///
    /// For databases whose servers tell different things of one database, such as a Galera cluster.
    #[must_use]
    pub fn identity(mut self, words: impl Into<String>) -> Self {
        self.identity = Some(words.into());
        self
    }

    /// Notices statements by a watch that was made before. Default: a new one over the pool that is connected.
    #[must_use]
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    fn watch_over<C: 'static>(&self, pool: &mut C) -> Option<Watch> {
        (self.on_bypass != OnBypass::Ignore).then(|| Watch::over_any(pool, self.watch.clone()))
    }
}

/// A database cannot be connected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name cannot be used.
    #[error("a database cannot be connected under this name")]
    Domain(#[from] DomainError),
    /// The queries of the schema failed.
    #[error("the schema of the database cannot be read")]
    Schema(#[source] DbErr),
}
