//! A database for each test: a `SQLite` file, or one on a private server of this run.

use std::sync::atomic::{AtomicU32, Ordering};

use larder_test_servers::Database as DatabaseServer;
use sea_orm::{ConnectionTrait, Database};

/// The environment variable that says where the tests run.
const VARIABLE: &str = "CONDUIT_TEST_DATABASE";

/// What a Conduit under test is to be given.
#[derive(Clone)]
pub(crate) enum Fresh {
    /// Nothing: it makes a `SQLite` file of its own.
    File,
    /// The URL of a new, empty database.
    Url(String),
}

/// A new database; `None` where its server is not installed.
pub(crate) async fn fresh() -> Option<Fresh> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = match std::env::var(VARIABLE).unwrap_or_default().as_str() {
        "" | "sqlite" => return Some(Fresh::File),
        "postgres" => DatabaseServer::postgres()?,
        "mariadb" => DatabaseServer::mariadb()?,
        other => panic!("{VARIABLE} is {other}: it can be sqlite, postgres or mariadb"),
    };
    let name = format!("conduit_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = server.url("larder", server.admin());
    let admin = Database::connect(admin).await.unwrap();
    admin
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await
        .unwrap();
    admin.close().await.unwrap();
    Some(Fresh::Url(server.url("larder", &name)))
}
