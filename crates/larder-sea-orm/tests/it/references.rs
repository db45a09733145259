//! Foreign keys: what follows a row that is written, and what need not be asked where they hold.

use std::time::Duration;

use larder_core::{Larder, Lookup, Policy, Region};
use larder_sea_orm::{Bulk, CachedConnection, Connect as _, DomainOptions, ForeignKeys};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbErr, ExecResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionSession as _,
    TransactionTrait as _,
};

use crate::catalog_servers::{mariadb, postgres};

const TABLES: [&str; 5] = [
    "CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR(20))",
    "CREATE TABLE article (id INTEGER PRIMARY KEY, author_id INTEGER, title VARCHAR(20), \
     FOREIGN KEY (author_id) REFERENCES author (id) ON DELETE CASCADE)",
    "CREATE TABLE comment (id INTEGER PRIMARY KEY, article_id INTEGER, body VARCHAR(20), \
     FOREIGN KEY (article_id) REFERENCES article (id) ON DELETE CASCADE)",
    "INSERT INTO author VALUES (1, 'ann'), (2, 'bob'), (3, 'cid')",
    "INSERT INTO article VALUES (1, 1, 'first'), (2, 1, 'second'), (3, 2, 'third')",
];

const JOINED: &str = "SELECT count(*) FROM article a JOIN author u ON u.id = a.author_id";

struct Scene {
    raw: DatabaseConnection,
    db: CachedConnection<DatabaseConnection>,
    answers: Region<i64>,
}

impl Scene {
    async fn over(raw: DatabaseConnection, options: DomainOptions) -> Self {
        for sql in TABLES {
            raw.execute_unprepared(sql).await.unwrap();
        }
        let larder = Larder::builder("references")
            .environment::<&str, &str>([])
            .build()
            .unwrap();
        let db = larder.connect_with("main", raw.clone(), options);
        let policy = Policy::ttl(Duration::from_hours(1));
        Self {
            raw,
            db: db.await.unwrap(),
            answers: larder.region("answers", policy).unwrap(),
        }
    }

    async fn with(options: DomainOptions) -> Self {
        Self::over(sqlite().await, options).await
    }

    fn statement(&self, sql: &str) -> Statement {
        Statement::from_string(self.raw.get_database_backend(), sql)
    }

    /// Reads a count, and keeps it.
    async fn read(&self, sql: &str) -> i64 {
        let load = || async {
            let row = self.db.query_one_raw(self.statement(sql)).await?.unwrap();
            row.try_get_by_index(0)
        };
        let answer = self.answers.get_or_load(sql, load).await;
        *answer.unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// Tells whether what was read is kept; if so it must still be the answer.
    async fn keeps(&self, sql: &str) -> bool {
        let Lookup::Hit(hit) = self.answers.lookup(&sql.into()) else {
            return false;
        };
        let row = self.raw.query_one_raw(self.statement(sql)).await.unwrap();
        let now: i64 = row.unwrap().try_get_by_index(0).unwrap();
        assert_eq!(hit.value.as_deref(), Some(&now), "{sql}");
        true
    }

    async fn write(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_raw(self.statement(sql)).await
    }
}

async fn sqlite() -> DatabaseConnection {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

fn hold() -> DomainOptions {
    exact().foreign_keys(ForeignKeys::Hold)
}

fn exact() -> DomainOptions {
    DomainOptions::new().bulk(Bulk::Exact)
}

#[tokio::test]
async fn where_they_hold_a_row_that_others_refer_to_comes_and_goes_unnoticed() {
    let scene = Scene::with(hold()).await;
    for sql in [
        "INSERT INTO author VALUES (4, 'dan')",
        "DELETE FROM author WHERE id = 4",
    ] {
        scene.read(JOINED).await;
        scene.write(sql).await.unwrap();
        assert!(scene.keeps(JOINED).await, "{sql}");
    }
    // What is asked of it counts as ever.
    let named = format!("{JOINED} WHERE u.name = 'ann'");
    assert_eq!(scene.read(&named).await, 2);
    scene
        .write("UPDATE author SET name = 'ann' WHERE id = 2")
        .await
        .unwrap();
    assert!(!scene.keeps(&named).await);
    assert_eq!(scene.read(&named).await, 3);
    // And so does what comes with it.
    scene.read(JOINED).await;
    let both = scene.db.begin().await.unwrap();
    for sql in [
        "INSERT INTO author VALUES (5, 'eve')",
        "INSERT INTO article VALUES (4, 5, 'x')",
    ] {
        both.execute_raw(scene.statement(sql)).await.unwrap();
    }
    both.commit().await.unwrap();
    assert!(!scene.keeps(JOINED).await);
}

#[tokio::test]
async fn where_nobody_says_so_a_row_that_others_refer_to_counts() {
    let scene = Scene::with(DomainOptions::new()).await;
    scene
        .raw
        .execute_unprepared("PRAGMA foreign_keys = OFF")
        .await
        .unwrap();
    scene
        .raw
        .execute_unprepared("INSERT INTO article VALUES (4, 9, 'an orphan')")
        .await
        .unwrap();
    assert_eq!(scene.read(JOINED).await, 3);
    scene
        .write("INSERT INTO author VALUES (9, 'late')")
        .await
        .unwrap();
    assert!(!scene.keeps(JOINED).await);
    assert_eq!(scene.read(JOINED).await, 4);
}

/// Fails where each table of the ring is taken for one that is referred to: nobody would count.
#[tokio::test]
async fn in_a_ring_of_references_one_table_counts() {
    let raw = sqlite().await;
    for sql in [
        "CREATE TABLE one (id INTEGER PRIMARY KEY, other INTEGER REFERENCES two (id) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TABLE two (id INTEGER PRIMARY KEY, other INTEGER REFERENCES one (id) DEFERRABLE INITIALLY DEFERRED)",
    ] {
        raw.execute_unprepared(sql).await.unwrap();
    }
    let scene = Scene::over(raw, hold()).await;
    let ring = "SELECT count(*) FROM one JOIN two ON two.id = one.other AND one.id = two.other";
    assert_eq!(scene.read(ring).await, 0);
    let both = scene.db.begin().await.unwrap();
    for sql in [
        "INSERT INTO one VALUES (1, 1)",
        "INSERT INTO two VALUES (1, 1)",
    ] {
        both.execute_raw(scene.statement(sql)).await.unwrap();
    }
    both.commit().await.unwrap();
    assert!(!scene.keeps(ring).await);
    assert_eq!(scene.read(ring).await, 1);
}

/// The other side of an outer join is there without the one that refers to it.
#[tokio::test]
async fn a_table_whose_rows_stand_alone_counts_where_they_hold() {
    let scene = Scene::with(hold()).await;
    for sql in [
        "SELECT count(*) FROM author u LEFT JOIN article a ON a.author_id = u.id",
        "SELECT count(*) FROM article a RIGHT JOIN author u ON u.id = a.author_id",
        "SELECT count(*) FROM author u",
    ] {
        scene.read(sql).await;
        scene
            .write("INSERT INTO author (name) VALUES ('new')")
            .await
            .unwrap();
        assert!(!scene.keeps(sql).await, "{sql}");
    }
}

async fn only_the_rows_that_follow_change(raw: DatabaseConnection) {
    let scene = Scene::over(raw, exact()).await;
    let of = |author: i64| {
        format!(
            "SELECT count(*) FROM article WHERE title <> 'none' AND id < {}",
            author + 1
        )
    };
    let titled = |title: &str| format!("SELECT count(*) FROM article WHERE title = '{title}'");
    let comments = "SELECT count(*) FROM comment";
    for sql in [&titled("first"), &titled("third"), comments, &of(9)] {
        scene.read(sql).await;
    }
    // Nobody refers to it: nothing follows.
    scene
        .write("DELETE FROM author WHERE id = 3")
        .await
        .unwrap();
    for sql in [&titled("first"), &titled("third"), comments, &of(9)] {
        assert!(scene.keeps(sql).await, "{sql}");
    }
    // One article goes with it, and what refers to that is not told.
    scene
        .write("DELETE FROM author WHERE id = 2")
        .await
        .unwrap();
    assert!(scene.keeps(&titled("first")).await);
    assert!(!scene.keeps(&titled("third")).await);
    assert!(!scene.keeps(comments).await);
    assert!(!scene.keeps(&of(9)).await);
}

#[tokio::test]
async fn only_the_rows_that_follow_change_on_sqlite() {
    only_the_rows_that_follow_change(sqlite().await).await;
}

#[tokio::test]
async fn only_the_rows_that_follow_change_on_postgres() {
    let Some(server) = postgres() else { return };
    let name = server.database().await;
    only_the_rows_that_follow_change(server.connect(&name, "larder").await).await;
}

#[tokio::test]
async fn only_the_rows_that_follow_change_on_mariadb() {
    let Some(server) = mariadb() else { return };
    let name = server.database().await;
    only_the_rows_that_follow_change(server.connect(&name, "larder").await).await;
}

/// In a transaction of `SQLite`'s that may write, as everywhere else.
#[tokio::test]
async fn in_a_transaction_the_rows_that_follow_are_told_too() {
    let scene = Scene::with(exact()).await;
    let [first, third] = ["first", "third"]
        .map(|title| format!("SELECT count(*) FROM article WHERE title = '{title}'"));
    scene.read(&first).await;
    scene.read(&third).await;
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = scene.db.begin_with_options(options).await.unwrap();
    let gone = scene.statement("DELETE FROM author WHERE name = 'bob'");
    transaction.execute_raw(gone).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(scene.keeps(&first).await && !scene.keeps(&third).await);
}

#[tokio::test]
async fn a_column_that_is_left_out_is_null_unless_something_else_is_declared() {
    let raw = sqlite().await;
    raw.execute_unprepared(
        "CREATE TABLE draft (id INTEGER PRIMARY KEY, title TEXT, state TEXT DEFAULT 'new')",
    )
    .await
    .unwrap();
    let scene = Scene::over(raw, DomainOptions::new()).await;
    let titled = "SELECT count(*) FROM draft WHERE title = 'x'";
    let new = "SELECT count(*) FROM draft WHERE state = 'new'";
    scene.read(titled).await;
    scene.read(new).await;
    scene
        .write("INSERT INTO draft (id) VALUES (1)")
        .await
        .unwrap();
    assert!(scene.keeps(titled).await && !scene.keeps(new).await);
}
