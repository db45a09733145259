//! One open transaction on one connection, whatever savepoints it has.

mod frames;

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use larder_core::Stamp;
use sea_orm::DbErr;
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

pub(crate) use frames::{Ended, Frames, Held, Told};

use crate::domain::Domain;
use crate::outcome::may_end_transaction;
use crate::statement::Read;
use crate::view::View;

/// What the handles of one transaction share: its changes, and whose turn it is on the connection.
pub(crate) struct Session {
    /// Taken before BEGIN: no snapshot of the transaction is older.
    pub(crate) stamp: Stamp,
    /// What its statements see.
    pub(crate) view: View,
    /// It holds the right to write since it began.
    immediate: AtomicBool,
    domain: Arc<Domain>,
    turns: Arc<Turns<()>>,
    frames: Mutex<Frames>,
    doomed: Mutex<Vec<Box<dyn Any + Send>>>,
}

impl Session {
    /// Shares a transaction that has just begun.
    pub(crate) fn new(domain: Arc<Domain>, stamp: Stamp, view: View) -> Arc<Self> {
        Arc::new(Self {
            stamp,
            view,
            immediate: AtomicBool::new(false),
            domain,
            turns: Arc::default(),
            frames: Mutex::new(Frames::new()),
            doomed: Mutex::default(),
        })
    }

    /// Notes that the transaction holds the right to write since it began.
    pub(crate) fn set_immediate(&self) {
        self.immediate.store(true, Ordering::Relaxed);
    }

    /// Tells whether the transaction holds the right to write since it began.
    pub(crate) fn is_immediate(&self) -> bool {
        self.immediate.load(Ordering::Relaxed)
    }

    /// Waits until no other statement of this transaction is in flight.
    pub(crate) async fn turn(self: &Arc<Self>) -> Turn {
        let held = Arc::clone(&self.turns).lock_owned().await;
        Turn {
            session: Arc::clone(self),
            held: Some(held),
        }
    }

    /// Rolls back what `transaction` began, now or when the statement in flight has ended.
    ///
    /// `SeaORM` panics when a transaction is dropped while its connection is in use, which another
    /// handle of the same connection may do at any time.
    pub(crate) fn doom(self: &Arc<Self>, transaction: Box<dyn Any + Send>) {
        lock(&self.doomed).push(transaction);
        // Whoever holds the turn looks at the doomed when it ends, and once more after it has.
        if let Ok(held) = Arc::clone(&self.turns).try_lock_owned() {
            drop(Turn {
                session: Arc::clone(self),
                held: Some(held),
            });
        }
    }

    /// Notes that a statement which may write is about to be sent.
    pub(crate) fn writing(&self) {
        self.frames().writing();
    }

    /// Tells whether the transaction has written, also in a savepoint that was rolled back.
    pub(crate) fn wrote(&self) -> bool {
        self.frames().wrote()
    }

    /// Takes note of a read before it is sent: one that is not plain may lock what it reads.
    ///
    /// Who holds a lock wants to see the last commit, not one that is nearly the last.
    pub(crate) fn reading(&self, read: &Read) {
        if read.dependencies.is_err() {
            self.frames().locking();
        }
        if read.tells.is_some() {
            self.frames().telling();
        }
    }

    /// Takes note of what a read that was answered has told the database.
    pub(crate) fn told(&self, read: &Read) {
        if let Some(settings) = &read.tells {
            self.frames().tell(settings.clone());
        }
    }

    /// Tells whether the transaction must see the database itself.
    pub(crate) fn bypasses(&self) -> bool {
        self.frames().bypasses()
    }

    /// Takes note of a statement's error: it may have ended the transaction.
    pub(crate) fn failed(&self, error: &DbErr) {
        if may_end_transaction(error, self.domain.backend) {
            self.frames().doubt();
        }
    }

    /// Returns the changes held.
    pub(crate) fn frames(&self) -> MutexGuard<'_, Frames> {
        lock(&self.frames)
    }

    fn roll_back_doomed(&self) {
        let doomed = std::mem::take(&mut *lock(&self.doomed));
        for transaction in doomed.into_iter().rev() {
            drop(transaction);
            let nevertheless = self.frames().roll_back();
            if let Some(held) = nevertheless {
                self.domain.publish_unsure(held.changes);
            }
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}

/// The right to use the connection, for one statement or one stream.
#[derive(Debug)]
pub(crate) struct Turn {
    session: Arc<Session>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turn {
    /// Takes note of the error of a statement whose turn this is.
    pub(crate) fn failed(&self, error: &DbErr) {
        self.session.failed(error);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        while self.held.is_some() {
            self.session.roll_back_doomed();
            self.held = None;
            if !lock(&self.session.doomed).is_empty() {
                self.held = Arc::clone(&self.session.turns).try_lock_owned().ok();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
