//! Statements past the cache, over the pool that was connected or a clone of it.

use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use larder_core::{Larder, ReadScope, Refusal};
use larder_sea_orm::{CachedRepository as _, Connect as _, DomainOptions, OnBypass, Watch};
use sea_orm::{
    ConnectionTrait as _, Database, DatabaseConnection, DbBackend, EntityTrait as _, Statement,
    TransactionSession as _, TransactionTrait as _,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::catalog_servers::postgres;
use crate::entities::{TABLES, article, note};
use crate::harness::{Service, filled, rename, scoped, title, until, watched, watched_over};

/// Longer than a write past the cache keeps its table out of it.
const WINDOW: Duration = Duration::from_secs(6);

/// Fills the database over the cached connection, so that no window is open when the test begins.
async fn quiet(on_bypass: OnBypass) -> Service {
    let service = watched(on_bypass).await;
    service
        .db
        .execute_unprepared(
            "INSERT INTO author VALUES (1, 'ann');
             INSERT INTO article VALUES (1, 1, 'first', 0), (2, 1, 'second', 0);",
        )
        .await
        .unwrap();
    assert_eq!(service.title(1).await, "first");
    assert_eq!(service.title(2).await, "second");
    service
}

fn bypasses(service: &Service) -> u64 {
    service.larder.snapshot().bypasses
}

/// Passes the time in which what a write past the cache touched is not kept.
async fn window_closes(service: &Service) {
    until(async || {
        service.clock.advance(WINDOW);
        service.is_kept(2).await
    })
    .await;
}

/// Seen to fail without `domain.publish_unsure` in `publish` (`bypass/notice.rs`).
#[tokio::test]
async fn what_was_written_past_the_cache_is_read_anew() {
    let service = quiet(OnBypass::Invalidate).await;
    rename(&service.raw, 1, "past").await.unwrap();
    assert_eq!(service.title(1).await, "past");
    assert_eq!(bypasses(&service), 1);
    window_closes(&service).await;
    assert_eq!(service.title(1).await, "past");
    assert!(service.is_kept(1).await, "the table is kept again");
}

/// Seen to fail with `publish` for `publish_unsure` (`bypass/notice.rs`): the cache answers `first`.
#[tokio::test]
async fn what_commits_after_it_was_written_is_read_anew() {
    let service = quiet(OnBypass::Invalidate).await;
    let transaction = service.raw.begin().await.unwrap();
    rename(&transaction, 1, "past").await.unwrap();
    assert_eq!(service.title(1).await, "first", "not committed");
    assert!(!service.is_kept(1).await);
    transaction.commit().await.unwrap();
    assert_eq!(service.title(1).await, "past");
    window_closes(&service).await;
    assert_eq!(service.title(1).await, "past");
}

/// Seen to fail without `own` in `query_all` (`connection/statements.rs`), in `connection/autocommit.rs` and
/// `connection/within.rs`, and without `drop_own` (`connection/stream.rs`).
#[tokio::test]
async fn what_the_connection_sends_itself_is_no_bypass() {
    let service = quiet(OnBypass::Panic).await;
    let db = &service.db;
    let articles = db.repository::<article::Entity>();
    articles.find_by_ids([1, 2, 3]).await.unwrap();
    articles.find(article::Entity::find()).await.unwrap();
    let (_, refusal) = scoped(&service.larder, article::Entity::find().all(db)).await;
    assert_eq!(refusal, None);
    let rows = async {
        let rows = article::Entity::find().stream(db).await.unwrap();
        rows.try_collect::<Vec<_>>().await.unwrap()
    };
    let (rows, refusal) = scoped(&service.larder, rows).await;
    assert_eq!((rows.len(), refusal), (2, None));
    let raw = |sql: &str| Statement::from_string(DbBackend::Sqlite, sql);
    db.query_one_raw(raw("SELECT 1 FROM article"))
        .await
        .unwrap();
    db.query_all_raw(raw("SELECT title FROM article"))
        .await
        .unwrap();
    db.execute_raw(raw("DELETE FROM note")).await.unwrap();
    db.execute_raw(raw("SELECT 1 FROM note")).await.unwrap();
    db.execute_raw(raw("CREATE INDEX by_title ON article (title)"))
        .await
        .unwrap();
    rename(db, 1, "new").await.unwrap();
    let transaction = db.begin().await.unwrap();
    rename(&transaction, 1, "newer").await.unwrap();
    let savepoint = transaction.begin().await.unwrap();
    title(&savepoint, 1).await;
    rename(&savepoint, 1, "newest").await.unwrap();
    savepoint.commit().await.unwrap();
    transaction.commit().await.unwrap();
    db.refresh_catalog().await.unwrap();
    assert_eq!(service.title(1).await, "newest");
    assert_eq!(bypasses(&service), 0);
}

/// Seen to fail without `scope.refuse` in `noticed_read` (`bypass/notice.rs`).
#[tokio::test]
async fn what_is_made_of_a_read_past_the_cache_is_not_kept() {
    let service = quiet(OnBypass::Invalidate).await;
    let past = article::Entity::find().all(&service.raw);
    let (rows, refusal) = scoped(&service.larder, past).await;
    assert_eq!(rows.unwrap().len(), 2);
    assert_eq!(refusal, Some(Refusal::Uncacheable("raw-read")));
    assert_eq!(bypasses(&service), 1);
    let streamed = async {
        let rows = article::Entity::find().stream(&service.raw).await.unwrap();
        rows.try_collect::<Vec<_>>().await.unwrap()
    };
    let (_, refusal) = scoped(&service.larder, streamed).await;
    assert_eq!(refusal, Some(Refusal::Uncacheable("raw-read")));
    assert!(service.is_kept(1).await, "a read changes nothing");
}

#[tokio::test]
async fn a_read_past_the_cache_of_which_nothing_is_made_is_nobodys_business() {
    let service = quiet(OnBypass::Panic).await;
    article::Entity::find().all(&service.raw).await.unwrap();
    let untracked = ReadScope::untracked().run(article::Entity::find().all(&service.raw));
    let (_, refusal) = scoped(&service.larder, untracked).await;
    assert_eq!(refusal, None);
    let constant = Statement::from_string(DbBackend::Sqlite, "SELECT 1 + 1");
    let (_, refusal) = scoped(&service.larder, service.raw.query_all_raw(constant)).await;
    assert_eq!(refusal, None);
    assert_eq!(bypasses(&service), 0);
}

#[tokio::test]
async fn what_is_made_with_a_write_past_the_cache_is_not_kept() {
    let service = quiet(OnBypass::Invalidate).await;
    let (_, refusal) = scoped(&service.larder, rename(&service.raw, 1, "past")).await;
    assert_eq!(refusal, Some(Refusal::Uncacheable("write")));
}

/// Seen to fail without `panic!` in `notice` (`bypass/notice.rs`).
#[tokio::test]
async fn a_test_can_have_a_bypass_panic() {
    let service = quiet(OnBypass::Panic).await;
    let raw = service.raw.clone();
    let panicked = tokio::spawn(async move { rename(&raw, 1, "past").await }).await;
    let panicked = panicked.unwrap_err().into_panic();
    let message = panicked.downcast_ref::<String>().unwrap();
    assert!(message.contains("UPDATE"), "{message}");
    assert_eq!(service.title(1).await, "past", "it was invalidated first");
    let raw = service.raw.clone();
    let scope = service.larder.read_scope();
    let read = scope.run(async move { article::Entity::find().all(&raw).await });
    assert!(tokio::spawn(read).await.unwrap_err().is_panic());
    note::Entity::find().all(&service.db).await.unwrap();
}

/// Seen to fail without `domain.reload_later()` in `look_again` (`bypass/notice.rs`).
#[tokio::test]
async fn a_schema_that_was_changed_past_the_cache_is_read_anew() {
    let service = quiet(OnBypass::Invalidate).await;
    let trigger = "CREATE TRIGGER echoes AFTER UPDATE ON article WHEN new.id = 1 BEGIN \
                   UPDATE article SET title = new.title WHERE id = 2; END";
    let trigger = Statement::from_string(DbBackend::Sqlite, trigger);
    service.raw.execute_raw(trigger).await.unwrap();
    window_closes(&service).await;
    assert_eq!(service.title(2).await, "second");
    rename(&service.db, 1, "new").await.unwrap();
    assert_eq!(service.title(2).await, "new");
}

#[tokio::test]
async fn a_transaction_begun_by_hand_past_the_cache_keeps_everybody_out_of_it() {
    let pool = Database::connect("sqlite::memory:").await.unwrap();
    pool.execute_unprepared(TABLES).await.unwrap();
    let service = filled(watched_over(pool, OnBypass::Invalidate).await).await;
    let text = |sql: &str| Statement::from_string(DbBackend::Sqlite, sql);
    service.raw.execute_raw(text("BEGIN")).await.unwrap();
    let (_, refusal) = scoped(&service.larder, service.title(1)).await;
    assert_eq!(refusal, Some(Refusal::Uncacheable("transaction-by-hand")));
    service.raw.execute_raw(text("COMMIT")).await.unwrap();
    window_closes(&service).await;
}

#[tokio::test]
async fn the_pool_inside_a_connection_is_watched_without_a_word() {
    let pool = Database::connect("sqlite::memory:").await.unwrap();
    pool.execute_unprepared(TABLES).await.unwrap();
    let larder = Larder::builder("shop")
        .environment::<&str, &str>([])
        .build()
        .unwrap();
    let before = pool.clone();
    let db = larder.connect("main", pool).await.unwrap();
    let insert =
        || Statement::from_string(DbBackend::Sqlite, "INSERT INTO note (text) VALUES ('x')");
    db.inner().execute_raw(insert()).await.unwrap();
    assert_eq!(larder.snapshot().bypasses, 1);
    let transaction = db.begin().await.unwrap();
    transaction.inner().execute_raw(insert()).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(larder.snapshot().bypasses, 2);
    before.execute_raw(insert()).await.unwrap();
    assert_eq!(
        larder.snapshot().bypasses,
        2,
        "a clone made before is not watched: the callback is its own"
    );
}

#[tokio::test]
async fn a_metric_callback_is_called_for_every_statement_all_the_same() {
    let called = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&called);
    let mut pool = memory().await;
    let watch = Watch::with_metric(&mut pool, move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let larder = Larder::builder("shop").build().unwrap();
    let options = DomainOptions::new().watch(watch);
    let db = larder.connect_with("main", pool, options).await.unwrap();
    called.store(0, Ordering::Relaxed);
    note::Entity::find().all(&db).await.unwrap();
    note::Entity::find().all(db.inner()).await.unwrap();
    assert_eq!(called.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn who_ignores_bypasses_keeps_the_callback_of_the_pool() {
    let called = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&called);
    let mut pool = memory().await;
    pool.set_metric_callback(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let larder = Larder::builder("shop").build().unwrap();
    let options = DomainOptions::new().on_bypass(OnBypass::Ignore);
    let db = larder.connect_with("main", pool, options).await.unwrap();
    called.store(0, Ordering::Relaxed);
    note::Entity::delete_by_id(1)
        .exec(db.inner())
        .await
        .unwrap();
    assert_eq!(called.load(Ordering::Relaxed), 1);
    assert_eq!(larder.snapshot().bypasses, 0);
}

/// Seen to fail with `None => {}` in `Watching::bypassed` (`bypass.rs`).
#[tokio::test]
async fn what_outlives_the_connection_hears_of_writes_past_it() {
    let service = quiet(OnBypass::Invalidate).await;
    let policy = larder_core::Policy::ttl(Duration::from_mins(10));
    let answers = service.larder.region::<String>("answers", policy).unwrap();
    let load = async || Ok::<_, sea_orm::DbErr>(service.title(1).await);
    answers.get_or_load("title", load).await.unwrap();
    assert!(answers.get("title").await.is_some());
    let Service { db, raw, .. } = service;
    drop(db);
    rename(&raw, 1, "past").await.unwrap();
    assert!(answers.get("title").await.is_none());
}

#[tokio::test]
async fn each_table_is_warned_about_once() {
    let service = quiet(OnBypass::Invalidate).await;
    let log = Log::default();
    let heard = log.clone();
    let _guard = tracing::subscriber::set_default(log);
    rename(&service.raw, 1, "past").await.unwrap();
    rename(&service.raw, 2, "past").await.unwrap();
    note::Entity::delete_by_id(1)
        .exec(&service.raw)
        .await
        .unwrap();
    for _ in 0..2 {
        scoped(&service.larder, article::Entity::find().all(&service.raw))
            .await
            .0
            .unwrap();
    }
    let warnings = heard.0.lock().unwrap().clone();
    let about = |what: &str, table: &str| {
        let of = |it: &&String| it.contains(what) && it.contains(table);
        warnings.iter().filter(of).count()
    };
    assert_eq!(about("a write passed", "main.article"), 1, "{warnings:?}");
    assert_eq!(about("a write passed", "main.note"), 1, "{warnings:?}");
    assert_eq!(about("a read passed", "main.article"), 1, "{warnings:?}");
    assert_eq!(bypasses(&service), 5);
}

#[tokio::test]
async fn on_postgresql_as_well() {
    let Some(server) = postgres() else { return };
    let name = server.database().await;
    let pool = server.pool(&name, "larder", 4).await;
    let tables = TABLES.replace("COLLATE NOCASE", "");
    pool.execute_unprepared(&tables).await.unwrap();
    let service = filled(watched_over(pool, OnBypass::Invalidate).await).await;
    let transaction = service.raw.begin().await.unwrap();
    rename(&transaction, 1, "past").await.unwrap();
    assert_eq!(service.title(1).await, "first", "not committed");
    transaction.commit().await.unwrap();
    assert_eq!(service.title(1).await, "past");
    assert_eq!(bypasses(&service), 1);
    window_closes(&service).await;
    assert_eq!(service.title(1).await, "past");
}

async fn memory() -> DatabaseConnection {
    let pool = Database::connect("sqlite::memory:").await.unwrap();
    pool.execute_unprepared(TABLES).await.unwrap();
    pool
}

/// Remembers the warnings of this thread.
#[derive(Clone, Default)]
pub(crate) struct Log(pub(crate) Arc<Mutex<Vec<String>>>);

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("larder") && *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        self.0.lock().unwrap().push(words.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
