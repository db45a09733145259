//! What a proxy says of the request it was asked: its URL above all.
//!
//! Frameworks build links and redirects of these fields, some handlers know users by them, so an answer
//! made for one of them is for nobody else: each that is there is part of the key.
//!
//! 1. They count byte for byte, line for line, whichever order their fields have. Behind a proxy that
//!    sets them they are the same for all.
//! 2. They are `X-Forwarded-*`, `X-Original-*`, `X-Envoy-Original-*` and some others by name, but not
//!    `X-Forwarded-For`: what only names a client is left to `Vary` and to the route.
//! 3. Of `Forwarded` (RFC 7239) only `host` and `proto` count, for the same reason; all of it if anything
//!    in it is quoted.

use std::borrow::Cow;

use http::HeaderMap;

const NAMES: [&str; 7] = [
    "forwarded",
    "front-end-https",
    "x-host",
    "x-http-host-override",
    "x-rewrite-url",
    "x-script-name",
    "x-url-scheme",
];
const BEGINNINGS: [&str; 3] = ["x-forwarded-", "x-original-", "x-envoy-original-"];

/// Tells whether a field is one of them.
pub(crate) fn is_one(name: &str) -> bool {
    let begins = name.starts_with("x-") || name.starts_with("fo") || name.starts_with("fr");
    begins && name != "x-forwarded-for" && is_named(name)
}

fn is_named(name: &str) -> bool {
    NAMES.contains(&name)
        || BEGINNINGS
            .iter()
            .any(|beginning| name.starts_with(beginning))
}

/// Returns those that are there, by their names, with what counts of each line.
pub(crate) fn all(headers: &HeaderMap) -> Vec<(&str, Cow<'_, [u8]>)> {
    let mut all: Vec<_> = headers
        .iter()
        .filter(|(name, _)| is_one(name.as_str()))
        .map(|(name, line)| (name.as_str(), counting(name.as_str(), line.as_bytes())))
        .collect();
    // Stable: lines of one field stay in their order.
    all.sort_by_key(|(name, _)| *name);
    all
}

/// Rule 3.
fn counting<'a>(name: &str, line: &'a [u8]) -> Cow<'a, [u8]> {
    if name != "forwarded" || line.contains(&b'"') {
        return Cow::Borrowed(line);
    }
    let is_target = |pair: &&[u8]| {
        let key = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        let key = key.trim_ascii();
        key.eq_ignore_ascii_case(b"host") || key.eq_ignore_ascii_case(b"proto")
    };
    let pairs: Vec<_> = line
        .split(|byte| b";,".contains(byte))
        .filter(is_target)
        .map(<[u8]>::trim_ascii)
        .collect();
    Cow::Owned(pairs.join(&b';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_the_url_counts_and_what_names_the_client_does_not() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-forwarded-host", "b.org"),
            (
                "forwarded",
                "for=1.2.3.4;host=a.org, proto=https; FOR=x;Host=b",
            ),
            ("x-forwarded-host", "a.org"),
            ("x-forwarded-for", "1.2.3.4"),
            ("forwarded", "host=\"a;b\""),
        ] {
            assert_eq!(is_one(name), name != "x-forwarded-for");
            headers.append(name, value.parse().unwrap());
        }
        let all: Vec<_> = all(&headers)
            .into_iter()
            .map(|(name, line)| (name, String::from_utf8(line.into_owned()).unwrap()))
            .collect();
        assert_eq!(
            all,
            [
                ("forwarded", "host=a.org;proto=https;Host=b".to_owned()),
                ("forwarded", "host=\"a;b\"".to_owned()),
                ("x-forwarded-host", "b.org".to_owned()),
                ("x-forwarded-host", "a.org".to_owned()),
            ]
        );
    }

    #[test]
    fn fields_of_proxies_are_known_by_their_beginnings() {
        for name in [
            "x-forwarded-access-token",
            "x-original-uri",
            "x-envoy-original-path",
            "front-end-https",
        ] {
            assert!(is_one(name), "{name}");
        }
        for name in ["x-request-id", "x-forwarded", "host", "from"] {
            assert!(!is_one(name), "{name}");
        }
    }
}
