//! Dates and times of time: days, seconds, nanoseconds, offset.

use larder_core::wire::{Malformed, Reader, Write};
use sea_orm::prelude::{TimeDate, TimeDateTime, TimeDateTimeWithTimeZone, TimeTime};
use time::UtcOffset;

use super::value::{number, signed};

pub(super) fn put_date(date: TimeDate, into: &mut Vec<u8>) {
    into.put_signed(date.to_julian_day().into());
}

pub(super) fn date(reader: &mut Reader<'_>) -> Result<TimeDate, Malformed> {
    TimeDate::from_julian_day(signed(reader)?).map_err(|_| Malformed)
}

pub(super) fn put_time(time: TimeTime, into: &mut Vec<u8>) {
    let (hour, minute, second, nano) = time.as_hms_nano();
    into.put(&[hour, minute, second]);
    into.put_number(nano.into());
}

pub(super) fn time(reader: &mut Reader<'_>) -> Result<TimeTime, Malformed> {
    let [hour, minute, second] = reader.array()?;
    TimeTime::from_hms_nano(hour, minute, second, number(reader)?).map_err(|_| Malformed)
}

pub(super) fn put_both(at: TimeDateTime, into: &mut Vec<u8>) {
    put_date(at.date(), into);
    put_time(at.time(), into);
}

pub(super) fn both(reader: &mut Reader<'_>) -> Result<TimeDateTime, Malformed> {
    Ok(TimeDateTime::new(date(reader)?, time(reader)?))
}

pub(super) fn put_zoned(at: TimeDateTimeWithTimeZone, into: &mut Vec<u8>) {
    put_both(TimeDateTime::new(at.date(), at.time()), into);
    into.put_signed(at.offset().whole_seconds().into());
}

pub(super) fn zoned(reader: &mut Reader<'_>) -> Result<TimeDateTimeWithTimeZone, Malformed> {
    let at = both(reader)?;
    let offset = UtcOffset::from_whole_seconds(signed(reader)?).map_err(|_| Malformed)?;
    Ok(at.assume_offset(offset))
}
