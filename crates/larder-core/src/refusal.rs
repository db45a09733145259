//! Why something was not kept.

use std::fmt;

/// The reason why a value is not kept, or makes what encloses it uncacheable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// A dependency changed while the value was loaded.
    Changed,
    /// It was read in a transaction that has written.
    WroteInTransaction,
    /// It was read from a snapshot older than its stamp could say.
    OlderSnapshot,
    /// The statement gives another answer each time: the time, a random number, a lock.
    Volatile,
    /// The tables a statement reads cannot be told.
    UnknownTables,
    /// A relation cannot be resolved to base tables.
    UnresolvedRelation,
    /// It is made of a tenant's or a user's entry and would be kept under a wider scope.
    WiderScope,
    /// It is made of entries of different users or tenants.
    MixedScopes,
    /// It, or something it was made of, is already past its ttl.
    Expired,
    /// Tasks spawned in its read scope still run.
    TasksRunning,
    /// It was read through another `Larder` than the one that would keep it.
    ForeignLarder,
    /// The bus began a new log during the load.
    NewIncarnation,
    /// A switch keeps it out of the cache.
    SwitchedOff,
    /// What was read says itself that it must not be kept.
    Uncacheable(&'static str),
}

impl Refusal {
    /// Returns the reason as one word, for counters and headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::WroteInTransaction => "wrote-in-transaction",
            Self::OlderSnapshot => "older-snapshot",
            Self::Volatile => "volatile",
            Self::UnknownTables => "unknown-tables",
            Self::UnresolvedRelation => "unresolved-relation",
            Self::WiderScope => "wider-scope",
            Self::MixedScopes => "mixed-scopes",
            Self::Expired => "expired",
            Self::TasksRunning => "tasks-running",
            Self::ForeignLarder => "foreign-larder",
            Self::NewIncarnation => "new-incarnation",
            Self::SwitchedOff => "switched-off",
            Self::Uncacheable(reason) => reason,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
