//! Answers conditional requests (RFC 9110, 13).
//!
//! 1. `If-None-Match` that names the response's tag: 304 (13.1.2).
//! 2. Only without it, `If-Modified-Since` equal to `Last-Modified` byte for byte: 304. Clients
//!    send back what they got; dates are not compared yet, which costs a full answer (13.1.3).
//! 3. A fill asks unconditionally, so that there is something to keep; its client's conditions are
//!    judged on what came, kept or not, if that is a 200.
//! 4. A 304 carries what the 200 would have, but not what describes the body (15.4.5).

use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, TRANSFER_ENCODING,
};

use crate::etag;

/// Tells whether the client of `request` already holds the response with these `headers`.
pub(crate) fn not_modified(request: &HeaderMap, headers: &HeaderMap) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        return etag::any_matches(request.get_all(IF_NONE_MATCH), headers.get(ETAG));
    }
    let since = request.get(IF_MODIFIED_SINCE);
    since.is_some() && since == headers.get(LAST_MODIFIED)
}

/// Makes a request unconditional.
pub(crate) fn remove(request: &mut HeaderMap) {
    request.remove(IF_NONE_MATCH);
    request.remove(IF_MODIFIED_SINCE);
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

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_tag_stands_over_a_date() {
        let kept = headers(&[(ETAG, "\"a\""), (LAST_MODIFIED, "then")]);
        assert!(not_modified(&headers(&[(IF_NONE_MATCH, "\"a\"")]), &kept));
        assert!(not_modified(
            &headers(&[(IF_MODIFIED_SINCE, "then")]),
            &kept
        ));
        assert!(!not_modified(
            &headers(&[(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, "then")]),
            &kept
        ));
        assert!(!not_modified(
            &headers(&[(IF_MODIFIED_SINCE, "now")]),
            &kept
        ));
        assert!(!not_modified(&headers(&[]), &headers(&[])));
    }
}
