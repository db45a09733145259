//! Reads of one entity: `Select`, `Selector`, `SelectorRaw`.

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ColumnTrait as _, DbBackend, DeriveColumn, DerivePartialModel, EntityTrait as _, EnumIter,
    FromQueryResult, ModelTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
    SelectExt as _, Statement,
};

use super::row::{Read, reads};
use super::shop::{customer, item, profile, purchase};

#[derive(Debug, FromQueryResult)]
#[expect(dead_code, reason = "it is written out")]
struct Name {
    name: String,
}

#[derive(Debug, DerivePartialModel)]
#[sea_orm(entity = "customer::Entity")]
#[expect(dead_code, reason = "it is written out")]
struct Named {
    name: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
enum Columns {
    Name,
}

const ROW: &str = "1 row of customer";
const OTHER_ROW: &str = "UPDATE customer SET name = 'bea' WHERE id = 2";
const THE_ROW: &str = "UPDATE customer SET name = 'eva' WHERE id = 1";

const ROWS: &str = "2 rows of customer\nrows of customer by referrer_id (uses all columns; enters by name, referrer_id)";
const NO_ROW: &str = "INSERT INTO customer (id, name, referrer_id) VALUES (9, 'dan', 2)";
const ENTERS: &str = "INSERT INTO customer (id, name, referrer_id) VALUES (8, 'dan', 1)";

/// Those whom `ann` brought.
fn brought() -> Select<customer::Entity> {
    customer::Entity::find()
        .filter(customer::Column::ReferrerId.eq(1))
        .order_by_asc(customer::Column::Name)
}

const NAMES: &str = "rows of customer (uses name)";
const OTHER_COLUMN: &str = "UPDATE customer SET referrer_id = 2 WHERE id = 1";
const NAME: &str = "UPDATE customer SET name = 'eva' WHERE id = 2";

/// All names, and nothing else.
fn names() -> Select<customer::Entity> {
    customer::Entity::find()
        .select_only()
        .column(customer::Column::Name)
        .order_by_asc(customer::Column::Name)
}

const OTHER_TABLE: &str = "UPDATE product SET price = 1 WHERE id = 1";
const COUNT_OF_BROUGHT: &str = "rows of customer by referrer_id (uses all columns)";

const TEXT: &str = "SELECT id, name, referrer_id FROM customer WHERE referrer_id = 1 ORDER BY name";

fn text(backend: DbBackend) -> Statement {
    Statement::from_string(backend, TEXT)
}

fn bound(backend: DbBackend) -> Statement {
    let mark = if backend == DbBackend::Postgres {
        "$1"
    } else {
        "?"
    };
    let sql = format!("SELECT name FROM customer WHERE id = {mark}");
    Statement::from_sql_and_values(backend, sql, [1.into()])
}

fn backend<C: sea_orm::ConnectionTrait>(db: &C) -> DbBackend {
    sea_orm::ConnectionTrait::get_database_backend(db)
}

#[expect(clippy::too_many_lines, reason = "a table has a line for each method")]
pub(super) fn rows() -> Vec<Read> {
    reads! {
        "EntityTrait::find_by_id, Select::one": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| customer::Entity::find_by_id(1).one(db).await?;
        "Select::require_one": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| customer::Entity::find_by_id(1).require_one(db).await?;
        "EntityTrait::find, Select::all": ROWS, spares NO_ROW, touches ENTERS,
            |db| brought().all(db).await?;
        "Select::one of many": "1 row of customer\nrows of customer by referrer_id (uses all columns; enters by name, referrer_id)", spares NO_ROW, touches "UPDATE customer SET name = 'zoe' WHERE id = 2",
            |db| brought().one(db).await?;
        "Select::stream": COUNT_OF_BROUGHT, spares NO_ROW, touches ENTERS,
            |db| brought().stream(db).await?.try_collect::<Vec<_>>().await?;
        "Select::stream_partial_model": NAMES, spares OTHER_COLUMN, touches NAME,
            |db| names().stream_partial_model::<_, Named>(db).await?.try_collect::<Vec<_>>().await?;
        "Select::into_model, Selector::one": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| customer::Entity::find_by_id(1).into_model::<Name>().one(db).await?;
        "Selector::require_one": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| customer::Entity::find_by_id(1).into_model::<Name>().require_one(db).await?;
        "Selector::all": ROWS, spares NO_ROW, touches ENTERS,
            |db| brought().into_model::<Name>().all(db).await?;
        "Selector::stream": NAMES, spares OTHER_COLUMN, touches NAME,
            |db| names().into_model::<Name>().stream(db).await?.try_collect::<Vec<_>>().await?;
        "Select::into_partial_model": NAMES, spares OTHER_COLUMN, touches NAME,
            |db| customer::Entity::find().order_by_asc(customer::Column::Name)
                .into_partial_model::<Named>().all(db).await?;
        "Select::into_json": ROWS, spares NO_ROW, touches ENTERS,
            |db| brought().into_json().all(db).await?;
        "Select::into_values": NAMES, spares OTHER_COLUMN, touches NAME,
            |db| names().into_values::<String, Columns>().all(db).await?;
        "Select::into_tuple": NAMES, spares OTHER_COLUMN, touches NAME,
            |db| names().into_tuple::<String>().all(db).await?;
        "Select::select_except": "3 rows of customer (uses id, name)\nrows of customer (uses id, name; enters by id)", spares OTHER_COLUMN, touches NAME,
            |db| customer::Entity::find()
                .select_except([customer::Column::ReferrerId])
                .order_by_asc(customer::Column::Id).into_model::<Name>().all(db).await?;
        "SelectExt::exists of Select": "rows of customer by referrer_id (uses referrer_id)", spares NO_ROW, touches "DELETE FROM customer WHERE referrer_id = 1",
            |db| brought().exists(db).await?;
        "SelectExt::exists of Selector": "rows of customer by referrer_id (uses referrer_id)", spares NO_ROW, touches "DELETE FROM customer WHERE referrer_id = 1",
            |db| brought().into_model::<Name>().exists(db).await?;
        "SelectExt::exists of SelectorRaw": "table customer", spares OTHER_TABLE, touches "DELETE FROM customer WHERE referrer_id = 1",
            |db| customer::Entity::find().from_raw_sql(text(backend(db))).exists(db).await?;
        "Select::from_raw_sql, SelectorRaw::all": ROWS, spares NO_ROW, touches ENTERS,
            |db| customer::Entity::find().from_raw_sql(text(backend(db))).all(db).await?;
        "SelectorRaw::one": "rows of customer by referrer_id (uses all columns)", spares NO_ROW, touches "UPDATE customer SET name = 'zoe' WHERE id = 2",
            |db| customer::Entity::find().from_raw_sql(text(backend(db))).one(db).await?;
        "SelectorRaw::require_one": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| Name::find_by_statement(bound(backend(db))).require_one(db).await?;
        "SelectorRaw::stream": COUNT_OF_BROUGHT, spares NO_ROW, touches ENTERS,
            |db| customer::Entity::find().from_raw_sql(text(backend(db)))
                .stream(db).await?.try_collect::<Vec<_>>().await?;
        "SelectorRaw::into_model": ROWS, spares NO_ROW, touches ENTERS,
            |db| customer::Entity::find().from_raw_sql(text(backend(db)))
                .into_model::<Name>().all(db).await?;
        "SelectorRaw::into_json": ROWS, spares NO_ROW, touches ENTERS,
            |db| customer::Entity::find().from_raw_sql(text(backend(db))).into_json().all(db).await?;
        "FromQueryResult::find_by_statement": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| Name::find_by_statement(bound(backend(db))).one(db).await?;
        "ModelTrait::find_related of a key": "2 rows of purchase\nrows of customer by id (uses id)\nrows of purchase by customer_id (uses all columns; enters by customer_id)",
            spares "INSERT INTO purchase (id, customer_id, state) VALUES (9, 2, 'open')",
            touches "INSERT INTO purchase (id, customer_id, state) VALUES (8, 1, 'open')",
            |db| customer::Model { id: 1, name: String::new(), referrer_id: None }
                .find_related(purchase::Entity).all(db).await?;
        "ModelTrait::find_related over a junction": "2 rows of product\nrows of item by purchase_id (uses all columns)\nrows of product (uses all columns; enters by id)\nrows of purchase by id (uses id)",
            spares "INSERT INTO item (purchase_id, product_id) VALUES (2, 3)",
            touches "INSERT INTO item (purchase_id, product_id) VALUES (1, 3)",
            |db| purchase::Model { id: 1, customer_id: 1, state: String::new() }
                .find_related(super::shop::product::Entity).all(db).await?;
        "ModelTrait::find_linked": "2 rows of product\nrows of customer by id (uses id)\nrows of item (uses all columns)\nrows of product (uses all columns; enters by id)\nrows of purchase by customer_id (uses customer_id, id)",
            spares "INSERT INTO purchase (id, customer_id, state) VALUES (9, 2, 'open')",
            touches "DELETE FROM item WHERE purchase_id = 1 AND product_id = 1",
            |db| customer::Model { id: 1, name: String::new(), referrer_id: None }
                .find_linked(customer::Bought).all(db).await?;
        "EntityTrait::find_related_rev": "2 rows of purchase\nrows of customer by id (uses id)\nrows of purchase by customer_id (uses all columns; enters by customer_id)",
            spares OTHER_TABLE,
            touches "UPDATE purchase SET state = 'void' WHERE id = 2",
            |db| customer::Entity::find_related_rev::<purchase::Entity>()
                .filter(customer::Column::Id.eq(1)).all(db).await?;
        "Select::has_related": "2 rows of customer\nrows of customer (uses all columns; enters by id)\nrows of purchase by state (uses customer_id, state)",
            spares "INSERT INTO purchase (id, customer_id, state) VALUES (9, 3, 'paid')",
            touches "INSERT INTO purchase (id, customer_id, state) VALUES (8, 3, 'open')",
            |db| customer::Entity::find()
                .has_related(purchase::Entity, purchase::Column::State.eq("open")).all(db).await?;
        "Select::inner_join": "1 row of purchase\nrows of item by purchase_id (uses purchase_id)\nrows of purchase by id (uses all columns; enters by id)",
            spares "INSERT INTO item (purchase_id, product_id) VALUES (2, 1)",
            touches "INSERT INTO item (purchase_id, product_id) VALUES (3, 1)",
            |db| purchase::Entity::find().inner_join(item::Entity)
                .filter(purchase::Column::Id.eq(3)).all(db).await?;
        "Select::left_join": "3 rows of customer\nrows of customer (uses all columns; enters by id)\nrows of profile (uses customer_id)",
            spares "UPDATE profile SET city = 'bern' WHERE id = 2",
            touches "INSERT INTO customer (id, name, referrer_id) VALUES (8, 'eva', NULL)",
            |db| customer::Entity::find().left_join(profile::Entity).all(db).await?;
        "Select::left_join_linked": "1 row of customer\n2 rows of product\nrows of customer by id (uses all columns; enters by id)\nrows of item (uses all columns)\nrows of product (uses all columns; enters by id)\nrows of purchase by customer_id (uses customer_id, id)",
            spares "UPDATE review SET stars = 1 WHERE id = 1",
            touches "INSERT INTO item (purchase_id, product_id) VALUES (2, 1)",
            |db| customer::Entity::find_by_id(1).left_join_linked(customer::Bought)
                .into_json().all(db).await?;
        "Select::group_by, having": "rows of purchase (uses customer_id, id)",
            spares "UPDATE purchase SET state = 'void' WHERE id = 1",
            touches "INSERT INTO purchase (id, customer_id, state) VALUES (8, 2, 'open')",
            |db| purchase::Entity::find().select_only()
                .column(purchase::Column::CustomerId)
                .column_as(purchase::Column::Id.count(), "many")
                .group_by(purchase::Column::CustomerId)
                .order_by_asc(purchase::Column::CustomerId)
                .having(purchase::Column::Id.count().gt(0))
                .into_tuple::<(i32, i64)>().all(db).await?;
        "Select::distinct": "rows of purchase (uses state)",
            spares "UPDATE purchase SET customer_id = 3 WHERE id = 1",
            touches "UPDATE purchase SET state = 'void' WHERE id = 1",
            |db| purchase::Entity::find().select_only().column(purchase::Column::State)
                .distinct().order_by_asc(purchase::Column::State)
                .into_tuple::<String>().all(db).await?;
        "Select::limit, offset": "rows of customer (uses all columns)",
            spares OTHER_TABLE,
            touches "DELETE FROM customer WHERE id = 1",
            |db| customer::Entity::find().order_by_asc(customer::Column::Id)
                .limit(1).offset(1).all(db).await?;
    }
}
