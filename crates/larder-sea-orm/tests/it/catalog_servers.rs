//! Databases of their own for tests, on servers of this process.

use std::sync::atomic::{AtomicU32, Ordering};

use larder_test_servers::Database as DatabaseServer;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};

/// A server that runs as long as this process.
#[derive(Clone, Copy)]
pub(crate) struct Server(&'static DatabaseServer);

/// Returns this process's `PostgreSQL`; `None` where it is not installed.
pub(crate) fn postgres() -> Option<Server> {
    DatabaseServer::postgres().map(Server)
}

/// Returns this process's `MariaDB`; `None` where it is not installed.
pub(crate) fn mariadb() -> Option<Server> {
    DatabaseServer::mariadb().map(Server)
}

impl Server {
    /// Makes a new, empty database and connects to it, with one connection.
    pub(crate) async fn fresh(self) -> DatabaseConnection {
        let name = self.database().await;
        self.connect(&name, "larder").await
    }

    /// Makes a new, empty database and returns its name.
    pub(crate) async fn database(self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("larder_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = self.connect(self.0.admin(), "larder").await;
        let create = format!("CREATE DATABASE {name}");
        admin
            .execute_unprepared(&create)
            .await
            .expect("a database is made");
        admin.close().await.expect("the connection closes");
        name
    }

    /// Connects to a database as a user, with one connection.
    pub(crate) async fn connect(self, database: &str, user: &str) -> DatabaseConnection {
        self.pool(database, user, 1).await
    }

    /// Connects to a database as a user.
    pub(crate) async fn pool(self, database: &str, user: &str, most: u32) -> DatabaseConnection {
        connected(self.options(database, user, most)).await
    }

    /// Connects so that `PostgreSQL` plans each statement anew: no answer tells of an older schema.
    pub(crate) async fn forgetful(self, database: &str, most: u32) -> DatabaseConnection {
        let mut options = self.options(database, "larder", most);
        options.map_sqlx_postgres_opts(|options| options.statement_cache_capacity(0));
        connected(options).await
    }

    fn options(self, database: &str, user: &str, most: u32) -> ConnectOptions {
        let mut options = ConnectOptions::new(self.0.url(user, database));
        options.max_connections(most).sqlx_logging(false);
        options
    }
}

async fn connected(options: ConnectOptions) -> DatabaseConnection {
    Database::connect(options)
        .await
        .expect("the server answers")
}
