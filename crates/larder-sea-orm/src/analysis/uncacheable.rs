//! Why the answer of a statement must not be kept.

use std::fmt;

use larder_core::Refusal;

/// The reason why the answer of a statement must not be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Uncacheable {
    /// It is not only a read.
    Write,
    /// It locks the rows it reads.
    Lock,
    /// It calls this function, which answers differently each time or depends on the session.
    Volatile(String),
    /// It calls this function, of which nothing is known.
    UnknownFunction(String),
    /// It reads a variable or a pseudo-column of the session.
    Session(String),
    /// It reads a random sample.
    Sample,
    /// A part of it cannot be taken apart.
    Opaque(&'static str),
    /// Its text cannot be parsed.
    Unparsed,
    /// It describes the database or a plan instead of reading data.
    Utility,
    /// It reads this relation, of which no table is known.
    Unresolved(String, Unresolved),
}

/// Why a relation cannot be resolved to tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unresolved {
    /// The catalog does not know it.
    Unknown,
    /// A view that is not understood.
    View,
    /// A view that is only as new as when it was last made.
    MaterializedView,
    /// Its rows live elsewhere: a foreign, federated or merged table.
    Foreign,
    /// A virtual table, whose module decides what it shows.
    Virtual,
    /// A sequence.
    Sequence,
    /// A table of the session.
    Temporary,
    /// It belongs to the database system.
    System,
    /// It is in another database.
    OtherDatabase,
    /// Who asks decides which rows there are: row-level security.
    RowSecurity,
    /// Functions of the user's can be read as its columns.
    RowFunctions,
}

impl Uncacheable {
    /// Returns it in the words of larder-core.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Write => Refusal::Uncacheable("write"),
            Self::Lock | Self::Volatile(_) | Self::Session(_) | Self::Sample | Self::Utility => {
                Refusal::Volatile
            }
            Self::UnknownFunction(_) | Self::Opaque(_) | Self::Unparsed => Refusal::UnknownTables,
            Self::Unresolved(..) => Refusal::UnresolvedRelation,
        }
    }
}

impl fmt::Display for Uncacheable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write => f.write_str("it writes"),
            Self::Lock => f.write_str("it locks rows"),
            Self::Volatile(name) => write!(f, "{name} answers differently each time"),
            Self::UnknownFunction(name) => write!(f, "nothing is known of the function {name}"),
            Self::Session(name) => write!(f, "{name} belongs to the session"),
            Self::Sample => f.write_str("it reads a random sample"),
            Self::Opaque(part) => write!(f, "{part} cannot be taken apart"),
            Self::Unparsed => f.write_str("its text cannot be parsed"),
            Self::Utility => f.write_str("it does not read data"),
            Self::Unresolved(name, reason) => write!(f, "{name} is {reason}"),
        }
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "not in the catalog",
            Self::View => "a view that is not understood",
            Self::MaterializedView => "a materialized view",
            Self::Foreign => "stored elsewhere",
            Self::Virtual => "a virtual table",
            Self::Sequence => "a sequence",
            Self::Temporary => "a temporary table",
            Self::System => "part of the database system",
            Self::OtherDatabase => "in another database",
            Self::RowSecurity => "under row-level security",
            Self::RowFunctions => "read through functions as well",
        })
    }
}
