//! What the derive macro tells of an entity.

#![expect(unreachable_pub, reason = "what SeaORM generates is public")]

use std::time::Duration;

use larder_core::{Policy, ScopeKind};
use larder_sea_orm::{CachedEntity as _, fingerprint};

use crate::entities::{article, article_tag, author, note, secret};

#[test]
fn settings_become_the_policy() {
    let seconds = Duration::from_secs;
    let policy = Policy::ttl(seconds(600))
        .grace(seconds(60))
        .negative_ttl(seconds(60));
    assert_eq!(article::Entity::policy(), policy);
    let policy = Policy::ttl(seconds(600))
        .grace(seconds(60))
        .jitter(0.1)
        .early_refresh(seconds(30))
        .stale_on_error(true)
        .invalidated_by("editors");
    assert_eq!(author::Entity::policy(), policy);
}

#[test]
fn nobody_must_be_named_unless_the_entity_says_so() {
    assert_eq!(note::Entity::scope(), ScopeKind::Public);
    assert_eq!(secret::Entity::scope(), ScopeKind::Tenant);
}

#[test]
fn the_region_is_the_table_unless_it_is_named() {
    assert_eq!(article::Entity::region(), "article");
    assert_eq!(author::Entity::region(), "authors");
    assert_eq!(note::Entity::region(), "note");
}

mod renamed {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        #[sea_orm(column_name = "body")]
        pub text: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod retyped {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub text: Option<Vec<u8>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[test]
fn a_fingerprint_tells_columns_by_name_and_type() {
    let prints = [
        fingerprint::<note::Entity>(),
        fingerprint::<renamed::Entity>(),
        fingerprint::<retyped::Entity>(),
        fingerprint::<article::Entity>(),
        fingerprint::<article_tag::Entity>(),
    ];
    for (index, print) in prints.iter().enumerate() {
        assert!(!prints[..index].contains(print), "number {index} is taken");
    }
    assert_eq!(fingerprint::<note::Entity>(), prints[0]);
}

/// The older format, written out.
mod spelled_out {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[derive(Copy, Clone, Default, Debug, DeriveEntity)]
    pub struct Entity;

    impl EntityName for Entity {
        fn table_name(&self) -> &'static str {
            "things"
        }
    }

    #[derive(Clone, Debug, PartialEq, Eq, DeriveModel, DeriveActiveModel, CachedEntity)]
    #[cached(ttl = "0s", grace = "5m", crate = "larder_sea_orm")]
    pub struct Model {
        pub id: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
    pub enum Column {
        Id,
    }

    impl ColumnTrait for Column {
        type EntityName = Entity;

        fn def(&self) -> ColumnDef {
            ColumnType::BigInteger.def()
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DerivePrimaryKey)]
    pub enum PrimaryKey {
        Id,
    }

    impl PrimaryKeyTrait for PrimaryKey {
        type ValueType = i64;

        fn auto_increment() -> bool {
            true
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter)]
    pub enum Relation {}

    impl RelationTrait for Relation {
        fn def(&self) -> RelationDef {
            match *self {}
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

#[test]
fn an_entity_may_be_written_out() {
    assert_eq!(spelled_out::Entity::region(), "things");
}
