//! A word articles are found by; it stays when its last article goes.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tag")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    #[sea_orm(unique)]
    pub name: String,
    #[sea_orm(has_many, via = "article_tag")]
    pub articles: HasMany<super::article::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
