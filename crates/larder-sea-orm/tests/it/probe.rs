//! A connection between the cache and the database that counts, holds back and loses statements.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult,
    RuntimeErr, Statement, StatementBuilder, StreamTrait, TransactionError, TransactionOptions,
    TransactionSession, TransactionTrait,
};
use tokio::sync::watch;

/// A pool or transaction of a database, under control.
#[derive(Clone, Debug)]
pub(crate) struct Probe<C> {
    inner: C,
    pub(crate) control: Control,
}

/// What was sent, and what is to happen to what will be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Control(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    sent: Vec<String>,
    rules: Vec<Rule>,
}

/// When a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Before the statement is sent.
    Before,
    /// After the database has answered.
    After,
}

#[derive(Clone, Debug)]
struct Rule {
    point: Point,
    text: String,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Hold(Arc<Gate>),
    Lose,
    Panic,
}

#[derive(Debug)]
struct Gate {
    reached: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

/// A statement that is held back until this is released or dropped.
#[derive(Debug)]
pub(crate) struct Held(Arc<Gate>);

impl Held {
    /// Waits until a statement has come to the point where it is held.
    pub(crate) async fn reached(&self) {
        let mut reached = self.0.reached.subscribe();
        let wait = reached.wait_for(|reached| *reached);
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), wait).await;
        waited
            .expect("no statement came within 20 seconds")
            .expect("the gate is gone");
    }

    /// Lets the statement go on.
    pub(crate) fn release(self) {
        drop(self);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.open.send_replace(true);
    }
}

impl Control {
    /// Returns what was sent since the last look, BEGIN and COMMIT left out.
    pub(crate) fn sent(&self) -> Vec<String> {
        let sent = std::mem::take(&mut self.state().sent);
        sent.into_iter()
            .filter(|sql| !is_transaction_control(sql))
            .collect()
    }

    /// Returns what was sent since the last look, BEGIN and COMMIT included.
    pub(crate) fn all_sent(&self) -> Vec<String> {
        std::mem::take(&mut self.state().sent)
    }

    /// Holds back the next statement that has `text` in it.
    pub(crate) fn hold(&self, point: Point, text: &str) -> Held {
        let gate = Arc::new(Gate {
            reached: watch::Sender::new(false),
            open: watch::Sender::new(false),
        });
        self.rule(point, text, Action::Hold(Arc::clone(&gate)));
        Held(gate)
    }

    /// Answers the next statement that has `text` in it with a lost connection.
    pub(crate) fn lose(&self, point: Point, text: &str) {
        self.rule(point, text, Action::Lose);
    }

    /// Panics in the next statement that has `text` in it.
    pub(crate) fn panic(&self, point: Point, text: &str) {
        self.rule(point, text, Action::Panic);
    }

    fn rule(&self, point: Point, text: &str, action: Action) {
        self.state().rules.push(Rule {
            point,
            text: text.to_owned(),
            action,
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn matching(&self, point: Point, sql: &str) -> Option<Action> {
        let mut state = self.state();
        if point == Point::Before {
            state.sent.push(sql.to_owned());
        }
        let found = state
            .rules
            .iter()
            .position(|rule| rule.point == point && sql.contains(&rule.text))?;
        Some(state.rules.remove(found).action)
    }

    async fn pass(&self, point: Point, sql: &str) -> Result<(), DbErr> {
        match self.matching(point, sql) {
            None => Ok(()),
            Some(Action::Lose) => Err(DbErr::Conn(RuntimeErr::Internal(
                "connection lost".to_owned(),
            ))),
            Some(Action::Panic) => panic!("a statement panicked, as asked for"),
            Some(Action::Hold(gate)) => {
                gate.reached.send_replace(true);
                let mut open = gate.open.subscribe();
                open.wait_for(|open| *open).await.expect("the gate is gone");
                Ok(())
            }
        }
    }

    async fn around<T>(
        &self,
        sql: &str,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        self.pass(Point::Before, sql).await?;
        let answer = work.await?;
        self.pass(Point::After, sql).await?;
        Ok(answer)
    }
}

fn is_transaction_control(sql: &str) -> bool {
    ["BEGIN", "COMMIT", "ROLLBACK"].contains(&sql)
}

impl<C> Probe<C> {
    pub(crate) fn new(inner: C) -> Self {
        Self {
            inner,
            control: Control::default(),
        }
    }

    pub(crate) fn inner(&self) -> &C {
        &self.inner
    }

    fn child<T>(&self, inner: T) -> Probe<T> {
        Probe {
            inner,
            control: self.control.clone(),
        }
    }
}

#[async_trait::async_trait]
impl<C: ConnectionTrait + Send> ConnectionTrait for Probe<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let sql = statement.sql.clone();
        self.control
            .around(&sql, self.inner.execute_raw(statement))
            .await
    }

    async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
        let sql = statement.build(&self.get_database_backend()).sql;
        self.control
            .around(&sql, self.inner.execute(statement))
            .await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.control
            .around(sql, self.inner.execute_unprepared(sql))
            .await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let sql = statement.sql.clone();
        self.control
            .around(&sql, self.inner.query_one_raw(statement))
            .await
    }

    async fn query_one<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Option<QueryResult>, DbErr> {
        let sql = statement.build(&self.get_database_backend()).sql;
        self.control
            .around(&sql, self.inner.query_one(statement))
            .await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let sql = statement.sql.clone();
        self.control
            .around(&sql, self.inner.query_all_raw(statement))
            .await
    }

    async fn query_all<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let sql = statement.build(&self.get_database_backend()).sql;
        self.control
            .around(&sql, self.inner.query_all(statement))
            .await
    }

    fn support_returning(&self) -> bool {
        self.inner.support_returning()
    }
}

type Streaming<'a, S> = Pin<Box<dyn Future<Output = Result<S, DbErr>> + Send + 'a>>;

impl<C: StreamTrait> StreamTrait for Probe<C> {
    type Stream<'a>
        = C::Stream<'a>
    where
        C: 'a;

    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    fn stream_raw(&self, statement: Statement) -> Streaming<'_, Self::Stream<'_>> {
        Box::pin(async move {
            let sql = statement.sql.clone();
            self.control
                .around(&sql, self.inner.stream_raw(statement))
                .await
        })
    }
}

type Closure<'c, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;

#[async_trait::async_trait]
impl<C> TransactionTrait for Probe<C>
where
    C: TransactionTrait + Send,
    C::Transaction: Sync,
{
    type Transaction = Probe<C::Transaction>;

    async fn begin(&self) -> Result<Self::Transaction, DbErr> {
        Ok(self.child(self.control.around("BEGIN", self.inner.begin()).await?))
    }

    async fn begin_with_config(
        &self,
        isolation: Option<IsolationLevel>,
        access: Option<AccessMode>,
    ) -> Result<Self::Transaction, DbErr> {
        let begin = self.inner.begin_with_config(isolation, access);
        Ok(self.child(self.control.around("BEGIN", begin).await?))
    }

    async fn begin_with_options(
        &self,
        options: TransactionOptions,
    ) -> Result<Self::Transaction, DbErr> {
        let begin = self.inner.begin_with_options(options);
        Ok(self.child(self.control.around("BEGIN", begin).await?))
    }

    async fn transaction<F, T, E>(&self, _: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self::Transaction) -> Closure<'c, T, E> + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        unimplemented!("the cache runs the closure itself")
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        _: F,
        _: Option<IsolationLevel>,
        _: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self::Transaction) -> Closure<'c, T, E> + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        unimplemented!("the cache runs the closure itself")
    }
}

#[async_trait::async_trait]
impl<C: TransactionSession + Send> TransactionSession for Probe<C> {
    async fn commit(self) -> Result<(), DbErr> {
        let Self { inner, control } = self;
        control.around("COMMIT", inner.commit()).await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        let Self { inner, control } = self;
        control.around("ROLLBACK", inner.rollback()).await
    }
}
