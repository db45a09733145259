//! What a node is told when it is started, and while it runs: one line each, as JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The environment variable that holds a node's [`Orders`].
pub(crate) const VARIABLE: &str = "LARDER_TEST_NODE";

/// What a line of a node's must begin with to be for its parent.
pub(crate) const MARK: &str = "node: ";

/// What a node is.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Orders {
    /// Its place among the nodes: it writes every register whose number has it as remainder.
    pub(crate) index: u32,
    pub(crate) nodes: u32,
    pub(crate) registers: u32,
    pub(crate) database: String,
    /// Where Redis is, or a proxy before it.
    pub(crate) redis: String,
    pub(crate) journal: PathBuf,
    pub(crate) cache: Cache,
    pub(crate) seed: u64,
}

/// How a node answers reads.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) enum Cache {
    /// As Larder does.
    Larder,
    /// As Larder does, but whatever the bus says or does not say may be served for an hour.
    Unbounded,
    /// From the database alone.
    Off,
    /// A map from which a write removes what it wrote, on all nodes, after its commit.
    Delete,
    /// A map whose entries are stamped with a position after their load.
    LateStamp,
    /// The same stamped before: the rule itself, to show that the harness can tell.
    EarlyStamp,
}

/// What a running node is asked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) enum Request {
    /// Reads and writes from now on: so many reads and writes a second.
    Load { reads: u32, writes: u32 },
    /// Ends the load and writes down all that was done.
    Halt,
    /// Tells how it is.
    Report,
    /// Ends.
    Quit,
}

/// What it answers, to each request.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Errors a read or a write ended with.
    pub(crate) errors: u64,
    pub(crate) last_error: String,
    /// Reads the local and the remote tier answered.
    pub(crate) hits: u64,
    pub(crate) remote_hits: u64,
    pub(crate) loads: u64,
    /// Whether the store answers.
    pub(crate) up: bool,
    /// Milliseconds since the bus was last heard to its end.
    pub(crate) silent: u64,
    pub(crate) position: u64,
    /// Whether the bus answers and is not trusted yet.
    pub(crate) recovering: bool,
    /// Kilobytes of memory the process takes.
    pub(crate) memory: u64,
    /// The longest a caller waited inside the guard, in microseconds.
    pub(crate) longest_wait: u64,
    /// All that the statistics of the cache say, for people.
    pub(crate) cache: String,
    /// All that the statistics of Redis say, for people.
    pub(crate) redis: String,
}
