//! The entities the tests read and write, in both formats.

#![expect(unreachable_pub, reason = "what SeaORM generates is public")]

/// The dense format, with relations.
pub mod article {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "article")]
    #[cached(
        ttl = "10m",
        grace = "1m",
        negative_ttl = "1m",
        crate = "larder_sea_orm"
    )]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub author_id: i32,
        pub title: String,
        pub views: i32,
        #[sea_orm(belongs_to, from = "author_id", to = "id")]
        pub author: BelongsTo<super::author::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Every setting there is.
pub mod author {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "author")]
    #[cached(
        ttl = "10m",
        grace = "1m",
        jitter = 0.1,
        early_refresh = "30s",
        stale_on_error,
        region = "authors",
        invalidated_by = "editors",
        crate = "larder_sea_orm"
    )]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
        #[sea_orm(has_many)]
        pub articles: HasMany<super::article::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The older format.
pub mod note {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "note")]
    #[cached(ttl = "10m", bulk = "exact", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub text: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Notes of a tenant's, of which nobody else may see any.
pub mod secret {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "note")]
    #[cached(
        ttl = "10m",
        region = "secrets",
        scope = "tenant",
        crate = "larder_sea_orm"
    )]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub text: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A key of text, compared without regard to case.
pub mod tag {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "tag")]
    #[cached(ttl = "10m", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub uses: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A key of two columns.
pub mod article_tag {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "article_tag")]
    #[cached(ttl = "10m", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub article_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tag: String,
        pub position: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tables, as SQL.
pub const TABLES: &str = "
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE article (
        id INTEGER PRIMARY KEY,
        author_id INTEGER NOT NULL REFERENCES author (id) ON DELETE CASCADE,
        title TEXT NOT NULL,
        views INTEGER NOT NULL
    );
    CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT);
    CREATE TABLE tag (name TEXT PRIMARY KEY COLLATE NOCASE, uses BIGINT NOT NULL);
    CREATE TABLE article_tag (
        article_id INTEGER NOT NULL, tag TEXT NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (article_id, tag)
    );
";
