//! A word articles are found by; it stays when its last article goes.

use larder::CachedEntity;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
#[sea_orm(table_name = "tag")]
#[cached(ttl = "10m", grace = "1m", negative_ttl = "1m")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    #[sea_orm(unique)]
    pub name: String,
    #[sea_orm(has_many, via = "article_tag")]
    pub articles: HasMany<super::article::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
