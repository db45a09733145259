//! Reads of two and more entities: `SelectTwo` to `SelectSix`, with what consolidates them.

use futures_util::TryStreamExt as _;
use sea_orm::{
    EntityTrait as _, FromQueryResult, PartialModelTrait, QueryOrder as _, QuerySelect, Select,
    SelectExt as _, SelectFive, SelectFour, SelectSix, SelectThree, SelectTwo, SelectTwoRequired,
    TopologyChain, TopologyStar,
};

use super::row::{Read, reads};
use super::shop::{customer, item, product, profile, purchase, review};

macro_rules! written_out {
    ($($(#[$meta:meta])* struct $name:ident { $($field:ident: $type:ty),* })*) => {
        $(#[derive(Debug, FromQueryResult)]
        #[expect(dead_code, reason = "it is written out")]
        struct $name { $($field: $type),* })*
    };
}
written_out! {
    struct Name { name: String }
    struct City { city: String }
    struct State { state: String }
    struct Item { product_id: i32 }
    struct Price { price: i32 }
    struct Stars { stars: i32 }
}

/// The derived ones name their columns without the letters by which a join's are read.
macro_rules! partial {
    ($($name:ident { $field:ident: $type:ty } of $column:expr, $alias:literal;)*) => {
        $(#[derive(Debug, FromQueryResult)]
        #[expect(dead_code, reason = "it is written out")]
        struct $name { $field: $type }

        impl PartialModelTrait for $name {
            fn select_cols_nested<S: QuerySelect>(
                select: S,
                _: Option<&str>,
                _: Option<&'static str>,
            ) -> S {
                select.column_as($column, $alias)
            }
        })*
    };
}
partial! {
    NameOf { name: String } of customer::Column::Name, "A_name";
    CityOf { city: String } of profile::Column::City, "B_city";
    StateOf { state: String } of purchase::Column::State, "C_state";
    ItemOf { product_id: i32 } of item::Column::ProductId, "D_product_id";
    PriceOf { price: i32 } of product::Column::Price, "E_price";
    StarsOf { stars: i32 } of review::Column::Stars, "F_stars";
}

fn sorted() -> Select<customer::Entity> {
    customer::Entity::find().order_by_asc(customer::Column::Id)
}

fn ann() -> Select<customer::Entity> {
    customer::Entity::find_by_id(1)
}

type Two = SelectTwo<customer::Entity, profile::Entity>;
type Three = SelectThree<customer::Entity, profile::Entity, purchase::Entity, TopologyStar>;
type Chain = SelectThree<customer::Entity, purchase::Entity, item::Entity, TopologyChain>;
type Four =
    SelectFour<customer::Entity, profile::Entity, purchase::Entity, item::Entity, TopologyStar>;
type Five = SelectFive<
    customer::Entity,
    profile::Entity,
    purchase::Entity,
    item::Entity,
    product::Entity,
    TopologyStar,
>;
type Six = SelectSix<
    customer::Entity,
    profile::Entity,
    purchase::Entity,
    item::Entity,
    product::Entity,
    review::Entity,
    TopologyStar,
>;

fn two() -> Two {
    sorted().find_also_related(profile::Entity)
}

fn required() -> SelectTwoRequired<customer::Entity, profile::Entity> {
    ann().find_both_related(profile::Entity)
}

fn three() -> Three {
    ann()
        .find_also_related(profile::Entity)
        .find_also_related(purchase::Entity)
        .order_by_asc(purchase::Column::Id)
}

fn chain() -> Chain {
    ann()
        .find_also_related(purchase::Entity)
        .and_also_related(item::Entity)
        .order_by_asc(item::Column::PurchaseId)
        .order_by_asc(item::Column::ProductId)
}

fn four() -> Four {
    ann()
        .find_also_related(profile::Entity)
        .find_also_related(purchase::Entity)
        .find_also(purchase::Entity, item::Entity)
        .order_by_asc(item::Column::PurchaseId)
        .order_by_asc(item::Column::ProductId)
}

fn five() -> Five {
    four().find_also(item::Entity, product::Entity)
}

fn six() -> Six {
    five()
        .find_also(product::Entity, review::Entity)
        .order_by_asc(review::Column::Id)
}

fn four_of_a_star()
-> SelectFour<product::Entity, review::Entity, item::Entity, purchase::Entity, TopologyStar> {
    product::Entity::find_by_id(1)
        .find_also_related(review::Entity)
        .find_also_related(item::Entity)
        .find_also(item::Entity, purchase::Entity)
        .order_by_asc(review::Column::Id)
}

const TWO: &str = "2 rows of profile\n3 rows of customer\nrows of customer (uses all columns; enters by id)\nrows of profile (uses all columns; enters by customer_id)";
const TWO_SPARED: &str = "UPDATE purchase SET state = 'void' WHERE id = 1";
const TWO_TOUCHED: &str = "INSERT INTO profile (id, customer_id, city) VALUES (9, 3, 'bern')";
const TWO_SET: &str = "rows of customer (uses all columns)\nrows of profile (uses all columns)";
const CITIES: &str = "rows of customer (uses id, name)\nrows of profile (uses city, customer_id)";
const CITIES_TOUCHED: &str = "UPDATE profile SET city = 'bern' WHERE id = 1";

const BOTH: &str = "1 row of customer\n1 row of profile\nrows of customer by id (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns; enters by customer_id)";
const BOTH_SPARED: &str = "INSERT INTO profile (id, customer_id, city) VALUES (9, 3, 'bern')";
const BOTH_TOUCHED: &str = "DELETE FROM profile WHERE id = 1";

const THREE: &str = "1 row of customer\n1 row of profile\n2 rows of purchase\nrows of customer by id (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns; enters by customer_id)\nrows of purchase by customer_id (uses all columns; enters by customer_id, id)";
const THREE_SPARED: &str = "INSERT INTO purchase (id, customer_id, state) VALUES (9, 2, 'open')";
const THREE_TOUCHED: &str = "INSERT INTO purchase (id, customer_id, state) VALUES (8, 1, 'open')";
const CHAIN: &str = "1 row of customer\n3 rows of item\nrows of customer by id (uses all columns; enters by id)\nrows of item (uses all columns; enters by all columns)\nrows of purchase by customer_id (uses all columns)";
const FOUR: &str = "1 row of customer\n1 row of profile\n3 rows of item\nrows of customer by id (uses all columns; enters by id)\nrows of item (uses all columns; enters by all columns)\nrows of profile by customer_id (uses all columns; enters by customer_id)\nrows of purchase by customer_id (uses all columns)";
const FOUR_TOUCHED: &str = "INSERT INTO item (purchase_id, product_id) VALUES (2, 3)";
const FIVE: &str = "1 row of customer\n1 row of profile\n2 rows of product\nrows of customer by id (uses all columns; enters by id)\nrows of item (uses all columns)\nrows of product (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns; enters by customer_id)\nrows of purchase by customer_id (uses all columns)";
const FIVE_TOUCHED: &str = "UPDATE product SET name = 'eau' WHERE id = 2";
const SIX: &str = "1 row of customer\n1 row of profile\n3 rows of review\nrows of customer by id (uses all columns; enters by id)\nrows of item (uses all columns)\nrows of product (uses all columns)\nrows of profile by customer_id (uses all columns; enters by customer_id)\nrows of purchase by customer_id (uses all columns)\nrows of review (uses all columns; enters by id, product_id)";
const SIX_TOUCHED: &str = "UPDATE review SET stars = 1 WHERE id = 3";

pub(super) fn rows() -> Vec<Read> {
    let mut rows = of_two();
    rows.extend(of_both());
    rows.extend(of_three());
    rows.extend(of_four());
    rows.extend(of_five_and_six());
    rows
}

fn of_two() -> Vec<Read> {
    reads! {
        "Select::find_also_related, SelectTwo::all": TWO, spares TWO_SPARED, touches TWO_TOUCHED,
            |db| two().all(db).await?;
        "SelectTwo::one": "1 row of customer\nrows of customer (uses all columns; enters by id)\nrows of profile (uses all columns)", spares TWO_SPARED, touches CITIES_TOUCHED,
            |db| two().one(db).await?;
        "SelectTwo::require_one": "1 row of customer\nrows of customer (uses all columns; enters by id)\nrows of profile (uses all columns)", spares TWO_SPARED, touches CITIES_TOUCHED,
            |db| two().require_one(db).await?;
        "SelectTwo::stream": TWO_SET, spares TWO_SPARED, touches TWO_TOUCHED,
            |db| two().stream(db).await?.try_collect::<Vec<_>>().await?;
        "SelectTwo::stream_partial_model": CITIES, spares TWO_SPARED, touches CITIES_TOUCHED,
            |db| two().stream_partial_model::<_, NameOf, CityOf>(db).await?.try_collect::<Vec<_>>().await?;
        "SelectTwo::into_model": TWO, spares TWO_SPARED, touches TWO_TOUCHED,
            |db| two().into_model::<Name, City>().all(db).await?;
        "SelectTwo::into_partial_model": CITIES, spares TWO_SPARED, touches CITIES_TOUCHED,
            |db| two().into_partial_model::<NameOf, CityOf>().all(db).await?;
        "SelectTwo::into_json": TWO, spares TWO_SPARED, touches TWO_TOUCHED,
            |db| two().into_json().all(db).await?;
        "SelectExt::exists of SelectTwo": "rows of customer (uses id)\nrows of profile (uses customer_id)", spares TWO_SPARED,
            touches "DELETE FROM customer",
            |db| two().exists(db).await?;
        "Select::find_also": TWO, spares TWO_SPARED, touches TWO_TOUCHED,
            |db| sorted().find_also(customer::Entity, profile::Entity).all(db).await?;
        "Select::find_with_related, SelectTwoMany::all": "1 row of customer\n2 rows of purchase\nrows of customer by id (uses all columns; enters by id)\nrows of purchase by customer_id (uses all columns; enters by customer_id, id)",
            spares THREE_SPARED, touches THREE_TOUCHED,
            |db| ann().find_with_related(purchase::Entity)
                .order_by_asc(purchase::Column::Id).all(db).await?;
        "Select::find_with_related over a junction": "1 row of purchase\n2 rows of product\nrows of item by purchase_id (uses all columns)\nrows of product (uses all columns; enters by id)\nrows of purchase by id (uses all columns; enters by id)",
            spares "INSERT INTO item (purchase_id, product_id) VALUES (2, 3)", touches "INSERT INTO item (purchase_id, product_id) VALUES (1, 3)",
            |db| purchase::Entity::find_by_id(1).find_with_related(product::Entity)
                .order_by_asc(product::Column::Id).all(db).await?;
        "Select::find_also_linked": "1 row of customer\n2 rows of product\nrows of customer by id (uses all columns; enters by id)\nrows of item (uses all columns)\nrows of product (uses all columns; enters by id)\nrows of purchase by customer_id (uses customer_id, id)",
            spares THREE_SPARED, touches FIVE_TOUCHED,
            |db| ann().find_also_linked(customer::Bought).all(db).await?;
        "Select::find_with_linked": "1 row of customer\n2 rows of product\nrows of customer by id (uses all columns; enters by id)\nrows of item (uses all columns)\nrows of product (uses all columns; enters by id)\nrows of purchase by customer_id (uses customer_id, id)",
            spares THREE_SPARED, touches FIVE_TOUCHED,
            |db| ann().find_with_linked(customer::Bought).all(db).await?;
        "Select::select_also": "1 row of customer\n1 row of profile\nrows of customer by id (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns; enters by customer_id)", spares TWO_SPARED, touches BOTH_TOUCHED,
            |db| ann().inner_join(profile::Entity).select_also(profile::Entity).all(db).await?;
        "Select::select_with": "1 row of customer\n1 row of profile\nrows of customer by id (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns; enters by customer_id)", spares TWO_SPARED, touches BOTH_TOUCHED,
            |db| ann().inner_join(profile::Entity).select_with(profile::Entity).all(db).await?;
    }
}

fn of_both() -> Vec<Read> {
    reads! {
        "Select::find_both_related, SelectTwoRequired::all": BOTH, spares BOTH_SPARED, touches BOTH_TOUCHED,
            |db| required().all(db).await?;
        "SelectTwoRequired::one": "1 row of customer\n1 row of profile\nrows of customer by id (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns; enters by customer_id)", spares BOTH_SPARED, touches BOTH_TOUCHED,
            |db| required().one(db).await?;
        "SelectTwoRequired::require_one": "1 row of customer\n1 row of profile\nrows of customer by id (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns; enters by customer_id)", spares BOTH_SPARED, touches CITIES_TOUCHED,
            |db| required().require_one(db).await?;
        "SelectTwoRequired::stream": "rows of customer by id (uses all columns)\nrows of profile by customer_id (uses all columns)", spares BOTH_SPARED, touches BOTH_TOUCHED,
            |db| required().stream(db).await?.try_collect::<Vec<_>>().await?;
        "SelectTwoRequired::stream_partial_model": "rows of customer by id (uses id, name)\nrows of profile by customer_id (uses city, customer_id)", spares BOTH_SPARED, touches CITIES_TOUCHED,
            |db| required().stream_partial_model::<_, NameOf, CityOf>(db).await?
                .try_collect::<Vec<_>>().await?;
        "SelectTwoRequired::into_model": BOTH, spares BOTH_SPARED, touches BOTH_TOUCHED,
            |db| required().into_model::<Name, City>().all(db).await?;
        "SelectTwoRequired::into_partial_model": "rows of customer by id (uses id, name)\nrows of profile by customer_id (uses city, customer_id)", spares BOTH_SPARED, touches CITIES_TOUCHED,
            |db| required().into_partial_model::<NameOf, CityOf>().all(db).await?;
        "SelectTwoRequired::into_json": BOTH, spares BOTH_SPARED, touches BOTH_TOUCHED,
            |db| required().into_json().all(db).await?;
    }
}

fn of_three() -> Vec<Read> {
    reads! {
        "SelectTwo::find_also_related, SelectThree::all": THREE, spares THREE_SPARED, touches THREE_TOUCHED,
            |db| three().all(db).await?;
        "SelectTwo::find_also": THREE, spares THREE_SPARED, touches THREE_TOUCHED,
            |db| ann().find_also_related(profile::Entity).find_also(customer::Entity, purchase::Entity)
                .order_by_asc(purchase::Column::Id).all(db).await?;
        "SelectTwo::and_also_related": CHAIN, spares THREE_SPARED, touches FOUR_TOUCHED,
            |db| chain().all(db).await?;
        "SelectThree::one": "1 row of customer\nrows of customer by id (uses all columns; enters by id)\nrows of profile by customer_id (uses all columns)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED, touches THE_ROW,
            |db| three().one(db).await?;
        "SelectThree::stream": "rows of customer by id (uses all columns)\nrows of profile by customer_id (uses all columns)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED, touches THREE_TOUCHED,
            |db| three().stream(db).await?.try_collect::<Vec<_>>().await?;
        "SelectThree::stream_partial_model": "rows of customer by id (uses id, name)\nrows of profile by customer_id (uses city, customer_id)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED, touches THREE_TOUCHED,
            |db| three().stream_partial_model::<_, NameOf, CityOf, StateOf>(db).await?
                .try_collect::<Vec<_>>().await?;
        "SelectThree::into_model": THREE, spares THREE_SPARED, touches THREE_TOUCHED,
            |db| three().into_model::<Name, City, State>().all(db).await?;
        "SelectThree::into_partial_model": "rows of customer by id (uses id, name)\nrows of profile by customer_id (uses city, customer_id)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED, touches THREE_TOUCHED,
            |db| three().into_partial_model::<NameOf, CityOf, StateOf>().all(db).await?;
        "SelectThree::into_json": THREE, spares THREE_SPARED, touches THREE_TOUCHED,
            |db| three().into_json().all(db).await?;
        "SelectExt::exists of SelectThree": "rows of customer by id (uses id)\nrows of profile by customer_id (uses customer_id)\nrows of purchase by customer_id (uses customer_id)", spares THREE_SPARED,
            touches "DELETE FROM customer WHERE id = 1",
            |db| three().exists(db).await?;
        "SelectThree::consolidate, SelectThreeMany::all of a star": THREE, spares THREE_SPARED, touches THREE_TOUCHED,
            |db| three().consolidate().all(db).await?;
        "SelectThreeMany::all of a chain": CHAIN, spares THREE_SPARED, touches FOUR_TOUCHED,
            |db| chain().consolidate().all(db).await?;
    }
}

const THE_ROW: &str = "UPDATE customer SET name = 'eva' WHERE id = 1";

fn of_four() -> Vec<Read> {
    reads! {
        "SelectThree::find_also, SelectFour::all": FOUR, spares THREE_SPARED, touches FOUR_TOUCHED,
            |db| four().all(db).await?;
        "SelectFour::one": "1 row of customer\nrows of customer by id (uses all columns; enters by id)\nrows of item (uses all columns)\nrows of profile by customer_id (uses all columns)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED, touches THE_ROW,
            |db| four().one(db).await?;
        "SelectFour::stream": "rows of customer by id (uses all columns)\nrows of item (uses all columns)\nrows of profile by customer_id (uses all columns)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED, touches FOUR_TOUCHED,
            |db| four().stream(db).await?.try_collect::<Vec<_>>().await?;
        "SelectFour::stream_partial_model": "rows of customer by id (uses id, name)\nrows of item (uses all columns)\nrows of profile by customer_id (uses city, customer_id)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED, touches FOUR_TOUCHED,
            |db| four().stream_partial_model::<_, NameOf, CityOf, StateOf, ItemOf>(db).await?
                .try_collect::<Vec<_>>().await?;
        "SelectFour::into_model": FOUR, spares THREE_SPARED, touches FOUR_TOUCHED,
            |db| four().into_model::<Name, City, State, Item>().all(db).await?;
        "SelectFour::into_partial_model": "rows of customer by id (uses id, name)\nrows of item (uses all columns)\nrows of profile by customer_id (uses city, customer_id)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED, touches FOUR_TOUCHED,
            |db| four().into_partial_model::<NameOf, CityOf, StateOf, ItemOf>().all(db).await?;
        "SelectFour::into_json": FOUR, spares THREE_SPARED, touches FOUR_TOUCHED,
            |db| four().into_json().all(db).await?;
        "SelectExt::exists of SelectFour": "rows of customer by id (uses id)\nrows of item (uses purchase_id)\nrows of profile by customer_id (uses customer_id)\nrows of purchase by customer_id (uses customer_id, id)", spares THREE_SPARED,
            touches "DELETE FROM customer WHERE id = 1",
            |db| four().exists(db).await?;
        "SelectFour::consolidate, SelectFourMany::all": "1 row of product\n1 row of purchase\n2 rows of review\nrows of item by product_id (uses all columns)\nrows of product by id (uses all columns; enters by id)\nrows of purchase (uses all columns; enters by id)\nrows of review by product_id (uses all columns; enters by id, product_id)",
            spares "INSERT INTO profile (id, customer_id, city) VALUES (9, 3, 'bern')", touches "INSERT INTO review (id, product_id, stars) VALUES (9, 1, 2)",
            |db| four_of_a_star().consolidate().all(db).await?;
    }
}

fn of_five_and_six() -> Vec<Read> {
    reads! {
        "SelectFour::find_also, SelectFive::all": FIVE, spares THREE_SPARED, touches FIVE_TOUCHED,
            |db| five().all(db).await?;
        "SelectFive::one": "1 row of customer\nrows of customer by id (uses all columns; enters by id)\nrows of item (uses all columns)\nrows of product (uses all columns)\nrows of profile by customer_id (uses all columns)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED, touches THE_ROW,
            |db| five().one(db).await?;
        "SelectFive::stream": "rows of customer by id (uses all columns)\nrows of item (uses all columns)\nrows of product (uses all columns)\nrows of profile by customer_id (uses all columns)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED, touches FIVE_TOUCHED,
            |db| five().stream(db).await?.try_collect::<Vec<_>>().await?;
        "SelectFive::into_model": FIVE, spares THREE_SPARED, touches FIVE_TOUCHED,
            |db| five().into_model::<Name, City, State, Item, product::Model>().all(db).await?;
        "SelectFive::into_partial_model": "rows of customer by id (uses id, name)\nrows of item (uses all columns)\nrows of product (uses id, price)\nrows of profile by customer_id (uses city, customer_id)\nrows of purchase by customer_id (uses all columns)", spares THREE_SPARED,
            touches "UPDATE product SET price = 1 WHERE id = 2",
            |db| five().into_partial_model::<NameOf, CityOf, StateOf, ItemOf, PriceOf>().all(db).await?;
        "SelectFive::into_json": FIVE, spares THREE_SPARED, touches FIVE_TOUCHED,
            |db| five().into_json().all(db).await?;
        "SelectExt::exists of SelectFive": "rows of customer by id (uses id)\nrows of item (uses all columns)\nrows of product (uses id)\nrows of profile by customer_id (uses customer_id)\nrows of purchase by customer_id (uses customer_id, id)", spares THREE_SPARED,
            touches "DELETE FROM customer WHERE id = 1",
            |db| five().exists(db).await?;
        "SelectFive::find_also, SelectSix::all": SIX, spares THREE_SPARED, touches SIX_TOUCHED,
            |db| six().all(db).await?;
        "SelectSix::one": "1 row of customer\nrows of customer by id (uses all columns; enters by id)\nrows of item (uses all columns)\nrows of product (uses all columns)\nrows of profile by customer_id (uses all columns)\nrows of purchase by customer_id (uses all columns)\nrows of review (uses all columns)", spares THREE_SPARED, touches THE_ROW,
            |db| six().one(db).await?;
        "SelectSix::stream": "rows of customer by id (uses all columns)\nrows of item (uses all columns)\nrows of product (uses all columns)\nrows of profile by customer_id (uses all columns)\nrows of purchase by customer_id (uses all columns)\nrows of review (uses all columns)", spares THREE_SPARED, touches SIX_TOUCHED,
            |db| six().stream(db).await?.try_collect::<Vec<_>>().await?;
        "SelectSix::into_model": SIX, spares THREE_SPARED, touches SIX_TOUCHED,
            |db| six().into_model::<Name, City, State, Item, Price, Stars>().all(db).await?;
        "SelectSix::into_partial_model": "rows of customer by id (uses id, name)\nrows of item (uses all columns)\nrows of product (uses id, price)\nrows of profile by customer_id (uses city, customer_id)\nrows of purchase by customer_id (uses all columns)\nrows of review (uses all columns)", spares THREE_SPARED, touches SIX_TOUCHED,
            |db| six().into_partial_model::<NameOf, CityOf, StateOf, ItemOf, PriceOf, StarsOf>().all(db).await?;
        "SelectSix::into_json": SIX, spares THREE_SPARED, touches SIX_TOUCHED,
            |db| six().into_json().all(db).await?;
        "SelectExt::exists of SelectSix": "rows of customer by id (uses id)\nrows of item (uses all columns)\nrows of product (uses id)\nrows of profile by customer_id (uses customer_id)\nrows of purchase by customer_id (uses customer_id, id)\nrows of review (uses product_id)", spares THREE_SPARED,
            touches "DELETE FROM customer WHERE id = 1",
            |db| six().exists(db).await?;
    }
}
