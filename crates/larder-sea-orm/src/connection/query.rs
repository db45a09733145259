//! Any function that reads over a connection, cached.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use larder_core::{Explanation, Key, Policy, Refusal, Region, RegionError};

use super::CachedConnection;
use crate::view::Access;

/// The region of queries that name none.
const REGION: &str = "queries";
const TTL: Duration = Duration::from_mins(10);

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
        let region = self.queries();
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
        let key = self.key_of_query::<V>(&key.into());
        self.own_view(region).get_or_load(key, || read(self)).await
    }

    /// Says why what [`query`](Self::query) answers is served or not.
    ///
    /// # Panics
    /// If the region `queries` was declared with another policy.
    pub fn explain_query<V: Send + Sync + 'static>(&self, key: impl Into<Key>) -> Explanation {
        self.explain_query_in(&self.queries::<V>(), key)
    }

    /// Says why what [`query_in`](Self::query_in) answers is served or not.
    pub fn explain_query_in<V>(&self, region: &Region<V>, key: impl Into<Key>) -> Explanation
    where
        V: Send + Sync + 'static,
    {
        let key = self.key_of_query::<V>(&key.into());
        let region = self.own_view(region);
        if self.session().is_some() {
            region.explain_bypass(key.to_string(), "in a transaction")
        } else if self.access() == Access::Bypass {
            let refusal = self.refusal().map_or("the connection", Refusal::as_str);
            region.explain_bypass(key.to_string(), refusal)
        } else if self.rights().is_some() {
            region.explain_bypass(key.to_string(), "rights of its own")
        } else {
            region.explain(&key)
        }
    }

    fn queries<V: Send + Sync + 'static>(&self) -> Arc<Region<V>> {
        let declare = || self.domain.larder.region(REGION, Policy::ttl(TTL));
        self.domain
            .kept::<Queries<V>, Region<V>, RegionError>(declare)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Returns the region for who reads here.
    fn own_view<'a, V>(&self, region: &'a Region<V>) -> Cow<'a, Region<V>>
    where
        V: Send + Sync + 'static,
    {
        if self.reader.is_named() {
            Cow::Owned(region.scoped(self.reader.scope().clone()))
        } else {
            Cow::Borrowed(region)
        }
    }

    fn key_of_query<V>(&self, key: &Key) -> Key {
        Key::builder()
            .text(&self.domain.name)
            .text(std::any::type_name::<V>())
            .key(key)
            .finish()
    }
}
