//! Where a row of the table is tried: one database, with the cache and without it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use larder_core::{Change, Key, Observer, Policy, Position, Region};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, EntityTrait as _, QueryOrder as _,
};

use super::row::{Answer, Conn, Read, Write};
use super::shop::{
    NAMES, ROWS, TABLES, customer, following, item, product, profile, purchase, review,
};
use crate::harness::{Service, over};
use crate::words::{change_words, shortened};

/// A service over a shop, and what it publishes.
pub(super) struct Bench {
    service: Service,
    published: Published,
    answers: Region<String>,
    /// What was not as it should be.
    wrong: Vec<String>,
}

#[derive(Clone, Default)]
struct Published(Arc<Mutex<Vec<String>>>);

impl Observer for Published {
    fn changed(&self, _: Position, change: &Change) {
        self.list().push(change_words(change));
    }
}

impl Published {
    fn list(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> String {
        sorted(std::mem::take(&mut *self.list()))
    }
}

/// Lines in one order, each once.
fn sorted(lines: impl IntoIterator<Item = String>) -> String {
    let lines: BTreeSet<String> = lines.into_iter().collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

/// The same of what a row says, where lines are indented as they come.
fn expected(lines: &str) -> String {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    sorted(lines.map(str::to_owned))
}

impl Bench {
    /// Makes the tables over `raw`; what is cached goes over `pool`.
    pub(super) async fn over(raw: DatabaseConnection, pool: DatabaseConnection) -> Self {
        let key = match raw.get_database_backend() {
            DbBackend::Postgres => "SERIAL PRIMARY KEY",
            DbBackend::MySql => "INTEGER PRIMARY KEY AUTO_INCREMENT",
            _ => "INTEGER PRIMARY KEY",
        };
        for table in TABLES {
            let sql = table.replace("KEY,", &format!("{key},"));
            raw.execute_unprepared(&sql).await.unwrap();
        }
        let service = over(raw, pool).await;
        let published = Published::default();
        service.larder.observe(published.clone());
        let ttl = Policy::ttl(Duration::from_mins(10));
        Self {
            answers: service.larder.region("answers", ttl).unwrap(),
            service,
            published,
            wrong: Vec::new(),
        }
    }

    fn backend(&self) -> DbBackend {
        self.service.raw.get_database_backend()
    }

    /// Fills the tables as they were, and makes whatever is kept invalid.
    async fn reset(&self) {
        let clear = |table: &&str| match self.backend() {
            DbBackend::Postgres => format!("TRUNCATE {table} RESTART IDENTITY"),
            DbBackend::MySql => format!("TRUNCATE {table}"),
            _ => format!("DELETE FROM {table}"),
        };
        let clear = NAMES.iter().map(clear);
        let mut statements: Vec<String> = clear.chain(ROWS.map(str::to_owned)).collect();
        if self.backend() == DbBackend::Sqlite {
            statements = vec![format!("BEGIN; {}; COMMIT", statements.join(";"))];
        }
        for sql in statements {
            self.service.raw.execute_unprepared(&sql).await.unwrap();
        }
        self.service
            .larder
            .publish(Change::everything())
            .await
            .unwrap();
        self.published.take();
        self.service.control.sent();
    }

    /// Returns what the cache answers, and how many statements were seen and sent for it.
    async fn asked<'a>(
        &self,
        key: &'static str,
        load: impl FnOnce() -> Answer<'a>,
    ) -> (Result<String, String>, u64, Vec<String>) {
        self.service.control.sent();
        let seen = self.service.db.statements_seen();
        let answer: Result<_, Arc<DbErr>> = self.answers.get_or_load(key, load).await;
        let answer = answer
            .map(|answer| answer.as_ref().clone())
            .map_err(|error| error.to_string());
        let seen = self.service.db.statements_seen() - seen;
        (answer, seen, self.service.control.sent())
    }

    fn check(&mut self, what: &str, is_right: bool, details: impl FnOnce() -> String) {
        if !is_right {
            self.wrong.push(format!("{what}: {}", details()));
        }
    }

    fn same(&mut self, method: &str, what: &str, found: &str, expected: &str) {
        self.check(&format!("{method}, {what}"), found == expected, || {
            format!("\n--- it is\n{found}\n--- not\n{expected}")
        });
    }

    /// Ends with all that was wrong.
    pub(super) fn done(self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n\n"));
    }
}

/// Reads.
impl Bench {
    /// Tries a row: its answer, what it depends on, what leaves its entry and what does not.
    pub(super) async fn read(&mut self, read: &Read) {
        self.reset().await;
        let name = read.method.name;
        let before = self.raw(read).await;
        let (first, seen, sent) = self
            .asked(name, || (read.method.cached)(&self.service.db))
            .await;
        self.check(name, first == before, || {
            format!("{first:?} is not {before:?}")
        });
        self.check(name, seen > 0 && seen == sent.len() as u64, || {
            format!("{seen} statements were seen of {sent:#?}")
        });
        self.depends(read);
        self.hit(read, "at once").await;
        self.write(read.spares).await;
        let spared = self.raw(read).await;
        self.check(name, spared == before, || {
            format!("{} changes it", read.spares)
        });
        self.hit(read, read.spares).await;
        self.write(read.touches).await;
        let touched = self.raw(read).await;
        self.check(name, touched != before, || {
            format!("{} does not change it", read.touches)
        });
        let (again, ..) = self
            .asked(name, || (read.method.cached)(&self.service.db))
            .await;
        self.check(name, again == touched, || {
            format!(
                "MISSED after {}: {again:?} is not {touched:?}",
                read.touches
            )
        });
    }

    fn depends(&mut self, read: &Read) {
        let name = read.method.name;
        let explanation = self.answers.explain(&Key::from(name));
        let depends = match &explanation.entry {
            Some(entry) => sorted(entry.dependencies.iter().map(|it| shortened(&it.words))),
            None => explanation.to_string(),
        };
        self.same(name, "dependencies", &depends, &expected(read.depends));
    }

    /// Checks that nothing is asked of the database, nor any statement looked at.
    async fn hit(&mut self, read: &Read, when: &str) {
        let name = read.method.name;
        let (_, seen, sent) = self
            .asked(name, || (read.method.cached)(&self.service.db))
            .await;
        self.check(name, seen == 0 && sent.is_empty(), || {
            format!("no hit after {when}: {seen} statements seen, sent {sent:#?}")
        });
    }

    async fn raw(&self, read: &Read) -> Result<String, String> {
        let answer = (read.method.raw)(&self.service.raw).await;
        answer.map_err(|error| error.to_string())
    }

    async fn write(&self, sql: &str) {
        let written = self.service.db.execute_unprepared(sql).await;
        assert!(written.is_ok(), "{sql}: {written:?}");
    }
}

/// Writes.
impl Bench {
    /// Tries a row: its answer, what is in the tables afterwards, what it publishes.
    pub(super) async fn written(&mut self, write: &Write) {
        let name = write.method.name;
        self.reset().await;
        let raw = (write.method.raw)(&self.service.raw).await;
        let raw_tables = self.tables().await;
        self.reset().await;
        self.kept().await;
        self.service.control.sent();
        let seen = self.service.db.statements_seen();
        let cached = (write.method.cached)(&self.service.db).await;
        let seen = self.service.db.statements_seen() - seen;
        let sent = self.service.control.sent();
        let published = self.published.take();
        let error = |answer: Result<String, DbErr>| answer.map_err(|error| error.to_string());
        let (raw, cached) = (error(raw), error(cached));
        self.check(name, cached == raw, || format!("{cached:?} is not {raw:?}"));
        self.check(name, seen == sent.len() as u64, || {
            format!("{seen} statements were seen of {sent:#?}")
        });
        let tables = self.tables().await;
        self.same(name, "tables", &tables.join("\n"), &raw_tables.join("\n"));
        let kept = self.kept().await;
        self.same(name, "MISSED, tables", &kept.join("\n"), &tables.join("\n"));
        let elsewhere = match self.backend() {
            DbBackend::Postgres => write.postgres,
            DbBackend::MySql => write.mariadb,
            _ => None,
        };
        let changes = elsewhere.unwrap_or(write.changes);
        self.same(name, "changes", &published, &expected(changes));
    }

    /// Returns the rows of each table as the database has them.
    async fn tables(&self) -> Vec<String> {
        let mut tables = Vec::new();
        for table in NAMES {
            tables.push(rows(&self.service.raw, table).await.unwrap());
        }
        tables
    }

    /// Returns the rows of each table as the cache has them.
    async fn kept(&self) -> Vec<String> {
        let mut tables = Vec::new();
        for table in NAMES {
            let load = || rows(&self.service.db, table);
            let kept: Result<_, Arc<DbErr>> = self.answers.get_or_load(table, load).await;
            tables.push(kept.unwrap().as_ref().clone());
        }
        tables
    }
}

/// Returns the rows of a table, in the order of their keys.
async fn rows<C: Conn>(db: &C, table: &str) -> Result<String, DbErr> {
    Ok(match table {
        "customer" => {
            let rows = customer::Entity::find().order_by_id_asc();
            format!("{:?}", rows.all(db).await?)
        }
        "profile" => {
            let rows = profile::Entity::find().order_by_id_asc();
            format!("{:?}", rows.all(db).await?)
        }
        "purchase" => {
            let rows = purchase::Entity::find().order_by_id_asc();
            format!("{:?}", rows.all(db).await?)
        }
        "product" => {
            let rows = product::Entity::find().order_by_id_asc();
            format!("{:?}", rows.all(db).await?)
        }
        "review" => {
            let rows = review::Entity::find().order_by_id_asc();
            format!("{:?}", rows.all(db).await?)
        }
        "item" => {
            let rows = item::Entity::find()
                .order_by_asc(item::Column::PurchaseId)
                .order_by_asc(item::Column::ProductId);
            format!("{:?}", rows.all(db).await?)
        }
        _ => {
            let rows = following::Entity::find()
                .order_by_asc(following::Column::CustomerId)
                .order_by_asc(following::Column::FollowerId);
            format!("{:?}", rows.all(db).await?)
        }
    })
}
