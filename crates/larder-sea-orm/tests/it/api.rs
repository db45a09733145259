//! `SeaORM`'s methods that read and write, one by one, over a cached connection and over its pool.
//!
//! 1. A row of the table is a method, called by the same generic function over both. Its answer must be the same.
//! 2. Every statement that was sent must have been looked at.
//! 3. An entry made of a read must depend on what its row says; it must be there after the write that leaves the
//!    answer as it is, and must not be after the one that changes it. Of a hit no statement is looked at.
//! 4. A write must leave the same rows in the tables, publish the changes its row says, and leave no entry of what it
//!    has changed.
//!
//! The list was made from the sources of `SeaORM` 2.0.4: every `pub` or trait method with a parameter of a type bound
//! by `ConnectionTrait`, `StreamTrait` or `TransactionTrait`, in `src/executor`, `src/entity`, `src/query` and
//! `src/database`, those that the derive macros write (`Entity::load`, `ActiveModelEx`), and what turns one selector
//! into another. Left out: `#[doc(hidden)]` methods, which the loaders and nested active models call; the hooks of
//! `ActiveModelBehavior`, which are the user's; schema, entity registry, mock, proxy and role-based access control.

mod bench;
mod changes;
mod inserts;
mod joins;
mod loaders;
mod pages;
mod row;
mod select;
mod shop;
mod statements;
mod transactions;

use larder_sea_orm::CachedRepository as _;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseConnection, DbErr, EntityTrait as _,
    QueryFilter as _, Select,
};

use self::bench::Bench;
use self::row::{Read, Write};
use crate::catalog_servers::{Server, mariadb, postgres};
use crate::entities::article;
use crate::harness::{Service, empty, with_articles};

fn reads() -> Vec<Read> {
    let parts = [
        select::rows(),
        joins::rows(),
        pages::rows(),
        loaders::rows(),
        statements::rows(),
    ];
    parts.into_iter().flatten().collect()
}

fn writes() -> Vec<Write> {
    let parts = [inserts::rows(), changes::rows(), transactions::rows()];
    parts.into_iter().flatten().collect()
}

async fn tried(raw: DatabaseConnection, pool: DatabaseConnection) {
    let mut bench = Bench::over(raw, pool).await;
    for read in reads() {
        bench.read(&read).await;
    }
    for write in writes() {
        bench.written(&write).await;
    }
    bench.done();
}

async fn tried_on(server: Server) {
    let database = server.database().await;
    let raw = server.pool(&database, "larder", 2).await;
    tried(raw, server.pool(&database, "larder", 4).await).await;
}

#[tokio::test]
async fn every_method_does_over_the_cache_what_it_does_over_the_pool() {
    let (raw, pool, _file) = empty().await;
    tried(raw, pool).await;
}

#[tokio::test]
async fn every_method_does_the_same_on_postgres() {
    if let Some(server) = postgres() {
        tried_on(server).await;
    }
}

#[tokio::test]
async fn every_method_does_the_same_on_mariadb() {
    if let Some(server) = mariadb() {
        tried_on(server).await;
    }
}

fn by_ann() -> Select<article::Entity> {
    article::Entity::find().filter(article::Column::AuthorId.eq(1))
}

/// Reads in each way that is served from the cache.
async fn read_all(service: &Service) {
    let articles = service.db.repository::<article::Entity>();
    articles.find_by_id(1).await.unwrap();
    articles.find_by_ids([1, 2]).await.unwrap();
    articles.find(by_ann()).await.unwrap();
    articles.find_one(by_ann()).await.unwrap();
    articles.count(by_ann()).await.unwrap();
    articles.exists(by_ann()).await.unwrap();
    let all = async |db: &crate::harness::Db| by_ann().all(db).await;
    service.db.query("all", all).await.unwrap();
    let nested = async |db: &crate::harness::Db| {
        let articles = db.repository::<article::Entity>();
        let rows = articles
            .find(by_ann())
            .await
            .map_err(|error| DbErr::Custom(error.to_string()))?;
        Ok::<_, DbErr>(rows.len())
    };
    service.db.query("nested", nested).await.unwrap();
}

#[tokio::test]
async fn of_what_the_cache_serves_no_statement_is_looked_at() {
    let service = with_articles().await;
    read_all(&service).await;
    service.control.sent();
    let seen = service.db.statements_seen();
    assert!(seen > 0);
    read_all(&service).await;
    assert_eq!(service.db.statements_seen(), seen);
    assert_eq!(service.control.sent(), Vec::<String>::new());
    service
        .db
        .query_all(
            &sea_orm::sea_query::Query::select()
                .expr(sea_orm::sea_query::Expr::val(1))
                .take(),
        )
        .await
        .unwrap();
    assert_eq!(
        service.db.statements_seen(),
        seen + 1,
        "what is asked for is"
    );
}
