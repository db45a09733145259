//! Statements: reads are recorded and sent, writes take the way of their connection.

use larder_core::Refusal;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, StatementBuilder,
};

use super::{CachedConnection, Link, autocommit, within};
use crate::bypass::own;
use crate::session::Turn;
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
        match Intent::of_raw(&statement, &self.domain) {
            Intent::Read(read) => {
                let _turn = self.reading(&read.untold()).await;
                self.noticed(own(self.inner().execute_raw(statement)).await)
            }
            Intent::Write(write) => self.done(write).await,
        }
    }

    async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
        match Intent::of(statement, &self.domain) {
            Intent::Read(read) => {
                let _turn = self.reading(&read.untold()).await;
                self.noticed(own(self.inner().execute(statement)).await)
            }
            Intent::Write(write) => self.done(write).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match Intent::of_unprepared(sql, &self.domain) {
            Intent::Read(read) => {
                let _turn = self.reading(&read.untold()).await;
                self.noticed(own(self.inner().execute_unprepared(sql)).await)
            }
            Intent::Write(write) => self.done(write).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match Intent::of_raw(&statement, &self.domain) {
            Intent::Read(read) => {
                let read = read.of_first();
                let _turn = self.reading(&read).await;
                let row = self.noticed(own(self.inner().query_one_raw(statement)).await);
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
        match Intent::of(statement, &self.domain) {
            Intent::Read(read) => {
                let read = read.of_first();
                let _turn = self.reading(&read).await;
                let row = self.noticed(own(self.inner().query_one(statement)).await);
                self.told(&read, row.as_ref().map(Option::as_slice));
                row
            }
            Intent::Write(write) => Ok(self.rows(write).await?.into_iter().next()),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match Intent::of_raw(&statement, &self.domain) {
            Intent::Read(read) => {
                let _turn = self.reading(&read).await;
                let rows = self.noticed(own(self.inner().query_all_raw(statement)).await);
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
        match Intent::of(statement, &self.domain) {
            Intent::Read(read) => {
                let _turn = self.reading(&read).await;
                let rows = self.noticed(own(self.inner().query_all(statement)).await);
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

impl<C> CachedConnection<C> {
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
    fn noticed<T>(&self, answer: Result<T, DbErr>) -> Result<T, DbErr> {
        if let (Err(error), Some(session)) = (&answer, self.session()) {
            session.failed(error);
        }
        answer
    }

    /// Records a read in the read scope around it.
    pub(crate) fn record(&self, read: &Read) {
        self.domain
            .record(read, self.session().map(|session| &**session));
    }

    /// Records the rows an answer is made of; without an answer it may be made of any.
    fn told(&self, read: &Read, rows: Result<&[QueryResult], &DbErr>) {
        let session = self.session().map(|session| &**session);
        self.domain.record_rows(read, rows.ok(), session);
    }

    /// Returns why what is read now must not be kept, whatever it is.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.domain
            .refusal(self.session().map(|session| &**session))
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

    async fn write(&self, write: Box<Write>, wanted: Wanted) -> Result<Answer, DbErr> {
        // What is made with the answer of a write would be kept without writing again.
        self.domain.larder.refuse(write.refusal.refusal());
        match &self.link {
            Link::Pool(pool) => autocommit::write(&self.domain, pool, write, wanted).await,
            Link::Transaction(open) => {
                within::write(&self.domain, &open.session, open.conn(), write, wanted).await
            }
        }
    }
}
