//! One connection, several handles: nothing is dropped while it is in use.

use futures_util::{FutureExt as _, TryStreamExt as _};
use sea_orm::{
    ConnectionTrait as _, DbBackend, EntityTrait as _, Statement, TransactionSession as _,
    TransactionTrait as _,
};

use crate::entities::article;
use crate::harness::{rename, with_articles};

/// Long enough to be in flight when it is looked at for the first time.
const SLOW: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) \
                    SELECT count(*) AS many FROM n";

/// Seen to fail with `drop(conn)` in place of `session.doom(..)` (`connection/begin.rs`): `SeaORM` panics.
#[tokio::test]
async fn a_savepoint_dropped_while_a_statement_is_in_flight_waits_for_it() {
    let service = with_articles().await;
    let outer = service.db.begin().await.unwrap();
    let inner = outer.begin().await.unwrap();
    rename(&inner, 1, "undone").await.unwrap();
    let slow = Statement::from_string(DbBackend::Sqlite, SLOW);
    let mut slow = Box::pin(outer.query_one_raw(slow));
    assert!(slow.as_mut().now_or_never().is_none(), "it is in flight");
    drop(inner);
    let many: i64 = slow.await.unwrap().unwrap().try_get("", "many").unwrap();
    assert_eq!(many, 400_000);
    rename(&outer, 2, "new").await.unwrap();
    outer.commit().await.unwrap();
    assert_eq!(service.stored_title(1).await.as_deref(), Some("first"));
    assert_eq!(service.stored_title(2).await.as_deref(), Some("new"));
    assert!(service.is_kept(1).await);
    assert_eq!(service.title(2).await, "new");
}

/// Seen to fail without the turn in `CachedStream` (`connection/stream.rs`).
#[tokio::test]
async fn a_savepoint_dropped_while_rows_are_streamed_waits_for_their_end() {
    let service = with_articles().await;
    let outer = service.db.begin().await.unwrap();
    let inner = outer.begin().await.unwrap();
    rename(&inner, 1, "undone").await.unwrap();
    let mut rows = article::Entity::find().stream(&outer).await.unwrap();
    assert_eq!(rows.try_next().await.unwrap().unwrap().title, "undone");
    drop(inner);
    drop(rows);
    outer.commit().await.unwrap();
    assert_eq!(service.stored_title(1).await.as_deref(), Some("first"));
    assert!(service.is_kept(1).await);
}

#[tokio::test]
async fn a_transaction_dropped_while_its_savepoint_is_in_use_is_rolled_back_with_it() {
    let service = with_articles().await;
    let outer = service.db.begin().await.unwrap();
    rename(&outer, 2, "undone").await.unwrap();
    let inner = outer.begin().await.unwrap();
    let slow = Statement::from_string(DbBackend::Sqlite, SLOW);
    let mut slow = Box::pin(inner.query_one_raw(slow));
    assert!(slow.as_mut().now_or_never().is_none(), "it is in flight");
    drop(outer);
    slow.await.unwrap();
    drop(inner);
    assert!(service.is_kept(2).await);
    rename(&service.db, 2, "new").await.unwrap();
    assert_eq!(
        service.title(2).await,
        "new",
        "the connection is free again"
    );
}
