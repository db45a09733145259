//! A write inside a transaction: held until the transaction commits.

use std::sync::Arc;

use larder_core::Change;
use sea_orm::{ConnectionTrait, DbErr};

use super::exact::read_before;
use crate::bypass::own;
use crate::domain::Domain;
use crate::outcome::{Outcome, of_statement};
use crate::session::{Held, Session};
use crate::statement::{Answer, SessionChange, Wanted, Write};

/// Sends a write and holds what it changed.
pub(super) async fn write<C: ConnectionTrait + 'static>(
    domain: &Arc<Domain>,
    session: &Arc<Session>,
    conn: &C,
    mut write: Box<Write>,
    wanted: Wanted,
) -> Result<Answer, DbErr> {
    let _turn = session.turn().await;
    let wrote = session.wrote();
    // Before it is sent: what is read from now on may be the transaction's own.
    session.writing();
    read_before(domain, session, wrote, conn, &mut write).await?;
    if write.session == SessionChange::Lasting {
        domain.by_hand.change();
    }
    let mut flight = InFlight {
        domain,
        session,
        write: &write,
        landed: false,
    };
    let answer = own(write.statement.send(conn, wanted)).await;
    let now = flight.landed(&answer);
    domain.publish_held(now).await;
    answer
}

/// A write that was sent. Dropped before it has landed, it may have been carried out all the same.
struct InFlight<'a> {
    domain: &'a Arc<Domain>,
    session: &'a Session,
    write: &'a Write,
    landed: bool,
}

impl InFlight<'_> {
    /// Holds what the write changed, as far as its answer tells.
    ///
    /// Returns what must not wait for the end of the transaction, because that may be past.
    fn landed(&mut self, answer: &Result<Answer, DbErr>) -> Held {
        self.landed = true;
        match answer {
            Ok(answer) => self.hold(self.domain.changes(self.write, answer, 0)),
            Err(error) => {
                self.session.failed(error);
                match of_statement(error, self.domain.backend) {
                    Outcome::Refused if self.write.all_or_nothing => Held::default(),
                    _ => self.hold(self.write.at_most(self.domain)),
                }
            }
        }
    }

    fn hold(&self, changes: Vec<Change>) -> Held {
        let mut frames = self.session.frames();
        let ends = self.write.control.is_some() || self.write.session != SessionChange::Nothing;
        if ends {
            return frames.ended_by_hand();
        }
        frames.record(changes, self.write.schema)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.landed {
            let now = self.hold(self.write.at_most(self.domain));
            self.domain.publish_held_unsure(now);
        }
    }
}
