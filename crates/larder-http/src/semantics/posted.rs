//! May the answer to a POST serve whoever reads its target next?
//!
//! It may if and only if
//!
//! 1. it is a 200, which is what a GET would be answered with (RFC 9110, 9.3.3, 15.3.1),
//! 2. it says itself how long it is fresh, and still is (9.3.3; RFC 9111, 4.2.1): neither the route nor a
//!    guess says it,
//! 3. its one `Content-Location` is the target of the request (9.3.3; 8.7): it is what is there now,
//! 4. the answer to a GET could be kept that is like it ([`storing`](crate::semantics::storing)).
//!
//! Rule 4 is for who keeps it.

use http::header::{CONTENT_LOCATION, HeaderValue};
use http::response::Parts;
use http::{StatusCode, Uri};

use crate::semantics::freshness::{self, Arrival};
use crate::semantics::storing::Terms;
use crate::semantics::{directives, invalidation, targeted};

/// Tells whether the answer to a POST to `uri` on `host` may be kept for others: rules 1 to 3.
pub(crate) fn serves_others(
    answer: &Parts,
    host: &str,
    uri: &Uri,
    arrival: Arrival,
    terms: &Terms,
) -> bool {
    answer.status == StatusCode::OK
        && is_fresh(answer, arrival, terms)
        && is_at_its_target(answer, host, uri)
}

/// Rule 2.
fn is_fresh(answer: &Parts, arrival: Arrival, terms: &Terms) -> bool {
    let headers = &answer.headers;
    let targeted = targeted::directives(headers, &terms.targets);
    let is_targeted = targeted.is_some();
    let directives = targeted.unwrap_or_else(|| directives::CacheControl::of(headers));
    freshness::explicit(headers, &directives, terms.shared, is_targeted, arrival)
        .is_some_and(|fresh_for| freshness::age(headers, arrival) < fresh_for)
}

/// Rule 3.
fn is_at_its_target(answer: &Parts, host: &str, uri: &Uri) -> bool {
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let mut locations = answer.headers.get_all(CONTENT_LOCATION).iter();
    match (locations.next(), locations.next()) {
        (Some(location), None) => {
            has_scheme_of(location, uri)
                && invalidation::resolve(host, target, location).as_deref() == Some(target)
        }
        _ => false,
    }
}

/// Tells whether a reference names the scheme of the target, if it names one and that is known.
fn has_scheme_of(reference: &HeaderValue, uri: &Uri) -> bool {
    let reference = reference.to_str().unwrap_or_default();
    match (reference.split_once("://"), uri.scheme_str()) {
        (Some((scheme, _)), Some(known)) if !scheme.contains(['/', '?']) => {
            scheme.eq_ignore_ascii_case(known)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpPolicy;
    use http::Response;
    use std::time::Duration;

    fn verdict(uri: &str, status: u16, headers: &[(&str, &str)]) -> bool {
        let response = headers.iter().fold(
            Response::builder().status(status),
            |response, (name, value)| response.header(*name, *value),
        );
        let (head, ()) = response.body(()).unwrap().into_parts();
        let arrival = Arrival {
            at: 784_111_777,
            delay: Duration::ZERO,
        };
        let terms = HttpPolicy::rfc().check().unwrap().terms;
        serves_others(&head, "a.org", &uri.parse().unwrap(), arrival, &terms)
    }

    #[test]
    fn an_answer_that_is_what_is_at_its_target_now_serves_others() {
        for location in [
            "/b?q",
            "",
            "b?q",
            "//A.org/b?q",
            "http://a.org/b?q",
            "https://a.org/b?q#f",
        ] {
            let fresh = ("cache-control", "max-age=60");
            assert!(
                verdict("/b?q", 200, &[fresh, ("content-location", location)]),
                "{location}"
            );
        }
        let expires = [
            ("content-location", "/b"),
            ("expires", "Sun, 06 Nov 1994 08:50:37 GMT"),
        ];
        assert!(verdict("/b", 200, &expires));
        let targeted = [
            ("content-location", "/b"),
            ("cache-control", "max-age=0"),
            ("cdn-cache-control", "max-age=60"),
        ];
        assert!(verdict("/b", 200, &targeted));
    }

    #[test]
    fn any_other_does_not() {
        let fresh = ("cache-control", "max-age=60");
        let here = ("content-location", "/b");
        let modified = ("last-modified", "Sun, 06 Nov 1990 08:49:37 GMT");
        for (status, headers) in [
            (200, &[fresh][..]),
            (200, &[here]),
            (200, &[here, modified]),
            (200, &[here, ("cache-control", "public"), modified]),
            (200, &[here, ("cache-control", "max-age=0")]),
            (200, &[here, fresh, ("age", "60")]),
            (201, &[here, fresh]),
            (204, &[here, fresh]),
            (303, &[here, fresh]),
            (200, &[here, here, fresh]),
            (200, &[fresh, ("content-location", "/B")]),
            (200, &[fresh, ("content-location", "/b?")]),
            (200, &[fresh, ("content-location", "/b/")]),
            (200, &[fresh, ("content-location", "//b.org/b")]),
            (200, &[fresh, ("content-location", "ftp://a.org/b")]),
        ] {
            assert!(!verdict("/b", status, headers), "{status} {headers:?}");
        }
        let other = [fresh, ("content-location", "https://a.org/b")];
        assert!(!verdict("http://a.org/b", 200, &other));
    }
}
