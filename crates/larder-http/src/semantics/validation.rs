//! Asks whether a kept response still stands, and takes over what the answer says (RFC 9111, 4.3).
//!
//! 1. It is asked with `If-None-Match` and `If-Modified-Since` from the validators its origin gave it
//!    (4.3.1); a tag made here means nothing there. Everything else of the request stays, so that what
//!    `Vary` names is what chose the response; conditions and ranges of the client are its own.
//! 2. A 304 is about the kept response unless it names another: a strong tag must be the same, a weak
//!    one match, and without a tag a `Last-Modified` must be the same (4.3.4).
//! 3. Its fields replace those of the same name; the others stay. Left alone are those of a
//!    connection and those that describe the kept body: `Content-Length`, `Content-Encoding`,
//!    `Content-Range`, `Content-MD5` (3.2), and `ETag`, which is the same by rule 2.
//! 4. A 200 to a HEAD updates a kept response in the same way if its validators and its
//!    `Content-Length`, as far as it has them, are the kept one's (4.3.5).

use http::header::{
    AGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

use crate::semantics::cache_status::CACHE_STATUS;
use crate::semantics::storing::announced_length;
use crate::semantics::{conditions, etag, fields};

/// Tells whether a response can be asked about.
pub(crate) fn has_validator(headers: &HeaderMap) -> bool {
    headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED)
}

/// Makes a request ask whether the response with these headers still stands: rule 1.
pub(crate) fn ask(request: &mut HeaderMap, kept: &HeaderMap, own_tag: bool) -> bool {
    conditions::remove(request);
    let tag = kept.get(ETAG).filter(|_| !own_tag);
    let date = kept.get(LAST_MODIFIED);
    // A request that holds as many lines as it can asks without them.
    let mut asks = false;
    if let Some(tag) = tag {
        asks |= request.try_insert(IF_NONE_MATCH, tag.clone()).is_ok();
    }
    if let Some(date) = date {
        asks |= request.try_insert(IF_MODIFIED_SINCE, date.clone()).is_ok();
    }
    asks
}

/// Tells whether a 304 is about the kept response: rule 2.
pub(crate) fn is_about(kept: &HeaderMap, answer: &HeaderMap) -> bool {
    match (answer.get(ETAG), kept.get(ETAG)) {
        (Some(tag), Some(kept)) => etag::matches_as_given(tag, kept),
        (Some(_), None) => false,
        (None, _) => same_if_there(kept, answer, &LAST_MODIFIED),
    }
}

/// Tells whether a 200 to a HEAD is about the kept response: rule 4.
pub(crate) fn head_is_about(kept: &HeaderMap, length: u64, answer: &HeaderMap) -> bool {
    [ETAG, LAST_MODIFIED]
        .iter()
        .all(|name| same_if_there(kept, answer, name))
        && announced_length(answer).is_none_or(|announced| announced == length)
}

/// Returns the kept headers with those of an answer about them: rule 3.
pub(crate) fn updated(kept: &HeaderMap, answer: &HeaderMap) -> HeaderMap {
    let mut news = answer.clone();
    fields::remove_hop_by_hop(&mut news);
    for name in [
        CONTENT_LENGTH,
        CONTENT_ENCODING,
        CONTENT_RANGE,
        HeaderName::from_static("content-md5"),
        ETAG,
    ] {
        news.remove(name);
    }
    let mut updated = kept.clone();
    // What the kept one said of its age, and of caches, was about its own way here.
    updated.remove(AGE);
    updated.remove(CACHE_STATUS);
    for name in news.keys() {
        updated.remove(name);
    }
    updated.extend(news.clone());
    updated
}

fn same_if_there(kept: &HeaderMap, answer: &HeaderMap, name: &HeaderName) -> bool {
    answer.get(name).is_none() || answer.get(name) == kept.get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn it_is_asked_with_the_validators_its_origin_gave_it() {
        let kept = headers(&[("etag", "W/\"a\""), ("last-modified", "then")]);
        let mut request = headers(&[
            ("if-none-match", "\"client\""),
            ("if-range", "\"client\""),
            ("range", "bytes=0-1"),
            ("accept", "text/plain"),
        ]);
        assert!(ask(&mut request, &kept, false));
        let asked = headers(&[
            ("accept", "text/plain"),
            ("if-none-match", "W/\"a\""),
            ("if-modified-since", "then"),
        ]);
        assert_eq!(request, asked);
        let mut request = HeaderMap::new();
        assert!(!ask(&mut request, &headers(&[("etag", "\"ours\"")]), true));
        assert!(request.is_empty());
    }

    #[test]
    fn a_304_that_names_another_response_is_not_about_this_one() {
        let about = |kept: &[(&str, &str)], answer: &[(&str, &str)]| {
            is_about(&headers(kept), &headers(answer))
        };
        let (strong, weak) = ([("etag", "\"a\"")], [("etag", "W/\"a\"")]);
        assert!(about(&strong, &strong));
        assert!(about(&strong, &[]));
        assert!(about(&strong, &weak));
        assert!(!about(&weak, &strong));
        assert!(!about(&strong, &[("etag", "\"b\"")]));
        assert!(!about(&[("last-modified", "then")], &strong));
        let then = [("last-modified", "then")];
        assert!(about(&then, &then));
        assert!(!about(&then, &[("last-modified", "now")]));
    }

    #[test]
    fn an_answer_replaces_whole_fields_and_leaves_the_description_of_the_body() {
        let kept = headers(&[
            ("a", "1"),
            ("a", "2"),
            ("b", "3"),
            ("content-length", "5"),
            ("content-encoding", "gzip"),
            ("content-md5", "x"),
            ("etag", "\"a\""),
            ("age", "7"),
        ]);
        let answer = headers(&[
            ("a", "4"),
            ("c", "5"),
            ("c", "6"),
            ("content-length", "0"),
            ("content-encoding", "br"),
            ("content-md5", "y"),
            ("etag", "W/\"a\""),
            ("connection", "hop"),
            ("hop", "1"),
            ("transfer-encoding", "chunked"),
        ]);
        let expected = headers(&[
            ("b", "3"),
            ("content-length", "5"),
            ("content-encoding", "gzip"),
            ("content-md5", "x"),
            ("etag", "\"a\""),
            ("a", "4"),
            ("c", "5"),
            ("c", "6"),
        ]);
        assert_eq!(updated(&kept, &answer), expected);
    }

    #[test]
    fn a_head_is_about_what_has_its_validators_and_its_length() {
        let kept = headers(&[("etag", "\"a\""), ("last-modified", "then")]);
        let about = |answer: &[(&str, &str)]| head_is_about(&kept, 4, &headers(answer));
        assert!(about(&[]));
        assert!(about(&[("etag", "\"a\""), ("content-length", "4")]));
        assert!(!about(&[("etag", "\"b\"")]));
        assert!(!about(&[("last-modified", "now")]));
        assert!(!about(&[("content-length", "5")]));
    }
}
