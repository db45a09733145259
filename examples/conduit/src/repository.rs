//! Rows read by key, ahead of the cached repository this stands in for.

use std::marker::PhantomData;
use std::sync::Arc;

use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait, PaginatorTrait,
    PrimaryKeyToColumn, PrimaryKeyTrait, QueryFilter, Select,
};

use crate::database::Db;

pub(crate) trait Repositories {
    fn repository<E: EntityTrait>(&self) -> Plain<'_, E>;
}

impl Repositories for Db {
    fn repository<E: EntityTrait>(&self) -> Plain<'_, E> {
        Plain {
            db: self,
            entity: PhantomData,
        }
    }
}

pub(crate) struct Plain<'a, E> {
    db: &'a Db,
    entity: PhantomData<E>,
}

type KeyOf<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

impl<E: EntityTrait> Plain<'_, E>
where
    E::Model: Sync,
{
    pub(crate) async fn find_by_id(
        &self,
        key: impl Into<KeyOf<E>>,
    ) -> Result<Option<Arc<E::Model>>, DbErr> {
        Ok(E::find_by_id(key).one(self.db).await?.map(Arc::new))
    }

    pub(crate) async fn find_by_ids(
        &self,
        keys: impl IntoIterator<Item = i32>,
    ) -> Result<Vec<Option<Arc<E::Model>>>, DbErr> {
        let keys: Vec<i32> = keys.into_iter().collect();
        let column = E::PrimaryKey::iter()
            .next()
            .map(PrimaryKeyToColumn::into_column);
        let Some(column) = column else {
            return Ok(Vec::new());
        };
        let rows = E::find()
            .filter(column.is_in(keys.iter().copied()))
            .all(self.db)
            .await?;
        let rows: Vec<_> = rows.into_iter().map(Arc::new).collect();
        let _ = column.as_str();
        Ok(keys
            .into_iter()
            .map(|key| {
                rows.iter()
                    .find(|row| row.get(column) == key.into())
                    .map(Arc::clone)
            })
            .collect())
    }

    pub(crate) async fn find(&self, select: Select<E>) -> Result<Vec<Arc<E::Model>>, DbErr> {
        Ok(select
            .all(self.db)
            .await?
            .into_iter()
            .map(Arc::new)
            .collect())
    }

    pub(crate) async fn find_one(&self, select: Select<E>) -> Result<Option<Arc<E::Model>>, DbErr> {
        Ok(select.one(self.db).await?.map(Arc::new))
    }

    pub(crate) async fn count(&self, select: Select<E>) -> Result<u64, DbErr> {
        select.count(self.db).await
    }
}
