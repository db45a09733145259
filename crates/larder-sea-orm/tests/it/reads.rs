//! Reads through plain `SeaORM`: what is made of them is kept, and as long as they hold.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use larder_core::{Policy, Refusal, Region};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, DbBackend, DbErr,
    EntityTrait as _, LoaderTrait as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _,
    Set, Statement,
};

use crate::entities::{article, author, note};
use crate::harness::{Db, Service, rename, scoped, with_articles};
use crate::probe::Point;

fn answers(service: &Service) -> Region<String> {
    service
        .larder
        .region("answers", Policy::ttl(Duration::from_mins(10)))
        .unwrap()
}

/// Keeps what `load` answers under `key`; returns it as it is kept or loaded.
async fn answer(
    service: &Service,
    key: &str,
    load: impl AsyncFn() -> Result<String, DbErr>,
) -> String {
    answers(service)
        .get_or_load(key, || load())
        .await
        .unwrap()
        .as_ref()
        .clone()
}

async fn is_kept(service: &Service, key: &str) -> bool {
    answers(service).get(key).await.is_some()
}

/// The ways to read articles, by name.
const READS: [&str; 8] = [
    "row", "list", "joined", "loaded", "eager", "counted", "streamed", "raw",
];

/// Reads articles in one of the ways.
async fn read(db: &Db, way: &str) -> Result<String, DbErr> {
    let sql = "SELECT title FROM article WHERE id = 1";
    Ok(match way {
        "row" => article::Entity::find_by_id(1).one(db).await?.unwrap().title,
        "list" => article::Entity::find().all(db).await?.len().to_string(),
        "joined" => {
            let rows = author::Entity::find()
                .find_with_related(article::Entity)
                .all(db)
                .await?;
            rows[0].1.len().to_string()
        }
        "loaded" => {
            let authors = author::Entity::find().all(db).await?;
            authors.load_many(article::Entity, db).await?[0]
                .len()
                .to_string()
        }
        "eager" => {
            let authors = author::Entity::load().with(article::Entity).all(db).await?;
            authors[0].articles.len().to_string()
        }
        "counted" => article::Entity::find().count(db).await?.to_string(),
        "streamed" => {
            let rows = article::Entity::find().stream(db).await?;
            rows.try_collect::<Vec<_>>().await?.len().to_string()
        }
        _ => {
            let rows = db
                .query_all_raw(Statement::from_string(DbBackend::Sqlite, sql))
                .await?;
            rows[0].try_get("", "title")?
        }
    })
}

/// Seen to fail without `self.larder.reading(..)` in `Domain::record` (`domain.rs`).
#[tokio::test]
async fn what_is_made_of_rows_is_invalid_when_they_are_written() {
    let service = with_articles().await;
    let fill = async || {
        for way in READS {
            answer(&service, way, async || read(&service.db, way).await).await;
            assert!(is_kept(&service, way).await, "{way}");
        }
    };
    fill().await;
    note::ActiveModel {
        text: Set(None),
        ..Default::default()
    }
    .insert(&service.db)
    .await
    .unwrap();
    for way in READS {
        assert!(is_kept(&service, way).await, "{way} is not made of notes");
    }
    rename(&service.db, 1, "new").await.unwrap();
    for way in READS {
        // As many as before, whatever they are called.
        let kept = way == "counted";
        assert_eq!(is_kept(&service, way).await, kept, "{way}");
    }
    fill().await;
    rename(&service.db, 2, "newer").await.unwrap();
    assert!(
        is_kept(&service, "row").await,
        "it is made of the other row"
    );
    assert!(!is_kept(&service, "list").await);
}

/// Seen to fail without `self.larder.reading(..)` in `Domain::record` (`domain.rs`). The stamp is the load's own.
#[tokio::test]
async fn what_was_read_before_a_write_and_arrives_after_it_is_not_kept() {
    let service = with_articles().await;
    let held = service.control.hold(Point::After, "SELECT");
    let slow = answer(&service, "slow", async || {
        let rows = article::Entity::find().all(&service.db).await?;
        Ok(rows[0].title.clone())
    });
    let write = async {
        held.reached().await;
        rename(&service.db, 1, "new").await.unwrap();
        held.release();
    };
    let (old, ()) = tokio::join!(slow, write);
    assert_eq!(old, "first");
    assert!(!is_kept(&service, "slow").await);
}

/// Seen to fail with `self.reading(&read)` behind the statement in `query_all` (`connection/statements.rs`).
#[tokio::test]
async fn what_is_made_of_a_read_that_failed_depends_on_what_it_would_have_read() {
    let service = with_articles().await;
    service.control.lose(Point::After, "SELECT");
    let guessed = answer(&service, "guessed", async || {
        let rows = article::Entity::find().all(&service.db).await;
        Ok(rows.map_or("none".to_owned(), |rows| rows[0].title.clone()))
    });
    assert_eq!(guessed.await, "none");
    assert!(is_kept(&service, "guessed").await);
    rename(&service.db, 1, "new").await.unwrap();
    assert!(!is_kept(&service, "guessed").await);
}

#[tokio::test]
async fn what_cannot_be_kept_says_why() {
    let service = with_articles().await;
    service
        .raw
        .execute_unprepared("CREATE VIEW titles AS SELECT title FROM article")
        .await
        .unwrap();
    let db = &service.db;
    let refusal = async |sql: &str| {
        let read = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql));
        scoped(&service.larder, read).await.1
    };
    assert_eq!(refusal("SELECT title FROM article").await, None);
    assert_eq!(
        refusal("SELECT title FROM titles").await,
        Some(Refusal::UnresolvedRelation)
    );
    assert_eq!(refusal("SELECT random()").await, Some(Refusal::Volatile));
    let insert = "INSERT INTO note VALUES (1, 'x') RETURNING id";
    assert_eq!(refusal(insert).await, Some(Refusal::Uncacheable("write")));
    let write = db.execute_unprepared("UPDATE note SET text = 'y'");
    assert_eq!(
        scoped(&service.larder, write).await.1,
        Some(Refusal::Uncacheable("write"))
    );
    let now = article::Entity::find().filter(Expr::cust("datetime('now') > title"));
    assert_eq!(
        scoped(&service.larder, now.all(db)).await.1,
        Some(Refusal::Volatile)
    );
}

#[tokio::test]
async fn the_name_of_the_domain_keeps_two_databases_apart() {
    use larder_core::DomainError;
    use larder_sea_orm::{CachedRepository as _, Connect as _, ConnectError};
    let service = with_articles().await;
    let taken = service
        .larder
        .connect("main", service.raw.clone())
        .await
        .unwrap_err();
    assert!(matches!(taken, ConnectError::Domain(DomainError::Taken(_))));
    let other = with_articles().await;
    other
        .raw
        .execute_unprepared("UPDATE article SET title = 'elsewhere'")
        .await
        .unwrap();
    let elsewhere = service
        .larder
        .connect("other", other.raw.clone())
        .await
        .unwrap();
    let articles = elsewhere.repository::<article::Entity>();
    assert_eq!(
        articles.find_by_id(1).await.unwrap().unwrap().title,
        "elsewhere"
    );
    assert_eq!(service.title(1).await, "first");
    rename(&elsewhere, 1, "new").await.unwrap();
    assert!(service.is_kept(1).await, "that was another database");
    assert_eq!(elsewhere.domain(), "other");

    let gone = sea_orm::Database::connect("sqlite::memory:").await.unwrap();
    gone.clone().close().await.unwrap();
    let closed = service.larder.connect("gone", gone).await.unwrap_err();
    assert!(matches!(closed, ConnectError::Schema(_)));
    service
        .larder
        .connect("gone", other.raw.clone())
        .await
        .expect("the name is still free");
}

#[tokio::test]
async fn reads_outside_a_scope_are_counted() {
    let service = with_articles().await;
    let before = service.larder.snapshot().unscoped_reads;
    let rows = article::Entity::find()
        .filter(article::Column::Id.gt(0))
        .limit(1);
    rows.all(&service.db).await.unwrap();
    assert_eq!(service.larder.snapshot().unscoped_reads, before + 1);
    rename(&service.db, 1, "new").await.unwrap();
    assert_eq!(
        service.larder.snapshot().unscoped_reads,
        before + 1,
        "a write is no read"
    );
}
