//! Writes of many rows, told row by row: the rows are read and locked before they change.
//!
//! The rows are read in the write's own transaction. Rows that others insert in between are not among them, so the
//! database must have written as many rows as were read; otherwise the write is taken for one of rows not known. Rows
//! that the write names by their keys are read by those, whatever else it says.

use std::sync::Arc;

use futures_util::FutureExt as _;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionSession as _, TransactionTrait,
};
use tracing::Instrument as _;

use super::CachedConnection;
use crate::analysis::{Followed, Following};
use crate::bypass::own;
use crate::domain::{Domain, SendExactly, joined};
use crate::restricted::Rights;
use crate::session::Session;
use crate::statement::{Answer, Wanted, Write};

/// Returns how a write is sent in a transaction of its own on `pool`.
pub(crate) fn exactly<C>(pool: &Arc<C>) -> Box<SendExactly>
where
    C: ConnectionTrait + TransactionTrait + Send + Sync + 'static,
    C::Transaction: Sync + 'static,
{
    let pool = Arc::clone(pool);
    Box::new(move |domain, write, wanted| {
        let larder = domain.larder.clone();
        let db = CachedConnection::pool(domain, Arc::clone(&pool));
        // A task of its own, as for every write outside a transaction: whoever asked may go away.
        let task = async move { send(&db, write, wanted).await };
        joined(larder.spawn(task.in_current_span())).boxed()
    })
}

async fn send<C>(
    db: &CachedConnection<C>,
    write: Box<Write>,
    wanted: Wanted,
) -> Result<Answer, DbErr>
where
    C: ConnectionTrait + TransactionTrait + Send + Sync + 'static,
    C::Transaction: Sync + 'static,
{
    let options = TransactionOptions {
        // One that reads first and writes then may be refused by SQLite.
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = db.begin_with_options(options).await?;
    let answer = transaction.write(write, wanted).await;
    match answer {
        Ok(answer) => transaction.commit().await.map(|()| answer),
        Err(error) => {
            // The write's own error is the one to tell.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

/// Reads the rows that a write is about to change, if they are to be told.
///
/// # Errors
/// What the database answers: it may end the transaction, as an error of the write itself may.
pub(super) async fn read_before<C: ConnectionTrait + 'static>(
    domain: &Domain,
    session: &Session,
    wrote: bool,
    conn: &C,
    write: &mut Write,
) -> Result<(), DbErr> {
    // Who may write need not have the right to read.
    let restricted = Rights::over(conn).is_some();
    // A transaction of SQLite that has not written yet may not be able to once it has read.
    let may_read = domain.backend != DbBackend::Sqlite || wrote || session.is_immediate();
    if !may_read || restricted {
        return Ok(());
    }
    if let Some((how, select)) = write.preimage(domain) {
        let rows = own(conn.query_all_raw(select)).await;
        if let Err(error) = &rows {
            session.failed(error);
        }
        write.read_before(how, rows?);
        let mut followed = Followed::new();
        for following in write.following(domain) {
            followed.push(match following {
                Following::Unknown => None,
                Following::Nothing => Some(Vec::new()),
                Following::Rows(select) => {
                    let rows = own(conn.query_all(&*select)).await;
                    if let Err(error) = &rows {
                        session.failed(error);
                    }
                    Some(rows?)
                }
            });
        }
        write.follow(followed);
    }
    Ok(())
}
