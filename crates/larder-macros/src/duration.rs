//! Durations as they are written in attributes: `"90s"`, `"1h30m"`.

use std::time::Duration;

/// Units from the largest to the smallest, in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads a duration: numbers with units, the largest unit first.
///
/// # Errors
/// What is wrong, with an example of what would be right.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("an empty duration; write it as `10m` or `1h30m`".to_owned());
    }
    let mut total = 0_u64;
    let mut units = UNITS.as_slice();
    while !rest.is_empty() {
        let (number, tail) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, tail) = split_where(tail, |c| !c.is_ascii_alphabetic());
        let place = units.iter().position(|(name, _)| *name == unit);
        let Some(place) = place.filter(|_| !number.is_empty()) else {
            return Err(complaint(text, number, unit));
        };
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(units[place].1))
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| format!("`{text}` is too long for a duration"))?;
        units = &units[place + 1..];
        rest = tail.trim_start();
    }
    Ok(Duration::from_millis(total))
}

fn complaint(text: &str, number: &str, unit: &str) -> String {
    if number.is_empty() {
        format!("`{text}` is no duration; write whole numbers with units, as `90s` or `1h30m`")
    } else if unit.is_empty() {
        format!("`{text}` lacks a unit; write `{number}s`, or use ms, m, h, d")
    } else if UNITS.iter().any(|(name, _)| *name == unit) {
        format!("`{text}` has its units out of order; write the largest first, as `1h30m`")
    } else {
        format!("`{unit}` is no unit of time; there are ms, s, m, h, d")
    }
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units_largest_first() {
        assert_eq!(parse("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(parse("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse("2s 500ms"), Ok(Duration::from_millis(2500)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert_eq!(parse("1d"), Ok(Duration::from_hours(24)));
    }

    #[test]
    fn a_wrong_duration_says_how_to_write_it() {
        let complaint = |text| parse(text).unwrap_err();
        assert!(complaint("10").contains("write `10s`"));
        assert!(complaint("10 min").contains("lacks a unit"));
        assert!(complaint("10min").contains("`min` is no unit"));
        assert!(complaint("1.5h").contains("lacks a unit"));
        assert!(complaint("30m1h").contains("largest first"));
        assert!(complaint("soon").contains("no duration"));
        assert!(complaint("").contains("empty"));
        assert!(complaint("99999999999999999999d").contains("too long"));
        assert!(complaint("999999999999999d").contains("too long"));
    }
}
