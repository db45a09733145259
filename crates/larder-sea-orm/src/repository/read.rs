//! Reading one value through the cache: look up, wait, or load.

use std::borrow::Cow;
use std::sync::Arc;

use larder_core::{Freshness, Key, Lead, Lookup, Region, Turn};
use sea_orm::DbErr;
use sea_orm::sea_query::SelectStatement;

use super::asking::{Asking, Terms};
use crate::connection::CachedConnection;
use crate::restricted::for_all;
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

    /// Returns a statement that needs the same rights.
    fn statement(&self) -> Cow<'_, SelectStatement>;
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

/// Returns what is kept under the key that is asked, or loads it.
pub(super) async fn read<C, L>(
    db: &CachedConnection<C>,
    region: &Region<L::Value>,
    asking: Asking,
    loader: L,
) -> Result<Option<Arc<L::Value>>, DbErr>
where
    C: Send + Sync + 'static,
    L: Load<C>,
{
    if let Some(rights) = db.rights() {
        rights.check(&loader.statement())?;
        db.narrow();
    }
    match look(db, region, &asking) {
        Look::Hit(value) => Ok(value),
        Look::Aging(value) => {
            refresh(db, region, &asking.key, loader);
            Ok(value)
        }
        // Boxed, so that a hit does not carry the state of a load around.
        Look::Miss => Box::pin(load_shared(db, region, asking, loader)).await,
        Look::Alone => {
            let lead = region.alone(&asking.key);
            Box::pin(load(db, region, lead, asking.terms, loader)).await
        }
    }
}

fn look<C, V>(db: &CachedConnection<C>, region: &Region<V>, asking: &Asking) -> Look<V>
where
    V: Send + Sync + 'static,
{
    let access = db.access();
    if access == Access::Bypass || asking.terms.refusal.is_some() {
        return Look::Alone;
    }
    match region.lookup(&asking.key) {
        Lookup::Hit(hit) if hit.freshness == Freshness::Fresh => Look::Hit(hit.value),
        Lookup::Hit(hit) => Look::Aging(hit.value),
        Lookup::Miss if access == Access::Serve => Look::Miss,
        // Who holds a connection never waits for a flight: its leader may wait for a connection.
        Lookup::Miss | Lookup::Off => Look::Alone,
    }
}

/// Loads what is asked for all who wait for it, or waits for who loads it.
async fn load_shared<C, L>(
    db: &CachedConnection<C>,
    region: &Region<L::Value>,
    asking: Asking,
    loader: L,
) -> Result<Option<Arc<L::Value>>, DbErr>
where
    C: Send + Sync + 'static,
    L: Load<C>,
{
    match region.join(&asking.key).await {
        Turn::Hit(hit) => Ok(hit.value),
        Turn::Lead(lead) | Turn::Alone(lead) => load(db, region, lead, asking.terms, loader).await,
        Turn::Failed(error) => {
            if let Ok(error) = error.downcast::<DbErr>() {
                return Err(DbErr::clone(&error));
            }
            let lead = region.alone(&asking.key);
            load(db, region, lead, asking.terms, loader).await
        }
    }
}

/// Loads a value and ends its load; what may not be kept is refused by what was read.
async fn load<C, L>(
    db: &CachedConnection<C>,
    region: &Region<L::Value>,
    lead: Lead<L::Value>,
    terms: Terms,
    loader: L,
) -> Result<Option<Arc<L::Value>>, DbErr>
where
    C: Send + Sync + 'static,
    L: Load<C>,
{
    let loaded = lead.run(for_all(loader.load(db))).await;
    terms.hold(db, &lead);
    match loaded {
        Ok(value) => {
            let lifetime = db.lifetime(region, value.is_some());
            Ok(lead.finish(value, lifetime).value)
        }
        // Who may not read is answered for themselves.
        Err(error @ (DbErr::AccessDenied { .. } | DbErr::RbacError(_))) => {
            lead.release();
            Err(error)
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
        region.refresh(key, async move || for_all(loader.load(&pool)).await);
    }
}
