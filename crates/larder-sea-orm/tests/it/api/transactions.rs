//! Writes of `ConnectionTrait` and `StreamTrait`, outside of transactions and in them.

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::{InsertStatement, Query};
use sea_orm::{
    AccessMode, ActiveModelTrait as _, ConnectionTrait, DbBackend, DbErr, EntityTrait as _,
    ExecResult, IsolationLevel, QueryResult, Set, Statement, StreamTrait as _, TransactionOptions,
    TransactionSession as _, TransactionTrait as _,
};

use super::row::{Conn, Write, writes};
use super::shop::product;

fn insert() -> InsertStatement {
    Query::insert()
        .into_table(product::Entity)
        .columns([product::Column::Name, product::Column::Price])
        .values_panic(["oil".into(), 9.into()])
        .returning_col(product::Column::Id)
        .take()
}

fn text<C: Conn>(db: &C, sql: &str) -> Statement {
    Statement::from_string(ConnectionTrait::get_database_backend(db), sql)
}

fn bound<C: Conn>(db: &C) -> Statement {
    let backend = ConnectionTrait::get_database_backend(db);
    let marks = if backend == DbBackend::Postgres {
        "$1, $2"
    } else {
        "?, ?"
    };
    let sql =
        format!("INSERT INTO product (name, price) VALUES ({marks}) RETURNING id, name, price");
    Statement::from_sql_and_values(backend, sql, ["oil".into(), 9.into()])
}

#[expect(clippy::needless_pass_by_value, reason = "as `map` hands it over")]
fn done(done: ExecResult) -> u64 {
    done.rows_affected()
}

#[expect(clippy::needless_pass_by_value, reason = "as `map` hands it over")]
fn id(row: QueryResult) -> Result<i32, DbErr> {
    row.try_get_by_index(0)
}

/// Makes the first product dearer.
async fn dearer(db: &impl ConnectionTrait) -> Result<product::Model, DbErr> {
    let dearer = product::ActiveModel {
        id: Set(1),
        price: Set(9),
        ..Default::default()
    };
    dearer.update(db).await
}

async fn without_jam(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    let gone = product::Entity::delete_by_id(2).exec(db).await?;
    Ok(gone.rows_affected)
}

fn failed(error: impl std::fmt::Display) -> DbErr {
    DbErr::Custom(error.to_string())
}

pub(super) fn rows() -> Vec<Write> {
    let mut rows = on_a_pool();
    rows.extend(in_transactions());
    rows
}

fn on_a_pool() -> Vec<Write> {
    writes! {
        "ConnectionTrait::execute": "row 4 of product: - -> id, name, price", postgres "rows of product: - -> name, price", |db| done(db.execute(&insert()).await?);
        "ConnectionTrait::execute_raw": "row 1 of product in price: id -> id, price",
            |db| done(db.execute_raw(text(db, "UPDATE product SET price = 9 WHERE id = 1")).await?);
        "ConnectionTrait::execute_raw of rows by an equality": "rows of purchase in state: state -> state",
            |db| done(db.execute_raw(text(db, "UPDATE purchase SET state = 'sent' WHERE state = 'open'")).await?);
        "ConnectionTrait::execute_unprepared": "row 1 of product: id -> -",
            |db| done(db.execute_unprepared("DELETE FROM product WHERE id = 1").await?);
        "ConnectionTrait::query_one": "row 4 of product: - -> id, name, price", mariadb "rows of product: - -> name, price", |db| db.query_one(&insert()).await?.map(id).transpose()?;
        "ConnectionTrait::query_one_raw": "row 4 of product: - -> id, name, price", |db| db.query_one_raw(bound(db)).await?.map(id).transpose()?;
        "ConnectionTrait::query_all": "row 4 of product: - -> id, name, price", mariadb "rows of product: - -> name, price",
            |db| db.query_all(&insert()).await?.into_iter().map(id).collect::<Result<Vec<_>, _>>()?;
        "ConnectionTrait::query_all_raw": "row 4 of product: - -> id, name, price",
            |db| db.query_all_raw(bound(db)).await?.into_iter().map(id).collect::<Result<Vec<_>, _>>()?;
        "StreamTrait::stream": "row 4 of product: - -> id, name, price", mariadb "rows of product: - -> name, price",
            |db| {
                let rows: Vec<_> = db.stream(&insert()).await?.try_collect().await?;
                rows.into_iter().map(id).collect::<Result<Vec<_>, _>>()?
            };
        "StreamTrait::stream_raw": "row 4 of product: - -> id, name, price",
            |db| {
                let rows: Vec<_> = db.stream_raw(bound(db)).await?.try_collect().await?;
                rows.into_iter().map(id).collect::<Result<Vec<_>, _>>()?
            };
    }
}

#[expect(clippy::too_many_lines, reason = "a table has a line for each method")]
fn in_transactions() -> Vec<Write> {
    writes! {
        "TransactionTrait::begin, TransactionSession::commit": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price",
            |db| {
                let transaction = db.begin().await?;
                let row = dearer(&transaction).await?;
                transaction.commit().await?;
                row
            };
        "TransactionSession::rollback": "",
            |db| {
                let transaction = db.begin().await?;
                let row = dearer(&transaction).await?;
                transaction.rollback().await?;
                row
            };
        "a transaction that is dropped": "",
            |db| {
                let transaction = db.begin().await?;
                let row = dearer(&transaction).await?;
                drop(transaction);
                row
            };
        "TransactionTrait::begin_with_config": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price",
            |db| {
                let transaction = db.begin_with_config(
                    Some(IsolationLevel::ReadCommitted), Some(AccessMode::ReadWrite)).await?;
                let row = dearer(&transaction).await?;
                transaction.commit().await?;
                row
            };
        "TransactionTrait::begin_with_options": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price",
            |db| {
                let transaction = db.begin_with_options(TransactionOptions::default()).await?;
                let row = dearer(&transaction).await?;
                transaction.commit().await?;
                row
            };
        "TransactionTrait::transaction": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price",
            |db| db.transaction::<_, _, DbErr>(|db| Box::pin(dearer(db))).await.map_err(failed)?;
        "TransactionTrait::transaction that fails": "",
            |db| db.transaction::<_, (), DbErr>(|db| Box::pin(async move {
                dearer(db).await?;
                Err(DbErr::Custom("no".to_owned()))
            })).await.map_err(failed)?;
        "TransactionTrait::transaction_with_config": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price",
            |db| db.transaction_with_config::<_, _, DbErr>(
                |db| Box::pin(dearer(db)), Some(IsolationLevel::Serializable), None).await.map_err(failed)?;
        "a savepoint that is kept": "row 1 of product in price: id, name -> id, name, price\nrow 2 of product: id -> -", mariadb "row 1 of product in price: id -> id, price\nrow 2 of product: id -> -",
            |db| {
                let outer = db.begin().await?;
                let row = dearer(&outer).await?;
                let inner = outer.begin().await?;
                let gone = without_jam(&inner).await?;
                inner.commit().await?;
                outer.commit().await?;
                (row, gone)
            };
        "a savepoint that is undone": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price",
            |db| {
                let outer = db.begin().await?;
                let row = dearer(&outer).await?;
                let inner = outer.begin().await?;
                let gone = without_jam(&inner).await?;
                inner.rollback().await?;
                outer.commit().await?;
                (row, gone)
            };
        "TransactionTrait::transaction in a transaction": "row 1 of product in price: id, name -> id, name, price", mariadb "row 1 of product in price: id -> id, price",
            |db| {
                let outer = db.begin().await?;
                let row = outer.transaction::<_, _, DbErr>(|db| Box::pin(dearer(db))).await.map_err(failed)?;
                outer.commit().await?;
                row
            };
        "StreamTrait::stream_raw in a transaction": "row 4 of product: - -> id, name, price",
            |db| {
                let outer = db.begin().await?;
                let sql = bound(db);
                let rows: Vec<_> = outer.stream_raw(sql).await?.try_collect().await?;
                outer.commit().await?;
                rows.into_iter().map(id).collect::<Result<Vec<_>, _>>()?
            };
    }
}
