//! The data of these tests: registers with versions that only rise, in groups of ten.

#![expect(unreachable_pub, reason = "what SeaORM generates is public")]

use larder::CachedEntity;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseConnection, DbErr, Schema};

/// How many registers a group has.
pub(crate) const GROUP: u32 = 10;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, CachedEntity)]
#[sea_orm(table_name = "register")]
#[cached(ttl = "10m")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    pub group: i32,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Makes the table and `count` registers of version 0.
pub(crate) async fn create(pool: &DatabaseConnection, count: u32) -> Result<(), DbErr> {
    let table = Schema::new(pool.get_database_backend()).create_table_from_entity(Entity);
    pool.execute(&table).await?;
    let rows = (0..count).map(|id| ActiveModel {
        id: Set(id.try_into().unwrap()),
        group: Set((id / GROUP).try_into().unwrap()),
        version: Set(0),
    });
    Entity::insert_many(rows).exec(pool).await?;
    Ok(())
}

impl Model {
    pub(crate) fn read(&self) -> (u32, u64) {
        (
            self.id.try_into().unwrap(),
            self.version.try_into().unwrap(),
        )
    }
}
