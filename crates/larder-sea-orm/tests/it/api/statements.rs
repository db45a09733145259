//! Reads of `ConnectionTrait` and `StreamTrait`, outside of transactions and in them.

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::{
    Alias, CommonTableExpression, Expr, ExprTrait as _, Query, SelectStatement,
};
use sea_orm::{
    DbBackend, DbErr, EntityTrait as _, QueryResult, Statement, StreamTrait as _,
    TransactionSession as _, TransactionTrait as _,
};

use super::row::{Conn, Read, reads};
use super::shop::customer;

fn select() -> SelectStatement {
    Query::select()
        .column(customer::Column::Name)
        .from(customer::Entity)
        .and_where(Expr::col(customer::Column::Id).eq(1))
        .take()
}

fn text<C: Conn>(db: &C) -> Statement {
    let backend = sea_orm::ConnectionTrait::get_database_backend(db);
    let mark = if backend == DbBackend::Postgres {
        "$1"
    } else {
        "?"
    };
    let sql = format!("SELECT name FROM customer WHERE id = {mark}");
    Statement::from_sql_and_values(backend, sql, [1.into()])
}

#[expect(clippy::needless_pass_by_value, reason = "as `map` hands it over")]
fn name(row: QueryResult) -> Result<String, DbErr> {
    row.try_get_by_index(0)
}

fn names(rows: Vec<QueryResult>) -> Result<Vec<String>, DbErr> {
    rows.into_iter().map(name).collect()
}

const ROW: &str = "1 row of customer";
const OTHER_ROW: &str = "UPDATE customer SET name = 'bea' WHERE id = 2";
const THE_ROW: &str = "UPDATE customer SET name = 'eva' WHERE id = 1";

pub(super) fn rows() -> Vec<Read> {
    let mut rows = on_a_pool();
    rows.extend(in_transactions());
    rows
}

fn on_a_pool() -> Vec<Read> {
    reads! {
        "ConnectionTrait::query_one": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| db.query_one(&select()).await?.map(name).transpose()?;
        "ConnectionTrait::query_one_raw": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| db.query_one_raw(text(db)).await?.map(name).transpose()?;
        "ConnectionTrait::query_all": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| names(db.query_all(&select()).await?)?;
        "ConnectionTrait::query_all_raw": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| names(db.query_all_raw(text(db)).await?)?;
        "ConnectionTrait::query_all of a WITH": "rows of customer (uses name)",
            spares "UPDATE customer SET referrer_id = 9 WHERE id = 1", touches THE_ROW,
            |db| {
                let named = CommonTableExpression::new()
                    .query(Query::select().column(customer::Column::Name).from(customer::Entity).take())
                    .table_name(Alias::new("named"))
                    .to_owned();
                let with = Query::with().cte(named).to_owned();
                let query = Query::select().column(customer::Column::Name).from(Alias::new("named"))
                    .order_by(customer::Column::Name, sea_orm::Order::Asc).take().with(with);
                names(db.query_all(&query).await?)?
            };
        "StreamTrait::stream": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| {
                let rows: Vec<_> = db.stream(&select()).await?.try_collect().await?;
                names(rows)?
            };
        "StreamTrait::stream_raw": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| {
                let rows: Vec<_> = db.stream_raw(text(db)).await?.try_collect().await?;
                names(rows)?
            };
    }
}

fn in_transactions() -> Vec<Read> {
    reads! {
        "TransactionTrait::begin, TransactionSession::commit of reads": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| {
                let transaction = db.begin().await?;
                let row = customer::Entity::find_by_id(1).one(&transaction).await?;
                transaction.commit().await?;
                row
            };
        "TransactionTrait::begin of a transaction's": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| {
                let outer = db.begin().await?;
                let inner = outer.begin().await?;
                let row = customer::Entity::find_by_id(1).one(&inner).await?;
                inner.rollback().await?;
                outer.rollback().await?;
                row
            };
        "TransactionTrait::transaction of reads": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| db.transaction::<_, _, DbErr>(|db| Box::pin(async move {
                customer::Entity::find_by_id(1).one(db).await
            })).await.map_err(|error| DbErr::Custom(error.to_string()))?;
        "StreamTrait::stream in a transaction": ROW, spares OTHER_ROW, touches THE_ROW,
            |db| {
                let transaction = db.begin().await?;
                let rows: Vec<_> = transaction.stream(&select()).await?.try_collect().await?;
                transaction.commit().await?;
                names(rows)?
            };
    }
}
