//! Writes that insert: `ActiveModelTrait`, `Insert`, `InsertMany`, `TryInsert`.

#![expect(deprecated, reason = "what is public is in the table")]

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, NotSet, Set};

use super::row::{Write, writes};
use super::shop::{item, product, profile};

fn new(name: &str) -> product::ActiveModel {
    product::ActiveModel {
        id: NotSet,
        name: Set(name.to_owned()),
        price: Set(9),
    }
}

/// The row that was there, updated, or a new one.
const UPSERTED: &str = "row 1 of product in name, price: id -> id, name, price\nrow 1 of product: - -> id, name, price";

/// One that has `id` already.
fn known(id: i32, name: &str) -> product::ActiveModel {
    product::ActiveModel {
        id: Set(id),
        ..new(name)
    }
}

fn by_id() -> OnConflict {
    OnConflict::column(product::Column::Id)
        .update_columns([product::Column::Name, product::Column::Price])
        .to_owned()
}

/// Of a customer who has one.
fn profile() -> profile::ActiveModel {
    profile::ActiveModel {
        id: NotSet,
        customer_id: Set(1),
        city: Set("bern".to_owned()),
    }
}

fn item() -> item::ActiveModel {
    item::Model {
        purchase_id: 2,
        product_id: 3,
    }
    .into_active_model()
}

pub(super) fn rows() -> Vec<Write> {
    let mut rows = one();
    rows.extend(many());
    rows.extend(conflicting());
    rows.extend(tried());
    rows
}

fn one() -> Vec<Write> {
    writes! {
        "ActiveModelTrait::insert": "row 4 of product: - -> id, name, price", |db| new("oil").insert(db).await?;
        "ActiveModelTrait::insert of a key of two columns": "row 2/3 of item: - -> product_id, purchase_id", mariadb "row 2/3 of item: - -> product_id, purchase_id", |db| item().insert(db).await?;
        "ActiveModelTrait::insert that is refused": "", |db| known(1, "oil").insert(db).await?;
        "ActiveModelTrait::save of a new one": "row 4 of product: - -> id, name, price", |db| new("oil").save(db).await?;
        "EntityTrait::insert, Insert::exec": "row 4 of product: - -> id, name, price",
            |db| product::Entity::insert(new("oil")).exec(db).await?.last_insert_id;
        "Insert::exec_without_returning": "row 4 of product: - -> id, name, price", postgres "rows of product: - -> name, price",
            |db| product::Entity::insert(new("oil")).exec_without_returning(db).await?;
        "Insert::exec_with_returning": "row 4 of product: - -> id, name, price",
            |db| product::Entity::insert(new("oil")).exec_with_returning(db).await?;
        "Insert::exec_with_returning_keys": "row 4 of product: - -> id, name, price", mariadb "",
            |db| product::Entity::insert(new("oil")).exec_with_returning_keys(db).await?;
        "Insert::exec_with_returning_many": "row 4 of product: - -> id, name, price", mariadb "",
            |db| product::Entity::insert(new("oil")).exec_with_returning_many(db).await?;
    }
}

fn both() -> [product::ActiveModel; 2] {
    [new("oil"), new("ham")]
}

fn many() -> Vec<Write> {
    writes! {
        "EntityTrait::insert_many, InsertMany::exec": "row 4 of product: - -> id, name, price\nrow 5 of product: - -> id, name, price", mariadb "rows of product: - -> name, price",
            |db| product::Entity::insert_many(both()).exec(db).await?.last_insert_id;
        "InsertMany::exec of keys that are known": "row 8 of product: - -> id, name, price\nrow 9 of product: - -> id, name, price", mariadb "row 8 of product: - -> id, name, price\nrow 9 of product: - -> id, name, price",
            |db| product::Entity::insert_many([known(8, "oil"), known(9, "ham")]).exec(db).await?.last_insert_id;
        "InsertMany::exec of none": "",
            |db| product::Entity::insert_many(Vec::<product::ActiveModel>::new()).exec(db).await?.last_insert_id;
        "InsertMany::exec_without_returning": "rows of product: - -> name, price",
            |db| product::Entity::insert_many(both()).exec_without_returning(db).await?;
        "InsertMany::exec_with_returning": "row 4 of product: - -> id, name, price\nrow 5 of product: - -> id, name, price", mariadb "",
            |db| product::Entity::insert_many(both()).exec_with_returning(db).await?;
        "InsertMany::exec_with_returning_keys": "row 4 of product: - -> id, name, price\nrow 5 of product: - -> id, name, price", mariadb "",
            |db| product::Entity::insert_many(both()).exec_with_returning_keys(db).await?;
        "InsertMany::exec_with_returning_many": "row 4 of product: - -> id, name, price\nrow 5 of product: - -> id, name, price", mariadb "",
            |db| product::Entity::insert_many(both()).exec_with_returning_many(db).await?;
    }
}

fn conflicting() -> Vec<Write> {
    writes! {
        "Insert::on_conflict in the key": UPSERTED,
            |db| product::Entity::insert(known(1, "oil")).on_conflict(by_id()).exec(db).await?.last_insert_id;
        "Insert::on_conflict in the key, exec_with_returning": UPSERTED,
            |db| product::Entity::insert(known(1, "oil")).on_conflict(by_id()).exec_with_returning(db).await?;
        "Insert::on_conflict in the key, exec_without_returning": UPSERTED,
            |db| product::Entity::insert(known(1, "oil")).on_conflict(by_id()).exec_without_returning(db).await?;
        "Insert::on_conflict in another column": "rows of profile in city: ? -> city\nrows of profile: - -> city, customer_id",
            |db| {
                let by_customer = OnConflict::column(profile::Column::CustomerId)
                    .update_column(profile::Column::City).to_owned();
                profile::Entity::insert(profile()).on_conflict(by_customer).exec_without_returning(db).await?
            };
        "Insert::on_conflict in another column, exec_with_returning": "row 1 of profile in city: customer_id, id -> city, customer_id, id\nrow 1 of profile: - -> city, customer_id, id", mariadb "rows of profile in city: ? -> city\nrows of profile: - -> city, customer_id",
            |db| {
                let by_customer = OnConflict::column(profile::Column::CustomerId)
                    .update_column(profile::Column::City).to_owned();
                profile::Entity::insert(profile()).on_conflict(by_customer).exec_with_returning(db).await?
            };
        "InsertMany::on_conflict": "row 1 of product in name, price: id -> id, name, price\nrow 1 of product: - -> id, name, price\nrow 9 of product in name, price: id -> id, name, price\nrow 9 of product: - -> id, name, price",
            |db| product::Entity::insert_many([known(1, "oil"), known(9, "ham")])
                .on_conflict(by_id()).exec_without_returning(db).await?;
    }
}

fn tried() -> Vec<Write> {
    writes! {
        "Insert::on_conflict_do_nothing, TryInsert::exec": "row 4 of product: - -> id, name, price",
            |db| product::Entity::insert(new("oil")).on_conflict_do_nothing().exec(db).await
                .map(|done| format!("{done:?}"))?;
        "TryInsert::exec of one that is there": "", mariadb "row 1 of product: - -> id, name, price",
            |db| product::Entity::insert(known(1, "oil")).on_conflict_do_nothing().exec(db).await
                .map(|done| format!("{done:?}"))?;
        "TryInsert::exec_without_returning": "row 4 of product: - -> id, name, price", postgres "rows of product: - -> name, price",
            |db| product::Entity::insert(new("oil")).on_conflict_do_nothing().exec_without_returning(db).await?;
        "TryInsert::exec_without_returning of one that is there": "", mariadb "row 1 of product: - -> id, name, price",
            |db| product::Entity::insert(known(1, "oil")).on_conflict_do_nothing()
                .exec_without_returning(db).await?;
        "TryInsert::exec_with_returning": "row 4 of product: - -> id, name, price",
            |db| product::Entity::insert(new("oil")).on_conflict_do_nothing().exec_with_returning(db).await?;
        "TryInsert::exec_with_returning_keys": "row 4 of product: - -> id, name, price", mariadb "",
            |db| product::Entity::insert(new("oil")).on_conflict_do_nothing().exec_with_returning_keys(db).await?;
        "TryInsert::exec_with_returning_many": "row 9 of product: - -> id, name, price", mariadb "",
            |db| product::Entity::insert_many([known(1, "oil"), known(9, "ham")]).on_conflict_do_nothing()
                .exec_with_returning_many(db).await?;
        "Insert::do_nothing": "row 4 of product: - -> id, name, price", postgres "rows of product: - -> name, price",
            |db| product::Entity::insert(new("oil")).do_nothing().exec_without_returning(db).await?;
        "Insert::try_insert": "row 4 of product: - -> id, name, price", postgres "rows of product: - -> name, price",
            |db| product::Entity::insert(new("oil")).try_insert().exec_without_returning(db).await?;
        "Insert::on_conflict_do_nothing_on": "", mariadb "rows of profile: - -> city, customer_id",
            |db| profile::Entity::insert(profile())
                .on_conflict_do_nothing_on([profile::Column::CustomerId]).exec_without_returning(db).await?;
        "InsertMany::on_empty_do_nothing": "",
            |db| product::Entity::insert_many(Vec::<product::ActiveModel>::new())
                .on_empty_do_nothing().exec_without_returning(db).await?;
        "InsertMany::on_conflict_do_nothing": "row 1 of product: - -> id, name, price\nrow 9 of product: - -> id, name, price",
            |db| product::Entity::insert_many([known(1, "oil"), known(9, "ham")])
                .on_conflict_do_nothing().exec_without_returning(db).await?;
    }
}
