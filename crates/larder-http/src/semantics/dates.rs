//! Reads and writes the dates of HTTP (RFC 9110, 5.6.7).
//!
//! 1. Three forms are read: IMF-fixdate (`Sun, 06 Nov 1994 08:49:37 GMT`), RFC 850
//!    (`Sunday, 06-Nov-94 08:49:37 GMT`) and asctime (`Sun Nov  6 08:49:37 1994`).
//! 2. They are read to the letter: case, commas, blanks, two digits each, `GMT` and no other zone.
//!    What is nearly a date is none: who reads it otherwise than its author is wrong by hours.
//! 3. Two digits of a year mean the latest year not more than 50 years ahead.
//! 4. The name of the day is not compared with the date: both may not be right, and the date counts.
//!
//! An own reader, since the libraries split two-digit years at a fixed year.

use http::HeaderValue;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const LONG_DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAY: i64 = 24 * 60 * 60;

/// A time in seconds since 1970.
pub(crate) type Unix = i64;

/// Reads a date; `now` tells which century two digits of a year mean.
pub(crate) fn parse(value: &HeaderValue, now: Unix) -> Option<Unix> {
    let text = std::str::from_utf8(value.as_bytes()).ok()?;
    fixdate(text)
        .or_else(|| rfc850(text, now))
        .or_else(|| asctime(text))
}

/// Writes a date as IMF-fixdate.
pub(crate) fn format(time: Unix) -> HeaderValue {
    let time = time.clamp(0, 253_402_300_799);
    let (days, seconds) = (time.div_euclid(DAY), time.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index)
            .ok()
            .and_then(|index| names.get(index).copied())
            .unwrap_or("Mon")
    };
    let text = format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        name(&DAYS, (days + 3).rem_euclid(7)),
        name(&MONTHS, month - 1),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
    );
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn fixdate(text: &str) -> Option<Unix> {
    let mut parts = text.split(' ');
    let mut next = || parts.next();
    named(&DAYS, next()?.strip_suffix(',')?)?;
    let (day, month) = (digits(next()?, 2)?, named(&MONTHS, next()?)?);
    let (year, time) = (digits(next()?, 4)?, clock(next()?)?);
    (next()? == "GMT" && next().is_none()).then_some(())?;
    unix(year, month, day, time)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(text: &str, now: Unix) -> Option<Unix> {
    let (name, rest) = text.split_once(", ")?;
    named(&LONG_DAYS, name)?;
    let (date, rest) = rest.split_once(' ')?;
    let mut date = date.split('-');
    let day = digits(date.next()?, 2)?;
    let month = named(&MONTHS, date.next()?)?;
    let short = digits(date.next()?, 2)?;
    date.next().is_none().then_some(())?;
    let time = clock(rest.strip_suffix(" GMT")?)?;
    let this_year = civil(now.div_euclid(DAY)).0;
    let century = this_year - this_year.rem_euclid(100);
    // The latest of the three that is not more than 50 years ahead.
    [century + 100, century, century - 100]
        .into_iter()
        .filter_map(|century| unix(century + short, month, day, time))
        .find(|time| *time <= fifty_years_after(now))
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<Unix> {
    let (name, rest) = text.split_once(' ')?;
    named(&DAYS, name)?;
    let (month, rest) = rest.split_once(' ')?;
    let month = named(&MONTHS, month)?;
    let (day, rest) = rest.split_at_checked(2)?;
    let day = match day.strip_prefix(' ') {
        Some(digit) => digits(digit, 1)?,
        None => digits(day, 2)?,
    };
    let (time, year) = rest.strip_prefix(' ')?.split_once(' ')?;
    unix(digits(year, 4)?, month, day, clock(time)?)
}

/// `08:49:37`, in seconds; a leap second counts as the one before it.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let mut next = || digits(parts.next()?, 2);
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    (parts.next().is_none() && hours < 24 && minutes < 60 && seconds <= 60).then_some(())?;
    Some(hours * 3600 + minutes * 60 + seconds.min(59))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let all = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

fn named(names: &[&str], name: &str) -> Option<i64> {
    let index = names.iter().position(|known| *known == name)?;
    i64::try_from(index + 1).ok()
}

fn unix(year: i64, month: i64, day: i64, time: i64) -> Option<Unix> {
    let days = days(year, month, day);
    // A day the month does not have comes back as another date.
    (civil(days) == (year, month, day)).then_some(days * DAY + time)
}

fn fifty_years_after(now: Unix) -> Unix {
    now.saturating_add(50 * 365 * DAY + 12 * DAY)
}

/// Returns the days since 1970 of a date; years begin in March, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Returns year, month and day of so many days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-07-01.
    const NOW: Unix = 1_782_864_000;

    fn read(text: &str) -> Option<Unix> {
        parse(&HeaderValue::from_str(text).unwrap(), NOW)
    }

    #[test]
    fn the_three_forms_of_the_rfc_are_the_same_time() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(read(text), Some(784_111_777), "{text}");
        }
        assert_eq!(format(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn two_digits_of_a_year_are_at_most_fifty_years_ahead() {
        let year = |short: &str| {
            let time = read(&format!("Sunday, 06-Jan-{short} 00:00:00 GMT")).unwrap();
            civil(time.div_euclid(DAY)).0
        };
        assert_eq!([year("26"), year("75"), year("76")], [2026, 2075, 2076]);
        assert_eq!([year("77"), year("99"), year("00")], [1977, 1999, 2000]);
    }

    #[test]
    fn what_is_nearly_a_date_is_none() {
        for text in [
            "",
            "0",
            "Thu 18 Aug 2050 02:01:18 GMT",
            "Thu, 18  Aug  2050 02:01:18 GMT",
            "Thu, 18 Aug 50 02:01:18 GMT",
            "Thu, 18-Aug-2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02.01.18 GMT",
            "Thu, 18 Aug 2050 2:01:18 GMT",
            "Thu, 18 Aug 2050 02:01:18 UTC",
            "Thu, 18 Aug 2050 02:01:18 AEST",
            "Thu, 18 Aug 2050 02:01:18 gMT",
            "THU, 18 Aug 2050 02:01:18 GMT",
            "Thu, 18 AUG 2050 02:01:18 GMT",
            "Thu, 31 Feb 2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 24:01:18 GMT",
            "Thu, 18 Aug 2050 02:01:18 GMT ",
            "Thu, 18 Aug 2050 02:01:18",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(time in 0_i64..253_402_300_799) {
            prop_assert_eq!(parse(&format(time), NOW), Some(time));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in r"[ -~]{0,40}") {
            read(&text);
        }

        #[test]
        fn anything_like_a_date_is_read_without_a_panic(
            text in r"(Mon|Sunday),? [0-9]{1,3}[ -](Feb|Dec)[ -][0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2}( GMT)?",
        ) {
            read(&text);
        }
    }
}
