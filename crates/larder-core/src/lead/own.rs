//! A load that changes something itself, and is made of what comes after that change.

use crate::change::Change;
use crate::error::PublishError;
use crate::lead::Lead;
use crate::position::Position;
use crate::refusal::Refusal;

impl<V: Send + Sync + 'static> Lead<V> {
    /// Publishes changes that are this load's own: its value is what they led to, and is not made invalid
    /// by them. For integrators.
    ///
    /// Only if they are all that happened since its stamp: if anything else has a position between, or is
    /// committed and has none yet, the value is not kept. Whatever it was, the load may have been its
    /// author, and made its value of what it wrote without having read it.
    ///
    /// # Errors
    /// As [`Larder::publish`](crate::Larder::publish); then too it is not kept.
    pub async fn publish(&mut self, changes: Vec<Change>) -> Result<Position, PublishError> {
        let larder = &self.region.larder;
        let is_quiet = larder.node().pending.is_quiet();
        let published = larder.publish_all(changes).await;
        match published {
            // Positions only rise, and all below the stamp's were visible: this one is the first since.
            Ok(own) if is_quiet && own == self.stamp.position => {
                self.scope.pass(own);
                self.stamp.position = own.next();
            }
            Ok(_) | Err(_) => self.scope.refuse(Refusal::Changed),
        }
        published
    }
}
