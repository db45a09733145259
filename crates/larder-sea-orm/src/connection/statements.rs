//! Statements: reads are recorded and sent, writes take the way of their connection.

use larder_core::{ReadScope, Refusal};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, StatementBuilder,
};

use super::{CachedConnection, Link, autocommit, within};
use crate::bypass::own;
use crate::restricted::{Rights, is_for_all};
use crate::session::{Told, Turn};
use crate::statement::{Answer, Intent, Read, Wanted, Write};

#[async_trait::async_trait]
impl<C> ConnectionTrait for CachedConnection<C>
where
    C: ConnectionTrait + Send + Sync + 'static,
{
    fn get_database_backend(&self) -> DbBackend {
        self.inner().get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match Intent::of_raw(&statement, &self.domain, &self.reader) {
            Intent::Read(read) => {
                let read = read.untold();
                let _turn = self.reading(&read).await;
                self.noticed(&read, own(self.inner().execute_raw(statement)).await)
            }
            Intent::Write(write) => self.done(write).await,
        }
    }

    async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
        match Intent::of(statement, &self.domain, &self.reader) {
            Intent::Read(read) => {
                let read = read.untold();
                let _turn = self.reading(&read).await;
                self.noticed(&read, own(self.inner().execute(statement)).await)
            }
            Intent::Write(write) => self.done(write).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match Intent::of_unprepared(sql, &self.domain, &self.reader) {
            Intent::Read(read) => {
                let read = read.untold();
                let _turn = self.reading(&read).await;
                self.noticed(&read, own(self.inner().execute_unprepared(sql)).await)
            }
            Intent::Write(write) => self.done(write).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match Intent::of_raw(&statement, &self.domain, &self.reader) {
            Intent::Read(read) => {
                let read = read.of_first();
                let _turn = self.reading(&read).await;
                let row = self.noticed(&read, own(self.inner().query_one_raw(statement)).await);
                self.told(&read, row.as_ref().map(Option::as_slice));
                row
            }
            Intent::Write(write) => Ok(self.rows(write).await?.into_iter().next()),
        }
    }

    async fn query_one<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Option<QueryResult>, DbErr> {
        match Intent::of(statement, &self.domain, &self.reader) {
            Intent::Read(read) => {
                let read = read.of_first();
                let _turn = self.reading(&read).await;
                let row = self.noticed(&read, own(self.inner().query_one(statement)).await);
                self.told(&read, row.as_ref().map(Option::as_slice));
                row
            }
            Intent::Write(write) => Ok(self.rows(write).await?.into_iter().next()),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match Intent::of_raw(&statement, &self.domain, &self.reader) {
            Intent::Read(read) => {
                let _turn = self.reading(&read).await;
                let rows = self.noticed(&read, own(self.inner().query_all_raw(statement)).await);
                self.told(&read, rows.as_deref());
                rows
            }
            Intent::Write(write) => self.rows(write).await,
        }
    }

    async fn query_all<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Vec<QueryResult>, DbErr> {
        match Intent::of(statement, &self.domain, &self.reader) {
            Intent::Read(read) => {
                let _turn = self.reading(&read).await;
                let rows = self.noticed(&read, own(self.inner().query_all(statement)).await);
                self.told(&read, rows.as_deref());
                rows
            }
            Intent::Write(write) => self.rows(write).await,
        }
    }

    fn support_returning(&self) -> bool {
        self.inner().support_returning()
    }

    fn is_mock_connection(&self) -> bool {
        self.inner().is_mock_connection()
    }
}

impl<C: 'static> CachedConnection<C> {
    /// Records a read that is about to be sent, once the connection is free.
    pub(super) async fn reading(&self, read: &Read) -> Option<Turn> {
        let turn = match self.session() {
            Some(session) => {
                let turn = session.turn().await;
                session.reading(read);
                Some(turn)
            }
            None => None,
        };
        self.record(read);
        turn
    }

    /// Passes the answer of a read on; an error may have ended the transaction.
    fn noticed<T>(&self, read: &Read, answer: Result<T, DbErr>) -> Result<T, DbErr> {
        match (&answer, self.session()) {
            (Ok(_), Some(session)) => session.told(read),
            (Err(error), Some(session)) => session.failed(error),
            (_, None) => {}
        }
        answer
    }

    /// Records a read in the read scope around it.
    pub(crate) fn record(&self, read: &Read) {
        if read.tells.is_some() {
            return;
        }
        self.domain
            .record(read, self.session().map(|session| &**session));
        self.narrow();
        if let Some(refusal) = self.unknown_reader() {
            self.domain.larder.refuse(refusal);
        }
    }

    /// Records the rows an answer is made of; without an answer it may be made of any.
    fn told(&self, read: &Read, rows: Result<&[QueryResult], &DbErr>) {
        let session = self.session().map(|session| &**session);
        self.domain.record_rows(read, rows.ok(), session);
    }

    /// Narrows what is being made of what is read here to those who may read it.
    pub(crate) fn narrow(&self) {
        self.reader.narrow();
        let Some(scope) = ReadScope::current().filter(|_| !is_for_all()) else {
            return;
        };
        if let Some(rights) = self.rights() {
            scope.narrow(&rights.user());
            self.domain.larder.depend_on(Rights::tag(self.domain()));
        }
    }

    /// Returns the rights of the user this connection is restricted to, if it is.
    pub(crate) fn rights(&self) -> Option<Rights<'_>> {
        Rights::over(self.inner())
    }
}

impl<C> CachedConnection<C> {
    /// Returns why what is read now must not be kept, whatever it is.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let session = self.session().map(|session| &**session);
        let refusal = self.domain.refusal(session);
        refusal.or_else(|| self.unknown_reader())
    }

    /// Returns why nobody knows who reads here, if so.
    pub(crate) fn unknown_reader(&self) -> Option<Refusal> {
        let told = || {
            let session = self.session()?;
            let told = session.frames().told();
            let known = match told.settings {
                Some(settings) => settings.is_empty() || self.reader.is_named(),
                None => false,
            };
            (!known).then_some(Refusal::Uncacheable("session-setting"))
        };
        self.reader.refusal().or_else(told)
    }

    /// Returns what the database was told of who reads; `None` for a pool.
    pub(crate) fn settings(&self) -> Option<Told> {
        Some(self.session()?.frames().told())
    }
}

impl<C> CachedConnection<C>
where
    C: ConnectionTrait + Send + Sync + 'static,
{
    async fn done(&self, write: Box<Write>) -> Result<ExecResult, DbErr> {
        self.write(write, Wanted::Done).await?.into_done()
    }

    /// Sends a write that returns rows.
    pub(super) async fn rows(&self, write: Box<Write>) -> Result<Vec<QueryResult>, DbErr> {
        Ok(self.write(write, Wanted::Rows).await?.into_rows())
    }

    pub(super) async fn write(&self, write: Box<Write>, wanted: Wanted) -> Result<Answer, DbErr> {
        // What is made with the answer of a write would be kept without writing again.
        let reason = &write.refusal;
        let larder = &self.domain.larder;
        larder.refuse_with(reason.refusal(), || reason.to_string());
        match &self.link {
            // Sent over the pool that was connected, which checks no rights.
            Link::Pool(_) if self.rights().is_none() && write.preimage(&self.domain).is_some() => {
                self.domain.send_exactly(write, wanted).await
            }
            Link::Pool(pool) => autocommit::write(&self.domain, pool, write, wanted).await,
            Link::Transaction(open) => {
                within::write(&self.domain, &open.session, open.conn(), write, wanted).await
            }
        }
    }
}
