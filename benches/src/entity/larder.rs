//! The same lookups through Larder: a region, and a repository over SQLite.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use larder::sea_orm::{CachedConnection, CachedRepository as _, Connect as _};
use larder::{Larder, Policy};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, EntityTrait as _,
    IntoActiveModel as _, Schema,
};
use tokio::runtime::Runtime;

use super::article::{Entity, Model, article};
use super::{KEYS, WARM_UP, Walk};
use crate::rounds::Contestant;
use crate::stopwatch::Stopwatch;

/// So much that nothing is evicted while it is measured.
const CAPACITY: u64 = 1 << 30;
/// How many rows one request reads.
const A_REQUEST: u64 = 20;
/// How many rows one statement inserts or selects.
const CHUNK: usize = 1_000;

type Db = CachedConnection<DatabaseConnection>;

/// Makes a contestant of `Region::get`.
pub(super) fn region(runtime: &Rc<Runtime>, walk: Walk) -> Contestant {
    let region = larder()
        .region::<Model>("rows", Policy::ttl(Duration::from_hours(1)))
        .expect("the region is new");
    // Loaded, not put: a `put` is a change, and a hundred thousand of them collide in the slots.
    runtime.block_on(async {
        for id in 1..=KEYS {
            let load = || async move { Ok::<_, Infallible>(article(id)) };
            region.get_or_load(id, load).await.expect("it is made");
        }
    });
    let get = async move |walk: &mut Walk, times| {
        for _ in 0..times {
            let id = walk.next();
            Walk::check(id, region.get(id).await);
        }
    };
    awaited("Larder `Region::get`", runtime, walk, get)
}

/// Makes contestants of `find_by_id`, outside and inside of read scopes.
pub(super) fn repository(runtime: &Rc<Runtime>, walk: &Walk) -> [Contestant; 2] {
    let larder = larder();
    let db = runtime.block_on(filled(&larder));
    let outside = {
        let db = db.clone();
        async move |walk: &mut Walk, times| find(&db, walk, times).await
    };
    let inside = async move |walk: &mut Walk, times: u64| {
        for _ in 0..times.div_ceil(A_REQUEST) {
            larder.read_scope().run(find(&db, walk, A_REQUEST)).await;
        }
    };
    [
        awaited("Larder `find_by_id`", runtime, walk.clone(), outside),
        awaited(
            "Larder `find_by_id`, 20 in a read scope",
            runtime,
            walk.clone(),
            inside,
        ),
    ]
}

fn larder() -> Larder {
    let larder = Larder::builder("bench").local_capacity(CAPACITY).build();
    larder.expect("the settings are sound")
}

async fn find(db: &Db, walk: &mut Walk, times: u64) {
    let articles = db.repository::<Entity>();
    for _ in 0..times {
        let id = walk.next();
        Walk::check(id, articles.find_by_id(id).await.expect("it is cached"));
    }
}

/// Connects a database whose rows are all cached, and gone from it: a miss would fail.
async fn filled(larder: &Larder) -> Db {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).sqlx_logging(false);
    let pool = Database::connect(options).await.expect("SQLite is there");
    let table = Schema::new(pool.get_database_backend()).create_table_from_entity(Entity);
    pool.execute(&table).await.expect("the table is new");
    let ids: Vec<i32> = (1..=KEYS).collect();
    for chunk in ids.chunks(CHUNK) {
        let rows = chunk.iter().map(|&id| article(id).into_active_model());
        let inserted = Entity::insert_many(rows)
            .exec_without_returning(&pool)
            .await;
        inserted.expect("the rows are new");
    }
    let db = larder
        .connect("main", pool.clone())
        .await
        .expect("the name is free");
    for chunk in ids.chunks(CHUNK) {
        let rows = db.repository::<Entity>().find_by_ids(chunk.to_vec()).await;
        assert!(
            rows.expect("the rows are there")
                .iter()
                .all(Option::is_some)
        );
    }
    let gone = pool
        .execute_unprepared("ALTER TABLE article RENAME TO gone")
        .await;
    gone.expect("the table is there");
    db
}

/// Makes a contestant of lookups that are awaited; `get` does so many of them.
fn awaited(
    name: &str,
    runtime: &Rc<Runtime>,
    mut walk: Walk,
    get: impl AsyncFn(&mut Walk, u64) + 'static,
) -> Contestant {
    let runtime = Rc::clone(runtime);
    Contestant::new(name, move |times| {
        runtime.block_on(async {
            get(&mut walk, times / WARM_UP).await;
            let start = Stopwatch::start();
            get(&mut walk, times).await;
            start.elapsed()
        })
    })
}
