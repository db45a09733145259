//! The position of a client's last write, which it may carry to other nodes.
//!
//! 1. While a request is answered, [`Writes`] collects the positions of what it publishes: a
//!    task-local, which [`Larder::spawn`](crate::Larder::spawn) hands on to the tasks it makes.
//! 2. The answer carries the highest of them, as a [`SessionPosition`].
//! 3. A node that is brought one waits until it has applied that much, within a bound; what it cannot
//!    confirm it does not serve from the cache.
//! 4. A position of another log is waited for as long as this node may not have heard of that log yet. One of a
//!    log that is gone says nothing: what was cached then was made invalid when this one's log began. That it is
//!    gone is known of a log this node has left, or when the bus, asked after the position came, tells of another
//!    one; where it lies says nothing: a log that lost its end goes on below.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use crate::larder::Larder;
use crate::position::Position;

/// For so long a write that is not published yet keeps its client from the cache.
const UNPUBLISHED: Duration = Duration::from_mins(1);

tokio::task_local! {
    static CURRENT: Writes;
    static PAST_THE_CACHE: ();
}

/// Somebody reads past the cache: until then nobody has to look.
static ANY_PAST: AtomicBool = AtomicBool::new(false);

/// Collects the positions of the writes of one request; clones are the same collection.
#[derive(Clone, Debug, Default)]
pub struct Writes(Arc<Mutex<Option<SessionPosition>>>);

/// How far a client's own writes reach in the order of changes.
///
/// Its `Display` and `FromStr` are what a header or a cookie holds: letters, digits and `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionPosition {
    /// The last write has this position.
    At {
        /// Which log the position belongs to.
        incarnation: u64,
        /// The position of the write.
        position: Position,
    },
    /// The last write was not on the bus yet, at this time by the wall clock of its node, in
    /// milliseconds since 1970.
    Unpublished(u64),
}

/// What a node knows of the position a client brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reached {
    /// All below it and the write itself is applied here: the cache may answer.
    Applied,
    /// It is not confirmed here within the bound: the cache must not answer.
    Behind,
    /// It is of an older log, or too high to be true: it says nothing.
    Ignored,
}

impl Writes {
    /// Begins a collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Polls `future` so that what it publishes is collected here.
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), future)
    }

    /// Calls `poll` so that what is published in it is collected here; for futures polled by hand.
    pub fn enter<T>(&self, poll: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), poll)
    }

    /// Returns how far the writes collected so far reach; `None` if nothing was written.
    pub fn position(&self) -> Option<SessionPosition> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the collection of the current task.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    pub(crate) fn note(&self, written: SessionPosition) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = Some(match *latest {
            Some(before) => before.later(written),
            None => written,
        });
    }
}

/// Polls `future` so that no region of any `Larder` answers what it reads: all of it is loaded.
///
/// For a request whose client has written what this node may not have heard of yet. What is loaded is not kept.
/// Tasks made by [`ReadScope::spawn`](crate::ReadScope::spawn) and [`Larder::spawn`] go along.
pub fn past_the_cache<F: Future>(future: F) -> impl Future<Output = F::Output> + use<F> {
    ANY_PAST.store(true, Ordering::Relaxed);
    PAST_THE_CACHE.scope((), future)
}

/// Tells whether the current task reads past the cache.
pub(crate) fn is_past_the_cache() -> bool {
    ANY_PAST.load(Ordering::Relaxed) && PAST_THE_CACHE.try_with(|()| ()).is_ok()
}

impl SessionPosition {
    fn later(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unpublished(one), Self::Unpublished(another)) => {
                Self::Unpublished(one.max(another))
            }
            (Self::Unpublished(_), Self::At { .. }) => self,
            // Positions of two logs are not compared: what was noted last is on the log of now.
            (
                Self::At {
                    incarnation: log,
                    position: one,
                },
                Self::At {
                    incarnation: other_log,
                    position: another,
                },
            ) if log == other_log && one > another => self,
            _ => other,
        }
    }
}

impl Larder {
    /// Waits until this node has applied what a client has written, for `bound` at most.
    ///
    /// # Cancellation
    /// Safe: nothing is changed.
    pub async fn reach(&self, session: SessionPosition, bound: Duration) -> Reached {
        let SessionPosition::At {
            incarnation,
            position,
        } = session
        else {
            return self.reach_unpublished(session);
        };
        let node = self.node();
        let is_known = || node.incarnation() == incarnation && position < node.watermark();
        if is_known() {
            return Reached::Applied;
        }
        if node.has_left(incarnation) || !self.bus().is_plausible(node, position) {
            return Reached::Ignored;
        }
        let asked = self.clock().now();
        // What was heard first: the log it was heard of is adopted by then.
        let is_gone = || node.heard_at() > asked && node.incarnation() != incarnation;
        let mut moved = pin!(node.wait_until(|| is_known() || is_gone()));
        let mut over = self.clock().sleep(bound);
        poll_fn(|cx| {
            if moved.as_mut().poll(cx).is_ready() {
                return Poll::Ready(if is_known() {
                    Reached::Applied
                } else {
                    Reached::Ignored
                });
            }
            over.as_mut().poll(cx).map(|()| Reached::Behind)
        })
        .await
    }

    fn reach_unpublished(&self, session: SessionPosition) -> Reached {
        let SessionPosition::Unpublished(at) = session else {
            return Reached::Ignored;
        };
        let apart = Duration::from_millis(self.wall_millis().abs_diff(at));
        if apart < UNPUBLISHED {
            Reached::Behind
        } else {
            Reached::Ignored
        }
    }

    /// Notes for the client where a publication is on the bus, or that it is not yet.
    pub(crate) fn note_written(&self, position: Option<Position>) {
        let Some(writes) = Writes::current() else {
            return;
        };
        writes.note(match position {
            Some(position) => SessionPosition::At {
                incarnation: self.node().incarnation(),
                position,
            },
            None => SessionPosition::Unpublished(self.wall_millis()),
        });
    }

    fn wall_millis(&self) -> u64 {
        let wall = self.clock().wall().duration_since(SystemTime::UNIX_EPOCH);
        u64::try_from(wall.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    }
}

/// What a spawned task takes along of the session of its spawner.
pub(crate) struct Luggage {
    writes: Option<Writes>,
    past_the_cache: bool,
}

impl Luggage {
    /// Takes what there is in the current task.
    pub(crate) fn packed() -> Self {
        Self {
            writes: Writes::current(),
            past_the_cache: is_past_the_cache(),
        }
    }

    /// Polls `future` with it.
    pub(crate) async fn carried<F: Future>(self, future: F) -> F::Output {
        let future = async {
            match self.writes {
                Some(writes) => CURRENT.scope(writes, future).await,
                None => future.await,
            }
        };
        if self.past_the_cache {
            past_the_cache(future).await
        } else {
            future.await
        }
    }
}

impl fmt::Display for SessionPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At {
                incarnation,
                position,
            } => write!(f, "{incarnation:016x}-{:016x}", position.get()),
            Self::Unpublished(at) => write!(f, "u-{at:016x}"),
        }
    }
}

impl FromStr for SessionPosition {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let (log, place) = text.split_once('-').ok_or(NoPosition)?;
        let place = hexadecimal(place)?;
        if log == "u" {
            return Ok(Self::Unpublished(place));
        }
        Ok(Self::At {
            incarnation: hexadecimal(log)?,
            position: Position::new(place),
        })
    }
}

/// A text is no [`SessionPosition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a session position")]
#[non_exhaustive]
pub struct NoPosition;

fn hexadecimal(text: &str) -> Result<u64, NoPosition> {
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits {
        u64::from_str_radix(text, 16).map_err(|_| NoPosition)
    } else {
        Err(NoPosition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u64) -> SessionPosition {
        SessionPosition::At {
            incarnation: 7,
            position: Position::new(position),
        }
    }

    #[test]
    fn a_position_survives_its_text() {
        for position in [at(0), at(u64::MAX), SessionPosition::Unpublished(3)] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        let texts = [
            "",
            "-",
            "u-",
            "7-3",
            "u-000000000000000g",
            "+000000000000007-0000000000000003",
        ];
        for text in texts {
            assert_eq!(text.parse::<SessionPosition>(), Err(NoPosition), "{text}");
        }
    }

    #[test]
    fn of_two_logs_the_one_that_was_written_last_counts() {
        let writes = Writes::new();
        writes.note(at(5));
        let below = SessionPosition::At {
            incarnation: 8,
            position: Position::new(2),
        };
        writes.note(below);
        assert_eq!(writes.position(), Some(below));
    }

    #[test]
    fn the_last_write_counts_and_one_that_is_not_published_most() {
        let writes = Writes::new();
        assert_eq!(writes.position(), None);
        writes.note(at(5));
        writes.note(at(3));
        assert_eq!(writes.position(), Some(at(5)));
        writes.note(SessionPosition::Unpublished(1));
        writes.note(at(9));
        assert_eq!(writes.position(), Some(SessionPosition::Unpublished(1)));
    }
}
