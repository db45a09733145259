//! Changes of the schema.

use larder_sea_orm::CachedRepository as _;
use sea_orm::sea_query::{Alias, ColumnDef, Index, Table};
use sea_orm::{
    ConnectionTrait as _, EntityTrait as _, TransactionSession as _, TransactionTrait as _,
};

use crate::entities::{article, note};
use crate::harness::{rename, service, until, with_articles};
use crate::probe::Point;

/// Seen to fail without `domain.reload()` (`connection/autocommit.rs`): the trigger's write is not known.
#[tokio::test]
async fn after_ddl_the_schema_is_read_anew_and_everything_is_invalid() {
    let service = with_articles().await;
    let trigger = "CREATE TRIGGER counts AFTER UPDATE OF title ON article BEGIN \
                   UPDATE article SET views = views + 1 WHERE id = 2; END";
    service.db.execute_unprepared(trigger).await.unwrap();
    assert!(!service.is_kept(1).await);
    let articles = service.db.repository::<article::Entity>();
    assert_eq!(articles.find_by_id(2).await.unwrap().unwrap().views, 0);
    rename(&service.db, 1, "new").await.unwrap();
    assert_eq!(articles.find_by_id(2).await.unwrap().unwrap().views, 1);
}

#[tokio::test]
async fn a_table_made_over_the_connection_is_cached_at_once() {
    let service = service().await;
    service
        .raw
        .execute_unprepared("DROP TABLE note")
        .await
        .unwrap();
    let id = ColumnDef::new(note::Column::Id)
        .integer()
        .primary_key()
        .to_owned();
    let text = ColumnDef::new(note::Column::Text).text().to_owned();
    let table = Table::create()
        .table(note::Entity)
        .col(id)
        .col(text)
        .to_owned();
    let index = Index::create()
        .name("by_text")
        .table(note::Entity)
        .col(Alias::new("text"))
        .to_owned();
    service.db.execute(&table).await.unwrap();
    service.db.execute(&index).await.unwrap();
    let notes = service.db.repository::<note::Entity>();
    assert_eq!(notes.find_by_id(1).await.unwrap(), None);
    service
        .db
        .execute_unprepared("INSERT INTO note VALUES (1, 'here')")
        .await
        .unwrap();
    assert!(notes.find_by_id(1).await.unwrap().is_some());
    service.control.sent();
    notes.find_by_id(1).await.unwrap();
    assert!(service.control.sent().is_empty());
}

#[tokio::test]
async fn ddl_in_a_transaction_counts_when_it_commits() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    transaction
        .execute_unprepared(
            "CREATE TRIGGER deletes AFTER DELETE ON note BEGIN DELETE FROM article WHERE id = 1; END",
        )
        .await
        .unwrap();
    assert!(service.is_kept(1).await);
    transaction.commit().await.unwrap();
    service
        .db
        .execute_unprepared("INSERT INTO note VALUES (1, 'here')")
        .await
        .unwrap();
    assert_eq!(service.title(1).await, "first");
    note::Entity::delete_by_id(1)
        .exec(&service.db)
        .await
        .unwrap();
    let articles = service.db.repository::<article::Entity>();
    assert_eq!(articles.find_by_id(1).await.unwrap(), None);
}

/// Seen to fail with `false` in `Write::is_outdated` (`statement.rs`).
#[tokio::test]
async fn a_write_that_was_looked_at_before_the_schema_changed_is_a_change_of_everything() {
    let service = with_articles().await;
    let held = service.control.hold(Point::Before, "UPDATE");
    let db = service.db.clone();
    let write = tokio::spawn(async move { rename(&db, 1, "new").await });
    held.reached().await;
    let trigger = "CREATE TRIGGER echoes AFTER UPDATE ON article WHEN new.id = 1 BEGIN \
                   UPDATE article SET title = new.title WHERE id = 2; END";
    service.db.execute_unprepared(trigger).await.unwrap();
    assert_eq!(service.title(2).await, "second");
    held.release();
    write.await.unwrap().unwrap();
    assert_eq!(service.title(2).await, "new");
}

#[tokio::test]
async fn a_schema_that_others_changed_can_be_read_anew() {
    let service = with_articles().await;
    let trigger = "CREATE TRIGGER echoes AFTER UPDATE ON article WHEN new.id = 1 BEGIN \
                   UPDATE article SET title = new.title WHERE id = 2; END";
    service.raw.execute_unprepared(trigger).await.unwrap();
    service.db.refresh_catalog().await.unwrap();
    assert_eq!(service.title(2).await, "second");
    rename(&service.db, 1, "new").await.unwrap();
    assert_eq!(service.title(2).await, "new");
    service.control.lose(Point::Before, "sqlite_");
    service.db.refresh_catalog().await.unwrap_err();
    assert_eq!(service.title(1).await, "new");
    assert!(service.is_kept(1).await, "what was known still counts");
}

/// Seen to fail without `self.set_catalog(None)`, and without the task, in `Domain::reload_later` (`domain.rs`).
#[tokio::test]
async fn while_the_schema_cannot_be_read_nothing_is_kept() {
    let service = with_articles().await;
    service.control.lose(Point::Before, "sqlite_");
    service.control.lose(Point::Before, "sqlite_");
    service
        .db
        .execute_unprepared("CREATE INDEX by_title ON article (title)")
        .await
        .unwrap();
    assert_eq!(service.title(1).await, "first");
    assert!(!service.is_kept(1).await, "not before it can be read");
    until(async || {
        service.clock.advance(std::time::Duration::from_secs(1));
        service.is_kept(1).await
    })
    .await;
    rename(&service.db, 1, "new").await.unwrap();
    assert_eq!(service.title(1).await, "new");
}
