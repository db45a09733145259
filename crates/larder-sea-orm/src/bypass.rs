//! Statements that pass the cache by: noticed, counted, and what they may have changed read anew.
//!
//! 1. `SeaORM` calls the metric callback of a pool, and of the transactions begun on it, when a statement has
//!    ended, in the task that sent it. A [`Watch`] is that callback.
//! 2. What a [`CachedConnection`](crate::CachedConnection) sends, it sends inside a task-local (`own`). A callback
//!    outside of it is a statement past the cache.
//! 3. A write past the cache is published now and once more later, when the transaction it may have been part of
//!    has committed, and what it touched is not kept in between.
//! 4. A read past the cache inside a read scope makes what is being made uncacheable: nobody knows what it is made of.
//!
//! Not called back: `execute_unprepared`, `BEGIN` and `COMMIT` of `SeaORM`'s, statements whose caller went away, and
//! clones of the pool made before the watch.

mod notice;
mod windows;

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

use larder_core::{Change, Larder};
use sea_orm::DatabaseConnection;
use sea_orm::metric::Info;

use crate::analysis::analyse_raw;
use crate::domain::Domain;

pub(crate) use self::notice::Bypass;

tokio::task_local! {
    static OWN: ();
}

/// Polls what a connection sends itself: it is no bypass.
pub(crate) fn own<F: Future>(statement: F) -> impl Future<Output = F::Output> {
    OWN.scope((), statement)
}

/// Drops what a connection has sent itself: a stream is called back when it is dropped.
pub(crate) fn drop_own<T>(sent: T) {
    OWN.sync_scope((), || drop(sent));
}

/// What a statement past the cache leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnBypass {
    /// It is counted, warned about once a table, and what it may have changed is invalidated.
    #[default]
    Invalidate,
    /// As `Invalidate`, and then it panics in the task that sent it. For tests.
    Panic,
    /// Nothing: pools keep the metric callback they have.
    Ignore,
}

/// Notices statements past the cache, over a pool and its clones.
///
/// [`connect`](crate::Connect::connect) puts one over the pool it is given. A clone made before that is not
/// watched; where there must be one, make the watch first:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use larder_core::Larder;
/// # use larder_sea_orm::{Connect as _, DomainOptions, Watch};
/// # let larder = Larder::builder("blog").build()?;
/// let mut pool = sea_orm::Database::connect("sqlite::memory:").await?;
/// let watch = Watch::over(&mut pool);
/// let for_reports = pool.clone();
/// let db = larder.connect_with("main", pool, DomainOptions::new().watch(watch)).await?;
/// # drop((for_reports, db));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Watch(Arc<Watching>);

/// A metric callback of the user's.
type Metric = dyn Fn(&Info<'_>) + Send + Sync;

#[derive(Default)]
struct Watching {
    metric: Option<Box<Metric>>,
    larder: OnceLock<Larder>,
    /// Weak: the domains hold the pools that hold this.
    domains: RwLock<Vec<Weak<Domain>>>,
}

impl Watch {
    /// Watches a pool and all clones made of it from now on.
    ///
    /// It takes the place of the pool's metric callback, which cannot be read: hand yours to
    /// [`with_metric`](Self::with_metric).
    pub fn over(pool: &mut DatabaseConnection) -> Self {
        let watch = Self(Arc::default());
        watch.put_on(pool);
        watch
    }

    /// Like [`over`](Self::over), and calls `metric` as `set_metric_callback` would have it called.
    pub fn with_metric<F>(pool: &mut DatabaseConnection, metric: F) -> Self
    where
        F: Fn(&Info<'_>) + Send + Sync + 'static,
    {
        let watch = Self(Arc::new(Watching {
            metric: Some(Box::new(metric)),
            ..Watching::default()
        }));
        watch.put_on(pool);
        watch
    }

    /// Watches a pool that is about to be connected, if it is one of `SeaORM`'s own.
    pub(crate) fn over_any<C: 'static>(pool: &mut C, given: Option<Self>) -> Self {
        let watch = given.unwrap_or_else(|| Self(Arc::default()));
        if let Some(pool) = (pool as &mut dyn Any).downcast_mut() {
            watch.put_on(pool);
        }
        watch
    }

    /// From now on statements past the cache are noticed for this domain.
    pub(crate) fn bind(&self, domain: &Arc<Domain>) {
        let _ = self.0.larder.set(domain.larder.clone());
        self.0
            .domains
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::downgrade(domain));
    }

    fn put_on(&self, pool: &mut DatabaseConnection) {
        let watching = Arc::clone(&self.0);
        pool.set_metric_callback(move |info| watching.called(info));
    }
}

impl Watching {
    fn called(&self, info: &Info<'_>) {
        if let Some(metric) = &self.metric {
            metric(info);
        }
        if OWN.try_with(|()| ()).is_err() {
            self.bypassed(info);
        }
    }

    fn bypassed(&self, info: &Info<'_>) {
        let domains: Vec<_> = {
            let domains = self.domains.read().unwrap_or_else(PoisonError::into_inner);
            domains.iter().map(Weak::upgrade).collect()
        };
        for domain in domains {
            match domain {
                Some(domain) => notice::notice(&domain, info),
                None => self.forgotten(info),
            }
        }
    }

    /// Every connection of the domain is gone; what was made of its data may not be.
    fn forgotten(&self, info: &Info<'_>) {
        let statement = info.statement;
        let values = statement.values.as_ref();
        let analysis = analyse_raw(&statement.sql, values, statement.db_backend);
        if let Some(larder) = self.larder.get()
            && analysis.may_write(statement.db_backend)
        {
            larder.count_bypass();
            larder.publish_unsure(vec![Change::everything()]);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
