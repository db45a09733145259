//! What every handler works with: the database, tokens and passwords.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use axum::Router;
use larder::Larder;
use larder::redis::Redis;
use larder::sea_orm::{Connect, DomainOptions, Watch};
use sea_orm::DatabaseConnection;
use tempfile::TempDir;

use crate::cache::Layers;
use crate::config::Config;
use crate::database::{self, Db};
use crate::error::Error;
use crate::migration::migrate;
use crate::password::Passwords;
use crate::routes;
use crate::token::Tokens;

/// An application that is ready to serve.
#[derive(Clone, Debug)]
pub struct App {
    pub(crate) larder: Larder,
    pub(crate) db: Db,
    pub(crate) layers: Layers,
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    /// How many statements were sent to the database, `BEGIN` and `COMMIT` left out.
    statements: Arc<AtomicU64>,
    /// The database's own directory, removed with the last clone.
    scratch: Option<Arc<TempDir>>,
}

impl App {
    /// Connects to the database of these settings and brings it to the schema.
    ///
    /// # Errors
    /// When a setting or the database does not do.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        let larder = larder(config)?;
        Self::open_over(config, larder).await
    }

    /// Opens it as [`open`](Self::open) does, over a cache that is there: its bus, its clock, its
    /// observers. The switches of the settings are not looked at.
    ///
    /// # Errors
    /// When a setting or the database does not do.
    pub async fn open_over(config: &Config, larder: Larder) -> Result<Self, Error> {
        let passwords = Passwords::new(config.hash_memory, config.hash_passes)?;
        let tokens = Tokens::new(&secret(config)?);
        let layers = Layers::new(&larder)?;
        let (mut pool, scratch) = connect(config).await?;
        migrate(&pool).await?;
        let statements = Arc::<AtomicU64>::default();
        let count = Arc::clone(&statements);
        let watch = Watch::with_metric(&mut pool, move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let options = DomainOptions::new().watch(watch);
        let db = larder.connect_with("main", pool, options).await?;
        let scratch = scratch.map(Arc::new);
        Ok(Self {
            larder,
            db,
            layers,
            tokens,
            passwords,
            statements,
            scratch,
        })
    }

    /// All routes: the API under `/api`, and `/stats`.
    pub fn router(&self) -> Router {
        routes::routes(self.clone())
    }

    /// Ends what runs in the background, closes the database, and removes it when it was a temporary one.
    ///
    /// # Errors
    /// When it does not close.
    pub async fn close(self) -> Result<(), Error> {
        self.larder.close().await;
        self.db.inner().close_by_ref().await?;
        drop(self.scratch);
        Ok(())
    }

    pub(crate) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.larder.clock().wall()
    }
}

fn larder(config: &Config) -> Result<Larder, Error> {
    let mut builder = Larder::builder("conduit");
    if let Some(url) = &config.redis {
        let redis = Redis::builder(url).prefix("conduit").build()?;
        builder = builder.store(redis.store()).bus(redis.bus());
    }
    if let Some(switches) = &config.switches {
        builder = builder.environment(switches.clone());
    }
    Ok(builder.build()?)
}

async fn connect(config: &Config) -> Result<(DatabaseConnection, Option<TempDir>), Error> {
    if let Some(url) = &config.database {
        return Ok((database::connect(url).await?, None));
    }
    if let Some(directory) = &config.directory {
        std::fs::create_dir_all(directory).map_err(Error::Directory)?;
        return Ok((database::connect_in(directory).await?, None));
    }
    let scratch = tempfile::Builder::new()
        .prefix("conduit-")
        .tempdir()
        .map_err(Error::Directory)?;
    Ok((database::connect_in(scratch.path()).await?, Some(scratch)))
}

fn secret(config: &Config) -> Result<Vec<u8>, Error> {
    if let Some(secret) = &config.secret {
        return Ok(secret.clone().into_bytes());
    }
    let mut secret = vec![0; 32];
    getrandom::fill(&mut secret).map_err(Error::Secret)?;
    Ok(secret)
}
