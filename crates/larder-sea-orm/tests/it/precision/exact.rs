//! Entities that ask for exact bulk writes, one for each name a table may have.

use larder_sea_orm::CachedConnection;
use sea_orm::DatabaseConnection;

use super::schema::Table;

macro_rules! entities {
    ($($module:ident = $table:literal),* $(,)?) => {
        $(mod $module {
            use larder_sea_orm::CachedEntity;
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
            #[sea_orm(table_name = $table)]
            #[cached(ttl = "1h", bulk = "exact", crate = "larder_sea_orm")]
            pub struct Model {
                #[sea_orm(primary_key)]
                pub id: i32,
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        })*

        /// Has the rows of a table read before statements of many rows change them.
        pub(super) fn declare(db: &CachedConnection<DatabaseConnection>, table: &Table) {
            match table.name {
                $($table => drop(db.repository::<$module::Entity>()),)*
                other => unreachable!("{other} has no entity"),
            }
        }
    };
}

entities! {
    note = "note",
    tag = "tag",
    order = "order",
    mixed = "Mixed",
    door = "door",
    word = "word",
}
