//! Queries of people, which repositories take as well.

use sea_orm::sea_query::{
    Alias, Asterisk, Expr, ExprTrait as _, Func, JoinType, NullOrdering, Order, Query,
    SubQueryStatement,
};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, RelationTrait as _, Select,
};

use super::super::zoo::{person, pet, visit};

/// A query with its name.
type Named = (&'static str, fn() -> Select<person::Entity>);

/// By their names.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn people() -> Vec<Named> {
    use person::Column as P;
    fn find() -> Select<person::Entity> {
        person::Entity::find().order_by_id_asc()
    }
    vec![
        ("all", find),
        ("age 30", || find().filter(P::Age.eq(30))),
        ("age 30 as text", || {
            find().filter(Expr::col(P::Age).cast_as("CHAR(5)").eq("30"))
        }),
        ("not age 30", || find().filter(P::Age.eq(30).not())),
        ("city null", || find().filter(P::City.is_null())),
        ("city any case", || {
            find().filter(Expr::expr(Func::lower(Expr::col(P::City))).eq("oslo"))
        }),
        ("city in", || find().filter(P::City.is_in(["rome", "oslo"]))),
        ("city in none", || {
            find().filter(P::City.is_in(Vec::<String>::new()))
        }),
        ("city not in none", || {
            find().filter(P::City.is_not_in(Vec::<String>::new()))
        }),
        ("name", || find().filter(P::Name.eq("bob"))),
        ("any", || {
            find().filter(Condition::any().add(P::Age.eq(30)).add(P::City.eq("oslo")))
        }),
        ("any of one", || {
            find().filter(Condition::any().add(P::Age.eq(30)))
        }),
        ("none of", || {
            find().filter(
                Condition::all()
                    .not()
                    .add(P::Age.eq(30))
                    .add(P::City.eq("rome")),
            )
        }),
        ("empty any", || find().filter(Condition::any())),
        ("all of any", || {
            find().filter(
                Condition::all()
                    .add(Condition::any().add(P::Age.eq(30)).add(P::Age.eq(40)))
                    .add(P::City.eq("rome")),
            )
        }),
        ("tuple", || {
            find().filter(
                Expr::tuple([Expr::col(P::Age), Expr::col(P::Name)])
                    .in_tuples([(30, "ann"), (40, "bob")]),
            )
        }),
        ("between", || find().filter(P::Age.between(30, 40))),
        ("like", || find().filter(P::Name.like("%b"))),
        ("custom", || find().filter(Expr::cust("age = 30"))),
        ("custom bound", || {
            find().filter(Expr::cust_with_values("person.age = ?", [30]))
        }),
        ("in subquery", || {
            find().filter(
                P::Id.in_subquery(
                    Query::select()
                        .column(pet::Column::PersonId)
                        .from(pet::Entity)
                        .and_where(pet::Column::Kind.eq("cat"))
                        .to_owned(),
                ),
            )
        }),
        ("not in subquery", || {
            find().filter(
                P::Id.not_in_subquery(
                    Query::select()
                        .column(pet::Column::PersonId)
                        .from(pet::Entity)
                        .and_where(pet::Column::PersonId.is_not_null())
                        .to_owned(),
                ),
            )
        }),
        ("exists", || {
            find().filter(Expr::exists(
                Query::select()
                    .expr(Expr::val(1))
                    .from(pet::Entity)
                    .and_where(
                        Expr::col((pet::Entity, pet::Column::PersonId))
                            .equals((person::Entity, P::Id)),
                    )
                    .and_where(pet::Column::Kind.eq("dog"))
                    .to_owned(),
            ))
        }),
        ("not exists", || {
            find().filter(Expr::not_exists(
                Query::select()
                    .expr(Expr::val(1))
                    .from(visit::Entity)
                    .and_where(
                        Expr::col((visit::Entity, visit::Column::PersonId))
                            .equals((person::Entity, P::Id)),
                    )
                    .and_where(visit::Column::Note.eq("hi"))
                    .to_owned(),
            ))
        }),
        ("scalar subquery", || {
            find().filter(
                Expr::col(P::Age).eq(Expr::SubQuery(
                    None,
                    Box::new(SubQueryStatement::SelectStatement(
                        Query::select()
                            .expr(pet::Column::Weight.max())
                            .from(pet::Entity)
                            .to_owned(),
                    )),
                )),
            )
        }),
        ("older than the boss", || {
            find().filter(
                Expr::col((person::Entity, P::Age)).gt(Expr::SubQuery(
                    None,
                    Box::new(SubQueryStatement::SelectStatement(
                        Query::select()
                            .column((Alias::new("b"), P::Age))
                            .from_as(person::Entity, Alias::new("b"))
                            .and_where(
                                Expr::col((Alias::new("b"), P::Id))
                                    .equals((person::Entity, P::BossId)),
                            )
                            .to_owned(),
                    )),
                )),
            )
        }),
        ("limit", || {
            person::Entity::find()
                .order_by_desc(P::Age)
                .order_by_id_asc()
                .limit(2)
        }),
        ("limit offset", || {
            person::Entity::find()
                .order_by_desc(P::Age)
                .order_by_id_asc()
                .limit(2)
                .offset(1)
        }),
        ("offset 0", || {
            person::Entity::find()
                .order_by_desc(P::Age)
                .order_by_id_asc()
                .limit(2)
                .offset(0)
        }),
        ("limit 0", || find().limit(0)),
        ("nulls", || {
            person::Entity::find()
                .order_by_with_nulls(P::BossId, Order::Asc, NullOrdering::Last)
                .order_by_id_asc()
                .limit(3)
        }),
        ("order by an expression", || {
            person::Entity::find()
                .order_by(
                    Expr::expr(Expr::case(P::City.eq("rome"), 0).finally(1)),
                    Order::Asc,
                )
                .order_by_id_asc()
                .limit(3)
        }),
        ("order by a subquery", || {
            person::Entity::find()
                .order_by(
                    Expr::SubQuery(
                        None,
                        Box::new(SubQueryStatement::SelectStatement(
                            Query::select()
                                .expr(Expr::col(Asterisk).count())
                                .from(pet::Entity)
                                .and_where(
                                    Expr::col((pet::Entity, pet::Column::PersonId))
                                        .equals((person::Entity, P::Id)),
                                )
                                .to_owned(),
                        )),
                    ),
                    Order::Desc,
                )
                .order_by_id_asc()
                .limit(2)
        }),
        ("inner join", || {
            find()
                .inner_join(pet::Entity)
                .filter(pet::Column::Kind.eq("cat"))
        }),
        ("left join none", || {
            find()
                .left_join(pet::Entity)
                .filter(pet::Column::Id.is_null())
        }),
        ("left join limit", || {
            find()
                .left_join(pet::Entity)
                .order_by_asc(pet::Column::Id)
                .limit(2)
        }),
        ("right join", || {
            find()
                .right_join(pet::Entity)
                .filter(P::Id.is_not_null())
                .order_by_asc(pet::Column::Id)
        }),
        ("join as", || {
            find()
                .join_as(
                    JoinType::InnerJoin,
                    person::Relation::Boss.def(),
                    Alias::new("boss"),
                )
                .filter(Expr::col((Alias::new("boss"), P::Name)).eq("ann"))
        }),
        ("join as none", || {
            find()
                .join_as(
                    JoinType::LeftJoin,
                    person::Relation::Boss.def(),
                    Alias::new("boss"),
                )
                .filter(Expr::col((Alias::new("boss"), P::Id)).is_null())
        }),
        ("join on more", || {
            find()
                .join(
                    JoinType::LeftJoin,
                    person::Relation::Pet.def().on_condition(|_, right| {
                        Condition::all().add(Expr::col((right, pet::Column::Kind)).eq("cat"))
                    }),
                )
                .filter(pet::Column::Id.is_null())
        }),
        ("via", || {
            find()
                .join(JoinType::InnerJoin, person::Relation::Visit.def())
                .join(JoinType::InnerJoin, visit::Relation::Pet.def())
                .filter(pet::Column::Weight.gt(4))
                .filter(visit::Column::Note.eq("hi"))
                .order_by_asc(pet::Column::Id)
        }),
        ("distinct join", || {
            find().distinct().inner_join(pet::Entity)
        }),
        ("group by having", || {
            person::Entity::find()
                .inner_join(pet::Entity)
                .group_by(P::Id)
                .having(pet::Column::Id.count().gt(1))
                .order_by_id_asc()
        }),
        ("by the whole key and more", || {
            find().filter(P::Id.eq(2)).filter(P::Age.eq(40))
        }),
        ("by the key of a joined row", || {
            find().inner_join(pet::Entity).filter(pet::Column::Id.eq(3))
        }),
        ("by the key, joined", || {
            find().left_join(pet::Entity).filter(P::Id.eq(2))
        }),
        ("same alias", || {
            find().column_as(P::Age, "boss_id2").filter(P::BossId.eq(1))
        }),
    ]
}
