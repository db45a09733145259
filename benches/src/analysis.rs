//! What it costs to tell what a statement depends on, beside the building of its SQL.

use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use larder_sea_orm::analysis::{analyse, analyse_raw, plan, recall};
use larder_sea_orm::catalog::Catalog;
use sea_orm::sea_query::{
    Alias, Expr, ExprTrait as _, JoinType, Order, Query, SelectStatement, SqliteQueryBuilder,
};
use sea_orm::{ConnectionTrait as _, Database, DbBackend};
use tokio::runtime::Runtime;

use crate::rounds::{Contestant, Lane, Plan, compare};
use crate::stopwatch::Stopwatch;

/// Building the SQL: what every statement costs anyway.
pub(crate) const BUILD: &str = "building the SQL";

const SCHEMA: &str = "
    CREATE TABLE article (id INTEGER PRIMARY KEY, author_id INT, slug TEXT, title TEXT,
        description TEXT, body TEXT, created_at TEXT, updated_at TEXT);
    CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, email TEXT, bio TEXT, image TEXT);
    CREATE TABLE favorite (article_id INT, person_id INT, PRIMARY KEY (article_id, person_id));";

const ARTICLE: [&str; 8] = [
    "id",
    "author_id",
    "slug",
    "title",
    "description",
    "body",
    "created_at",
    "updated_at",
];
const PERSON: [&str; 5] = ["id", "name", "email", "bio", "image"];

/// Measures a simple SELECT and a join of three tables.
pub(crate) fn measure(runtime: &Rc<Runtime>, plan: &Plan) -> Vec<(&'static str, Vec<Lane>)> {
    let catalog = Rc::new(runtime.block_on(catalog()));
    [
        ("simple SELECT", simple()),
        ("SELECT of three tables", joined()),
    ]
    .map(|(subject, statement)| (subject, lanes(&catalog, statement, plan)))
    .into()
}

async fn catalog() -> Catalog {
    let db = Database::connect("sqlite::memory:")
        .await
        .expect("SQLite can be opened in memory");
    db.execute_unprepared(SCHEMA)
        .await
        .expect("the schema is right");
    Catalog::read(&db, "main")
        .await
        .expect("the schema can be read")
}

fn lanes(catalog: &Rc<Catalog>, statement: SelectStatement, rounds: &Plan) -> Vec<Lane> {
    let statement = Rc::new(statement);
    let (sql, values) = statement.build(SqliteQueryBuilder);
    let build = {
        let statement = Rc::clone(&statement);
        contestant(BUILD, move || {
            black_box(statement.build(SqliteQueryBuilder));
        })
    };
    let recalled = {
        let (statement, catalog) = (Rc::clone(&statement), Rc::clone(catalog));
        contestant("what it depends on, its SQL seen before", move || {
            let (sql, values) = statement.build(SqliteQueryBuilder);
            black_box(recall(&sql, Some(&values), &catalog));
        })
    };
    let raw_recalled = {
        let (sql, values) = (sql.clone(), values.clone());
        let catalog = Rc::clone(catalog);
        contestant("the same of its text alone", move || {
            black_box(recall(&sql, Some(&values), &catalog));
        })
    };
    let recorded = {
        let (statement, catalog) = (Rc::clone(&statement), Rc::clone(catalog));
        contestant("analysis of the statement, with its plan", move || {
            let (analysis, _) = analyse(&*statement, DbBackend::Sqlite);
            black_box(plan(&analysis, &catalog))
                .read
                .expect("it can be kept");
        })
    };
    let raw = {
        let catalog = Rc::clone(catalog);
        contestant("analysis of its text, with its plan", move || {
            let analysis = analyse_raw(&sql, Some(&values), DbBackend::Sqlite);
            black_box(plan(&analysis, &catalog))
                .read
                .expect("it can be kept");
        })
    };
    compare(vec![build, recalled, raw_recalled, recorded, raw], rounds)
}

fn contestant(name: &str, mut run: impl FnMut() + 'static) -> Contestant {
    Contestant::new(name, move |times| -> Duration {
        let watch = Stopwatch::start();
        (0..times).for_each(|_| run());
        watch.elapsed()
    })
}

fn simple() -> SelectStatement {
    Query::select()
        .columns(ARTICLE.map(|column| ("article", column)))
        .from("article")
        .and_where(Expr::col(("article", "author_id")).eq(7))
        .order_by(("article", "created_at"), Order::Desc)
        .limit(20)
        .take()
}

fn joined() -> SelectStatement {
    let on = |left, right| Expr::col(left).equals(right);
    let mut select = Query::select();
    for column in ARTICLE {
        select.expr_as(
            Expr::col(("article", column)),
            Alias::new(format!("A_{column}")),
        );
    }
    for column in PERSON {
        select.expr_as(
            Expr::col(("person", column)),
            Alias::new(format!("B_{column}")),
        );
    }
    select
        .from("article")
        .join(
            JoinType::LeftJoin,
            "person",
            on(("article", "author_id"), ("person", "id")),
        )
        .join(
            JoinType::InnerJoin,
            "favorite",
            on(("article", "id"), ("favorite", "article_id")),
        )
        .and_where(Expr::col(("favorite", "person_id")).eq(7))
        .order_by(("article", "created_at"), Order::Desc)
        .limit(20)
        .take()
}
