//! Every other way to read.

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::{
    Alias, Asterisk, CaseStatement, CommonTableExpression, Expr, ExprTrait as _, Func, Order,
    Query, SelectStatement, UnionType, WindowStatement, WithClause,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbErr, EntityLoaderTrait as _,
    EntityTrait as _, FromQueryResult, ItemsAndPagesNumber, LoaderTrait as _, ModelTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, SelectExt as _,
    StatementBuilder, StreamTrait,
};

use super::super::trial::text;
use super::super::zoo::{person, pet, visit};
use super::Read;
use crate::harness::Db;

macro_rules! reads {
    ($db:ident; $($name:literal => $body:expr),* $(,)?) => {
        vec![$(Read {
            name: $name.to_owned(),
            raw: Box::new(|$db: &DatabaseConnection| Box::pin(async move { Ok(format!("{:?}", $body)) })),
            cached: Box::new(|$db: &Db| Box::pin(async move { Ok(format!("{:?}", $body)) })),
        }),*]
    };
}

#[derive(Debug, FromQueryResult)]
#[expect(dead_code, reason = "it is printed")]
struct Pair {
    a: i32,
    b: Option<String>,
}

#[derive(Debug, sea_orm::DerivePartialModel)]
#[sea_orm(entity = "person::Entity")]
#[expect(dead_code, reason = "it is printed")]
struct Brief {
    id: i32,
    #[sea_orm(from_expr = "Expr::col((person::Entity, person::Column::Age)).add(1)")]
    older: i32,
}

/// Sorted, where the order is left open.
#[expect(
    clippy::needless_pass_by_value,
    reason = "called on answers as they come"
)]
fn sorted<T: std::fmt::Debug>(rows: Vec<T>) -> Vec<String> {
    let mut rows: Vec<String> = rows.iter().map(|it| format!("{it:?}")).collect();
    rows.sort();
    rows
}

async fn select<C: ConnectionTrait>(
    db: &C,
    statement: impl StatementBuilder,
) -> Result<Vec<String>, DbErr> {
    let rows = db.query_all(&statement).await?;
    Ok(rows.iter().map(text).collect())
}

async fn streamed<C: ConnectionTrait + StreamTrait + Send>(db: &C) -> Result<Vec<String>, DbErr> {
    let stream = person::Entity::find()
        .filter(person::Column::Age.eq(30))
        .order_by_id_asc()
        .stream(db)
        .await?;
    let rows: Vec<person::Model> = stream.try_collect().await?;
    Ok(rows.iter().map(|it| it.name.clone()).collect())
}

fn kinds() -> SelectStatement {
    Query::select()
        .column(pet::Column::Kind)
        .expr_as(Expr::col(Asterisk).count(), Alias::new("n"))
        .from(pet::Entity)
        .group_by_col(pet::Column::Kind)
        .order_by(pet::Column::Kind, Order::Asc)
        .to_owned()
}

/// By their names.
pub(super) fn reads() -> Vec<Read> {
    use person::Column as P;
    reads![db;
        "related" => sorted(person::Entity::find().find_with_related(pet::Entity).order_by_asc(pet::Column::Id).all(db).await?),
        "also related" => sorted(person::Entity::find().find_also_related(pet::Entity).filter(pet::Column::Kind.eq("cat")).all(db).await?),
        "pet and its person" => sorted(pet::Entity::find().find_also_related(person::Entity).all(db).await?),
        "pet and its person of an age" => sorted(pet::Entity::find().filter(person::Column::Age.eq(30)).find_also_related(person::Entity).all(db).await?),
        "three" => sorted(visit::Entity::find().find_also(visit::Entity, person::Entity).find_also(visit::Entity, pet::Entity).all(db).await?),
        "loader" => person::Entity::load().with(pet::Entity).order_by_id_asc().all(db).await?,
        "loader nested" => person::Entity::load().filter(P::Age.eq(30)).with((pet::Entity, person::Entity)).order_by_id_asc().all(db).await?,
        "loader boss" => person::Entity::load().with(person::Relation::Boss).with(person::Relation::Staff).order_by_id_asc().all(db).await?,
        "loader via" => person::Entity::load().with(pet::Entity).filter_by_id(1).one(db).await?,
        "load many" => { let all = person::Entity::find().order_by_id_asc().all(db).await?; all.load_many(pet::Entity::find().filter(pet::Column::Weight.gt(4)).order_by_id_asc(), db).await? },
        "load one" => { let all = pet::Entity::find().order_by_id_asc().all(db).await?; all.load_one(person::Entity, db).await? },
        "find related" => { let one = person::Entity::find_by_id(1).one(db).await?; match one { Some(one) => sorted(one.find_related(pet::Entity).all(db).await?), None => vec![] } },
        "tuple" => person::Entity::find().select_only().column(P::Id).column(P::City).order_by_id_asc().into_tuple::<(i32, Option<String>)>().all(db).await?,
        "tuple without a key" => person::Entity::find().select_only().column(P::City).filter(P::Age.eq(30)).order_by_id_asc().into_tuple::<Option<String>>().all(db).await?,
        "json" => person::Entity::find().filter(P::Age.eq(30)).order_by_id_asc().into_json().all(db).await?,
        "model" => person::Entity::find().select_only().column_as(P::Age, "a").column_as(P::Name, "b").filter(P::City.eq("rome")).order_by_asc(P::Name).into_model::<Pair>().all(db).await?,
        "model that swaps" => person::Entity::find().select_only().column_as(P::Age, "a").column_as(P::City, "b").column_as(P::Age, "id").order_by(Expr::col(Alias::new("a")), Order::Asc).order_by_id_asc().into_model::<Pair>().all(db).await?,
        "partial" => person::Entity::find().filter(P::City.eq("rome")).order_by_id_asc().into_partial_model::<Brief>().all(db).await?,
        "paginated" => person::Entity::find().order_by_desc(P::Age).order_by_id_asc().paginate(db, 2).fetch_page(1).await?,
        "pages" => { let p = person::Entity::find().filter(P::Age.eq(30)).paginate(db, 1).num_items_and_pages().await?; let ItemsAndPagesNumber { number_of_items, number_of_pages } = p; (number_of_items, number_of_pages) },
        "cursor" => person::Entity::find().cursor_by(P::Id).after(1).first(2).all(db).await?,
        "cursor back" => person::Entity::find().cursor_by((P::Age, P::Id)).before((40, 2)).last(2).all(db).await?,
        "cursor desc" => person::Entity::find().filter(P::Age.gt(10)).cursor_by(P::Age).desc().after(50).first(1).all(db).await?,
        "sum" => person::Entity::find().select_only().column_as(P::Age.sum().cast_as("CHAR(9)"), "s").filter(P::City.eq("rome")).into_tuple::<String>().one(db).await?,
        "max" => person::Entity::find().select_only().column_as(P::Age.max(), "s").into_tuple::<Option<i32>>().one(db).await?,
        "count" => person::Entity::find().filter(P::Age.eq(30)).count(db).await?,
        "exists" => pet::Entity::find().filter(pet::Column::Kind.eq("emu")).exists(db).await?,
        "streamed" => streamed(db).await?,
        "kinds" => select(db, kinds()).await?,
        "from a subquery" => select(db, Query::select().column((Alias::new("k"), Alias::new("kind"))).from_subquery(kinds(), Alias::new("k")).and_where(Expr::col((Alias::new("k"), Alias::new("n"))).gt(1)).to_owned()).await?,
        "union" => select(db, Query::select().column(P::Name).from(person::Entity).and_where(P::Age.eq(30)).union(UnionType::Distinct, Query::select().column(pet::Column::Kind).from(pet::Entity).to_owned()).order_by(Alias::new("name"), Order::Asc).to_owned()).await?,
        "union all limit" => select(db, Query::select().column(P::Id).from(person::Entity).and_where(P::Age.eq(30)).union(UnionType::All, Query::select().column(pet::Column::Id).from(pet::Entity).and_where(pet::Column::Kind.eq("cat")).to_owned()).order_by(Alias::new("id"), Order::Desc).limit(2).to_owned()).await?,
        "with" => select(db, Query::select().column(Alias::new("x")).from(Alias::new("w")).order_by(Alias::new("x"), Order::Asc).to_owned().with(WithClause::new().cte(CommonTableExpression::new().query(Query::select().expr_as(Expr::col(P::Id), Alias::new("x")).from(person::Entity).and_where(P::Age.eq(30)).to_owned()).table_name(Alias::new("w")).to_owned()).to_owned())).await?,
        "a cte called pet" => select(db, Query::select().column((Alias::new("pet"), Alias::new("x"))).from(pet::Entity).order_by((Alias::new("pet"), Alias::new("x")), Order::Asc).to_owned().with(WithClause::new().cte(CommonTableExpression::new().query(Query::select().expr_as(Expr::col(P::Age), Alias::new("x")).from(person::Entity).to_owned()).table_name(Alias::new("pet")).to_owned()).to_owned())).await?,
        "window" => select(db, Query::select().column(pet::Column::Id).expr_window_as(Func::cust("row_number"), WindowStatement::partition_by(pet::Column::Kind).order_by(pet::Column::Weight, Order::Asc).order_by(pet::Column::Id, Order::Asc).to_owned(), Alias::new("rn")).from(pet::Entity).order_by(pet::Column::Id, Order::Asc).to_owned()).await?,
        "case" => select(db, Query::select().column(pet::Column::Id).expr_as(CaseStatement::new().case(pet::Column::Kind.eq("cat"), 1).finally(Expr::col(pet::Column::Weight)), Alias::new("c")).from(pet::Entity).order_by(Alias::new("c"), Order::Asc).order_by(pet::Column::Id, Order::Asc).limit(3).to_owned()).await?,
        "cross" => select(db, Query::select().column((person::Entity, P::Id)).expr_as(Expr::col((pet::Entity, pet::Column::Id)), Alias::new("p")).from(person::Entity).from(pet::Entity).and_where(Expr::col((person::Entity, P::Id)).equals((pet::Entity, pet::Column::PersonId))).and_where(P::Age.eq(30)).order_by((pet::Entity, pet::Column::Id), Order::Asc).to_owned()).await?,
        "values" => select(db, Query::select().column((person::Entity, P::Name)).from(person::Entity).and_where(Expr::col((person::Entity, P::Id)).in_subquery(Query::select().column(visit::Column::PersonId).from(visit::Entity).and_where(visit::Column::PetId.in_subquery(Query::select().column(pet::Column::Id).from(pet::Entity).and_where(pet::Column::Kind.eq("cat")).to_owned())).to_owned())).order_by((person::Entity, P::Id), Order::Asc).to_owned()).await?,
        "shadowing alias" => select(db, Query::select().expr_as(Expr::col((Alias::new("pet"), P::Name)), Alias::new("kind")).from_as(person::Entity, Alias::new("pet")).and_where(Expr::col((Alias::new("pet"), P::Age)).eq(30)).order_by(Alias::new("kind"), Order::Asc).to_owned()).await?,
        "two statements" => (person::Entity::find().count(db).await?, pet::Entity::find().filter(pet::Column::PersonId.is_null()).count(db).await?),
        "visit by key" => visit::Entity::find_by_id((1, 3)).one(db).await?,
        "visits by half a key" => sorted(visit::Entity::find().filter(visit::Column::PersonId.eq(1)).all(db).await?),
        "visits by tuples" => sorted(visit::Entity::find().filter(Expr::tuple([Expr::col(visit::Column::PersonId), Expr::col(visit::Column::PetId)]).in_tuples([(1, 3), (2, 1), (9, 9)])).all(db).await?),
        "no visits" => visit::Entity::find().filter(visit::Column::Note.is_null()).count(db).await?,
    ]
}
