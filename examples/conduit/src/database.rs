//! Where the data is: connecting by URL, transactions, and what a database error means.

use std::path::Path;
use std::time::Duration;

use larder::sea_orm::CachedConnection;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr, SqlErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait, sqlx,
};
use tokio::time::sleep;

/// The connection every query of Conduit runs on.
pub type Db = CachedConnection<DatabaseConnection>;

/// A transaction on [`Db`].
pub(crate) type Transaction = <Db as TransactionTrait>::Transaction;

const CONNECTIONS: u32 = 16;

/// How long a writer of a `SQLite` file waits for the writers before it.
const BUSY: Duration = Duration::from_secs(30);

/// How long whoever found a `SQLite` file locked waits before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// Opens a pool on the database at `url`.
///
/// # Errors
/// When no driver takes the URL, or the server does not answer.
pub(crate) async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false);
    // Each connection to a database in memory would see a database of its own.
    if !url.contains(":memory:") {
        options.max_connections(CONNECTIONS);
    }
    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY)
    });
    open(options).await
}

/// Opens a pool, again when another process was just making the same `SQLite` file: who switches a
/// new file to its log lets nobody wait.
async fn open(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    for _ in 0..100 {
        match Database::connect(options.clone()).await {
            Err(error) if state(&error).is_some_and(|state| state == "5") => sleep(PAUSE).await,
            done => return done,
        }
    }
    Database::connect(options).await
}

/// Opens a pool on `conduit.sqlite` in `directory`, made when it is not there.
///
/// # Errors
/// When the file cannot be opened or made.
pub(crate) async fn connect_in(directory: &Path) -> Result<DatabaseConnection, DbErr> {
    let file = directory.join("conduit.sqlite");
    let file = file.to_string_lossy();
    // These two characters have a meaning in a URL; every other one sqlx takes as it is.
    let file = file.replace('%', "%25").replace('?', "%3f");
    connect(&format!("sqlite://{file}")).await
}

/// Begins a transaction that is going to write.
///
/// On `SQLite` it takes the write lock at once: one that turned into a writer later could not wait
/// for another, it would fail.
pub(crate) async fn begin(db: &Db) -> Result<Transaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    })
    .await
}

/// Runs a write again, a few times, when the database gave it up for another one.
pub(crate) async fn retrying<T, F>(mut write: impl FnMut() -> F) -> Result<T, DbErr>
where
    F: Future<Output = Result<T, DbErr>>,
{
    for _ in 0..4 {
        match write().await {
            Err(error) if was_given_up(&error) => {}
            done => return done,
        }
    }
    write().await
}

/// Whether a write failed because a row with the same unique column is there.
pub(crate) fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether a write failed because a row it points to is not there.
pub(crate) fn is_orphan(error: &DbErr) -> bool {
    matches!(
        error.sql_err(),
        Some(SqlErr::ForeignKeyConstraintViolation(_))
    )
}

/// Whether a row that was written is gone again, or was gone before.
///
/// `MySQL` does not return what it wrote; between the write and the read another may delete it.
pub(crate) fn is_gone(error: &DbErr) -> bool {
    matches!(error, DbErr::RecordNotUpdated | DbErr::RecordNotFound(_))
}

/// Whether the database cannot keep a text it was given, or compare with it (a NUL on Postgres).
pub(crate) fn is_unstorable(error: &DbErr) -> bool {
    state(error).is_some_and(|state| state == "22021")
}

/// Whether the transaction was the victim of a deadlock or could not be serialised.
fn was_given_up(error: &DbErr) -> bool {
    state(error).is_some_and(|state| state == "40001" || state == "40P01")
}

/// The code of what the driver reported: the SQLSTATE, or `SQLite`'s own.
fn state(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    let sqlx::Error::Database(error) = error.as_ref() else {
        return None;
    };
    error.code().map(Into::into)
}
