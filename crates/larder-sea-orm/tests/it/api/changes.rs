//! Writes that update and delete: `ActiveModelTrait`, `ModelTrait`, `Update`, `Delete`, nested active models.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Delete, DeleteMany, Deleter, EntityLoaderTrait as _,
    EntityTrait as _, IntoActiveModel as _, ModelTrait as _, NotSet, QueryFilter as _,
    QueryTrait as _, Set, Unchanged, Update, UpdateMany,
};

use super::row::{Write, writes};
use super::shop::{customer, product, profile, purchase};

fn tea() -> product::Model {
    product::Model {
        id: 1,
        name: "tea".to_owned(),
        price: 4,
    }
}

/// The first product at another price, as it was read.
fn dear() -> product::ActiveModel {
    product::ActiveModel {
        price: Set(9),
        ..tea().into_active_model()
    }
}

fn missing() -> product::ActiveModel {
    product::ActiveModel {
        id: Unchanged(99),
        name: NotSet,
        price: Set(9),
    }
}

fn cheap() -> UpdateMany<product::Entity> {
    product::Entity::update_many()
        .col_expr(product::Column::Name, Expr::value("sold"))
        .filter(product::Column::Price.lt(5))
}

fn opened() -> UpdateMany<purchase::Entity> {
    purchase::Entity::update_many()
        .col_expr(purchase::Column::State, Expr::value("sent"))
        .filter(purchase::Column::State.eq("open"))
}

fn gone() -> DeleteMany<purchase::Entity> {
    purchase::Entity::delete_many().filter(purchase::Column::State.eq("open"))
}

pub(super) fn rows() -> Vec<Write> {
    let mut rows = updated();
    rows.extend(deleted());
    rows.extend(nested());
    rows
}

fn updated() -> Vec<Write> {
    writes! {
        "ActiveModelTrait::update": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price", |db| dear().update(db).await?;
        "ActiveModelTrait::update of a row that is not there": "", |db| missing().update(db).await?;
        "ActiveModelTrait::update of nothing": "", |db| tea().into_active_model().update(db).await?;
        "ActiveModelTrait::update_without_returning": "row 1 of product in price: id -> id, price", |db| dear().update_without_returning(db).await?;
        "ActiveModelTrait::save of one that is there": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price", |db| dear().save(db).await?;
        "EntityTrait::update, UpdateOne::exec": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price", |db| product::Entity::update(dear()).exec(db).await?;
        "UpdateOne::exec_without_returning": "row 1 of product in price: id -> id, price",
            |db| product::Entity::update(dear()).exec_without_returning(db).await?;
        "UpdateOne::validate, ValidatedUpdateOne::exec": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price",
            |db| Update::one(dear()).validate()?.exec(db).await?;
        "ValidatedUpdateOne::exec_without_returning": "row 1 of product in price: id -> id, price",
            |db| Update::one(dear()).validate()?.exec_without_returning(db).await?;
        "ValidatedUpdateOne::filter": "",
            |db| Update::one(dear()).validate()?.filter(product::Column::Price.lt(3))
                .exec_without_returning(db).await.is_err();
        "EntityTrait::update_many, UpdateMany::exec": "rows of product in name: ? -> name", |db| cheap().exec(db).await?;
        "UpdateMany::exec by an equality": "rows of purchase in state: state -> state", |db| opened().exec(db).await?;
        "UpdateMany::exec_with_returning": "row 1 of product in name: id, price -> id, name, price\nrow 3 of product in name: id, price -> id, name, price", mariadb "", |db| {
            let mut rows = cheap().exec_with_returning(db).await?;
            rows.sort_by_key(|row| row.id);
            rows
        };
        "UpdateMany::set": "row 1 of product in price: id -> id, price\nrow 2 of product in price: id -> id, price",
            |db| product::Entity::update_many()
                .set(product::ActiveModel { price: Set(1), ..Default::default() })
                .filter(product::Column::Id.is_in([1, 2])).exec(db).await?;
        "UpdateMany::exec of an expression": "row 1 of product in price: id -> id",
            |db| product::Entity::update_many()
                .col_expr(product::Column::Price, Expr::col(product::Column::Price).add(1))
                .filter(product::Column::Id.eq(1)).exec(db).await?;
        "UpdateMany::exec of nothing": "", |db| product::Entity::update_many().exec(db).await?;
        "UpdateMany::exec of a key": "rows of product in id: id -> id",
            |db| product::Entity::update_many().col_expr(product::Column::Id, Expr::value(7))
                .filter(product::Column::Id.eq(1)).exec(db).await?;
    }
}

fn deleted() -> Vec<Write> {
    writes! {
        "ActiveModelTrait::delete": "row 1 of product: id -> -", |db| dear().delete(db).await?;
        "ModelTrait::delete": "row 1 of product: id -> -", |db| tea().delete(db).await?;
        "EntityTrait::delete, DeleteOne::exec": "row 1 of product: id -> -", |db| product::Entity::delete(dear()).exec(db).await?;
        "DeleteOne::exec_with_returning": "row 1 of product: id, name, price -> -", mariadb "",
            |db| product::Entity::delete(dear()).exec_with_returning(db).await?;
        "DeleteOne::validate, ValidatedDeleteOne::exec": "row 1 of product: id -> -",
            |db| Delete::one(dear()).validate()?.exec(db).await?;
        "ValidatedDeleteOne::exec_with_returning": "row 1 of product: id, name, price -> -", mariadb "",
            |db| Delete::one(dear()).validate()?.exec_with_returning(db).await?;
        "EntityTrait::delete_by_id": "row 1 of product: id -> -", |db| product::Entity::delete_by_id(1).exec(db).await?;
        "EntityTrait::delete_by_id, exec_with_returning": "row 1 of product: id, name, price -> -", mariadb "",
            |db| product::Entity::delete_by_id(1).exec_with_returning(db).await?;
        "EntityTrait::delete_by_id of a row that is not there": "",
            |db| product::Entity::delete_by_id(99).exec(db).await?;
        "EntityTrait::delete_many, DeleteMany::exec": "rows of purchase: state -> -", |db| gone().exec(db).await?;
        "DeleteMany::exec_with_returning": "row 1 of purchase: customer_id, id, state -> -\nrow 3 of purchase: customer_id, id, state -> -", mariadb "", |db| {
            let mut rows = gone().exec_with_returning(db).await?;
            rows.sort_by_key(|row| row.id);
            rows
        };
        "DeleteMany::filter_by_ids": "row 1 of product: id -> -\nrow 2 of product: id -> -",
            |db| product::Entity::delete_many().filter_by_ids([1, 2]).exec(db).await?;
        "DeleteMany::exec of all": "rows of product: ? -> -", |db| product::Entity::delete_many().exec(db).await?;
        "Deleter::exec": "rows of purchase: state -> -", |db| Deleter::new(gone().into_query()).exec(db).await?;
        "Deleter::exec_with_returning": "row 1 of purchase: customer_id, id, state -> -\nrow 3 of purchase: customer_id, id, state -> -", mariadb "",
            |db| {
                let mut rows = Deleter::new(gone().into_query())
                    .exec_with_returning::<purchase::Entity, _>(db).await?;
                rows.sort_by_key(|row| row.id);
                rows
            };
    }
}

fn of_city(city: &str) -> profile::ActiveModelEx {
    profile::ActiveModel::builder().set_city(city)
}

fn nested() -> Vec<Write> {
    writes! {
        "ActiveModelEx::insert, with what belongs to it": "row 3 of profile: - -> city, customer_id, id\nrow 4 of customer: - -> id, name, referrer_id\nrow 4 of purchase: - -> customer_id, id, state",
            |db| customer::ActiveModel::builder().set_name("dan").set_profile(of_city("bern"))
                .add_purchase(purchase::ActiveModel::builder().set_state("open"))
                .insert(db).await?;
        "ActiveModelEx::save, many to many": "row 4 of product: - -> id, name, price\nrow 4 of purchase: - -> customer_id, id, state\nrow 4/1 of item: - -> product_id, purchase_id\nrow 4/4 of item: - -> product_id, purchase_id", mariadb "row 4 of product: - -> id, name, price\nrow 4 of purchase: - -> customer_id, id, state\nrow 4/1 of item: - -> product_id, purchase_id\nrow 4/4 of item: - -> product_id, purchase_id",
            |db| purchase::ActiveModel::builder().set_customer_id(1).set_state("open")
                .add_product(tea().into_active_model())
                .add_product(product::ActiveModel::builder().set_name("oil").set_price(9))
                .save(db).await?;
        "ActiveModelEx::save, over a junction with itself": "row 3/1 of following: - -> customer_id, follower_id", mariadb "row 3/1 of following: - -> customer_id, follower_id",
            |db| {
                let ann = customer::Entity::find_by_id(1).one(db).await?;
                let cid = customer::Entity::find_by_id(3).one(db).await?;
                let (ann, cid) = (ann.map(sea_orm::IntoActiveModel::into_active_model), cid.map(|it| it.into_ex().into_active_model()));
                match (ann, cid) {
                    (Some(ann), Some(cid)) => cid.add_follower(ann).save(db).await.map(|it| it.id)?,
                    _ => NotSet,
                }
            };
        "ActiveModelEx::update": "row 1 of profile in city: customer_id, id -> city, customer_id, id", mariadb "row 1 of profile in city: id -> city, id",
            |db| {
                let profile = profile::Entity::load().filter_by_id(1).with(customer::Entity).one(db).await?;
                let mut profile = profile.map(sea_orm::IntoActiveModel::into_active_model).unwrap_or_default();
                profile.city = Set("bern".to_owned());
                profile.update(db).await?.city
            };
        "ActiveModelEx::delete": "row 1 of profile: id -> -",
            |db| {
                let profile = profile::Entity::load().filter_by_id(1).one(db).await?;
                profile.map(sea_orm::IntoActiveModel::into_active_model).unwrap_or_default().delete(db).await?
            };
        "ModelEx::delete, with what belongs to it": "row 1 of purchase: id -> -\nrow 1/1 of item: product_id, purchase_id -> -\nrow 1/2 of item: product_id, purchase_id -> -",
            |db| {
                let purchase = purchase::Entity::load().filter_by_id(1).one(db).await?;
                match purchase {
                    Some(purchase) => purchase.delete(db).await?.rows_affected,
                    None => 0,
                }
            };
        "Model::cascade_delete": "row 2 of customer: id -> -\nrow 2 of profile: id -> -\nrow 3 of purchase: id -> -\nrow 3/3 of item: product_id, purchase_id -> -\nrows of following: ? -> -",
            |db| {
                let customer = customer::Entity::find_by_id(2).one(db).await?;
                match customer {
                    Some(customer) => customer.cascade_delete(db).await?.rows_affected,
                    None => 0,
                }
            };
    }
}
