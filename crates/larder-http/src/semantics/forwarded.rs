//! What a request says of the URL by which a proxy was asked for it.
//!
//! Frameworks build links and redirects of these fields, so an answer made for one of them is for
//! nobody else: each that is there is part of the key.
//!
//! 1. They count byte for byte, line for line. Behind a proxy that sets them they are the same for all.
//! 2. Of `Forwarded` (RFC 7239) only `host` and `proto` count; `for` tells clients apart.
//! 3. `X-Forwarded-For` and what else names a client is left to `Vary` and to the route.

use std::borrow::Cow;

use http::HeaderMap;

const NAMES: [&str; 15] = [
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-uri",
    "x-host",
    "x-http-host-override",
    "x-original-host",
    "x-original-url",
    "x-rewrite-url",
];

/// Tells whether a field is one of them.
pub(crate) fn is_one(name: &str) -> bool {
    (name.starts_with("x-") || name == "forwarded") && NAMES.contains(&name)
}

/// Returns the names of those that are there, with what counts of each line.
pub(crate) fn all(headers: &HeaderMap) -> impl Iterator<Item = (&'static str, Cow<'_, [u8]>)> {
    NAMES.iter().flat_map(move |name| {
        let lines = headers.get_all(*name).iter();
        lines.map(move |line| (*name, counting(name, line.as_bytes())))
    })
}

/// Rule 2.
fn counting<'a>(name: &str, line: &'a [u8]) -> Cow<'a, [u8]> {
    if name != "forwarded" {
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
            (
                "forwarded",
                "for=1.2.3.4;host=a.org, proto=https; FOR=x;Host=b",
            ),
            ("x-forwarded-host", "a.org"),
            ("x-forwarded-host", "b.org"),
            ("x-forwarded-for", "1.2.3.4"),
        ] {
            assert_eq!(is_one(name), name != "x-forwarded-for");
            headers.append(name, value.parse().unwrap());
        }
        let all: Vec<_> = all(&headers)
            .map(|(name, line)| (name, String::from_utf8(line.into_owned()).unwrap()))
            .collect();
        assert_eq!(
            all,
            [
                ("forwarded", "host=a.org;proto=https;Host=b".to_owned()),
                ("x-forwarded-host", "a.org".to_owned()),
                ("x-forwarded-host", "b.org".to_owned()),
            ]
        );
    }

    #[test]
    fn the_names_are_in_order() {
        assert!(NAMES.is_sorted());
    }
}
