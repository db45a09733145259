//! What the connections and the bus did, as figures.

use std::fmt;
use std::time::Duration;

use crate::breaker::Circuit;

/// What a [`Redis`](crate::Redis) did since it was built.
///
/// Counters are read one after the other while others count on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Statistics {
    /// The connection for values.
    pub values: ConnectionSnapshot,
    /// The bus, if one was asked for.
    pub bus: Option<BusSnapshot>,
}

/// What a connection did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionSnapshot {
    /// Whether calls are sent.
    pub circuit: Circuit,
    /// Calls that wait for an answer now.
    pub in_flight: usize,
    /// Calls that were sent, probes included.
    pub calls: u64,
    /// Of those, not answered in time.
    pub timeouts: u64,
    /// Of those, failed in another way.
    pub failures: u64,
    /// Not sent, because Redis did not answer before.
    pub refused: u64,
    /// Not sent, because too many waited.
    pub crowded: u64,
    /// Times the circuit opened.
    pub opened: u64,
    /// Times a connection stood, the first one included.
    pub connects: u64,
    /// Times a new client was taken, because the one before was stuck.
    pub replaced: u64,
    /// The longest anybody waited for an answer or its absence.
    pub longest_wait: Duration,
}

/// What a bus did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BusSnapshot {
    /// The connection that publishes.
    pub publisher: ConnectionSnapshot,
    /// Whether this process has found and adopted the log.
    pub adopted: bool,
    /// How long ago a read was sent that counts, by which staleness is bounded; `None` if never.
    pub heard: Option<Duration>,
    /// How long ago a read was sent that was answered; `None` if never.
    pub contact: Option<Duration>,
    /// Whether a recovery window is open: the bus answers, and is not trusted yet.
    pub recovering: bool,
    /// The time from publication to application of the last foreign change, by the two machines'
    /// clocks.
    pub lag: Duration,
    /// Publications on the log.
    pub published: u64,
    /// Publications that were not taken, or not on a log known here; core tries again.
    pub unpublished: u64,
    /// Entries read that other processes published.
    pub foreign: u64,
    /// Entries read that this process published.
    pub own: u64,
    /// Reads of the log that were answered.
    pub polls: u64,
    /// Reads of the log that were not.
    pub missed: u64,
    /// Connections made for reading.
    pub connects: u64,
    /// Times changes may have been missed, and all entries became invalid.
    pub gaps: u64,
    /// Recovery windows opened, the one at the start included.
    pub windows: u64,
    /// What reading last failed with.
    pub last_error: Option<String>,
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "values: {}", self.values)?;
        match &self.bus {
            Some(bus) => write!(f, "\n{bus}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ConnectionSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} calls, {} timeouts, {} failures, {} refused, {} crowded, {} in flight, \
             opened {}x, connected {}x, replaced {}x, longest wait {:.1?}",
            self.circuit,
            self.calls,
            self.timeouts,
            self.failures,
            self.refused,
            self.crowded,
            self.in_flight,
            self.opened,
            self.connects,
            self.replaced,
            self.longest_wait,
        )
    }
}

impl fmt::Display for BusSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ago = |since: Option<Duration>| match since {
            Some(since) => format!("{since:.0?} ago"),
            None => "never".to_owned(),
        };
        writeln!(f, "publisher: {}", self.publisher)?;
        write!(
            f,
            "bus: {}{}heard {}, answered {}, lag {:.1?}, {} published, {} not, {} foreign, {} own, \
             {} polls, {} missed, connected {}x, {} gaps, {} windows",
            if self.adopted { "" } else { "no log yet, " },
            if self.recovering { "recovering, " } else { "" },
            ago(self.heard),
            ago(self.contact),
            self.lag,
            self.published,
            self.unpublished,
            self.foreign,
            self.own,
            self.polls,
            self.missed,
            self.connects,
            self.gaps,
            self.windows,
        )?;
        match &self.last_error {
            Some(error) => write!(f, ", last error: {error}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "not reached yet",
            Self::Closed => "answers",
            Self::Open => "does not answer",
        })
    }
}
