//! The bus: a stream in Redis, read by every process from its own cursor.

mod contact;
mod course;
mod figures;
pub(crate) mod log;
mod nodes;
pub(crate) mod place;
mod reader;

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use larder_core::bus::{BoxFuture, encode};
use larder_core::{Bus, BusError, Change, Clock as _, Node, Position, SystemClock};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::figures::Figures;
use self::log::{Log, placed};
use self::nodes::Nodes;
use self::place::Place;
use crate::config::Settings;
use crate::counters::bump;
use crate::error::Unanswered;
use crate::guard::Guard;
use crate::recipe::Recipe;
use crate::statistics::BusSnapshot;
use crate::supervisor::supervise;
use crate::tuning::{Tuning, drained_within};

/// Changes of more bytes travel as one of everything.
const LARGEST: usize = 256 * 1024;

/// The clocks of the server and of this machine may be so far apart.
const PLAUSIBLE: Duration = Duration::from_secs(10);

/// A bus over a Redis Stream. Clones are the same bus: `Larder`s of one process can share it.
///
/// # Promises
/// Those of `docs/operations.md`: no answer is older than `max_staleness`, Redis dead or alive,
/// but where a writer dies or is cut off alone between its COMMIT and its publication, and
/// behind a master that was cut off and still answers.
///
/// # Publishing
/// One round trip, and never longer than the remote timeout. What Redis does not take is queued
/// by core, pending here until it is on the log.
#[derive(Clone)]
pub struct RedisBus(Arc<Handed>);

/// What is handed out; with the last of it the tasks end.
struct Handed {
    shared: Arc<Shared>,
    closing: CancellationToken,
    _closes: DropGuard,
}

/// What the tasks and the callers share.
struct Shared {
    log: Log,
    publisher: Guard,
    nodes: Nodes,
    /// The log that the nodes were brought to; zero before the first.
    adopted: AtomicU64,
    /// The last position that was read of it.
    read_to: AtomicU64,
    /// Tells this process's entries from others'.
    origin: Bytes,
    figures: Figures,
    clock: SystemClock,
}

impl RedisBus {
    pub(crate) fn start(settings: &Settings, runtime: &Handle) -> Self {
        let timeout = settings.remote_timeout;
        let config = || settings.config.clone();
        let recipe = Recipe::lasting(config(), Tuning::publisher(timeout)).without_redirections();
        let random = RandomState::new().hash_one("origin");
        let shared = Arc::new(Shared {
            log: Log::new(&settings.prefix, settings.log_length),
            publisher: Guard::new("bus", recipe, settings.in_flight),
            nodes: Nodes::default(),
            adopted: AtomicU64::new(0),
            read_to: AtomicU64::new(0),
            origin: Bytes::copy_from_slice(&random.to_le_bytes()),
            figures: Figures::default(),
            clock: SystemClock::new(),
        });
        let closing = CancellationToken::new();
        let recipe = Recipe::once(config(), Tuning::reader(timeout));
        let reader = reader::Reader::new(Arc::clone(&shared), recipe, settings.recovery_window);
        runtime.spawn(closing.clone().run_until_cancelled_owned(reader.run()));
        runtime.spawn(supervise_publisher(Arc::clone(&shared), closing.clone()));
        Self(Arc::new(Handed {
            shared,
            _closes: closing.clone().drop_guard(),
            closing,
        }))
    }

    /// Ends the tasks: nothing is published or heard any more.
    pub fn close(&self) {
        self.0.closing.cancel();
    }

    /// Returns what was done since the start.
    pub fn snapshot(&self) -> BusSnapshot {
        self.0.shared.snapshot()
    }
}

async fn supervise_publisher(shared: Arc<Shared>, closing: CancellationToken) {
    supervise(&shared.publisher, closing).await;
}

impl Shared {
    async fn publish(&self, changes: &[Change], patiently: bool) -> Result<Position, BusError> {
        let published = self.place(changes, patiently).await;
        let counter = match &published {
            Ok(_) => &self.figures.published,
            Err(_) => &self.figures.unpublished,
        };
        bump(counter);
        published.map_err(BusError::new)
    }

    async fn place(&self, changes: &[Change], patiently: bool) -> Result<Position, Unplaced> {
        let mut bytes = encode(changes);
        if bytes.len() > LARGEST {
            bytes = encode(&[Change::everything()]);
        }
        // What was read before is below what is placed now.
        let read_to = self.read_to.load(Ordering::Acquire);
        let asks = self.log.publish(bytes, &self.origin);
        let answers = if patiently {
            self.publisher.ask_patiently(asks).await?
        } else {
            self.publisher.ask(asks).await?
        };
        let (place, identity) = placed(answers)?;
        if !identity.master {
            return Err(Unplaced::Replica);
        }
        // On a log that was not adopted yet the position means nothing here: the changes are
        // published again when it was.
        let log = self.adopted.load(Ordering::Acquire);
        if identity.incarnation != Some(log) {
            return Err(Unplaced::OtherLog);
        }
        let position = place.position().ok_or(Unplaced::Unfit)?;
        if position.get() <= read_to {
            return Err(Unplaced::WentBack);
        }
        self.nodes.published(log, position, changes);
        Ok(position)
    }

    fn snapshot(&self) -> BusSnapshot {
        let publisher = self.publisher.snapshot();
        let adopted = self.adopted.load(Ordering::Acquire) != 0;
        self.figures.read(publisher, adopted, &self.clock)
    }
}

impl Bus for RedisBus {
    fn attach(&self, node: &Arc<Node>) {
        let shortest = drained_within(self.0.shared.publisher.recipe.tuning().timeout);
        if node.max_staleness() < shortest {
            tracing::warn!(
                max_staleness = ?node.max_staleness(),
                ?shortest,
                "a publisher whose connection dies is back only after `max_staleness`"
            );
        }
        self.0.shared.nodes.attach(node);
    }

    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async move { self.0.shared.publish(&changes, false).await })
    }

    fn publish_again(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async move { self.0.shared.publish(&changes, true).await })
    }

    /// Positions are the server's time: one of much later than now, and than what was read, was made up.
    fn is_plausible(&self, node: &Node, position: Position) -> bool {
        let now = self.0.shared.clock.wall();
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        let read = Duration::from_millis(Place::millis_of(node.watermark()));
        let ahead = now.unwrap_or_default().max(read) + PLAUSIBLE;
        u128::from(Place::millis_of(position)) <= ahead.as_millis()
    }
}

impl fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBus")
            .field("log", &self.0.shared.log)
            .finish_non_exhaustive()
    }
}

/// Why changes have no position.
#[derive(Debug, Error)]
enum Unplaced {
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error("Redis did not take the changes")]
    Refused(#[from] fred::error::Error),
    #[error("the server is a replica, and no longer the master")]
    Replica,
    #[error("the log is another one than before, and not adopted yet")]
    OtherLog,
    #[error("the log ends before what was read of it, and is not begun anew yet")]
    WentBack,
    #[error("the log has ids that do not fit a position: remove the stream")]
    Unfit,
}
