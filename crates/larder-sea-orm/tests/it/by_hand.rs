//! Transactions and sessions changed by raw SQL.

use larder_core::Refusal;
use sea_orm::{
    ConnectionTrait as _, Database, DatabaseConnection, TransactionSession as _,
    TransactionTrait as _,
};

use larder_core::Larder;
use larder_sea_orm::{CachedConnection, CachedRepository as _, Connect as _};

use crate::entities::{TABLES, article};
use crate::harness::{rename, scoped, title, with_articles};

/// A pool of one connection: the only one on which transactions by hand make sense.
async fn one_connection() -> CachedConnection<DatabaseConnection> {
    let pool = Database::connect("sqlite::memory:").await.unwrap();
    pool.execute_unprepared(TABLES).await.unwrap();
    pool.execute_unprepared(
        "INSERT INTO author VALUES (1, 'ann'); INSERT INTO article VALUES (1, 1, 'first', 0);",
    )
    .await
    .unwrap();
    let larder = Larder::builder("shop")
        .environment::<&str, &str>([])
        .build()
        .unwrap();
    larder.connect("main", pool).await.unwrap()
}

/// Seen to fail without `domain.by_hand.enter()` (`connection/autocommit.rs`): the cache serves `first`
/// inside the transaction, and `own` after it was rolled back.
#[tokio::test]
async fn while_a_transaction_is_open_by_hand_nothing_is_served_or_kept() {
    let db = one_connection().await;
    assert_eq!(title(&db, 1).await, "first");
    db.execute_unprepared("BEGIN").await.unwrap();
    rename(&db, 1, "own").await.unwrap();
    let (own, refusal) = scoped(db.larder(), title(&db, 1)).await;
    assert_eq!(
        (own.as_str(), refusal),
        ("own", Some(Refusal::Uncacheable("transaction-by-hand")))
    );
    let articles = db.repository::<article::Entity>();
    assert_eq!(
        articles.find_by_ids([1]).await.unwrap()[0]
            .as_ref()
            .unwrap()
            .title,
        "own"
    );
    db.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!(title(&db, 1).await, "first");

    db.execute_unprepared("BEGIN").await.unwrap();
    rename(&db, 1, "new").await.unwrap();
    db.execute_unprepared("COMMIT").await.unwrap();
    let (new, refusal) = scoped(db.larder(), title(&db, 1)).await;
    assert_eq!((new.as_str(), refusal), ("new", None));
}

#[tokio::test]
async fn a_transaction_in_one_text_is_over_when_it_returns() {
    let db = one_connection().await;
    assert_eq!(title(&db, 1).await, "first");
    let text = "BEGIN; UPDATE article SET title = 'new' WHERE id = 1; COMMIT";
    db.execute_unprepared(text).await.unwrap();
    let (new, refusal) = scoped(db.larder(), title(&db, 1)).await;
    assert_eq!((new.as_str(), refusal), ("new", None));
}

/// Seen to fail without `frames.ended_by_hand()` (`connection/within.rs`): the changes are dropped with
/// the handle, although the database has committed them.
#[tokio::test]
async fn a_commit_by_hand_inside_a_transaction_is_published() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "new").await.unwrap();
    transaction.execute_unprepared("COMMIT").await.unwrap();
    assert_eq!(service.title(1).await, "new");
    rename(&transaction, 2, "on its own").await.unwrap();
    transaction.rollback().await.ok();
    assert_eq!(Some(service.title(2).await), service.stored_title(2).await);
}

/// Seen to fail without `domain.by_hand.change()` (`connection/autocommit.rs`).
#[tokio::test]
async fn after_a_session_was_changed_by_hand_nothing_is_cached() {
    let db = one_connection().await;
    assert_eq!(title(&db, 1).await, "first");
    db.execute_unprepared("PRAGMA foreign_keys = ON")
        .await
        .unwrap();
    assert_eq!(
        scoped(db.larder(), title(&db, 1)).await.1,
        None,
        "that one does no harm"
    );
    db.execute_unprepared("PRAGMA case_sensitive_like = 1")
        .await
        .unwrap();
    let (_, refusal) = scoped(db.larder(), title(&db, 1)).await;
    assert_eq!(refusal, Some(Refusal::Uncacheable("transaction-by-hand")));
}
