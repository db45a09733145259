//! Many clients at once: what the cache answers is what the database would have.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use larder_core::{Policy, Region};
use larder_sea_orm::CachedRepository as _;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, Set, TransactionSession as _, TransactionTrait as _,
};

use crate::entities::article;
use crate::harness::{Db, Service, service};

const ROWS: i32 = 6;
const CLIENTS: usize = 4;

/// What a client does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Read(i32),
    ReadMany,
    List,
    Count,
    Composed,
    /// Raises a row's views to a number no write has used.
    Update(i32),
    UpdateRaw(i32),
    Replace(i32),
    /// Raises two rows in one transaction, one of them in a savepoint.
    Both(i32, i32, End, End),
    /// Goes away in the middle of a write.
    Abandoned(i32),
}

#[derive(Clone, Copy, Debug)]
enum End {
    Commit,
    RollBack,
    Drop,
}

fn step() -> impl Strategy<Value = Step> {
    let row = 1..=ROWS;
    let end = prop_oneof![Just(End::Commit), Just(End::RollBack), Just(End::Drop)];
    prop_oneof![
        4 => row.clone().prop_map(Step::Read),
        2 => Just(Step::ReadMany),
        2 => Just(Step::List),
        1 => Just(Step::Count),
        2 => Just(Step::Composed),
        2 => row.clone().prop_map(Step::Update),
        1 => row.clone().prop_map(Step::UpdateRaw),
        1 => row.clone().prop_map(Step::Replace),
        2 => (row.clone(), row.clone(), end.clone(), end)
            .prop_map(|(one, other, inner, outer)| Step::Both(one, other, inner, outer)),
        1 => row.prop_map(Step::Abandoned),
    ]
}

/// The rows' views as the writers know them: a read that begins later must see no less.
#[derive(Debug, Default)]
struct Acknowledged([AtomicI64; ROWS as usize + 1]);

impl Acknowledged {
    fn seen(&self) -> Vec<i64> {
        self.0
            .iter()
            .map(|views| views.load(Ordering::SeqCst))
            .collect()
    }

    fn write(&self, row: i32, views: i64) {
        self.0[usize::try_from(row).unwrap()].fetch_max(views, Ordering::SeqCst);
    }
}

/// One world: a service, its clients' common knowledge, and the next number of views.
struct World {
    service: Service,
    sums: Region<Vec<i64>>,
    acknowledged: Acknowledged,
    next: AtomicI64,
    reads: AtomicU64,
}

impl World {
    async fn new() -> Arc<Self> {
        let service = service().await;
        let rows: Vec<String> = (1..=ROWS)
            .map(|id| format!("({id}, 1, 'row', 0)"))
            .collect();
        let sql = format!(
            "INSERT INTO author VALUES (1, 'ann'); INSERT INTO article VALUES {};",
            rows.join(", ")
        );
        service.raw.execute_unprepared(&sql).await.unwrap();
        let policy = Policy::ttl(std::time::Duration::from_mins(10));
        let sums = service.larder.region("sums", policy).unwrap();
        let (acknowledged, next, reads) = (
            Acknowledged::default(),
            AtomicI64::new(1),
            AtomicU64::new(0),
        );
        Arc::new(Self {
            service,
            sums,
            acknowledged,
            next,
            reads,
        })
    }

    fn db(&self) -> &Db {
        &self.service.db
    }

    /// Returns all rows' views, from 1 on; index 0 is not used.
    async fn list(&self) -> Result<Vec<i64>, DbErr> {
        let articles = self.db().repository::<article::Entity>();
        let all = article::Entity::find().order_by_asc(article::Column::Id);
        let rows = articles.find(all).await?;
        Ok(std::iter::once(0)
            .chain(rows.iter().map(|row| i64::from(row.views)))
            .collect())
    }

    async fn many(&self) -> Result<Vec<i64>, DbErr> {
        let articles = self.db().repository::<article::Entity>();
        let rows = articles.find_by_ids(1..=ROWS).await?;
        let views = rows.iter().flatten().map(|row| i64::from(row.views));
        Ok(std::iter::once(0).chain(views).collect())
    }

    /// Something made of two cached answers and a plain statement.
    async fn composed(&self) -> Result<Vec<i64>, DbErr> {
        let sum = self
            .sums
            .get_or_load("all", || async {
                let (list, many) = (self.list().await?, self.many().await?);
                let plain = article::Entity::find().order_by_asc(article::Column::Id);
                let plain = plain.all(self.db()).await?;
                let least = |index: usize| {
                    let plain = index
                        .checked_sub(1)
                        .map_or(0, |at| i64::from(plain[at].views));
                    Ord::min(list[index], Ord::min(many[index], plain))
                };
                Ok::<_, DbErr>((0..list.len()).map(least).collect())
            })
            .await
            .map_err(|error| DbErr::clone(&error))?;
        Ok(Vec::clone(&sum))
    }

    /// Checks what was read against what was acknowledged before the read began.
    fn check(&self, what: Step, before: &[i64], read: &[i64]) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        for (row, (least, got)) in before.iter().zip(read).enumerate() {
            assert!(
                got >= least,
                "{what:?}: row {row} is {got}, but {least} was acknowledged"
            );
        }
    }

    async fn step(self: &Arc<Self>, step: Step) -> Result<(), DbErr> {
        let before = self.acknowledged.seen();
        match step {
            Step::Read(row) => {
                let articles = self.db().repository::<article::Entity>();
                let views = articles.find_by_id(row).await?.unwrap().views;
                let at = usize::try_from(row).unwrap();
                self.check(step, &before[at..=at], &[i64::from(views)]);
            }
            Step::ReadMany => self.check(step, &before, &self.many().await?),
            Step::List => self.check(step, &before, &self.list().await?),
            Step::Composed => self.check(step, &before, &self.composed().await?),
            Step::Count => {
                let known = before.iter().filter(|views| **views > 0).count();
                let raised = article::Entity::find().filter(article::Column::Views.gt(0));
                let articles = self.db().repository::<article::Entity>();
                let count = articles.count(raised).await?;
                assert!(
                    count >= known as u64,
                    "{count} rows of {known} that were acknowledged"
                );
            }
            Step::Update(_) | Step::UpdateRaw(_) | Step::Replace(_) => self.write(step).await?,
            Step::Both(one, other, inner, outer) => self.both(one, other, inner, outer).await?,
            Step::Abandoned(row) => {
                let world = Arc::clone(self);
                let write = tokio::spawn(async move { world.write(Step::Update(row)).await });
                tokio::task::yield_now().await;
                write.abort();
                let _ = write.await;
            }
        }
        Ok(())
    }

    async fn write(&self, step: Step) -> Result<(), DbErr> {
        let views = self.next.fetch_add(1, Ordering::SeqCst);
        let row = match step {
            Step::Update(row) => {
                raise(self.db(), row, views).await?;
                row
            }
            Step::UpdateRaw(row) => {
                let sql =
                    format!("UPDATE article SET views = max(views, {views}) WHERE id = {row}");
                self.db().execute_unprepared(&sql).await?;
                row
            }
            Step::Replace(row) => {
                let transaction = self.db().begin_with_options(immediate()).await?;
                let old = article::Entity::find_by_id(row)
                    .one(&transaction)
                    .await?
                    .unwrap();
                article::Entity::delete_by_id(row)
                    .exec(&transaction)
                    .await?;
                let new = article::ActiveModel {
                    id: Set(row),
                    author_id: Set(1),
                    title: Set("row".to_owned()),
                    views: Set(Ord::max(old.views, i32::try_from(views).unwrap())),
                };
                article::Entity::insert(new).exec(&transaction).await?;
                transaction.commit().await?;
                row
            }
            other => unreachable!("{other:?} is no write"),
        };
        self.acknowledged.write(row, views);
        Ok(())
    }

    async fn both(&self, one: i32, other: i32, inner: End, outer: End) -> Result<(), DbErr> {
        let views = self.next.fetch_add(2, Ordering::SeqCst);
        let transaction = self.db().begin_with_options(immediate()).await?;
        raise(&transaction, one, views).await?;
        let savepoint = transaction.begin().await?;
        raise(&savepoint, other, views + 1).await?;
        end(savepoint, inner).await?;
        end(transaction, outer).await?;
        if matches!(outer, End::Commit) {
            self.acknowledged.write(one, views);
            if matches!(inner, End::Commit) {
                self.acknowledged.write(other, views + 1);
            }
        }
        Ok(())
    }

    /// At a quiet point, all that the cache answers is what the database has.
    async fn compare(&self) {
        let stored = article::Entity::find().order_by_asc(article::Column::Id);
        let stored = stored.all(&self.service.raw).await.unwrap();
        let stored: Vec<i64> = std::iter::once(0)
            .chain(stored.iter().map(|row| i64::from(row.views)))
            .collect();
        assert_eq!(self.list().await.unwrap(), stored);
        assert_eq!(self.many().await.unwrap(), stored);
        assert_eq!(self.composed().await.unwrap(), stored);
        let raised = article::Entity::find().filter(article::Column::Views.gt(0));
        let articles = self.db().repository::<article::Entity>();
        let count = articles.count(raised).await.unwrap();
        assert_eq!(
            count,
            stored.iter().filter(|views| **views > 0).count() as u64
        );
    }
}

fn immediate() -> sea_orm::TransactionOptions {
    sea_orm::TransactionOptions {
        sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
        ..Default::default()
    }
}

async fn raise(db: &impl sea_orm::ConnectionTrait, row: i32, views: i64) -> Result<(), DbErr> {
    let least = Expr::col(article::Column::Views).lt(views);
    article::Entity::update_many()
        .col_expr(article::Column::Views, Expr::value(views))
        .filter(article::Column::Id.eq(row))
        .filter(least)
        .exec(db)
        .await
        .map(drop)
}

async fn end(transaction: impl sea_orm::TransactionSession, end: End) -> Result<(), DbErr> {
    match end {
        End::Commit => transaction.commit().await,
        End::RollBack => transaction.rollback().await,
        End::Drop => Ok(()),
    }
}

/// Runs each client's steps, all clients at once, and compares when they are done.
async fn run(plans: Vec<Vec<Step>>) {
    let world = World::new().await;
    let clients: Vec<_> = plans
        .into_iter()
        .map(|plan| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                for step in plan {
                    world.step(step).await.unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    world.service.larder.close().await;
    world.compare().await;
}

/// The other modules name the rules one by one; this one looks for what they do not think of.
#[test]
fn concurrent_clients_never_read_what_was_overwritten_before() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases: 24,
        max_shrink_iters: 64,
        failure_persistence: None,
        ..Config::default()
    };
    let plan = prop::collection::vec(step(), 20..60);
    let plans = prop::collection::vec(plan, CLIENTS);
    let outcome = TestRunner::new(config).run(&plans, |plans| {
        let run = runtime.block_on(runtime.spawn(run(plans)));
        run.map_err(|error| TestCaseError::fail(error.to_string()))
    });
    outcome.unwrap();
}
