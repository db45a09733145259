//! What statements are printed into while they are recorded: nothing is kept, but some clauses are seen.

use std::fmt;

use sea_orm::sea_query::{QueryBuilder, SqlWriter, Value};

use super::recorder::Recorder;

/// Prints into nothing, but sees the clauses that no method is called for.
pub(super) struct Nowhere<'a>(pub(super) &'a Recorder);

impl fmt::Write for Nowhere<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match text {
            " GROUP BY " => self.0.untold(),
            " LIMIT " | " ORDER BY " => self.0.spoil_capture(),
            _ => {}
        }
        Ok(())
    }

    fn write_char(&mut self, _: char) -> fmt::Result {
        Ok(())
    }

    fn write_fmt(&mut self, _: fmt::Arguments<'_>) -> fmt::Result {
        Ok(())
    }
}

impl fmt::Display for Nowhere<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl SqlWriter for Nowhere<'_> {
    fn push_param<T: QueryBuilder>(&mut self, _: Value, _: &T) {}

    fn as_writer(&mut self) -> &mut dyn fmt::Write {
        self
    }
}

/// Sees whether a limit and an offset are printed.
#[derive(Default)]
pub(super) struct Cut {
    last: Option<Clause>,
    pub(super) limited: bool,
    /// By how many rows; `None` if not at all.
    pub(super) offset: Option<Value>,
}

#[derive(Clone, Copy)]
enum Clause {
    Limit,
    Offset,
}

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match text.trim() {
            "LIMIT" => self.last = Some(Clause::Limit),
            "OFFSET" => self.last = Some(Clause::Offset),
            "" => {}
            // Printed as text: what it is does not count.
            _ => self.value(Value::BigInt(None)),
        }
        Ok(())
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl SqlWriter for Cut {
    fn push_param<T: QueryBuilder>(&mut self, value: Value, _: &T) {
        self.value(value);
    }

    fn as_writer(&mut self) -> &mut dyn fmt::Write {
        self
    }
}

impl Cut {
    /// Tells whether rows are skipped.
    pub(super) fn skips(&self) -> bool {
        self.offset
            .as_ref()
            .is_some_and(|offset| *offset != Value::BigUnsigned(Some(0)))
    }

    fn value(&mut self, value: Value) {
        match self.last {
            Some(Clause::Limit) => self.limited = true,
            Some(Clause::Offset) => self.offset = Some(value),
            None => {}
        }
    }
}
