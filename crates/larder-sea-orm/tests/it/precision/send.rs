//! Sending statements, the way any of their callers might.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    TransactionTrait as _,
};

use larder_sea_orm::CachedConnection;

use super::maker::Maker;
use super::read::Reading;
use super::write::{Write, Writing};

/// How a statement is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// As `SeaORM`'s own.
    Tree,
    /// As text with its values beside it.
    Bound,
    /// As text with its values in it.
    Text,
}

impl Way {
    pub(super) const ALL: [(usize, Self); 3] = [(5, Self::Tree), (4, Self::Bound), (2, Self::Text)];
}

/// What a caller does with the answer of a write.
#[derive(Clone, Copy)]
enum Wanted {
    Count,
    Row,
    Rows,
}

impl Reading {
    pub(super) fn built(&self, backend: DbBackend) -> Statement {
        match self {
            Self::Select(select) => backend.build(select),
            Self::With(with) => backend.build(with),
            Self::Again(built) => built.clone(),
        }
    }

    /// The statement as it is sent without its tree.
    pub(super) fn sent(&self, way: Way, backend: DbBackend) -> Statement {
        let built = self.built(backend);
        match way {
            Way::Text => Statement::from_string(backend, built.to_string()),
            _ => built,
        }
    }

    /// Asks for its rows, or the first alone.
    pub(super) async fn rows<C: ConnectionTrait>(
        &self,
        conn: &C,
        way: Way,
        first: bool,
    ) -> Result<Vec<QueryResult>, DbErr> {
        if first {
            let row = match (way, self) {
                (Way::Tree, Self::Select(select)) => conn.query_one(select).await,
                (Way::Tree, Self::With(with)) => conn.query_one(with).await,
                _ => {
                    let sent = self.sent(way, conn.get_database_backend());
                    conn.query_one_raw(sent).await
                }
            };
            return row.map(|row| row.into_iter().collect());
        }
        match (way, self) {
            (Way::Tree, Self::Select(select)) => conn.query_all(select).await,
            (Way::Tree, Self::With(with)) => conn.query_all(with).await,
            _ => {
                conn.query_all_raw(self.sent(way, conn.get_database_backend()))
                    .await
            }
        }
    }
}

impl Writing {
    fn built(&self, backend: DbBackend) -> Statement {
        match self {
            Self::Insert(insert) => backend.build(insert),
            Self::Update(update) => backend.build(update),
            Self::Delete(delete) => backend.build(delete),
            Self::With(with) => backend.build(with),
            Self::Text(text) => Statement::from_string(backend, text.clone()),
        }
    }

    async fn send<C: ConnectionTrait>(
        &self,
        conn: &C,
        way: Way,
        wanted: Wanted,
    ) -> Result<(), DbErr> {
        let backend = conn.get_database_backend();
        match (way, self) {
            (Way::Text, _) => done(
                conn.execute_unprepared(&self.built(backend).to_string())
                    .await,
            ),
            (Way::Tree, Self::Insert(it)) => tree(conn, it, wanted).await,
            (Way::Tree, Self::Update(it)) => tree(conn, it, wanted).await,
            (Way::Tree, Self::Delete(it)) => tree(conn, it, wanted).await,
            (Way::Tree, Self::With(it)) => tree(conn, it, wanted).await,
            (_, _) => {
                let built = self.built(backend);
                match wanted {
                    Wanted::Count => done(conn.execute_raw(built).await),
                    Wanted::Row => conn.query_one_raw(built).await.map(drop),
                    Wanted::Rows => conn.query_all_raw(built).await.map(drop),
                }
            }
        }
    }
}

async fn tree<C: ConnectionTrait, S: sea_orm::StatementBuilder>(
    conn: &C,
    statement: &S,
    wanted: Wanted,
) -> Result<(), DbErr> {
    match wanted {
        Wanted::Count => done(conn.execute(statement).await),
        Wanted::Row => conn.query_one(statement).await.map(drop),
        Wanted::Rows => conn.query_all(statement).await.map(drop),
    }
}

fn done(result: Result<ExecResult, DbErr>) -> Result<(), DbErr> {
    result.map(drop)
}

/// What was written, for who has to understand it.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) lines: Vec<String>,
    pub(super) sort: &'static str,
    pub(super) way: Option<Way>,
    /// Statements the database refused.
    pub(super) refused: usize,
}

impl Log {
    fn say(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }
}

/// Carries out one write, or a transaction of some, through the cache.
pub(super) async fn write(db: &CachedConnection<DatabaseConnection>, maker: &mut Maker<'_>) -> Log {
    let mut log = Log::default();
    if maker.dice().one_in(8) {
        transaction(db, maker, &mut log).await;
    } else {
        one(db, maker, &mut log).await;
    }
    log
}

/// Carries out one write; tells whether the database took it.
async fn one<C: ConnectionTrait>(conn: &C, maker: &mut Maker<'_>, log: &mut Log) -> bool {
    let write: Write = maker.write();
    let way = maker.dice().weighed(&Way::ALL);
    let wanted = match (write.returns, maker.dice().below(6)) {
        (true, 0..=2) => Wanted::Rows,
        (true, 3 | 4) => Wanted::Row,
        _ => Wanted::Count,
    };
    let result = write.statement.send(conn, way, wanted).await;
    log.sort = write.sort;
    log.way = Some(way);
    let built = write.statement.built(maker.backend());
    let said = match &result {
        Ok(()) => String::new(),
        Err(error) => format!("  -- {error}"),
    };
    log.say(&format!("{way:?}: {built}{said}"));
    log.refused += usize::from(result.is_err());
    result.is_ok()
}

async fn transaction(
    db: &CachedConnection<DatabaseConnection>,
    maker: &mut Maker<'_>,
    log: &mut Log,
) {
    let outer = db.begin().await.expect("a transaction begins");
    log.say("BEGIN");
    let mut whole = true;
    for _ in 0..maker.dice().within(1, 3) {
        if maker.dice().one_in(3) {
            let inner = outer.begin().await.expect("a savepoint is set");
            log.say("SAVEPOINT");
            let mut kept = one(&inner, maker, log).await;
            if kept && maker.dice().coin() {
                kept = one(&inner, maker, log).await;
            }
            end(inner, maker, kept, log).await;
        } else {
            whole = one(&outer, maker, log).await;
        }
        // PostgreSQL takes nothing more after an error; the others do.
        if !whole && (maker.backend() == DbBackend::Postgres || maker.dice().coin()) {
            break;
        }
        whole = true;
    }
    let ended = end(outer, maker, whole, log).await;
    log.way = None;
    log.sort = match ended {
        true => "transaction",
        false if log.refused > 0 => "transaction refused",
        false => "transaction undone",
    };
}

/// Commits, or rolls back, or forgets; tells whether it was committed.
async fn end<C: ConnectionTrait + sea_orm::TransactionSession>(
    transaction: C,
    maker: &mut Maker<'_>,
    whole: bool,
    log: &mut Log,
) -> bool {
    match maker.dice().below(8) {
        0 | 1 => {
            log.say("ROLLBACK");
            transaction.rollback().await.expect("it is rolled back");
            false
        }
        2 => {
            log.say("dropped");
            drop(transaction);
            false
        }
        _ if !whole => {
            log.say("ROLLBACK after the error");
            transaction.rollback().await.expect("it is rolled back");
            false
        }
        _ => {
            let result = transaction.commit().await;
            log.say(&format!(
                "COMMIT {}",
                result.err().map(|it| it.to_string()).unwrap_or_default()
            ));
            true
        }
    }
}
