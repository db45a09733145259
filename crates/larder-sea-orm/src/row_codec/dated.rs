//! Values of dates, times and decimals, of which the user says here too that they are turned on.

#![cfg_attr(
    not(any(
        feature = "with-bigdecimal",
        feature = "with-chrono",
        feature = "with-rust_decimal",
        feature = "with-time"
    )),
    expect(
        unreachable_code,
        unused_imports,
        unused_variables,
        reason = "none of these types is turned on"
    )
)]

use larder_core::wire::{Malformed, Reader};
use sea_orm::sea_query::Value;

#[cfg(feature = "with-chrono")]
use super::chrono_values as chrono;
#[cfg(any(feature = "with-bigdecimal", feature = "with-rust_decimal"))]
use super::decimals as decimal;
#[cfg(feature = "with-time")]
use super::time_values as time;
use super::value;

#[cfg(feature = "with-chrono")]
const CHRONO_DATE: u8 = 19;
#[cfg(feature = "with-chrono")]
const CHRONO_TIME: u8 = 20;
#[cfg(feature = "with-chrono")]
const CHRONO_DATE_TIME: u8 = 21;
#[cfg(feature = "with-chrono")]
const CHRONO_UTC: u8 = 22;
#[cfg(feature = "with-chrono")]
const CHRONO_ZONED: u8 = 23;
#[cfg(feature = "with-time")]
const TIME_DATE: u8 = 24;
#[cfg(feature = "with-time")]
const TIME_TIME: u8 = 25;
#[cfg(feature = "with-time")]
const TIME_DATE_TIME: u8 = 26;
#[cfg(feature = "with-time")]
const TIME_ZONED: u8 = 27;
#[cfg(feature = "with-rust_decimal")]
const DECIMAL: u8 = 28;
#[cfg(feature = "with-bigdecimal")]
const BIG_DECIMAL: u8 = 29;

/// Which types have forms here: who has others could not read them.
pub(super) const FORMS: [u8; 4] = [
    cfg!(feature = "with-chrono") as u8,
    cfg!(feature = "with-time") as u8,
    cfg!(feature = "with-rust_decimal") as u8,
    cfg!(feature = "with-bigdecimal") as u8,
];

/// Appends a value of one of these types; tells whether it is one.
pub(super) fn put(value: &Value, into: &mut Vec<u8>) -> bool {
    match value {
        #[cfg(feature = "with-chrono")]
        Value::ChronoDate(value) => value::put(CHRONO_DATE, *value, into, chrono::put_date),
        #[cfg(feature = "with-chrono")]
        Value::ChronoTime(value) => value::put(CHRONO_TIME, *value, into, chrono::put_time),
        #[cfg(feature = "with-chrono")]
        Value::ChronoDateTime(value) => {
            value::put(CHRONO_DATE_TIME, *value, into, chrono::put_both);
        }
        #[cfg(feature = "with-chrono")]
        Value::ChronoDateTimeUtc(value) => {
            value::put(
                CHRONO_UTC,
                value.map(|at| at.naive_utc()),
                into,
                chrono::put_both,
            );
        }
        #[cfg(feature = "with-chrono")]
        Value::ChronoDateTimeWithTimeZone(value) => {
            value::put(CHRONO_ZONED, *value, into, chrono::put_zoned);
        }
        #[cfg(feature = "with-time")]
        Value::TimeDate(value) => value::put(TIME_DATE, *value, into, time::put_date),
        #[cfg(feature = "with-time")]
        Value::TimeTime(value) => value::put(TIME_TIME, *value, into, time::put_time),
        #[cfg(feature = "with-time")]
        Value::TimeDateTime(value) => value::put(TIME_DATE_TIME, *value, into, time::put_both),
        #[cfg(feature = "with-time")]
        Value::TimeDateTimeWithTimeZone(value) => {
            value::put(TIME_ZONED, *value, into, time::put_zoned);
        }
        #[cfg(feature = "with-rust_decimal")]
        Value::Decimal(value) => value::put(DECIMAL, *value, into, decimal::put_decimal),
        #[cfg(feature = "with-bigdecimal")]
        Value::BigDecimal(value) => {
            value::put(BIG_DECIMAL, value.as_deref(), into, decimal::put_big);
        }
        _ => return false,
    }
    true
}

/// Takes a value of one of these types.
pub(super) fn take(tag: u8, some: bool, reader: &mut Reader<'_>) -> Result<Value, Malformed> {
    Ok(match tag {
        #[cfg(feature = "with-chrono")]
        CHRONO_DATE => Value::ChronoDate(value::take(some, reader, chrono::date)?),
        #[cfg(feature = "with-chrono")]
        CHRONO_TIME => Value::ChronoTime(value::take(some, reader, chrono::time)?),
        #[cfg(feature = "with-chrono")]
        CHRONO_DATE_TIME => Value::ChronoDateTime(value::take(some, reader, chrono::both)?),
        #[cfg(feature = "with-chrono")]
        CHRONO_UTC => {
            let at = value::take(some, reader, chrono::both)?;
            Value::ChronoDateTimeUtc(at.map(|at| at.and_utc()))
        }
        #[cfg(feature = "with-chrono")]
        CHRONO_ZONED => {
            Value::ChronoDateTimeWithTimeZone(value::take(some, reader, chrono::zoned)?)
        }
        #[cfg(feature = "with-time")]
        TIME_DATE => Value::TimeDate(value::take(some, reader, time::date)?),
        #[cfg(feature = "with-time")]
        TIME_TIME => Value::TimeTime(value::take(some, reader, time::time)?),
        #[cfg(feature = "with-time")]
        TIME_DATE_TIME => Value::TimeDateTime(value::take(some, reader, time::both)?),
        #[cfg(feature = "with-time")]
        TIME_ZONED => Value::TimeDateTimeWithTimeZone(value::take(some, reader, time::zoned)?),
        #[cfg(feature = "with-rust_decimal")]
        DECIMAL => Value::Decimal(value::take(some, reader, decimal::decimal)?),
        #[cfg(feature = "with-bigdecimal")]
        BIG_DECIMAL => Value::BigDecimal(value::take(some, reader, decimal::big)?.map(Box::new)),
        _ => return Err(Malformed),
    })
}
