//! Who reads over a connection: what is kept for whom.

use std::sync::Arc;
use std::time::Duration;

use larder_core::{Policy, Refusal, Region, Scope};
use larder_sea_orm::CachedRepository as _;
use sea_orm::{DbErr, EntityTrait as _, TransactionTrait as _};

use crate::bypass::Log;
use crate::entities::{article, secret};
use crate::harness::{Db, Service, rename, scoped, title, until, with_articles};

fn tenant(service: &Service, name: &str) -> Db {
    service.db.clone().scoped(Scope::tenant(name))
}

/// Tells whether reading asks the database nothing.
async fn is_served(service: &Service, db: &Db) -> bool {
    service.control.sent();
    title(db, 1).await;
    service.control.sent().is_empty()
}

/// Seen to fail without `regions.scoped(scope)` in `Repository::open` (`repository.rs`).
#[tokio::test]
async fn entries_are_kept_for_whom_the_connection_names() {
    let service = with_articles().await;
    let (acme, globex) = (tenant(&service, "acme"), tenant(&service, "globex"));
    assert!(!is_served(&service, &acme).await, "that one is everybody's");
    assert!(is_served(&service, &acme).await);
    assert!(!is_served(&service, &globex).await, "that one is acme's");
    assert!(is_served(&service, &service.db).await);
    let articles = acme.repository::<article::Entity>();
    articles.find_by_ids([1, 2]).await.unwrap();
    service.control.sent();
    articles.find_by_ids([1, 2]).await.unwrap();
    assert!(service.control.sent().is_empty());
    rename(&globex, 1, "new").await.unwrap();
    for db in [&acme, &globex, &service.db] {
        assert_eq!(title(db, 1).await, "new", "a write is for all");
    }
}

fn answers(service: &Service) -> Region<String> {
    let policy = Policy::ttl(Duration::from_mins(10));
    service.larder.region("answers", policy).unwrap()
}

/// Makes an answer by `load`; tells whether it is kept.
async fn keeps(region: &Region<String>, load: impl AsyncFn() -> Result<String, DbErr>) -> bool {
    region.get_or_load("title", || load()).await.unwrap();
    region.get("title").await.is_some()
}

/// Seen to fail without `self.narrow()` in `record` (`connection/statements.rs`).
#[tokio::test]
async fn what_is_made_of_a_tenants_rows_is_kept_for_the_tenant() {
    let service = with_articles().await;
    let acme = tenant(&service, "acme");
    let through_the_repository = async || Ok(title(&acme, 1).await);
    let past_it = async || {
        let row = article::Entity::find_by_id(1).one(&acme).await?;
        Ok(row.unwrap().title)
    };
    let public = answers(&service);
    assert!(!keeps(&public, through_the_repository).await);
    assert!(!keeps(&public, past_it).await);
    let other = public.scoped(Scope::tenant("globex"));
    assert!(!keeps(&other, past_it).await);
    for scope in [Scope::tenant("acme"), Scope::user("ann")] {
        let own = public.scoped(scope);
        assert!(keeps(&own, through_the_repository).await);
        own.remove("title").await.unwrap();
        assert!(keeps(&own, past_it).await);
    }
}

/// Seen to fail without `self.reader.refusal()` in `unknown_reader` (`connection/statements.rs`).
#[tokio::test]
async fn nothing_is_kept_for_two_tenants_at_once() {
    let service = with_articles().await;
    let both = tenant(&service, "acme").scoped(Scope::tenant("globex"));
    for _ in 0..2 {
        assert!(!is_served(&service, &both).await);
    }
    let (_, refusal) = scoped(&service.larder, title(&both, 1)).await;
    assert_eq!(refusal, Some(Refusal::MixedScopes));
    let (acme, globex) = (tenant(&service, "acme"), tenant(&service, "globex"));
    let compared = async { (title(&acme, 1).await, title(&globex, 1).await) };
    let (_, refusal) = scoped(&service.larder, compared).await;
    assert_eq!(refusal, Some(Refusal::MixedScopes));
}

#[tokio::test]
async fn a_transaction_reads_for_whom_its_connection_does() {
    let service = with_articles().await;
    let acme = tenant(&service, "acme");
    let in_a_transaction = async || {
        let transaction = acme.begin().await?;
        let row = article::Entity::find_by_id(1).one(&transaction).await?;
        Ok(row.unwrap().title)
    };
    let public = answers(&service);
    assert!(!keeps(&public, in_a_transaction).await);
    let own = public.scoped(Scope::tenant("acme"));
    assert!(keeps(&own, in_a_transaction).await);
}

/// Seen to fail without `terms.hold` in `load` (`repository/read.rs`) and its like in `repository/batch.rs`.
#[tokio::test]
async fn an_entity_that_demands_a_scope_is_kept_under_one_only() {
    let service = with_articles().await;
    let insert = "INSERT INTO note VALUES (1, 'ours'), (2, 'too')";
    sea_orm::ConnectionTrait::execute_unprepared(&service.raw, insert)
        .await
        .unwrap();
    let log = Log::default();
    let guard = tracing::subscriber::set_default(log.clone());
    let read = async |db: &Db| {
        let secrets = db.repository::<secret::Entity>();
        service.control.sent();
        secrets.find_by_id(1).await.unwrap().unwrap();
        secrets.find(secret::Entity::find()).await.unwrap();
        secrets.find_by_ids([1, 2]).await.unwrap();
        service.control.sent().len()
    };
    for _ in 0..2 {
        let (sent, refusal) = scoped(&service.larder, read(&service.db)).await;
        assert_eq!((sent, refusal), (3, Some(Refusal::WiderScope)));
    }
    drop(guard);
    let warned = log.0.lock().unwrap().len();
    assert_eq!(warned, 1);
    let secrets = service.larder.snapshot().region("secrets").unwrap().clone();
    assert_eq!((secrets.entries, secrets.refused), (0, 8));
    for scope in [Scope::tenant("acme"), Scope::user("ann")] {
        let db = service.db.clone().scoped(scope);
        assert_eq!(read(&db).await, 3);
        assert_eq!(read(&db).await, 0);
    }
}

#[tokio::test]
async fn an_aging_entry_of_a_tenants_is_refreshed_for_the_tenant() {
    let service = with_articles().await;
    let acme = tenant(&service, "acme");
    assert_eq!(title(&acme, 1).await, "first");
    service.clock.advance(Duration::from_secs(601));
    let row = acme.repository::<article::Entity>().find_by_id(1).await;
    let stale: Arc<article::Model> = row.unwrap().unwrap();
    assert_eq!(stale.title, "first");
    let stale_hits = || {
        let article = service.larder.snapshot();
        article.region("article").unwrap().stale_hits
    };
    until(async || {
        let before = stale_hits();
        title(&acme, 1).await;
        stale_hits() == before
    })
    .await;
    service.clock.advance(Duration::from_secs(61));
    assert!(is_served(&service, &acme).await, "it is fresh again");
}
