//! Any function that reads over a connection, cached.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use larder_core::{Key, Policy, Region, RegionError};

use super::CachedConnection;
use crate::view::Access;

/// The region of queries that name none.
const REGION: &str = "queries";
const TTL: Duration = Duration::from_secs(600);

/// What a domain keeps of queries with answers of type `V`.
struct Queries<V>(PhantomData<fn() -> V>);

impl<C: Send + Sync + 'static> CachedConnection<C> {
    /// Returns what `read` answers, kept under `key` until a write touches what it has read.
    ///
    /// For whatever no repository has a method for: joins, partial models, loaders, raw SQL, several statements
    /// whose answers are put together. The region is `queries`, its policy a ttl of ten minutes;
    /// [`query_in`](Self::query_in) takes one of yours. A key stands for one answer: whatever the closure
    /// captures that changes the answer belongs into it.
    ///
    /// In a transaction, and over a connection with rights of its own, it reads and keeps nothing.
    ///
    /// ```
    /// # use larder_sea_orm::CachedConnection;
    /// # use sea_orm::{ConnectionTrait, DbErr};
    /// # async fn titles<C: ConnectionTrait>(db: &C, author: i32) -> Result<Vec<String>, DbErr> { Ok(vec![]) }
    /// # async fn example<C: ConnectionTrait + Send + Sync + 'static>(db: CachedConnection<C>) -> Result<(), std::sync::Arc<DbErr>> {
    /// let author = 7;
    /// let titles = db.query(("titles-of", author), async |db| titles(db, author).await).await?;
    /// # let _ = titles; Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What `read` failed with, the same for all that waited for it.
    ///
    /// # Panics
    /// If the region `queries` was declared with another policy.
    pub async fn query<V, E, F>(&self, key: impl Into<Key>, read: F) -> Result<Arc<V>, Arc<E>>
    where
        V: Send + Sync + 'static,
        E: Send + Sync + 'static,
        F: AsyncFnOnce(&Self) -> Result<V, E>,
    {
        let region = self
            .domain
            .kept::<Queries<V>, Region<V>, RegionError>(|| {
                self.domain.larder.region(REGION, Policy::ttl(TTL))
            })
            .unwrap_or_else(|error| panic!("{error}"));
        self.query_in(&region, key, read).await
    }

    /// Returns what `read` answers as [`query`](Self::query) does, kept in a region of yours.
    ///
    /// # Errors
    /// What `read` failed with, the same for all that waited for it.
    pub async fn query_in<V, E, F>(
        &self,
        region: &Region<V>,
        key: impl Into<Key>,
        read: F,
    ) -> Result<Arc<V>, Arc<E>>
    where
        V: Send + Sync + 'static,
        E: Send + Sync + 'static,
        F: AsyncFnOnce(&Self) -> Result<V, E>,
    {
        if self.session().is_some() || self.access() == Access::Bypass || self.rights().is_some() {
            return read(self).await.map(Arc::new).map_err(Arc::new);
        }
        let key = Key::builder()
            .text(&self.domain.name)
            .text(std::any::type_name::<V>())
            .bytes(key.into().as_bytes())
            .finish();
        if self.reader.is_named() {
            let region = region.scoped(self.reader.scope().clone());
            return region.get_or_load(key, || read(self)).await;
        }
        region.get_or_load(key, || read(self)).await
    }
}
