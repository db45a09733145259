//! Rows come back as they were, bit for bit; what is no row is an error.

#![expect(unreachable_pub, reason = "what SeaORM generates is public")]

mod costs;
mod strategies;

use std::sync::Arc;

use bytes::Bytes;
use larder_core::wire::{Reader, Write};
use larder_core::{Codec, CodecError};
use proptest::prelude::*;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{ArrayType, Enum, OptionEnum, Value};

use self::sample::{Entity, Model};
use self::strategies::{a_row, rows, values};
use super::value::Values;
use super::{NumberCodec, RowCodec, RowsCodec};

/// An entity of all types there are, half of them nullable.
mod sample {
    use crate as larder_sea_orm;
    use crate::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "sample")]
    #[cached(ttl = "10m", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub tiny: i8,
        pub small: Option<i16>,
        pub int: i32,
        pub unsigned: u32,
        pub large: Option<u64>,
        pub single: Option<f32>,
        pub double: f64,
        pub text: String,
        pub note: Option<String>,
        pub flag: Option<bool>,
        pub bytes: Vec<u8>,
        pub uuid: Option<Uuid>,
        pub json: Json,
        pub maybe_json: Option<Json>,
        pub kind: Kind,
        pub number_kind: Option<NumberKind>,
        pub day: Option<ChronoDate>,
        pub time: ChronoTime,
        pub at: ChronoDateTime,
        pub at_utc: ChronoDateTimeUtc,
        pub at_zone: Option<ChronoDateTimeWithTimeZone>,
        pub other_day: TimeDate,
        pub other_time: Option<TimeTime>,
        pub other_at: TimeDateTime,
        pub other_at_zone: Option<TimeDateTimeWithTimeZone>,
        pub price: Decimal,
        pub exact: Option<BigDecimal>,
        pub tags: Vec<String>,
        pub numbers: Option<Vec<i32>>,
        #[sea_orm(ignore)]
        pub beside: u8,
    }

    #[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "kind")]
    pub enum Kind {
        #[sea_orm(string_value = "small")]
        Small,
        #[sea_orm(string_value = "large")]
        Large,
    }

    #[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "i32", db_type = "Integer")]
    pub enum NumberKind {
        #[sea_orm(num_value = 1)]
        One,
        #[sea_orm(num_value = 2)]
        Two,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn written(value: &Value) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::new();
    Values::default().put(value, &mut bytes)?;
    Ok(bytes)
}

fn read(bytes: &[u8]) -> Result<Value, CodecError> {
    let mut reader = Reader::new(bytes);
    let value = Values::default().take(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Tells a value from all others, floats bit for bit, zeros at the end of decimals and offsets of times included.
fn exactly(value: &Value) -> String {
    match value {
        Value::Float(Some(float)) => format!("f32 {:x}", float.to_bits()),
        Value::Double(Some(float)) => format!("f64 {:x}", float.to_bits()),
        other => format!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_value_of_any_type_comes_back_as_it_was(value in values()) {
        let bytes = written(&value);
        prop_assert!(bytes.is_ok(), "{value:?} {}", serde_json::to_string(&value).unwrap());
        let bytes = bytes.unwrap();
        let back = read(&bytes).unwrap();
        prop_assert_eq!(exactly(&back), exactly(&value));
        prop_assert_eq!(back, value);
    }
}

proptest! {
    #[test]
    fn a_row_comes_back_as_it_was(row in rows()) {
        let mut bytes = Vec::new();
        RowCodec::<Entity>::new().encode(&row, &mut bytes).unwrap();
        let back = RowCodec::<Entity>::new().decode(bytes.into()).unwrap();
        prop_assert_eq!(format!("{back:?}"), format!("{row:?}"));
    }

    #[test]
    fn a_list_comes_back_as_it_was(list in prop::collection::vec(rows(), 0..5)) {
        let list: Vec<_> = list.into_iter().map(Arc::new).collect();
        let mut bytes = Vec::new();
        RowsCodec::<Entity>::new().encode(&list, &mut bytes).unwrap();
        let back = RowsCodec::<Entity>::new().decode(bytes.into()).unwrap();
        prop_assert_eq!(format!("{back:?}"), format!("{list:?}"));
    }

    #[test]
    fn a_number_comes_back_as_it_was(number: u64) {
        let mut bytes = Vec::new();
        NumberCodec::<Entity>::new().encode(&number, &mut bytes).unwrap();
        prop_assert_eq!(NumberCodec::<Entity>::new().decode(bytes.into()).unwrap(), number);
    }
}

/// The values at the ends of the types, and those that other formats lose.
#[test]
fn extremes_come_back_as_they_were() {
    let nan = f64::from_bits(0x7ff8_dead_beef_0001);
    let json = |text: &str| Value::Json(Some(Box::new(serde_json::from_str(text).unwrap())));
    let label = |value: &'static str| Enum {
        type_name: "kind".into(),
        value: value.into(),
    };
    let cases = [
        Value::TinyInt(Some(i8::MIN)),
        Value::SmallInt(Some(i16::MIN)),
        Value::Int(Some(i32::MIN)),
        Value::BigInt(Some(i64::MIN)),
        Value::BigInt(Some(i64::MAX)),
        Value::BigUnsigned(Some(u64::MAX)),
        Value::Float(Some(f32::from_bits(1))),
        Value::Double(Some(-0.0)),
        Value::Double(Some(nan)),
        Value::Double(Some(f64::INFINITY)),
        Value::Char(Some('\u{10ffff}')),
        Value::String(Some(String::new())),
        Value::String(Some("\0\u{feff}".to_owned())),
        Value::Bytes(Some(vec![0; 70_000])),
        Value::Enum(OptionEnum::None("kind".into())),
        Value::Enum(OptionEnum::Some(Box::new(label("small")))),
        Value::Json(None),
        json("null"),
        json("[1.7976931348623157e308, 5e-324, 0.1, 18446744073709551615, -9223372036854775808]"),
        json(r#"{"a": {"b": [null, true, "\u0000"]}, "": {}}"#),
        Value::Uuid(Some(Uuid::max())),
        Value::Array(ArrayType::Int, None),
        Value::Array(ArrayType::Int, Some(Box::default())),
    ];
    for value in cases {
        let back = read(&written(&value).unwrap()).unwrap();
        assert_eq!(exactly(&back), exactly(&value));
    }
}

/// JSON knows no NaN: such values are loaded again.
#[test]
fn what_would_not_come_back_is_not_written() {
    let nan = Value::Array(ArrayType::Double, Some(Box::new(vec![f64::NAN.into()])));
    assert!(written(&nan).is_err());
    let deep = (0..200).fold(serde_json::Value::Null, |inner, _| {
        serde_json::json!([inner])
    });
    assert!(written(&deep.into()).is_err());
    let many = serde_json::json!(vec![0; 30_000]);
    assert!(written(&many.into()).is_err());
}

#[test]
fn a_row_that_is_cut_off_or_longer_is_an_error() {
    let codec = RowCodec::<Entity>::new();
    let mut bytes = Vec::new();
    codec.encode(&a_row(), &mut bytes).unwrap();
    assert_eq!(codec.decode(bytes.clone().into()).unwrap(), a_row());
    for cut in 0..bytes.len() {
        assert!(codec.decode(bytes[..cut].to_vec().into()).is_err(), "{cut}");
    }
    bytes.push(0);
    assert!(codec.decode(bytes.into()).is_err());
}

#[test]
fn a_row_of_other_types_is_an_error() {
    let mut bytes = Vec::new();
    let mut values = Values::default();
    for _ in 0..30 {
        values.put(&Value::Int(Some(7)), &mut bytes).unwrap();
    }
    let error = RowCodec::<Entity>::new().decode(bytes.into()).unwrap_err();
    assert_eq!(error.to_string(), "the values are no row of this entity");
}

#[test]
fn a_list_of_more_rows_than_there_is_room_for_stays_out() {
    let row = Arc::new(a_row());
    let list = vec![row; 10_000];
    let codec = RowsCodec::<Entity>::new();
    assert!(codec.encode(&list, &mut Vec::new()).is_err());
    let mut announced = Vec::new();
    announced.put_count(60_000);
    announced.extend(vec![1; 60_000 * 30]);
    assert!(codec.decode(announced.into()).is_err());
}

#[test]
fn a_row_a_list_and_a_number_are_not_taken_for_one_another() {
    let fingerprints = [
        Codec::<Model>::fingerprint(&RowCodec::<Entity>::new()),
        Codec::<Vec<Arc<Model>>>::fingerprint(&RowsCodec::<Entity>::new()),
        Codec::<u64>::fingerprint(&NumberCodec::<Entity>::new()),
    ];
    assert!(fingerprints[0] != fingerprints[1] && fingerprints[1] != fingerprints[2]);
    assert_ne!(fingerprints[0], fingerprints[2]);
}

/// Bytes of rows with a few changes: an error or a row, and no panic.
#[test]
fn rows_by_anyone_are_read_without_a_panic() {
    let mut bytes = Vec::new();
    let list = vec![Arc::new(a_row()), Arc::new(a_row())];
    let codec = RowsCodec::<Entity>::new();
    codec.encode(&list, &mut bytes).unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(100_000));
    let change = (
        0..bytes.len(),
        any::<u8>(),
        0..bytes.len(),
        any::<u8>(),
        prop::bool::weighted(0.1),
    );
    let outcome = runner.run(&change, |(place, byte, other, flip, cut)| {
        let mut bytes = bytes.clone();
        bytes[place] = byte;
        bytes[other] ^= flip;
        if cut {
            bytes.truncate(place);
        }
        let _ = codec.decode(Bytes::from(bytes));
        Ok(())
    });
    outcome.unwrap();
}
