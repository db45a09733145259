//! The values bound to the placeholders of raw SQL.

use std::collections::HashMap;

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

/// What is bound to the placeholders of a text.
#[derive(Clone, Copy)]
pub(super) enum Bound<'a> {
    /// These values.
    Values(&'a [Value]),
    /// Values that are put in later, where [`parameter`] finds the number of one.
    Later,
}

/// Finds the value of a placeholder.
pub(super) struct Parameters<'a> {
    bound: Bound<'a>,
    style: Style,
}

enum Style {
    /// `?`: the place in the text tells which.
    Positional(HashMap<(u64, u64), usize>),
    /// `$1` or `?1`.
    Numbered,
    /// A mixture, or names.
    Unknown,
}

impl<'a> Parameters<'a> {
    /// Reads from the tokens of a text how its placeholders are counted.
    pub(super) fn new(bound: Bound<'a>, tokens: &[TokenWithSpan], backend: DbBackend) -> Self {
        let mut positions = HashMap::new();
        let mut numbered = false;
        let mut unknown = false;
        for token in tokens {
            match &token.token {
                Token::Placeholder(text) if text == "?" => {
                    positions.insert(place(token.span.start), positions.len());
                }
                Token::Question => unknown = true,
                Token::Placeholder(text) => {
                    numbered |= number(text, backend).is_some();
                    unknown |= number(text, backend).is_none();
                }
                _ => {}
            }
        }
        let style = match (positions.is_empty(), numbered, unknown) {
            (_, _, true) | (false, true, _) => Style::Unknown,
            (true, _, false) => Style::Numbered,
            (false, false, false) if backend == DbBackend::Postgres => Style::Unknown,
            (false, false, false) => Style::Positional(positions),
        };
        Self { bound, style }
    }

    /// Returns the value of the placeholder that is written like this at this place.
    pub(super) fn value(&self, text: &str, at: Location, backend: DbBackend) -> Option<Value> {
        let index = match &self.style {
            Style::Positional(places) => *places.get(&place(at))?,
            Style::Numbered => number(text, backend)?.checked_sub(1)?,
            Style::Unknown => return None,
        };
        match self.bound {
            Bound::Values(values) => values.get(index).cloned(),
            Bound::Later => Some(mark(index)?),
        }
    }
}

/// Stands for the parameter of that number, from 0: literals in a text are never of this type.
fn mark(index: usize) -> Option<Value> {
    Some(Value::Unsigned(Some(u32::try_from(index).ok()?)))
}

/// Returns the number of the parameter a value stands for, from 0.
pub(super) fn parameter(value: &Value) -> Option<usize> {
    match value {
        Value::Unsigned(Some(index)) => usize::try_from(*index).ok(),
        _ => None,
    }
}

fn place(at: Location) -> (u64, u64) {
    (at.line, at.column)
}

fn number(text: &str, backend: DbBackend) -> Option<usize> {
    let digits = match backend {
        DbBackend::Postgres => text.strip_prefix('$')?,
        DbBackend::Sqlite => text.strip_prefix('$').or_else(|| text.strip_prefix('?'))?,
        _ => return None,
    };
    digits.parse().ok()
}
