//! What is loaded when the cache has nothing: each kind of answer by its own statement.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use sea_orm::sea_query::{SelectStatement, ValueTuple};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, Iterable, PaginatorTrait, PrimaryKeyToColumn,
    QueryFilter, QueryTrait, Select, SelectExt,
};

use super::read::Load;
use super::regions::Rows;
use crate::CachedEntity;
use crate::connection::CachedConnection;

/// Loads a row by its key.
pub(super) struct RowById<E> {
    id: ValueTuple,
    entity: PhantomData<E>,
}

impl<E> RowById<E> {
    /// Loads the row with this key.
    pub(super) fn new(id: ValueTuple) -> Self {
        Self {
            id,
            entity: PhantomData,
        }
    }
}

/// Loads the rows of a query.
pub(super) struct All<E: EntityTrait>(pub(super) Select<E>);

/// Loads the first row of a query.
pub(super) struct First<E: EntityTrait>(pub(super) Select<E>);

/// Loads how many rows a query has.
pub(super) struct Count<E: EntityTrait>(pub(super) Select<E>);

/// Loads whether a query has rows.
pub(super) struct Exists<E: EntityTrait>(pub(super) Select<E>);

impl<E, C> Load<C> for RowById<E>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    type Value = E::Model;

    async fn load(self, db: &CachedConnection<C>) -> Result<Option<Arc<E::Model>>, DbErr> {
        Ok(by_id::<E>(&self.id).one(db).await?.map(Arc::new))
    }

    fn statement(&self) -> Cow<'_, SelectStatement> {
        Cow::Owned(by_id::<E>(&self.id).into_query())
    }
}

impl<E, C> Load<C> for All<E>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    type Value = Rows<E::Model>;

    async fn load(self, db: &CachedConnection<C>) -> Result<Option<Arc<Rows<E::Model>>>, DbErr> {
        let rows = self.0.all(db).await?;
        Ok(Some(Arc::new(rows.into_iter().map(Arc::new).collect())))
    }

    fn statement(&self) -> Cow<'_, SelectStatement> {
        Cow::Borrowed(self.0.as_query())
    }
}

impl<E, C> Load<C> for First<E>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    type Value = E::Model;

    async fn load(self, db: &CachedConnection<C>) -> Result<Option<Arc<E::Model>>, DbErr> {
        Ok(self.0.one(db).await?.map(Arc::new))
    }

    fn statement(&self) -> Cow<'_, SelectStatement> {
        Cow::Borrowed(self.0.as_query())
    }
}

impl<E, C> Load<C> for Count<E>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    type Value = u64;

    async fn load(self, db: &CachedConnection<C>) -> Result<Option<Arc<u64>>, DbErr> {
        Ok(Some(Arc::new(self.0.count(db).await?)))
    }

    fn statement(&self) -> Cow<'_, SelectStatement> {
        Cow::Borrowed(self.0.as_query())
    }
}

impl<E, C> Load<C> for Exists<E>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    type Value = u64;

    async fn load(self, db: &CachedConnection<C>) -> Result<Option<Arc<u64>>, DbErr> {
        Ok(Some(Arc::new(u64::from(self.0.exists(db).await?))))
    }

    fn statement(&self) -> Cow<'_, SelectStatement> {
        Cow::Borrowed(self.0.as_query())
    }
}

/// Selects the row with this key.
pub(super) fn by_id<E: EntityTrait>(id: &ValueTuple) -> Select<E> {
    E::PrimaryKey::iter()
        .zip(id.iter())
        .fold(E::find(), |select, (part, value)| {
            select.filter(part.into_column().eq(value.clone()))
        })
}
