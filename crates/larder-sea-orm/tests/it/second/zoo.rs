//! People, their pets, and who visited whom.

#![expect(unreachable_pub, reason = "what SeaORM generates is public")]

pub mod person {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "person")]
    #[cached(ttl = "10m", negative_ttl = "1m", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
        pub boss_id: Option<i32>,
        pub city: Option<String>,
        pub age: i32,
        #[sea_orm(
            self_ref,
            relation_enum = "Boss",
            relation_reverse = "Staff",
            from = "boss_id",
            to = "id"
        )]
        pub boss: BelongsTo<Option<Entity>>,
        #[sea_orm(self_ref, relation_enum = "Staff", relation_reverse = "Boss")]
        pub staff: HasMany<Entity>,
        #[sea_orm(has_many)]
        pub pets: HasMany<super::pet::Entity>,
        #[sea_orm(has_many)]
        pub visits: HasMany<super::visit::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod pet {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "pet")]
    #[cached(ttl = "10m", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub person_id: Option<i32>,
        pub kind: String,
        pub weight: i32,
        #[sea_orm(belongs_to, from = "person_id", to = "id")]
        pub person: BelongsTo<Option<super::person::Entity>>,
        #[sea_orm(has_many)]
        pub visits: HasMany<super::visit::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod visit {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "visit")]
    #[cached(ttl = "10m", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub person_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub pet_id: i32,
        pub note: Option<String>,
        #[sea_orm(belongs_to, from = "person_id", to = "id")]
        pub person: BelongsTo<super::person::Entity>,
        #[sea_orm(belongs_to, from = "pet_id", to = "id")]
        pub pet: BelongsTo<super::pet::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tables; `KEY` is how the database says that a key counts up.
pub const TABLES: [&str; 3] = [
    "CREATE TABLE person (id INTEGER KEY, name VARCHAR(40) NOT NULL UNIQUE, boss_id INTEGER NULL, city VARCHAR(40) NULL,
     age INTEGER NOT NULL, CONSTRAINT bo FOREIGN KEY (boss_id) REFERENCES person (id) ON DELETE SET NULL)",
    "CREATE TABLE pet (id INTEGER KEY, person_id INTEGER NULL, kind VARCHAR(40) NOT NULL, weight INTEGER NOT NULL,
     CONSTRAINT pe FOREIGN KEY (person_id) REFERENCES person (id) ON DELETE CASCADE ON UPDATE CASCADE)",
    "CREATE TABLE visit (person_id INTEGER NOT NULL, pet_id INTEGER NOT NULL, note VARCHAR(40) NULL,
     PRIMARY KEY (person_id, pet_id),
     CONSTRAINT vp FOREIGN KEY (person_id) REFERENCES person (id) ON DELETE CASCADE ON UPDATE CASCADE,
     CONSTRAINT vt FOREIGN KEY (pet_id) REFERENCES pet (id) ON DELETE CASCADE)",
];

pub const ROWS: [&str; 3] = [
    "INSERT INTO person (id, name, boss_id, city, age) VALUES (1, 'ann', NULL, 'rome', 30), (2, 'bob', 1, 'rome', 40),
     (3, 'cyd', 1, NULL, 30), (4, 'dan', 2, 'oslo', 20), (5, 'eve', 3, 'Oslo', 50)",
    "INSERT INTO pet (id, person_id, kind, weight) VALUES (1, 1, 'cat', 5), (2, 1, 'dog', 9), (3, 2, 'cat', 4), (4, 3, 'emu', 30),
     (5, NULL, 'cat', 6)",
    "INSERT INTO visit VALUES (1, 3, 'hi'), (1, 4, NULL), (2, 1, 'hi'), (3, 5, 'yo'), (4, 1, 'hi')",
];
