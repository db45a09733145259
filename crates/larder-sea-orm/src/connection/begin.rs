//! Transactions: how they begin.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use sea_orm::{
    AccessMode, ConnectionTrait, DbErr, IsolationLevel, SqliteTransactionMode, TransactionError,
    TransactionOptions, TransactionSession, TransactionTrait,
};

use super::{CachedConnection, Link, Open};
use crate::session::Session;
use crate::view::view;

type Closure<'c, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;

#[async_trait::async_trait]
impl<C> TransactionTrait for CachedConnection<C>
where
    C: ConnectionTrait + TransactionTrait + Send + Sync + 'static,
    C::Transaction: Sync + 'static,
{
    type Transaction = CachedConnection<C::Transaction>;

    async fn begin(&self) -> Result<Self::Transaction, DbErr> {
        self.child(None, self.inner().begin()).await
    }

    async fn begin_with_config(
        &self,
        isolation: Option<IsolationLevel>,
        access: Option<AccessMode>,
    ) -> Result<Self::Transaction, DbErr> {
        self.child(isolation, self.inner().begin_with_config(isolation, access))
            .await
    }

    async fn begin_with_options(
        &self,
        options: TransactionOptions,
    ) -> Result<Self::Transaction, DbErr> {
        let immediate = matches!(
            options.sqlite_transaction_mode,
            Some(SqliteTransactionMode::Immediate | SqliteTransactionMode::Exclusive)
        );
        let begin = self.inner().begin_with_options(options);
        let transaction = self.child(options.isolation_level, begin).await?;
        if let (Link::Pool(_), Link::Transaction(open), true) =
            (&self.link, &transaction.link, immediate)
        {
            open.session.set_immediate();
        }
        Ok(transaction)
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self::Transaction) -> Closure<'c, T, E> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        let transaction = self.begin().await?;
        finish(transaction, callback).await
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation: Option<IsolationLevel>,
        access: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self::Transaction) -> Closure<'c, T, E> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        let transaction = self.begin_with_config(isolation, access).await?;
        finish(transaction, callback).await
    }
}

impl<C: ConnectionTrait + Send + Sync + 'static> CachedConnection<C> {
    /// Begins a transaction, or a savepoint of the one this is.
    async fn child<T: Send + 'static>(
        &self,
        asked: Option<IsolationLevel>,
        begin: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<CachedConnection<T>, DbErr> {
        let (conn, session) = match &self.link {
            Link::Pool(pool) => {
                // The stamp first: a snapshot taken by BEGIN misses what is published after it.
                let stamp = self.domain.larder.stamp();
                let view = view(pool.get_database_backend(), asked);
                (
                    begin.await?,
                    Session::new(Arc::clone(&self.domain), stamp, view),
                )
            }
            Link::Transaction(open) => {
                let _turn = open.session.turn().await;
                let mut savepoint = Savepoint {
                    session: &open.session,
                    open: false,
                };
                let conn = begin.await?;
                savepoint.open = true;
                (conn, Arc::clone(&open.session))
            }
        };
        let doom = |session: &Arc<Session>, conn| session.doom(Box::new(conn));
        let open = Open {
            conn: Some(conn),
            session,
            doom,
        };
        Ok(CachedConnection {
            domain: Arc::clone(&self.domain),
            reader: self.reader.clone(),
            link: Link::Transaction(open),
        })
    }
}

/// A savepoint about to be opened. `SeaORM` rolls back the one before if that fails or is given up.
struct Savepoint<'a> {
    session: &'a Session,
    open: bool,
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        let mut frames = self.session.frames();
        if self.open {
            frames.push();
        } else {
            frames.doubt();
        }
    }
}

/// Runs the closure of a transaction and ends it as it went.
async fn finish<X, F, T, E>(transaction: X, callback: F) -> Result<T, TransactionError<E>>
where
    X: TransactionSession + Send + Sync,
    F: for<'c> FnOnce(&'c X) -> Closure<'c, T, E> + Send,
    T: Send,
    E: fmt::Display + fmt::Debug + Send,
{
    match callback(&transaction).await {
        Ok(value) => {
            transaction.commit().await?;
            Ok(value)
        }
        Err(error) => {
            transaction.rollback().await?;
            Err(TransactionError::Transaction(error))
        }
    }
}
