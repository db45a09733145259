//! Who follows whom.

use larder::CachedEntity;
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
#[sea_orm(table_name = "follow")]
#[cached(ttl = "10m", grace = "1m", negative_ttl = "1m")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub follower_id: i32,
    #[sea_orm(primary_key, auto_increment = false, indexed)]
    pub followed_id: i32,
    #[sea_orm(
        belongs_to,
        relation_enum = "Follower",
        from = "follower_id",
        to = "id"
    )]
    pub follower: BelongsTo<super::user::Entity>,
    #[sea_orm(
        belongs_to,
        relation_enum = "Followed",
        from = "followed_id",
        to = "id"
    )]
    pub followed: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
