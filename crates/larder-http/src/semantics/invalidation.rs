//! What a request that is not safe makes invalid (RFC 9111, 4.4).
//!
//! 1. A method that is not known to be safe (RFC 9110, 9.2.1) counts as unsafe.
//! 2. Only an answer that is no error counts: 2xx or 3xx.
//! 3. Invalid is all that is kept for the target, for whomever and by whatever it was chosen, and for
//!    `Location` and `Content-Location` of the same origin.
//! 4. References are resolved against the target (RFC 3986, 5); what cannot be read names nothing.

use http::header::{CONTENT_LOCATION, HeaderMap, HeaderValue, LOCATION};
use http::{Method, StatusCode};

/// Tells whether a method may change something: rule 1.
pub(crate) fn is_unsafe(method: &Method) -> bool {
    !matches!(
        method.as_str(),
        "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PRI" | "PROPFIND" | "QUERY" | "REPORT" | "SEARCH"
    )
}

/// Tells whether an answer says that something may have changed: rule 2.
pub(crate) fn changes(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection()
}

/// Returns the paths and queries that are invalid now: rule 3, the target itself first.
pub(crate) fn targets(host: &str, target: &str, answer: &HeaderMap) -> Vec<String> {
    let mut targets = vec![target.to_owned()];
    for name in [LOCATION, CONTENT_LOCATION] {
        for reference in answer.get_all(name) {
            if let Some(other) = resolve(host, target, reference)
                && !targets.contains(&other)
            {
                targets.push(other);
            }
        }
    }
    targets
}

/// Returns path and query a reference means, if it is of the same origin: rule 4.
pub(crate) fn resolve(host: &str, target: &str, reference: &HeaderValue) -> Option<String> {
    let reference = reference.to_str().ok()?.trim();
    let reference = reference
        .split_once('#')
        .map_or(reference, |(whole, _)| whole);
    let (base, query) = target.split_once('?').map_or((target, ""), |parts| parts);
    let local = match absolute(reference) {
        Some((authority, rest)) => {
            authority.eq_ignore_ascii_case(host).then_some(())?;
            rest
        }
        None if has_scheme(reference) => return None,
        None => reference,
    };
    let (path, own_query) = match local.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (local, None),
    };
    let (path, query) = if path.is_empty() && local.len() == reference.len() {
        // An empty path is the target's own; so is its query, unless there is another.
        (
            base.to_owned(),
            own_query.or(Some(query).filter(|_| target.contains('?'))),
        )
    } else if path.is_empty() {
        ("/".to_owned(), own_query)
    } else if path.starts_with('/') {
        (without_dots(path), own_query)
    } else {
        let folder = base.rfind('/').map_or("/", |at| &base[..=at]);
        (without_dots(&format!("{folder}{path}")), own_query)
    };
    Some(query.map_or_else(|| path.clone(), |query| format!("{path}?{query}")))
}

/// Splits an absolute reference, or one with an authority: authority, and the rest.
fn absolute(reference: &str) -> Option<(&str, &str)> {
    let rest = ["http:", "https:"]
        .iter()
        .find_map(|scheme| {
            let (start, rest) = reference.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        })
        .unwrap_or(reference)
        .strip_prefix("//")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Some(rest.split_at(end))
}

/// Tells whether a reference begins with a scheme, which is then none of ours.
fn has_scheme(reference: &str) -> bool {
    reference
        .split(['/', '?'])
        .next()
        .is_some_and(|first| first.contains(':'))
}

/// RFC 3986, 5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let last = segments.len().saturating_sub(1);
    for (at, segment) in segments.into_iter().enumerate() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if at == last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(reference: &str) -> Option<String> {
        resolve("a.org:80", "/b/c/d?q", &reference.parse().unwrap())
    }

    /// The references of RFC 3986, 5.4, as far as they stay here.
    #[test]
    fn references_are_resolved_as_the_rfc_shows() {
        for (reference, target) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d?q"),
            ("g#s", "/b/c/g"),
            ("", "/b/c/d?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            ("..g", "/b/c/..g"),
            ("./g/.", "/b/c/g/"),
            ("g/../h", "/b/c/h"),
            ("http://A.org:80/x?y", "/x?y"),
            ("HTTPS://a.org:80", "/"),
            ("//a.org:80/x", "/x"),
            ("//a.org:80?x", "/?x"),
        ] {
            assert_eq!(of(reference).as_deref(), Some(target), "{reference}");
        }
    }

    #[test]
    fn other_origins_name_nothing() {
        for reference in [
            "http://b.org/x",
            "http://a.org/x",
            "//b.org/x",
            "mailto:a@b",
            "ftp://a.org:80/x",
        ] {
            assert_eq!(of(reference), None, "{reference}");
        }
    }

    #[test]
    fn what_is_not_known_to_be_safe_is_not() {
        let is = |name: &str| is_unsafe(&name.parse().unwrap());
        assert!(
            ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "get"]
                .into_iter()
                .all(is)
        );
        assert!(
            !["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"]
                .into_iter()
                .any(is)
        );
        let changes = |code| changes(StatusCode::from_u16(code).unwrap());
        assert_eq!([200, 204, 303].map(changes), [true; 3]);
        assert_eq!([404, 500].map(changes), [false; 2]);
    }

    #[test]
    fn each_target_is_named_once() {
        let mut answer = HeaderMap::new();
        answer.append(LOCATION, "/x".parse().unwrap());
        answer.append(CONTENT_LOCATION, "/x".parse().unwrap());
        answer.append(CONTENT_LOCATION, "".parse().unwrap());
        assert_eq!(targets("a", "/y", &answer), ["/y", "/x"]);
    }

    proptest! {
        #[test]
        fn any_reference_is_read_without_a_panic(reference in r"[ -~]{0,30}", base in r"/[ -~]{0,10}") {
            if let Some(target) = resolve("a", &base, &reference.parse().unwrap()) {
                prop_assert!(target.starts_with('/'), "{}", target);
            }
        }
    }
}
