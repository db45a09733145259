//! The text of a query once more, with other values: what was learned of the one must not be said of the other.

use sea_orm::sea_query::Value;

use super::maker::Maker;
use super::read::{Read, Reading};
use super::schema::Kind;
use super::values::{Values, null};

impl Maker<'_> {
    /// The same text with other values of the same types.
    pub(super) fn varied(&mut self, mut read: Read) -> Read {
        let mut built = read.statement.built(self.backend());
        if let Some(values) = &mut built.values {
            for value in &mut values.0 {
                if !self.values.dice.one_in(3) {
                    *value = self.values.other(value);
                }
            }
        }
        read.statement = Reading::Again(built);
        "same text, other values".clone_into(&mut read.shape);
        // The model is not told the values.
        read.parts.iter_mut().for_each(|part| part.equal.clear());
        read
    }
}

impl Values<'_> {
    /// Another value of the same type; sometimes NULL.
    fn other(&mut self, value: &Value) -> Value {
        let small = u8::try_from(self.dice.below(6)).expect("it fits");
        let nothing = self.dice.one_in(12);
        match value {
            Value::Int(_) if nothing => null(Kind::Int),
            Value::String(_) if nothing => null(Kind::Text),
            Value::Int(_) => i32::from(small).into(),
            Value::SmallInt(_) => i16::from(small).into(),
            Value::BigInt(_) => i64::from(small).into(),
            Value::TinyUnsigned(_) => small.into(),
            // Limits and offsets.
            Value::BigUnsigned(_) => (1 + u64::from(small) / 2).into(),
            Value::Bool(_) => self.dice.coin().into(),
            Value::String(_) => self.text(),
            Value::Bytes(_) => self.bytes(),
            other => other.clone(),
        }
    }
}
