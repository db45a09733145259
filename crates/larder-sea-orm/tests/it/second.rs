//! What is promised of reads after writes, tried by statements as odd as they are legal.

mod cases;
mod orm;
mod settings;
mod trial;
mod zoo;

use sea_orm::DatabaseConnection;

use crate::catalog_servers::{Server, mariadb, postgres};

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

/// Tries the cases of a text on a server, each in a database of its own.
async fn tried_on(server: Server, text: &str) {
    let database = async || {
        let name = server.database().await;
        let raw = server.forgetful(&name, 1).await;
        (raw, server.forgetful(&name, 4).await, ())
    };
    tried(text, database).await;
}

#[tokio::test]
async fn no_statement_leaves_an_older_answer_on_postgres() {
    let Some(server) = postgres() else { return };
    tried_on(server, include_str!("second/postgres.sql")).await;
}

#[tokio::test]
async fn no_statement_leaves_an_older_answer_by_functions_on_postgres() {
    let Some(server) = postgres() else { return };
    tried_on(server, include_str!("second/postgres_functions.sql")).await;
}

#[tokio::test]
async fn no_statement_leaves_an_older_answer_on_mariadb() {
    let Some(server) = mariadb() else { return };
    tried_on(server, include_str!("second/mariadb.sql")).await;
}

#[tokio::test]
async fn no_comparison_leaves_an_older_answer_on_mariadb() {
    let Some(server) = mariadb() else { return };
    tried_on(server, include_str!("second/mariadb_more.sql")).await;
}
