//! The ordered log of changes.

mod local;
mod wire;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use self::local::LocalBus;
pub use self::wire::{decode, encode};
use crate::change::Change;
use crate::error::BusError;
use crate::node::Node;
use crate::position::Position;

/// A future as the contracts return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Orders changes and brings them to every node.
///
/// # Contract
/// * A position is given once, and higher than all given before.
/// * [`Node::advance`] is called only after every change below that position was applied on the
///   node, and never because of the node's own publication alone.
/// * [`Node::set_heard`] gets the moment a read was *sent* whose reply reached the end of the log
///   and was applied; a bus within the process gives [`Moment::MAX`](crate::Moment::MAX).
/// * `publish` returns after the publishing node itself has applied the changes.
/// * `publish` may take a round trip; nobody holds a lock while it does.
pub trait Bus: fmt::Debug + Send + Sync + 'static {
    /// Connects a node, once, before it serves; sets its incarnation.
    fn attach(&self, node: &Arc<Node>);

    /// Publishes changes under one position.
    ///
    /// # Errors
    /// The changes may or may not be on the log; they are published again later.
    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>>;

    /// Publishes changes again that [`publish`](Self::publish) has not taken. Nobody waits for it, so it may take
    /// longer. By default as `publish` does.
    ///
    /// # Errors
    /// The changes may be published or not; they are published once more later.
    fn publish_again(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        self.publish(changes)
    }

    /// Tells whether a position that somebody brought to `node` can have been given by now.
    ///
    /// Nobody waits for one that cannot. Default: whatever is less than 2^32 ahead of the node.
    fn is_plausible(&self, node: &Node, position: Position) -> bool {
        position.get() < node.watermark().get().saturating_add(1 << 32)
    }
}
