//! How old a response is and how long it is fresh (RFC 9111, 4.2).
//!
//! 1. Its age when it came is the larger of what it says (`Age` and the time the answer took) and of
//!    what its `Date` says (4.2.3). Of an `Age` with several members the first counts, and one that
//!    is no number says nothing (5.1).
//! 2. It is fresh for `s-maxage` in a shared cache, else `max-age`, else `Expires` minus `Date`
//!    (4.2.1). The first of them that is there decides, also when it cannot be read: then it is stale.
//! 3. `Expires` given twice, or that is no date, is in the past (5.3; 4.2.1). A `Date` that is missing
//!    or none is the time the response came (RFC 9110, 6.6.1).
//! 4. Without any of them a cache may guess where the status is one that allows it or the response is
//!    `public` (4.2.2; RFC 9110, 15.1): a tenth of the time since `Last-Modified`, a day at most.

use std::time::Duration;

use http::header::{AGE, DATE, EXPIRES, HeaderMap, LAST_MODIFIED};
use http::{HeaderName, StatusCode};

use crate::semantics::dates::{self, Unix};
use crate::semantics::directives::CacheControl;
use crate::semantics::fields::{delta_seconds, single, tokens};

/// The longest freshness that is guessed.
const LONGEST_GUESS: Duration = Duration::from_hours(24);

/// When a response came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The wall clock's time.
    pub(crate) at: Unix,
    /// How long the answer took.
    pub(crate) delay: Duration,
}

/// Where a freshness comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The response says it.
    Explicit,
    /// It is guessed from `Last-Modified`.
    Heuristic,
    /// The route says it.
    Route,
}

/// Returns how old a response was when it came: rule 1.
pub(crate) fn age(headers: &HeaderMap, arrival: Arrival) -> Duration {
    let said = tokens(headers, &AGE)
        .next()
        .and_then(delta_seconds)
        .unwrap_or_default();
    let corrected = said.saturating_add(arrival.delay);
    let apparent = date(headers, &DATE, arrival.at).map_or(0, |date| arrival.at - date);
    corrected.max(seconds(apparent))
}

/// Returns how long a response says it is fresh: rules 2 and 3.
pub(crate) fn explicit(
    headers: &HeaderMap,
    directives: &CacheControl,
    shared: bool,
    targeted: bool,
    arrival: Arrival,
) -> Option<Duration> {
    let s_maxage = directives.s_maxage.filter(|_| shared);
    s_maxage
        .or(directives.max_age)
        .or_else(|| (!targeted).then(|| expires(headers, arrival)).flatten())
}

/// Guesses how long a response is fresh, if that is allowed: rule 4.
pub(crate) fn heuristic(
    status: StatusCode,
    headers: &HeaderMap,
    directives: &CacheControl,
    arrival: Arrival,
) -> Option<Duration> {
    if !(directives.public || is_heuristic(status)) {
        return None;
    }
    let modified = date(headers, &LAST_MODIFIED, arrival.at)?;
    let date = date(headers, &DATE, arrival.at).unwrap_or(arrival.at);
    Some(seconds((date - modified) / 10).min(LONGEST_GUESS))
}

/// Tells whether the freshness of this status may be guessed (RFC 9110, 15.1).
pub(crate) fn is_heuristic(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// Reads a field that holds one date; `None` if it is missing, given twice or none.
pub(crate) fn date(headers: &HeaderMap, name: &HeaderName, now: Unix) -> Option<Unix> {
    single(headers, name).and_then(|value| dates::parse(value, now))
}

fn expires(headers: &HeaderMap, arrival: Arrival) -> Option<Duration> {
    headers.contains_key(EXPIRES).then(|| {
        let date_of_it = date(headers, &DATE, arrival.at).unwrap_or(arrival.at);
        date(headers, &EXPIRES, arrival.at).map_or(Duration::ZERO, |end| seconds(end - date_of_it))
    })
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-07-01.
    const NOW: Unix = 1_782_864_000;
    const ARRIVAL: Arrival = Arrival {
        at: NOW,
        delay: Duration::from_secs(2),
    };

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn at(offset: i64) -> String {
        dates::format(NOW + offset).to_str().unwrap().to_owned()
    }

    fn age_of(fields: &[(&str, &str)]) -> u64 {
        age(&headers(fields), ARRIVAL).as_secs()
    }

    fn fresh_for(fields: &[(&str, &str)]) -> Option<u64> {
        let headers = headers(fields);
        let directives = CacheControl::of(&headers);
        explicit(&headers, &directives, true, false, ARRIVAL).map(|time| time.as_secs())
    }

    #[test]
    fn the_age_is_the_larger_of_what_is_said_and_what_the_date_says() {
        assert_eq!(age_of(&[]), 2);
        assert_eq!(age_of(&[("age", "30")]), 32);
        assert_eq!(age_of(&[("age", "30"), ("date", &at(-100))]), 100);
        assert_eq!(age_of(&[("age", "30"), ("date", &at(100))]), 32);
        assert_eq!(age_of(&[("date", &at(-7200))]), 7200);
        assert_eq!(age_of(&[("date", "then")]), 2);
    }

    #[test]
    fn of_several_ages_the_first_counts_and_what_is_none_says_nothing() {
        for (lines, age) in [
            (&["7200, 0"][..], 7200),
            (&["0,7200"], 0),
            (&["7200", "0"], 7200),
            (&["0", "7200"], 0),
            (&["abc"], 0),
            (&["-7200"], 0),
            (&["7200.0"], 0),
            (&["7200;foo=bar"], 0),
            (&[""], 0),
            (&["2147483649"], 1 << 31),
            (&["99999999999999999999"], 1 << 31),
        ] {
            let fields: Vec<_> = lines.iter().map(|line| ("age", *line)).collect();
            assert_eq!(age_of(&fields), age + 2, "{lines:?}");
        }
    }

    #[test]
    fn the_first_that_says_something_decides() {
        let (past, future) = (at(-10), at(10));
        for (fields, expected) in [
            (&[][..], None),
            (&[("cache-control", "public")], None),
            (&[("cache-control", "max-age=1, s-maxage=3600")], Some(3600)),
            (
                &[("cache-control", "max-age=3600"), ("expires", &past)],
                Some(3600),
            ),
            (
                &[("cache-control", "max-age=0"), ("expires", &future)],
                Some(0),
            ),
            (
                &[("cache-control", "max-age=x"), ("expires", &future)],
                Some(0),
            ),
            (&[("expires", &future)], Some(10)),
            (&[("expires", &past)], Some(0)),
            (&[("expires", "0")], Some(0)),
        ] {
            assert_eq!(fresh_for(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn expires_counts_from_the_date_of_the_response() {
        let expires =
            |date: i64, end: i64| fresh_for(&[("date", &at(date)), ("expires", &at(end))]);
        assert_eq!(expires(-10, 10), Some(20));
        assert_eq!(expires(400, 300), Some(0));
        let (one, other) = (at(10), at(11));
        assert_eq!(
            fresh_for(&[("expires", &one), ("expires", &other)]),
            Some(0)
        );
        assert_eq!(fresh_for(&[("date", "foo"), ("expires", &one)]), Some(10));
        let private = |fields: &[(&str, &str)]| {
            let headers = headers(fields);
            explicit(&headers, &CacheControl::of(&headers), false, false, ARRIVAL)
        };
        let both = [("cache-control", "s-maxage=60, max-age=1")];
        assert_eq!(private(&both), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_guess_needs_a_status_or_a_word_that_allows_it() {
        let modified = at(-1000);
        let guess = |status: u16, cache_control: &str| {
            let headers = headers(&[
                ("last-modified", &modified),
                ("cache-control", cache_control),
            ]);
            let status = StatusCode::from_u16(status).unwrap();
            heuristic(status, &headers, &CacheControl::of(&headers), ARRIVAL)
        };
        let tenth = Some(Duration::from_secs(100));
        for status in [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501] {
            assert_eq!(guess(status, ""), tenth, "{status}");
        }
        for status in [
            201, 202, 302, 303, 307, 400, 401, 403, 500, 502, 503, 504, 599,
        ] {
            assert_eq!(guess(status, ""), None, "{status}");
            assert_eq!(guess(status, "public"), tenth, "{status}");
        }
        let old = headers(&[("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")]);
        let guessed = heuristic(StatusCode::OK, &old, &CacheControl::default(), ARRIVAL);
        assert_eq!(guessed, Some(LONGEST_GUESS));
        let none = headers(&[]);
        let guessed = heuristic(StatusCode::OK, &none, &CacheControl::default(), ARRIVAL);
        assert_eq!(guessed, None);
    }

    proptest! {
        #[test]
        fn any_fields_are_read_without_a_panic(
            a in r"[ -~]{0,20}", b in r"[ -~]{0,30}", c in r"[ -~]{0,30}",
        ) {
            let fields = [("age", a.as_str()), ("expires", &b), ("date", &c)];
            age_of(&fields);
            fresh_for(&fields);
        }
    }
}
