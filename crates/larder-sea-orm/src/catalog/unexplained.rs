//! What the catalog cannot explain, and that it is said once.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::analysis::Unresolved;

/// A part of the schema of which it is not known what reading or writing it means.
#[derive(Debug)]
pub struct Unexplained {
    part: Part,
    name: String,
    reason: String,
    /// Why a read of it is refused, if it is a relation.
    pub(super) unresolved: Option<Unresolved>,
    /// It was met, and said if no other catalog of the same database had said it.
    met: AtomicBool,
}

/// A kind of thing in a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// A view: reads of it are not kept, writes of it change everything.
    View,
    /// A trigger: what fires it changes everything.
    Trigger,
    /// A rule of `PostgreSQL`'s: a write of its table changes everything.
    Rule,
    /// A column's default: an insert changes everything.
    Default,
    /// A foreign key of a table that is not known: what it carries on changes everything.
    Cascade,
    /// A function behind an operator or a cast, which statements call without its name: nothing is kept.
    Operator,
}

/// What has been said of one database, however often its schema is read.
#[derive(Debug, Default)]
pub(crate) struct Said(Mutex<HashSet<(Part, String)>>);

impl Unexplained {
    pub(super) fn new(part: Part, name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            part,
            name: name.into(),
            reason: reason.into(),
            unresolved: None,
            met: AtomicBool::new(false),
        }
    }

    /// Says why a read of it is refused.
    pub(super) fn refused(self, unresolved: Unresolved) -> Self {
        Self {
            unresolved: Some(unresolved),
            ..self
        }
    }

    /// Returns what it is.
    pub fn part(&self) -> Part {
        self.part
    }

    /// Returns its name, with that of the table it stands on.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what of it is not understood.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Warns of it when it is met for the first time.
    pub(super) fn meet(&self, said: &Said) {
        if !self.met.swap(true, Ordering::Relaxed) && said.first(self) {
            tracing::warn!(
                name = self.name,
                reason = self.reason,
                "{} is not explained: {}",
                self.part,
                self.part.consequence()
            );
        }
    }
}

impl Said {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    fn first(&self, unexplained: &Unexplained) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((unexplained.part, unexplained.name.clone()))
    }
}

impl Part {
    fn consequence(self) -> &'static str {
        match self {
            Self::View => "reads of it are not cached",
            Self::Operator => "nothing is cached; declare it IMMUTABLE if it is",
            _ => "writes that meet it invalidate everything",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::View => "a view",
            Self::Trigger => "a trigger",
            Self::Rule => "a rule",
            Self::Default => "a default",
            Self::Cascade => "a foreign key",
            Self::Operator => "a function of an operator or a cast",
        })
    }
}
