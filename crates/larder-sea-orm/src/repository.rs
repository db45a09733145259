//! Entities read and written through the cache.

mod asking;
mod batch;
mod explain;
mod keys;
mod loads;
mod read;
mod regions;

use std::fmt;
use std::sync::Arc;

use larder_core::{Refusal, RegionError};
use sea_orm::sea_query::IntoValueTuple as _;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, DeleteMany, EntityTrait, PrimaryKeyTrait,
    QuerySelect, QueryTrait, Select, TryIntoModel, UpdateMany,
};

use self::asking::Asking;
use self::keys::Answered;
use self::loads::{All, Count, Exists, First, RowById};
use self::read::{Load, read};
use self::regions::Regions;
use crate::CachedEntity;
use crate::connection::CachedConnection;

/// The primary key of an entity, as `SeaORM` takes it: `i32`, `(i32, String)`.
pub type IdOf<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// A row as it is kept and handed out.
pub type RowOf<E> = Arc<<E as EntityTrait>::Model>;

/// Rows as they are kept and handed out: a hit copies none of them.
pub type RowsOf<E> = Arc<Vec<RowOf<E>>>;

/// One page of a query, and how many rows there are on all of them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows of this page, in the query's order.
    pub rows: Arc<Vec<Arc<T>>>,
    /// How many rows all pages have.
    pub total: u64,
    /// Which page this is, from 0.
    pub number: u64,
    /// How many rows a full page has.
    pub size: u64,
}

impl<T> Page<T> {
    /// Returns how many pages there are.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(self.size.max(1))
    }
}

/// Rows and queries of an entity, cached; writes, published.
///
/// Reads are kept under the entity's policy and served until a write touches what they were made of. Inside a
/// transaction they go to the database, except in a READ COMMITTED one that has not written: that one is
/// served too, and still keeps nothing. Writes are `SeaORM`'s own, over the connection that publishes them.
///
/// # Errors
/// Each method returns what the database answered. A failed load is answered to all who waited for it.
pub trait CachedRepository: Sync {
    /// The entity.
    type Entity: CachedEntity;

    /// Returns the row with this primary key. That there is none is kept for the negative ttl.
    fn find_by_id<T>(
        &self,
        id: T,
    ) -> impl Future<Output = Result<Option<RowOf<Self::Entity>>, DbErr>> + Send
    where
        T: Into<IdOf<Self::Entity>> + Send;

    /// Returns the rows with these primary keys, in their order; `None` where there is none.
    ///
    /// What the cache does not have is loaded by one statement, or by as few as the database's limit on
    /// parameters allows. Rows that another caller is loading are read too instead of waited for.
    fn find_by_ids<I>(
        &self,
        ids: I,
    ) -> impl Future<Output = Result<Vec<Option<RowOf<Self::Entity>>>, DbErr>> + Send
    where
        I: IntoIterator<Item: Into<IdOf<Self::Entity>>> + Send;

    /// Returns the rows of a query.
    fn find(
        &self,
        query: Select<Self::Entity>,
    ) -> impl Future<Output = Result<RowsOf<Self::Entity>, DbErr>> + Send;

    /// Returns the first row of a query. That there is none is kept for the negative ttl.
    fn find_one(
        &self,
        query: Select<Self::Entity>,
    ) -> impl Future<Output = Result<Option<RowOf<Self::Entity>>, DbErr>> + Send;

    /// Returns how many rows a query has, its limit and offset counted in.
    fn count(&self, query: Select<Self::Entity>)
    -> impl Future<Output = Result<u64, DbErr>> + Send;

    /// Tells whether a query has rows, its limit and offset left aside.
    fn exists(
        &self,
        query: Select<Self::Entity>,
    ) -> impl Future<Output = Result<bool, DbErr>> + Send;

    /// Returns page `number`, from 0, of a query in pages of `size`, and how many rows there are in all.
    ///
    /// The query's own limit and offset are replaced. Rows and total are two statements and two entries.
    fn page(
        &self,
        query: Select<Self::Entity>,
        number: u64,
        size: u64,
    ) -> impl Future<Output = Result<Page<<Self::Entity as EntityTrait>::Model>, DbErr>> + Send;

    /// Inserts a row and returns it as the database keeps it.
    fn insert(
        &self,
        row: <Self::Entity as EntityTrait>::ActiveModel,
    ) -> impl Future<Output = Result<RowOf<Self::Entity>, DbErr>> + Send;

    /// Updates a row and returns it as the database keeps it.
    fn update(
        &self,
        row: <Self::Entity as EntityTrait>::ActiveModel,
    ) -> impl Future<Output = Result<RowOf<Self::Entity>, DbErr>> + Send;

    /// Inserts a row without a primary key, updates one with it.
    fn save(
        &self,
        row: <Self::Entity as EntityTrait>::ActiveModel,
    ) -> impl Future<Output = Result<RowOf<Self::Entity>, DbErr>> + Send;

    /// Deletes a row; returns how many there were.
    fn delete(
        &self,
        row: <Self::Entity as EntityTrait>::ActiveModel,
    ) -> impl Future<Output = Result<u64, DbErr>> + Send;

    /// Deletes the row with this primary key; returns how many there were.
    fn delete_by_id<T>(&self, id: T) -> impl Future<Output = Result<u64, DbErr>> + Send
    where
        T: Into<IdOf<Self::Entity>> + Send;

    /// Updates all rows a statement picks; returns how many.
    fn update_many(
        &self,
        rows: UpdateMany<Self::Entity>,
    ) -> impl Future<Output = Result<u64, DbErr>> + Send;

    /// Deletes all rows a statement picks; returns how many.
    fn delete_many(
        &self,
        rows: DeleteMany<Self::Entity>,
    ) -> impl Future<Output = Result<u64, DbErr>> + Send;
}

/// The rows of `E` over a connection; see [`CachedRepository`] for what it does.
pub struct Repository<'a, E: CachedEntity, C> {
    db: &'a CachedConnection<C>,
    regions: Arc<Regions<E>>,
    /// Why nothing is kept or served, if the entity demands a narrower scope.
    refusal: Option<Refusal>,
}

impl<'a, E: CachedEntity, C> Repository<'a, E, C> {
    /// Opens the entity's regions, or finds them open.
    pub(crate) fn open(db: &'a CachedConnection<C>) -> Result<Self, RegionError> {
        let domain = &db.domain;
        let regions = domain.kept::<E, _, _>(|| Regions::declare(&domain.larder, &domain.name))?;
        domain.declare_bulk::<E>();
        let scope = db.reader.scope();
        let refusal = (scope.kind() < E::scope()).then_some(Refusal::WiderScope);
        if refusal.is_some() {
            regions.warn_of_scope();
        }
        let regions = if db.reader.is_named() {
            Arc::new(regions.scoped(scope))
        } else {
            regions
        };
        Ok(Self {
            db,
            regions,
            refusal,
        })
    }
}

impl<E, C> Repository<'_, E, C>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    /// Asks what a query is answered.
    fn asking(&self, answered: Answered, query: &Select<E>) -> Asking {
        let statement = query.build(self.db.get_database_backend());
        self.ask(|keys| keys.answer(answered, &statement))
    }

    async fn number<L: Load<C, Value = u64>>(&self, asking: Asking, load: L) -> Result<u64, DbErr> {
        Ok(read(self.db, &self.regions.numbers, asking, load)
            .await?
            .map_or(0, |number| *number))
    }
}

impl<E, C> CachedRepository for Repository<'_, E, C>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    type Entity = E;

    async fn find_by_id<T>(&self, id: T) -> Result<Option<RowOf<E>>, DbErr>
    where
        T: Into<IdOf<E>> + Send,
    {
        let id = id.into().into_value_tuple();
        let asking = self.ask(|keys| keys.row(&id));
        read(self.db, &self.regions.rows, asking, RowById::<E>::new(id)).await
    }

    async fn find_by_ids<I>(&self, ids: I) -> Result<Vec<Option<RowOf<E>>>, DbErr>
    where
        I: IntoIterator<Item: Into<IdOf<E>>> + Send,
    {
        let ids = ids
            .into_iter()
            .map(|id| id.into().into_value_tuple())
            .collect();
        batch::find_by_ids(self, ids).await
    }

    async fn find(&self, query: Select<E>) -> Result<RowsOf<E>, DbErr> {
        let asking = self.asking(Answered::Rows, &query);
        let rows = read(self.db, &self.regions.lists, asking, All(query)).await?;
        Ok(rows.unwrap_or_default())
    }

    async fn find_one(&self, query: Select<E>) -> Result<Option<RowOf<E>>, DbErr> {
        let asking = self.asking(Answered::First, &query);
        read(self.db, &self.regions.rows, asking, First(query)).await
    }

    async fn count(&self, query: Select<E>) -> Result<u64, DbErr> {
        self.number(self.asking(Answered::Count, &query), Count(query))
            .await
    }

    async fn exists(&self, query: Select<E>) -> Result<bool, DbErr> {
        Ok(self
            .number(self.asking(Answered::Exists, &query), Exists(query))
            .await?
            > 0)
    }

    async fn page(
        &self,
        query: Select<E>,
        number: u64,
        size: u64,
    ) -> Result<Page<E::Model>, DbErr> {
        let all = query.limit(None).offset(None);
        let total = self.count(all.clone()).await?;
        let rows = self
            .find(all.limit(size).offset(number.saturating_mul(size)))
            .await?;
        Ok(Page {
            rows,
            total,
            number,
            size,
        })
    }

    async fn insert(&self, row: E::ActiveModel) -> Result<RowOf<E>, DbErr> {
        Ok(Arc::new(row.insert(self.db).await?))
    }

    async fn update(&self, row: E::ActiveModel) -> Result<RowOf<E>, DbErr> {
        Ok(Arc::new(row.update(self.db).await?))
    }

    async fn save(&self, row: E::ActiveModel) -> Result<RowOf<E>, DbErr> {
        Ok(Arc::new(row.save(self.db).await?.try_into_model()?))
    }

    async fn delete(&self, row: E::ActiveModel) -> Result<u64, DbErr> {
        Ok(row.delete(self.db).await?.rows_affected)
    }

    async fn delete_by_id<T>(&self, id: T) -> Result<u64, DbErr>
    where
        T: Into<IdOf<E>> + Send,
    {
        Ok(E::delete_by_id(id).exec(self.db).await?.rows_affected)
    }

    async fn update_many(&self, rows: UpdateMany<E>) -> Result<u64, DbErr> {
        Ok(rows.exec(self.db).await?.rows_affected)
    }

    async fn delete_many(&self, rows: DeleteMany<E>) -> Result<u64, DbErr> {
        Ok(rows.exec(self.db).await?.rows_affected)
    }
}

impl<E: CachedEntity, C> Clone for Repository<'_, E, C> {
    fn clone(&self) -> Self {
        Self {
            db: self.db,
            regions: Arc::clone(&self.regions),
            refusal: self.refusal,
        }
    }
}

impl<E: CachedEntity, C> fmt::Debug for Repository<'_, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("region", &self.regions.rows.name())
            .finish_non_exhaustive()
    }
}
