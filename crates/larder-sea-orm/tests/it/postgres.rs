//! What only `PostgreSQL` shows: transactions that see each commit.
//!
//! They run on a server of this process's own, and are left out where it is not installed.

use larder_core::Refusal;
use larder_sea_orm::CachedRepository as _;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, IsolationLevel,
    QueryFilter as _, QuerySelect as _, QueryTrait as _, Statement, TransactionSession as _,
    TransactionTrait as _,
};

use crate::catalog_servers::postgres;
use crate::entities::{article, note};
use crate::harness::{Service, filled, over, rename, scoped, title, until};
use crate::probe::Point;

const TABLES: &str = "
    CREATE TABLE author (id SERIAL PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE article (
        id SERIAL PRIMARY KEY,
        author_id INTEGER NOT NULL REFERENCES author (id) ON DELETE CASCADE,
        title TEXT NOT NULL,
        views INTEGER NOT NULL
    );
";

async fn with_articles() -> Option<Service> {
    let server = postgres()?;
    let name = server.database().await;
    let raw = server.pool(&name, "larder", 4).await;
    raw.execute_unprepared(TABLES).await.unwrap();
    let pool = server.pool(&name, "larder", 4).await;
    Some(filled(over(raw, pool).await).await)
}

/// Seen to fail with `Access::Bypass` for `View::Committed` in `access` (`view.rs`).
#[tokio::test]
async fn a_transaction_that_sees_each_commit_is_served_from_the_cache() {
    let Some(service) = with_articles().await else {
        return;
    };
    let transaction = service.db.begin().await.unwrap();
    service.control.sent();
    assert_eq!(title(&transaction, 1).await, "first");
    assert!(service.control.sent().is_empty());
    rename(&service.db, 1, "later").await.unwrap();
    let (read, refusal) = scoped(&service.larder, title(&transaction, 1)).await;
    assert_eq!((read.as_str(), refusal), ("later", None));
    let rows = transaction
        .repository::<article::Entity>()
        .find_by_ids([1, 2])
        .await
        .unwrap();
    assert_eq!(rows[0].as_ref().unwrap().title, "later");
    transaction.commit().await.unwrap();
}

/// Seen to fail without `if !wrote` in `access` (`view.rs`): the cache answers `first`.
#[tokio::test]
async fn a_transaction_that_has_written_is_not_served() {
    let Some(service) = with_articles().await else {
        return;
    };
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "own").await.unwrap();
    let (own, refusal) = scoped(&service.larder, title(&transaction, 1)).await;
    assert_eq!(
        (own.as_str(), refusal),
        ("own", Some(Refusal::WroteInTransaction))
    );
    let rows = transaction
        .repository::<article::Entity>()
        .find_by_ids([1, 2])
        .await
        .unwrap();
    assert_eq!(rows[0].as_ref().unwrap().title, "own");
    transaction.rollback().await.unwrap();
    assert_eq!(service.title(1).await, "first");
    assert!(service.is_kept(1).await);
}

#[tokio::test]
async fn a_transaction_that_holds_locks_is_not_served() {
    let Some(service) = with_articles().await else {
        return;
    };
    let transaction = service.db.begin().await.unwrap();
    let lock = article::Entity::find_by_id(1).lock_exclusive();
    lock.one(&transaction).await.unwrap();
    service.control.sent();
    let (read, _) = scoped(&service.larder, title(&transaction, 1)).await;
    assert_eq!((read.as_str(), service.control.sent().len()), ("first", 1));
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_transaction_with_a_snapshot_is_not_served() {
    let Some(service) = with_articles().await else {
        return;
    };
    let isolation = Some(IsolationLevel::RepeatableRead);
    let transaction = service.db.begin_with_config(isolation, None).await.unwrap();
    assert_eq!(title(&transaction, 1).await, "first");
    rename(&service.db, 1, "later").await.unwrap();
    assert_eq!(service.title(1).await, "later");
    assert_eq!(title(&transaction, 1).await, "first");
    assert_eq!(service.title(1).await, "later", "nothing older was kept");
}

#[tokio::test]
async fn a_conflict_at_the_commit_publishes_nothing() {
    let Some(service) = with_articles().await else {
        return;
    };
    let isolation = Some(IsolationLevel::Serializable);
    let first = service.db.begin_with_config(isolation, None).await.unwrap();
    let second = service.db.begin_with_config(isolation, None).await.unwrap();
    for transaction in [&first, &second] {
        article::Entity::find().all(transaction).await.unwrap();
    }
    rename(&first, 1, "one").await.unwrap();
    rename(&second, 2, "two").await.unwrap();
    first.commit().await.unwrap();
    second.commit().await.unwrap_err();
    assert_eq!(service.title(1).await, "one");
    assert!(service.is_kept(2).await);
}

#[tokio::test]
async fn writes_commits_and_ddl_are_published_as_on_any_database() {
    let Some(service) = with_articles().await else {
        return;
    };
    rename(&service.db, 1, "new").await.unwrap();
    assert_eq!(service.title(1).await, "new");
    assert!(service.is_kept(2).await);
    let articles = service.db.repository::<article::Entity>();
    let row = article::ActiveModel {
        author_id: sea_orm::Set(1),
        title: sea_orm::Set("third".to_owned()),
        views: sea_orm::Set(0),
        ..Default::default()
    };
    assert_eq!(
        articles.find(article::Entity::find()).await.unwrap().len(),
        2
    );
    articles.insert(row).await.unwrap_err();
    assert!(
        service.is_kept(2).await,
        "the key was taken: nothing was written"
    );

    let held = service.control.hold(Point::After, "COMMIT");
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "newer").await.unwrap();
    let caller = tokio::spawn(transaction.commit());
    held.reached().await;
    caller.abort();
    held.release();
    until(async || service.title(1).await == "newer").await;

    let function = "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS \
                    $$ BEGIN NEW.title = upper(NEW.title); RETURN NEW; END $$";
    service.db.execute_unprepared(function).await.unwrap();
    let trigger =
        "CREATE TRIGGER shouts BEFORE UPDATE ON article FOR EACH ROW EXECUTE FUNCTION shout()";
    service.db.execute_unprepared(trigger).await.unwrap();
    rename(&service.db, 2, "loud").await.unwrap();
    assert_eq!(service.title(2).await, "LOUD");
    service
        .db
        .execute_unprepared("DELETE FROM author")
        .await
        .unwrap();
    assert_eq!(articles.find_by_id(2).await.unwrap(), None);
}

#[tokio::test]
async fn a_write_of_no_row_beside_another_is_not_taken_for_nothing() {
    let Some(service) = with_articles().await else {
        return;
    };
    service
        .db
        .execute_unprepared("CREATE VIEW firsts AS SELECT * FROM article WHERE id = 1")
        .await
        .unwrap();
    assert_eq!(service.title(1).await, "first");
    service
        .db
        .execute_raw(Statement::from_string(
            DbBackend::Postgres,
            "WITH one AS (UPDATE firsts SET title = 'newer') UPDATE author SET name = 'x' WHERE id = 9",
        ))
        .await
        .unwrap();
    assert_eq!(service.title(1).await, "newer");
}

/// Seen to fail without `same` in `picks_what_is_read` (`writing.rs`).
#[tokio::test]
async fn rows_are_read_before_only_where_nothing_else_decides_which_they_are() {
    let Some(server) = postgres() else {
        return;
    };
    let name = server.database().await;
    let raw = server.pool(&name, "larder", 4).await;
    raw.execute_unprepared("CREATE TABLE note (id BIGINT PRIMARY KEY, text TEXT)")
        .await
        .unwrap();
    let service = over(raw, server.pool(&name, "larder", 4).await).await;
    service
        .db
        .repository::<note::Entity>()
        .find_by_id(1)
        .await
        .unwrap();
    let reads_before = async |filter: Expr| {
        service.control.sent();
        let gone = note::Entity::delete_many().filter(filter);
        gone.exec(&service.db).await.unwrap();
        let sent = service.control.sent();
        sent.iter().any(|sql| sql.starts_with("SELECT"))
    };
    assert!(reads_before(note::Column::Text.eq("a")).await);
    let others = note::Entity::find()
        .select_only()
        .column(note::Column::Id)
        .into_query();
    assert!(!reads_before(note::Column::Id.in_subquery(others)).await);
    let trigger = "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
                   'BEGIN RETURN NULL; END';
                   CREATE TRIGGER keep BEFORE DELETE ON note FOR EACH ROW EXECUTE FUNCTION keep()";
    service.db.execute_unprepared(trigger).await.unwrap();
    assert!(!reads_before(note::Column::Text.eq("a")).await);
}
