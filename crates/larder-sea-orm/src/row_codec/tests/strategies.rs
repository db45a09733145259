//! Values and rows by chance.

use proptest::prelude::*;
use sea_orm::prelude::{
    BigDecimal, ChronoDate, ChronoDateTime, ChronoTime, Decimal, Json, TimeDate, TimeDateTime,
    TimeTime, Uuid,
};
use sea_orm::sea_query::{ArrayType, Enum, OptionEnum, Value};
use sea_orm::sqlx::types::chrono::{DateTime, FixedOffset, Utc};
use sea_orm::sqlx::types::time::{OffsetDateTime, UtcOffset};

use super::sample::{Kind, Model, NumberKind};

fn days() -> impl Strategy<Value = ChronoDate> {
    let days = -90_000_000..90_000_000_i32;
    days.prop_map(|days| ChronoDate::from_num_days_from_ce_opt(days).unwrap_or_default())
}

fn times() -> impl Strategy<Value = ChronoTime> {
    (0..86_400_u32, 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| {
        ChronoTime::from_num_seconds_from_midnight_opt(seconds, nanos).unwrap()
    })
}

fn moments() -> impl Strategy<Value = ChronoDateTime> {
    (days(), times()).prop_map(|(day, time)| day.and_time(time))
}

fn utc() -> impl Strategy<Value = DateTime<Utc>> {
    (-60_000_000_000..250_000_000_000_i64, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
}

fn zoned() -> impl Strategy<Value = DateTime<FixedOffset>> {
    (utc(), -86_399..86_400_i32)
        .prop_map(|(at, seconds)| at.with_timezone(&FixedOffset::east_opt(seconds).unwrap()))
}

fn other_days() -> impl Strategy<Value = TimeDate> {
    (-1_900_000..5_300_000_i32).prop_map(|day| TimeDate::from_julian_day(day).unwrap())
}

fn other_times() -> impl Strategy<Value = TimeTime> {
    (0..24_u8, 0..60_u8, 0..60_u8, 0..1_000_000_000_u32).prop_map(|(hour, minute, second, nano)| {
        TimeTime::from_hms_nano(hour, minute, second, nano).unwrap()
    })
}

fn other_moments() -> impl Strategy<Value = TimeDateTime> {
    (other_days(), other_times()).prop_map(|(day, time)| TimeDateTime::new(day, time))
}

fn other_zoned() -> impl Strategy<Value = OffsetDateTime> {
    (other_moments(), -25..26_i8).prop_map(|(at, hours)| {
        at.assume_offset(UtcOffset::from_hms(hours.clamp(-23, 23), 0, 0).unwrap())
    })
}

fn decimals() -> impl Strategy<Value = Decimal> {
    (any::<i64>(), any::<i32>(), 0..29_u32).prop_map(|(mantissa, more, scale)| {
        Decimal::from_i128_with_scale(i128::from(mantissa) * i128::from(more.max(1)), scale)
    })
}

fn big_decimals() -> impl Strategy<Value = BigDecimal> {
    (prop_oneof![any::<i128>(), Just(0)], -30..30_i64)
        .prop_map(|(digits, scale)| BigDecimal::new(digits.into(), scale))
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        prop::num::f64::NORMAL.prop_map(Json::from),
        ".*".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::btree_map(".*", inner, 0..5)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![".*", any::<String>()]
}

fn enums() -> impl Strategy<Value = Value> {
    (any::<String>(), any::<Option<String>>()).prop_map(|(name, label)| {
        let type_name = name.as_str().into();
        Value::Enum(match label {
            None => OptionEnum::None(type_name),
            Some(label) => {
                let value = label.into();
                OptionEnum::Some(Box::new(Enum { type_name, value }))
            }
        })
    })
}

fn arrays() -> impl Strategy<Value = Value> {
    let of = |kind: ArrayType, values: BoxedStrategy<Value>| {
        let values = prop::option::of(prop::collection::vec(values, 0..5));
        values.prop_map(move |values| Value::Array(kind.clone(), values.map(Box::new)))
    };
    prop_oneof![
        of(
            ArrayType::Int,
            any::<Option<i32>>().prop_map(Value::Int).boxed()
        ),
        of(
            ArrayType::String,
            prop::option::of(texts()).prop_map(Value::String).boxed()
        ),
        of(
            ArrayType::Bool,
            any::<Option<bool>>().prop_map(Value::Bool).boxed()
        ),
        of(
            ArrayType::Double,
            prop::option::of(prop::num::f64::NORMAL | prop::num::f64::ZERO)
                .prop_map(Value::Double)
                .boxed()
        ),
        of(
            ArrayType::Decimal,
            prop::option::of(decimals())
                .prop_map(Value::Decimal)
                .boxed()
        ),
    ]
}

fn opt<T: std::fmt::Debug>(
    values: impl Strategy<Value = T> + 'static,
    into: impl Fn(Option<T>) -> Value + 'static,
) -> BoxedStrategy<Value> {
    prop::option::weighted(0.8, values).prop_map(into).boxed()
}

/// Values of all types, NULLs among them.
pub(super) fn values() -> impl Strategy<Value = Value> {
    let simple = prop::strategy::Union::new([
        opt(any::<bool>(), Value::Bool),
        opt(any::<i8>(), Value::TinyInt),
        opt(any::<i16>(), Value::SmallInt),
        opt(any::<i32>(), Value::Int),
        opt(any::<i64>(), Value::BigInt),
        opt(any::<u8>(), Value::TinyUnsigned),
        opt(any::<u16>(), Value::SmallUnsigned),
        opt(any::<u32>(), Value::Unsigned),
        opt(any::<u64>(), Value::BigUnsigned),
        opt(any::<u32>().prop_map(f32::from_bits), Value::Float),
        opt(any::<u64>().prop_map(f64::from_bits), Value::Double),
        opt(texts(), Value::String),
        opt(any::<char>(), Value::Char),
        opt(any::<Vec<u8>>(), Value::Bytes),
        opt(any::<u128>().prop_map(Uuid::from_u128), Value::Uuid),
        opt(json().prop_map(Box::new), Value::Json),
        enums().boxed(),
    ]);
    let others = prop::strategy::Union::new([
        opt(days(), Value::ChronoDate),
        opt(times(), Value::ChronoTime),
        opt(moments(), Value::ChronoDateTime),
        opt(utc(), Value::ChronoDateTimeUtc),
        opt(zoned(), Value::ChronoDateTimeWithTimeZone),
        opt(other_days(), Value::TimeDate),
        opt(other_times(), Value::TimeTime),
        opt(other_moments(), Value::TimeDateTime),
        opt(other_zoned(), Value::TimeDateTimeWithTimeZone),
        opt(decimals(), Value::Decimal),
        opt(big_decimals().prop_map(Box::new), Value::BigDecimal),
        arrays().boxed(),
    ]);
    prop_oneof![simple, others]
}

prop_compose! {
    /// Rows of the sample entity.
    pub(super) fn rows()(
        (id, tiny, small, int, unsigned, large) in any::<(i64, i8, Option<i16>, i32, u32, Option<u64>)>(),
        (single, double) in any::<(Option<f32>, f64)>(),
        (text, note, flag, bytes) in any::<(String, Option<String>, Option<bool>, Vec<u8>)>(),
        uuid in prop::option::of(any::<u128>().prop_map(Uuid::from_u128)),
        (json, maybe_json) in (json(), prop::option::of(json())),
        (day, time, at, at_utc, at_zone) in (prop::option::of(days()), times(), moments(), utc(), prop::option::of(zoned())),
        (other_day, other_time, other_at) in (other_days(), prop::option::of(other_times()), other_moments()),
        other_at_zone in prop::option::of(other_zoned()),
        (price, exact) in (decimals(), prop::option::of(big_decimals())),
        tags in prop::collection::vec(texts(), 0..3),
        numbers in prop::option::of(any::<Vec<i32>>()),
    ) -> Model {
        Model {
            id, tiny, small, int, unsigned, large, single, double, text, note, flag, bytes, uuid, json, maybe_json,
            kind: if tiny < 0 { Kind::Small } else { Kind::Large },
            number_kind: flag.map(|flag| if flag { NumberKind::One } else { NumberKind::Two }),
            day, time, at, at_utc, at_zone, other_day, other_time, other_at, other_at_zone, price, exact, tags, numbers,
            beside: 0,
        }
    }
}

/// A row of which no column is NULL.
pub(super) fn a_row() -> Model {
    let day = ChronoDate::from_ymd_opt(2026, 11, 30).unwrap();
    let time = ChronoTime::from_hms_micro_opt(20, 30, 59, 123_456).unwrap();
    let at = day.and_time(time);
    let other_day = TimeDate::from_julian_day(2_460_000).unwrap();
    let other_time = TimeTime::from_hms(20, 30, 59).unwrap();
    let other_at = TimeDateTime::new(other_day, other_time);
    Model {
        id: 7,
        tiny: -1,
        small: Some(300),
        int: -70_000,
        unsigned: 70_000,
        large: Some(u64::MAX),
        single: Some(0.1),
        double: 0.1,
        text: "a title".to_owned(),
        note: Some("é".to_owned()),
        flag: Some(true),
        bytes: vec![0, 255],
        uuid: Some(Uuid::max()),
        json: serde_json::json!({"a": [1, 2.5, null]}),
        maybe_json: Some(serde_json::json!([])),
        kind: Kind::Small,
        number_kind: Some(NumberKind::Two),
        day: Some(day),
        time,
        at,
        at_utc: at.and_utc(),
        at_zone: Some(
            at.and_utc()
                .with_timezone(&FixedOffset::east_opt(3600).unwrap()),
        ),
        other_day,
        other_time: Some(other_time),
        other_at,
        other_at_zone: Some(other_at.assume_utc()),
        price: Decimal::new(1990, 2),
        exact: Some(BigDecimal::new(1990.into(), 2)),
        tags: vec!["a".to_owned(), String::new()],
        numbers: Some(vec![1, -2]),
        beside: 0,
    }
}
