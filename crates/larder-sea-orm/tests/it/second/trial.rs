//! Tries a case: after each write, whatever is answered must be what the database has.

use std::sync::Arc;

use larder_core::Change;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, JsonValue, QueryResult, TransactionSession as _,
    TransactionTrait as _, TryGetable,
};

use super::cases::{Bound, Case, Write};
use crate::harness::{Db, Service, over};

/// Rows as text, sorted where the statement leaves their order open.
type Rows = Vec<String>;

/// Tries a case; returns what was wrong: answers that differ, and reads that were never kept but should be.
pub(super) async fn tried(
    case: &Case,
    raw: DatabaseConnection,
    pool: DatabaseConnection,
) -> Vec<String> {
    raw.execute_unprepared(&case.schema).await.unwrap();
    let service = over(raw, pool).await;
    let mut kept = vec![false; case.reads.len()];
    let mut wrong = differing(&service, case, "at first", &mut kept).await;
    for write in &case.writes {
        let written = sent(&service.db, write).await;
        let when = format!("after {write:?} ({written:?})");
        let stale = differing(&service, case, &when, &mut kept).await;
        if !stale.is_empty() {
            // Each write answers for itself.
            service.larder.publish(Change::everything()).await.unwrap();
        }
        wrong.extend(stale);
    }
    let reads = case.reads.iter().zip(kept);
    let never = reads.filter(|(read, kept)| !kept && !read.passes);
    wrong.extend(never.map(|(read, _)| {
        let why = service.db.explain_query::<Rows>(read.key());
        format!("{}: never kept: {}\n  {why}", case.name, read.sql)
    }));
    wrong
}

/// Reads everything; returns what is not answered as the database does, and notes what is kept.
async fn differing(service: &Service, case: &Case, when: &str, kept: &mut [bool]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (read, kept) in case.reads.iter().zip(kept) {
        let answer = cached(service, read).await;
        let truth = rows(&service.raw, read)
            .await
            .map_err(|error| error.to_string());
        if answer != truth {
            let (name, sql) = (&case.name, &read.sql);
            wrong.push(format!("{name}, {when}: {sql}\n  {answer:?}\n  {truth:?}"));
        }
        if !*kept && !read.passes {
            service.control.sent();
            let _again = cached(service, read).await;
            *kept = service.control.sent().is_empty();
        }
    }
    wrong
}

async fn cached(service: &Service, read: &Bound) -> Result<Rows, String> {
    let answer = service
        .db
        .query(read.key(), async |db| rows(db, read).await);
    let answer: Result<Arc<Rows>, Arc<DbErr>> = answer.await;
    answer
        .map(|rows| rows.as_ref().clone())
        .map_err(|error| error.to_string())
}

async fn rows(db: &impl ConnectionTrait, read: &Bound) -> Result<Rows, DbErr> {
    let statement = read.statement(db.get_database_backend());
    let rows = db.query_all_raw(statement).await?;
    let mut rows: Rows = rows.iter().map(text).collect();
    if !read.sql.to_uppercase().contains("ORDER BY") {
        rows.sort();
    }
    Ok(rows)
}

/// Returns a row as text, whatever its columns are.
pub(super) fn text(row: &QueryResult) -> String {
    let columns = row.column_names();
    let columns = columns.iter().enumerate();
    let columns = columns.map(|(at, name)| format!("{name}: {}", cell(row, at)));
    columns.collect::<Vec<_>>().join(", ")
}

fn cell(row: &QueryResult, at: usize) -> String {
    fn is<T: TryGetable + std::fmt::Debug>(row: &QueryResult, at: usize) -> Option<String> {
        let value: Option<T> = row.try_get_by_index(at).ok()?;
        Some(value.map_or_else(|| "NULL".to_owned(), |it| format!("{it:?}")))
    }
    let ways = [
        is::<i32>,
        is::<i64>,
        is::<i16>,
        is::<u64>,
        is::<u32>,
        is::<f64>,
        is::<f32>,
        is::<String>,
        is::<bool>,
        is::<Vec<u8>>,
        is::<JsonValue>,
    ];
    let mut found = ways.iter().filter_map(|way| way(row, at));
    found.next().unwrap_or_else(|| "?".to_owned())
}

async fn sent(db: &Db, write: &Write) -> Result<u64, DbErr> {
    let backend = db.get_database_backend();
    match write {
        Write::Run(bound) => Ok(db
            .execute_raw(bound.statement(backend))
            .await?
            .rows_affected()),
        Write::Query(bound) => Ok(db.query_all_raw(bound.statement(backend)).await?.len() as u64),
        Write::Text(sql) => Ok(db.execute_unprepared(sql).await?.rows_affected()),
        Write::Transaction(lines) => in_transaction(db, lines).await,
    }
}

/// Errors inside are left alone, as by a program that goes on.
async fn in_transaction(db: &Db, lines: &[String]) -> Result<u64, DbErr> {
    let mut open = vec![db.begin().await?];
    let mut failed = Ok(0);
    for line in lines {
        let innermost = open.last().expect("one is open");
        match line.trim() {
            "{" => {
                let inner = innermost.begin().await?;
                open.push(inner);
            }
            "}" => open.pop().expect("one is open").commit().await?,
            "!" => open.pop().expect("one is open").rollback().await?,
            sql => {
                if let Err(error) = innermost.execute_unprepared(sql).await {
                    failed = Err(error);
                }
            }
        }
    }
    if let Some(outermost) = open.pop() {
        outermost.commit().await?;
    }
    failed
}
