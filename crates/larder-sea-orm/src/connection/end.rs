//! Transactions: how they end.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbErr, TransactionSession};
use tracing::Instrument as _;

use super::{CachedConnection, Link, Open};
use crate::domain::{Domain, joined};
use crate::outcome::{Outcome, of_commit};
use crate::session::{Ended, Session};

/// # Cancellation
/// Once polled, `commit` and `rollback` go on to their end without their caller: a COMMIT that was sent is
/// published. Before that, while a statement of the same connection is still in flight, a caller that goes away
/// takes the transaction with it.
#[async_trait::async_trait]
impl<C> TransactionSession for CachedConnection<C>
where
    C: ConnectionTrait + TransactionSession + Send + Sync + 'static,
{
    async fn commit(self) -> Result<(), DbErr> {
        let (domain, mut open) = self.into_transaction()?;
        // The turn is taken before the task begins, so that nothing of this connection comes in between.
        let turn = open.session.turn().await;
        let larder = domain.larder.clone();
        let task = async move {
            let _turn = turn;
            let (session, conn) = (Arc::clone(&open.session), open.take());
            commit(&domain, &session, conn).await
        };
        joined(larder.spawn(task.in_current_span())).await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        let (domain, mut open) = self.into_transaction()?;
        let turn = open.session.turn().await;
        let larder = domain.larder.clone();
        let task = async move {
            let _turn = turn;
            let (session, conn) = (Arc::clone(&open.session), open.take());
            // Before it is sent: whatever becomes of it, the changes are not kept.
            let nevertheless = session.frames().roll_back();
            let answer = conn.rollback().await;
            if let Some(held) = nevertheless {
                domain.publish_held(held).await;
            }
            answer
        };
        joined(larder.spawn(task.in_current_span())).await
    }
}

impl<C> CachedConnection<C> {
    fn into_transaction(self) -> Result<(Arc<Domain>, Open<C>), DbErr> {
        match self.link {
            Link::Transaction(open) => Ok((self.domain, open)),
            Link::Pool(_) => Err(DbErr::Custom("a pool is no transaction".to_owned())),
        }
    }
}

/// Releases the deepest savepoint, or commits and publishes.
async fn commit<C>(domain: &Arc<Domain>, session: &Arc<Session>, conn: C) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionSession,
{
    let backend = conn.get_database_backend();
    let mut held = Unpublished {
        domain,
        session,
        open: true,
    };
    let _landing = domain.landings.begin();
    let answer = conn.commit().await;
    match (held.take(), &answer) {
        (Ended::Savepoint(held), _) | (Ended::Transaction(held), Ok(())) => {
            domain.publish_held(held).await;
        }
        (Ended::Transaction(held), Err(error)) => {
            if of_commit(error, backend) == Outcome::Unknown {
                domain.publish_held_unsure(held);
            }
        }
    }
    answer
}

/// The changes of a COMMIT in flight. Dropped with them, nobody knows whether it was carried out.
struct Unpublished<'a> {
    domain: &'a Arc<Domain>,
    session: &'a Session,
    open: bool,
}

impl Unpublished<'_> {
    fn take(&mut self) -> Ended {
        self.open = false;
        self.session.frames().commit()
    }
}

impl Drop for Unpublished<'_> {
    fn drop(&mut self) {
        if self.open {
            let (Ended::Savepoint(held) | Ended::Transaction(held)) = self.take();
            self.domain.publish_held_unsure(held);
        }
    }
}
