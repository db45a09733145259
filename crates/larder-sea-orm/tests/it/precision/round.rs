//! One round: a schema, its rows, queries that are kept, writes that may change their answers.

use std::io::Write as _;
use std::time::Duration;

use larder_core::{Key, Larder, Lookup, Policy, Region};
use larder_sea_orm::{Bulk, CachedConnection, Connect as _, DomainOptions, ForeignKeys};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr, Statement};

use super::answer::{Answer, answer};
use super::dice::Dice;
use super::image::{Changed, by_equality, by_table, changes, images};
use super::maker::Maker;
use super::read::Read;
use super::schema::Schema;
use super::send::{Log, Way, write};
use super::tally::{Pair, Tally};

const READS: usize = 40;
const WRITES: usize = 40;
/// Of so many queries one is asked for its first row alone, if it says which that is.
const FIRST: u64 = 7;
/// More than these would not be read.
const REPORTS: u64 = 5;

/// A query whose answer is in the cache.
struct Kept {
    read: Read,
    way: Way,
    /// Its first row alone is asked for.
    first: bool,
    /// As it is sent past the cache.
    statement: Statement,
    key: Key,
    answer: Answer,
}

struct Round<'r> {
    seed: u64,
    schema: &'r Schema,
    raw: DatabaseConnection,
    cached: CachedConnection<DatabaseConnection>,
    region: Region<Answer>,
    kept: Vec<Kept>,
    numbered: u64,
    /// What its statements are like.
    sort: &'static str,
    tally: &'r mut Tally,
}

/// Plays a round over an empty database.
pub(super) async fn play(raw: DatabaseConnection, seed: u64, tally: &mut Tally) {
    let mut dice = Dice::new(seed);
    let schema = Schema::random(&mut dice, raw.get_database_backend());
    for statement in &schema.script {
        let made = raw.execute_unprepared(statement).await;
        made.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{statement}"));
    }
    let mut maker = Maker::new(&mut dice, &schema);
    fill(&raw, &mut maker).await;
    let larder = Larder::builder("precision")
        .environment::<&str, &str>([])
        .build()
        .unwrap();
    let policy = Policy::ttl(Duration::from_hours(1));
    let bulk = maker.dice().weighed(&[(1, Bulk::Wide), (3, Bulk::Exact)]);
    let foreign_keys = match bulk {
        Bulk::Wide => ForeignKeys::Unchecked,
        Bulk::Exact => ForeignKeys::Hold,
    };
    let options = DomainOptions::new().bulk(bulk).foreign_keys(foreign_keys);
    let mut round = Round {
        seed,
        schema: &schema,
        cached: larder
            .connect_with("main", raw.clone(), options)
            .await
            .unwrap(),
        raw,
        region: larder.region("reads", policy).unwrap(),
        kept: Vec::new(),
        numbered: 0,
        sort: "",
        tally,
    };
    round.sort = match (schema.plain, schema.wild, bulk) {
        (true, _, Bulk::Exact) => "plain, many rows exact",
        (true, _, Bulk::Wide) => "plain, many rows wide",
        (_, false, Bulk::Exact) => "listed, many rows exact",
        (_, false, Bulk::Wide) => "listed, many rows wide",
        (_, true, _) => "wild",
    };
    for _ in 0..READS {
        let kept = round.another(&mut maker).await;
        round.kept.push(kept);
    }
    for _ in 0..WRITES {
        round.change(&mut maker).await;
        for _ in 0..2 {
            let at = maker.dice().below(READS);
            round.kept[at] = round.another(&mut maker).await;
        }
    }
    round.tally.rounds += 1;
    larder.close().await;
}

async fn fill(raw: &DatabaseConnection, maker: &mut Maker<'_>) {
    for table in 0..maker.schema.tables.len() {
        for _ in 0..maker.dice().within(4, 9) {
            let insert = maker.seeded(table);
            // What conflicts is left out.
            let _ = raw.execute(&insert).await;
        }
        maker.rows = images(raw, maker.schema).await;
    }
}

impl Round<'_> {
    /// Invents a query the database takes and the cache keeps.
    async fn another(&mut self, maker: &mut Maker<'_>) -> Kept {
        loop {
            let (read, way) = self.invented(maker);
            self.numbered += 1;
            let mut kept = Kept {
                statement: read.statement.sent(way, self.schema.backend),
                key: self.numbered.into(),
                answer: Answer::new(),
                first: read.defined.order && self.numbered.is_multiple_of(FIRST),
                read,
                way,
            };
            match self.load(&mut kept).await {
                Ok(()) if self.serves(&kept) => return kept,
                Ok(()) => {
                    self.tally.not_kept += 1;
                    verbose(|| format!("not kept: {:?} {}", kept.way, kept.statement));
                }
                Err(error) => verbose(|| format!("{error}: {}", kept.statement)),
            }
        }
    }

    /// A new query, or one that is kept, with other values in it.
    fn invented(&mut self, maker: &mut Maker<'_>) -> (Read, Way) {
        if maker.dice().one_in(8) && !self.kept.is_empty() {
            let at = maker.dice().below(self.kept.len());
            let again = self.kept[at].read.clone();
            return (maker.varied(again), Way::Bound);
        }
        let read = maker.read();
        (read, maker.dice().weighed(&Way::ALL))
    }

    /// Reads a query through the cache.
    async fn load(&self, kept: &mut Kept) -> Result<(), DbErr> {
        let read = &kept.read;
        let loader = || async {
            let rows = read.statement.rows(&self.cached, kept.way, kept.first);
            let rows = rows.await?;
            Ok::<_, DbErr>(answer(&rows, read.defined))
        };
        let loaded = self.region.get_or_load(kept.key.clone(), loader).await;
        match loaded {
            Ok(answer) => {
                kept.answer.clone_from(&answer);
                Ok(())
            }
            Err(error) => Err(DbErr::Custom(error.to_string())),
        }
    }

    fn serves(&self, kept: &Kept) -> bool {
        matches!(self.region.lookup(&kept.key), Lookup::Hit(_))
    }

    /// Writes, and looks at every kept query.
    async fn change(&mut self, maker: &mut Maker<'_>) {
        let before = images(&self.raw, self.schema).await;
        maker.rows.clone_from(&before);
        let log = write(&self.cached, maker).await;
        let after = images(&self.raw, self.schema).await;
        let changed = changes(&before, &after);
        verbose(|| {
            format!(
                "wrote ({}{}): {}",
                log.sort,
                if before == after {
                    ", to no effect"
                } else {
                    ""
                },
                log.lines.join("; ")
            )
        });
        self.tally.writes += 1;
        self.tally.refused += log.refused as u64;
        let kept = std::mem::take(&mut self.kept);
        for kept in kept {
            let kept = match self.compare(kept, &log, &changed).await {
                Some(kept) => kept,
                None => self.another(maker).await,
            };
            self.kept.push(kept);
        }
    }

    /// Compares what is kept with what the database says; `None` if it says nothing any more.
    async fn compare(&mut self, mut kept: Kept, log: &Log, changed: &[Changed]) -> Option<Kept> {
        let rows = match self.raw.query_all_raw(kept.statement.clone()).await {
            Ok(rows) => rows,
            Err(error) => {
                verbose(|| format!("no longer: {error}: {}", kept.statement));
                return None;
            }
        };
        let asked = if kept.first {
            &rows[..rows.len().min(1)]
        } else {
            &rows
        };
        let now = answer(asked, kept.read.defined);
        let served = self.serves(&kept);
        let pair = Pair {
            changed: now != kept.answer,
            invalid: !served,
            equality: by_equality(&kept.read.parts, changed, self.schema),
            whole: by_table(&kept.read.parts, changed),
        };
        let ways = (kept.way, log.way);
        self.tally.count(&kept.read.shape, log.sort, ways, pair);
        self.tally.by_sort.entry(self.sort).or_default().add(pair);
        if pair.invalid && !pair.changed {
            verbose(|| self.needless(&kept, log, pair));
        }
        if pair.changed && served {
            self.missed(&kept, log, &now);
            self.region.evict(&kept.key);
        }
        if pair.changed || !served {
            if let Err(error) = self.load(&mut kept).await {
                panic!("seed {}: {error}: {}", self.seed, kept.statement);
            }
            assert_eq!(
                kept.answer, now,
                "seed {}: the connection reads something else: {}",
                self.seed, kept.statement
            );
        }
        Some(kept)
    }

    /// Says which change took an answer along that it did not alter.
    fn needless(&self, kept: &Kept, log: &Log, pair: Pair) -> String {
        let met = match (pair.equality, pair.whole) {
            (true, _) => "meets",
            (false, true) => "others",
            (false, false) => "no row",
        };
        let explained = self.region.explain(&kept.key);
        let touched = explained.entry.map(|entry| entry.dependencies);
        let touched = touched.into_iter().flatten().filter(|it| it.has_changed);
        let touched: Vec<_> = touched.map(|it| it.words).collect();
        let cause = explained.invalidated.map(|it| it.to_string());
        format!(
            "needless: {} {met} ({}): {:?} {}\n  after {}\n  by {} on {}",
            self.sort,
            kept.read.shape,
            kept.way,
            kept.statement,
            log.lines.join("; "),
            cause.unwrap_or_default(),
            touched.join(", "),
        )
    }

    fn missed(&mut self, kept: &Kept, log: &Log, now: &Answer) {
        self.tally.missed += 1;
        if self.tally.missed > REPORTS {
            return;
        }
        say(&format!(
            "MISSED, LARDER_FUZZ_SEED={} LARDER_FUZZ_PAIRS=1\n{}\n  query ({}, {:?}): {}\n  was {:?}\n  is  {:?}\n  write:\n    {}",
            self.seed,
            self.schema.script.join(";\n"),
            kept.read.shape,
            kept.way,
            kept.statement,
            kept.answer,
            now,
            log.lines.join("\n    "),
        ));
    }
}

/// Past the capture of the test's output: who reads the run must see it.
pub(super) fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{text}");
}

fn verbose(text: impl FnOnce() -> String) {
    if std::env::var_os("LARDER_FUZZ_VERBOSE").is_some() {
        say(&text());
    }
}
