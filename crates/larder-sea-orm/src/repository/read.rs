//! Reading one value through the cache: look up, wait, or load.

use std::sync::Arc;

use larder_core::{Freshness, Key, Lead, Lookup, Region, Turn};
use sea_orm::DbErr;

use crate::connection::CachedConnection;
use crate::view::Access;

/// Loads one value over the connection it is given.
pub(super) trait Load<C>: Send + 'static {
    /// What is loaded.
    type Value: Send + Sync + 'static;

    /// Loads the value; `None` if there is none.
    fn load(
        self,
        db: &CachedConnection<C>,
    ) -> impl Future<Output = Result<Option<Arc<Self::Value>>, DbErr>> + Send;
}

/// What the cache has to say about a key.
enum Look<V> {
    /// It serves this.
    Hit(Option<Arc<V>>),
    /// It serves this, and it is time to load it anew.
    Aging(Option<Arc<V>>),
    /// It has nothing: load, for all who wait.
    Miss,
    /// It is not to be asked: load, for this caller.
    Alone,
}

/// Returns what is kept under `key`, or loads it.
pub(super) async fn read<C, L>(
    db: &CachedConnection<C>,
    region: &Region<L::Value>,
    key: Key,
    loader: L,
) -> Result<Option<Arc<L::Value>>, DbErr>
where
    C: Send + Sync + 'static,
    L: Load<C>,
{
    match look(db, region, &key) {
        Look::Hit(value) => Ok(value),
        Look::Aging(value) => {
            refresh(db, region, &key, loader);
            Ok(value)
        }
        // Boxed, so that a hit does not carry the state of a load around.
        Look::Miss => Box::pin(load_shared(db, region, key, loader)).await,
        Look::Alone => Box::pin(load(db, region, region.alone(&key), loader)).await,
    }
}

fn look<C, V>(db: &CachedConnection<C>, region: &Region<V>, key: &Key) -> Look<V>
where
    V: Send + Sync + 'static,
{
    let access = db.access();
    if access == Access::Bypass {
        return Look::Alone;
    }
    match region.lookup(key) {
        Lookup::Hit(hit) if hit.freshness == Freshness::Fresh => Look::Hit(hit.value),
        Lookup::Hit(hit) => Look::Aging(hit.value),
        Lookup::Miss if access == Access::Serve => Look::Miss,
        // Who holds a connection never waits for a flight: its leader may wait for a connection.
        Lookup::Miss | Lookup::Off => Look::Alone,
    }
}

/// Loads `key` for all who wait for it, or waits for who loads it.
async fn load_shared<C, L>(
    db: &CachedConnection<C>,
    region: &Region<L::Value>,
    key: Key,
    loader: L,
) -> Result<Option<Arc<L::Value>>, DbErr>
where
    C: Send + Sync + 'static,
    L: Load<C>,
{
    match region.join(&key).await {
        Turn::Hit(hit) => Ok(hit.value),
        Turn::Lead(lead) | Turn::Alone(lead) => load(db, region, lead, loader).await,
        Turn::Failed(error) => match error.downcast::<DbErr>() {
            Ok(error) => Err(DbErr::clone(&error)),
            Err(_) => load(db, region, region.alone(&key), loader).await,
        },
    }
}

/// Loads a value and ends its load; what may not be kept is refused by what was read.
async fn load<C, L>(
    db: &CachedConnection<C>,
    region: &Region<L::Value>,
    lead: Lead<L::Value>,
    loader: L,
) -> Result<Option<Arc<L::Value>>, DbErr>
where
    C: Send + Sync + 'static,
    L: Load<C>,
{
    match lead.run(loader.load(db)).await {
        Ok(value) => {
            let lifetime = db.lifetime(region, value.is_some());
            Ok(lead.finish(value, lifetime).value)
        }
        Err(error) => {
            lead.fail(Arc::new(error.clone()));
            Err(error)
        }
    }
}

/// Loads an aging entry anew in the background; a transaction leaves it to others.
pub(super) fn refresh<C, L>(
    db: &CachedConnection<C>,
    region: &Region<L::Value>,
    key: &Key,
    loader: L,
) where
    C: Send + Sync + 'static,
    L: Load<C>,
{
    if let Some(pool) = db.detached() {
        region.refresh(key, async move || loader.load(&pool).await);
    }
}
