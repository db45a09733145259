//! Answers conditional requests (RFC 9110, 13; RFC 9111, 4.3.2).
//!
//! 1. `If-None-Match` that names the response's tag, compared weakly: 304 (13.1.2).
//! 2. Only without it, `If-Modified-Since` that is a date, and not before the response was last
//!    modified: 304 (13.1.3). What does not say when it was modified counts as modified at its `Date`
//!    (RFC 9111, 4.3.2).
//! 3. A fill asks unconditionally, so that there is something to keep; its client's conditions are
//!    judged on what came, kept or not, if that is a 200.
//! 4. A 304 carries what the 200 would have, but not what describes the body (15.4.5).

use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG,
    HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE, TRANSFER_ENCODING,
};

use crate::semantics::dates::Unix;
use crate::semantics::etag;
use crate::semantics::freshness::date;

/// Tells whether the client of `request` already holds the response with these `headers`, which came
/// at `came`.
pub(crate) fn not_modified(request: &HeaderMap, headers: &HeaderMap, came: Unix) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        return etag::any_matches(request.get_all(IF_NONE_MATCH), headers.get(ETAG));
    }
    let Some(since) = date(request, &IF_MODIFIED_SINCE, came) else {
        return false;
    };
    let modified = if headers.contains_key(LAST_MODIFIED) {
        date(headers, &LAST_MODIFIED, came)
    } else {
        Some(date(headers, &DATE, came).unwrap_or(came))
    };
    modified.is_some_and(|modified| modified <= since)
}

/// Makes a request unconditional, and for all of the response.
pub(crate) fn remove(request: &mut HeaderMap) {
    for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
        request.remove(name);
    }
}

/// Takes out of a response's headers what a 304 does not carry.
pub(crate) fn remove_description(headers: &mut HeaderMap) {
    for name in [
        CONTENT_LENGTH,
        CONTENT_TYPE,
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        CONTENT_RANGE,
        TRANSFER_ENCODING,
    ] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";
    const CAME: Unix = 784_111_777;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    fn holds(request: &[(HeaderName, &'static str)], kept: &[(HeaderName, &'static str)]) -> bool {
        not_modified(&headers(request), &headers(kept), CAME)
    }

    #[test]
    fn a_tag_stands_over_a_date() {
        let kept = [(ETAG, "\"a\""), (LAST_MODIFIED, THEN)];
        assert!(holds(&[(IF_NONE_MATCH, "\"a\"")], &kept));
        assert!(holds(
            &[(IF_NONE_MATCH, "\"a\""), (IF_MODIFIED_SINCE, BEFORE)],
            &kept
        ));
        assert!(!holds(
            &[(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, THEN)],
            &kept
        ));
        assert!(!holds(&[], &[]));
    }

    #[test]
    fn dates_are_compared_as_dates() {
        let kept = [(LAST_MODIFIED, THEN)];
        assert!(holds(&[(IF_MODIFIED_SINCE, THEN)], &kept));
        assert!(holds(&[(IF_MODIFIED_SINCE, AFTER)], &kept));
        assert!(!holds(&[(IF_MODIFIED_SINCE, BEFORE)], &kept));
        assert!(!holds(&[(IF_MODIFIED_SINCE, "then")], &kept));
        assert!(!holds(
            &[(IF_MODIFIED_SINCE, THEN)],
            &[(LAST_MODIFIED, "then")]
        ));
    }

    #[test]
    fn what_does_not_say_when_it_was_modified_was_modified_when_it_was_made() {
        assert!(holds(&[(IF_MODIFIED_SINCE, THEN)], &[(DATE, BEFORE)]));
        assert!(!holds(&[(IF_MODIFIED_SINCE, BEFORE)], &[(DATE, THEN)]));
        assert!(holds(&[(IF_MODIFIED_SINCE, THEN)], &[]));
        assert!(!holds(&[(IF_MODIFIED_SINCE, BEFORE)], &[]));
    }
}
