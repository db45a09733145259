//! Marks that stand for the values bound to a statement, each for its place.

use sea_orm::sea_query::Value;

const MARK: &str = "\u{1}larder: bound at ";

/// Returns the mark of the value bound at `place`, from 0.
pub(crate) fn of(place: u16) -> Value {
    Value::from(format!("{MARK}{place}"))
}

/// Returns the place that a value is the mark of.
///
/// To be asked of values that are known to be marks where they are bound, never of a user's.
pub(crate) fn place(value: &Value) -> Option<u16> {
    match value {
        Value::String(Some(text)) => text.strip_prefix(MARK)?.parse().ok(),
        _ => None,
    }
}

/// Tells whether a text has something in it that may be taken for a mark.
pub(crate) fn stands_in(text: &str) -> bool {
    text.contains('\u{1}')
}
