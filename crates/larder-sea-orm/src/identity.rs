//! Which database a domain is, so that the remote tier keeps those of two deployments apart.
//!
//! | Database | Told apart by |
//! |---|---|
//! | `PostgreSQL` | the cluster's system identifier, which its replicas share, and the database's number |
//! | MySQL, MariaDB | the server's own identifier and the database's name |
//! | `SQLite` | the file: its path, device and inode; a database in memory is like no other |

use std::hash::{BuildHasher, RandomState};

use sea_orm::{ConnectionTrait, DbBackend, Statement};

/// Returns words that no other database has, as far as the database tells.
pub(crate) async fn identity<C: ConnectionTrait>(db: &C) -> String {
    let backend = db.get_database_backend();
    match backend {
        DbBackend::Postgres => {
            let name = ask(
                db,
                "SELECT d.oid::text AS id FROM pg_database d WHERE d.datname = current_database()",
            );
            let cluster = ask(
                db,
                "SELECT system_identifier::text AS id FROM pg_control_system()",
            );
            format!("postgres {} {}", cluster.await, name.await)
        }
        DbBackend::MySql => {
            let name = ask(db, "SELECT DATABASE() AS id").await;
            // MySQL's variable, then MariaDB's; neither has the other's.
            let mut server = ask(db, "SELECT @@server_uuid AS id").await;
            if server.is_empty() {
                server = ask(db, "SELECT @@server_uid AS id").await;
            }
            format!("mysql {server} {name}")
        }
        _ => sqlite(
            &ask(
                db,
                "SELECT file AS id FROM pragma_database_list WHERE name = 'main'",
            )
            .await,
        ),
    }
}

/// Returns the first value of an answer; empty if it is refused.
async fn ask<C: ConnectionTrait>(db: &C, sql: &str) -> String {
    let statement = Statement::from_string(db.get_database_backend(), sql.to_owned());
    let answer = db.query_one_raw(statement).await;
    let value = answer
        .ok()
        .flatten()
        .map(|row| row.try_get::<String>("", "id"));
    value.and_then(Result::ok).unwrap_or_default()
}

fn sqlite(file: &str) -> String {
    if file.is_empty() {
        let random = RandomState::new().hash_one("a database in memory");
        return format!("sqlite in memory {random:016x}");
    }
    format!("sqlite {file} {}", place(file))
}

#[cfg(unix)]
fn place(file: &str) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let known = std::fs::metadata(file);
    known.map_or_else(
        |_| String::new(),
        |file| format!("{}:{}", file.dev(), file.ino()),
    )
}

#[cfg(not(unix))]
fn place(_file: &str) -> String {
    String::new()
}
