//! The row that is looked up: an article, as Conduit keeps it.

#![expect(unreachable_pub, reason = "what SeaORM generates is public")]

use larder::CachedEntity;
use sea_orm::entity::prelude::*;

/// One article.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, CachedEntity)]
#[sea_orm(table_name = "article")]
#[cached(ttl = "1h")]
pub struct Model {
    /// Its number, from 1.
    #[sea_orm(primary_key)]
    pub id: i32,
    /// Who wrote it.
    pub author_id: i32,
    /// Its name in a URL.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Its text.
    pub body: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// Makes the article with this number.
pub(crate) fn article(id: i32) -> Model {
    let text = |what: &str| format!("{what} of the article with the number {id}");
    Model {
        id,
        author_id: id % 100,
        slug: text("slug"),
        title: text("title"),
        description: text("description"),
        body: text("body"),
    }
}
