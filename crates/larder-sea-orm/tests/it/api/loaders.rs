//! Related rows, loaded after: `LoaderTrait`, `EntityLoader`.

use sea_orm::compound::{EntityLoaderWithSelf, EntityLoaderWithSelfRev};
use sea_orm::{
    ColumnTrait as _, EntityLoaderTrait as _, EntityTrait as _, LoaderTrait as _, QueryFilter as _,
    QueryOrder as _, Select,
};

use super::row::{Read, reads};
use super::shop::{customer, following, item, product, profile, purchase};

fn customers() -> Select<customer::Entity> {
    customer::Entity::find().order_by_asc(customer::Column::Id)
}

fn first() -> Select<customer::Entity> {
    customers().filter(customer::Column::Id.lte(2))
}

const NEW_PURCHASE: &str = "INSERT INTO purchase (id, customer_id, state) VALUES (8, 1, 'void')";
const PURCHASE_OF_ANOTHER: &str =
    "INSERT INTO purchase (id, customer_id, state) VALUES (9, 3, 'open')";
const NEW_PROFILE: &str = "INSERT INTO profile (id, customer_id, city) VALUES (9, 3, 'bern')";
const PROFILE: &str = "UPDATE profile SET city = 'bern' WHERE id = 1";

pub(super) fn rows() -> Vec<Read> {
    let mut rows = loaded();
    rows.extend(loaded_selves());
    rows.extend(eager());
    rows
}

fn loaded() -> Vec<Read> {
    reads! {
        "LoaderTrait::load_one": "2 rows of customer\n2 rows of profile\nrows of customer (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns; enters by customer_id, id)", spares NEW_PROFILE, touches PROFILE,
            |db| first().all(db).await?.load_one(profile::Entity, db).await?;
        "LoaderTrait::load_one of a Select": "1 row of profile\n2 rows of customer\nrows of customer (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns; enters by city, customer_id)", spares NEW_PROFILE, touches PROFILE,
            |db| first().all(db).await?
                .load_one(profile::Entity::find().filter(profile::Column::City.ne("oslo")), db).await?;
        "LoaderTrait::load_many": "2 rows of customer\n3 rows of purchase\nrows of customer (uses all columns; enters by id)\nrows of purchase by customer_id (uses all columns; enters by customer_id, id)", spares PURCHASE_OF_ANOTHER, touches NEW_PURCHASE,
            |db| first().all(db).await?
                .load_many(purchase::Entity::find().order_by_id_asc(), db).await?;
        "LoaderTrait::load_many over a junction": "1 row of purchase\n2 rows of product\nrows of item by purchase_id (uses all columns)\nrows of product (uses all columns; enters by id)",
            spares "INSERT INTO item (purchase_id, product_id) VALUES (2, 3)", touches "INSERT INTO item (purchase_id, product_id) VALUES (1, 3)",
            |db| purchase::Entity::find_by_id(1).all(db).await?
                .load_many(product::Entity::find().order_by_id_asc(), db).await?;
        "LoaderTrait::load_many_to_many": "1 row of purchase\n2 rows of item\n2 rows of product\nrows of item by purchase_id (uses all columns; enters by purchase_id)",
            spares "INSERT INTO item (purchase_id, product_id) VALUES (2, 3)", touches "INSERT INTO item (purchase_id, product_id) VALUES (1, 3)",
            |db| purchase::Entity::find_by_id(1).all(db).await?
                .load_many_to_many(product::Entity::find().order_by_id_asc(), item::Entity, db).await?;
    }
}

fn loaded_selves() -> Vec<Read> {
    reads! {
        "LoaderTrait::load_self": "2 rows of customer\nrows of customer (uses all columns; enters by id)\nrows of customer by id (uses all columns; enters by id)", spares NEW_PROFILE,
            touches "UPDATE customer SET name = 'eva' WHERE id = 1",
            |db| first().all(db).await?
                .load_self(customer::Entity, customer::Relation::Referrer, db).await?;
        "LoaderTrait::load_self_many": "3 rows of customer\nrows of customer (uses all columns; enters by id)\nrows of customer by referrer_id (uses all columns; enters by id, referrer_id)",
            spares NEW_PROFILE,
            touches "INSERT INTO customer (id, name, referrer_id) VALUES (8, 'eva', 2)",
            |db| first().all(db).await?
                .load_self_many(customers(), customer::Relation::Referred, db).await?;
        "LoaderTrait::load_self_via": "3 rows of customer\nrows of customer (uses all columns; enters by id)\nrows of following by customer_id (uses all columns)",
            spares "INSERT INTO following (customer_id, follower_id) VALUES (3, 1)", touches "DELETE FROM following WHERE customer_id = 2",
            |db| first().all(db).await?.load_self_via(following::Entity, db).await?;
        "LoaderTrait::load_self_via_rev": "2 rows of customer\nrows of customer (uses all columns; enters by id)\nrows of following by follower_id (uses all columns)",
            spares "INSERT INTO following (customer_id, follower_id) VALUES (1, 4)", touches "INSERT INTO following (customer_id, follower_id) VALUES (2, 1)",
            |db| first().all(db).await?.load_self_via_rev(following::Entity, db).await?;
    }
}

fn eager() -> Vec<Read> {
    reads! {
        "Entity::load, EntityLoader::all": "2 rows of customer\nrows of customer (uses all columns; enters by id)", spares NEW_PROFILE, touches "DELETE FROM customer WHERE id = 2",
            |db| customer::Entity::load().filter(customer::Column::Id.lte(2))
                .order_by_asc(customer::Column::Id).all(db).await?;
        "EntityLoader::one, filter_by_id": "1 row of customer", spares "DELETE FROM customer WHERE id = 2",
            touches "UPDATE customer SET name = 'eva' WHERE id = 1",
            |db| customer::Entity::load().filter_by_id(1).one(db).await?;
        "EntityLoader::with, one to one": "1 row of customer\nrows of customer by id (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns)", spares NEW_PROFILE, touches PROFILE,
            |db| customer::Entity::load().filter_by_id(1).with(profile::Entity).one(db).await?;
        "EntityLoader::with, belongs to": "1 row of profile\nrows of customer (uses all columns)\nrows of profile by id (uses all columns; enters by customer_id, id)",
            spares NEW_PURCHASE,
            touches "UPDATE customer SET name = 'eva' WHERE id = 1",
            |db| profile::Entity::load().filter_by_id(1).with(customer::Entity).one(db).await?;
        "EntityLoader::with, one to many": "1 row of customer\n2 rows of purchase\nrows of purchase by customer_id (uses all columns; enters by customer_id, id)", spares PURCHASE_OF_ANOTHER, touches NEW_PURCHASE,
            |db| customer::Entity::load().filter_by_id(1).with(purchase::Entity).one(db).await?;
        "EntityLoader::with, many to many": "1 row of purchase\n2 rows of product\nrows of item by purchase_id (uses all columns)\nrows of product (uses all columns; enters by id)",
            spares "INSERT INTO item (purchase_id, product_id) VALUES (2, 3)", touches "INSERT INTO item (purchase_id, product_id) VALUES (1, 3)",
            |db| purchase::Entity::load().filter_by_id(1).with(product::Entity).one(db).await?;
        "EntityLoader::with, nested": "1 row of customer\n2 rows of purchase\n3 rows of item\nrows of item by purchase_id (uses all columns; enters by all columns)\nrows of purchase by customer_id (uses all columns; enters by customer_id, id)",
            spares PURCHASE_OF_ANOTHER, touches "INSERT INTO item (purchase_id, product_id) VALUES (2, 3)",
            |db| customer::Entity::load().filter_by_id(1).with((purchase::Entity, item::Entity)).one(db).await?;
        "EntityLoader::with, several": "1 row of customer\n1 row of profile\n2 rows of product\n2 rows of purchase\nrows of customer by id (uses all columns; enters by id)\nrows of item by purchase_id (uses all columns)\nrows of product (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns; enters by customer_id)\nrows of purchase by customer_id (uses all columns; enters by customer_id, id)", spares PURCHASE_OF_ANOTHER, touches PROFILE,
            |db| customer::Entity::load().filter_by_id(1).with(profile::Entity)
                .with((purchase::Entity, product::Entity)).all(db).await?;
        "EntityLoader::with itself, over a junction": "1 row of profile\n3 rows of customer\nrows of customer (uses all columns; enters by id)\nrows of following by customer_id (uses all columns)",
            spares "INSERT INTO following (customer_id, follower_id) VALUES (3, 1)", touches "DELETE FROM following WHERE customer_id = 1",
            |db| profile::Entity::load().filter_by_id(1)
                .with(EntityLoaderWithSelf(customer::Entity, following::Entity)).one(db).await?;
        "EntityLoader::with itself, the other way": "1 row of customer\n1 row of profile\nrows of customer (uses all columns; enters by id)\nrows of following by follower_id (uses all columns)",
            spares "INSERT INTO following (customer_id, follower_id) VALUES (1, 4)", touches "INSERT INTO following (customer_id, follower_id) VALUES (2, 1)",
            |db| profile::Entity::load().filter_by_id(1)
                .with(EntityLoaderWithSelfRev(customer::Entity, following::EntityReverse)).one(db).await?;
        "EntityLoaderTrait::paginate, fetch_page": "1 row of purchase\nrows of customer (uses all columns)\nrows of purchase by customer_id (uses all columns; enters by customer_id, id)", spares PURCHASE_OF_ANOTHER,
            touches "DELETE FROM customer WHERE id = 2",
            |db| customer::Entity::load().filter(customer::Column::Id.lte(2))
                .order_by_asc(customer::Column::Id).with(purchase::Entity).paginate(db, 1).fetch_page(1).await?;
        "EntityLoaderPaginator::fetch, fetch_and_next": "1 row of customer\n2 rows of purchase\nrows of customer (uses all columns; enters by id)\nrows of purchase by customer_id (uses all columns; enters by customer_id, id)", spares PURCHASE_OF_ANOTHER,
            touches NEW_PURCHASE,
            |db| {
                let loader = customer::Entity::load().order_by_asc(customer::Column::Id)
                    .filter(customer::Column::Id.lte(2)).with(purchase::Entity);
                let mut pages = loader.paginate(db, 1);
                (pages.fetch().await?, pages.fetch_and_next().await?, pages.cur_page())
            };
        "EntityLoaderPaginator::num_items, num_pages, num_items_and_pages": "rows of customer (uses no column)",
            spares NEW_PROFILE,
            touches "INSERT INTO customer (id, name, referrer_id) VALUES (9, 'dan', 3)",
            |db| {
                let pages = customer::Entity::load().paginate(db, 2);
                let both = pages.num_items_and_pages().await?;
                (pages.num_items().await?, pages.num_pages().await?, both.number_of_items)
            };
    }
}
