//! Every way to write.

use larder_sea_orm::CachedRepository as _;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query, SubQueryStatement};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, DbErr, EntityTrait as _,
    IntoActiveModel as _, ModelTrait as _, NotSet, QueryFilter as _, Set, TransactionSession as _,
    TransactionTrait as _,
};

use super::super::zoo::{person, pet, visit};
use super::Write;
use crate::harness::Db;

macro_rules! writes {
    ($db:ident; $($name:literal => $body:expr),* $(,)?) => {
        vec![$(Write { name: $name, run: |$db: &Db| Box::pin(async move { Ok(format!("{:?}", $body)) }) }),*]
    };
}

fn new(id: Option<i32>, name: &str, age: i32) -> person::ActiveModel {
    person::ActiveModel {
        id: id.map_or(NotSet, Set),
        name: Set(name.to_owned()),
        age: Set(age),
        ..Default::default()
    }
}

/// In the order in which they are tried.
pub(super) fn writes() -> Vec<Write> {
    use person::Column as P;
    writes![db;
        "insert" => new(None, "fay", 30).insert(db).await?,
        "insert with a key" => new(Some(50), "gus", 30).insert(db).await?,
        "update" => person::ActiveModel { id: Set(2), age: Set(30), ..Default::default() }.update(db).await?,
        "update to null" => person::ActiveModel { id: Set(2), city: Set(None), boss_id: Set(None), ..Default::default() }.update(db).await?,
        "update all columns" => { let one = person::Entity::find_by_id(3).one(db).await?.unwrap(); let mut one = one.into_active_model().reset_all(); one.city = Set(Some("oslo".into())); one.update(db).await? },
        "update nothing" => person::ActiveModel { id: Set(3), ..Default::default() }.update(db).await?,
        "save new" => new(None, "hal", 41).save(db).await?,
        "save old" => person::ActiveModel { id: sea_orm::Unchanged(4), age: Set(30), ..Default::default() }.save(db).await?,
        "update many" => person::Entity::update_many().col_expr(P::Age, Expr::value(30)).filter(P::City.eq("oslo")).exec(db).await?,
        "update many computed" => person::Entity::update_many().col_expr(P::Age, Expr::col(P::Age).add(1)).filter(P::Age.eq(30)).exec(db).await?,
        "update many by subquery" => person::Entity::update_many().col_expr(P::City, Expr::value("rome")).filter(P::Id.in_subquery(Query::select().column(pet::Column::PersonId).from(pet::Entity).to_owned())).exec(db).await?,
        "update many to a subquery" => pet::Entity::update_many().col_expr(pet::Column::Weight, Expr::SubQuery(None, Box::new(SubQueryStatement::SelectStatement(Query::select().expr(P::Age.max()).from(person::Entity).to_owned())))).filter(pet::Column::Kind.eq("emu")).exec(db).await?,
        "update one by expression" => pet::Entity::update_many().col_expr(pet::Column::Weight, Expr::col(pet::Column::Id).mul(3)).filter(pet::Column::Id.eq(1)).exec(db).await?,
        "move a key" => person::Entity::update_many().col_expr(P::Id, Expr::value(70)).filter(P::Name.eq("eve")).exec(db).await?,
        "insert many" => person::Entity::insert_many([new(None, "ivy", 30), new(None, "jon", 99)]).exec(db).await?,
        "insert many pets" => pet::Entity::insert_many([pet::ActiveModel { id: NotSet, person_id: Set(Some(4)), kind: Set("dog".into()), weight: Set(1) }, pet::ActiveModel { id: NotSet, person_id: Set(None), kind: Set("cat".into()), weight: Set(2) }]).exec(db).await?,
        "upsert" => person::Entity::insert(new(Some(1), "ann", 31)).on_conflict(OnConflict::column(P::Id).update_column(P::Age).to_owned()).exec(db).await?,
        "upsert by name" => person::Entity::insert(new(None, "bob", 30)).on_conflict(OnConflict::column(P::Name).update_columns([P::Age]).to_owned()).exec(db).await?,
        "upsert to a value" => person::Entity::insert(new(None, "bob", 1)).on_conflict(OnConflict::column(P::Name).value(P::Age, Expr::value(40)).to_owned()).exec(db).await?,
        "upsert nothing" => person::Entity::insert(new(None, "bob", 1)).on_conflict(OnConflict::column(P::Name).do_nothing().to_owned()).try_insert().exec(db).await?,
        "upsert many" => person::Entity::insert_many([new(Some(2), "bob", 33), new(Some(60), "kim", 30)]).on_conflict(OnConflict::column(P::Id).update_columns([P::Age, P::Name]).to_owned()).exec(db).await?,
        "a visit" => visit::ActiveModel { person_id: Set(3), pet_id: Set(1), note: Set(Some("hi".into())) }.insert(db).await?,
        "a visit again" => visit::Entity::insert(visit::ActiveModel { person_id: Set(3), pet_id: Set(1), note: Set(None) }).on_conflict(OnConflict::columns([visit::Column::PersonId, visit::Column::PetId]).update_column(visit::Column::Note).to_owned()).exec(db).await.map(|_| ()),
        "a visit moves" => visit::Entity::update_many().col_expr(visit::Column::PetId, Expr::value(3)).filter(visit::Column::PersonId.eq(4)).exec(db).await?,
        "a pet goes" => pet::Entity::delete_by_id(4).exec(db).await?,
        "a person goes" => { let one = person::Entity::find_by_id(2).one(db).await?.unwrap(); one.delete(db).await? },
        "delete many" => pet::Entity::delete_many().filter(pet::Column::Kind.eq("dog")).exec(db).await?,
        "delete many by subquery" => visit::Entity::delete_many().filter(visit::Column::PetId.in_subquery(Query::select().column(pet::Column::Id).from(pet::Entity).and_where(pet::Column::PersonId.is_null()).to_owned())).exec(db).await?,
        "insert select" => db.execute(Query::insert().into_table(person::Entity).columns([P::Name, P::Age]).select_from(Query::select().column(pet::Column::Kind).expr(Expr::val(30)).from(pet::Entity).group_by_col(pet::Column::Kind).to_owned()).unwrap()).await?.rows_affected(),
        "insert rows" => db.execute(Query::insert().into_table(person::Entity).columns([P::Age, P::Name]).values_panic([30.into(), "lea".into()]).values_panic([31.into(), "max".into()])).await?.rows_affected(),
        "raw builder update" => db.execute(Query::update().table(person::Entity).value(P::Age, Expr::col(P::Age).sub(1)).value(P::City, "rome").and_where(Expr::col(P::Age).gt(30))).await?.rows_affected(),
        "raw builder delete" => db.execute(Query::delete().from_table(visit::Entity).and_where(visit::Column::Note.eq("yo"))).await?.rows_affected(),
        "custom" => person::Entity::update_many().col_expr(P::Age, Expr::cust("age + 5")).filter(Expr::cust("city = 'rome'")).exec(db).await?,
        "active model with expression" => person::Entity::update(person::ActiveModel { id: Set(1), age: Set(77), ..Default::default() }).validate()?.filter(P::City.eq("rome")).exec(db).await.map(|_| ()),
        "repository update many" => db.repository::<person::Entity>().update_many(person::Entity::update_many().col_expr(P::Age, Expr::value(30)).filter(P::Age.gt(30))).await?,
        "repository delete many" => db.repository::<person::Entity>().delete_many(person::Entity::delete_many().filter(P::Age.eq(31))).await?,
        "a transaction" => {
            let outer = db.begin().await?;
            new(Some(80), "ned", 30).insert(&outer).await?;
            let inner = outer.begin().await?;
            person::ActiveModel { id: Set(80), age: Set(1), ..Default::default() }.update(&inner).await?;
            pet::Entity::delete_by_id(1).exec(&inner).await?;
            inner.rollback().await?;
            let inner = outer.begin().await?;
            person::ActiveModel { id: Set(1), name: Set("anna".into()), ..Default::default() }.update(&inner).await?;
            inner.commit().await?;
            pet::Entity::update_many().col_expr(pet::Column::PersonId, Expr::value(80)).filter(pet::Column::PersonId.is_null()).exec(&outer).await?;
            outer.commit().await?;
        },
        "a transaction that is dropped" => { let outer = db.begin().await?; new(Some(81), "ole", 30).insert(&outer).await?; drop(outer) },
        "a closure" => db.transaction::<_, (), DbErr>(|tx| Box::pin(async move { person::Entity::delete_by_id(80).exec(tx).await?; Ok(()) })).await.is_ok(),
        "everybody goes" => person::Entity::delete_many().exec(db).await?,
    ]
}
