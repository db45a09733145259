//! What is promised of reads after writes, tried by statements as odd as they are legal.

mod cases;
mod orm;
mod settings;
mod trial;
mod zoo;

use sea_orm::DatabaseConnection;

use crate::catalog_servers::{mariadb, postgres};

/// Tries the cases of a text, each on a database of its own.
async fn tried<G>(
    text: &str,
    database: impl AsyncFn() -> (DatabaseConnection, DatabaseConnection, G),
) {
    let mut wrong = Vec::new();
    for case in cases::cases(text) {
        let (raw, pool, _guard) = database().await;
        wrong.extend(trial::tried(&case, raw, pool).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn no_statement_leaves_an_older_answer_on_sqlite() {
    tried(include_str!("second/sqlite.sql"), crate::harness::empty).await;
}

#[tokio::test]
async fn no_statement_leaves_an_older_answer_on_postgres() {
    let Some(server) = postgres() else { return };
    let database = async || {
        let name = server.database().await;
        let raw = server.connect(&name, "larder").await;
        (raw, server.pool(&name, "larder", 4).await, ())
    };
    tried(include_str!("second/postgres.sql"), database).await;
}

#[tokio::test]
async fn no_statement_leaves_an_older_answer_on_mariadb() {
    let Some(server) = mariadb() else { return };
    let database = async || {
        let name = server.database().await;
        let raw = server.connect(&name, "larder").await;
        (raw, server.pool(&name, "larder", 4).await, ())
    };
    tried(include_str!("second/mariadb.sql"), database).await;
}
