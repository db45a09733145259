//! Pages: `PaginatorTrait`, `Paginator`, `Cursor`.

use futures_util::TryStreamExt as _;
use sea_orm::{
    ColumnTrait as _, DbBackend, DerivePartialModel, EntityTrait as _, FromQueryResult,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, Select, Statement,
};

use super::row::{Read, reads};
use super::shop::{customer, item, product, profile, purchase, review};

#[derive(Debug, FromQueryResult)]
#[expect(dead_code, reason = "it is written out")]
struct State {
    state: String,
}

#[derive(Debug, DerivePartialModel)]
#[sea_orm(entity = "purchase::Entity")]
#[expect(dead_code, reason = "it is written out")]
struct StateOf {
    state: String,
}

fn open() -> Select<purchase::Entity> {
    purchase::Entity::find()
        .filter(purchase::Column::State.eq("open"))
        .order_by_asc(purchase::Column::Id)
}

const FIRST_PAGE: &str =
    "1 row of purchase\nrows of purchase by state (uses all columns; enters by id, state)";
const BOTH_PAGES: &str = "1 row of purchase\nrows of purchase by state (uses all columns)\nrows of purchase by state (uses all columns; enters by id, state)";
const SECOND_PAGE: &str = "rows of purchase by state (uses all columns)";
/// Of a text that is new.
const COUNT: &str = "rows of purchase by state (uses state)";
const PAID: &str = "INSERT INTO purchase (id, customer_id, state) VALUES (9, 1, 'paid')";
const OPEN: &str = "INSERT INTO purchase (id, customer_id, state) VALUES (8, 1, 'open')";
const FIRST_GOES: &str = "DELETE FROM purchase WHERE id = 1";
const OTHER_TABLE: &str = "UPDATE product SET price = 1 WHERE id = 1";
const OTHER_CUSTOMER: &str = "UPDATE purchase SET customer_id = 3 WHERE id = 1";

fn raw(backend: DbBackend) -> Statement {
    Statement::from_string(
        backend,
        "SELECT id, customer_id, state FROM purchase WHERE state = 'open' ORDER BY id",
    )
}

fn backend<C: sea_orm::ConnectionTrait>(db: &C) -> DbBackend {
    sea_orm::ConnectionTrait::get_database_backend(db)
}

pub(super) fn rows() -> Vec<Read> {
    let mut rows = paginated();
    rows.extend(counted());
    rows.extend(cursors());
    rows
}

fn paginated() -> Vec<Read> {
    reads! {
        "PaginatorTrait::paginate of Select, Paginator::fetch_page": SECOND_PAGE, spares PAID, touches FIRST_GOES,
            |db| open().paginate(db, 1).fetch_page(1).await?;
        "Paginator::fetch": FIRST_PAGE, spares PAID, touches FIRST_GOES,
            |db| open().paginate(db, 1).fetch().await?;
        "Paginator::fetch_and_next": BOTH_PAGES, spares PAID, touches FIRST_GOES,
            |db| {
                let mut pages = open().paginate(db, 1);
                (pages.fetch_and_next().await?, pages.fetch_and_next().await?)
            };
        "Paginator::into_stream": BOTH_PAGES, spares PAID, touches OPEN,
            |db| open().paginate(db, 1).into_stream().try_collect::<Vec<_>>().await?;
        "Paginator::num_items": COUNT, spares PAID, touches OPEN,
            |db| open().paginate(db, 1).num_items().await?;
        "Paginator::num_pages": COUNT, spares PAID, touches OPEN,
            |db| open().paginate(db, 1).num_pages().await?;
        "Paginator::num_items_and_pages": COUNT, spares PAID, touches OPEN,
            |db| {
                let found = open().paginate(db, 1).num_items_and_pages().await?;
                (found.number_of_items, found.number_of_pages)
            };
        "PaginatorTrait::paginate of Selector": SECOND_PAGE, spares PAID, touches FIRST_GOES,
            |db| open().into_model::<State>().paginate(db, 1).fetch_page(1).await?.len();
        "PaginatorTrait::paginate of SelectorRaw": "table purchase", spares OTHER_TABLE, touches FIRST_GOES,
            |db| purchase::Entity::find().from_raw_sql(raw(backend(db))).paginate(db, 1).fetch_page(1).await?;
        "PaginatorTrait::paginate of SelectTwo": "rows of customer (uses all columns)\nrows of purchase by state (uses all columns)",
            spares OTHER_TABLE, touches FIRST_GOES,
            |db| open().find_also_related(customer::Entity).paginate(db, 1).fetch_page(1).await?;
        "PaginatorTrait::paginate of SelectThree": "rows of customer (uses all columns)\nrows of profile (uses all columns)\nrows of purchase by state (uses all columns)",
            spares OTHER_TABLE, touches FIRST_GOES,
            |db| open().find_also_related(customer::Entity).find_also(customer::Entity, profile::Entity)
                .paginate(db, 1).fetch_page(1).await?;
        "PaginatorTrait::paginate of SelectFour": "rows of customer (uses all columns)\nrows of item (uses all columns)\nrows of profile (uses all columns)\nrows of purchase by state (uses all columns)",
            spares "UPDATE review SET stars = 1 WHERE id = 1", touches FIRST_GOES,
            |db| four().paginate(db, 1).fetch_page(1).await?;
        "PaginatorTrait::paginate of SelectFive": "rows of customer (uses all columns)\nrows of item (uses all columns)\nrows of product (uses all columns)\nrows of profile (uses all columns)\nrows of purchase by state (uses all columns)",
            spares "UPDATE review SET stars = 1 WHERE id = 1", touches FIRST_GOES,
            |db| four().find_also(item::Entity, product::Entity).paginate(db, 1).fetch_page(1).await?;
        "PaginatorTrait::paginate of SelectSix": "rows of customer (uses all columns)\nrows of item (uses all columns)\nrows of product (uses all columns)\nrows of profile (uses all columns)\nrows of purchase by state (uses all columns)\nrows of review (uses all columns)",
            spares "INSERT INTO following (customer_id, follower_id) VALUES (3, 1)", touches FIRST_GOES,
            |db| four().find_also(item::Entity, product::Entity).find_also(product::Entity, review::Entity)
                .order_by_asc(review::Column::Id)
                .paginate(db, 1).fetch_page(1).await?;
    }
}

type Four = sea_orm::SelectFour<
    purchase::Entity,
    customer::Entity,
    profile::Entity,
    item::Entity,
    sea_orm::TopologyStar,
>;

fn four() -> Four {
    open()
        .find_also_related(customer::Entity)
        .find_also(customer::Entity, profile::Entity)
        .find_also(purchase::Entity, item::Entity)
        .order_by_asc(item::Column::ProductId)
}

fn counted() -> Vec<Read> {
    reads! {
        "PaginatorTrait::count of Select": COUNT, spares PAID, touches OPEN,
            |db| open().count(db).await?;
        "PaginatorTrait::count of Selector": COUNT, spares PAID, touches OPEN,
            |db| open().into_model::<State>().count(db).await?;
        "PaginatorTrait::count of SelectorRaw": "table purchase", spares OTHER_TABLE, touches OPEN,
            |db| purchase::Entity::find().from_raw_sql(raw(backend(db))).count(db).await?;
        "PaginatorTrait::count of SelectTwo": "rows of customer (uses id)\nrows of purchase by state (uses customer_id, state)", spares PAID, touches OPEN,
            |db| open().find_also_related(customer::Entity).count(db).await?;
        "PaginatorTrait::count of SelectFour": "rows of customer (uses id)\nrows of item (uses purchase_id)\nrows of profile (uses customer_id)\nrows of purchase by state (uses all columns)", spares PAID, touches FIRST_GOES,
            |db| four().count(db).await?;
    }
}

fn cursors() -> Vec<Read> {
    reads! {
        "Select::cursor_by, Cursor::first": "1 row of purchase\nrows of purchase by state (uses all columns; enters by id, state)", spares PAID, touches FIRST_GOES,
            |db| open().cursor_by(purchase::Column::Id).first(1).all(db).await?;
        "Cursor::last": "1 row of purchase\nrows of purchase by state (uses all columns; enters by id, state)", spares PAID, touches OPEN,
            |db| open().cursor_by(purchase::Column::Id).last(1).all(db).await?;
        "Cursor::after": "1 row of purchase\nrows of purchase by state (uses all columns; enters by id, state)", spares PAID, touches OPEN,
            |db| purchase::Entity::find().filter(purchase::Column::State.eq("open"))
                .cursor_by(purchase::Column::Id).after(1).first(5).all(db).await?;
        "Cursor::before, Cursor::desc": "1 row of purchase\nrows of purchase by state (uses all columns; enters by id, state)", spares PAID, touches OPEN,
            |db| purchase::Entity::find().filter(purchase::Column::State.eq("open"))
                .cursor_by(purchase::Column::Id).before(1).desc().first(5).all(db).await?;
        "Cursor::after two columns": "1 row of purchase\nrows of purchase by state (uses all columns; enters by all columns)", spares PAID,
            touches "INSERT INTO purchase (id, customer_id, state) VALUES (8, 3, 'open')",
            |db| purchase::Entity::find().filter(purchase::Column::State.eq("open"))
                .cursor_by((purchase::Column::CustomerId, purchase::Column::Id))
                .after((1, 1)).first(5).all(db).await?;
        "Cursor::into_model": "2 rows of purchase\nrows of purchase by state (uses all columns; enters by id, state)", spares PAID, touches FIRST_GOES,
            |db| {
                let mut cursor = open().cursor_by(purchase::Column::Id).into_model::<State>();
                cursor.first(1).all(db).await?.len() + cursor.first(5).all(db).await?.len()
            };
        "Cursor::into_partial_model": "rows of purchase by state (uses id, state)", spares OTHER_CUSTOMER, touches OPEN,
            |db| open().cursor_by(purchase::Column::Id).into_partial_model::<StateOf>()
                .first(5).all(db).await?;
        "Cursor::into_json": "1 row of purchase\nrows of purchase by state (uses all columns; enters by id, state)", spares PAID, touches FIRST_GOES,
            |db| open().cursor_by(purchase::Column::Id).into_json().first(1).all(db).await?;
        "SelectTwo::cursor_by": "1 row of purchase\nrows of customer (uses all columns)\nrows of purchase by state (uses all columns; enters by all columns)",
            spares OTHER_TABLE, touches FIRST_GOES,
            |db| open().find_also_related(customer::Entity)
                .cursor_by(purchase::Column::Id).first(1).all(db).await?;
        "SelectTwo::cursor_by_other": "1 row of purchase\nrows of customer (uses all columns)\nrows of purchase by state (uses all columns; enters by all columns)",
            spares OTHER_TABLE, touches FIRST_GOES,
            |db| open().find_also_related(customer::Entity)
                .cursor_by_other(customer::Column::Id).first(1).all(db).await?;
        "SelectThree::cursor_by": "1 row of purchase\nrows of customer (uses all columns)\nrows of profile (uses all columns)\nrows of purchase by state (uses all columns; enters by all columns)",
            spares OTHER_TABLE, touches FIRST_GOES,
            |db| open().find_also_related(customer::Entity).find_also(customer::Entity, profile::Entity)
                .cursor_by(purchase::Column::Id).first(1).all(db).await?;
    }
}
