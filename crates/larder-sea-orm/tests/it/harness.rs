//! A service on a database of its own: cached, uncached and under control.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use larder_core::test_util::ManualClock;
use larder_core::{Larder, ReadScope, Refusal};
use larder_sea_orm::{
    CachedConnection, CachedRepository as _, Connect as _, DomainOptions, OnBypass, Watch,
};
use sea_orm::{
    ActiveModelTrait as _, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr,
    EntityTrait as _, Set,
};

use crate::entities::{TABLES, article};
use crate::probe::{Control, Probe};

/// The cached connection the tests use.
pub(crate) type Db = CachedConnection<Probe<DatabaseConnection>>;

/// Everything a test needs; the database goes away with it.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) larder: Larder,
    pub(crate) clock: ManualClock,
    /// Cached and published.
    pub(crate) db: Db,
    /// What `db` sends.
    pub(crate) control: Control,
    /// Past the cache, over connections of its own: what the database really holds.
    pub(crate) raw: DatabaseConnection,
    _file: Option<File>,
}

/// Starts a service on a new `SQLite` file with a few connections.
pub(crate) async fn service() -> Service {
    let file = File::new();
    let raw = pool(&file).await;
    raw.execute_unprepared("PRAGMA journal_mode = WAL")
        .await
        .unwrap();
    raw.execute_unprepared(TABLES).await.unwrap();
    let pool = pool(&file).await;
    Service {
        _file: Some(file),
        ..over(raw, pool).await
    }
}

/// Starts a service over two pools of one database, of which the first stays out of sight of the cache.
pub(crate) async fn over(raw: DatabaseConnection, pool: DatabaseConnection) -> Service {
    over_with(raw, pool, DomainOptions::new()).await
}

/// Starts a service on a new `SQLite` file of which even the raw pool is watched.
pub(crate) async fn watched(on_bypass: OnBypass) -> Service {
    let file = File::new();
    let pool = pool(&file).await;
    pool.execute_unprepared("PRAGMA journal_mode = WAL")
        .await
        .unwrap();
    pool.execute_unprepared(TABLES).await.unwrap();
    Service {
        _file: Some(file),
        ..watched_over(pool, on_bypass).await
    }
}

/// Starts a service over one pool, which is watched.
pub(crate) async fn watched_over(mut pool: DatabaseConnection, on_bypass: OnBypass) -> Service {
    let options = DomainOptions::new()
        .watch(Watch::over(&mut pool))
        .on_bypass(on_bypass);
    over_with(pool.clone(), pool, options).await
}

/// Starts a service over two pools of one database, or one twice.
async fn over_with(
    raw: DatabaseConnection,
    pool: DatabaseConnection,
    options: DomainOptions,
) -> Service {
    let clock = ManualClock::new();
    let larder = Larder::builder("shop")
        .clock(clock.clone())
        .environment::<&str, &str>([])
        .build()
        .unwrap();
    let probe = Probe::new(pool);
    let control = probe.control.clone();
    let db = larder.connect_with("main", probe, options).await.unwrap();
    control.all_sent();
    Service {
        larder,
        clock,
        db,
        control,
        raw,
        _file: None,
    }
}

/// Makes a new, empty `SQLite` file with two pools; it goes away with what comes third.
pub(crate) async fn empty() -> (DatabaseConnection, DatabaseConnection, impl Drop) {
    let file = File::new();
    let raw = pool(&file).await;
    raw.execute_unprepared("PRAGMA journal_mode = WAL")
        .await
        .unwrap();
    (raw, pool(&file).await, file)
}

async fn pool(file: &File) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite:{}?mode=rwc", file.0.display()));
    options
        .max_connections(4)
        .sqlx_logging(false)
        .acquire_timeout(Duration::from_secs(20));
    Database::connect(options).await.unwrap()
}

/// Starts a service with an author and two articles, `first` and `second`, both in the cache.
pub(crate) async fn with_articles() -> Service {
    filled(service().await).await
}

/// Adds an author and two articles, `first` and `second`, to the database and to the cache.
pub(crate) async fn filled(service: Service) -> Service {
    service
        .raw
        .execute_unprepared(
            "INSERT INTO author VALUES (1, 'ann');
             INSERT INTO article VALUES (1, 1, 'first', 0), (2, 1, 'second', 0);",
        )
        .await
        .unwrap();
    assert_eq!(service.title(1).await, "first");
    assert_eq!(service.title(2).await, "second");
    service.control.sent();
    service
}

impl Service {
    /// Returns an article's title, through the cache.
    pub(crate) async fn title(&self, id: i32) -> String {
        title(&self.db, id).await
    }

    /// Returns an article's title as the database has it.
    pub(crate) async fn stored_title(&self, id: i32) -> Option<String> {
        let row = article::Entity::find_by_id(id)
            .one(&self.raw)
            .await
            .unwrap();
        row.map(|row| row.title)
    }

    /// Tells whether the cache serves an article without asking the database.
    pub(crate) async fn is_kept(&self, id: i32) -> bool {
        self.control.sent();
        self.title(id).await;
        self.control.sent().is_empty()
    }
}

/// Returns an article's title, through the cache as far as the connection allows.
pub(crate) async fn title<C>(db: &CachedConnection<C>, id: i32) -> String
where
    C: ConnectionTrait + Send + Sync + 'static,
{
    let articles = db.repository::<article::Entity>();
    articles
        .find_by_id(id)
        .await
        .unwrap()
        .unwrap()
        .title
        .clone()
}

/// Updates an article's title.
pub(crate) async fn rename(db: &impl ConnectionTrait, id: i32, title: &str) -> Result<(), DbErr> {
    let title = Set(title.to_owned());
    let row = article::ActiveModel {
        id: Set(id),
        title,
        ..Default::default()
    };
    row.update(db).await.map(drop)
}

/// Runs `future` in a read scope of its own; returns its answer and why that would not be kept.
pub(crate) async fn scoped<T>(
    larder: &Larder,
    future: impl Future<Output = T>,
) -> (T, Option<Refusal>) {
    let scope: ReadScope = larder.read_scope();
    let answer = scope.run(future).await;
    (answer, scope.refusal())
}

/// Waits for a condition that another task brings about.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .expect("it never came about");
}

/// A database file that is removed when the test ends.
#[derive(Debug)]
struct File(PathBuf);

impl File {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("larder-sea-orm-{}-{number}.sqlite", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            let _ = std::fs::remove_file(path);
        }
    }
}
