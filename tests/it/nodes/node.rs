//! A node: this test binary once more, started by a test to read and write through the cache.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, Database, DatabaseConnection,
    DbErr, EntityTrait, ExprTrait, QueryFilter, TransactionSession, TransactionTrait,
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::controls::Mapped;
use super::orders::{Cache, MARK, Orders, Report, Request, VARIABLE};
use super::record::{Journal, Kind, Record, now};
use super::register::{self, GROUP};
use crate::nodes::cached::Cached;

/// How often a node's readers and writers are let go on, in a second.
const TICKS: u32 = 200;

/// Not a test: what a test starts as a node.
#[test]
#[ignore = "a node of another test"]
fn process() {
    let Ok(orders) = std::env::var(VARIABLE) else {
        return;
    };
    let orders: Orders = serde_json::from_str(&orders).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(orders));
    // Whatever still runs ends with the process.
    std::process::exit(0);
}

/// What answers reads and takes writes.
enum Source {
    Cached(Cached),
    Mapped(Mapped),
    Bare(DatabaseConnection),
}

struct Node {
    orders: Orders,
    source: Source,
    journal: Journal,
    running: AtomicBool,
    reads: AtomicU64,
    writes: AtomicU64,
    errors: AtomicU64,
    last_error: std::sync::Mutex<String>,
}

async fn run(orders: Orders) {
    let pool = Database::connect(&orders.database).await.unwrap();
    let source = match orders.cache {
        Cache::Larder | Cache::Unbounded => Source::Cached(Cached::open(&orders, pool).await),
        Cache::Off => Source::Bare(pool),
        Cache::Delete | Cache::LateStamp | Cache::EarlyStamp => {
            Source::Mapped(Mapped::open(&orders, pool))
        }
    };
    let node = Arc::new(Node {
        journal: Journal::open(&orders.journal).unwrap(),
        orders,
        source,
        running: AtomicBool::new(false),
        reads: AtomicU64::new(0),
        writes: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        last_error: std::sync::Mutex::default(),
    });
    tell(&node.report());
    let (requests, mut received) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let request: Request = serde_json::from_str(&line.unwrap()).unwrap();
            if requests.send(request).is_err() {
                return;
            }
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    // The parent is gone when its end is closed.
    while let Some(request) = received.recv().await {
        match request {
            Request::Load { reads, writes } => {
                node.running.store(true, Ordering::SeqCst);
                tasks.spawn(read_on(Arc::clone(&node), reads));
                tasks.spawn(write_on(Arc::clone(&node), writes));
            }
            Request::Halt => {
                node.running.store(false, Ordering::SeqCst);
                while tasks.join_next().await.is_some() {}
                node.journal.flush();
            }
            Request::Report => {}
            Request::Quit => return,
        }
        tell(&node.report());
    }
}

fn tell(report: &Report) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{}", serde_json::to_string(report).unwrap()).unwrap();
    out.flush().unwrap();
}

async fn read_on(node: Arc<Node>, rate: u32) {
    let mut random = fastrand::Rng::with_seed(node.orders.seed);
    let mut ticks = interval_at(Instant::now(), Duration::from_secs(1) / TICKS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while node.running.load(Ordering::SeqCst) {
        ticks.tick().await;
        for _ in 0..Ord::max(rate / TICKS, 1) {
            let begun = now();
            let seen = node.read(&mut random).await;
            let took = now() - begun;
            match seen {
                Ok(seen) => node.note(Kind::Read, &seen, begun, took),
                Err(error) => node.failed(&error),
            }
        }
    }
}

async fn write_on(node: Arc<Node>, rate: u32) {
    if rate == 0 {
        return;
    }
    let mut random = fastrand::Rng::with_seed(!node.orders.seed);
    let mut ticks = interval_at(
        Instant::now(),
        Duration::from_secs(1) / Ord::min(rate, TICKS),
    );
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while node.running.load(Ordering::SeqCst) {
        ticks.tick().await;
        for _ in 0..Ord::max(rate / TICKS, 1) {
            let begun = now();
            match node.write(&mut random).await {
                Ok(written) => {
                    let acknowledged = now();
                    node.note(Kind::Write, &written, acknowledged, acknowledged - begun);
                }
                Err(error) => node.failed(&error),
            }
        }
    }
}

impl Node {
    async fn read(&self, random: &mut fastrand::Rng) -> Result<Vec<(u32, u64)>, DbErr> {
        let id = random.u32(..self.orders.registers);
        match &self.source {
            Source::Cached(cached) => cached.read(id, random.u32(..10)).await,
            Source::Mapped(mapped) => mapped.read(id).await,
            Source::Bare(pool) => read_bare(pool, id).await,
        }
    }

    /// Raises registers of this node's own by one; returns what they are now.
    async fn write(&self, random: &mut fastrand::Rng) -> Result<Vec<(u32, u64)>, DbErr> {
        let Orders {
            index,
            nodes,
            registers,
            ..
        } = self.orders;
        let id = random.u32(..registers / nodes) * nodes + index;
        let how = random.u32(..10);
        match &self.source {
            Source::Cached(cached) => write(&cached.db, id, nodes, how).await,
            Source::Mapped(mapped) => mapped.write(id).await,
            Source::Bare(pool) => write(pool, id, nodes, how).await,
        }
    }

    fn note(&self, kind: Kind, seen: &[(u32, u64)], at: u64, took: u64) {
        let records: Vec<Record> = seen
            .iter()
            .map(|&(register, version)| Record {
                kind,
                register,
                version,
                at,
                took,
            })
            .collect();
        self.journal.note(&records);
        let count = match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
        };
        count.fetch_add(seen.len() as u64, Ordering::SeqCst);
    }

    fn failed(&self, error: &DbErr) {
        self.errors.fetch_add(1, Ordering::SeqCst);
        *self.last_error.lock().unwrap() = format!("{error:?}");
    }

    fn report(&self) -> Report {
        let mut report = Report {
            reads: self.reads.load(Ordering::SeqCst),
            writes: self.writes.load(Ordering::SeqCst),
            errors: self.errors.load(Ordering::SeqCst),
            last_error: self.last_error.lock().unwrap().clone(),
            up: true,
            memory: memory(),
            ..Report::default()
        };
        match &self.source {
            Source::Cached(cached) => cached.report(&mut report),
            Source::Mapped(mapped) => mapped.report(&mut report),
            Source::Bare(_) => {}
        }
        report
    }
}

pub(crate) async fn read_bare<C: ConnectionTrait>(
    db: &C,
    id: u32,
) -> Result<Vec<(u32, u64)>, DbErr> {
    let id = i32::try_from(id).unwrap();
    let row = register::Entity::find_by_id(id).one(db).await?;
    Ok(row.iter().map(register::Model::read).collect())
}

/// Writes as applications do: a row, two in a transaction, or many by one statement.
pub(crate) async fn write<C>(
    db: &C,
    id: u32,
    nodes: u32,
    how: u32,
) -> Result<Vec<(u32, u64)>, DbErr>
where
    C: ConnectionTrait + TransactionTrait,
{
    match how {
        0 => {
            let transaction = db.begin().await?;
            let mut written = raise(&transaction, id).await?;
            if let Some(other) = id.checked_sub(nodes) {
                written.extend(raise(&transaction, other).await?);
            }
            transaction.commit().await?;
            Ok(written)
        }
        1 => raise_by_statement(db, id).await,
        _ => raise(db, id).await,
    }
}

async fn raise<C: ConnectionTrait>(db: &C, id: u32) -> Result<Vec<(u32, u64)>, DbErr> {
    let before = read_bare(db, id).await?;
    let Some(&(_, version)) = before.first() else {
        return Ok(Vec::new());
    };
    let row = register::ActiveModel {
        id: Set(id.try_into().unwrap()),
        version: Set(i64::try_from(version + 1).unwrap()),
        ..Default::default()
    };
    Ok(vec![row.update(db).await?.read()])
}

async fn raise_by_statement<C: ConnectionTrait>(db: &C, id: u32) -> Result<Vec<(u32, u64)>, DbErr> {
    let own = i32::try_from(id).unwrap();
    register::Entity::update_many()
        .col_expr(
            register::Column::Version,
            sea_orm::sea_query::Expr::col(register::Column::Version).add(1),
        )
        .filter(register::Column::Id.eq(own))
        .exec(db)
        .await?;
    read_bare(db, id).await
}

/// Returns the kilobytes this process takes; 0 where that cannot be told.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1))
        .and_then(|kilobytes| kilobytes.parse().ok())
        .unwrap_or_default()
}

/// Returns the group of a register.
pub(crate) fn group_of(id: u32) -> i32 {
    (id / GROUP).try_into().unwrap()
}
