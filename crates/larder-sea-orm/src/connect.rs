//! Connecting a database to a `Larder`.

use std::sync::Arc;

use larder_core::{DomainError, Larder};
use sea_orm::{ConnectionTrait, DbErr};
use thiserror::Error;

use crate::connection::CachedConnection;
use crate::domain::Domain;

/// Connects databases to a [`Larder`]; bring it into scope and call `larder.connect(..)`.
pub trait Connect {
    /// Connects a pool under a name that is part of all keys and dependencies, such as `main`.
    ///
    /// Reads the database's schema: run the migrations first, or over the connection returned.
    ///
    /// # Errors
    /// The name is taken or cannot be part of a key, or the schema cannot be read.
    fn connect<C>(
        &self,
        domain: &str,
        pool: C,
    ) -> impl Future<Output = Result<CachedConnection<C>, ConnectError>> + Send
    where
        C: ConnectionTrait + Clone + Send + Sync + 'static;
}

impl Connect for Larder {
    async fn connect<C>(&self, domain: &str, pool: C) -> Result<CachedConnection<C>, ConnectError>
    where
        C: ConnectionTrait + Clone + Send + Sync + 'static,
    {
        let pool = Arc::new(pool);
        let opened = Domain::open(self, domain, &pool)
            .await
            .map_err(ConnectError::Schema)?;
        // Only now: a name is not used up by a database that did not answer.
        self.claim_domain(domain)?;
        Ok(CachedConnection::pool(Arc::new(opened), pool))
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
