//! Fields in general: lists, numbers, and which of them are for one connection only.
//!
//! 1. A list may be spread over lines (RFC 9110, 5.3); its members are split at commas outside of
//!    quoted strings, empty ones do not count (RFC 9110, 5.6.1).
//! 2. Seconds are digits only; more than 2^31 count as 2^31 (RFC 9111, 1.2.2).
//! 3. `Connection`, what it names, and fields known to belong to a connection are never kept and
//!    never updated (RFC 9111, 3.1; RFC 9110, 7.6.1), nor are those of one proxy (RFC 9111, 3.1).

use std::time::Duration;

use http::HeaderMap;
use http::header::{
    CONNECTION, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};

/// What is as good as for ever: 2^31 seconds (RFC 9111, 1.2.2).
const MAX_SECONDS: u64 = 1 << 31;

/// Reads seconds, digits only; `None` for anything else.
pub(crate) fn delta_seconds(value: &[u8]) -> Option<Duration> {
    if value.is_empty() {
        return None;
    }
    let mut seconds = 0_u64;
    for byte in value {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        seconds = (seconds * 10 + digit).min(MAX_SECONDS);
    }
    Some(Duration::from_secs(seconds))
}

/// Returns the members of a list of tokens, over all its lines; quoted strings are not looked for.
pub(crate) fn tokens<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// Tells whether a list of tokens has this one, in any case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
}

/// Returns the only line of a field; `None` if there is none, or more than one.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    lines.next().is_none().then_some(first)
}

/// Takes out the fields that are for one connection, or for the one client that wrote.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = tokens(headers, &CONNECTION)
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        headers.remove(name);
    }
    for name in [
        "keep-alive",
        "proxy-connection",
        "proxy-authentication-info",
        "larder-position",
    ] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_digits_only_and_bounded() {
        let read = |text: &str| delta_seconds(text.as_bytes()).map(|seconds| seconds.as_secs());
        assert_eq!(read("003600"), Some(3600));
        assert_eq!(read("99999999999999999999999"), Some(1 << 31));
        for text in ["", "-1", "1.5", "x", "1 0", "0x10", "'7'", " 7", "7a"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_connection_names_goes_with_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, x-hop"),
            ("connection", "x-other ,"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "1"),
            ("x-end", "1"),
        ] {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-end"]);
    }
}
