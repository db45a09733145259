//! Answers requests for a part (RFC 9110, 14).
//!
//! 1. `Range` counts for GET only (14.2); one line, in bytes, with one range. Several ranges, other
//!    units and what cannot be read are ignored, which the RFC allows: the answer is whole (14.2).
//! 2. `If-Range` must hold: a strong tag that is the response's, or its `Last-Modified`, to the letter
//!    and at least a second older than its `Date`. If not, the answer is whole (13.1.5; 8.8.2.2).
//! 3. A range with some bytes is answered with them, a 206 and `Content-Range`; one without with a 416
//!    (14.1.2; 15.5.17).
//! 4. A part that is kept answers what lies within it (15.3.7.3): its `Content-Range` says where it lies
//!    in how much, and is as long as the part.
//! 5. Two parts are put together if both have the same strong tag, are of as much, and overlap or touch:
//!    then they are parts of the same bytes (15.3.7.3). A date is never strong enough here.
//! 6. Conditions of the request are judged first (13.2.2), and only a 200 is cut.

use std::ops::Range;

use http::HeaderValue;
use http::header::{CONTENT_RANGE, DATE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE};

use crate::semantics::dates::Unix;
use crate::semantics::etag;
use crate::semantics::fields::single;
use crate::semantics::freshness::date;

/// What of a response a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes it does not have.
    Nothing,
}

/// Two parts that can be put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) kept: Range<u64>,
    pub(crate) came: Range<u64>,
    /// Both of them.
    pub(crate) part: Range<u64>,
    /// How much there is in all.
    pub(crate) length: u64,
}

/// Tells how a part that came goes together with one that is kept: rule 5.
pub(crate) fn joined(kept: &HeaderMap, came: &HeaderMap) -> Option<Joined> {
    let tags = kept.get(ETAG).zip(came.get(ETAG));
    if !tags.is_some_and(|(kept, came)| etag::matches_strongly(kept, came)) {
        return None;
    }
    let ((kept, length), (came, same)) = (part_of(kept)?, part_of(came)?);
    let touch = kept.start <= came.end && came.start <= kept.end;
    (touch && length == same).then(|| Joined {
        part: kept.start.min(came.start)..kept.end.max(came.end),
        kept,
        came,
        length,
    })
}

/// Decides what of a response with these headers, `length` bytes long, a request wants.
pub(crate) fn wanted(request: &HeaderMap, headers: &HeaderMap, length: u64, came: Unix) -> Wanted {
    let Some(range) = single(request, &RANGE) else {
        return Wanted::Whole;
    };
    if !if_range_holds(request, headers, came) {
        return Wanted::Whole;
    }
    let range = range.to_str().unwrap_or_default();
    let spec = range.split_once('=').filter(|(unit, _)| {
        // Units are compared in any case (14.1).
        unit.eq_ignore_ascii_case("bytes")
    });
    spec.and_then(|(_, spec)| cut(spec.trim(), length))
        .unwrap_or(Wanted::Whole)
}

/// Returns the value of `Content-Range` for these bytes.
pub(crate) fn content_range(part: &Range<u64>, length: u64) -> HeaderValue {
    value(format!("bytes {}-{}/{length}", part.start, part.end - 1))
}

/// Returns the value of `Content-Range` where there are no bytes.
pub(crate) fn unsatisfied(length: u64) -> HeaderValue {
    value(format!("bytes */{length}"))
}

/// Reads where a part lies, and in how much: rule 4. `None` if either is not said.
pub(crate) fn part_of(headers: &HeaderMap) -> Option<(Range<u64>, u64)> {
    let field = single(headers, &CONTENT_RANGE)?.to_str().ok()?;
    let (unit, rest) = field.split_once(' ')?;
    let (part, length) = rest.split_once('/')?;
    let (first, last) = part.split_once('-')?;
    let (first, last, length) = (number(first)?, number(last)?, number(length)?);
    let fits = unit.eq_ignore_ascii_case("bytes") && first <= last && last < length;
    fits.then(|| (first..last + 1, length))
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("bytes */*"))
}

/// Rule 2.
fn if_range_holds(request: &HeaderMap, headers: &HeaderMap, came: Unix) -> bool {
    if !request.contains_key(IF_RANGE) {
        return true;
    }
    let Some(condition) = single(request, &IF_RANGE) else {
        return false;
    };
    if condition.as_bytes().contains(&b'"') {
        return headers
            .get(ETAG)
            .is_some_and(|tag| etag::matches_strongly(condition, tag));
    }
    let modified = date(headers, &LAST_MODIFIED, came);
    let dated = date(headers, &DATE, came);
    let is_strong = modified
        .zip(dated)
        .is_some_and(|(modified, dated)| modified < dated);
    is_strong && headers.get(LAST_MODIFIED) == Some(condition)
}

/// Reads `first-last`, `first-` or `-count`; `None` for anything else.
fn cut(spec: &str, length: u64) -> Option<Wanted> {
    let (first, last) = spec.split_once('-')?;
    let part = if first.is_empty() {
        let count = number(last)?.min(length);
        length - count..length
    } else {
        let first = number(first)?;
        let end = match last {
            "" => length,
            last => {
                let last = number(last)?;
                (first <= last).then_some(())?;
                last.saturating_add(1).min(length)
            }
        };
        first..end
    };
    Some(if part.is_empty() {
        Wanted::Nothing
    } else {
        Wanted::Part(part)
    })
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // More than there can be is as good as the most.
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(tag: &'static str, range: &'static str) -> HeaderMap {
        let fields = [(ETAG, tag), (CONTENT_RANGE, range)];
        let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
        fields
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn parts_of_the_same_bytes_go_together() {
        for (kept, came, both) in [
            ("bytes 0-4/10", "bytes 5-9/10", Some(0..10)),
            ("bytes 5-9/10", "bytes 0-4/10", Some(0..10)),
            ("bytes 2-5/10", "bytes 4-8/10", Some(2..9)),
            ("bytes 2-8/10", "bytes 4-5/10", Some(2..9)),
            ("bytes 0-3/10", "bytes 5-9/10", None),
            ("bytes 5-9/10", "bytes 0-3/10", None),
            ("bytes 0-4/10", "bytes 5-9/11", None),
            ("bytes 0-4/*", "bytes 5-9/10", None),
        ] {
            let joined = joined(&part("\"a\"", kept), &part("\"a\"", came));
            assert_eq!(joined.map(|joined| joined.part), both, "{kept} {came}");
        }
    }

    #[test]
    fn only_a_strong_tag_says_that_bytes_are_the_same() {
        for (kept, came) in [
            ("\"a\"", "\"b\""),
            ("W/\"a\"", "W/\"a\""),
            ("\"a\"", "W/\"a\""),
            ("", ""),
            ("\"a\"", ""),
            ("a", "a"),
        ] {
            let (kept_part, came_part) = (part(kept, "bytes 0-4/10"), part(came, "bytes 5-9/10"));
            assert_eq!(joined(&kept_part, &came_part), None, "{kept} {came}");
        }
    }
    use http::HeaderName;
    use proptest::prelude::*;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const CAME: Unix = 784_111_777;

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn of_ten(range: &str) -> Wanted {
        wanted(&headers(&[(RANGE, range)]), &HeaderMap::new(), 10, CAME)
    }

    #[test]
    fn one_range_in_bytes_is_cut() {
        for (range, part) in [
            ("bytes=0-1", 0..2),
            ("bytes=1-", 1..10),
            ("bytes=-1", 9..10),
            ("bytes=-11", 0..10),
            ("Bytes=9-99999999999999999999999", 9..10),
            ("bytes=0-0", 0..1),
        ] {
            assert_eq!(of_ten(range), Wanted::Part(part), "{range}");
        }
        assert_eq!(content_range(&(4..7), 10), "bytes 4-6/10");
    }

    #[test]
    fn what_is_not_there_is_said_not_to_be() {
        for range in [
            "bytes=10-",
            "bytes=10-20",
            "bytes=-0",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(of_ten(range), Wanted::Nothing, "{range}");
        }
        assert_eq!(unsatisfied(10), "bytes */10");
    }

    #[test]
    fn anything_else_is_answered_whole() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=2-1",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1--2",
            "bytes 0-1",
        ] {
            assert_eq!(of_ten(range), Wanted::Whole, "{range}");
        }
        let twice = headers(&[(RANGE, "bytes=0-1"), (RANGE, "bytes=0-1")]);
        assert_eq!(wanted(&twice, &HeaderMap::new(), 10, CAME), Wanted::Whole);
    }

    #[test]
    fn a_part_of_another_version_is_never_sent() {
        let part = |condition: &str, kept: &[(HeaderName, &str)]| {
            let request = headers(&[(RANGE, "bytes=0-1"), (IF_RANGE, condition)]);
            wanted(&request, &headers(kept), 10, CAME) != Wanted::Whole
        };
        let kept = [(ETAG, "\"a\""), (LAST_MODIFIED, BEFORE), (DATE, THEN)];
        assert!(part("\"a\"", &kept));
        assert!(part(BEFORE, &kept));
        for condition in ["\"b\"", "W/\"a\"", THEN, "x", ""] {
            assert!(!part(condition, &kept), "{condition}");
        }
        assert!(!part("W/\"a\"", &[(ETAG, "W/\"a\"")]));
        assert!(!part(THEN, &[(LAST_MODIFIED, THEN), (DATE, THEN)]));
        assert!(!part(THEN, &[(LAST_MODIFIED, THEN)]));
    }

    #[test]
    fn a_part_says_where_it_lies() {
        let read = |field: &str| part_of(&headers(&[(CONTENT_RANGE, field)]));
        assert_eq!(read("bytes 4-8/10"), Some((4..9, 10)));
        for field in [
            "bytes 4-8/*",
            "bytes */10",
            "bytes 8-4/10",
            "bytes 4-10/10",
            "lines 4-8/10",
            "4-8/10",
            "bytes 99999999999999999999-99999999999999999999/99999999999999999999",
        ] {
            assert_eq!(read(field), None, "{field}");
        }
    }

    proptest! {
        #[test]
        fn any_part_is_read_without_a_panic(field in r"(bytes )?[ -~]{0,20}") {
            part_of(&headers(&[(CONTENT_RANGE, &field)]));
        }

        #[test]
        fn any_range_is_read_without_a_panic(range in r"(bytes=)?[ -~]{0,20}", length in 0_u64..20) {
            let request = headers(&[(RANGE, &range)]);
            if let Wanted::Part(part) = wanted(&request, &HeaderMap::new(), length, CAME) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }
    }
}
