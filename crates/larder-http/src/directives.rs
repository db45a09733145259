//! Reads `Cache-Control` of a response.
//!
//! 1. Names are compared in any case; several lines are one list (RFC 9111, 5.2; RFC 9110, 5.3).
//! 2. A value may be a token or a quoted string (RFC 9111, 5.2); what stands inside quotes is
//!    never a directive. A quote that does not end makes the field unreadable.
//! 3. Seconds are digits only; more than 2^31 count as 2^31 (RFC 9111, 1.2.2). Anything else is a
//!    freshness of zero, as is a directive without its seconds (RFC 9111, 4.2.1: treat as stale).
//! 4. Of a directive given twice the shorter one counts (RFC 9111, 4.2.1 allows the first or stale).
//! 5. `private` and `no-cache` count whole, also with field names (RFC 9111, 5.2.2.4 allows it).
//! 6. An unknown directive is ignored (RFC 9111, 5.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::CACHE_CONTROL;

use crate::verdict::Skip;

/// What is as good as for ever: 2^31 seconds (RFC 9111, 1.2.2).
const MAX_SECONDS: u64 = 1 << 31;

/// The directives of a response that decide here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheControl {
    /// The first directive that keeps the response out, or that the field cannot be read.
    pub(crate) refusal: Option<Skip>,
    /// `must-revalidate` or `proxy-revalidate`: never served stale.
    pub(crate) revalidate: bool,
    pub(crate) max_age: Option<Duration>,
    pub(crate) s_maxage: Option<Duration>,
}

impl CacheControl {
    /// Reads all lines of the field.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut this = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            let mut rest = line.as_bytes();
            while !rest.is_empty() {
                let (directive, tail) = split_list(rest);
                let Some(directive) = directive else {
                    this.refusal = Some(Skip::Malformed);
                    return this;
                };
                this.add(directive);
                rest = tail;
            }
        }
        this
    }

    /// Returns the freshness a shared cache goes by (RFC 9111, 4.2.1).
    pub(crate) fn freshness(&self) -> Option<Duration> {
        self.s_maxage.or(self.max_age)
    }

    fn add(&mut self, directive: &[u8]) {
        let (name, value) = match directive.iter().position(|byte| *byte == b'=') {
            Some(at) => (&directive[..at], Some(directive[at + 1..].trim_ascii())),
            None => (directive, None),
        };
        let name = name.trim_ascii();
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("no-store") {
            self.refusal.get_or_insert(Skip::NoStore);
        } else if is("no-cache") {
            self.refusal.get_or_insert(Skip::NoCache);
        } else if is("private") {
            self.refusal.get_or_insert(Skip::Private);
        } else if is("must-revalidate") || is("proxy-revalidate") {
            self.revalidate = true;
        } else if is("max-age") {
            self.max_age = Some(shorter(self.max_age, value));
        } else if is("s-maxage") {
            self.s_maxage = Some(shorter(self.s_maxage, value));
        }
    }
}

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

fn shorter(known: Option<Duration>, value: Option<&[u8]>) -> Duration {
    let value = value
        .map(unquoted)
        .and_then(delta_seconds)
        .unwrap_or_default();
    known.map_or(value, |known| known.min(value))
}

fn unquoted(value: &[u8]) -> &[u8] {
    value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""))
        .unwrap_or(value)
}

/// Splits the first member off a list; `None` if a quoted string in it has no end.
fn split_list(list: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in list.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return (Some(&list[..at]), &list[at + 1..]),
            _ => {}
        }
    }
    ((!quoted).then_some(list), &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(lines: &[&str]) -> CacheControl {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, line.parse().unwrap());
        }
        CacheControl::of(&headers)
    }

    #[test]
    fn s_maxage_stands_over_max_age() {
        assert_eq!(
            read(&["max-age=10, s-maxage=20"]).freshness(),
            Some(Duration::from_secs(20))
        );
        assert_eq!(
            read(&["max-age=10"]).freshness(),
            Some(Duration::from_secs(10))
        );
        assert_eq!(read(&["public"]).freshness(), None);
    }

    #[test]
    fn several_lines_in_any_case_are_one_list() {
        let read = read(&["Max-AGE=5", " NO-Store ,, private"]);
        assert_eq!(read.refusal, Some(Skip::NoStore));
        assert_eq!(read.max_age, Some(Duration::from_secs(5)));
    }

    #[test]
    fn what_stands_in_quotes_is_no_directive() {
        let quoted = read(&[r#"ext="no-store, max-age=9, \", private", max-age="7""#]);
        assert_eq!(
            quoted,
            CacheControl {
                max_age: Some(Duration::from_secs(7)),
                ..CacheControl::default()
            }
        );
        assert_eq!(
            read(&[r#"private, ext="a, no-store"#]).refusal,
            Some(Skip::Malformed)
        );
    }

    #[test]
    fn seconds_that_are_none_count_as_stale() {
        for value in ["", "-1", "1.5", "x", "1 0", "0x10", "'7'"] {
            assert_eq!(
                read(&[&format!("max-age={value}")]).max_age,
                Some(Duration::from_secs(0)),
                "{value}"
            );
        }
        assert_eq!(read(&["max-age"]).max_age, Some(Duration::from_secs(0)));
        assert_eq!(
            read(&["max-age=99999999999999999999999"]).max_age,
            Some(Duration::from_secs(1 << 31))
        );
        assert_eq!(
            read(&["max-age=100, max-age=5"]).max_age,
            Some(Duration::from_secs(5))
        );
    }

    #[test]
    fn field_names_do_not_weaken_a_directive() {
        assert_eq!(
            read(&[r#"private="set-cookie""#]).refusal,
            Some(Skip::Private)
        );
        assert_eq!(read(&["no-cache=x"]).refusal, Some(Skip::NoCache));
        assert_eq!(read(&["xno-store, no-store-x"]), CacheControl::default());
    }

    proptest! {
        #[test]
        fn any_field_is_read_without_a_panic(line in r"[ -~\t]{0,40}") {
            read(&[&line]);
        }
    }
}
