//! Buses that fail, wait, or bring news late.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use larder_core::bus::BoxFuture;
use larder_core::{Bus, BusError, Change, LocalBus, Node, Position};

use crate::gate::Gate;

/// A bus in this process that can be told to fail or to wait; clones are the same bus.
#[derive(Clone)]
pub(crate) struct FaultyBus(Arc<Faulty>);

struct Faulty {
    inner: LocalBus,
    mode: Mutex<Mode>,
    attempts: AtomicU64,
}

/// What becomes of a publication.
#[derive(Clone)]
pub(crate) enum Mode {
    /// It is taken.
    Works,
    /// It fails.
    Fails,
    /// It waits at the gate, and is taken then.
    Waits(Gate),
    /// It is taken, but the answer is lost.
    LosesAnswers,
    /// The bus panics.
    Panics,
}

impl FaultyBus {
    pub(crate) fn new(mode: Mode) -> Self {
        let (inner, attempts) = (LocalBus::new(), AtomicU64::new(0));
        Self(Arc::new(Faulty {
            inner,
            mode: Mutex::new(mode),
            attempts,
        }))
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.0.mode.lock().unwrap() = mode;
    }

    pub(crate) fn attempts(&self) -> u64 {
        self.0.attempts.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for FaultyBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyBus")
    }
}

impl Bus for FaultyBus {
    fn attach(&self, node: &Arc<Node>) {
        self.0.inner.attach(node);
    }

    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async move {
            self.0.attempts.fetch_add(1, Ordering::SeqCst);
            let mode = self.0.mode.lock().unwrap().clone();
            match mode {
                Mode::Works => {}
                Mode::Fails => return Err(BusError::new("the bus is down")),
                Mode::Waits(gate) => gate.passed().await,
                Mode::Panics => panic!("as told"),
                Mode::LosesAnswers => {
                    self.0.inner.publish(changes).await?;
                    return Err(BusError::new("the answer is lost"));
                }
            }
            self.0.inner.publish(changes).await
        })
    }
}

/// An ordered log that nodes read when they are told to.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Arc<[Change]>>>>);

/// One node's end of a [`Log`]: what others publish arrives when it polls.
#[derive(Clone)]
pub(crate) struct LogBus {
    log: Log,
    node: Arc<OnceLock<Arc<Node>>>,
    cursor: Arc<Mutex<usize>>,
}

impl LogBus {
    pub(crate) fn on(log: &Log) -> Self {
        Self {
            log: log.clone(),
            node: Arc::default(),
            cursor: Arc::default(),
        }
    }

    /// Applies what is on the log up to its end; asked at the moment of the call.
    pub(crate) fn poll(&self) {
        let node = self.node.get().unwrap();
        let mut cursor = self.cursor.lock().unwrap();
        let news: Vec<_> = self.log.0.lock().unwrap()[*cursor..].to_vec();
        for changes in news {
            *cursor += 1;
            node.apply(position(*cursor), &changes);
            node.advance(position(*cursor).next());
        }
    }

    /// Says that the bus was heard of at `moment`.
    pub(crate) fn heard(&self, moment: larder_core::Moment) {
        self.node.get().unwrap().set_heard(moment);
    }
}

impl fmt::Debug for LogBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogBus")
    }
}

impl Bus for LogBus {
    fn attach(&self, node: &Arc<Node>) {
        node.set_incarnation(1);
        assert!(self.node.set(Arc::clone(node)).is_ok());
    }

    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async move {
            let mut log = self.log.0.lock().unwrap();
            log.push(Arc::clone(&changes));
            let position = position(log.len());
            drop(log);
            // The own publication is applied, but only the cursor moves the watermark.
            self.node.get().unwrap().apply(position, &changes);
            Ok(position)
        })
    }
}

fn position(number: usize) -> Position {
    Position::new(number as u64)
}
