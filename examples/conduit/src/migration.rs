//! Brings a database to the schema of this version, once, also when several nodes start together.

use sea_orm::sea_query::{Alias, ColumnDef, Expr, ExprTrait, Query, Table};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait, Schema,
};
use sea_orm::{SqliteTransactionMode, TransactionOptions, TransactionTrait};

use crate::entity::{article, article_tag, comment, favorite, follow, tag, user};

const VERSION: i32 = 1;

/// Any number no other user of the same server locks.
const LOCK: i64 = 0x00c0_4d17;

/// Makes what the schema lacks.
///
/// # Errors
/// When a statement fails; Postgres and `SQLite` then keep nothing of it.
pub(crate) async fn migrate(db: &DatabaseConnection) -> Result<(), DbErr> {
    let transaction = db
        .begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        })
        .await?;
    lock(&transaction).await?;
    let done = upgrade(&transaction).await;
    unlock(&transaction).await?;
    done?;
    transaction.commit().await
}

async fn upgrade(db: &DatabaseTransaction) -> Result<(), DbErr> {
    if version(db).await? == VERSION {
        return Ok(());
    }
    create(db, user::Entity).await?;
    create(db, article::Entity).await?;
    create(db, comment::Entity).await?;
    create(db, tag::Entity).await?;
    create(db, article_tag::Entity).await?;
    create(db, favorite::Entity).await?;
    create(db, follow::Entity).await?;
    let reached = Query::insert()
        .into_table(Alias::new("migration"))
        .columns([Alias::new("version")])
        .values_panic([VERSION.into()])
        .to_owned();
    db.execute(&reached).await?;
    Ok(())
}

/// The version the database is at; zero when it is new.
async fn version(db: &DatabaseTransaction) -> Result<i32, DbErr> {
    let versions = Table::create()
        .table(Alias::new("migration"))
        .if_not_exists()
        .col(
            ColumnDef::new(Alias::new("version"))
                .integer()
                .not_null()
                .primary_key(),
        )
        .to_owned();
    db.execute(&versions).await?;
    let newest = Query::select()
        .expr_as(
            Expr::col(Alias::new("version")).max(),
            Alias::new("version"),
        )
        .from(Alias::new("migration"))
        .to_owned();
    let row = db.query_one(&newest).await?;
    let version: Option<Option<i32>> = row.map(|row| row.try_get("", "version")).transpose()?;
    Ok(version.flatten().unwrap_or(0))
}

async fn create<E: EntityTrait>(db: &DatabaseTransaction, entity: E) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    let schema = Schema::new(backend);
    let mut table = schema.create_table_from_entity(entity);
    if backend == DbBackend::MySql {
        // Names and tags are what was typed, as on the other databases: `é` is not `e`.
        table.collate("utf8mb4_bin");
    }
    db.execute(&table).await?;
    for index in schema.create_index_from_entity(entity) {
        db.execute(&index).await?;
    }
    Ok(())
}

/// Lets one node at a time migrate; `SQLite`'s transaction does so by itself.
async fn lock(db: &DatabaseTransaction) -> Result<(), DbErr> {
    match db.get_database_backend() {
        DbBackend::Postgres => {
            db.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})"))
                .await?;
        }
        DbBackend::MySql => {
            db.execute_unprepared(&format!("DO GET_LOCK('{LOCK}', 60)"))
                .await?;
        }
        _ => {}
    }
    Ok(())
}

/// Gives back the lock that does not end with the transaction.
async fn unlock(db: &DatabaseTransaction) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::MySql {
        db.execute_unprepared(&format!("DO RELEASE_LOCK('{LOCK}')"))
            .await?;
    }
    Ok(())
}
