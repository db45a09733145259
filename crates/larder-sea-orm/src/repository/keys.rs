//! What identifies the entries of an entity.

use larder_core::{Key, KeyBuilder};
use sea_orm::sea_query::{OptionEnum, Value, ValueTuple};
use sea_orm::{EntityTrait, Statement};

use crate::entity::fingerprint;
use crate::settings::Settings;

/// What is kept of the answer of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// All its rows.
    Rows,
    /// Its first row.
    First,
    /// How many rows it has.
    Count,
    /// Whether it has one.
    Exists,
}

impl Answered {
    fn name(self) -> &'static str {
        match self {
            Self::Rows => "find",
            Self::First => "one",
            Self::Count => "count",
            Self::Exists => "exists",
        }
    }
}

/// What the keys of an entity's entries begin with: domain, table, shape of the model.
#[derive(Clone, Debug)]
pub(super) struct Keys(KeyBuilder);

impl Keys {
    /// Begins the keys of `E` in `domain`.
    pub(super) fn of<E: EntityTrait>(domain: &str) -> Self {
        let shape = i64::from_le_bytes(fingerprint::<E>().to_le_bytes());
        let entity = E::default();
        let key = Key::builder().text(domain).text(entity.table_name());
        // A schema that is not named is the connection's own.
        let key = match entity.schema_name() {
            Some(schema) => key.text(schema),
            None => key,
        };
        Self(key.int(shape))
    }

    /// Returns the beginning of keys for what is read under settings of the session.
    ///
    /// What follows is never `settings`, so no key under settings is one without.
    pub(super) fn under(&self, settings: &Settings) -> Self {
        let count = i64::try_from(settings.len()).unwrap_or(i64::MAX);
        let key = self.0.clone().text("settings").int(count);
        let key = settings
            .iter()
            .fold(key, |key, (name, value)| key.text(name).text(value));
        Self(key)
    }

    /// Returns the key of a row.
    ///
    /// Allocates nothing as long as all of it fits into 64 bytes. Types need no mark: each column has one.
    pub(super) fn row(&self, id: &ValueTuple) -> Key {
        id.iter().fold(self.0.clone().text("row"), plain).finish()
    }

    /// Returns the key of the answer of a statement: its text and its values, with their types.
    pub(super) fn answer(&self, answered: Answered, statement: &Statement) -> Key {
        let key = self.0.clone().text(answered.name()).text(&statement.sql);
        let values = statement.values.iter().flat_map(|values| &values.0);
        values
            .fold(key, |key, value| plain(key.text(type_name(value)), value))
            .finish()
    }
}

/// Appends a value whose type is known.
fn plain(key: KeyBuilder, value: &Value) -> KeyBuilder {
    match value {
        Value::Bool(Some(value)) => key.int(i64::from(*value)),
        Value::TinyInt(Some(value)) => key.int(*value),
        Value::SmallInt(Some(value)) => key.int(*value),
        Value::Int(Some(value)) => key.int(*value),
        Value::BigInt(Some(value)) => key.int(*value),
        Value::TinyUnsigned(Some(value)) => key.int(*value),
        Value::SmallUnsigned(Some(value)) => key.int(*value),
        Value::Unsigned(Some(value)) => key.int(*value),
        Value::BigUnsigned(Some(value)) => key.int(*value),
        Value::Float(Some(value)) => key.int(value.to_bits()),
        Value::Double(Some(value)) => key.int(value.to_bits()),
        Value::String(Some(text)) => key.text(text),
        Value::Char(Some(letter)) => key.text(letter.encode_utf8(&mut [0; 4])),
        Value::Bytes(Some(bytes)) => key.bytes(bytes),
        Value::Enum(OptionEnum::Some(variant)) => key.text(&variant.value),
        // NULLs, and what the driver's types write: an integer and text, so that it is none of the above.
        other => key.int(0).text(&format!("{other:?}")),
    }
}

/// Returns a mark of a value's type, so that values of different types never share a key.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "b",
        Value::TinyInt(_) => "i1",
        Value::SmallInt(_) => "i2",
        Value::Int(_) => "i4",
        Value::BigInt(_) => "i8",
        Value::TinyUnsigned(_) => "u1",
        Value::SmallUnsigned(_) => "u2",
        Value::Unsigned(_) => "u4",
        Value::BigUnsigned(_) => "u8",
        Value::Float(_) => "f4",
        Value::Double(_) => "f8",
        Value::String(_) => "s",
        Value::Char(_) => "c",
        Value::Bytes(_) => "y",
        Value::Enum(_) => "e",
        // The type stands in what is written of the value.
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sea_orm::DbBackend;
    use sea_orm::sea_query::Values;

    fn keys() -> Keys {
        Keys(Key::builder().text("main").text("article").int(7_i64))
    }

    fn key(sql: &str, values: Vec<Value>) -> Key {
        let statement = Statement {
            sql: sql.to_owned(),
            values: Some(Values(values)),
            db_backend: DbBackend::Sqlite,
        };
        keys().answer(Answered::Rows, &statement)
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<Option<i32>>().prop_map(Value::Int),
            any::<Option<i64>>().prop_map(Value::BigInt),
            any::<Option<bool>>().prop_map(Value::Bool),
            any::<Option<u64>>().prop_map(Value::BigUnsigned),
            proptest::option::of(".{0,3}").prop_map(Value::String),
            proptest::option::of(any::<char>()).prop_map(Value::Char),
            proptest::option::of(prop::collection::vec(any::<u8>(), 0..3)).prop_map(Value::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn different_values_never_share_a_key(
            a in prop::collection::vec(any_value(), 0..3),
            b in prop::collection::vec(any_value(), 0..3),
        ) {
            prop_assert_eq!(key("SELECT", a.clone()) == key("SELECT", b.clone()), a == b);
        }
    }

    #[test]
    fn a_null_is_none_of_the_values() {
        let some = |text: &str| vec![Value::String(Some(text.to_owned()))];
        assert_ne!(
            key("SELECT", vec![Value::String(None)]),
            key("SELECT", some("String(None)"))
        );
        assert_ne!(
            key("SELECT", vec![Value::Int(None)]),
            key("SELECT", vec![Value::Int(Some(0))])
        );
    }

    #[test]
    fn what_is_asked_of_a_statement_is_part_of_its_key() {
        let statement = Statement::from_string(DbBackend::Sqlite, "SELECT 1");
        let key = |answered| keys().answer(answered, &statement);
        assert_ne!(key(Answered::Rows), key(Answered::First));
        assert_ne!(key(Answered::Count), key(Answered::Exists));
    }
}
