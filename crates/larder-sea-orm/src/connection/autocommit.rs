//! A write outside a transaction: sent and published by a task of its own.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbErr};
use tracing::Instrument as _;

use crate::bypass::own;
use crate::domain::{Domain, joined};
use crate::outcome::{Outcome, of_statement};
use crate::statement::{Answer, SessionChange, Wanted, Write};

/// Sends a write and publishes what it changed.
///
/// The task owns all it needs: a caller that goes away loses neither the write nor its publication.
/// What is bound to the caller's task, its read scope for one, is not there.
pub(super) async fn write<C>(
    domain: &Arc<Domain>,
    pool: &Arc<C>,
    write: Box<Write>,
    wanted: Wanted,
) -> Result<Answer, DbErr>
where
    C: ConnectionTrait + Send + Sync + 'static,
{
    let (domain, pool) = (Arc::clone(domain), Arc::clone(pool));
    let larder = domain.larder.clone();
    let task = async move {
        let flight = InFlight::new(domain, write);
        let answer = own(flight.write.statement.send(&*pool, wanted)).await;
        flight.landed(&answer).await;
        answer
    };
    joined(larder.spawn(task.in_current_span())).await
}

/// A write that was sent. Dropped before it has landed, nobody knows whether it was carried out.
struct InFlight {
    domain: Arc<Domain>,
    write: Box<Write>,
    landed: bool,
}

impl InFlight {
    fn new(domain: Arc<Domain>, write: Box<Write>) -> Self {
        domain.landings.enter();
        if write.control.is_some() {
            domain.by_hand.enter();
        }
        if write.session == SessionChange::Lasting {
            domain.by_hand.change();
        }
        Self {
            domain,
            write,
            landed: false,
        }
    }

    /// Publishes what the write changed, as far as its answer tells.
    async fn landed(mut self, answer: &Result<Answer, DbErr>) {
        let domain = &self.domain;
        if self.write.schema {
            domain.reload().await;
        }
        match answer {
            Ok(answer) => {
                domain.publish(domain.changes(&self.write, answer, 1)).await;
            }
            Err(error) => match of_statement(error, domain.backend) {
                Outcome::Refused if self.write.all_or_nothing => {}
                Outcome::Refused => domain.publish(self.write.at_most(domain)).await,
                Outcome::Unknown => domain.publish_unsure(self.write.at_most(domain)),
            },
        }
        self.landed = true;
        self.leave(answer.is_ok());
    }

    /// Ends the time in which the cache was left alone; only after the publication.
    fn leave(&self, succeeded: bool) {
        if let Some(control) = self.write.control {
            self.domain.by_hand.leave(control.opened(succeeded));
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.landed {
            if self.write.schema {
                self.domain.reload_later();
            }
            self.domain.publish_unsure(self.write.at_most(&self.domain));
            self.leave(false);
        }
        self.domain.landings.leave();
    }
}
