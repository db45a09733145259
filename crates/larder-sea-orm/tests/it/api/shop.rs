//! The entities of the table: every kind of relation `SeaORM` has a method for.

#![expect(unreachable_pub, reason = "what SeaORM generates is public")]

pub mod customer {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customer")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
        pub referrer_id: Option<i32>,
        #[sea_orm(has_one)]
        pub profile: HasOne<super::profile::Entity>,
        #[sea_orm(has_many)]
        pub purchases: HasMany<super::purchase::Entity>,
        #[sea_orm(
            self_ref,
            relation_enum = "Referrer",
            relation_reverse = "Referred",
            from = "referrer_id",
            to = "id"
        )]
        pub referrer: BelongsTo<Option<Entity>>,
        #[sea_orm(self_ref, relation_enum = "Referred", relation_reverse = "Referrer")]
        pub referred: HasMany<Entity>,
        #[sea_orm(self_ref, via = "following", from = "Customer", to = "Follower")]
        pub followers: HasMany<Entity>,
        #[sea_orm(self_ref, via = "following", reverse)]
        pub follows: HasMany<Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}

    /// From a customer over purchases and items to what was bought.
    #[derive(Debug)]
    pub struct Bought;

    impl Linked for Bought {
        type FromEntity = Entity;
        type ToEntity = super::product::Entity;

        fn link(&self) -> Vec<RelationDef> {
            vec![
                Relation::Purchase.def(),
                super::purchase::Relation::Item.def(),
                super::item::Relation::Product.def(),
            ]
        }
    }
}

pub mod profile {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "profile")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub customer_id: i32,
        pub city: String,
        #[sea_orm(belongs_to, from = "customer_id", to = "id")]
        pub customer: BelongsTo<super::customer::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod purchase {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "purchase")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub customer_id: i32,
        pub state: String,
        #[sea_orm(belongs_to, from = "customer_id", to = "id")]
        pub customer: BelongsTo<super::customer::Entity>,
        #[sea_orm(has_many)]
        pub items: HasMany<super::item::Entity>,
        #[sea_orm(has_many, via = "item")]
        pub products: HasMany<super::product::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod item {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "item")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub purchase_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub product_id: i32,
        #[sea_orm(belongs_to, from = "purchase_id", to = "id")]
        pub purchase: BelongsTo<super::purchase::Entity>,
        #[sea_orm(belongs_to, from = "product_id", to = "id")]
        pub product: BelongsTo<super::product::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod product {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "product")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
        pub price: i32,
        #[sea_orm(has_many)]
        pub reviews: HasMany<super::review::Entity>,
        #[sea_orm(has_many)]
        pub items: HasMany<super::item::Entity>,
        #[sea_orm(has_many, via = "item")]
        pub purchases: HasMany<super::purchase::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod review {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "review")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub product_id: i32,
        pub stars: i32,
        #[sea_orm(belongs_to, from = "product_id", to = "id")]
        pub product: BelongsTo<super::product::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod following {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "following")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub customer_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub follower_id: i32,
        #[sea_orm(belongs_to, from = "customer_id", to = "id")]
        pub customer: BelongsTo<super::customer::Entity>,
        #[sea_orm(
            belongs_to,
            relation_enum = "Follower",
            from = "follower_id",
            to = "id"
        )]
        pub follower: BelongsTo<super::customer::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tables; `KEY` stands for an integer key the database numbers.
pub(super) const TABLES: [&str; 7] = [
    "CREATE TABLE customer (id KEY, name VARCHAR(40) NOT NULL, referrer_id INTEGER)",
    "CREATE TABLE profile (id KEY, customer_id INTEGER NOT NULL UNIQUE, city VARCHAR(40) NOT NULL)",
    "CREATE TABLE purchase (id KEY, customer_id INTEGER NOT NULL, state VARCHAR(40) NOT NULL)",
    "CREATE TABLE item (purchase_id INTEGER NOT NULL, product_id INTEGER NOT NULL,
        PRIMARY KEY (purchase_id, product_id))",
    "CREATE TABLE product (id KEY, name VARCHAR(40) NOT NULL, price INTEGER NOT NULL)",
    "CREATE TABLE review (id KEY, product_id INTEGER NOT NULL, stars INTEGER NOT NULL)",
    "CREATE TABLE following (customer_id INTEGER NOT NULL, follower_id INTEGER NOT NULL,
        PRIMARY KEY (customer_id, follower_id))",
];

/// What is in them when a method is called.
pub(super) const ROWS: [&str; 7] = [
    "INSERT INTO customer (name, referrer_id) VALUES ('ann', NULL), ('bob', 1), ('cid', 1)",
    "INSERT INTO profile (customer_id, city) VALUES (1, 'rome'), (2, 'oslo')",
    "INSERT INTO purchase (customer_id, state) VALUES (1, 'open'), (1, 'paid'), (2, 'open')",
    "INSERT INTO item VALUES (1, 1), (1, 2), (2, 2), (3, 3)",
    "INSERT INTO product (name, price) VALUES ('tea', 4), ('jam', 6), ('rye', 3)",
    "INSERT INTO review (product_id, stars) VALUES (1, 5), (1, 3), (2, 4)",
    "INSERT INTO following VALUES (1, 2), (1, 3), (2, 3)",
];

/// Their names.
pub(super) const NAMES: [&str; 7] = [
    "customer",
    "profile",
    "purchase",
    "item",
    "product",
    "review",
    "following",
];
