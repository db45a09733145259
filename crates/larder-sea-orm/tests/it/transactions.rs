//! Transactions: what they publish, and what they are served.

use std::time::Duration;

use futures_util::FutureExt as _;
use larder_core::{Policy, Refusal};
use larder_sea_orm::CachedRepository as _;
use sea_orm::{
    ConnectionTrait as _, DbErr, EntityTrait as _, IsolationLevel, TransactionError,
    TransactionOptions, TransactionSession as _, TransactionTrait as _,
};

use crate::entities::article;
use crate::harness::{rename, scoped, title, until, with_articles};
use crate::probe::Point;

#[tokio::test]
async fn nothing_is_published_before_the_commit() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "new").await.unwrap();
    assert!(service.is_kept(1).await);
    assert_eq!(service.title(1).await, "first");
    transaction.commit().await.unwrap();
    assert_eq!(service.title(1).await, "new");
    assert!(service.is_kept(2).await);
}

#[tokio::test]
async fn nothing_is_published_before_the_database_has_committed() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "new").await.unwrap();
    let held = service.control.hold(Point::Before, "COMMIT");
    let commit = tokio::spawn(transaction.commit());
    held.reached().await;
    assert!(service.is_kept(1).await);
    held.release();
    commit.await.unwrap().unwrap();
    assert_eq!(service.title(1).await, "new");
}

#[tokio::test]
async fn what_is_rolled_back_is_not_published() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "new").await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(service.is_kept(1).await);

    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "new").await.unwrap();
    drop(transaction);
    assert!(service.is_kept(1).await);
    assert_eq!(service.stored_title(1).await.as_deref(), Some("first"));
}

/// Seen to fail without `parent.absorb(ended)` in `Frames::commit` (`session/frames.rs`), and without
/// `self.open.pop()` in `Frames::roll_back`.
#[tokio::test]
async fn savepoints_are_published_as_they_ended() {
    let service = with_articles().await;
    let outer = service.db.begin().await.unwrap();
    let inner = outer.begin().await.unwrap();
    rename(&inner, 1, "released").await.unwrap();
    inner.commit().await.unwrap();
    let inner = outer.begin().await.unwrap();
    rename(&inner, 2, "undone").await.unwrap();
    inner.rollback().await.unwrap();
    assert!(service.is_kept(1).await, "not before the outermost commit");
    outer.commit().await.unwrap();
    assert_eq!(service.title(1).await, "released");
    assert!(service.is_kept(2).await);
    assert_eq!(service.stored_title(2).await.as_deref(), Some("second"));
}

#[tokio::test]
async fn a_savepoint_that_is_dropped_is_undone() {
    let service = with_articles().await;
    let outer = service.db.begin().await.unwrap();
    let inner = outer.begin().await.unwrap();
    let innermost = inner.begin().await.unwrap();
    rename(&innermost, 1, "undone").await.unwrap();
    innermost.commit().await.unwrap();
    drop(inner);
    rename(&outer, 2, "new").await.unwrap();
    outer.commit().await.unwrap();
    assert!(service.is_kept(1).await);
    assert_eq!(service.title(2).await, "new");
    assert_eq!(service.stored_title(1).await.as_deref(), Some("first"));
}

/// Seen to fail with the task awaited in place of `larder.spawn(..)` in `commit` (`connection/end.rs`):
/// the transaction is rolled back, or its outcome unknown.
#[tokio::test]
async fn a_commit_whose_caller_goes_away_is_carried_out_and_published() {
    for point in [Point::Before, Point::After] {
        let service = with_articles().await;
        let transaction = service.db.begin().await.unwrap();
        rename(&transaction, 1, "new").await.unwrap();
        let held = service.control.hold(point, "COMMIT");
        let mut commit = Box::pin(transaction.commit());
        assert!(commit.as_mut().now_or_never().is_none());
        until(async || {
            let _ = commit.as_mut().now_or_never();
            held.reached().now_or_never().is_some()
        })
        .await;
        drop(commit);
        held.release();
        until(async || service.title(1).await == "new").await;
        until(async || service.is_kept(1).await).await;
    }
}

/// Seen to fail without `domain.publish_held_unsure(held)` in `commit` (`connection/end.rs`).
#[tokio::test]
async fn a_commit_of_unknown_outcome_is_published_now_and_again_later() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "new").await.unwrap();
    service.control.lose(Point::After, "COMMIT");
    transaction.commit().await.unwrap_err();
    assert_eq!(service.title(1).await, "new", "it was carried out");
    assert!(!service.is_kept(1).await, "not before it is settled");
    until(async || {
        service.clock.advance(Duration::from_secs(5));
        service.is_kept(1).await
    })
    .await;
}

/// Seen to fail without `Drop for Unpublished` (`connection/end.rs`).
#[tokio::test]
async fn a_panic_in_a_commit_is_the_callers_and_is_published() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "new").await.unwrap();
    service.control.panic(Point::After, "COMMIT");
    let caller = tokio::spawn(transaction.commit());
    assert!(caller.await.unwrap_err().is_panic());
    assert_eq!(service.title(1).await, "new");
}

/// Seen to fail without `Drop for InFlight` (`connection/within.rs`).
#[tokio::test]
async fn a_write_whose_caller_goes_away_counts_if_its_transaction_commits() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    let held = service.control.hold(Point::After, "UPDATE");
    let mut write = Box::pin(rename(&transaction, 1, "new"));
    assert!(write.as_mut().now_or_never().is_none());
    until(async || {
        let _ = write.as_mut().now_or_never();
        held.reached().now_or_never().is_some()
    })
    .await;
    drop(write);
    transaction.commit().await.unwrap();
    assert_eq!(service.stored_title(1).await.as_deref(), Some("new"));
    assert_eq!(service.title(1).await, "new");
}

#[tokio::test]
async fn a_closure_that_fails_or_panics_publishes_nothing() {
    let service = with_articles().await;
    let failed = service.db.transaction::<_, (), DbErr>(|transaction| {
        Box::pin(async move {
            rename(transaction, 1, "new").await?;
            Err(DbErr::Custom("no".to_owned()))
        })
    });
    assert!(matches!(
        failed.await,
        Err(TransactionError::Transaction(_))
    ));
    assert!(service.is_kept(1).await);

    let db = service.db.clone();
    let panicked = tokio::spawn(async move {
        let panics = db.transaction_with_config::<_, (), DbErr>(
            |transaction| {
                Box::pin(async move {
                    rename(transaction, 1, "new").await?;
                    panic!("as asked for")
                })
            },
            None,
            None,
        );
        panics.await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert!(service.is_kept(1).await);
    assert_eq!(service.stored_title(1).await.as_deref(), Some("first"));

    let done = service.db.transaction::<_, (), DbErr>(|transaction| {
        Box::pin(async move { rename(transaction, 1, "new").await })
    });
    done.await.unwrap();
    assert_eq!(service.title(1).await, "new");
}

/// Seen to fail without `Refusal::WroteInTransaction` in `Domain::refusal` (`domain.rs`).
#[tokio::test]
async fn a_transaction_that_has_written_reads_its_own_writes_and_keeps_nothing() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "own").await.unwrap();
    let (own, refusal) = scoped(&service.larder, title(&transaction, 1)).await;
    assert_eq!(
        (own.as_str(), refusal),
        ("own", Some(Refusal::WroteInTransaction))
    );
    transaction.rollback().await.unwrap();
    assert_eq!(service.title(1).await, "first");
    assert!(service.is_kept(1).await);
}

/// Seen to fail with `self.wrote = false` in `Frames::roll_back` (`session/frames.rs`).
#[tokio::test]
async fn a_savepoint_that_was_rolled_back_has_written_too() {
    let service = with_articles().await;
    let outer = service.db.begin().await.unwrap();
    let inner = outer.begin().await.unwrap();
    rename(&inner, 1, "undone").await.unwrap();
    inner.rollback().await.unwrap();
    let (read, refusal) = scoped(&service.larder, title(&outer, 1)).await;
    assert_eq!(
        (read.as_str(), refusal),
        ("first", Some(Refusal::WroteInTransaction))
    );
}

/// Seen to fail with `View::Committed` for `SQLite` in `view` (`view.rs`): the transaction is served what
/// was committed after its snapshot.
#[tokio::test]
async fn a_transaction_with_a_snapshot_is_not_served_from_the_cache() {
    let service = with_articles().await;
    let options = TransactionOptions {
        isolation_level: Some(IsolationLevel::ReadCommitted),
        ..TransactionOptions::default()
    };
    let transaction = service.db.begin_with_options(options).await.unwrap();
    assert_eq!(title(&transaction, 1).await, "first", "its snapshot begins");
    rename(&service.db, 1, "later").await.unwrap();
    assert_eq!(service.title(1).await, "later");
    assert_eq!(title(&transaction, 1).await, "first");
    let all = transaction.repository::<article::Entity>();
    assert_eq!(
        all.find_by_ids([1]).await.unwrap()[0]
            .as_ref()
            .unwrap()
            .title,
        "first"
    );
}

/// Seen to fail with `read.stamp` in place of the session's in `Domain::record` (`domain.rs`): what was
/// read from an old snapshot is kept as if it were new.
#[tokio::test]
async fn what_is_read_from_a_snapshot_is_stamped_with_its_beginning() {
    let service = with_articles().await;
    let titles = service
        .larder
        .region::<String>("titles", Policy::ttl(Duration::from_mins(10)))
        .unwrap();
    let transaction = service.db.begin().await.unwrap();
    assert_eq!(title(&transaction, 1).await, "first", "its snapshot begins");
    rename(&service.db, 1, "later").await.unwrap();
    let load = async || Ok::<_, DbErr>(title(&transaction, 1).await);
    assert_eq!(*titles.get_or_load(1, load).await.unwrap(), "first");
    assert_eq!(titles.get(1).await, None, "it is older than the write");

    let load = async || Ok::<_, DbErr>(title(&transaction, 2).await);
    assert_eq!(*titles.get_or_load(2, load).await.unwrap(), "second");
    assert!(
        titles.get(2).await.is_some(),
        "nothing has touched it since"
    );
}

/// Seen to fail with `age` at zero in `CachedConnection::lifetime` (`connection.rs`).
#[tokio::test]
async fn the_ttl_of_what_a_transaction_reads_counts_from_its_beginning() {
    let service = with_articles().await;
    rename(&service.db, 1, "now").await.unwrap();
    let transaction = service.db.begin().await.unwrap();
    service.clock.advance(Duration::from_mins(9));
    assert_eq!(title(&transaction, 1).await, "now");
    transaction.commit().await.unwrap();
    assert!(service.is_kept(1).await);
    service.clock.advance(Duration::from_mins(3));
    assert!(!service.is_kept(1).await, "past its ttl and its grace");
}

#[tokio::test]
async fn a_transaction_sees_rows_through_plain_sea_orm_too() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "own").await.unwrap();
    let row = article::Entity::find_by_id(1)
        .one(&transaction)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.title, "own");
    transaction.commit().await.unwrap();
    assert_eq!(service.title(1).await, "own");
}

/// Seen to fail without `self.session.failed(error)` (`connection/within.rs`): the write is committed at once,
/// and its changes go with the handle.
#[tokio::test]
async fn a_transaction_that_an_error_has_ended_publishes_what_follows_at_once() {
    let service = with_articles().await;
    let table = "CREATE TABLE once (id INTEGER PRIMARY KEY ON CONFLICT ROLLBACK)";
    service.db.execute_unprepared(table).await.unwrap();
    service
        .db
        .execute_unprepared("INSERT INTO once VALUES (1)")
        .await
        .unwrap();
    assert_eq!(
        (service.title(1).await, service.title(2).await),
        ("first".into(), "second".into())
    );
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "undone").await.unwrap();
    transaction
        .execute_unprepared("INSERT INTO once VALUES (1)")
        .await
        .unwrap_err();
    rename(&transaction, 2, "on its own").await.unwrap();
    drop(transaction);
    assert_eq!(service.stored_title(2).await.as_deref(), Some("on its own"));
    assert_eq!(service.title(2).await, "on its own");
    assert_eq!(service.title(1).await, "first");
}

/// Seen to fail without `frames.doubt()` in `Drop for Savepoint` (`connection/begin.rs`).
#[tokio::test]
async fn a_savepoint_given_up_while_it_begins_leaves_the_transaction_in_doubt() {
    let service = with_articles().await;
    let outer = service.db.begin().await.unwrap();
    rename(&outer, 1, "perhaps").await.unwrap();
    // Given up at its first pause; one that does not pause is begun and rolled back.
    until(async || outer.begin().now_or_never().is_none()).await;
    rename(&outer, 2, "perhaps").await.unwrap();
    drop(outer);
    until(async || {
        let stored = (service.stored_title(1).await, service.stored_title(2).await);
        stored == (Some(service.title(1).await), Some(service.title(2).await))
    })
    .await;
}
