//! Whenever the answer of a query really changes, what was kept of it is invalid, and seldom otherwise.
//!
//! Random schemas, rows, queries and writes, from a seed, on real databases. Queries are kept through a region
//! and a [`CachedConnection`](larder_sea_orm::CachedConnection), and after every write each is put to the
//! database itself. In the same run models count what equalities alone and whole tables would have invalidated.
//!
//! `LARDER_FUZZ_SEED` is the seed of the first round, `LARDER_FUZZ_PAIRS` how many (query, write) pairs are
//! tried on each database, `LARDER_FUZZ_VERBOSE` shows the queries left out.

mod again;
mod answer;
mod dice;
mod image;
mod latest;
mod maker;
mod predicate;
mod read;
mod round;
mod schema;
mod send;
mod source;
mod tally;
mod values;
mod views;
mod write;
mod write_text;

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};

use self::round::{play, say};
use self::tally::Tally;
use crate::catalog_servers::{mariadb, postgres};

/// How many times as many pairs may be invalidated as really changed, before something is broken.
const WIDEST: f64 = 10.0;

/// How many pairs may be invalidated on plain rounds for each that whole tables would invalidate.
///
/// Were every answer to depend on whole tables it would be one or more, and [`WIDEST`] would not tell. A server
/// tries few rounds in the short form, and knows less of what a statement changed.
const MOST_OF_WHOLE: f64 = 0.8;
const MOST_OF_WHOLE_ON_A_SERVER: f64 = 0.95;

/// Fewer pairs of plain rounds than this say nothing about that.
const ENOUGH: u64 = 3_000;

#[tokio::test]
async fn no_answer_that_changed_is_served_on_sqlite() {
    let mut run = Run::new(24_000);
    while let Some(seed) = run.next() {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1).sqlx_logging(false);
        let db = Database::connect(options).await.unwrap();
        play(db.clone(), seed, &mut run.tally).await;
        db.close().await.unwrap();
    }
    run.end("SQLite", MOST_OF_WHOLE);
}

#[tokio::test]
async fn no_answer_that_changed_is_served_on_postgres() {
    let Some(server) = postgres() else { return };
    let name = server.database().await;
    let mut run = Run::new(6_000);
    while let Some(seed) = run.next() {
        let db: DatabaseConnection = server.connect(&name, "larder").await;
        let clear =
            "SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public";
        db.execute_unprepared(clear).await.unwrap();
        play(db.clone(), seed, &mut run.tally).await;
        db.close().await.unwrap();
    }
    run.end("PostgreSQL", MOST_OF_WHOLE_ON_A_SERVER);
}

#[tokio::test]
async fn no_answer_that_changed_is_served_on_mariadb() {
    let Some(server) = mariadb() else { return };
    let name = server.database().await;
    let mut run = Run::new(6_000);
    while let Some(seed) = run.next() {
        let db: DatabaseConnection = server.connect(&name, "larder").await;
        let clear = format!("DROP DATABASE {name}; CREATE DATABASE {name}; USE {name}");
        db.execute_unprepared(&clear).await.unwrap();
        play(db.clone(), seed, &mut run.tally).await;
        db.close().await.unwrap();
    }
    run.end("MariaDB", MOST_OF_WHOLE_ON_A_SERVER);
}

/// Rounds until there are pairs enough.
struct Run {
    seed: u64,
    pairs: u64,
    first: u64,
    tally: Tally,
}

impl Run {
    fn new(pairs: u64) -> Self {
        let seed = number("LARDER_FUZZ_SEED").unwrap_or(1);
        Self {
            seed,
            first: seed,
            pairs: number("LARDER_FUZZ_PAIRS").unwrap_or(pairs),
            tally: Tally::default(),
        }
    }

    /// The seed of the next round.
    fn next(&mut self) -> Option<u64> {
        (self.tally.all.pairs < self.pairs).then(|| {
            self.seed += 1;
            self.seed - 1
        })
    }

    fn end(self, database: &str, most_of_whole: f64) {
        let Self { first, tally, .. } = self;
        say(&format!("{database}, seeds from {first}: {tally}"));
        let missed = tally.missed;
        assert_eq!(
            missed, 0,
            "{database}: {missed} answers that had changed were served"
        );
        assert!(tally.all.changed > 0, "{database}: nothing changed");
        let ratio = tally.all.ratio();
        assert!(
            ratio <= WIDEST,
            "{database}: {ratio:.2} times as many as changed"
        );
        let plain = tally.plain();
        let of_whole = plain.of_whole();
        assert!(
            plain.pairs < ENOUGH || of_whole <= most_of_whole,
            "{database}: on plain rounds {of_whole:.2} times as many as by whole tables"
        );
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
