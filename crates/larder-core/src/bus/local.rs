//! The bus within one process.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::bus::{BoxFuture, Bus};
use crate::change::Change;
use crate::clock::Moment;
use crate::error::BusError;
use crate::interleave;
use crate::node::Node;
use crate::position::Position;

/// A counter in this process: the default, for services of one node.
///
/// Clones are the same bus, so that two `Larder`s of one process can share it.
#[derive(Clone, Debug)]
pub struct LocalBus(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    incarnation: u64,
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Log {
    head: Position,
    nodes: Vec<Weak<Node>>,
}

impl LocalBus {
    /// Begins a log of its own, with a new incarnation.
    pub fn new() -> Self {
        let incarnation = RandomState::new().hash_one("incarnation") | 1;
        let log = Log {
            head: Position::ZERO,
            nodes: Vec::new(),
        };
        Self(Arc::new(Shared {
            incarnation,
            log: Mutex::new(log),
        }))
    }

    fn publish_now(&self, changes: &[Change]) -> Position {
        // Position, application and watermark under one lock: whoever sees the watermark sees
        // the changes below it.
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        let position = log.head.next();
        log.head = position;
        interleave::point("bus: position taken");
        log.nodes.retain(|node| node.strong_count() > 0);
        let nodes: Vec<_> = log.nodes.iter().filter_map(Weak::upgrade).collect();
        for node in &nodes {
            node.apply(position, changes);
            node.advance(position.next());
        }
        drop(log);
        nodes.iter().for_each(|node| node.notify(position, changes));
        position
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Bus for LocalBus {
    fn attach(&self, node: &Arc<Node>) {
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        node.set_incarnation(self.0.incarnation);
        if log.head > Position::ZERO {
            // What changed before it came may have been what a remote tier holds.
            node.apply(log.head, &[Change::everything()]);
        }
        node.advance(log.head.next());
        node.set_heard(Moment::MAX);
        log.nodes.push(Arc::downgrade(node));
    }

    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async move { Ok(self.publish_now(&changes)) })
    }

    fn is_plausible(&self, node: &Node, position: Position) -> bool {
        // Nobody else gives positions, and those given are applied.
        position < node.watermark()
    }
}
