//! Dates and times of chrono: days, seconds, nanoseconds, offset.

use ::chrono::{Datelike, FixedOffset, Timelike};
use larder_core::wire::{Malformed, Reader, Write};
use sea_orm::prelude::{ChronoDate, ChronoDateTime, ChronoDateTimeWithTimeZone, ChronoTime};

use super::value::{number, signed};

pub(super) fn put_date(date: ChronoDate, into: &mut Vec<u8>) {
    into.put_signed(date.num_days_from_ce().into());
}

pub(super) fn date(reader: &mut Reader<'_>) -> Result<ChronoDate, Malformed> {
    ChronoDate::from_num_days_from_ce_opt(signed(reader)?).ok_or(Malformed)
}

/// A leap second has more than a second's nanoseconds.
pub(super) fn put_time(time: ChronoTime, into: &mut Vec<u8>) {
    into.put_number(time.num_seconds_from_midnight().into());
    into.put_number(time.nanosecond().into());
}

pub(super) fn time(reader: &mut Reader<'_>) -> Result<ChronoTime, Malformed> {
    let (seconds, nanos) = (number(reader)?, number(reader)?);
    ChronoTime::from_num_seconds_from_midnight_opt(seconds, nanos).ok_or(Malformed)
}

pub(super) fn put_both(at: ChronoDateTime, into: &mut Vec<u8>) {
    put_date(at.date(), into);
    put_time(at.time(), into);
}

pub(super) fn both(reader: &mut Reader<'_>) -> Result<ChronoDateTime, Malformed> {
    Ok(date(reader)?.and_time(time(reader)?))
}

pub(super) fn put_zoned(at: ChronoDateTimeWithTimeZone, into: &mut Vec<u8>) {
    put_both(at.naive_utc(), into);
    into.put_signed(at.offset().local_minus_utc().into());
}

pub(super) fn zoned(reader: &mut Reader<'_>) -> Result<ChronoDateTimeWithTimeZone, Malformed> {
    let at = both(reader)?;
    let offset = FixedOffset::east_opt(signed(reader)?).ok_or(Malformed)?;
    Ok(ChronoDateTimeWithTimeZone::from_naive_utc_and_offset(
        at, offset,
    ))
}
